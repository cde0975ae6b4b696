//! A part of the peers, their connections and protections: what is under one lock.

use std::{sync::Arc, time::Duration};

use hashbrown::{HashTable, hash_table};

use super::{
    entry::{Connection, Entry},
    names::Names,
    protection::Protections,
    room::{Bounded, Reserves, Rooms},
};
use crate::{
    Bounds, ConnectionId, ConnectionInfo, Full, OpenError, Peer, decay::DecayingValue, time::Time,
    trim::Row,
};

/// Peers by a keyed hash, which the caller has at hand.
///
/// What a connection that comes and goes needs lies together at the begin, as far as it can.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct Shard {
    entries: HashTable<Entry>,
    /// The last that was given to an entry or a connection.
    serial: u64,
    connections: usize,
    pub reserves: Reserves,
    names: Names,
    closing: usize,
    temporary: usize,
    pub protections: Protections,
}

/// What is copied of a peer to tell it.
#[derive(Debug)]
pub(crate) struct Copied {
    pub value: i64,
    pub tags: Vec<(Arc<str>, i64)>,
    pub decaying: Vec<(u64, i64)>,
    pub connections: Vec<ConnectionInfo>,
    pub first_seen: Time,
}

/// A decaying value of a peer, and where it was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fading {
    hash: u64,
    entry: u64,
    pub tag: u64,
    pub value: DecayingValue,
}

impl Shard {
    /// How many connections are open, those included that are to be closed.
    pub fn connections(&self) -> usize {
        self.connections
    }

    /// How many connections are open and stay so for all that is known.
    pub fn staying(&self) -> usize {
        self.connections - self.closing
    }

    /// How many peers there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The last serial number so far: what comes has a higher one.
    pub fn serial(&self) -> u64 {
        self.serial
    }

    pub fn get(&self, hash: u64, peer: &Peer) -> Option<&Entry> {
        self.entries.find(hash, |known| known.is_of(hash, peer))
    }

    #[inline]
    pub fn get_mut(&mut self, hash: u64, peer: &Peer) -> Option<(&mut Entry, &mut Names)> {
        let same = |known: &Entry| known.is_of(hash, peer);
        Some((self.entries.find_mut(hash, same)?, &mut self.names))
    }

