//! All bursts, and what the ended ones left behind.

mod member;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use self::member::Members;
use crate::{
    ConnectionId, StreamId,
    burst::{Burst, BurstDenied, BurstId, BurstRoom, BurstSpec, EndedBurst, EnlistError},
    quota::Slot,
};

/// How many bursts there may be, and what comes of what they leave behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BurstSettings {
    /// How many bursts may be open at a time; 256.
    pub open: usize,
    /// How many connections and streams of bursts are kept at a time, both counted together;
    /// 65,536. When there are more, the residue of the earliest burst is forgotten.
    pub entries: usize,
    /// For how long after its end a burst's residue is known as such; 10 min.
    pub keep: Duration,
    /// How long after the end of a burst its residue is [to be closed](Bursts::lingering) even
    /// where room is not short; none: it is not.
    pub linger: Option<Duration>,
}

impl Default for BurstSettings {
    fn default() -> BurstSettings {
        BurstSettings { open: 256, entries: 1 << 16, keep: Duration::from_secs(600), linger: None }
    }
}

/// A burst that is open.
#[derive(Debug)]
struct Open {
    slot: Slot,
    began: Duration,
    until: Duration,
    allowance: u32,
    connections: BTreeSet<ConnectionId>,
}

/// Bursts of all protocols: transactions on whose connections nothing else should come to rely.
///
/// A protocol begins a burst, enlists the streams that it opens or accepts for it, promotes the
/// connections that turn out to be worth keeping, and ends it. While the burst is open, its
/// connections count against its allowance and not against the protocol's quota. What it leaves
/// behind is its *residue*, which goes first when room is short, that of the latest burst before
/// that of earlier ones.
///
/// A connection is residue when
/// - it was opened while a burst was open in which one of its streams was enlisted (at the time it
///   began counts as while), and was not promoted there: a connection that was there before is not
///   made worse by being enlisted;
/// - it is in no burst that is open;
/// - each stream that it has now was enlisted in a burst that ended;
/// - nothing locks it.
///
/// All open bursts together may use a fifth of the share. That only local protocols begin bursts
/// is for the caller to see to.
///
/// ```
/// use std::time::Duration;
/// use rcmgr_connmgr::{
///     ConnectionId, StreamId,
///     burst::{BurstRoom, BurstSpec, Bursts},
///     quota::Slot,
/// };
///
/// let now = Duration::from_secs(50);
/// let dht = Slot::new(0).expect("below 64");
/// let mut bursts = Bursts::default();
/// let room = BurstRoom { share: 100, live: 90 };
/// let burst = bursts.begin(now, dht, BurstSpec::new(30), room)?;
/// assert_eq!(burst.allowance, 10);
///
/// let opened = now + Duration::from_secs(1);
/// for id in [1, 2] {
///     bursts.enlist(opened, burst.id, ConnectionId(id), opened, StreamId(0))?;
/// }
/// bursts.promote(burst.id, ConnectionId(2));
/// bursts.end(opened, burst.id);
/// assert_eq!(bursts.residue(ConnectionId(1), 1, false), Some(0));
/// assert_eq!(bursts.residue(ConnectionId(2), 1, false), None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Bursts {
    settings: BurstSettings,
    open: BTreeMap<BurstId, Open>,
    members: Members,
    begun: u64,
    /// How many bursts ended: the number of the one that ended last.
    ended: u64,
    now: Duration,
}

impl Default for Bursts {
    fn default() -> Bursts {
        Bursts::new(BurstSettings::default())
    }
}

impl Bursts {
    /// None yet.
    pub fn new(settings: BurstSettings) -> Bursts {
        Bursts {
            settings,
            open: BTreeMap::new(),
            members: Members::default(),
            begun: 0,
            ended: 0,
            now: Duration::ZERO,
        }
    }

