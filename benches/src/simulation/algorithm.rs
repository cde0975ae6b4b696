//! What a world tells of its connections, and what it asks of whoever manages them.

use std::{net::IpAddr, time::Duration};

use rcmgr_connmgr::{ConnectionId, Direction, Peer};

/// How many connections a node may have and is to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marks {
    /// At so many the engine refuses.
    pub hard: u32,
    /// Above so many somebody has to go.
    pub high: u32,
    /// A trim leaves so many.
    pub low: u32,
}

/// What is known of a connection when it is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Which one.
    pub id: ConnectionId,
    /// Whose.
    pub peer: Peer,
    /// Who opened it.
    pub direction: Direction,
    /// Where it leads.
    pub address: IpAddr,
    /// The time that a message takes there and back.
    pub round_trip: Duration,
}

/// By what peers exchange something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Protocol {
    /// A routing table.
    Kad,
    /// Messages of topics.
    Gossip,
    /// Blocks.
    Bitswap,
    /// Requests of an application.
    Requests,
    /// One that keeps whoever speaks it.
    Keeper,
}

impl Protocol {
    /// All of them.
    pub const ALL: [Protocol; 5] =
        [Protocol::Kad, Protocol::Gossip, Protocol::Bitswap, Protocol::Requests, Protocol::Keeper];

    /// Its name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Protocol::Kad => "/ipfs/kad/1.0.0",
            Protocol::Gossip => "/meshsub/1.1.0",
            Protocol::Bitswap => "/ipfs/bitswap/1.2.0",
            Protocol::Requests => "/example/requests/1",
            Protocol::Keeper => "/example/keeper/1",
        }
    }
}

/// Why an application tags or protects a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tag {
    /// It is in the routing table.
    Bucket,
    /// It is in the mesh of a topic.
    Mesh,
    /// Blocks go to and fro.
    Blocks,
}

impl Tag {
    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Tag::Bucket => "kbucket",
            Tag::Mesh => "pubsub:topic",
            Tag::Blocks => "bitswap",
        }
    }
}

/// What happens to a connection that is open. A connection has one stream of a protocol at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// It was opened.
    Opened,
    /// It is closed: by the other side, or by a decision.
    Closed,
    /// A stream was opened.
    StreamOpened(Protocol),
    /// A stream was closed.
    StreamClosed(Protocol),
    /// A protocol had use of it, as far as this node can tell.
    Used(Protocol),
    /// An application sets a tag of its peer.
    Tagged(Tag, i64),
    /// Its peer was the first to deliver a message.
    Delivered,
    /// An application protects its peer, until it is closed.
    Protected(Tag),
    /// An application will not have it closed while it is open, and does not ask what that costs.
    Kept(Protocol),
}

/// Decides which connections of a node are closed.
pub trait Algorithm {
    /// What happened. Never asks for anything.
    fn tell(&mut self, now: Duration, connection: &Connection, news: News);

    /// A connection was refused, the node being full: what to close for it, if anything.
    fn make_room(&mut self, now: Duration, newcomer: &Connection) -> Vec<ConnectionId> {
        let _ = (now, newcomer);
        Vec::new()
    }

    /// Asked each second: what to close. It is told when that is done.
    fn poll(&mut self, now: Duration) -> Vec<ConnectionId>;
}
