//! How many connections each peer has, and how many of them it has locked.

use std::{
    collections::HashMap,
    hash::BuildHasher,
    sync::{Mutex, MutexGuard},
};

use crossbeam_utils::CachePadded;
use foldhash::quality::FixedState;

use crate::{
    Peer,
    lock::{Locks, PeerLocks},
    unpoisoned::unpoisoned,
};

/// How many shards there are.
const SHARDS: usize = 64;

/// For how many peers a shard keeps room.
const LEAST_ROOM: usize = 64;

#[derive(Debug)]
struct Known {
    locks: PeerLocks,
    connections: u32,
}

type Shard = HashMap<Peer, Known, FixedState>;

/// The peers that have a connection, by a keyed hash.
#[derive(Debug)]
pub(super) struct Peers {
    shards: Box<[CachePadded<Mutex<Shard>>]>,
    hasher: FixedState,
}

impl Peers {
    pub fn new(seed: u64) -> Peers {
        let hasher = FixedState::with_seed(seed);
        let shard = || CachePadded::new(Mutex::new(Shard::with_hasher(hasher.clone())));
        Peers { shards: std::iter::repeat_with(shard).take(SHARDS).collect(), hasher }
    }

    /// Counts one more connection of a peer.
    pub fn join(&self, peer: &Peer, locks: &Locks) -> PeerLocks {
        let mut shard = self.lock(peer);
        let new = || Known { locks: locks.peer(), connections: 0 };
        let known = shard.entry(peer.clone()).or_insert_with(new);
        known.connections = known.connections.saturating_add(1);
        known.locks.clone()
    }

    /// Counts one less; after the last one the peer is forgotten.
    pub fn leave(&self, peer: &Peer) {
        let mut shard = self.lock(peer);
        let Some(known) = shard.get_mut(peer) else { return };
        known.connections = known.connections.saturating_sub(1);
        if known.connections == 0 {
            shard.remove(peer);
        }
        if shard.len() * 8 < shard.capacity() {
            let room = (shard.len() * 2).max(LEAST_ROOM);
            shard.shrink_to(room);
        }
    }

    /// How many there are.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| unpoisoned(shard).len()).sum()
    }

    fn lock(&self, peer: &Peer) -> MutexGuard<'_, Shard> {
        // The maps go by the lowest and the highest bits.
        unpoisoned(&self.shards[(self.hasher.hash_one(peer) >> 32) as usize % SHARDS])
    }
}