    /// Begins a burst. It may get a smaller allowance than it asks for, and keeps that if the share
    /// shrinks.
    ///
    /// # Errors
    /// It is not begun, and why.
    pub fn begin(
        &mut self,
        now: Duration,
        slot: Slot,
        spec: BurstSpec,
        room: BurstRoom,
    ) -> Result<Burst, BurstDenied> {
        let BurstSpec { connections, ttl } = spec;
        let now = self.pass(now);
        if connections == 0 || ttl.is_zero() {
            return Err(BurstDenied::Nothing);
        } else if ttl > BurstSpec::MOST_TTL {
            return Err(BurstDenied::TooLong { asked: ttl, most: BurstSpec::MOST_TTL });
        } else if self.open.len() >= self.settings.open {
            return Err(BurstDenied::TooMany { most: self.settings.open });
        }
        let allowance = connections.min(self.room(room));
        if allowance == 0 {
            let BurstRoom { share, live } = room;
            return Err(BurstDenied::NoRoom { share, live, promised: self.promised() });
        }
        self.begun += 1;
        let (id, until) = (BurstId(self.begun), now.saturating_add(ttl));
        let connections = BTreeSet::new();
        self.open.insert(id, Open { slot, began: now, until, allowance, connections });
        Ok(Burst { id, allowance, until })
    }

    /// Enlists a stream of a connection, that was opened at `opened`. A connection that was
    /// promoted in this burst is in it again.
    ///
    /// # Errors
    /// It is not enlisted, and why.
    pub fn enlist(
        &mut self,
        now: Duration,
        burst: BurstId,
        connection: ConnectionId,
        opened: Duration,
        stream: StreamId,
    ) -> Result<(), EnlistError> {
        let now = self.pass(now);
        let into = self.open.get(&burst).filter(|open| now < open.until);
        let into = into.ok_or(EnlistError::Over)?;
        if self.open_burst_of(connection, stream).is_some() {
            return Err(EnlistError::Enlisted);
        }
        let most = into.allowance;
        if !into.connections.contains(&connection) && into.connections.len() >= most as usize {
            return Err(EnlistError::Allowance { most });
        }
        let most = self.settings.entries;
        while self.members.with(connection, stream) > most {
            if !self.members.forget_earliest() {
                return Err(EnlistError::Full { most });
            }
        }
        self.members.enlist(connection, opened, stream, burst);
        if let Some(into) = self.open.get_mut(&burst) {
            into.connections.insert(connection);
        }
        Ok(())
    }

    /// Takes a connection out of a burst, to keep it: its streams there are as any other, and it
    /// counts for the protocol again. Says whether it was in it.
    pub fn promote(&mut self, burst: BurstId, connection: ConnectionId) -> bool {
        let Some(open) = self.open.get_mut(&burst) else { return false };
        let was_in = open.connections.remove(&connection);
        if was_in {
            self.members.promote(connection, burst);
        }
        was_in
    }

    /// Ends a burst; `None`: it is over already.
    pub fn end(&mut self, now: Duration, burst: BurstId) -> Option<EndedBurst> {
        let now = self.pass(now);
        let Open { slot, began, connections, .. } = self.open.remove(&burst)?;
        self.ended += 1;
        for connection in &connections {
            self.members.end(*connection, burst, began, self.ended, now);
        }
        Some(EndedBurst { id: burst, slot, connections: connections.into_iter().collect() })
    }

    /// Ends all bursts of a protocol, the earliest first.
    pub fn end_all(&mut self, now: Duration, slot: Slot) -> Vec<EndedBurst> {
        let own = self.open.iter().filter(|(_, open)| open.slot == slot);
        let own: Vec<BurstId> = own.map(|(id, _)| *id).collect();
        own.into_iter().filter_map(|id| self.end(now, id)).collect()
    }

    /// Forgets a stream that was closed. A stream that this is not told of keeps its connection from
    /// being residue.
    pub fn stream_closed(&mut self, connection: ConnectionId, stream: StreamId) {
        self.members.stream_closed(connection, stream);
    }

    /// Forgets a connection that was closed.
    pub fn connection_closed(&mut self, connection: ConnectionId) {
        for burst in self.members.remove(connection) {
            if let Some(open) = self.open.get_mut(&burst) {
                open.connections.remove(&connection);
            }
        }
    }