    /// The peer that a row was made of, unless it was forgotten since.
    pub fn of_row(&self, row: &Row) -> Option<&Entry> {
        self.entries.find(row.tie, |known| known.serial == row.key)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Makes an entry, which has no connection, for a peer that has none yet.
    pub fn insert(
        &mut self,
        hash: u64,
        peer: &Peer,
        now: Time,
        rooms: &Rooms,
    ) -> Result<(&mut Entry, &mut Names), Full> {
        rooms.take(Bounded::Temporary, &mut self.reserves)?;
        self.temporary += 1;
        self.serial += 1;
        let entry = Entry::new(hash, peer, self.serial, now);
        let entry = self.entries.insert_unique(hash, entry, |known| known.hash).into_mut();
        Ok((entry, &mut self.names))
    }

    /// Counts a connection, which the caller is to put into the entry, with the serial number.
    #[inline]
    pub fn open(
        &mut self,
        hash: u64,
        peer: &Peer,
        id: ConnectionId,
        now: Time,
        bounds: &Bounds,
        rooms: &Rooms,
    ) -> Result<(&mut Entry, u64), OpenError> {
        let same = |known: &Entry| known.is_of(hash, peer);
        let entry = match self.entries.entry(hash, same, |known| known.hash) {
            hash_table::Entry::Occupied(known) => {
                let entry = known.into_mut();
                if entry.connections.iter().any(|known| known.id == id) {
                    return Err(OpenError::AlreadyOpen);
                }
                let most = bounds.connections_per_peer;
                if entry.connections.len() >= most {
                    return Err(Full { what: "connections of a peer", most }.into());
                }
                rooms.take(Bounded::Connections, &mut self.reserves)?;
                if entry.is_temporary() {
                    rooms.give(Bounded::Temporary, &mut self.reserves);
                    self.temporary -= 1;
                    entry.first_seen = now;
                }
                entry
            }
            hash_table::Entry::Vacant(new) => {
                rooms.take(Bounded::Connections, &mut self.reserves)?;
                self.serial += 1;
                new.insert(Entry::new(hash, peer, self.serial, now)).into_mut()
            }
        };
        self.serial += 1;
        self.connections += 1;
        Ok((entry, self.serial))
    }

    /// Whether it was open. The tags of a peer go with its last connection.
    #[inline]
    pub fn close(&mut self, hash: u64, peer: &Peer, id: ConnectionId, rooms: &Rooms) -> bool {
        let same = |known: &Entry| known.is_of(hash, peer);
        let Ok(mut known) = self.entries.find_entry(hash, same) else { return false };
        let entry = known.get_mut();
        let Some(at) = entry.connections.iter().position(|known| known.id == id) else {
            return false;
        };
        if entry.connections.remove(at).closing {
            self.closing -= 1;
        }
        self.connections -= 1;
        rooms.give(Bounded::Connections, &mut self.reserves);
        if entry.connections.is_empty() {
            known.remove();
        }
        true
    }

    /// The connection, to change what is told of it.
    pub fn connection(
        &mut self,
        hash: u64,
        peer: &Peer,
        id: ConnectionId,
    ) -> Option<&mut Connection> {
        let (entry, _) = self.get_mut(hash, peer)?;
        entry.connections.iter_mut().find(|known| known.id == id)
    }

    /// Marks the open connections of a row's peer that are not younger than `horizon`, and hands
    /// them out.
    pub fn begin_close(
        &mut self,
        row: &Row,
        horizon: u64,
        mut each: impl FnMut(&Peer, ConnectionId),
    ) {
        let Some(entry) = self.entries.find_mut(row.tie, |known| known.serial == row.key) else {
            return;
        };
        for connection in &mut entry.connections {
            if !connection.closing && connection.serial <= horizon {
                connection.closing = true;
                self.closing += 1;
                each(&entry.peer, connection.id);
            }
        }
    }

    /// Drops the tags of a row's peer, if it has no connection.
    pub fn drop_temporary(&mut self, row: &Row, rooms: &Rooms) -> Option<Entry> {
        let temporary = |known: &Entry| known.serial == row.key && known.is_temporary();
        let (entry, _) = self.entries.find_entry(row.tie, temporary).ok()?.remove();
        self.forget_temporary(rooms);
        Some(entry)
    }

    /// Gives back memory where there were far more peers, or other tags, than there are.
    pub fn shrink(&mut self) {
        if !self.names.are_few() {
            self.forget_names();
        }
        let len = self.entries.len();
        if self.entries.capacity() > 64.max(8 * len) {
            self.entries.shrink_to(2 * len, |known| known.hash);
        }
    }

    /// Drops peers without a connection that were made at `before` or earlier. Who is protected
    /// stays: no trim would take it either.
    pub fn expire(&mut self, before: Time, rooms: &Rooms) -> Vec<Entry> {
        if self.temporary == 0 {
            return Vec::new();
        }
        let protections = &self.protections;
        let old = |entry: &mut Entry| {
            entry.is_temporary()
                && entry.first_seen <= before
                && !protections.is_protected(entry.hash, &entry.peer)
        };
        let expired: Vec<Entry> = self.entries.extract_if(old).collect();
        expired.iter().for_each(|_| self.forget_temporary(rooms));
        expired
    }

    fn forget_temporary(&mut self, rooms: &Rooms) {
        self.temporary -= 1;
        rooms.give(Bounded::Temporary, &mut self.reserves);
    }

    /// Forgets names of tags that no peer has, if there may be many.
    #[inline]
    pub fn sweep_names(&mut self) {
        if self.names.is_sweep_due(self.entries.len()) {
            self.forget_names();
        }
    }

    #[cold]
    fn forget_names(&mut self) {
        let tags = self.entries.iter().flat_map(Entry::tags);
        self.names.sweep(tags.map(|(name, _)| *name));
    }

    pub fn tag(&self, hash: u64, peer: &Peer, (tag_hash, tag): (u64, &str)) -> Option<i64> {
        self.get(hash, peer)?.tag(self.names.find(tag_hash, tag)?)
    }

    #[inline]
    pub fn untag(&mut self, hash: u64, peer: &Peer, (tag_hash, tag): (u64, &str)) {
        if let Some(name) = self.names.find(tag_hash, tag)
            && let Some((entry, _)) = self.get_mut(hash, peer)
        {
            entry.remove_tag(name);
        }
    }

    /// Protects a peer, unless by this tag it is.
    pub fn protect(
        &mut self,
        hash: u64,
        peer: &Peer,
        tag: &str,
        rooms: &Rooms,
    ) -> Result<(), Full> {
        if !self.protections.is_protected_by(hash, peer, tag) {
            rooms.take(Bounded::Protections, &mut self.reserves)?;
            self.protections.protect(hash, peer, tag);
        }
        Ok(())
    }

    /// Whether another tag still protects the peer.
    pub fn unprotect(&mut self, hash: u64, peer: &Peer, tag: &str, rooms: &Rooms) -> bool {
        let (did, still) = self.protections.unprotect(hash, peer, tag);
        if did {
            rooms.give(Bounded::Protections, &mut self.reserves);
        }
        still
    }

    /// The decaying values with one of these tags.
    pub fn fading(&self, is_due: impl Fn(u64) -> bool) -> Vec<Fading> {
        let mut all = Vec::new();
        for entry in self.iter() {
            let due = entry.decaying().filter(|(tag, _)| is_due(*tag));
            let (hash, entry) = (entry.hash, entry.serial);
            all.extend(due.map(|(tag, value)| Fading { hash, entry, tag, value }));
        }
        all
    }

    /// Replaces a decaying value, if it is still as it was found; by none: it is gone.
    pub fn replace(&mut self, found: &Fading, value: Option<i64>) {
        let entry = self.entries.find_mut(found.hash, |known| known.serial == found.entry);
        let Some(entry) = entry else { return };
        if entry.decaying_tag(found.tag) != Some(found.value) {
            return;
        }
        match value {
            Some(value) => entry.set_decaying(found.tag, DecayingValue { value, ..found.value }),
            None => entry.remove_decaying(found.tag),
        }
    }

    /// Takes a decaying tag from all.
    pub fn remove_decaying(&mut self, tag: u64) {
        for entry in &mut self.entries {
            entry.remove_decaying(tag);
        }
    }

    pub fn copy(&self, hash: u64, peer: &Peer) -> Option<Copied> {
        let entry = self.get(hash, peer)?;
        let name = |(name, value): &(_, _)| Some((self.names.text(*name)?.clone(), *value));
        Some(Copied {
            value: entry.score(),
            tags: entry.tags().iter().filter_map(name).collect(),
            decaying: entry.decaying().map(|(tag, value)| (tag, value.value)).collect(),
            connections: entry.connections.iter().map(told).collect(),
            first_seen: entry.first_seen,
        })
    }
}

fn told(connection: &Connection) -> ConnectionInfo {
    ConnectionInfo {
        id: connection.id,
        direction: connection.direction,
        address: connection.address.clone(),
        streams: connection.streams,
        opened: Duration::from(connection.opened),
    }
}

#[cfg(test)]
mod tests {
    use crate::Direction;

