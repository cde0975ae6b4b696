//! All locks of a connection manager: granted, taken away when due, revoked.

use std::{collections::HashMap, fmt, sync::Arc, time::Duration};

use super::budget::{BudgetUse, Budgets, LockBudgets, PeerLocks};
use super::connection::LiveConnection;
use super::denied::LockDenied;
use super::guard::LockGuard;
use super::index::Index;
use super::lease::{Lease, TakenBy};
use super::lease_word::LeaseState;
use super::moment::Moment;
use super::request::{LockPriority, LockRequest};
use super::revocation::{Notice, Revocation, RevocationPlan};
use super::sync::{AtomicWord, Mutex, Ordering};
use super::victims::{self, Rank, Row};
use crate::slot::Slot;

/// For how long a connection takes no lock after the deadline of a revocation: a round, at least, has
/// come by then, and pruned it or not.
const YIELDS_FOR: Duration = Duration::from_secs(10);

/// The locks of all protocols on all connections. Cheap to clone.
///
/// Whoever knows a protocol's quota sets its budget, which is 0 to begin with. Call [`Locks::poll`] when
/// [`Locks::next_due`] is reached, or now and then: until it is called nothing is taken away from
/// holders.
///
/// Bounds: there are never more locks than the greatest budgets of protocols, together, have allowed.
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use rcmgr_connmgr::{
///     lock::{ConnectionCell, Kept, LockBudgets, LockRequest, Locks, RevocationPlan},
///     quota::{Slot, Slots},
/// };
///
/// let locks = Locks::new(LockBudgets::of_share(100));
/// let bulk = Slot::new(0).expect("below 64");
/// locks.set_protocol_budget(bulk, 10);
///
/// let now = Duration::from_secs(1);
/// let peer = locks.peer();
/// let connection = Arc::new(ConnectionCell::new(7)).open(now, &peer).expect("a new cell");
/// let guard = locks.lock(now, &connection, bulk, LockRequest::default())?;
/// assert_eq!(connection.prune(), Err(Kept::Locked(1)));
///
/// let plan = RevocationPlan {
///     connections: 1,
///     patience: RevocationPlan::PATIENCE_HIGH,
///     over_quota: Slots::EMPTY,
///     why: "room is short",
/// };
/// for revocation in locks.revoke(now, plan) {
///     revocation.deliver();
/// }
/// let taken = locks.poll(now + RevocationPlan::PATIENCE_HIGH);
/// assert_eq!(taken[0].connection.key(), 7);
/// assert_eq!(connection.prune(), Ok(()));
/// drop(guard); // too late, and nothing happens
/// # Ok::<(), rcmgr_connmgr::lock::LockDenied>(())
/// ```
#[derive(Clone)]
pub struct Locks(Arc<Shared>);

pub struct Shared {
    budgets: Arc<Budgets>,
    index: Index,
    /// How many leases were asked for.
    asked: AtomicWord,
    /// The latest moment that was told.
    latest: AtomicWord,
    /// Connections that take no lock, and when they do again.
    yielding: Mutex<HashMap<Rank, (Moment, LiveConnection)>>,
}

/// A lock that was taken away.
#[derive(Clone, Debug)]
pub struct TakenLock {
    /// Whose connection.
    pub connection: LiveConnection,
    /// The protocol that held it.
    pub slot: Slot,
    /// What it was for.
    pub reason: &'static str,
    /// What took it away.
    pub by: TakenBy,
}

impl TakenLock {
    fn new(lease: &Lease, by: TakenBy) -> TakenLock {
        TakenLock {
            connection: lease.connection().clone(),
            slot: lease.slot(),
            reason: lease.reason(),
            by,
        }
    }
}

impl Locks {
    /// No locks yet, and no protocol that may have one.
    pub fn new(budgets: LockBudgets) -> Locks {
        Locks(Arc::new(Shared {
            budgets: Arc::new(Budgets::new(budgets)),
            index: Index::new(),
            asked: AtomicWord::new(0),
            latest: AtomicWord::new(0),
            yielding: Mutex::default(),
        }))
    }

    /// The count of a peer that has no locked connection yet. Make one for each peer, and give it to all
    /// of the peer's connections.
    pub fn peer(&self) -> PeerLocks {
        PeerLocks::new(&self.0.budgets)
    }

    /// How many connections may be locked at a time. A budget that is lowered takes nothing away, but
    /// refuses renewals until enough has ended; so do the others.
    pub fn set_connection_budget(&self, connections: u32) {
        self.0.budgets.connections.set_limit(connections);
    }

    /// How many locks a protocol may hold at a time: no more than its quota guarantees it.
    pub fn set_protocol_budget(&self, slot: Slot, locks: u32) {
        self.0.budgets.protocol(slot).set_limit(locks);
    }

    /// Grants, and renews, locks from this priority on; all of them is [`LockPriority::Low`].
    pub fn set_least_priority(&self, least: LockPriority) {
        self.0.budgets.set_least(least);
    }

    /// How many connections are locked, and how many may be.
    pub fn connection_usage(&self) -> BudgetUse {
        self.0.budgets.connections.get()
    }

    /// How many locks a protocol holds, and how many it may.
    pub fn protocol_usage(&self, slot: Slot) -> BudgetUse {
        self.0.budgets.protocol(slot).get()
    }

    /// Locks a connection for a protocol, which may hold several locks on one. It is one that was opened
    /// with a peer of these [`Locks`].
    ///
    /// # Errors
    /// [`LockDenied`] says what to do instead. Then nothing has changed.
    pub fn lock(
        &self,
        now: Duration,
        connection: &LiveConnection,
        slot: Slot,
        request: LockRequest,
    ) -> Result<LockGuard, LockDenied> {
        let now = self.0.at(now);
        // Relaxed: uniqueness is all that is asked of it.
        let id = self.0.asked.fetch_add(1, Ordering::Relaxed);
        let lease = Arc::new(Lease::grant(id, now, connection, slot, request)?);
        self.0.index.insert(&lease);
        Ok(LockGuard { lease, shared: self.0.clone() })
    }

    /// The first step of a revocation, of all locks of so many connections as the plan says, if so many
    /// are locked: those whose most important lock has the lowest priority, then those that only
    /// protocols over their quota have locked, then those whose youngest lock is the oldest. What is given
    /// has to be [delivered](Revocation::deliver). The second step is [`Locks::poll`].
    ///
    /// Until 10 s after the deadline these connections take no lock.
    #[must_use = "holders are told by `Revocation::deliver`"]
    pub fn revoke(&self, now: Duration, plan: RevocationPlan) -> Vec<Revocation> {
        self.revoke_among(now, plan, |_| true)
    }

    /// The same where only some connections are to be freed, and only these count as such. `is_one` must
    /// not use these locks.
    #[must_use = "holders are told by `Revocation::deliver`"]
    pub fn revoke_among(
        &self,
        now: Duration,
        plan: RevocationPlan,
        is_one: impl Fn(&LiveConnection) -> bool,
    ) -> Vec<Revocation> {
        let now = self.0.at(now);
        self.0.resume_due(now);
        let deadline = now.after(plan.patience);
        let leases = self.0.index.all_that(|lease| is_one(lease.connection()));
        let rows: Vec<Row> = leases.iter().filter_map(|lease| row(lease, &plan)).collect();
        let chosen = victims::choose(&rows, plan.connections);
        let leases = leases.into_iter().filter(|it| chosen.contains(&it.connection().rank()));
        let mut revocations = Vec::new();
        for lease in leases {
            if !self.0.yield_until(lease.connection(), deadline.after(YIELDS_FOR)) {
                continue;
            }
            if let Some((until, on_revoke)) = lease.begin_to_revoke(deadline) {
                let notice = Notice { until: until.into(), why: plan.why };
                revocations.push(Revocation { lease, notice, on_revoke });
            }
        }
        revocations
    }

    /// Takes away what is due: leases that ran out, locks whose revocation is past its deadline, and
    /// those of closed connections. Looks at all locks.
    pub fn poll(&self, now: Duration) -> Vec<TakenLock> {
        let now = self.0.at(now);
        self.0.resume_due(now);
        let mut taken = Vec::new();
        for lease in self.0.index.all_that(|lease| lease.is_due(now).is_some()) {
            if let Some(by) = lease.take_if_due(now) {
                self.0.forget(&lease);
                taken.push(TakenLock::new(&lease, by));
            }
        }
        taken
    }

    /// When something is due next. Looks at all locks.
    pub fn next_due(&self) -> Option<Duration> {
        let lease = self.0.index.least(Lease::due);
        let yielding = self.0.yielding.lock().values().map(|(until, _)| *until).min();
        lease.into_iter().chain(yielding).min().map(Duration::from)
    }

    /// Takes away all locks of a protocol that is no longer enrolled, and sets its budget to 0.
    /// One that is granted at that very moment may be missed: it is not renewed, and its lease ends it.
    pub fn withdraw(&self, slot: Slot) -> Vec<TakenLock> {
        self.set_protocol_budget(slot, 0);
        let mut taken = Vec::new();
        for lease in self.0.index.all_that(|lease| lease.slot() == slot) {
            if lease.end() {
                self.0.forget(&lease);
                taken.push(TakenLock::new(&lease, TakenBy::Withdrawal));
            }
        }
        taken
    }
}

/// A lock as a revocation sees it, if it is one still.
fn row(lease: &Lease, plan: &RevocationPlan) -> Option<Row> {
    lease.connection().look()?;
    Some(Row {
        connection: lease.connection().rank(),
        priority: lease.priority(),
        over_quota: plan.over_quota.contains(lease.slot()),
        granted: lease.granted(),
        revoking: match lease.state() {
            LeaseState::Held(_) => false,
            LeaseState::Revoking(_) => true,
            LeaseState::Over => return None,
        },
    })
}

impl Shared {
    /// The moment that a caller tells, or the latest that one has told.
    pub fn at(&self, now: Duration) -> Moment {
        let now = Moment::from(now);
        // Relaxed: a moment stands for itself.
        let mut latest = self.latest.load(Ordering::Relaxed);
        while latest < now.0 {
            match self.latest.compare_exchange(latest, now.0, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return now,
                Err(other) => latest = other,
            }
        }
        Moment(latest)
    }

    /// For who has ended the lease.
    pub fn forget(&self, lease: &Lease) {
        self.index.remove(lease);
    }

    /// Has a connection take no lock for a time. Whether it is still there.
    fn yield_until(&self, connection: &LiveConnection, until: Moment) -> bool {
        if !connection.begin_to_yield() {
            return false;
        }
        self.yielding.lock().insert(connection.rank(), (until, connection.clone()));
        true
    }

    fn resume_due(&self, now: Moment) {
        let due: Vec<_> = self.yielding.lock().extract_if(|_, (until, _)| *until <= now).collect();
        for (_, (_, connection)) in due {
            connection.resume();
        }
    }
}

impl fmt::Debug for Locks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Locks")
            .field("connections", &self.connection_usage())
            .field("locks", &self.0.index.len())
            .finish()
    }
}
