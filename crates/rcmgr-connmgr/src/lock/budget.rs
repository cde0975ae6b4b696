//! How much may be locked: connections at a time, connections of one peer, locks of each protocol.

use std::{fmt, sync::Arc};

use super::denied::LockDenied;
use super::request::LockPriority;
use super::sync::{AtomicWord, Ordering};
use crate::slot::Slot;

/// How much may be locked, to begin with. What may change later has a setter in
/// [`Locks`](super::Locks).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockBudgets {
    /// Connections that are locked at a time; meant to be half of the share of connections.
    pub connections: u32,
    /// Connections of one peer that are locked at a time; 2. Does not change.
    pub connections_per_peer: u32,
}

impl LockBudgets {
    /// Half of a share of so many connections, two of each peer.
    pub const fn of_share(connections: u32) -> LockBudgets {
        LockBudgets { connections: connections / 2, connections_per_peer: 2 }
    }
}

/// What a budget allows, and what is taken of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetUse {
    /// What is taken. More than the limit after that was lowered.
    pub used: u32,
    /// What may be.
    pub limit: u32,
}

/// A budget: limit 32, used 32. One word, so that nothing is charged past a limit that is being lowered.
pub struct Budget(AtomicWord);

impl Budget {
    pub fn new(limit: u32) -> Budget {
        Budget(AtomicWord::new(pack(BudgetUse { used: 0, limit })))
    }

    pub fn get(&self) -> BudgetUse {
        // Relaxed: nothing else is read on its word.
        unpack(self.0.load(Ordering::Relaxed))
    }

    /// Takes one; or gives the limit that leaves no room.
    pub fn charge(&self) -> Result<(), u32> {
        self.change(|now| {
            let room = now.used < now.limit;
            room.then(|| BudgetUse { used: now.used + 1, ..now }).ok_or(now.limit)
        })
    }

    /// Whether what is taken is within the limit; or the limit.
    pub fn check(&self) -> Result<(), u32> {
        let BudgetUse { used, limit } = self.get();
        if used <= limit { Ok(()) } else { Err(limit) }
    }

    pub fn give_back(&self) {
        // Each charge is given back once, and after it (K2), so there is one.
        let given = self.change(|now| match now.used.checked_sub(1) {
            Some(used) => Ok(BudgetUse { used, ..now }),
            None => Err(now.limit),
        });
        debug_assert!(given.is_ok(), "more was given back to a budget than was taken");
    }

    pub fn set_limit(&self, limit: u32) {
        // It is never refused.
        let _ = self.change(|now| Ok(BudgetUse { limit, ..now }));
    }

    fn change(&self, next: impl Fn(BudgetUse) -> Result<BudgetUse, u32>) -> Result<(), u32> {
        // Relaxed, also of the exchange: the word is all that there is of a budget. That what is
        // given back was charged before is ordered by the word of the connection or lease.
        let mut seen = self.0.load(Ordering::Relaxed);
        loop {
            let new = pack(next(unpack(seen))?);
            match self.0.compare_exchange(seen, new, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(now) => seen = now,
            }
        }
    }
}

fn pack(budget: BudgetUse) -> u64 {
    u64::from(budget.used) << 32 | u64::from(budget.limit)
}

fn unpack(word: u64) -> BudgetUse {
    BudgetUse { used: (word >> 32) as u32, limit: word as u32 }
}

/// The budgets that all locks of a [`Locks`](super::Locks) are charged to.
pub struct Budgets {
    pub connections: Budget,
    protocols: [Budget; 64],
    least: AtomicWord,
    per_peer: u32,
}

impl Budgets {
    pub fn new(budgets: LockBudgets) -> Budgets {
        Budgets {
            connections: Budget::new(budgets.connections),
            protocols: std::array::from_fn(|_| Budget::new(0)),
            least: AtomicWord::new(LockPriority::Low as u64),
            per_peer: budgets.connections_per_peer,
        }
    }

