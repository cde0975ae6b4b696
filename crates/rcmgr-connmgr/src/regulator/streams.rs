//! The streams of a connection.

use std::time::Duration;

use smallvec::SmallVec;

use crate::{
    Direction, StreamId,
    quota::Slot,
    scoring::{CachedScore, Vote},
    time::Time,
};

/// A stream of a connection.
#[derive(Debug)]
pub(super) struct Stream {
    pub id: StreamId,
    pub direction: Direction,
    /// Whether it is in a burst that is open.
    pub in_burst: bool,
    pub opened: Time,
    pub carried: Time,
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// The protocols that it belongs to, with what each says of it.
    scores: SmallVec<[(Slot, CachedScore); 1]>,
}

impl Stream {
    fn new(id: StreamId, direction: Direction, now: Time) -> Stream {
        Stream {
            id,
            direction,
            in_burst: false,
            opened: now,
            carried: now,
            bytes_in: 0,
            bytes_out: 0,
            scores: SmallVec::new(),
        }
    }

    /// The protocols that it belongs to, with what each says of it.
    pub fn scores(&self) -> impl Iterator<Item = (Slot, CachedScore)> {
        self.scores.iter().copied()
    }

    /// Gives it to a protocol. Whether that is new.
    pub fn attach(&mut self, slot: Slot) -> bool {
        let is_new = self.scores.iter().all(|(known, _)| *known != slot);
        if is_new {
            self.scores.push((slot, CachedScore::default()));
        }
        is_new
    }

    /// Takes it from a protocol.
    pub fn detach(&mut self, slot: Slot) {
        self.scores.retain(|(known, _)| *known != slot);
    }

    /// What a protocol says of it, if it belongs to that.
    pub fn score_mut(&mut self, slot: Slot) -> Option<&mut CachedScore> {
        let known = self.scores.iter_mut().find(|(known, _)| *known == slot);
        known.map(|(_, score)| score)
    }

    /// What they say of it now.
    pub fn votes(&self, now: Duration) -> impl Iterator<Item = Vote> {
        let in_burst = self.in_burst;
        self.scores().map(move |(slot, score)| Vote { slot, score: score.get(now), in_burst })
    }

    /// Notes that it carried something.
    pub fn carry(&mut self, now: Time, bytes_in: u64, bytes_out: u64) {
        self.carried = self.carried.max(now);
        self.bytes_in = self.bytes_in.saturating_add(bytes_in);
        self.bytes_out = self.bytes_out.saturating_add(bytes_out);
    }
}

/// Streams by their numbers, side by side, as rounds go through those of all connections. A later one
/// has a higher number as a rule, and comes last; few are moved where one closes, as few are open.
#[derive(Debug, Default)]
pub(super) struct Streams(Vec<Stream>);

impl Streams {
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn contains(&self, id: StreamId) -> bool {
        self.find(id).is_ok()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Stream> {
        self.0.iter()
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Stream> {
        self.0.iter_mut()
    }

    pub fn get_mut(&mut self, id: StreamId) -> Option<&mut Stream> {
        let at = self.find(id).ok()?;
        self.0.get_mut(at)
    }

    /// Takes in a stream, if none has its number.
    pub fn insert(&mut self, id: StreamId, direction: Direction, now: Time) {
        if let Err(at) = self.find(id) {
            self.0.insert(at, Stream::new(id, direction, now));
        }
    }

    pub fn remove(&mut self, id: StreamId) -> Option<Stream> {
        let stream = self.0.remove(self.find(id).ok()?);
        if self.0.len() * 4 < self.0.capacity() {
            self.0.shrink_to(self.0.len() * 2);
        }
        Some(stream)
    }

    fn find(&self, id: StreamId) -> Result<usize, usize> {
        match self.0.last() {
            Some(last) if last.id < id => Err(self.0.len()),
            _ => self.0.binary_search_by_key(&id, |stream| stream.id),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn streams_come_and_go_in_any_order(calls: Vec<(bool, u8)>) {
            let (mut streams, mut expected) = (Streams::default(), BTreeSet::new());
            for (open, id) in calls {
                let id = StreamId(u64::from(id % 32));
                if open {
                    streams.insert(id, Direction::Inbound, Time::from(Duration::ZERO));
                    expected.insert(id);
                } else {
                    prop_assert_eq!(streams.remove(id).is_some(), expected.remove(&id));
                }
                prop_assert!(streams.iter().map(|stream| &stream.id).eq(&expected));
                prop_assert_eq!(streams.contains(id), open);
            }
        }
    }
}
