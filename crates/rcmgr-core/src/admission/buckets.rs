//! The buckets of subnets: made when a connection comes, forgotten when they are full, and bounded
//! in number.
//!
//! A bucket that is forgotten has the word [`DEAD`] for good; whoever finds it takes it out of the
//! map and makes another. A bucket that is full says no more than one that is not there, so
//! forgetting it loses nothing.

use core::time::Duration;
use std::collections::hash_map::RandomState;
use std::sync::Arc;

use ipnet::IpNet;

use super::rate::{Gcra, Rate};
use crate::sync::{AtomicWord, Ordering, Queue, Table};

/// No moment that [`Gcra`] counts to is so late.
const DEAD: u64 = u64::MAX;
/// How many buckets the making of one looks at: one more than are made, so that buckets that are
/// full go faster than others come.
const SWEPT: usize = 2;
/// How many it looks at at most to find the one to forget, when there are too many.
const COMPARED: usize = 8;

/// How long buckets are kept, and how many.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How long a bucket is kept once it is full.
    pub grace: Duration,
    /// How many there are at most.
    pub buckets: usize,
}

/// Which bucket. A rule that is given another rate starts anew, with full buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BucketKey {
    pub network: IpNet,
    pub rate: Rate,
}

struct Bucket {
    key: BucketKey,
    gcra: Gcra,
    word: AtomicWord,
}

/// See the module's text.
pub struct Buckets {
    /// Addresses are chosen by remote parties, so the hash must withstand that.
    buckets: Table<BucketKey, Arc<Bucket>, RandomState>,
    /// Every bucket that is not dead, but for those that are being looked at.
    queue: Queue<Arc<Bucket>>,
    count: AtomicWord,
}

impl Buckets {
    pub fn new() -> Self {
        Buckets { buckets: Table::new(), queue: Queue::new(), count: AtomicWord::new(0) }
    }

    /// The word of a bucket; one that is not there is full.
    pub fn look(&self, key: &BucketKey) -> u64 {
        // Relaxed, as everywhere here: the word of a bucket is all that there is of it.
        match self.buckets.get(key).map(|bucket| bucket.word.load(Ordering::Relaxed)) {
            Some(DEAD) | None => 0,
            Some(word) => word,
        }
    }

    /// Counts one event in a bucket, which is made if there is none; or says how long to wait.
    pub fn count(
        &self,
        key: BucketKey,
        gcra: Gcra,
        now: Duration,
        bounds: Bounds,
    ) -> Result<(), Duration> {
        let ticks = gcra.ticks(now);
        loop {
            if let Some(bucket) = self.buckets.get(&key) {
                match bucket.count(ticks) {
                    Some(counted) => return counted,
                    None => self.remove(&bucket),
                }
                continue;
            }
            let word = AtomicWord::new(gcra.admit(0, ticks)?);
            let bucket = Arc::new(Bucket { key, gcra, word });
            if self.buckets.insert_new(key, bucket.clone()).is_ok() {
                // Relaxed: a threshold. Counted before it can be found in the queue, and so before
                // it can be forgotten.
                let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
                self.queue.push(bucket);
                self.make_room(count > bounds.buckets as u64, now, bounds.grace);
                return Ok(());
            }
        }
    }

    /// Takes one event that was counted back.
    pub fn refund(&self, key: &BucketKey, gcra: &Gcra) {
        let Some(bucket) = self.buckets.get(key) else {
            return;
        };
        let mut seen = bucket.word.load(Ordering::Relaxed);
        while seen != DEAD {
            match bucket.word.compare_exchange(
                seen,
                gcra.refund(seen),
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(now) => seen = now,
            }
        }
    }

    /// Looks at a few buckets, the oldest first, and forgets those that are full; if there are
    /// too many, another one too: the first that lacks no more than one event, which is what a
    /// flood of ever new subnets leaves behind, or else the one that would be full soonest.
    fn make_room(&self, too_many: bool, now: Duration, grace: Duration) {
        let mut spared: Option<(Duration, Arc<Bucket>)> = None;
        for _ in 0..if too_many { COMPARED } else { SWEPT } {
            let Some(bucket) = self.queue.pop() else {
                break;
            };
            let full_in = match bucket.close_if_idle(now, grace) {
                Ok(()) => {
                    self.forget(&bucket);
                    continue;
                }
                Err(full_in) => full_in,
            };
            let found = too_many && full_in <= bucket.gcra.interval();
            let back = match &spared {
                Some((soonest, _)) if *soonest <= full_in => Some(bucket),
                _ => spared.replace((full_in, bucket)).map(|(_, before)| before),
            };
            if let Some(back) = back {
                self.queue.push(back);
            }
            if found {
                break;
            }
        }
        if let Some((_, bucket)) = spared {
            if too_many && bucket.close() {
                self.forget(&bucket);
            } else {
                self.queue.push(bucket);
            }
        }
    }

    /// Forgets every bucket that has been full for as long as the grace period; gives their
    /// number.
    pub fn forget_idle(&self, now: Duration, grace: Duration) -> usize {
        let mut forgotten = 0;
        for _ in 0..self.queue.len() {
            let Some(bucket) = self.queue.pop() else {
                break;
            };
            if bucket.close_if_idle(now, grace).is_ok() {
                self.forget(&bucket);
                forgotten += 1;
            } else {
                self.queue.push(bucket);
            }
        }
        forgotten
    }

    /// How many buckets there are.
    pub fn len(&self) -> usize {
        // Relaxed: a number to be shown.
        self.count.load(Ordering::Relaxed) as usize
    }

    /// Takes a bucket that this call has closed out of the map.
    fn forget(&self, bucket: &Arc<Bucket>) {
        // Relaxed: a threshold.
        self.count.fetch_sub(1, Ordering::Relaxed);
        self.remove(bucket);
    }

    fn remove(&self, bucket: &Arc<Bucket>) {
        self.buckets.remove_if(&bucket.key, |there| Arc::ptr_eq(there, bucket));
    }
}

impl Bucket {
    /// Counts one event, or says how long to wait; `None` if the bucket is dead.
    fn count(&self, now: u64) -> Option<Result<(), Duration>> {
        let mut seen = self.word.load(Ordering::Relaxed);
        while seen != DEAD {
            let next = match self.gcra.admit(seen, now) {
                Ok(next) => next,
                Err(wait) => return Some(Err(wait)),
            };
            match self.word.compare_exchange(seen, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Some(Ok(())),
                Err(now) => seen = now,
            }
        }
        None
    }

    /// Closes the bucket if it has been full for the grace period; else, how long until it is
    /// full.
    fn close_if_idle(&self, now: Duration, grace: Duration) -> Result<(), Duration> {
        let (now, idle) = (self.gcra.ticks(now), self.gcra.ticks(now.saturating_sub(grace)));
        let mut seen = self.word.load(Ordering::Relaxed);
        while seen <= idle {
            match self.word.compare_exchange(seen, DEAD, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(now) => seen = now,
            }
        }
        Err(self.gcra.full_in(seen, now))
    }

    /// Closes the bucket, whatever is in it; `false` if another has.
    fn close(&self) -> bool {
        let mut seen = self.word.load(Ordering::Relaxed);
        while seen != DEAD {
            match self.word.compare_exchange(seen, DEAD, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }
}
