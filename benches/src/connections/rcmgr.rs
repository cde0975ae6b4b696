//! The connection manager of rcmgr.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rcmgr_connmgr::{ConnectionId, Direction, Manager, Peer, Settings, Watermarks};

use super::{Manages, THREADS};
use crate::keys;

/// Its manager, and the peers that there are.
#[derive(Debug)]
pub struct Rcmgr {
    /// The manager.
    pub manager: Manager,
    /// Who connects.
    pub peers: Vec<Peer>,
    /// From where. Each thread has one at hand, as it has that of a new connection.
    addresses: Vec<Arc<str>>,
    start: Instant,
}

impl Rcmgr {
    /// A manager without connections, for so many peers.
    pub fn new(peers: usize, low: u64, high: u64) -> Rcmgr {
        let marks = Watermarks::new(low, high).expect("they do not cross");
        let settings = Settings { marks, grace: Duration::ZERO, ..Settings::default() };
        let peer = |number: usize| Peer::new(&keys::peer(number as u64)).expect("it is not empty");
        let address = |number| {
            let id = "12D3KooWPjceQrSwdWXPyLLeABRXmuqt69Rg3sBYbU1Nft9HyQ6X";
            Arc::from(format!("/ip4/{}/udp/4001/quic-v1/p2p/{id}", keys::address(number)))
        };
        Rcmgr {
            manager: Manager::new(settings).expect("the settings make sense"),
            peers: (0..peers).map(peer).collect(),
            addresses: (0..THREADS as u32).map(address).collect(),
            start: Instant::now(),
        }
    }
}

impl Manages for Rcmgr {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    fn opened(&self, now: Duration, peer: usize, connection: u64) {
        let peer = &self.peers[peer];
        let address = Arc::clone(&self.addresses[connection as usize % THREADS]);
        let id = ConnectionId(connection);
        let opened = self.manager.connection_opened(now, peer, id, Direction::Inbound, address, 1);
        opened.expect("there is room");
    }

    fn tag(&self, now: Duration, peer: usize, tag: &str, value: i64) {
        let set = self.manager.tag(now, &self.peers[peer], tag, value);
        set.expect("there is room");
    }

    fn untag(&self, peer: usize, tag: &str) {
        self.manager.untag(&self.peers[peer], tag);
    }

    fn closed(&self, peer: usize, connection: u64) {
        self.manager.connection_closed(&self.peers[peer], ConnectionId(connection));
    }
}
