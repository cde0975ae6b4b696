//! A connection manager over one plain map, written to be read and not to be fast.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use rcmgr_connmgr::{
    Bounds, Close, ConnectionId, ConnectionInfo, Direction, Event, Full, GraceFrom, Info,
    OpenError, Peer, Settings, TagError, TagInfo, TrimReport,
    decay::BumpError,
    trim::{Idle, Kind, Order, Row, choose, target},
};

struct Known {
    tags: BTreeMap<Box<str>, i64>,
    /// By the name of the decaying tag: its value, and when it was bumped last.
    decaying: BTreeMap<Box<str>, (i64, Duration)>,
    connections: Vec<(ConnectionInfo, bool)>,
    first_seen: Duration,
}

impl Known {
    fn value(&self) -> i64 {
        let decaying = self.decaying.values().map(|(value, _)| *value);
        let sum: i128 = self.tags.values().copied().chain(decaying).map(i128::from).sum();
        sum.clamp(i64::MIN.into(), i64::MAX.into()) as i64
    }

    fn is_temporary(&self) -> bool {
        self.connections.is_empty()
    }

    fn open(&self) -> impl Iterator<Item = &ConnectionInfo> {
        self.connections.iter().filter(|(_, closing)| !closing).map(|(info, _)| info)
    }
}

/// A decaying tag that loses `step` each `interval`.
struct Registered {
    step: i64,
    interval: Duration,
    next: Duration,
}

pub struct Model {
    settings: Settings,
    /// The keyed hash of each peer, which the manager under test tells.
    ties: BTreeMap<Peer, u64>,
    peers: BTreeMap<Peer, Known>,
    protections: BTreeSet<(Peer, Box<str>)>,
    registered: BTreeMap<Box<str>, Registered>,
    now: Duration,
    decay_due: Duration,
    look_due: Duration,
    last_tick: Duration,
    last_trim: Option<Duration>,
}

fn full(what: &'static str, most: usize) -> Full {
    Full { what, most }
}

fn next_multiple(period: Duration, now: Duration) -> Duration {
    period * (now.as_millis() / period.as_millis() + 1) as u32
}

impl Model {
    pub fn new(settings: Settings, ties: BTreeMap<Peer, u64>) -> Model {
        Model {
            decay_due: settings.resolution,
            look_due: settings.silence,
            settings,
            ties,
            peers: BTreeMap::new(),
            protections: BTreeSet::new(),
            registered: BTreeMap::new(),
            now: Duration::ZERO,
            last_tick: Duration::ZERO,
            last_trim: None,
        }
    }

    fn bounds(&self) -> Bounds {
        self.settings.bounds
    }

    fn connections(&self) -> usize {
        self.peers.values().map(|known| known.connections.len()).sum()
    }

    fn staying(&self) -> u64 {
        self.peers.values().map(|known| known.open().count() as u64).sum()
    }

    fn pass(&mut self, now: Duration) -> Duration {
        self.now = self.now.max(now);
        self.now
    }

    pub fn open(
        &mut self,
        now: Duration,
        peer: &Peer,
        id: ConnectionId,
        direction: Direction,
        address: Arc<str>,
        streams: u32,
    ) -> Result<(), OpenError> {
        let opened = self.pass(now);
        let (bounds, all) = (self.bounds(), self.connections());
        if let Some(known) = self.peers.get(peer) {
            if known.connections.iter().any(|(known, _)| known.id == id) {
                return Err(OpenError::AlreadyOpen);
            }
            if known.connections.len() >= bounds.connections_per_peer {
                return Err(full("connections of a peer", bounds.connections_per_peer).into());
            }
        }
        if all >= bounds.connections {
            return Err(full("connections", bounds.connections).into());
        }
        let known = self.peers.entry(peer.clone()).or_insert_with(|| empty(opened));
        if known.is_temporary() {
            known.first_seen = opened;
        }
        known.connections.push((ConnectionInfo { id, direction, address, streams, opened }, false));
        Ok(())
    }

    pub fn close(&mut self, peer: &Peer, id: ConnectionId) -> bool {
        let Some(known) = self.peers.get_mut(peer) else { return false };
        let Some(at) = known.connections.iter().position(|(known, _)| known.id == id) else {
            return false;
        };
        known.connections.remove(at);
        if known.is_temporary() {
            self.peers.remove(peer);
        }
        true
    }

