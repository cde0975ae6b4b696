//! What a manager tells: decisions, and what it knows.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::{
    ConnectionId, Direction, Peer,
    trim::{Idle, Row},
};

/// A decision: this connection has to go. Close it, and say so by
/// [`Manager::connection_closed`](crate::Manager::connection_closed); until then it counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// Whose it is.
    pub peer: Peer,
    /// Which one.
    pub connection: ConnectionId,
}

impl Close {
    /// The code that tells the other side why (go: `ConnGarbageCollected`).
    pub const CODE: u32 = 0x1005;
}

/// What asked for a trim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The caller (go: `TrimOpenConns`).
    Open,
    /// The caller, for whom room matters more than who is protected (go: `ForceTrim`).
    Forced,
    /// The silence period passed, with connections at the high mark.
    Background,
}

/// What a trim decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrimReport {
    /// What asked for it.
    pub kind: Kind,
    /// When it was made.
    pub at: Duration,
    /// Why nothing is closed, where that was clear from the numbers.
    pub idle: Option<Idle>,
    /// What to close, the least worth first.
    pub close: Vec<Close>,
    /// Peers without a connection whose tags were dropped, in the order of the trim.
    pub dropped: Vec<Peer>,
}

impl TrimReport {
    /// One that closes nothing so far.
    pub(crate) fn new(kind: Kind, at: Duration) -> TrimReport {
        TrimReport { kind, at, idle: None, close: Vec::new(), dropped: Vec::new() }
    }
}

/// What [`Manager::poll`](crate::Manager::poll) did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Decaying tags were looked at.
    Decayed,
    /// The silence period passed.
    Looked {
        /// The trim, where there are connections enough for one.
        trim: Option<TrimReport>,
        /// Peers without a connection whose tags were kept for long enough. No protected ones.
        expired: Vec<Peer>,
    },
}

/// A peer that a trim may take, with what it is compared by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ranked {
    /// The peer.
    pub peer: Peer,
    /// What it is compared by.
    pub row: Row,
}

/// A connection of a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionInfo {
    /// Which one.
    pub id: ConnectionId,
    /// Who opened it.
    pub direction: Direction,
    /// Where it leads. go-libp2p tells connections apart by this alone, and shows one of several.
    pub address: Arc<str>,
    /// Its open streams.
    pub streams: u32,
    /// When it was opened.
    pub opened: Duration,
}

/// What is known of a peer (go: `TagInfo`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagInfo {
    /// The sum of all tags, saturating.
    pub value: i64,
    /// Its plain tags.
    pub tags: BTreeMap<Box<str>, i64>,
    /// Its decaying tags. One may have the name of a plain one: both count. go-libp2p then shows
    /// only this one.
    pub decaying: BTreeMap<Box<str>, i64>,
    /// Its connections, in the order they were opened; none: only tags are kept, for a while.
    pub connections: Vec<ConnectionInfo>,
    /// When its first connection was opened, or, before that, its first tag was set.
    pub first_seen: Duration,
}

/// The state of a manager (go: `CMInfo`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Info {
    /// The low mark.
    pub low: u64,
    /// The high mark.
    pub high: u64,
    /// The grace period.
    pub grace: Duration,
    /// The silence period. go-libp2p does not tell it.
    pub silence: Duration,
    /// When the last trim was made, of whatever kind.
    pub last_trim: Option<Duration>,
    /// How many connections are open.
    pub connections: u64,
}
