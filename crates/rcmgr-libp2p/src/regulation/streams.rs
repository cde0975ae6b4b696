//! What the muxer of a connection tells of its streams.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
};

use rcmgr_connmgr::{ConnectionId, StreamId};
use rcmgr_core::Direction;

use super::ConnectionManager;
use crate::asked::{Asking, Note};

/// The streams of one connection, as the manager of connections is told of them.
#[derive(Debug)]
pub struct Streams {
    manager: ConnectionManager,
    connection: ConnectionId,
    /// Relaxed: each number is given once, and says nothing of other memory.
    next: AtomicU64,
    /// Whether a muxer tells of them. Relaxed: the handler that reads it is polled by the task that
    /// polls the muxer.
    taken: AtomicBool,
}

impl Streams {
    pub(super) fn new(manager: ConnectionManager, connection: ConnectionId) -> Streams {
        Streams { manager, connection, next: AtomicU64::new(0), taken: AtomicBool::new(false) }
    }

    /// A muxer tells from now on.
    pub(crate) fn take(&self) {
        self.taken.store(true, Relaxed);
    }

    /// There is one more.
    pub(crate) fn opened(self: &Arc<Self>, direction: Direction) -> Stream {
        let id = StreamId(self.next.fetch_add(1, Relaxed));
        self.manager.regulator().stream_opened(self.manager.now(), self.connection, id, direction);
        Stream { of: self.clone(), id }
    }
}

impl Note for Streams {
    const ASKING: Asking = Asking::Streams;

    fn is_answered(&self) -> bool {
        self.taken.load(Relaxed)
    }
}

/// One stream; the manager is told when it is dropped.
#[derive(Debug)]
pub(crate) struct Stream {
    of: Arc<Streams>,
    id: StreamId,
}

impl Stream {
    /// Its protocol is known.
    pub(crate) fn agreed(&self, protocol: &str) {
        let Streams { manager, connection, .. } = &*self.of;
        manager.regulator().stream_protocol(manager.now(), *connection, self.id, protocol);
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let Streams { manager, connection, .. } = &*self.of;
        manager.regulator().stream_closed(manager.now(), *connection, self.id);
    }
}
