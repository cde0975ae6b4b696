//! All peers, in shards with a lock each.

use std::{
    hash::{BuildHasher, Hasher},
    sync::{Mutex, MutexGuard, PoisonError},
};

use crossbeam_utils::CachePadded;
use foldhash::quality::{FixedState, RandomState};

use crate::{
    Full, Peer, Settings,
    entry::Entry,
    names::Names,
    room::{Kind, Rooms},
    shard::Shard,
    time::Time,
};

/// How many shards there are.
const SHARDS: usize = 256;

/// The peers by a keyed hash: no remote chooses its shard, as it can where the last byte of its
/// identifier says it.
///
/// No thread holds two of the locks, and none holds one while it calls a function of the user's
/// or chooses whom to close. So there is no order of locks to keep.
#[derive(Debug)]
pub(crate) struct Shards {
    hasher: FixedState,
    rooms: Rooms,
    shards: Box<[CachePadded<Mutex<Shard>>]>,
}

impl Shards {
    pub fn new(settings: &Settings) -> Shards {
        let seed = settings.seed.unwrap_or_else(|| RandomState::default().hash_one(0));
        Shards {
            hasher: FixedState::with_seed(seed),
            rooms: Rooms::new(&settings.bounds, SHARDS),
            shards: std::iter::repeat_with(CachePadded::default).take(SHARDS).collect(),
        }
    }

    pub fn rooms(&self) -> &Rooms {
        &self.rooms
    }

    #[inline]
    pub fn hash(&self, peer: &Peer) -> u64 {
        self.hash_bytes(peer.as_bytes())
    }

    #[inline]
    pub fn hash_name<'a>(&self, name: &'a str) -> (u64, &'a str) {
        (self.hash_bytes(name.as_bytes()), name)
    }

    /// Without the length, which `Hash` writes to tell what follows apart: nothing follows.
    fn hash_bytes(&self, bytes: &[u8]) -> u64 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(bytes);
        hasher.finish()
    }

    /// The index of the shard of a hash. The tables in them go by its lowest and its highest bits.
    pub fn index(hash: u64) -> usize {
        (hash >> 40) as usize % SHARDS
    }

    #[inline]
    pub fn lock(&self, hash: u64) -> MutexGuard<'_, Shard> {
        lock(&self.shards[Shards::index(hash)])
    }

    /// All shards, for each to be locked for a short time.
    pub fn each<'a>(&'a self) -> impl Iterator<Item = impl Fn() -> MutexGuard<'a, Shard>> {
        self.shards.iter().map(|shard| || lock(shard))
    }

    /// The shard of a peer, with room for one more of a kind if there is any.
    #[inline]
    pub fn lock_with_room(&self, hash: u64, kind: Kind) -> MutexGuard<'_, Shard> {
        let mut shard = self.lock(hash);
        if self.rooms.refill(kind, &mut shard.reserves) {
            return shard;
        }
        drop(shard);
        for shard in self.each() {
            self.rooms.give_all(kind, &mut shard().reserves);
        }
        self.lock(hash)
    }

    /// Changes the entry of a peer; one that has no connection is made where there is none.
    #[inline]
    pub fn change<R>(
        &self,
        hash: u64,
        peer: &Peer,
        now: Time,
        change: impl FnOnce(&mut Entry, &mut Names) -> R,
    ) -> Result<R, Full> {
        if let Some((entry, names)) = self.lock(hash).get_mut(hash, peer) {
            return Ok(change(entry, names));
        }
        let mut shard = self.lock_with_room(hash, Kind::Temporary);
        if let Some((entry, names)) = shard.get_mut(hash, peer) {
            return Ok(change(entry, names));
        }
        let (entry, names) = shard.insert(hash, peer, now, &self.rooms)?;
        Ok(change(entry, names))
    }

    /// How many connections are open. Other threads open and close some meanwhile.
    pub fn connections(&self) -> usize {
        self.each().map(|shard| shard().connections()).sum()
    }

    /// How many connections are open and stay so for all that is known.
    pub fn staying(&self) -> usize {
        self.each().map(|shard| shard().staying()).sum()
    }
}

/// What panics under the lock is a defect that shows itself; the others go on.
fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
