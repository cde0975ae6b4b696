//! The connection manager, version 1.

mod decaying;
mod entry;
mod fading;
mod names;
mod null;
mod protection;
mod report;
mod room;
#[cfg(feature = "tokio")]
mod runner;
mod settings;
mod shard;
mod shards;
mod standing;
mod tick;
mod trims;
mod watermarks;

pub use decaying::DecayingTag;
pub use null::NullManager;
pub use report::{Close, ConnectionInfo, Event, Info, Kind, Ranked, TagInfo, TrimReport};
#[cfg(feature = "tokio")]
pub use runner::Runner;
pub use settings::{Bounds, GraceFrom, Settings};
pub use watermarks::Watermarks;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use self::{
    decaying::Registry,
    entry::Connection,
    room::Bounded,
    shards::Shards,
    tick::{Due, Ticks},
};
use crate::{
    AboveLimit, ConnectionId, Direction, OpenError, Peer, SettingsError, TagError, time::Clock,
    unpoisoned::unpoisoned,
};

/// Knows connections and what peers are worth, and decides which go (go: `BasicConnMgr`).
///
/// Times are durations since a fixed start; one that is before an earlier one, by a millisecond or
/// more, is taken for that.
///
/// # From many threads
/// All methods may be called from any number of threads at once. What concerns one peer happens
/// one after the other, under the lock of one of 256 shards, held for a time that depends on what
/// that peer has, and for a trim to copy what it compares of the peers of one shard. No function
/// of the caller's runs under a lock: it may call the manager, and one that panics breaks nothing.
///
/// A trim looks at the peers shard by shard, chooses without a lock, and then marks the
/// connections that go, peer by peer. What is told meanwhile:
/// - A connection that is opened after the trim looked at its peer stays.
/// - A peer that is protected before the trim comes to it stays, in a regular trim. A forced one
///   goes by what it saw; a protection that was there before it began it always sees.
/// - Tags and streams count as they were when it looked.
///
/// Trims are made one after the other, and no connection is handed out by two of them.
#[derive(Debug)]
pub struct Manager {
    settings: Settings,
    shards: Shards,
    decaying: Registry,
    clock: Clock,
    ticks: Mutex<Ticks>,
    /// Held by a trim as long as it takes.
    trimming: Mutex<()>,
    last_trim: Mutex<Option<Duration>>,
    closed: AtomicBool,
}

impl Manager {
    /// A manager without connections (go: `NewConnManager`).
    ///
    /// # Errors
    /// A period is zero that must not be.
    pub fn new(settings: Settings) -> Result<Manager, SettingsError> {
        settings.check()?;
        Ok(Manager {
            shards: Shards::new(&settings),
            decaying: Registry::default(),
            clock: Clock::default(),
            ticks: Mutex::new(Ticks::new(settings.resolution, settings.silence)),
            trimming: Mutex::default(),
            last_trim: Mutex::default(),
            closed: AtomicBool::new(false),
            settings,
        })
    }

    /// Takes in a connection (go: `Notifee().Connected`). Never trims: a trim comes with its time.
    /// Tags that were set before stay, and the grace period begins.
    ///
    /// # Errors
    /// It is open already, its address is too long, or there are too many.
    pub fn connection_opened(
        &self,
        now: Duration,
        peer: &Peer,
        id: ConnectionId,
        direction: Direction,
        address: Arc<str>,
        streams: u32,
    ) -> Result<(), OpenError> {
        let bounds = &self.settings.bounds;
        bounds.check_address(&address)?;
        let opened = self.clock.pass(now);
        let hash = self.shards.hash(peer);
        let mut shard = self.shards.lock_with_room(hash, Bounded::Connections);
        let (entry, serial) = shard.open(hash, peer, id, opened, bounds, self.shards.rooms())?;
        let closing = false;
        entry.connections.push(Connection {
            id,
            direction,
            address,
            streams,
            opened,
            serial,
            closing,
        });
        Ok(())
    }

    /// Forgets a connection, and with the last one the tags of the peer (go:
    /// `Notifee().Disconnected`). Says whether it was known.
    pub fn connection_closed(&self, peer: &Peer, connection: ConnectionId) -> bool {
        let hash = self.shards.hash(peer);
        self.shards.lock(hash).close(hash, peer, connection, self.shards.rooms())
    }

    /// Tells how many streams a connection has (go: asked for by `Stat().NumStreams`). Says
    /// whether the connection is known.
    pub fn set_streams(&self, peer: &Peer, connection: ConnectionId, streams: u32) -> bool {
        let hash = self.shards.hash(peer);
        let mut shard = self.shards.lock(hash);
        let known = shard.connection(hash, peer, connection);
        known.map(|known| known.streams = streams).is_some()
    }

    /// Sets a tag, in place of what it was (go: `TagPeer`). A peer without a connection may have
    /// some, for the time that [`Settings::temporary`] says.
    ///
    /// # Errors
    /// Too many such peers, or tags of this one, or too long a name.
    pub fn tag(&self, now: Duration, peer: &Peer, tag: &str, value: i64) -> Result<(), TagError> {
        let bounds = &self.settings.bounds;
        bounds.check_name(tag)?;
        let now = self.clock.pass(now);
        let (hash, name) = (self.shards.hash(peer), self.shards.hash_name(tag));
        let set = self.shards.change(hash, peer, now, |entry, names| {
            entry.set_tag(names, name, value, bounds.tags_per_peer)
        })?;
        Ok(set?)
    }

