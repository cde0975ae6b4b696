//! The table of peers and their connections.

use std::{
    collections::{HashMap, hash_map},
    time::Duration,
};

use crate::{
    Bounds, ConnectionId, Full, OpenError, Peer,
    entry::{Connection, Entry},
};

/// All peers that have connections, or tags for the time being.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    entries: HashMap<Peer, Entry>,
    connections: usize,
    closing: usize,
    temporary: usize,
}

impl Peers {
    /// How many connections are open, those included that are to be closed.
    pub fn connections(&self) -> usize {
        self.connections
    }

    /// How many connections are open and stay so for all that is known.
    pub fn staying(&self) -> usize {
        self.connections - self.closing
    }

    pub fn get(&self, peer: &Peer) -> Option<&Entry> {
        self.entries.get(peer)
    }

    pub fn get_mut(&mut self, peer: &Peer) -> Option<&mut Entry> {
        self.entries.get_mut(peer)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Peer, &Entry)> {
        self.entries.iter()
    }

    pub fn entries_mut(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.entries.values_mut()
    }

    /// The entry of a peer; one that has no connection is made where there is none.
    pub fn entry(
        &mut self,
        peer: &Peer,
        now: Duration,
        bounds: &Bounds,
    ) -> Result<&mut Entry, Full> {
        let most = bounds.temporary_peers;
        match self.entries.entry(peer.clone()) {
            hash_map::Entry::Occupied(known) => Ok(known.into_mut()),
            hash_map::Entry::Vacant(_) if self.temporary >= most => {
                Err(Full { what: "peers without a connection", most })
            }
            hash_map::Entry::Vacant(new) => {
                self.temporary += 1;
                Ok(new.insert(Entry::new(now)))
            }
        }
    }

    pub fn open(
        &mut self,
        peer: &Peer,
        connection: Connection,
        bounds: &Bounds,
    ) -> Result<(), OpenError> {
        let now = connection.opened;
        if let Some(entry) = self.entries.get(peer)
            && entry.connections.iter().any(|known| known.id == connection.id)
        {
            return Err(OpenError::AlreadyOpen);
        }
        if self.connections >= bounds.connections {
            return Err(Full { what: "connections", most: bounds.connections }.into());
        }
        match self.entries.entry(peer.clone()) {
            hash_map::Entry::Occupied(known) => {
                let entry = known.into_mut();
                if entry.is_temporary() {
                    self.temporary -= 1;
                    entry.first_seen = now;
                }
                entry.connections.push(connection);
            }
            hash_map::Entry::Vacant(new) => {
                new.insert(Entry::new(now)).connections.push(connection)
            }
        }
        self.connections += 1;
        Ok(())
    }

    /// Whether it was open. The tags of a peer go with its last connection.
    pub fn close(&mut self, peer: &Peer, connection: ConnectionId) -> bool {
        let Some(entry) = self.entries.get_mut(peer) else { return false };
        let Some(at) = entry.connections.iter().position(|known| known.id == connection) else {
            return false;
        };
        if entry.connections.remove(at).closing {
            self.closing -= 1;
        }
        self.connections -= 1;
        if entry.connections.is_empty() {
            self.entries.remove(peer);
        }
        true
    }

    /// Marks the open connections of a peer, and hands them out.
    pub fn begin_close(&mut self, peer: &Peer, mut each: impl FnMut(ConnectionId)) {
        let Some(entry) = self.entries.get_mut(peer) else { return };
        for connection in entry.connections.iter_mut().filter(|known| !known.closing) {
            connection.closing = true;
            self.closing += 1;
            each(connection.id);
        }
    }

    /// Drops the tags of a peer that has no connection.
    pub fn drop_temporary(&mut self, peer: &Peer) {
        if self.entries.get(peer).is_some_and(Entry::is_temporary) {
            self.entries.remove(peer);
            self.temporary -= 1;
        }
    }

    /// Peers without a connection that were made at `before` or earlier, in order.
    pub fn temporary_since(&self, before: Duration) -> Vec<Peer> {
        let old = |entry: &Entry| entry.is_temporary() && entry.first_seen <= before;
        let mut old: Vec<Peer> =
            self.iter().filter(|(_, entry)| old(entry)).map(|(peer, _)| peer.clone()).collect();
        old.sort_unstable();
        old
    }
}