    /// Ends the bursts whose time is over, in the order of their times, and forgets residue that
    /// was kept for long enough.
    #[must_use]
    pub fn poll(&mut self, now: Duration) -> Vec<EndedBurst> {
        let now = self.pass(now);
        let over = self.open.iter().filter(|(_, open)| open.until <= now);
        let mut over: Vec<_> = over.map(|(id, open)| (open.until, *id)).collect();
        over.sort_unstable();
        let ended = over.into_iter().filter_map(|(_, id)| self.end(now, id)).collect();
        while self.residue_expires().is_some_and(|at| at <= now) {
            self.members.forget_earliest();
        }
        ended
    }

    /// When to poll next; `None`: not before a burst is begun.
    pub fn next_due(&self) -> Option<Duration> {
        let ends = self.open.values().map(|open| open.until);
        ends.chain(self.residue_expires()).min()
    }

    /// Whether a stream is in a burst that is open.
    pub fn is_enlisted(&self, connection: ConnectionId, stream: StreamId) -> bool {
        self.open_burst_of(connection, stream).is_some()
    }

    /// The protocol of a burst that is open.
    pub fn protocol_of(&self, burst: BurstId) -> Option<Slot> {
        self.open.get(&burst).map(|open| open.slot)
    }

    /// How many bursts are open.
    pub fn how_many_open(&self) -> usize {
        self.open.len()
    }

    /// How many streams of a connection are in open bursts of a protocol. Where these are all the
    /// streams that the protocol has on it, the connection does not count against its quota.
    pub fn covered(&self, connection: ConnectionId, slot: Slot) -> usize {
        let bursts = self.members.bursts_of_streams(connection);
        bursts.filter(|burst| self.open.get(burst).is_some_and(|open| open.slot == slot)).count()
    }

    /// Whether a connection that has so many streams, of whatever protocol, is the residue of a
    /// burst; the number of bursts that ended after that one, at most 65,535. The least goes first.
    pub fn residue(&self, connection: ConnectionId, streams: u32, locked: bool) -> Option<u16> {
        let ended = self.members.residue(connection).filter(|_| !locked)?;
        let left = self.members.bursts_of_streams(connection).count();
        let after = u16::try_from(self.ended - ended).unwrap_or(u16::MAX);
        (u32::try_from(left) == Ok(streams)).then_some(after)
    }

    /// Connections that may be [residue](Bursts::residue), where bursts ended [so long
    /// ago](BurstSettings::linger) that what is should be closed; those of the earliest burst
    /// first.
    pub fn lingering(&self, now: Duration) -> impl Iterator<Item = ConnectionId> {
        let before = self.settings.linger.and_then(|linger| self.now.max(now).checked_sub(linger));
        self.members.ended_until(before)
    }

    /// When the next connection may be [lingering](Bursts::lingering).
    pub fn next_lingering(&self) -> Option<Duration> {
        Some(self.members.earliest_end()?.saturating_add(self.settings.linger?))
    }

    /// How many connections may be enlisted beyond those of open bursts.
    fn room(&self, BurstRoom { share, live }: BurstRoom) -> u32 {
        let promised = self.promised();
        // Enlisted connections are open, so these are among the live ones.
        let used: usize = self.open.values().map(|open| open.connections.len()).sum();
        let unused = promised.saturating_sub(u32::try_from(used).unwrap_or(u32::MAX));
        let free = share.saturating_sub(live).saturating_sub(unused);
        free.min((share / 5).saturating_sub(promised))
    }

    /// The allowances of open bursts together; at most a fifth of the greatest share there was.
    fn promised(&self) -> u32 {
        self.open.values().map(|open| open.allowance).fold(0, u32::saturating_add)
    }

    fn open_burst_of(&self, connection: ConnectionId, stream: StreamId) -> Option<BurstId> {
        let burst = self.members.burst_of(connection, stream)?;
        self.open.contains_key(&burst).then_some(burst)
    }

    fn residue_expires(&self) -> Option<Duration> {
        self.members.earliest_end().map(|ended| ended.saturating_add(self.settings.keep))
    }

    fn pass(&mut self, now: Duration) -> Duration {
        self.now = self.now.max(now);
        self.now
    }
}

#[cfg(test)]
mod tests;
