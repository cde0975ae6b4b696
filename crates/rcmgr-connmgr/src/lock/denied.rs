//! Why a connection is not locked, a lock not renewed, a connection not pruned.

use std::time::Duration;

use super::request::LockPriority;
use super::word::{Stop, Word};

/// Why a connection is not locked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LockDenied {
    /// It is closed, or about to be.
    #[error("the connection is closed or about to be; lock another one")]
    Closing,
    /// Its locks are being revoked.
    #[error("locks of this connection are being revoked; lock another one, or this one later")]
    Yielding,
    /// The protocol has no lock left.
    #[error(
        "the protocol may hold {limit} locks at a time and does; release one, or enroll with a greater minimum"
    )]
    ProtocolBudget {
        /// The locks it may hold.
        limit: u32,
    },
    /// Too many connections are locked.
    #[error("{limit} connections may be locked at a time and are; try again later")]
    GlobalBudget {
        /// The connections that may be.
        limit: u32,
    },
    /// Too many connections of this peer are locked.
    #[error("{limit} connections of a peer may be locked at a time and are; use one of these")]
    PeerBudget {
        /// The connections of one peer that may be.
        limit: u32,
    },
    /// Room is so short that only locks that matter more are granted.
    #[error("room is short: locks below priority {least} are not granted; try again later")]
    Pressure {
        /// The least priority that is.
        least: LockPriority,
    },
    /// The connection has as many locks as can be counted.
    #[error(
        "the connection has {} locks, and no more can be counted; release one",
        Word::MOST_LOCKS
    )]
    Full,
}

impl From<Stop> for LockDenied {
    fn from(stop: Stop) -> LockDenied {
        match stop {
            Stop::Yielding => LockDenied::Yielding,
            Stop::Full => LockDenied::Full,
            Stop::Gone | Stop::Closing | Stop::Locked(_) | Stop::Same => LockDenied::Closing,
        }
    }
}

/// Why a lock is not renewed. It holds until it would have ended anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RenewDenied {
    /// It has ended.
    #[error("the lock has ended; lock the connection anew")]
    Over,
    /// It is being revoked.
    #[error("the lock is being revoked and holds until {until:?}; drop it when you are ready")]
    Revoking {
        /// Until when it holds.
        until: Duration,
    },
    /// Not even what is locked would be granted now.
    #[error(transparent)]
    Denied(#[from] LockDenied),
}

/// Why a connection is not pruned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Kept {
    /// It has so many locks.
    #[error("the connection has {0} locks; revoke them")]
    Locked(u16),
    /// Somebody else closes it.
    #[error("the connection is being closed")]
    Closing,
    /// It is closed.
    #[error("the connection is closed")]
    Gone,
}
