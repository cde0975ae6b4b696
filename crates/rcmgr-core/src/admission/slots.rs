//! How many connections each network has at this moment: entries that exist only while something
//! is counted in them.
//!
//! The count of an entry that reached 0 never grows again: the entry is dead, whoever finds it
//! takes it out of the map, and the next connection makes another. So no entry can be removed
//! under someone who counts in it.
//!
//! A connection that is closed waits for nobody: where another thread is at the same place of the
//! map, it leaves the dead entry to the next connection that is opened.

use std::collections::hash_map::RandomState;
use std::sync::Arc;

use ipnet::IpNet;

use crate::sync::{AtomicWord, Busy, Ordering, Queue, Table};
use crate::{Error, Limit, Refusal, Resource, ScopeId};

/// What is counted: two rules may be about the same network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SlotKey {
    /// A network that has a limit of its own.
    Network(IpNet),
    /// A subnet of a length that has a limit.
    Subnet(IpNet),
}

impl SlotKey {
    pub fn network(&self) -> IpNet {
        match self {
            SlotKey::Network(network) | SlotKey::Subnet(network) => *network,
        }
    }
}

/// How many connections a network has.
#[derive(Debug)]
pub struct Slot {
    key: SlotKey,
    count: AtomicWord,
}

/// Why a slot was not taken.
enum Untaken {
    Full(u64),
    Dead,
}

impl Slot {
    fn take(&self, limit: Limit) -> Result<(), Untaken> {
        // Acquire, also where the exchange succeeds or fails: pairs with `give_back`. Who takes what
        // another gave back, be it by making an entry in place of a dead one, finds the room that
        // the other's connection has left in the scopes.
        let mut seen = self.count.load(Ordering::Acquire);
        loop {
            if seen == 0 {
                return Err(Untaken::Dead);
            }
            if seen >= limit.get() {
                return Err(Untaken::Full(seen));
            }
            match self.count.compare_exchange(seen, seen + 1, Ordering::Acquire, Ordering::Acquire)
            {
                Ok(_) => return Ok(()),
                Err(now) => seen = now,
            }
        }
    }
}

/// The counts of all networks that have connections.
pub struct Slots {
    /// Addresses are chosen by remote parties, so the hash must withstand that.
    counts: Table<SlotKey, Arc<Slot>, RandomState>,
    /// Dead entries that were left in the map.
    left: Queue<Arc<Slot>>,
}

/// What one connection holds of its networks; it has to be given back.
#[derive(Debug, Default)]
#[must_use]
pub struct Held(Box<[Arc<Slot>]>);

impl Slots {
    pub fn new() -> Self {
        Slots { counts: Table::new(), left: Queue::new() }
    }

    /// Counts a connection in all of some networks, or in none.
    ///
    /// All but the last are looked at before any is changed, and the last is changed first, so that
    /// a connection that is refused makes no entries and takes nobody's room.
    pub fn take<'r>(
        &self,
        rules: impl Iterator<Item = (SlotKey, Limit)> + Clone + 'r,
    ) -> Result<Held, Error> {
        if let Some(left) = self.left.pop() {
            self.forget(&left);
        }
        let Some((last, limit)) = rules.clone().last() else {
            return Ok(Held::default());
        };
        let count = rules.clone().count();
        let others = rules.take(count - 1);
        for (key, limit) in others.clone() {
            // Relaxed: what is refused here is about this word alone.
            let used = self.counts.get(&key).map_or(0, |slot| slot.count.load(Ordering::Relaxed));
            if used >= limit.get() {
                return Err(refusal(&key, used, limit));
            }
        }
        let mut held = Vec::with_capacity(count);
        held.push(self.take_one(last, limit)?);
        for (key, limit) in others {
            match self.take_one(key, limit) {
                Ok(slot) => held.push(slot),
                Err(error) => {
                    self.give_back(&Held(held.into()));
                    return Err(error);
                }
            }
        }
        Ok(Held(held.into()))
    }

    fn take_one(&self, key: SlotKey, limit: Limit) -> Result<Arc<Slot>, Error> {
        loop {
            if let Some(slot) = self.counts.get(&key) {
                match slot.take(limit) {
                    Ok(()) => return Ok(slot),
                    Err(Untaken::Full(used)) => return Err(refusal(&key, used, limit)),
                    Err(Untaken::Dead) => self.forget(&slot),
                }
                continue;
            }
            if limit == Limit::BLOCK_ALL {
                return Err(refusal(&key, 0, limit));
            }
            let slot = Arc::new(Slot { key, count: AtomicWord::new(1) });
            if self.counts.insert_new(key, slot.clone()).is_ok() {
                return Ok(slot);
            }
        }
    }

    /// Takes a connection out of the counts. What it held in scopes is to be given back before.
    pub fn give_back(&self, held: &Held) {
        for slot in &held.0 {
            // Release: pairs with `Slot::take`.
            if slot.count.fetch_sub(1, Ordering::Release) == 1
                && let Err(Busy) = self.counts.try_remove_if(slot.key, same(slot))
            {
                self.left.push(slot.clone());
            }
        }
    }

    /// Takes a dead entry out of the map.
    fn forget(&self, slot: &Arc<Slot>) {
        self.counts.remove_if(&slot.key, same(slot));
    }

    /// How many connections a network has by each rule that is about it, sorted.
    pub fn counts(&self) -> Vec<(IpNet, u64)> {
        let of = |slot: Arc<Slot>| {
            // Relaxed: a number to be shown.
            (slot.key.network(), slot.count.load(Ordering::Relaxed))
        };
        let mut counts: Vec<_> = self.counts.values().into_iter().map(of).collect();
        counts.retain(|(_, count)| *count != 0);
        counts.sort_unstable();
        counts
    }
}

/// Whether an entry is this very one, and no other with its key.
fn same(slot: &Arc<Slot>) -> impl Fn(&Arc<Slot>) -> bool {
    move |there| Arc::ptr_eq(there, slot)
}

fn refusal(key: &SlotKey, used: u64, limit: Limit) -> Error {
    Error::Refused(Refusal::new(
        ScopeId::Network(key.network()),
        Resource::Connections,
        used,
        1,
        limit.get(),
    ))
}
