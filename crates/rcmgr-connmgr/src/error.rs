//! What can be refused, and why.

use std::time::Duration;

/// Settings that contradict themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The low mark is above the high one.
    #[error(
        "the low mark {low} is above the high mark {high}; lower it, or set one to 0 for no trims"
    )]
    Watermarks {
        /// The low mark.
        low: u64,
        /// The high mark.
        high: u64,
    },
    /// A period that never passes.
    #[error("{0} is zero; give it a length, such as 10 s")]
    NoPeriod(&'static str),
}

/// Something that is not kept, since enough of its kind is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{most} {what} are kept already; raise the bound, or let some go")]
pub struct Full {
    /// What there is too much of.
    pub what: &'static str,
    /// How many are kept at most.
    pub most: usize,
}

/// A text that is not kept, since it is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{what} has {length} bytes, and no more than {most} are kept; shorten it, or raise the bound"
)]
pub struct TooLong {
    /// What is too long.
    pub what: &'static str,
    /// How many bytes it has.
    pub length: usize,
    /// How many it may have.
    pub most: usize,
}

/// A tag or a protection that is not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TagError {
    /// Its name is too long.
    #[error(transparent)]
    Name(#[from] TooLong),
    /// There are too many.
    #[error(transparent)]
    Full(#[from] Full),
}

/// A connection that is not taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It is open already. Nothing changed.
    #[error("the connection is open already; each has an identifier of its own")]
    AlreadyOpen,
    /// Its address is too long.
    #[error(transparent)]
    Address(#[from] TooLong),
    /// There are too many.
    #[error(transparent)]
    Full(#[from] Full),
}

/// A peer without an identifier. go-libp2p panics on some of its operations with one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the identifier of a peer is empty")]
pub struct EmptyPeer;

/// A high mark that the hard limit does not leave room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the high mark {high} is above the limit of {limit} connections; lower the mark")]
pub struct AboveLimit {
    /// The high mark.
    pub high: u64,
    /// The hard limit.
    pub limit: u64,
}

/// Checks that something which comes back again and again has a length.
pub(crate) fn period(what: &'static str, length: Duration) -> Result<(), SettingsError> {
    if length.is_zero() { Err(SettingsError::NoPeriod(what)) } else { Ok(()) }
}
