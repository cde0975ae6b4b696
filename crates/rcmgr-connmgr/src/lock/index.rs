//! Which leases there are, to look for those that are due or to be revoked.
//!
//! No promise rests on it: a lease that it misses for a moment is found the next time.

use std::{collections::BTreeMap, sync::Arc};

use super::lease::Lease;
use super::sync::Mutex;

/// How many parts it has, a power of two, so that holders seldom meet. The models have one: more would be more steps
/// and no other story.
const SHARDS: usize = if cfg!(rcmgr_loom) { 1 } else { 16 };

/// Leases by their numbers.
pub struct Index {
    shards: [Mutex<BTreeMap<u64, Arc<Lease>>>; SHARDS],
}

impl Index {
    pub fn new() -> Index {
        Index { shards: std::array::from_fn(|_| Mutex::default()) }
    }

    pub fn insert(&self, lease: &Arc<Lease>) {
        self.shard(lease.id()).lock().insert(lease.id(), lease.clone());
    }

    pub fn remove(&self, lease: &Lease) {
        let removed = self.shard(lease.id()).lock().remove(&lease.id());
        // The last reference may go with it, and what it owns, with no mutex held.
        drop(removed);
    }

    /// Those of which that is true, in the order of grants.
    pub fn all_that(&self, is_so: impl Fn(&Lease) -> bool) -> Vec<Arc<Lease>> {
        let mut found = Vec::new();
        for shard in &self.shards {
            found.extend(shard.lock().values().filter(|lease| is_so(lease)).cloned());
        }
        found.sort_unstable_by_key(|lease| lease.id());
        found
    }

    /// The least of what is told of each.
    pub fn least<T: Ord>(&self, of: impl Fn(&Lease) -> Option<T>) -> Option<T> {
        let least = |shard: &Mutex<BTreeMap<u64, Arc<Lease>>>| {
            shard.lock().values().filter_map(|lease| of(lease)).min()
        };
        self.shards.iter().filter_map(least).min()
    }

    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().len()).sum()
    }

    fn shard(&self, id: u64) -> &Mutex<BTreeMap<u64, Arc<Lease>>> {
        &self.shards[id as usize & (SHARDS - 1)]
    }
}
