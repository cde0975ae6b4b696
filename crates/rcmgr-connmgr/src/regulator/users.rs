//! The protocols that use a connection, or did lately, with the best that each says of it.

use std::time::Duration;

use smallvec::SmallVec;

use crate::{
    Score,
    quota::{Slot, Slots},
    regulator::streams::Streams,
    scoring::{CachedScore, Vote, tally::Best},
    time::Time,
};

/// A protocol that uses a connection, or has no stream on it now and had use of it.
#[derive(Clone, Copy, Debug)]
struct User {
    slot: Slot,
    /// The best that it says of its streams, as far as that is known; without any, what it said last.
    best: Score,
    /// What it said last, of whichever stream.
    said: Score,
    /// How many it has.
    streams: u32,
    /// When the connection was last of use to it.
    used: Option<Duration>,
    /// When its last stream was closed.
    left: Time,
}

/// For how long after its last stream a protocol may tell that the connection was of use to it: a
/// request is over for its stream before it is for who made it.
const TELLS_WITHIN: Duration = Duration::from_secs(10);

impl User {
    /// Whether the connection counts for it.
    fn is_attached(&self) -> bool {
        self.streams > 0 || self.used.is_some()
    }
}

/// How what a protocol says of a stream has changed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    pub before: CachedScore,
    pub after: CachedScore,
    /// How much of that counts.
    pub counted: Score,
}

/// The protocols that use a connection, or did lately. The best that each says is kept beside it, so
/// that a round, which looks at all connections, seldom looks at their streams.
#[derive(Debug, Default)]
pub(super) struct Users {
    all: SmallVec<[User; 4]>,
    /// Until when the best of all are known: then the first score is too old to count. None: they are
    /// to be looked up.
    known_until: Option<Duration>,
}

impl Users {
    pub fn slots(&self) -> Slots {
        self.attached().fold(Slots::EMPTY, |slots, user| slots.with(user.slot))
    }

    fn attached(&self) -> impl Iterator<Item = &User> {
        self.all.iter().filter(|user| user.is_attached())
    }

    /// How many streams each has.
    pub fn streams(&self) -> impl Iterator<Item = (Slot, usize)> {
        self.attached().map(|user| (user.slot, user.streams as usize))
    }

    /// The best that each says, once it is [looked up](Users::look_up).
    pub fn best(&self) -> impl Iterator<Item = (Slot, Score)> {
        self.attached().map(|user| (user.slot, user.best))
    }

    /// Counts a stream of a protocol that said nothing of it yet.
    pub fn join(&mut self, slot: Slot) {
        if self.all.is_empty() {
            self.known_until = Some(Duration::MAX);
        }
        match self.all.iter_mut().find(|user| user.slot == slot) {
            Some(user) => {
                let others = if user.streams == 0 { Score::INDIFFERENT } else { user.best };
                user.streams += 1;
                user.best = others.max(Score::INDIFFERENT);
            }
            None => {
                let (best, said) = (Score::INDIFFERENT, Score::INDIFFERENT);
                let (used, left) = (None, Time::from(Duration::ZERO));
                self.all.push(User { slot, best, said, streams: 1, used, left });
            }
        }
    }

    /// Counts one less, of which the protocol said this. Whether it was its last one; then the protocol
    /// stays for a while if the connection was of use to it, which it may [still](TELLS_WITHIN) tell.
    /// One that had streams in bursts only is gone.
    pub fn leave(&mut self, slot: Slot, said: CachedScore, now: Duration, in_bursts: bool) -> bool {
        let Some(at) = self.all.iter().position(|user| user.slot == slot) else { return false };
        let user = &mut self.all[at];
        user.streams -= 1;
        let (best, is_last) = (user.best, user.streams == 0);
        if is_last && in_bursts && user.used.is_none() {
            self.all.swap_remove(at);
        } else if is_last {
            (user.best, user.left) = (user.said, now.into());
        } else if said.most() >= best {
            self.known_until = None;
        }
        is_last
    }

    /// Notes that the connection is of use to those that have streams on it, or had until just now, but
    /// for some.
    pub fn use_at(&mut self, now: Duration, but: Slots) {
        let own = |user: &&mut User| {
            let had = now.saturating_sub(user.left.into()) < TELLS_WITHIN;
            (user.streams > 0 || had) && !but.contains(user.slot)
        };
        self.all.iter_mut().filter(own).for_each(|user| user.used = Some(now));
    }

    /// Forgets those that have no stream and had no use of the connection for so long.
    pub fn forget_unused(&mut self, now: Duration, after: Duration) {
        self.all.retain(|user| {
            let within = |at, time| now.saturating_sub(at) < time;
            if user.used.is_some_and(|used| !within(used, after)) {
                user.used = None;
            }
            user.is_attached() || within(user.left.into(), TELLS_WITHIN)
        });
    }

    /// Whether it counts for one that has no stream.
    pub fn outlast_streams(&self) -> bool {
        self.attached().any(|user| user.streams == 0)
    }

    /// What those said last that have no stream.
    pub fn last_votes(&self) -> impl Iterator<Item = Vote> {
        let without = self.attached().filter(|user| user.streams == 0);
        without.map(|user| Vote { slot: user.slot, score: user.said, in_burst: false })
    }

    /// Forgets a protocol.
    pub fn remove(&mut self, slot: Slot) {
        self.all.retain(|user| user.slot != slot);
    }

    /// Notes what a protocol said last; and what that changed of a stream, unless it is closed.
    pub fn record(&mut self, slot: Slot, said: Score, change: Option<Change>) {
        let Some(user) = self.all.iter_mut().find(|user| user.slot == slot) else { return };
        user.said = said;
        if user.streams == 0 {
            user.best = said;
        }
        let Some(Change { before, after, counted }) = change else { return };
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
        let with = self.all.iter_mut().filter(|user| user.streams > 0);
        with.for_each(|user| user.best = best.of_slot(user.slot));
        let ends = streams.iter().flat_map(|stream| stream.scores());
        let ends = ends.filter_map(|(_, score)| score.until()).filter(|until| *until >= now);
        self.known_until = Some(ends.min().unwrap_or(Duration::MAX));
    }
}
