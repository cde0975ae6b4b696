//! The connection manager, version 1.

use std::{hash::BuildHasher, sync::Arc, time::Duration};

use foldhash::quality::FixedState;

use crate::{
    AboveLimit, Bump, BumpError, Close, ConnectionId, ConnectionInfo, Decay, DecayingTag,
    DecayingValue, Direction, Event, Full, GraceFrom, Idle, Info, Kind, OpenError, Order, Peer,
    Ranked, RegisterError, Row, Settings, SettingsError, TagInfo, TrimReport, choose,
    decaying::Registry,
    entry::{Connection, Entry},
    peers::Peers,
    protection::Protections,
    target,
    tick::Ticker,
};

/// Knows connections and what peers are worth, and decides which go (go: `BasicConnMgr`).
///
/// Times are durations since a fixed start; one that is before an earlier one is taken for that.
#[derive(Debug)]
pub struct Manager {
    settings: Settings,
    peers: Peers,
    protections: Protections,
    decaying: Registry,
    decay_tick: Ticker,
    look_tick: Ticker,
    last_trim: Option<Duration>,
    now: Duration,
    closed: bool,
    hasher: FixedState,
}

impl Manager {
    /// A manager without connections (go: `NewConnManager`).
    ///
    /// # Errors
    /// A period is zero that must not be.
    pub fn new(settings: Settings) -> Result<Manager, SettingsError> {
        settings.check()?;
        Ok(Manager {
            peers: Peers::default(),
            protections: Protections::default(),
            decaying: Registry::default(),
            decay_tick: Ticker::new(settings.resolution),
            look_tick: Ticker::new(settings.silence),
            last_trim: None,
            now: Duration::ZERO,
            closed: false,
            hasher: FixedState::with_seed(settings.seed),
            settings,
        })
    }

    /// Takes in a connection (go: `Notifee().Connected`). Never trims: a trim comes with its time.
    /// Tags that were set before stay, and the grace period begins.
    ///
    /// # Errors
    /// It is open already, or there are too many.
    pub fn connection_opened(
        &mut self,
        now: Duration,
        peer: &Peer,
        id: ConnectionId,
        direction: Direction,
        address: Arc<str>,
        streams: u32,
    ) -> Result<(), OpenError> {
        let opened = self.pass(now);
        let connection = Connection { id, direction, address, streams, opened, closing: false };
        self.peers.open(peer, connection, &self.settings.bounds)
    }

    /// Forgets a connection, and with the last one the tags of the peer (go:
    /// `Notifee().Disconnected`). Says whether it was known.
    pub fn connection_closed(&mut self, peer: &Peer, connection: ConnectionId) -> bool {
        self.peers.close(peer, connection)
    }

    /// Tells how many streams a connection has (go: asked for by `Stat().NumStreams`). Says
    /// whether the connection is known.
    pub fn set_streams(&mut self, peer: &Peer, connection: ConnectionId, streams: u32) -> bool {
        let entry = self.peers.get_mut(peer);
        let known = entry
            .and_then(|entry| entry.connections.iter_mut().find(|known| known.id == connection));
        known.map(|known| known.streams = streams).is_some()
    }

    /// Sets a tag, in place of what it was (go: `TagPeer`). A peer without a connection may have
    /// some, for the time that [`Settings::temporary`] says.
    ///
    /// # Errors
    /// Too many such peers, or tags of this one.
    pub fn tag(&mut self, now: Duration, peer: &Peer, tag: &str, value: i64) -> Result<(), Full> {
        self.upsert_tag(now, peer, tag, |_| value)
    }

