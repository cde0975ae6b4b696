//! A connection as a regulator keeps it.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use smallvec::SmallVec;

use crate::{
    Bursts, CachedScore, ConnectionCell, ConnectionId, Direction, LiveConnection, Peer, Score,
    Slot, Slots, StreamId, StreamView, Vote,
    regulator::streams::{Stream, Streams},
    time::Time,
};

/// An open connection, under the lock of its shard.
#[derive(Debug)]
pub(super) struct Held {
    pub peer: Peer,
    pub direction: Direction,
    pub address: Arc<str>,
    pub network: u32,
    pub opened: Duration,
    pub useful: Option<Duration>,
    pub rtt: Option<NonZeroU32>,
    pub cell: Arc<ConnectionCell>,
    pub live: LiveConnection,
    /// A decision to close it was made.
    pub closing: bool,
    /// Whether a stream of it ever was in a burst.
    pub in_bursts: bool,
    streams: Streams,
    /// Streams beyond those that are kept.
    uncounted: u32,
    /// The protocols that use it, with the number of their streams.
    attached: SmallVec<[(Slot, u32); 2]>,
    /// Of these, those whose streams are all in open bursts.
    covered: Slots,
}

impl Held {
    pub fn new(
        peer: Peer,
        direction: Direction,
        address: Arc<str>,
        network: u32,
        opened: Duration,
        cell: Arc<ConnectionCell>,
        live: LiveConnection,
    ) -> Held {
        Held {
            peer,
            direction,
            address,
            network,
            opened,
            useful: None,
            rtt: None,
            cell,
            live,
            closing: false,
            in_bursts: false,
            streams: Streams::default(),
            uncounted: 0,
            attached: SmallVec::new(),
            covered: Slots::EMPTY,
        }
    }

    /// The protocols that use it.
    pub fn slots(&self) -> Slots {
        self.attached.iter().fold(Slots::EMPTY, |slots, (slot, _)| slots.with(*slot))
    }

    /// The protocols that it is counted for.
    pub fn charged(&self) -> Slots {
        let closing = self.closing;
        let own =
            self.attached.iter().filter(|(slot, _)| !closing && !self.covered.contains(*slot));
        own.fold(Slots::EMPTY, |slots, (slot, _)| slots.with(*slot))
    }

    /// How many streams it has.
    pub fn streams(&self) -> u32 {
        let known = u32::try_from(self.streams.len()).unwrap_or(u32::MAX);
        known.saturating_add(self.uncounted)
    }

    pub fn use_at(&mut self, now: Duration) {
        self.useful = self.useful.max(Some(now));
        self.live.touch(now);
    }

    /// Takes in a stream; beyond `most` it is only counted.
    pub fn open_stream(&mut self, id: StreamId, direction: Direction, now: Time, most: usize) {
        if self.streams.len() < most {
            self.streams.insert(id, direction, now);
        } else if !self.streams.contains(id) {
            self.uncounted = self.uncounted.saturating_add(1);
        }
    }

    /// Notes what a stream carried.
    pub fn carry(&mut self, id: StreamId, now: Time, bytes_in: u64, bytes_out: u64) {
        if let Some(stream) = self.streams.get_mut(id) {
            stream.carry(now, bytes_in, bytes_out);
        }
    }

    /// Gives a stream to a protocol. Whether the stream is known.
    pub fn attach(&mut self, id: StreamId, slot: Slot) -> bool {
        let Some(stream) = self.streams.get_mut(id) else { return false };
        if stream.attach(slot) {
            match self.attached.iter_mut().find(|(known, _)| *known == slot) {
                Some((_, streams)) => *streams += 1,
                None => self.attached.push((slot, 1)),
            }
            // This one is in no burst.
            self.covered = self.covered.without(slot);
        }
        true
    }

