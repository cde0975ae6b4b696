//! What connections are worth: the scores of their streams and the tags of their peers, weighed.
//!
//! [`Scorers`] ask the [`Scorer`](crate::Scorer) of each protocol, and take no harm where it panics
//! or hangs; a [`CachedScore`] is what it last said of a stream. [`Voices`] make one tally of the
//! [`Vote`]s of a connection's streams. In a node
//! [`Regulator::set_scorer`](crate::Regulator::set_scorer) is enough.

mod cached;
mod scorers;
pub(crate) mod tally;

pub use crate::scorer::ScorerEnd;
pub use cached::CachedScore;
pub use scorers::{ScorerAnswer, ScorerCounts, ScorerRefused, ScorerSettings, Scorers};
pub use tally::{TallyPart, Voice, Voices, Vote};