    /// Sets a tag to a function of what it was, 0 where there was none (go: `UpsertTag`).
    ///
    /// # Errors
    /// As [`Manager::tag`].
    pub fn upsert_tag(
        &mut self,
        now: Duration,
        peer: &Peer,
        tag: &str,
        change: impl FnOnce(i64) -> i64,
    ) -> Result<(), Full> {
        let now = self.pass(now);
        let bounds = &self.settings.bounds;
        let entry = self.peers.entry(peer, now, bounds)?;
        let old = entry.tags.get(tag).copied();
        if old.is_none() && entry.tags.len() >= bounds.tags_per_peer {
            return Err(Full { what: "tags of a peer", most: bounds.tags_per_peer });
        }
        entry.set_tag(tag, change(old.unwrap_or(0)));
        Ok(())
    }

    /// Removes a tag (go: `UntagPeer`). A peer without a connection stays, even without tags.
    pub fn untag(&mut self, peer: &Peer, tag: &str) {
        if let Some(entry) = self.peers.get_mut(peer) {
            entry.remove_tag(tag);
        }
    }

    /// What is known of a peer (go: `GetTagInfo`); none where it is unknown.
    pub fn tag_info(&self, peer: &Peer) -> Option<TagInfo> {
        let entry = self.peers.get(peer)?;
        let decaying = entry.decaying.iter().filter_map(|(serial, value)| {
            let tag = self.decaying.get(DecayingTag(*serial))?;
            Some((tag.name.clone(), value.value))
        });
        let connections = entry.connections.iter().map(|known| ConnectionInfo {
            id: known.id,
            direction: known.direction,
            address: known.address.clone(),
            streams: known.streams,
            opened: known.opened,
        });
        Some(TagInfo {
            value: entry.score(),
            tags: entry.tags.clone(),
            decaying: decaying.collect(),
            connections: connections.collect(),
            first_seen: entry.first_seen,
        })
    }

    /// Keeps a peer from trims, until the same tag is given to [`Manager::unprotect`] (go:
    /// `Protect`). Once is as twice; the peer need not be known.
    ///
    /// # Errors
    /// Too many are protected.
    pub fn protect(&mut self, peer: &Peer, tag: &str) -> Result<(), Full> {
        self.protections.protect(peer, tag, self.settings.bounds.protections)
    }

    /// Takes back a protection; says whether another tag still protects the peer (go:
    /// `Unprotect`).
    pub fn unprotect(&mut self, peer: &Peer, tag: &str) -> bool {
        self.protections.unprotect(peer, tag)
    }

    /// Whether a peer is protected, by this tag or by any (go: `IsProtected`, where any is `""`).
    pub fn is_protected(&self, peer: &Peer, tag: Option<&str>) -> bool {
        match tag {
            Some(tag) => self.protections.is_protected_by(peer, tag),
            None => self.protections.is_protected(peer),
        }
    }

    /// Registers a decaying tag (go: `RegisterDecayingTag`). An interval below
    /// [`Settings::resolution`] is raised to it; one that is no multiple passes at the tick after.
    /// The first one is counted from the last tick.
    ///
    /// # Errors
    /// The name is taken, the functions make no sense, or there are too many.
    pub fn register_decaying(
        &mut self,
        name: &str,
        interval: Duration,
        decay: Decay,
        bump: Bump,
    ) -> Result<DecayingTag, RegisterError> {
        let interval = interval.max(self.settings.resolution);
        let most = self.settings.bounds.decaying_tags;
        self.decaying.register(name, interval, decay, bump, most)
    }

    /// How often a decaying tag fades (go: `Interval`); none once it is closed.
    pub fn decay_interval(&self, tag: DecayingTag) -> Option<Duration> {
        self.decaying.get(tag).map(|tag| tag.interval)
    }

    /// Bumps a decaying tag of a peer (go: `Bump`, which puts it into a queue).
    ///
    /// # Errors
    /// The tag or the manager is closed, or there are too many peers without a connection.
    pub fn bump(
        &mut self,
        now: Duration,
        peer: &Peer,
        tag: DecayingTag,
        by: i64,
    ) -> Result<(), BumpError> {
        let now = self.pass(now);
        let registered = self.decaying.get(tag).ok_or(BumpError::Closed)?;
        if self.closed {
            return Err(BumpError::ManagerClosed);
        }
        let entry = self.peers.entry(peer, now, &self.settings.bounds)?;
        let new = DecayingValue { value: 0, added: now, bumped: now };
        let mut value = entry.decaying.get(&tag.0).copied().unwrap_or(new);
        value.value = registered.bump.apply(&value, by);
        value.bumped = now;
        entry.set_decaying(tag.0, value);
        Ok(())
    }

