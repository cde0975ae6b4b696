//! Bursts: a protocol uses many connections for a while, and needs them no longer.
//!
//! [`Bursts`] knows which they are, so that what a burst leaves behind goes first when room is
//! short. Begin one with a [`BurstSpec`]. [`Regulator::begin_burst`](crate::Regulator::begin_burst)
//! does it in a node.

mod bursts;

pub use bursts::{BurstSettings, Bursts};

use std::time::Duration;

use crate::{ConnectionId, quota::Slot};

/// A burst, by a number that no other one has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BurstId(pub(crate) u64);

/// What a protocol asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BurstSpec {
    /// How many connections it wants to use at a time.
    pub connections: u32,
    /// How long the burst takes; it ends by itself then. 60 s is usual, and
    /// [120 s](BurstSpec::MOST_TTL) the most.
    pub ttl: Duration,
}

impl BurstSpec {
    /// The longest that a burst takes.
    pub const MOST_TTL: Duration = Duration::from_secs(120);

    /// A burst of that many connections and the usual length.
    pub const fn new(connections: u32) -> BurstSpec {
        BurstSpec { connections, ttl: Duration::from_secs(60) }
    }
}

/// How much room there is for bursts when one is begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BurstRoom {
    /// The soft share of connections.
    pub share: u32,
    /// How many connections are open.
    pub live: u32,
}

/// A burst that was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a burst that is not ended stays open for its whole time"]
pub struct Burst {
    /// Which one.
    pub id: BurstId,
    /// How many connections it may use at a time: as many as were asked for, or as there is room
    /// for.
    pub allowance: u32,
    /// When it ends by itself.
    pub until: Duration,
}

/// A burst that is over. Its connections count for its protocol as any other from here on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedBurst {
    /// Which one.
    pub id: BurstId,
    /// The protocol that began it.
    pub slot: Slot,
    /// Its connections that are open and were not promoted, ascending.
    pub connections: Vec<ConnectionId>,
}

/// Why a burst is not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BurstDenied {
    /// It asks for nothing.
    #[error("a burst of no connections or no length; ask for at least one, and for some time")]
    Nothing,
    /// It would take too long.
    #[error("a burst of {asked:?} is longer than {most:?}; ask for less, and for another after it")]
    TooLong {
        /// The length that was asked for.
        asked: Duration,
        /// The longest.
        most: Duration,
    },
    /// There are too many.
    #[error("{most} bursts are open; end one, or begin this one later")]
    TooMany {
        /// How many may be open at a time.
        most: usize,
    },
    /// There is no room for a single connection more.
    #[error(
        "no room for a burst: {live} connections are open, open bursts may use {promised}, of a \
         share of {share}; begin it later"
    )]
    NoRoom {
        /// The soft share.
        share: u32,
        /// How many connections are open.
        live: u32,
        /// The allowances of the bursts that are open.
        promised: u32,
    },
}

/// Why a stream is not enlisted. Its connection counts for the protocol as any other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnlistError {
    /// The burst is over.
    #[error("the burst is over; begin another")]
    Over,
    /// The stream is in a burst that is open.
    #[error("the stream is enlisted already; a stream is in one burst at a time")]
    Enlisted,
    /// The burst uses as many connections as it may.
    #[error("the burst uses {most} connections and may use no more; close one, or promote one")]
    Allowance {
        /// How many it may use at a time.
        most: u32,
    },
    /// Too much is enlisted in all bursts together.
    #[error("{most} streams and connections of bursts are kept; raise the bound, or end bursts")]
    Full {
        /// How many are kept at most.
        most: usize,
    },
}
