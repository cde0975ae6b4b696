//! Version 1: the connection manager of go-libp2p, by its port.

use std::{collections::BTreeMap, time::Duration};

use rcmgr_connmgr::{
    ConnectionId, Event, Manager, Peer, Settings, SettingsError, Watermarks,
    trim::{Order, Row, target},
};

use super::tagged::{Applications, address};
use crate::simulation::{
    algorithm::{Algorithm, Connection, Marks, News},
    chance::Chance,
};

/// What decides between peers that are equal by all that go-libp2p compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ties {
    /// Chance, as in go-libp2p.
    Chance,
    /// The younger goes first, as [`Manager`] has it.
    Younger,
}

/// The connection manager of go-libp2p.
#[derive(Debug)]
pub struct Version1 {
    manager: Manager,
    applications: Applications,
    marks: Watermarks,
    ties: Ties,
    chance: Chance,
    next: Duration,
    streams: BTreeMap<ConnectionId, u32>,
    peers: BTreeMap<Peer, ConnectionId>,
}

const SILENCE: Duration = Duration::from_secs(10);

impl Version1 {
    /// Between these marks, otherwise by the defaults.
    ///
    /// # Errors
    /// Marks that contradict each other.
    pub fn new(marks: Marks, ties: Ties, seed: u64) -> Result<Version1, SettingsError> {
        let marks = Watermarks::new(marks.low.into(), marks.high.into())?;
        let trims = if ties == Ties::Younger { marks } else { Watermarks::off() };
        let manager =
            Manager::new(Settings { marks: trims, seed: Some(seed), ..Settings::default() })?;
        let applications = Applications::new(&manager).expect("it is the first tag");
        Ok(Version1 {
            manager,
            applications,
            marks,
            ties,
            chance: Chance::new(seed),
            next: SILENCE,
            streams: BTreeMap::new(),
            peers: BTreeMap::new(),
        })
    }

    fn set_streams(&mut self, connection: &Connection, change: impl Fn(u32) -> u32) {
        let streams = self.streams.entry(connection.id).or_default();
        *streams = change(*streams);
        self.manager.set_streams(&connection.peer, connection.id, *streams);
    }

    /// The background trim of go-libp2p, where peers that are equal come in the order of a map.
    fn trim(&mut self, now: Duration) -> Vec<ConnectionId> {
        let live = self.peers.len() as u64;
        if live < self.marks.high() {
            return Vec::new();
        }
        let mut ranked = self.manager.ranked(now, Order::Regular);
        let candidates: u64 = ranked.iter().map(|ranked| u64::from(ranked.row.connections)).sum();
        let Ok(mut left) = target(self.marks, live, candidates) else { return Vec::new() };
        let mut rows: Vec<(Row, u64, usize)> =
            (0..).zip(&ranked).map(|(at, ranked)| (ranked.row, self.chance.number(), at)).collect();
        rows.sort_unstable_by(|one, other| {
            Order::Regular.by_worth(&one.0, &other.0).then(one.1.cmp(&other.1))
        });
        let mut closing = Vec::new();
        for (row, _, at) in rows {
            if left == 0 {
                break;
            }
            left = left.saturating_sub(row.connections.into());
            closing.extend(ranked.get_mut(at).and_then(|ranked| self.peers.get(&ranked.peer)));
        }
        closing
    }
}

impl Algorithm for Version1 {
    fn tell(&mut self, now: Duration, connection: &Connection, news: News) {
        let Connection { id, peer, direction, .. } = connection;
        match news {
            News::Opened => {
                let address = address(connection);
                let opened = self.manager.connection_opened(now, peer, *id, *direction, address, 0);
                opened.expect("a world has fewer connections than a manager may");
                self.peers.insert(peer.clone(), *id);
            }
            News::Closed => {
                self.manager.connection_closed(peer, *id);
                self.streams.remove(id);
                self.peers.remove(peer);
            }
            News::StreamOpened(_) => self.set_streams(connection, |streams| streams + 1),
            News::StreamClosed(_) => self.set_streams(connection, |streams| streams - 1),
            News::Kept(_) => self.applications.keep(&self.manager, connection),
            _ => {}
        }
        self.applications.tell(&self.manager, now, connection, news);
    }

    fn poll(&mut self, now: Duration) -> Vec<ConnectionId> {
        let mut closing = Vec::new();
        while let Some(event) = self.manager.poll(now) {
            if let Event::Looked { trim: Some(trim), .. } = event {
                closing.extend(trim.close.into_iter().map(|close| close.connection));
            }
        }
        if self.ties == Ties::Chance && now >= self.next {
            self.next = now + SILENCE;
            closing = self.trim(now);
        }
        closing
    }
}