    use super::*;

    const NOW: Duration = Duration::ZERO;
    const BOUNDS: Bounds = Bounds {
        connections: 1 << 20,
        connections_per_peer: 8,
        address_bytes: 8,
        temporary_peers: 1 << 20,
        tags_per_peer: 8,
        name_bytes: 8,
        protections: 8,
        decaying_tags: 8,
    };

    fn connection() -> Connection {
        Connection {
            id: ConnectionId(1),
            direction: Direction::Inbound,
            address: "".into(),
            streams: 0,
            opened: NOW.into(),
            serial: 0,
            closing: false,
        }
    }

    #[test]
    fn names_of_tags_go_with_the_peers_that_have_them() {
        let (mut shard, rooms) = (Shard::default(), Rooms::new(&BOUNDS, 256));
        let peer = |number: u64| Peer::new(&number.to_le_bytes()).unwrap();
        let tag = |number: u64| format!("tag {number}");
        for number in 0..1000 {
            let peer = peer(number);
            let (entry, names) = shard.insert(number, &peer, NOW.into(), &rooms).unwrap();
            entry.set_tag(names, (number, &tag(number)), 1, 8).unwrap();
            shard.sweep_names();
            if number % 2 == 0 {
                let opened =
                    shard.open(number, &peer, ConnectionId(1), NOW.into(), &BOUNDS, &rooms);
                opened.unwrap().0.connections.push(connection());
                assert!(shard.close(number, &peer, ConnectionId(1), &rooms));
            }
        }
        let names = |shard: &Shard| {
            let is_known = |number: &u64| shard.names.find(*number, &tag(*number)).is_some();
            (0..1000).filter(is_known).count()
        };
        assert!((500..=1000).contains(&names(&shard)));
        assert_eq!(shard.copy(1, &peer(1)).unwrap().tags, [(Arc::from("tag 1"), 1)]);
        assert_eq!(shard.expire(NOW.into(), &rooms).len(), 500);
        shard.shrink();
        assert_eq!(names(&shard), 0);
        assert!(shard.entries.capacity() < 64);
    }

    #[test]
    fn a_decaying_value_that_changed_since_it_was_found_is_not_replaced() {
        let (mut shard, rooms) = (Shard::default(), Rooms::new(&BOUNDS, 256));
        let peer = Peer::new(b"p").unwrap();
        let (entry, _) = shard.insert(1, &peer, NOW.into(), &rooms).unwrap();
        let value = DecayingValue { value: 5, added: NOW, bumped: NOW };
        entry.set_decaying(7, value);
        assert!(shard.fading(|tag| tag == 8).is_empty());
        let found = shard.fading(|tag| tag == 7);
        shard.get_mut(1, &peer).unwrap().0.set_decaying(7, DecayingValue { value: 6, ..value });
        shard.replace(&found[0], None);
        assert_eq!(shard.get(1, &peer).unwrap().score(), 6);
        let found = shard.fading(|tag| tag == 7);
        shard.replace(&found[0], Some(2));
        assert_eq!(shard.get(1, &peer).unwrap().score(), 2);
    }
}
