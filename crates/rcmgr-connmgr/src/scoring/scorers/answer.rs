//! What comes of asking a scorer.

use std::{sync::Arc, time::Duration};

use crate::{ConnectionId, Score, StreamId, StreamView, quota::Slot, scoring::ScorerEnd};

/// Why a scorer is not asked. The streams keep the scores they have for as long as those
/// [count](crate::scoring::CachedScore::MOST_AGE).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScorerRefused {
    /// The protocol has none.
    #[error("the protocol has no scorer; set one, or its streams are indifferent")]
    NoScorer,
    /// It was asked and did not answer yet.
    #[error("the scorer was asked already; ask again after its answer")]
    Asked,
    /// It took too long or panicked too often.
    #[error("the scorer was slow or panicked; it is asked again from {until:?} on")]
    Resting {
        /// When it may be asked again.
        until: Duration,
    },
    /// It did not come back from a stream. It may be asked again some time after it does.
    #[error("the scorer hangs; mend it, and set it again")]
    Hangs,
    /// These are too many streams at once.
    #[error("a scorer is asked about {most} streams at a time at most; ask about fewer")]
    TooMany {
        /// How many it may be.
        most: usize,
    },
    /// Scorers hang on as many threads as there may be, or the system gives none.
    #[error("no thread is left for scorers: others hang, or the system gives none; mend those")]
    NoThread,
}

/// How often a scorer was called, and what went wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScorerCounts {
    /// Scores that it made, panics included.
    pub scores: u64,
    /// How often it panicked.
    pub panics: u64,
    /// Batches that it did not finish, for lack of time or for panics.
    pub overruns: u64,
    /// How often it hung.
    pub hangs: u64,
}

/// What a scorer made of the streams that it was asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScorerAnswer {
    /// The protocol.
    pub slot: Slot,
    /// When it was asked: the time of its scores.
    pub at: Duration,
    /// Why it was asked no further.
    pub end: ScorerEnd,
    pub(super) views: Arc<[StreamView]>,
    /// Those of the first views; never more than there are.
    pub(super) scores: Vec<Score>,
}

impl ScorerAnswer {
    /// The scores of the first streams, in the order they were asked about; to be
    /// [recorded](crate::scoring::CachedScore::record) where the stream still is.
    pub fn scores(&self) -> impl Iterator<Item = (ConnectionId, StreamId, Score)> {
        let pairs = self.views.iter().zip(&self.scores);
        pairs.map(|(view, score)| (view.connection, view.stream, *score))
    }

    /// How many streams have no score; ask about these sooner than about others.
    pub fn unscored(&self) -> usize {
        self.views.len() - self.scores.len()
    }
}
