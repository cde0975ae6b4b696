//! What the engine takes to open and close connections, streams and spans. There is nothing to
//! compare it with: no floor does as much.

use rcmgr_core::{ConnectionRequest, Error, PeerScope, Priority, ResourceManager, StreamScope};

use crate::BYTES;
use crate::engine::Engine;
use crate::stream::Room;

/// A node that knows its peer, protocol and service already.
#[derive(Debug)]
pub struct Node {
    manager: ResourceManager,
    /// A stream that is there all the time.
    stream: StreamScope,
    /// So that the peer is never collected.
    _peer: PeerScope,
}

impl Node {
    /// A node with room for everything.
    ///
    /// # Errors
    /// None, as long as the limits are ample.
    pub fn new() -> Result<Self, Error> {
        let manager = Engine::manager(Room::Ample);
        let stream = Engine::stream(&manager)?;
        let peer = manager.peer(b"peer");
        Ok(Node { manager, stream, _peer: peer })
    }

    /// Opens a stream, sets its protocol and its service, closes it.
    ///
    /// # Errors
    /// The refusal of some scope.
    pub fn stream(&self) -> Result<(), Error> {
        Engine::stream(&self.manager).map(drop)
    }

    /// Opens a connection, sets its peer, closes it.
    ///
    /// # Errors
    /// The refusal of some scope.
    pub fn connection(&self) -> Result<(), Error> {
        let request = ConnectionRequest::inbound().with_file_descriptor();
        self.manager.open_connection(request)?.set_peer(b"peer")
    }

    /// Begins a span of the stream, reserves memory in it, ends it.
    ///
    /// # Errors
    /// The refusal of some scope.
    pub fn span(&self) -> Result<(), Error> {
        let span = self.stream.begin_span()?;
        let reservation = span.reserve_memory(BYTES, Priority::HIGH)?;
        drop(reservation);
        Ok(())
    }
}
