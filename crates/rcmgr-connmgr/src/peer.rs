//! Who is at the other end, and through which connection.

use std::{fmt, sync::Arc};

use crate::error::EmptyPeer;

/// The identifier of a peer: bytes that say nothing here. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Peer(Arc<[u8]>);

impl Peer {
    /// A peer by the bytes of its identifier.
    ///
    /// # Errors
    /// There are none.
    pub fn new(id: &[u8]) -> Result<Peer, EmptyPeer> {
        if id.is_empty() { Err(EmptyPeer) } else { Ok(Peer(id.into())) }
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Peer({})", self.0.escape_ascii())
    }
}

/// A connection, by a number that the caller gives to no other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// Which side opened a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The other side.
    Inbound,
    /// This side.
    Outbound,
}