    /// Removes a decaying tag from a peer, if it has it (go: `Remove`, which makes an entry for a
    /// peer that is not known).
    ///
    /// # Errors
    /// The tag is closed.
    pub fn remove_decaying(&mut self, peer: &Peer, tag: DecayingTag) -> Result<(), BumpError> {
        if self.decaying.get(tag).is_none() {
            return Err(BumpError::Closed);
        }
        if let Some(entry) = self.peers.get_mut(peer) {
            entry.remove_decaying(tag.0);
        }
        Ok(())
    }

    /// Takes a decaying tag from all peers and frees its name (go: `Close`). Twice is as once; it
    /// cannot fail, so there is nothing to retry.
    pub fn close_decaying(&mut self, tag: DecayingTag) {
        if self.decaying.close(tag) {
            for entry in self.peers.entries_mut() {
                entry.remove_decaying(tag.0);
            }
        }
    }

    /// Trims to the low mark, from whatever is above it (go: `TrimOpenConns`). Neither the silence
    /// period nor the high mark holds it back.
    pub fn trim(&mut self, now: Duration) -> TrimReport {
        let now = self.pass(now);
        self.trim_regular(now, Kind::Open)
    }

    /// Trims to the low mark whatever it takes (go: `ForceTrim`): grace periods do not count, and
    /// when the others are not enough, protected peers go too. With trims turned off there is no
    /// mark to go to, and nothing is closed; go-libp2p takes the mark of 0 at its word.
    pub fn force_trim(&mut self, now: Duration) -> TrimReport {
        let now = self.pass(now);
        let mut report =
            TrimReport { kind: Kind::Forced, at: now, idle: None, close: vec![], dropped: vec![] };
        let marks = self.settings.marks;
        let Some(target) = (self.peers.staying() as u64).checked_sub(marks.low()) else {
            report.idle = Some(Idle::BelowLow);
            return report;
        };
        self.last_trim = Some(now);
        if marks.is_off() {
            report.idle = Some(Idle::Disabled);
            return report;
        }
        let (peers, mut rows) = self.rows(now, Order::Forced);
        let going = choose(&mut rows, Order::Forced, target);
        self.apply(&mut report, &rows[..going], &peers);
        report
    }

    /// The peers that a trim at this time may take, in the order in which it would. Changes
    /// nothing.
    pub fn ranked(&self, now: Duration, order: Order) -> Vec<Ranked> {
        let (peers, mut rows) = self.rows(self.now.max(now), order);
        rows.sort_unstable_by(|one, other| order.compare(one, other));
        rows.into_iter().map(|row| Ranked { peer: peers[row.key as usize].clone(), row }).collect()
    }

    /// When [`Manager::poll`] has something to do next; none after [`Manager::close`].
    pub fn next_due(&self) -> Option<Duration> {
        (!self.closed).then(|| self.decay_tick.due().min(self.look_tick.due()))
    }

    /// Does one thing that is due, decay before trims; none when there is none left. A call that
    /// comes late does each once.
    pub fn poll(&mut self, now: Duration) -> Option<Event> {
        let now = self.pass(now);
        if self.closed {
            return None;
        }
        if self.decay_tick.take(now) {
            let due = self.decaying.tick(now);
            if !due.is_empty() {
                for entry in self.peers.entries_mut() {
                    self.decaying.fade(entry, &due, now);
                }
            }
            return Some(Event::Decayed);
        }
        self.look_tick.take(now).then(|| {
            // At the mark, as go-libp2p's code has it; its documentation says above.
            let full = self.peers.staying() as u64 >= self.settings.marks.high();
            let trim = (full && !self.settings.marks.is_off())
                .then(|| self.trim_regular(now, Kind::Background));
            Event::Looked { trim, expired: self.expire(now) }
        })
    }

