//! All peers, in shards with a lock each.

use std::{
    hash::{BuildHasher, Hasher},
    sync::{Mutex, MutexGuard},
};

use crossbeam_utils::CachePadded;
use foldhash::{SharedSeed, quality::SeedableRandomState};

use super::{
    entry::Entry,
    names::Names,
    room::{Bounded, Rooms},
    shard::Shard,
};
use crate::{Full, Peer, Settings, time::Time, unpoisoned::unpoisoned};

/// How many shards there are.
const SHARDS: usize = 256;

/// The peers by a keyed hash: no remote chooses its shard, as it can where the last byte of its
/// identifier says it.
///
/// No thread holds two of the locks, and none holds one while it calls a function of the user's
/// or chooses whom to close. So there is no order of locks to keep.
#[derive(Debug)]
pub(crate) struct Shards {
    hasher: SeedableRandomState,
    rooms: Rooms,
    shards: Box<[CachePadded<Mutex<Shard>>]>,
}

impl Shards {
    pub fn new(settings: &Settings) -> Shards {
        let hasher = match settings.seed {
            Some(seed) => SeedableRandomState::with_seed(seed, SharedSeed::global_fixed()),
            None => SeedableRandomState::random(),
        };
        Shards {
            hasher,
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
        unpoisoned(&self.shards[Shards::index(hash)])
    }

    /// All shards, for each to be locked for a short time.
    pub fn each<'a>(&'a self) -> impl Iterator<Item = impl Fn() -> MutexGuard<'a, Shard>> {
        self.shards.iter().map(|shard| || unpoisoned(shard))
    }

    /// The shard of a peer, with room for one more of a kind if there is any.
    #[inline]
    pub fn lock_with_room(&self, hash: u64, kind: Bounded) -> MutexGuard<'_, Shard> {
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
        let mut shard = self.lock(hash);
        if let Some((entry, names)) = shard.get_mut(hash, peer) {
            let changed = change(entry, names);
            shard.sweep_names();
            return Ok(changed);
        }
        drop(shard);
        let mut shard = self.lock_with_room(hash, Bounded::Temporary);
        let changed = match shard.get_mut(hash, peer) {
            Some((entry, names)) => change(entry, names),
            None => {
                let (entry, names) = shard.insert(hash, peer, now, &self.rooms)?;
                change(entry, names)
            }
        };
        shard.sweep_names();
        Ok(changed)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// How many peers are in the fullest of 64 buckets of each shard, by the bits of the hash that a
    /// table goes by.
    fn fullest(peers: impl Iterator<Item = Vec<u8>>) -> usize {
        let shards = Shards::new(&Settings { seed: Some(1), ..Settings::default() });
        let mut counts = vec![[0; 64]; 3 * SHARDS];
        for id in peers {
            let hash = shards.hash(&Peer::new(&id).unwrap());
            let shard = Shards::index(hash);
            for (at, bits) in [hash, hash >> 57, hash >> 6].into_iter().enumerate() {
                counts[at * SHARDS + shard][bits as usize % 64] += 1;
            }
        }
        counts.into_iter().flatten().max().unwrap()
    }

    #[test]
    fn peers_that_are_alike_spread_over_shards_and_buckets() {
        const EACH: usize = 16;
        let count = (SHARDS * 64 * EACH) as u32;
        // By chance alone none of 49,152 is 8 standard deviations above the mean.
        for length in [4, 16, 34, 38, 40] {
            let with = |number: u32, at: usize| {
                let mut id = vec![7; length];
                id[at..at + 4].copy_from_slice(&number.to_le_bytes());
                id
            };
            for at in [0, (length - 4) / 2, length - 4] {
                let fullest = fullest((0..count).map(|number| with(number, at)));
                assert!(fullest < EACH + 8 * 4, "{fullest} of {length} bytes at {at}");
            }
        }
    }
}
