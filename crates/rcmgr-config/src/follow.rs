//! Memory that follows the machine: a node is given a part of what is free, and the part changes
//! as the machine fills and empties.
//!
//! Nothing here reads a clock or a file: who runs it samples the machine ([`AvailableMemory`]) from
//! time to time and puts limits for the new size in force.
//!
//! [`AvailableMemory`]: crate::machine::AvailableMemory

use core::time::Duration;

use crate::Ratio;

/// How the memory that a node is given follows the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Follow {
    /// The part of what is free or held by the node itself that the node is given.
    pub part: Ratio,
    /// The node is given so many bytes at least, even if the machine has fewer.
    pub least: u64,
    /// The node is given so many bytes at most. Not below `least`, and not 0.
    pub most: u64,
    /// The time between two samples: [`Follow::SHORTEST`] to [`Follow::LONGEST`].
    pub every: Duration,
    /// A change by no more than this part of what is given does not count. Not above
    /// [`Follow::COARSEST`].
    pub hysteresis: Ratio,
}

/// What cannot be followed. Whoever reports it says where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFollow {
    /// The bounds contradict each other.
    #[error("the least is {least} bytes, which is more than the most, {most}; exchange them")]
    LeastAboveMost {
        /// The lower bound.
        least: u64,
        /// The upper bound.
        most: u64,
    },
    /// The node would never be given anything.
    #[error("the most is 0 bytes, so the node would never be given any; write more, such as 1GiB")]
    MostIsZero,
    /// Samples too close together or too far apart.
    #[error("{0:?} between samples is not from 100ms to 1h; write a few seconds, such as 5s")]
    Interval(Duration),
    /// Hardly anything would ever count as a change.
    #[error("a hysteresis of {0} is above 0.5: hardly any change would count; write 0.1, say")]
    Hysteresis(Ratio),
}

impl Follow {
    /// A good time between two samples: 5 seconds.
    pub const EVERY: Duration = Duration::from_secs(5);
    /// A good hysteresis: a tenth.
    pub const HYSTERESIS: Ratio = Ratio::one_of(10);
    /// Sampling reads some files of the kernel, which should not become what the node is busy with.
    pub const SHORTEST: Duration = Duration::from_millis(100);
    /// What is sampled more seldom than once in an hour follows nothing.
    pub const LONGEST: Duration = Duration::from_secs(3600);
    /// The greatest hysteresis: a half.
    pub const COARSEST: Ratio = Ratio::one_of(2);

    /// Whether it can be followed.
    ///
    /// # Errors
    /// The first field that contradicts what is said of it.
    pub fn check(&self) -> Result<(), InvalidFollow> {
        let Follow { part: _, least, most, every, hysteresis } = *self;
        if most == 0 {
            Err(InvalidFollow::MostIsZero)
        } else if least > most {
            Err(InvalidFollow::LeastAboveMost { least, most })
        } else if !(Follow::SHORTEST..=Follow::LONGEST).contains(&every) {
            Err(InvalidFollow::Interval(every))
        } else if hysteresis > Follow::COARSEST {
            Err(InvalidFollow::Hysteresis(hysteresis))
        } else {
            Ok(())
        }
    }

    /// What a node is given of a machine on which so many bytes are free or held by the node.
    fn of(&self, whole: u64) -> u64 {
        self.part.of(whole).min(whole).clamp(self.least, self.most)
    }

    /// Whether it is worth to replace what is in force. The bounds are: else a node would stay
    /// beside them for as long as the machine stays full, or empty.
    fn replaces(&self, new: u64, in_force: u64) -> bool {
        let at_bound = new == self.least || new == self.most;
        let differs = new.abs_diff(in_force);
        differs > if at_bound { 0 } else { self.hysteresis.of(in_force) }
    }
}

/// Decides from samples of a machine what a node is given of it.
///
/// A sample asks for the part of what is free *and of what the node holds itself*; without the
/// latter, a node would lower its own limit by using it. What is put in force is the lesser of
/// what the last two samples ask for. So it shrinks with the first sample that asks for less: too
/// high a limit may get the node killed, and one that is too low for some seconds only refuses
/// some of what comes. It grows when two samples in succession ask for more, and then to what both
/// grant: memory that is free for a moment is not promised to anybody.
///
/// What the node holds is what its system scope holds. Of that, memory that is reserved and not
/// touched yet is also free and counts twice, so the part should leave some room.
///
/// When the machine cannot be sampled, leave the sample out: what is in force stays so.
///
/// ```
/// use rcmgr_config::{Follow, Follower, Ratio};
///
/// const GIB: u64 = 1 << 30;
/// let follow = Follow {
///     part: Ratio::one_of(2),
///     least: GIB,
///     most: 8 * GIB,
///     every: Follow::EVERY,
///     hysteresis: Follow::HYSTERESIS,
/// };
/// let mut follower = Follower::new(follow)?;
/// assert_eq!(follower.sample(6 * GIB, 0), Some(3 * GIB));
/// // The node holds a GiB by now: nothing has changed.
/// assert_eq!(follower.sample(5 * GIB, GIB), None);
/// // Others have taken 4 GiB, and more; then they give all back.
/// assert_eq!(follower.sample(2 * GIB, GIB), Some(3 * GIB / 2));
/// assert_eq!(follower.sample(0, GIB), Some(GIB));
/// assert_eq!(follower.sample(5 * GIB, GIB), None);
/// assert_eq!(follower.sample(5 * GIB, GIB), Some(3 * GIB));
/// # Ok::<(), rcmgr_config::InvalidFollow>(())
/// ```
#[derive(Clone, Debug)]
pub struct Follower {
    follow: Follow,
    last: Option<Sampled>,
}

/// What is known after a sample.
#[derive(Clone, Copy, Debug)]
struct Sampled {
    /// What the sample asked for.
    asked: u64,
    in_force: u64,
}

impl Follower {
    /// Before the first sample.
    ///
    /// # Errors
    /// Those of [`Follow::check`].
    pub fn new(follow: Follow) -> Result<Follower, InvalidFollow> {
        follow.check()?;
        Ok(Follower { follow, last: None })
    }

    /// How the machine is followed.
    pub fn follow(&self) -> &Follow {
        &self.follow
    }

    /// What the node is given, in bytes: what [`Follower::sample`] returned last; none before the
    /// first sample.
    pub fn in_force(&self) -> Option<u64> {
        self.last.map(|last| last.in_force)
    }

    /// Takes notice of a machine on which so many bytes are free, and so many held by the node of
    /// what it is given. Returns how many bytes the node is given from now on, if that changes; the
    /// first sample always changes it.
    ///
    /// It is always within the bounds. It differs from what was in force by more than the
    /// hysteresis, or is a bound. After two equal samples it stays for as long as they stay equal.
    /// Free and held together count as 2^64-1 bytes at most.
    pub fn sample(&mut self, free: u64, held: u64) -> Option<u64> {
        let asked = self.follow.of(free.saturating_add(held));
        let granted = self.last.map_or(asked, |last| asked.min(last.asked));
        let kept = self.in_force().filter(|in_force| !self.follow.replaces(granted, *in_force));
        self.last = Some(Sampled { asked, in_force: kept.unwrap_or(granted) });
        kept.is_none().then_some(granted)
    }
}

#[cfg(test)]
mod tests;
