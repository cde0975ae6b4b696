//! All connections, in shards with a lock each, and how many there are for whom.

use std::{
    collections::HashMap,
    hash::BuildHasher,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

use crossbeam_utils::CachePadded;
use foldhash::quality::FixedState;

use crate::{
    ConnectionId, lock::ConnectionCell, quota::Slot, regulator::held::Held, unpoisoned::unpoisoned,
};

/// How many shards there are.
const SHARDS: usize = 256;

/// How many free cells a shard keeps.
const FREE_CELLS: usize = 64;

/// For how many connections a shard keeps room.
const LEAST_ROOM: usize = 16;

/// What is under one lock.
#[derive(Debug)]
pub(super) struct Shard {
    held: HashMap<ConnectionId, Held, FixedState>,
    /// Cells whose connections are closed.
    free: Vec<Arc<ConnectionCell>>,
}

impl Shard {
    pub fn iter(&self) -> impl Iterator<Item = (ConnectionId, &Held)> {
        self.held.iter().map(|(id, held)| (*id, held))
    }

    /// To look at them where that notes something; what they count for stays.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (ConnectionId, &mut Held)> {
        self.held.iter_mut().map(|(id, held)| (*id, held))
    }
}

/// The connections by their numbers. Under the lock of a shard only that of bursts is taken.
#[derive(Debug)]
pub(super) struct Table {
    shards: Box<[CachePadded<Mutex<Shard>>]>,
    hasher: FixedState,
    counts: Counts,
    cells: AtomicU32,
}

/// Sums over all connections, changed under the lock of that which they change with. Relaxed: they
/// guard nothing.
#[derive(Debug)]
struct Counts {
    live: AtomicU32,
    closing: AtomicU32,
    usage: [AtomicU32; 64],
}

impl Table {
    /// The seed decides in which order connections are gone through.
    pub fn new(seed: u64) -> Table {
        let hasher = FixedState::with_seed(seed);
        let shard = || Shard { held: HashMap::with_hasher(hasher.clone()), free: Vec::new() };
        let shards = std::iter::repeat_with(|| CachePadded::new(Mutex::new(shard())));
        Table {
            shards: shards.take(SHARDS).collect(),
            hasher,
            counts: Counts {
                live: AtomicU32::new(0),
                closing: AtomicU32::new(0),
                usage: [const { AtomicU32::new(0) }; 64],
            },
            cells: AtomicU32::new(0),
        }
    }

    /// How many connections there are that nobody decided to close.
    pub fn live(&self) -> u32 {
        self.counts.live.load(Relaxed)
    }

    /// How many were decided to be closed and are open still.
    pub fn closing(&self) -> u32 {
        self.counts.closing.load(Relaxed)
    }

    /// How many live connections count for a protocol.
    pub fn usage(&self, slot: Slot) -> u32 {
        self.counts.usage[slot.index()].load(Relaxed)
    }

    /// Takes in a connection, in a cell of its own; `None` if its number is known. Gives the number
    /// of live ones.
    pub fn insert(
        &self,
        id: ConnectionId,
        make: impl FnOnce(Arc<ConnectionCell>) -> Option<Held>,
    ) -> Option<u32> {
        let mut shard = self.lock(id);
        if shard.held.contains_key(&id) {
            return None;
        }
        let cell = shard.free.pop().unwrap_or_else(|| self.new_cell());
        let held = make(cell)?;
        let live = self.counts.add(&held);
        shard.held.insert(id, held);
        Some(live)
    }

    /// A cell with a number that no other one has: they come back to be used again, up to 65,535
    /// times, so that numbers last for as long as anything here.
    pub fn new_cell(&self) -> Arc<ConnectionCell> {
        Arc::new(ConnectionCell::new(self.cells.fetch_add(1, Relaxed)))
    }

    /// Forgets a connection.
    pub fn remove(&self, id: ConnectionId) -> Option<Held> {
        let mut shard = self.lock(id);
        let held = shard.held.remove(&id)?;
        self.counts.sub(&held);
        held.live.close();
        if shard.free.len() < FREE_CELLS {
            shard.free.push(held.cell.clone());
        }
        if shard.held.len() * 8 < shard.held.capacity() {
            let room = (shard.held.len() * 2).max(LEAST_ROOM);
            shard.held.shrink_to(room);
        }
        Some(held)
    }

    /// Changes a connection; `None` if it is unknown. What it counts for follows.
    pub fn change<R>(&self, id: ConnectionId, change: impl FnOnce(&mut Held) -> R) -> Option<R> {
        let mut shard = self.lock(id);
        let held = shard.held.get_mut(&id)?;
        Some(self.counts.change(held, change))
    }

    /// Looks at a connection; `None` if it is unknown.
    pub fn look<R>(&self, id: ConnectionId, look: impl FnOnce(&Held) -> R) -> Option<R> {
        self.lock(id).held.get(&id).map(look)
    }

    /// Changes all connections, shard by shard.
    pub fn change_all(&self, mut change: impl FnMut(&mut Held)) {
        for shard in &self.shards {
            for held in unpoisoned(shard).held.values_mut() {
                self.counts.change(held, &mut change);
            }
        }
    }

    /// How many shards there are.
    pub fn shards(&self) -> usize {
        self.shards.len()
    }

    /// One shard, to be looked at for a short time.
    pub fn shard(&self, at: usize) -> MutexGuard<'_, Shard> {
        unpoisoned(&self.shards[at % self.shards.len()])
    }

    fn lock(&self, id: ConnectionId) -> MutexGuard<'_, Shard> {
        // The maps go by the lowest and the highest bits.
        self.shard((self.hasher.hash_one(id) >> 32) as usize)
    }
}

impl Counts {
    fn add(&self, held: &Held) -> u32 {
        held.charged().iter().for_each(|slot| self.charge(slot));
        let of = if held.closing { &self.closing } else { &self.live };
        of.fetch_add(1, Relaxed).saturating_add(1)
    }

    fn sub(&self, held: &Held) {
        held.charged().iter().for_each(|slot| self.discharge(slot));
        let of = if held.closing { &self.closing } else { &self.live };
        of.fetch_sub(1, Relaxed);
    }

    fn change<R>(&self, held: &mut Held, change: impl FnOnce(&mut Held) -> R) -> R {
        let (charged, closing) = (held.charged(), held.closing);
        let result = change(held);
        let now = held.charged();
        if now != charged {
            now.iter().filter(|slot| !charged.contains(*slot)).for_each(|slot| self.charge(slot));
            charged
                .iter()
                .filter(|slot| !now.contains(*slot))
                .for_each(|slot| self.discharge(slot));
        }
        if held.closing && !closing {
            self.live.fetch_sub(1, Relaxed);
            self.closing.fetch_add(1, Relaxed);
        }
        result
    }

    fn charge(&self, slot: Slot) {
        self.usage[slot.index()].fetch_add(1, Relaxed);
    }

    fn discharge(&self, slot: Slot) {
        self.usage[slot.index()].fetch_sub(1, Relaxed);
    }
}
