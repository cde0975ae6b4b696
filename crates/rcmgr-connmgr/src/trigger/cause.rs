//! What asks for a round.

use std::fmt;

/// What asks for a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// There are more connections than the share.
    Connections,
    /// They come faster than they used to.
    Spike,
    /// Dials fail for reasons of this node.
    Dials,
    /// Descriptors run short.
    Descriptors,
    /// Memory runs short.
    Memory,
    /// Tasks stand still for want of memory.
    Stalls,
    /// A protocol has far more than its maximum.
    Quota,
    /// A connection was refused for want of room.
    Denied,
    /// It was time to look.
    Periodic,
    /// Somebody asked.
    Manual,
}

impl Cause {
    /// All of them.
    pub const ALL: [Cause; 10] = [
        Cause::Connections,
        Cause::Spike,
        Cause::Dials,
        Cause::Descriptors,
        Cause::Memory,
        Cause::Stalls,
        Cause::Quota,
        Cause::Denied,
        Cause::Periodic,
        Cause::Manual,
    ];

    /// Whether a round may leave more connections for their being of use: neither the machine nor
    /// anybody asks for fewer.
    pub(crate) const fn stretches(self) -> bool {
        match self {
            Cause::Connections | Cause::Spike | Cause::Quota | Cause::Denied | Cause::Periodic => {
                true
            }
            Cause::Dials | Cause::Descriptors | Cause::Memory | Cause::Stalls | Cause::Manual => {
                false
            }
        }
    }

    /// A stable name, for metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Cause::Connections => "connections",
            Cause::Spike => "spike",
            Cause::Dials => "dials",
            Cause::Descriptors => "descriptors",
            Cause::Memory => "memory",
            Cause::Stalls => "stalls",
            Cause::Quota => "quota",
            Cause::Denied => "denied",
            Cause::Periodic => "periodic",
            Cause::Manual => "manual",
        }
    }
}

/// A set of causes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Causes(u16);

impl Causes {
    /// None of them.
    pub const NONE: Causes = Causes(0);

    /// The same with one more.
    #[must_use]
    pub const fn with(self, cause: Cause) -> Causes {
        Causes(self.0 | 1 << cause as u16)
    }

    /// Whether it is one of them.
    pub const fn contains(self, cause: Cause) -> bool {
        self.0 & 1 << cause as u16 != 0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those in the set, in the order of [`Cause::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Cause> {
        Cause::ALL.into_iter().filter(move |cause| self.contains(*cause))
    }
}

impl FromIterator<Cause> for Causes {
    fn from_iter<I: IntoIterator<Item = Cause>>(causes: I) -> Causes {
        causes.into_iter().fold(Causes::NONE, Causes::with)
    }
}

impl fmt::Debug for Causes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_a_set() {
        let causes: Causes = [Cause::Manual, Cause::Spike, Cause::Manual].into_iter().collect();
        assert!(causes.iter().eq([Cause::Spike, Cause::Manual]));
        assert!(causes.contains(Cause::Manual) && !causes.contains(Cause::Quota));
        assert!(Causes::NONE.is_empty() && !causes.is_empty());
        assert!(Cause::ALL.into_iter().collect::<Causes>().iter().eq(Cause::ALL));
    }
}