    /// Whether the high mark fits under a hard limit of connections (go: `CheckLimit`).
    ///
    /// # Errors
    /// It is above.
    pub fn check_limit(&self, limit: u64) -> Result<(), AboveLimit> {
        let high = self.settings.marks.high();
        if high > limit { Err(AboveLimit { high, limit }) } else { Ok(()) }
    }

    /// The marks, periods and counts (go: `GetInfo`).
    pub fn info(&self) -> Info {
        Info {
            low: self.settings.marks.low(),
            high: self.settings.marks.high(),
            grace: self.settings.grace,
            silence: self.settings.silence,
            last_trim: self.last_trim,
            connections: self.peers.connections() as u64,
        }
    }

    /// Ends decay and background trims (go: `Close`). All else works on, bumps excepted.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// A clock that goes back stands still instead.
    fn pass(&mut self, now: Duration) -> Duration {
        self.now = self.now.max(now);
        self.now
    }

    fn trim_regular(&mut self, now: Duration, kind: Kind) -> TrimReport {
        self.last_trim = Some(now);
        let mut report = TrimReport { kind, at: now, idle: None, close: vec![], dropped: vec![] };
        let connections = self.peers.staying() as u64;
        let (peers, mut rows) = self.rows(now, Order::Regular);
        let may_go = rows.iter().map(|row| u64::from(row.connections)).sum();
        match target(self.settings.marks, connections, may_go) {
            Ok(target) => {
                let going = choose(&mut rows, Order::Regular, target);
                self.apply(&mut report, &rows[..going], &peers);
            }
            Err(idle) => report.idle = Some(idle),
        }
        report
    }

    /// Those that a trim of this order may take; the key of a row is the index of its peer.
    fn rows(&self, now: Duration, order: Order) -> (Vec<Peer>, Vec<Row>) {
        let (mut peers, mut rows) = (Vec::new(), Vec::new());
        for (peer, entry) in self.peers.iter() {
            let protected = self.protections.is_protected(peer);
            let tie = self.hasher.hash_one(peer.as_bytes());
            let row = entry.row(peers.len() as u64, tie, protected);
            // Nothing is left of it to close.
            let leaving = !entry.is_temporary() && row.connections == 0;
            let may_go = match order {
                Order::Regular => !protected && !leaving && self.past_grace(entry, now),
                Order::Forced => row.connections != 0,
            };
            if may_go {
                peers.push(peer.clone());
                rows.push(row);
            }
        }
        (peers, rows)
    }

    fn past_grace(&self, entry: &Entry, now: Duration) -> bool {
        let since = match self.settings.grace_from {
            GraceFrom::FirstConnection => entry.first_seen,
            GraceFrom::YoungestConnection => {
                entry.open().map(|known| known.opened).fold(entry.first_seen, Duration::max)
            }
        };
        since.saturating_add(self.settings.grace) <= now
    }

    fn apply(&mut self, report: &mut TrimReport, going: &[Row], peers: &[Peer]) {
        for row in going {
            let peer = &peers[row.key as usize];
            if row.connections == 0 {
                self.peers.drop_temporary(peer);
                report.dropped.push(peer.clone());
            } else {
                let close = &mut report.close;
                self.peers.begin_close(peer, |connection| {
                    close.push(Close { peer: peer.clone(), connection });
                });
            }
        }
    }

    fn expire(&mut self, now: Duration) -> Vec<Peer> {
        let kept = self.settings.temporary.max(self.settings.grace);
        let Some(before) = now.checked_sub(kept) else { return Vec::new() };
        let expired = self.peers.temporary_since(before);
        for peer in &expired {
            self.peers.drop_temporary(peer);
        }
        expired
    }
}

#[cfg(test)]
mod tests;
