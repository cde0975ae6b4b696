//! How much time and how many threads scorers get.

use std::{num::NonZeroUsize, time::Duration};

/// How [`Scorers`](crate::scoring::Scorers) treat those that are slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScorerSettings {
    /// How long a scorer may take for a batch; 5 ms. It is looked at after each stream.
    pub budget: Duration,
    /// How long a scorer may take for one stream before it counts as hanging; 1 s. Not zero. It is
    /// the time that [polls](crate::scoring::Scorers::poll) are told: where that jumps ahead, a
    /// scorer that is just running rests for nothing, and no harm is done.
    pub hang: Duration,
    /// How many streams a scorer is asked about at a time; 1024.
    pub batch: NonZeroUsize,
    /// How many threads there may be, each but one with a scorer that hangs; 4. When all hang,
    /// nothing is scored until one is back.
    pub threads: NonZeroUsize,
}

impl Default for ScorerSettings {
    fn default() -> ScorerSettings {
        ScorerSettings {
            budget: Duration::from_millis(5),
            hang: Duration::from_secs(1),
            batch: const { NonZeroUsize::new(1024).expect("not zero") },
            threads: const { NonZeroUsize::new(4).expect("not zero") },
        }
    }
}
