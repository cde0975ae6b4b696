//! A connection as a regulator keeps it.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use crate::{
    ConnectionId, Direction, Peer, Score, StreamId, StreamView,
    burst::Bursts,
    lock::{ConnectionCell, LiveConnection},
    quota::{Slot, Slots},
    regulator::{
        streams::{Stream, Streams},
        users::{Change, Users},
    },
    scoring::Vote,
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
    /// Whether it holds a file descriptor.
    pub descriptor: bool,
    /// A decision to close it was made.
    pub closing: bool,
    /// Whether a stream of it ever was in a burst.
    pub in_bursts: bool,
    /// Whether somebody ever asked for a lock on it.
    pub asked_to_lock: bool,
    streams: Streams,
    /// Streams beyond those that are kept.
    uncounted: u32,
    users: Users,
    /// Of these protocols those whose streams are all in open bursts.
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
            descriptor: false,
            closing: false,
            in_bursts: false,
            asked_to_lock: false,
            streams: Streams::default(),
            uncounted: 0,
            users: Users::default(),
            covered: Slots::EMPTY,
        }
    }

    /// The protocols that use it, or did lately.
    pub fn slots(&self) -> Slots {
        self.users.slots()
    }

    /// The protocols that it is counted for.
    pub fn charged(&self) -> Slots {
        if self.closing {
            return Slots::EMPTY;
        }
        let own = self.users.streams().filter(|(slot, _)| !self.covered.contains(*slot));
        own.fold(Slots::EMPTY, |slots, (slot, _)| slots.with(slot))
    }

    /// Whether it has a lock.
    pub fn is_locked(&self) -> bool {
        // What is asked lies elsewhere, and few are ever locked.
        self.asked_to_lock && self.live.look().is_some_and(|live| live.locks > 0)
    }

    /// How many streams it has.
    pub fn streams(&self) -> u32 {
        let known = u32::try_from(self.streams.len()).unwrap_or(u32::MAX);
        known.saturating_add(self.uncounted)
    }

    pub fn use_at(&mut self, now: Duration) {
        self.useful = self.useful.max(Some(now));
        self.live.touch(now);
        self.users.use_at(now, self.covered);
    }

    /// Whether it may be left from a burst and of use to nobody else.
    pub fn may_be_residue(&self) -> bool {
        self.in_bursts && !self.users.outlast_streams()
    }

    /// Forgets protocols that have no stream and had no use of it for so long.
    pub fn forget_unused(&mut self, now: Duration, after: Duration) {
        self.users.forget_unused(now, after);
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
            self.users.join(slot);
            // This one is in no burst.
            self.covered = self.covered.without(slot);
        }
        true
    }

    /// Forgets a stream.
    pub fn close_stream(&mut self, id: StreamId, now: Duration) {
        let Some(stream) = self.streams.remove(id) else {
            self.uncounted = self.uncounted.saturating_sub(1);
            return;
        };
        for (slot, said) in stream.scores() {
            if self.users.leave(slot, said, now, self.covered.contains(slot)) {
                self.covered = self.covered.without(slot);
            }
        }
    }

    /// Takes all streams from a protocol.
    pub fn detach(&mut self, slot: Slot) {
        self.streams.iter_mut().for_each(|stream| stream.detach(slot));
        self.users.remove(slot);
        self.covered = self.covered.without(slot);
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
        self.users.forget_best();
        self.cover(id, bursts);
    }

    /// Gives a stream to a protocol by enlisting it in an open burst of it.
    pub fn enlist(&mut self, id: ConnectionId, stream: StreamId, slot: Slot, bursts: &Bursts) {
        self.attach(stream, slot);
        if let Some(known) = self.streams.get_mut(stream) {
            known.in_burst = true;
        }
        self.users.forget_best();
        self.in_bursts = true;
        self.cover(id, bursts);
    }

    /// Looks up again which protocols use it for nothing but bursts.
    pub fn cover(&mut self, id: ConnectionId, bursts: &Bursts) {
        let covered = |slot, streams| streams > 0 && bursts.covered(id, slot) >= streams;
        let covered = self.users.streams().filter(|(slot, streams)| covered(*slot, *streams));
        self.covered = covered.fold(Slots::EMPTY, |slots, (slot, _)| slots.with(slot));
    }

    /// What its streams say, and what protocols said last that have none now.
    pub fn votes(&self, now: Duration) -> impl Iterator<Item = Vote> {
        let of_streams = self.streams.iter().flat_map(move |stream| stream.votes(now));
        of_streams.chain(self.users.last_votes())
    }

    /// The best that each protocol says of its streams, and what those said last that have none now.
    pub fn best(&mut self, now: Duration) -> impl Iterator<Item = (Slot, Score)> {
        self.users.look_up(now, &self.streams);
        self.users.best()
    }

    /// Notes what a protocol says of a stream.
    pub fn record(&mut self, id: StreamId, slot: Slot, at: Duration, score: Score) {
        let change = self.streams.get_mut(id).and_then(|stream| {
            let in_burst = stream.in_burst;
            let cached = stream.score_mut(slot)?;
            let before = *cached;
            cached.record(at, score);
            let counted = Vote { slot, score: cached.get(at), in_burst }.counted();
            Some(Change { before, after: *cached, counted })
        });
        self.users.record(slot, score, change);
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        lock::{LockBudgets, Locks},
        scoring::tally::Best,
    };

    #[derive(Clone, Debug)]
    enum Call {
        Open(u64),
        Close(u64),
        Attach(u64, u8),
        Detach(u8),
        /// Of so many seconds ago.
        Record(u64, u8, u64, i64),
        Use,
        Forget(u64),
        Wait(u64),
        Look,
    }

    fn calls() -> impl Strategy<Value = Vec<Call>> {
        let (stream, slot) = (|| 0..5_u64, || 0..3_u8);
        let call = prop_oneof![
            2 => stream().prop_map(Call::Open),
            1 => stream().prop_map(Call::Close),
            3 => (stream(), slot()).prop_map(|(stream, slot)| Call::Attach(stream, slot)),
            1 => slot().prop_map(Call::Detach),
            6 => (stream(), slot(), 0..80_u64, -3..4_i64)
                .prop_map(|(stream, slot, ago, score)| Call::Record(stream, slot, ago, score)),
            1 => Just(Call::Use),
            1 => (0..80_u64).prop_map(Call::Forget),
            2 => (0..40_u64).prop_map(Call::Wait),
            2 => Just(Call::Look),
        ];
        prop::collection::vec(call, 1..80)
    }

    proptest! {
        #[test]
        fn the_best_that_is_kept_is_that_of_all_streams(calls in calls()) {
            let mut now = Duration::from_secs(1000);
            let peer = Locks::new(LockBudgets::of_share(1)).peer();
            let cell = Arc::new(ConnectionCell::new(0));
            let live = cell.open(now, &peer).unwrap();
            let (peer, address) = (Peer::new(b"peer").unwrap(), Arc::from(""));
            let mut held = Held::new(peer, Direction::Inbound, address, 0, now, cell, live);
            for call in calls {
                let slot = |slot| Slot::new(slot).unwrap();
                match call {
                    Call::Open(id) => {
                        held.open_stream(StreamId(id), Direction::Inbound, now.into(), 4);
                    }
                    Call::Close(id) => held.close_stream(StreamId(id), now),
                    Call::Attach(id, of) => {
                        held.attach(StreamId(id), slot(of));
                    }
                    Call::Detach(of) => held.detach(slot(of)),
                    Call::Record(id, of, ago, score) => {
                        let at = now - Duration::from_secs(ago);
                        held.record(StreamId(id), slot(of), at, Score::new(score));
                    }
                    Call::Use => held.use_at(now),
                    Call::Forget(after) => held.forget_unused(now, Duration::from_secs(after)),
                    Call::Wait(by) => now += Duration::from_secs(by),
                    Call::Look => {
                        let expected = Best::of(held.votes(now));
                        let mut best: Vec<_> = held.best(now).collect();
                        best.sort();
                        prop_assert_eq!(best, expected.iter().collect::<Vec<_>>());
                    }
                }
            }
        }
    }
}
