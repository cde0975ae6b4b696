//! The decaying tags that are registered, and when each fades next.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use arc_swap::{ArcSwap, Guard};

use crate::{
    Full,
    decay::{Bump, Decay, Decayed, DecayingValue, RegisterError},
    unpoisoned::unpoisoned,
};

/// The most missed intervals that one late tick makes up for: what a jump of the clock costs.
const MOST_MISSED: u64 = 64;

/// A handle of a decaying tag (go: `DecayingTag`). Of no use once the tag was closed, even if its
/// name is registered again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DecayingTag(pub(crate) u64);

#[derive(Debug)]
pub(crate) struct Registered {
    pub name: Box<str>,
    pub interval: Duration,
    pub bump: Bump,
    decay: Decay,
    /// Set before the tag is taken from the peers, shard by shard. Who puts it to a peer looks
    /// under the lock of the shard: the lock orders the two, so it may be relaxed.
    closed: AtomicBool,
}

impl Registered {
    pub fn is_closed(&self) -> bool {
        self.closed.load(Relaxed)
    }

    /// What so many steps leave of a value.
    pub fn fade(&self, mut value: DecayingValue, steps: u64, now: Duration) -> Option<i64> {
        for _ in 0..steps {
            match self.decay.step(&value, now) {
                Decayed::To(left) => value.value = left,
                Decayed::Gone => return None,
            }
        }
        Some(value.value)
    }
}

/// The tags by their serial numbers.
pub(crate) type Tags = BTreeMap<u64, Arc<Registered>>;

/// Read by every bump, without a lock; written seldom, under one.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    tags: ArcSwap<Tags>,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    last_serial: u64,
    last_tick: Duration,
    next: BTreeMap<u64, Duration>,
}

impl Registry {
    pub fn register(
        &self,
        name: &str,
        interval: Duration,
        decay: Decay,
        bump: Bump,
        most: usize,
    ) -> Result<DecayingTag, RegisterError> {
        let mut book = self.book();
        let mut tags = Tags::clone(&self.tags());
        if tags.values().any(|known| *known.name == *name) {
            return Err(RegisterError::Exists(name.into()));
        }
        decay.check()?;
        bump.check()?;
        if tags.len() >= most {
            return Err(Full { what: "decaying tags", most }.into());
        }
        book.last_serial += 1;
        let serial = book.last_serial;
        let next = book.last_tick.saturating_add(interval);
        book.next.insert(serial, next);
        let closed = AtomicBool::new(false);
        let tag = Registered { name: name.into(), interval, bump, decay, closed };
        tags.insert(serial, Arc::new(tag));
        self.tags.store(Arc::new(tags));
        Ok(DecayingTag(serial))
    }

    /// Those that are registered now.
    pub fn tags(&self) -> Guard<Arc<Tags>> {
        self.tags.load()
    }

    /// Whether it was registered.
    pub fn close(&self, tag: DecayingTag) -> bool {
        let mut book = self.book();
        let mut tags = Tags::clone(&self.tags());
        let Some(closed) = tags.remove(&tag.0) else { return false };
        closed.closed.store(true, Relaxed);
        book.next.remove(&tag.0);
        self.tags.store(Arc::new(tags));
        true
    }

    /// The serial numbers of tags that are due, with how many intervals passed since.
    pub fn tick(&self, now: Duration) -> BTreeMap<u64, u64> {
        let mut book = self.book();
        // Of two ticks at once, the later one may come first.
        book.last_tick = book.last_tick.max(now);
        let tags = self.tags();
        let due = book.next.iter_mut().filter(|(_, next)| **next <= now);
        due.filter_map(|(serial, next)| {
            let interval = tags.get(serial)?.interval.as_nanos();
            let passed = (now - *next).as_nanos() / interval + 1;
            let passed = u64::try_from(passed).unwrap_or(u64::MAX);
            let ahead = u64::try_from(u128::from(passed) * interval);
            *next = ahead
                .map_or(Duration::MAX, |ahead| next.saturating_add(Duration::from_nanos(ahead)));
            Some((*serial, passed.min(MOST_MISSED)))
        })
        .collect()
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        unpoisoned(&self.book)
    }
}