    /// Sets a tag to a function of what it was, 0 where there was none (go: `UpsertTag`, which
    /// calls it under a lock). The function is called again where the tag changed meanwhile.
    ///
    /// # Errors
    /// As [`Manager::tag`].
    pub fn upsert_tag(
        &self,
        now: Duration,
        peer: &Peer,
        tag: &str,
        change: impl Fn(i64) -> i64,
    ) -> Result<(), TagError> {
        let bounds = &self.settings.bounds;
        bounds.check_name(tag)?;
        let now = self.clock.pass(now);
        let (hash, name) = (self.shards.hash(peer), self.shards.hash_name(tag));
        let mut before = self.shards.lock(hash).tag(hash, peer, name);
        loop {
            let value = change(before.unwrap_or(0));
            let set = self.shards.change(hash, peer, now, |entry, names| {
                let found = names.find(name.0, name.1).and_then(|name| entry.tag(name));
                if found != before {
                    before = found;
                    return None;
                }
                Some(entry.set_tag(names, name, value, bounds.tags_per_peer))
            })?;
            if let Some(set) = set {
                return Ok(set?);
            }
        }
    }

    /// Removes a tag (go: `UntagPeer`). A peer without a connection stays, even without tags.
    pub fn untag(&self, peer: &Peer, tag: &str) {
        let (hash, name) = (self.shards.hash(peer), self.shards.hash_name(tag));
        self.shards.lock(hash).untag(hash, peer, name);
    }

    /// What is known of a peer (go: `GetTagInfo`); none where it is unknown.
    pub fn tag_info(&self, peer: &Peer) -> Option<TagInfo> {
        let hash = self.shards.hash(peer);
        let copied = self.shards.lock(hash).copy(hash, peer)?;
        let registered = self.decaying.tags();
        let decaying = copied.decaying.into_iter().filter_map(|(serial, value)| {
            // It was closed meanwhile if it is not there.
            Some((registered.get(&serial)?.name.clone(), value))
        });
        Some(TagInfo {
            value: copied.value,
            tags: copied.tags.into_iter().map(|(name, value)| ((*name).into(), value)).collect(),
            decaying: decaying.collect(),
            connections: copied.connections,
            first_seen: copied.first_seen.into(),
        })
    }

    /// Keeps all trims but the forced one from a peer, until [`Manager::unprotect`] (go:
    /// `Protect`). Once is as twice; the peer need not be known.
    ///
    /// # Errors
    /// Too many are protected, or too long a name.
    pub fn protect(&self, peer: &Peer, tag: &str) -> Result<(), TagError> {
        self.settings.bounds.check_name(tag)?;
        let hash = self.shards.hash(peer);
        if self.shards.lock(hash).protections.is_protected_by(hash, peer, tag) {
            return Ok(());
        }
        let mut shard = self.shards.lock_with_room(hash, Bounded::Protections);
        Ok(shard.protect(hash, peer, tag, self.shards.rooms())?)
    }

    /// Takes back a protection; says whether another tag still protects the peer (go:
    /// `Unprotect`).
    pub fn unprotect(&self, peer: &Peer, tag: &str) -> bool {
        let hash = self.shards.hash(peer);
        self.shards.lock(hash).unprotect(hash, peer, tag, self.shards.rooms())
    }

    /// Whether a peer is protected, by this tag or by any (go: `IsProtected`, where any is `""`).
    pub fn is_protected(&self, peer: &Peer, tag: Option<&str>) -> bool {
        let hash = self.shards.hash(peer);
        let protections = &self.shards.lock(hash).protections;
        match tag {
            Some(tag) => protections.is_protected_by(hash, peer, tag),
            None => protections.is_protected(hash, peer),
        }
    }

    /// When [`Manager::poll`] has something to do next; none after [`Manager::close`].
    pub fn next_due(&self) -> Option<Duration> {
        (!self.is_closed()).then(|| unpoisoned(&self.ticks).due())
    }

    /// Does one thing that is due, decay before trims; none when there is none left. A call that
    /// comes late does each once. Each thing is done by one of the threads that call at once.
    pub fn poll(&self, now: Duration) -> Option<Event> {
        let now = self.clock.pass(now);
        if self.is_closed() {
            return None;
        }
        let due = unpoisoned(&self.ticks).take(now.into());
        match due? {
            Due::Decay => {
                self.fade(now.into());
                Some(Event::Decayed)
            }
            Due::Look => {
                let trim = self.background_trim(now);
                Some(Event::Looked { trim, expired: self.expire(now) })
            }
        }
    }

    /// Whether the high mark fits under a hard limit of connections (go: `CheckLimit`).
    ///
    /// # Errors
    /// It is above.
    pub fn check_limit(&self, limit: u64) -> Result<(), AboveLimit> {
        let high = self.settings.marks.high();
        if high > limit { Err(AboveLimit { high, limit }) } else { Ok(()) }
    }

    /// The marks, periods and counts (go: `GetInfo`). Other threads may open and close connections
    /// while they are counted.
    pub fn info(&self) -> Info {
        Info {
            low: self.settings.marks.low(),
            high: self.settings.marks.high(),
            grace: self.settings.grace,
            silence: self.settings.silence,
            last_trim: *unpoisoned(&self.last_trim),
            connections: self.shards.connections() as u64,
        }
    }

    /// Ends decay and background trims (go: `Close`). All else works on, bumps excepted.
    pub fn close(&self) {
        self.closed.store(true, Relaxed);
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Relaxed)
    }
}

#[cfg(test)]
mod tests;