    pub fn protocol(&self, slot: Slot) -> &Budget {
        &self.protocols[slot.index()]
    }

    pub fn set_least(&self, least: LockPriority) {
        // Relaxed, as in `admit`. There is no plain store; the one who sets it last wins.
        let mut seen = self.least.load(Ordering::Relaxed);
        while let Err(now) =
            self.least.compare_exchange(seen, least as u64, Ordering::Relaxed, Ordering::Relaxed)
        {
            seen = now;
        }
    }

    /// Whether locks of that priority are granted at all.
    pub fn admit(&self, priority: LockPriority) -> Result<(), LockDenied> {
        // Relaxed: a lock that is under way may go by the old one.
        match LockPriority::from_word(self.least.load(Ordering::Relaxed)) {
            least if priority < least => Err(LockDenied::Pressure { least }),
            _ => Ok(()),
        }
    }
}

/// The locked connections of one peer, counted. One for each peer, shared by its connections; cheap to clone.
/// Of [`Locks::peer`](super::Locks::peer).
#[derive(Clone)]
pub struct PeerLocks(Arc<Counted>);

struct Counted {
    connections: Budget,
    all: Arc<Budgets>,
}

impl PeerLocks {
    pub(super) fn new(all: &Arc<Budgets>) -> PeerLocks {
        PeerLocks(Arc::new(Counted { connections: Budget::new(all.per_peer), all: all.clone() }))
    }

    pub(super) fn budgets(&self) -> &Budgets {
        &self.0.all
    }

    /// How many of the peer's connections are locked, and how many may be.
    pub fn usage(&self) -> BudgetUse {
        self.0.connections.get()
    }

    /// Counts one more locked connection, of the peer and of all.
    pub(super) fn charge(&self) -> Result<(), LockDenied> {
        let Counted { connections, all } = &*self.0;
        connections.charge().map_err(|limit| LockDenied::PeerBudget { limit })?;
        all.connections.charge().map_err(|limit| {
            connections.give_back();
            LockDenied::GlobalBudget { limit }
        })
    }

    /// Whether no more connections are locked than may be.
    pub(super) fn check(&self) -> Result<(), LockDenied> {
        let Counted { connections, all } = &*self.0;
        connections.check().map_err(|limit| LockDenied::PeerBudget { limit })?;
        all.connections.check().map_err(|limit| LockDenied::GlobalBudget { limit })
    }

    pub(super) fn give_back(&self) {
        self.0.all.connections.give_back();
        self.0.connections.give_back();
    }
}

impl fmt::Debug for PeerLocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PeerLocks").field(&self.usage()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lowered_limit_refuses_until_enough_was_given_back() {
        let budget = Budget::new(2);
        assert_eq!([budget.charge(), budget.charge(), budget.charge()], [Ok(()), Ok(()), Err(2)]);
        budget.set_limit(1);
        assert_eq!(budget.get(), BudgetUse { used: 2, limit: 1 });
        assert_eq!((budget.charge(), budget.check()), (Err(1), Err(1)));
        budget.give_back();
        assert_eq!((budget.charge(), budget.check()), (Err(1), Ok(())));
        budget.give_back();
        assert_eq!(budget.charge(), Ok(()));
        budget.set_limit(u32::MAX);
        assert_eq!(budget.get(), BudgetUse { used: 1, limit: u32::MAX });
    }

    #[test]
    fn what_the_budget_of_all_refuses_leaves_no_trace_in_that_of_the_peer() {
        let budgets = LockBudgets { connections: 0, connections_per_peer: 1 };
        let peer = PeerLocks::new(&Arc::new(Budgets::new(budgets)));
        assert_eq!(peer.charge(), Err(LockDenied::GlobalBudget { limit: 0 }));
        assert_eq!(peer.usage(), BudgetUse { used: 0, limit: 1 });
    }
}
