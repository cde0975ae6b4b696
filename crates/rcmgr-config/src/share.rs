//! What a node is given of its machine.

use crate::Ratio;

/// How much of something a node is given.
///
/// ```
/// use rcmgr_config::Share;
///
/// let machine = || Ok::<u64, ()>(16 << 30);
/// assert_eq!(Share::MEMORY.of(machine), Ok(2 << 30));
/// assert_eq!(Share::Exactly(1 << 30).of(machine), Ok(1 << 30));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// A part of what the machine has.
    Part(Ratio),
    /// So much, whatever the machine has.
    Exactly(u64),
}

impl Share {
    /// What a node is given of the machine's memory by default: an eighth, as in go-libp2p.
    pub const MEMORY: Share = Share::Part(Ratio::one_of(8));
    /// What a node is given of the descriptors by default: half, as in go-libp2p.
    pub const DESCRIPTORS: Share = Share::Part(Ratio::one_of(2));

    /// Which part of the whole it is, if it is one.
    pub const fn part(self) -> Option<Ratio> {
        match self {
            Share::Part(part) => Some(part),
            Share::Exactly(_) => None,
        }
    }

    /// How much that is; the machine is only asked if it matters, and no part is more than the
    /// whole.
    ///
    /// # Errors
    /// Those of the machine.
    pub fn of<E>(self, machine: impl FnOnce() -> Result<u64, E>) -> Result<u64, E> {
        match self {
            Share::Part(ratio) => machine().map(|whole| ratio.of(whole).min(whole)),
            Share::Exactly(amount) => Ok(amount),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_never_more_than_the_whole() {
        let whole = Share::Part(Ratio::WHOLE);
        for machine in [0, 1, (1 << 53) + 3, u64::MAX - 1, u64::MAX] {
            assert!(whole.of(|| Ok::<_, ()>(machine)) <= Ok(machine));
        }
        assert_eq!(Share::DESCRIPTORS.of(|| Ok::<_, ()>(1025)), Ok(512));
        assert_eq!(Share::MEMORY.of(|| Err("it has none")), Err("it has none"));
        assert_eq!(Share::Exactly(7).of(|| Err("it has none")), Ok(7));
    }
}