    pub fn set_streams(&mut self, peer: &Peer, id: ConnectionId, streams: u32) -> bool {
        let Some(known) = self.peers.get_mut(peer) else { return false };
        let found = known.connections.iter_mut().find(|(known, _)| known.id == id);
        found.map(|(known, _)| known.streams = streams).is_some()
    }

    fn entry(&mut self, peer: &Peer) -> Result<&mut Known, Full> {
        let most = self.bounds().temporary_peers;
        let temporary = self.peers.values().filter(|known| known.is_temporary()).count();
        if !self.peers.contains_key(peer) && temporary >= most {
            return Err(full("peers without a connection", most));
        }
        let now = self.now;
        Ok(self.peers.entry(peer.clone()).or_insert_with(|| empty(now)))
    }

    pub fn upsert(
        &mut self,
        now: Duration,
        peer: &Peer,
        tag: &str,
        change: impl Fn(i64) -> i64,
    ) -> Result<(), TagError> {
        self.pass(now);
        let most = self.bounds().tags_per_peer;
        let known = self.entry(peer)?;
        if !known.tags.contains_key(tag) && known.tags.len() >= most {
            return Err(full("tags of a peer", most).into());
        }
        let value = known.tags.entry(tag.into()).or_insert(0);
        *value = change(*value);
        Ok(())
    }

    pub fn untag(&mut self, peer: &Peer, tag: &str) {
        if let Some(known) = self.peers.get_mut(peer) {
            known.tags.remove(tag);
        }
    }

    pub fn protect(&mut self, peer: &Peer, tag: &str) -> Result<(), TagError> {
        let pair = (peer.clone(), tag.into());
        let most = self.bounds().protections;
        if !self.protections.contains(&pair) && self.protections.len() >= most {
            return Err(full("protections", most).into());
        }
        self.protections.insert(pair);
        Ok(())
    }

    pub fn unprotect(&mut self, peer: &Peer, tag: &str) -> bool {
        self.protections.remove(&(peer.clone(), tag.into()));
        self.is_protected(peer)
    }

    pub fn is_protected(&self, peer: &Peer) -> bool {
        self.protections.iter().any(|(protected, _)| protected == peer)
    }

    pub fn register(&mut self, name: &str, interval: Duration, step: i64) -> bool {
        if self.registered.contains_key(name) {
            return false;
        }
        let interval = interval.max(self.settings.resolution);
        let next = self.last_tick + interval;
        self.registered.insert(name.into(), Registered { step, interval, next });
        true
    }

    pub fn bump(
        &mut self,
        now: Duration,
        peer: &Peer,
        name: &str,
        by: i64,
    ) -> Result<(), BumpError> {
        let now = self.pass(now);
        if !self.registered.contains_key(name) {
            return Err(BumpError::Closed);
        }
        let value = self.entry(peer)?.decaying.entry(name.into()).or_insert((0, now));
        *value = (value.0.saturating_add(by), now);
        Ok(())
    }

    pub fn remove_decaying(&mut self, peer: &Peer, name: &str) -> Result<(), BumpError> {
        if !self.registered.contains_key(name) {
            return Err(BumpError::Closed);
        }
        if let Some(known) = self.peers.get_mut(peer) {
            known.decaying.remove(name);
        }
        Ok(())
    }

    pub fn close_decaying(&mut self, name: &str) {
        self.registered.remove(name);
        for known in self.peers.values_mut() {
            known.decaying.remove(name);
        }
    }

    pub fn next_due(&self) -> Duration {
        self.decay_due.min(self.look_due)
    }

    pub fn poll(&mut self, now: Duration) -> Option<Event> {
        let now = self.pass(now);
        if self.decay_due <= now {
            self.decay_due = next_multiple(self.settings.resolution, now);
            self.fade();
            return Some(Event::Decayed);
        }
        if self.look_due > now {
            return None;
        }
        self.look_due = next_multiple(self.settings.silence, now);
        let full = self.staying() >= self.settings.marks.high();
        let trim = full.then(|| self.trim(now, Kind::Background));
        let kept = self.settings.temporary.max(self.settings.grace);
        let old = |known: &Known| known.is_temporary() && known.first_seen + kept <= now;
        let expired: Vec<Peer> = self
            .peers
            .iter()
            .filter(|(peer, known)| old(known) && !self.is_protected(peer))
            .map(|(peer, _)| peer.clone())
            .collect();
        self.peers.retain(|peer, _| !expired.contains(peer));
        Some(Event::Looked { trim, expired })
    }

