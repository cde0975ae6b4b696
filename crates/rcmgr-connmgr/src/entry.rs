//! What is kept of one peer: its tags and its connections.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::{ConnectionId, DecayingValue, Direction, Row};

/// A connection of a peer.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    pub id: ConnectionId,
    pub direction: Direction,
    pub address: Arc<str>,
    pub streams: u32,
    pub opened: Duration,
    /// A decision to close it was handed out.
    pub closing: bool,
}

/// A peer that has connections, or only tags for the time being.
#[derive(Debug)]
pub(crate) struct Entry {
    pub tags: BTreeMap<Box<str>, i64>,
    /// By the serial number of the decaying tag.
    pub decaying: BTreeMap<u64, DecayingValue>,
    pub connections: Vec<Connection>,
    pub first_seen: Duration,
    /// The sum of all tags. 128 bits hold any that the bounds allow, so it never drifts from them.
    sum: i128,
}

impl Entry {
    pub fn new(now: Duration) -> Entry {
        Entry {
            tags: BTreeMap::new(),
            decaying: BTreeMap::new(),
            connections: Vec::new(),
            first_seen: now,
            sum: 0,
        }
    }

    /// Whether there are only tags.
    pub fn is_temporary(&self) -> bool {
        self.connections.is_empty()
    }

    /// The sum of all tags, saturating.
    pub fn score(&self) -> i64 {
        self.sum.clamp(i64::MIN.into(), i64::MAX.into()) as i64
    }

    pub fn set_tag(&mut self, tag: &str, value: i64) {
        let old = match self.tags.get_mut(tag) {
            Some(old) => std::mem::replace(old, value),
            None => {
                self.tags.insert(tag.into(), value);
                0
            }
        };
        self.add(old, value);
    }

    pub fn remove_tag(&mut self, tag: &str) {
        if let Some(old) = self.tags.remove(tag) {
            self.add(old, 0);
        }
    }

    pub fn set_decaying(&mut self, serial: u64, value: DecayingValue) {
        let old = self.decaying.insert(serial, value);
        self.add(old.map_or(0, |old| old.value), value.value);
    }

    pub fn remove_decaying(&mut self, serial: u64) {
        if let Some(old) = self.decaying.remove(&serial) {
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
    pub fn row(&self, key: u64, tie: u64, protected: bool) -> Row {
        let mut row = Row {
            score: self.score(),
            since: u64::try_from(self.first_seen.as_nanos()).unwrap_or(u64::MAX),
            tie,
            key,
            streams: 0,
            connections: 0,
            inbound: false,
            protected,
        };
        for connection in self.open() {
            row.connections = row.connections.saturating_add(1);
            row.streams = row.streams.saturating_add(connection.streams);
            row.inbound |= connection.direction == Direction::Inbound;
        }
        row
    }
}
