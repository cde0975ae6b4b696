//! What is kept of one peer: its tags and its connections.

use std::{collections::BTreeMap, sync::Arc};

use smallvec::SmallVec;

use super::names::{Name, Names};
use crate::{ConnectionId, Direction, Full, Peer, decay::DecayingValue, time::Time, trim::Row};

/// A connection of a peer.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    pub id: ConnectionId,
    pub direction: Direction,
    pub address: Arc<str>,
    pub streams: u32,
    pub opened: Time,
    /// Ascending in its shard. A trim closes nothing that was opened after it looked.
    pub serial: u64,
    /// A decision to close it was handed out.
    pub closing: bool,
}

/// By the serial number of the decaying tag.
type Decaying = BTreeMap<u64, DecayingValue>;

/// A peer that has connections, or only tags for the time being.
///
/// It lies in its table, and most peers need no more memory than it has.
#[derive(Debug)]
pub(crate) struct Entry {
    pub hash: u64,
    pub peer: Peer,
    /// Ascending in its shard: that of a peer which is forgotten and comes again is another one.
    pub serial: u64,
    pub first_seen: Time,
    /// The sum of all tags. 128 bits hold any that the bounds allow, so it never drifts from them.
    sum: i128,
    tags: SmallVec<[(Name, i64); 3]>,
    /// None for most.
    decaying: Option<Box<Decaying>>,
    pub connections: SmallVec<[Connection; 1]>,
}

const _: () = assert!(size_of::<Entry>() == 208);

impl Entry {
    #[inline]
    pub fn new(hash: u64, peer: &Peer, serial: u64, now: Time) -> Entry {
        Entry {
            hash,
            peer: peer.clone(),
            serial,
            first_seen: now,
            sum: 0,
            tags: SmallVec::new(),
            decaying: None,
            connections: SmallVec::new(),
        }
    }

    /// Whether it is that of a peer, whose hash this is.
    #[inline]
    pub fn is_of(&self, hash: u64, peer: &Peer) -> bool {
        self.hash == hash && self.peer == *peer
    }

    /// Whether there are only tags.
    pub fn is_temporary(&self) -> bool {
        self.connections.is_empty()
    }

    /// The sum of all tags, saturating.
    pub fn score(&self) -> i64 {
        self.sum.clamp(i64::MIN.into(), i64::MAX.into()) as i64
    }

    pub fn tags(&self) -> &[(Name, i64)] {
        &self.tags
    }

    pub fn tag(&self, name: Name) -> Option<i64> {
        self.tags.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// Sets a tag, of which there may be so many.
    #[inline]
    pub fn set_tag(
        &mut self,
        names: &mut Names,
        (hash, text): (u64, &str),
        value: i64,
        most: usize,
    ) -> Result<(), Full> {
        let name = names.find(hash, text);
        let known = self.tags.iter().position(|(known, _)| Some(*known) == name);
        let old = match known {
            Some(at) => std::mem::replace(&mut self.tags[at].1, value),
            None if self.tags.len() >= most => return Err(Full { what: "tags of a peer", most }),
            None => {
                let name = name.unwrap_or_else(|| names.keep(hash, text));
                self.tags.push((name, value));
                0
            }
        };
        self.add(old, value);
        Ok(())
    }

    #[inline]
    pub fn remove_tag(&mut self, name: Name) {
        if let Some(at) = self.tags.iter().position(|(known, _)| *known == name) {
            let (_, old) = self.tags.swap_remove(at);
            self.add(old, 0);
        }
    }

    /// Its decaying tags.
    pub fn decaying(&self) -> impl Iterator<Item = (u64, DecayingValue)> {
        self.decaying.iter().flat_map(|all| all.iter().map(|(tag, value)| (*tag, *value)))
    }

    pub fn decaying_tag(&self, tag: u64) -> Option<DecayingValue> {
        self.decaying.as_ref()?.get(&tag).copied()
    }

    pub fn set_decaying(&mut self, tag: u64, value: DecayingValue) {
        let old = self.decaying.get_or_insert_default().insert(tag, value);
        self.add(old.map_or(0, |old| old.value), value.value);
    }

    pub fn remove_decaying(&mut self, tag: u64) {
        if let Some(old) = self.decaying.as_mut().and_then(|all| all.remove(&tag)) {
            self.add(old.value, 0);
        }
    }

    fn add(&mut self, old: i64, new: i64) {
        self.sum += i128::from(new) - i128::from(old);
    }

    /// The connections that may still be closed.
    pub fn open(&self) -> impl Iterator<Item = &Connection> {
        self.connections.iter().filter(|connection| !connection.closing)
    }

    /// As a trim sees it.
    pub fn row(&self, protected: bool) -> Row {
        let mut row = Row {
            score: self.score(),
            since: self.first_seen.nanos(),
            tie: self.hash,
            key: self.serial,
            streams: 0,
            connections: 0,
            inbound: false,
            protected,
        };
        for connection in self.open() {
            row.connections = row.connections.saturating_add(1);
            row.streams += u64::from(connection.streams);
            row.inbound |= connection.direction == Direction::Inbound;
        }
        row
    }
}
