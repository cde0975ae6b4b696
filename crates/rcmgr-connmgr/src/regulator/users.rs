//! The protocols that use a connection, with the best that each says of it.

use std::time::Duration;

use smallvec::SmallVec;

use crate::{CachedScore, Score, Slot, Slots, regulator::streams::Streams, tally::Best};

/// A protocol that uses a connection.
#[derive(Clone, Copy, Debug)]
struct User {
    slot: Slot,
    /// The best that it says of its streams, as far as that is known.
    best: Score,
    /// How many it has.
    streams: u32,
}

/// The protocols that use a connection. The best that each says is kept beside it, so that a round,
/// which looks at all connections, seldom looks at their streams.
#[derive(Debug, Default)]
pub(super) struct Users {
    all: SmallVec<[User; 4]>,
    /// Until when the best of all are known: then the first score is too old to count. None: they are
    /// to be looked up.
    known_until: Option<Duration>,
}

impl Users {
    pub fn slots(&self) -> Slots {
        self.all.iter().fold(Slots::EMPTY, |slots, user| slots.with(user.slot))
    }

    /// How many streams each has.
    pub fn streams(&self) -> impl Iterator<Item = (Slot, usize)> {
        self.all.iter().map(|user| (user.slot, user.streams as usize))
    }

    /// The best that each says, once it is [looked up](Users::look_up).
    pub fn best(&self) -> impl Iterator<Item = (Slot, Score)> {
        self.all.iter().map(|user| (user.slot, user.best))
    }

    /// Counts a stream of a protocol that said nothing of it yet.
    pub fn join(&mut self, slot: Slot) {
        if self.all.is_empty() {
            self.known_until = Some(Duration::MAX);
        }
        match self.all.iter_mut().find(|user| user.slot == slot) {
            Some(user) => {
                user.streams += 1;
                user.best = user.best.max(Score::INDIFFERENT);
            }
            None => self.all.push(User { slot, best: Score::INDIFFERENT, streams: 1 }),
        }
    }

    /// Counts one less, of which the protocol said this. Whether it was its last one.
    pub fn leave(&mut self, slot: Slot, said: CachedScore) -> bool {
        let Some(at) = self.all.iter().position(|user| user.slot == slot) else { return false };
        let user = &mut self.all[at];
        user.streams -= 1;
        let (best, is_last) = (user.best, user.streams == 0);
        if is_last {
            self.all.swap_remove(at);
        } else if said.most() >= best {
            self.known_until = None;
        }
        is_last
    }

    /// Forgets a protocol.
    pub fn remove(&mut self, slot: Slot) {
        self.all.retain(|user| user.slot != slot);
    }

    /// Notes that a protocol changed what it says of a stream, and how much of that counts.
    pub fn record(&mut self, slot: Slot, before: CachedScore, after: CachedScore, counted: Score) {
        let Some(user) = self.all.iter_mut().find(|user| user.slot == slot) else { return };
        if counted >= user.best {
            user.best = counted;
        } else if before.most() >= user.best {
            self.known_until = None;
        }
        self.known_until = self.known_until.min(after.until());
    }

    /// Notes that other streams are in bursts than before.
    pub fn forget_best(&mut self) {
        self.known_until = None;
    }

    /// Looks up the best that each says now, if that may have changed.
    pub fn look_up(&mut self, now: Duration, streams: &Streams) {
        if self.all.is_empty() || self.known_until.is_some_and(|until| now <= until) {
            return;
        }
        let best = Best::of(streams.iter().flat_map(|stream| stream.votes(now)));
        self.all.iter_mut().for_each(|user| user.best = best.of_slot(user.slot));
        let ends = streams.iter().flat_map(|stream| stream.scores());
        let ends = ends.filter_map(|(_, score)| score.until()).filter(|until| *until >= now);
        self.known_until = Some(ends.min().unwrap_or(Duration::MAX));
    }
}
