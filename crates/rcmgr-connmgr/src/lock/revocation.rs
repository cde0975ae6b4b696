//! Locks that are taken back before their time: what is asked for, and what is told.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use super::connection::LiveConnection;
use super::lease::Lease;
use super::request::{LockPriority, OnRevoke};
use crate::slot::{Slot, Slots};

/// What a revocation is to bring about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevocationPlan {
    /// How many connections are to be free of locks. Those whose locks are being revoked already count.
    pub connections: usize,
    /// How long holders have: [`RevocationPlan::PATIENCE_HIGH`] or
    /// [`RevocationPlan::PATIENCE_CRITICAL`].
    pub patience: Duration,
    /// The protocols that use more than their quota.
    pub over_quota: Slots,
    /// Why, for holders.
    pub why: &'static str,
}

impl RevocationPlan {
    /// How long holders have where room is short: 2 s.
    pub const PATIENCE_HIGH: Duration = Duration::from_secs(2);
    /// How long holders have when it is critical, or in an emergency: 250 ms.
    pub const PATIENCE_CRITICAL: Duration = Duration::from_millis(250);
}

/// What the holder of a lock is told when it is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    /// When it is taken away. Drop the guard before that.
    pub until: Duration,
    /// Why, from the plan.
    pub why: &'static str,
}

/// A lock that is being revoked. Its holder does not know before [`Revocation::deliver`].
#[must_use = "the holder is told by `deliver`"]
pub struct Revocation {
    pub(super) lease: Arc<Lease>,
    pub(super) notice: Notice,
    pub(super) on_revoke: Option<OnRevoke>,
}

/// What came of telling a holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// It was told.
    Told,
    /// It had asked for no callback, and finds out by
    /// [`LockGuard::state`](super::LockGuard::state).
    NobodyAsked,
    /// The callback panicked.
    Panicked,
}

impl Revocation {
    /// The connection.
    pub fn connection(&self) -> &LiveConnection {
        self.lease.connection()
    }

    /// The protocol.
    pub fn slot(&self) -> Slot {
        self.lease.slot()
    }

    /// Its priority.
    pub fn priority(&self) -> LockPriority {
        self.lease.priority()
    }

    /// What it was for.
    pub fn reason(&self) -> &'static str {
        self.lease.reason()
    }

    /// What its holder is told.
    pub fn notice(&self) -> Notice {
        self.notice
    }

    /// Tells the holder, by its callback, on this thread: it may take as long as it likes, so call
    /// this where nobody waits. The lock is taken away at its time whether or not this was called.
    pub fn deliver(self) -> Delivery {
        let Some(on_revoke) = self.on_revoke else { return Delivery::NobodyAsked };
        // Nothing of ours is lent to it.
        match catch_unwind(AssertUnwindSafe(|| on_revoke(self.notice))) {
            Ok(()) => Delivery::Told,
            Err(_) => Delivery::Panicked,
        }
    }
}

impl fmt::Debug for Revocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revocation")
            .field("lease", &self.lease)
            .field("notice", &self.notice)
            .field("on_revoke", &self.on_revoke.is_some())
            .finish()
    }
}
