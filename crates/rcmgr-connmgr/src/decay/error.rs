//! Why a decaying tag is not registered, or does not change.

use crate::{Full, TooLong};

/// A decaying tag that is not registered.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// The name belongs to one that is not closed.
    #[error("a decaying tag {0:?} is registered; close it first, or take another name")]
    Exists(Box<str>),
    /// A coefficient that makes no decay.
    #[error("the coefficient {0} of a linear decay is no number from 0 on")]
    Coefficient(f64),
    /// A step that makes a score grow.
    #[error("the step {0} of a fixed decay is negative")]
    Step(i64),
    /// Bounds that nothing is within.
    #[error("the least value {min} of a bounded bump is above its greatest {max}")]
    Bounds {
        /// The least value.
        min: i64,
        /// The greatest value.
        max: i64,
    },
    /// Its name is too long.
    #[error(transparent)]
    Name(#[from] TooLong),
    /// There are too many.
    #[error(transparent)]
    Full(#[from] Full),
}

/// A decaying tag that does not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BumpError {
    /// It was closed.
    #[error("the decaying tag is closed; register it again")]
    Closed,
    /// The manager was closed: nothing decays any more. go-libp2p takes such a bump and loses it.
    #[error("the connection manager is closed")]
    ManagerClosed,
    /// There is no room for one more peer.
    #[error(transparent)]
    Full(#[from] Full),
}
