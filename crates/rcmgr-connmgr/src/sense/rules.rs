//! How the environment is sensed.

use std::num::NonZeroU64;
use std::time::Duration;

use super::{DialRules, LevelRules, Pressure, StallRules};

/// How the environment is sensed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenseRules {
    /// When levels begin and end.
    pub levels: LevelRules,
    /// What stalls mean.
    pub stalls: StallRules,
    /// What failed dials mean.
    pub dials: DialRules,
    /// How many bytes the process may take; none: only control groups bound it, or, without a limit
    /// of theirs, the machine.
    pub memory_budget: Option<NonZeroU64>,
    /// How often the descriptors that are really open are counted; 10 s. Not zero.
    pub open_every: Duration,
    /// For how long an error that no descriptor is left is a signal; 10 s.
    pub exhausted_for: Duration,
    /// For how long a limit of memory that was reached is a signal; 10 s.
    pub reached_for: Duration,
    /// For how long a reading is fresh; 20 s. Longer than `open_every`.
    pub fresh_for: Duration,
    /// After how long a reading means nothing any more; 10 min. Longer than `fresh_for`.
    pub forget_after: Duration,
}

impl Default for SenseRules {
    fn default() -> SenseRules {
        SenseRules {
            levels: LevelRules::default(),
            stalls: StallRules::default(),
            dials: DialRules::default(),
            memory_budget: None,
            open_every: Duration::from_secs(10),
            exhausted_for: Duration::from_secs(10),
            reached_for: Duration::from_secs(10),
            fresh_for: Duration::from_secs(20),
            forget_after: Duration::from_secs(600),
        }
    }
}

impl SenseRules {
    /// Whether they make sense.
    ///
    /// # Errors
    /// The first field that contradicts what is said of it.
    pub fn check(&self) -> Result<(), InvalidSense> {
        self.levels.check()?;
        self.stalls.check()?;
        self.dials.check()?;
        if self.open_every.is_zero() {
            return Err(InvalidSense::NoPeriod("the time between counts of open descriptors"));
        }
        for (what, longer, shorter) in [
            ("the time for which readings are fresh", self.fresh_for, self.open_every),
            ("the time after which readings are forgotten", self.forget_after, self.fresh_for),
        ] {
            if longer <= shorter {
                return Err(InvalidSense::NotLonger { what, longer, shorter });
            }
        }
        Ok(())
    }
}

/// Rules of sensing that contradict themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSense {
    /// A level would begin where a lower one does, or before.
    #[error("{higher} is not above {lower}, where a lower level begins; raise it")]
    NotIncreasing {
        /// Where the lower one begins.
        lower: Pressure,
        /// Where the higher one should begin later.
        higher: Pressure,
    },
    /// It would never be normal again.
    #[error("a margin of {margin} is not below {elevated}, where the first level begins; lower it")]
    Margin {
        /// The margin.
        margin: Pressure,
        /// Where the first level above normal begins.
        elevated: Pressure,
    },
    /// A part that would always be reached, or a part above all.
    #[error("{0} is 0; give a part above it")]
    NoPart(&'static str),
    /// A period that never passes.
    #[error("{0} is zero; give it a length, such as 10 s")]
    NoPeriod(&'static str),
    /// A time that has to be longer than another.
    #[error("{what}, {longer:?}, is not above {shorter:?}; raise it")]
    NotLonger {
        /// The time.
        what: &'static str,
        /// How long it is.
        longer: Duration,
        /// What it has to be longer than.
        shorter: Duration,
    },
    /// A share that does not shrink, or is gone at once.
    #[error("to shrink by {0} is not to shrink by a part above 0 and below 1; write 0.1000, say")]
    Shrink(Pressure),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_make_sense() {
        assert_eq!(SenseRules::default().check(), Ok(()));
    }

    #[test]
    fn rules_that_contradict_themselves_are_told() {
        let rules = SenseRules::default();
        let levels = |levels| SenseRules { levels, ..rules };
        let default = LevelRules::default();
        let ten = Duration::from_secs(10);
        for (bad, text) in [
            (
                levels(LevelRules { elevated: Pressure::NONE, ..default }),
                "0.0000 is not above 0.0000, where a lower level begins; raise it",
            ),
            (
                levels(LevelRules { high: Pressure::FULL, ..default }),
                "0.9500 is not above 1.0000, where a lower level begins; raise it",
            ),
            (
                levels(LevelRules { margin: Pressure::percent(70), ..default }),
                "a margin of 0.7000 is not below 0.7000, where the first level begins; lower it",
            ),
            (
                SenseRules { open_every: Duration::ZERO, ..rules },
                "the time between counts of open descriptors is zero; give it a length, such as 10 s",
            ),
            (
                SenseRules { fresh_for: ten, ..rules },
                "the time for which readings are fresh, 10s, is not above 10s; raise it",
            ),
            (
                SenseRules { forget_after: ten, ..rules },
                "the time after which readings are forgotten, 10s, is not above 20s; raise it",
            ),
            (
                SenseRules {
                    stalls: StallRules { window: Duration::ZERO, ..rules.stalls },
                    ..rules
                },
                "the window of stalls is zero; give it a length, such as 10 s",
            ),
            (
                SenseRules {
                    stalls: StallRules { some_high: Pressure::percent(3), ..rules.stalls },
                    ..rules
                },
                "0.0300 is not above 0.0350, where a lower level begins; raise it",
            ),
            (
                SenseRules { stalls: StallRules { full: Pressure::NONE, ..rules.stalls }, ..rules },
                "the part of time with full stalls is 0; give a part above it",
            ),
            (
                SenseRules { dials: DialRules { high: Pressure::NONE, ..rules.dials }, ..rules },
                "the part of failed dials is 0; give a part above it",
            ),
        ] {
            assert_eq!(bad.check().map_err(|error| error.to_string()), Err(text.to_owned()));
        }
    }
}
