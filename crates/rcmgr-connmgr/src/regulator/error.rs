//! Why a regulator is not made, or does not do as asked.

use std::time::Duration;

use crate::{
    SettingsError, ShareError,
    burst::{BurstDenied, EnlistError},
    lock::LockDenied,
    quota::NotEnrolled,
    sense::InvalidSense,
    trigger::RuleError,
};

/// Settings that contradict themselves or the limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegulatorError {
    /// Those of tags, or a period.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Those of the share.
    #[error(transparent)]
    Share(#[from] ShareError),
    /// When rounds are made.
    #[error(transparent)]
    Rules(#[from] RuleError),
    /// How the environment is sensed.
    #[error(transparent)]
    Sense(#[from] InvalidSense),
}

/// Why a connection is not locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// The protocol was released.
    #[error(transparent)]
    NotEnrolled(#[from] NotEnrolled),
    /// It is closed, or a budget is spent.
    #[error(transparent)]
    Denied(#[from] LockDenied),
}

/// Why a burst is not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BeginError {
    /// The protocol was released.
    #[error(transparent)]
    NotEnrolled(#[from] NotEnrolled),
    /// There is no room, or it asks for too much.
    #[error(transparent)]
    Denied(#[from] BurstDenied),
}

/// Why a stream does not take part in a burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BurstError {
    /// The stream or its connection is closed.
    #[error("the stream is not open, or its connection had too many to know it; open another")]
    NoStream,
    /// The burst does not take it.
    #[error(transparent)]
    Refused(#[from] EnlistError),
}

/// Why nobody goes for a newcomer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoRoom {
    /// All others are worth as much, or more, or are kept for another reason.
    #[error("no connection that may go is worth less; give the peer a tag if it matters more")]
    NobodyWorthLess,
    /// Connections were refused so often of late that it was not looked.
    #[error("room was asked for too often; ask again at {0:?}")]
    TooOften(Duration),
}