    fn fade(&mut self) {
        self.last_tick = self.now;
        for (name, tag) in &mut self.registered {
            while tag.next <= self.now {
                tag.next += tag.interval;
                for known in self.peers.values_mut() {
                    if let Some((value, _)) = known.decaying.get_mut(name) {
                        *value -= tag.step.min(value.abs()) * value.signum();
                        if *value == 0 {
                            known.decaying.remove(name);
                        }
                    }
                }
            }
        }
    }

    pub fn trim(&mut self, now: Duration, kind: Kind) -> TrimReport {
        let now = self.pass(now);
        let order = if kind == Kind::Forced { Order::Forced } else { Order::Regular };
        let marks = self.settings.marks;
        let mut report = TrimReport { kind, at: now, idle: None, close: vec![], dropped: vec![] };
        let (peers, mut rows): (Vec<Peer>, Vec<Row>) = self.rows(order).into_iter().unzip();
        let target = match order {
            Order::Regular => {
                let may_go = rows.iter().map(|row| u64::from(row.connections)).sum();
                target(marks, self.staying(), may_go)
            }
            Order::Forced => self.staying().checked_sub(marks.low()).ok_or(Idle::BelowLow),
        };
        if order == Order::Regular || target.is_ok() {
            self.last_trim = Some(now);
        }
        let going = match target {
            Ok(target) => choose(&mut rows, order, target),
            Err(idle) => {
                report.idle = Some(idle);
                0
            }
        };
        for row in &rows[..going] {
            let peer = &peers[row.key as usize];
            let Some(known) = self.peers.get_mut(peer) else { continue };
            if known.is_temporary() {
                self.peers.remove(peer);
                report.dropped.push(peer.clone());
                continue;
            }
            for (connection, closing) in known.connections.iter_mut().filter(|known| !known.1) {
                *closing = true;
                report.close.push(Close { peer: peer.clone(), connection: connection.id });
            }
        }
        report
    }

    pub fn ranked(&self, order: Order) -> Vec<Peer> {
        let mut rows = self.rows(order);
        rows.sort_by(|(_, one), (_, other)| order.compare(one, other));
        rows.into_iter().map(|(peer, _)| peer).collect()
    }

    fn rows(&self, order: Order) -> Vec<(Peer, Row)> {
        let mut rows = Vec::new();
        for (peer, known) in &self.peers {
            let since = match self.settings.grace_from {
                GraceFrom::FirstConnection => known.first_seen,
                GraceFrom::YoungestConnection => {
                    known.open().map(|known| known.opened).fold(known.first_seen, Duration::max)
                }
            };
            let connections = known.open().count() as u32;
            let protected = self.is_protected(peer);
            let may_go = match order {
                Order::Regular => {
                    let leaving = !known.is_temporary() && connections == 0;
                    !protected && !leaving && since + self.settings.grace <= self.now
                }
                Order::Forced => connections > 0,
            };
            if !may_go {
                continue;
            }
            let row = Row {
                score: known.value(),
                since: known.first_seen.as_nanos() as u64,
                tie: self.ties[peer],
                key: rows.len() as u64,
                streams: known.open().map(|known| u64::from(known.streams)).sum(),
                connections,
                inbound: known.open().any(|known| known.direction == Direction::Inbound),
                protected,
            };
            rows.push((peer.clone(), row));
        }
        rows
    }

    pub fn tag_info(&self, peer: &Peer) -> Option<TagInfo> {
        let known = self.peers.get(peer)?;
        let decaying = known.decaying.iter();
        Some(TagInfo {
            value: known.value(),
            tags: known.tags.clone(),
            decaying: decaying.map(|(name, (value, _))| (name.clone(), *value)).collect(),
            connections: known.connections.iter().map(|(known, _)| known.clone()).collect(),
            first_seen: known.first_seen,
        })
    }

    pub fn info(&self) -> Info {
        Info {
            low: self.settings.marks.low(),
            high: self.settings.marks.high(),
            grace: self.settings.grace,
            silence: self.settings.silence,
            last_trim: self.last_trim,
            connections: self.connections() as u64,
        }
    }
}

fn empty(now: Duration) -> Known {
    Known {
        tags: BTreeMap::new(),
        decaying: BTreeMap::new(),
        connections: Vec::new(),
        first_seen: now,
    }
}