    /// Forgets a stream.
    pub fn close_stream(&mut self, id: StreamId) {
        match self.streams.remove(id) {
            Some(stream) => stream.scores().for_each(|(slot, _)| self.detach_one(slot)),
            None => self.uncounted = self.uncounted.saturating_sub(1),
        }
    }

    /// Takes all streams from a protocol.
    pub fn detach(&mut self, slot: Slot) {
        self.streams.iter_mut().for_each(|stream| stream.detach(slot));
        self.attached.retain(|(known, _)| *known != slot);
        self.covered = self.covered.without(slot);
    }

    fn detach_one(&mut self, slot: Slot) {
        let Some(at) = self.attached.iter().position(|(known, _)| *known == slot) else { return };
        self.attached[at].1 -= 1;
        if self.attached[at].1 == 0 {
            self.attached.swap_remove(at);
            self.covered = self.covered.without(slot);
        }
    }

    /// Whether a stream is known.
    pub fn has_stream(&self, id: StreamId) -> bool {
        self.streams.contains(id)
    }

    /// Looks up again which of its streams are in open bursts, and which protocols use it for
    /// nothing else.
    pub fn look_up_bursts(&mut self, id: ConnectionId, bursts: &Bursts) {
        for stream in self.streams.iter_mut() {
            stream.in_burst = bursts.is_enlisted(id, stream.id);
        }
        self.cover(id, bursts);
    }

    /// Gives a stream to a protocol by enlisting it in an open burst of it.
    pub fn enlist(&mut self, id: ConnectionId, stream: StreamId, slot: Slot, bursts: &Bursts) {
        self.attach(stream, slot);
        if let Some(known) = self.streams.get_mut(stream) {
            known.in_burst = true;
        }
        self.in_bursts = true;
        self.cover(id, bursts);
    }

    /// Looks up again which protocols use it for nothing but bursts.
    pub fn cover(&mut self, id: ConnectionId, bursts: &Bursts) {
        let covered = |slot, streams| bursts.covered(id, slot) >= streams as usize;
        let covered = self.attached.iter().filter(|(slot, streams)| covered(*slot, *streams));
        self.covered = covered.fold(Slots::EMPTY, |slots, (slot, _)| slots.with(*slot));
    }

    /// What its streams say.
    pub fn votes(&self, now: Duration) -> impl Iterator<Item = Vote> {
        self.streams.iter().flat_map(move |stream| {
            let in_burst = stream.in_burst;
            let vote = move |(slot, score): (Slot, CachedScore)| {
                let score = score.get(now);
                Vote { slot, score, in_burst }
            };
            stream.scores().map(vote)
        })
    }

    /// Notes what a protocol says of a stream.
    pub fn record(&mut self, id: StreamId, slot: Slot, at: Duration, score: Score) {
        if let Some(stream) = self.streams.get_mut(id) {
            stream.record(slot, at, score);
        }
    }

    /// The streams of a protocol of which it said nothing for so long.
    pub fn views(
        &self,
        connection: ConnectionId,
        slot: Slot,
        now: Duration,
        older: Duration,
    ) -> impl Iterator<Item = StreamView> {
        let open_streams = self.streams();
        let is_due = move |stream: &Stream| {
            let of = stream.scores().find(|(known, _)| *known == slot);
            of.is_some_and(|(_, cached)| cached.age(now).is_none_or(|age| age >= older))
        };
        let since = move |time: Time| now.saturating_sub(time.into());
        self.streams.iter().filter(move |stream| is_due(stream)).map(move |stream| StreamView {
            peer: self.peer.clone(),
            connection,
            stream: stream.id,
            direction: stream.direction,
            age: since(stream.opened),
            idle: since(stream.carried),
            bytes_in: stream.bytes_in,
            bytes_out: stream.bytes_out,
            round_trip: self.rtt.map(|rtt| Duration::from_micros(rtt.get().into())),
            open_streams,
            in_burst: stream.in_burst,
            // The caller asks the manager.
            tags: 0,
        })
    }
}
