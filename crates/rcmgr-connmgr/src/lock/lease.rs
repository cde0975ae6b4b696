//! One lock of one protocol on one connection: granted, renewed, revoked, ended once (L1, L5 to L7).

use std::{fmt, time::Duration};

use super::connection::LiveConnection;
use super::denied::{LockDenied, RenewDenied};
use super::lease_word::{LeaseState, LeaseWord};
use super::moment::Moment;
use super::request::{LockPriority, LockRequest, MAX_LEASE, OnRevoke};
use super::sync::{AtomicWord, Mutex, Ordering};
use crate::slot::Slot;

/// A lock that was granted, shared by its guard and by who takes it away.
pub struct Lease {
    /// In the order of grants.
    id: u64,
    word: AtomicWord,
    connection: LiveConnection,
    slot: Slot,
    priority: LockPriority,
    reason: &'static str,
    granted: Moment,
    on_revoke: Mutex<Option<OnRevoke>>,
}

/// How a lock was taken away from its holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakenBy {
    /// Its lease ran out.
    Lease,
    /// It was revoked, and the holder's time to drop it ran out.
    Revocation,
    /// Its connection was closed.
    Close,
    /// Its protocol was withdrawn.
    Withdrawal,
}

impl Lease {
    /// L1. Nothing is charged where it is denied.
    pub fn grant(
        id: u64,
        now: Moment,
        connection: &LiveConnection,
        slot: Slot,
        request: LockRequest,
    ) -> Result<Lease, LockDenied> {
        let LockRequest { lease, priority, reason, on_revoke } = request;
        connection.budgets().admit(priority)?;
        let protocol = connection.budgets().protocol(slot);
        protocol.charge().map_err(|limit| LockDenied::ProtocolBudget { limit })?;
        connection.lock().inspect_err(|_| protocol.give_back())?;
        Ok(Lease {
            id,
            word: AtomicWord::new(LeaseWord::held(now.after(lease.min(MAX_LEASE))).0),
            connection: connection.clone(),
            slot,
            priority,
            reason,
            granted: now,
            on_revoke: Mutex::new(on_revoke),
        })
    }

    pub fn id(&self) -> u64 {
        self.id
    }

    pub fn connection(&self) -> &LiveConnection {
        &self.connection
    }

    pub fn slot(&self) -> Slot {
        self.slot
    }

    pub fn priority(&self) -> LockPriority {
        self.priority
    }

    pub fn reason(&self) -> &'static str {
        self.reason
    }

    pub fn granted(&self) -> Moment {
        self.granted
    }

    /// How it stands, whatever the time.
    pub fn state(&self) -> LeaseState {
        self.word().state()
    }

    /// When it is to be taken away; `None` once it is over.
    pub fn due(&self) -> Option<Moment> {
        self.word().due()
    }

    fn word(&self) -> LeaseWord {
        // Relaxed, as every exchange of this word is: it decides who ends the lease, and that its
        // charges were made before is known to whoever was given the lease.
        LeaseWord(self.word.load(Ordering::Relaxed))
    }

    /// L6. Until when it is held now.
    pub fn renew(&self, now: Moment, length: Duration) -> Result<Moment, RenewDenied> {
        let until = now.after(length.min(MAX_LEASE));
        let denied = |state| match state {
            LeaseState::Revoking(until) => RenewDenied::Revoking { until: until.into() },
            LeaseState::Held(_) | LeaseState::Over => RenewDenied::Over,
        };
        let mut seen = self.word();
        let mut new = seen.renewed(now, until).map_err(denied)?;
        self.check()?;
        while let Err(other) = self.exchange(seen, new) {
            seen = other;
            new = seen.renewed(now, until).map_err(denied)?;
        }
        Ok(new.due().unwrap_or(now))
    }

    /// Whether it is within every budget, with itself.
    fn check(&self) -> Result<(), LockDenied> {
        let budgets = self.connection.budgets();
        budgets.admit(self.priority)?;
        let protocol = budgets.protocol(self.slot).check();
        protocol.map_err(|limit| LockDenied::ProtocolBudget { limit })?;
        self.connection.check()
    }

    /// The first step of a revocation: until when it still holds, and whom to tell. `None` where it is
    /// being revoked already, or over.
    pub fn begin_to_revoke(&self, deadline: Moment) -> Option<(Moment, Option<OnRevoke>)> {
        let mut seen = self.word();
        loop {
            let new = seen.revoked(deadline)?;
            match self.exchange(seen, new) {
                Ok(()) => return Some((new.due()?, self.take_callback())),
                Err(now) => seen = now,
            }
        }
    }

    /// Whether it is to be taken away, and by what.
    pub fn is_due(&self, now: Moment) -> Option<TakenBy> {
        self.due_in(self.word(), now)
    }

    fn due_in(&self, seen: LeaseWord, now: Moment) -> Option<TakenBy> {
        match seen.state() {
            LeaseState::Over => None,
            LeaseState::Held(until) if until <= now => Some(TakenBy::Lease),
            LeaseState::Revoking(until) if until <= now => Some(TakenBy::Revocation),
            // What is closed stays so.
            _ => self.connection.look().is_none().then_some(TakenBy::Close),
        }
    }

    /// Takes it away if its time has come, or its connection is gone.
    pub fn take_if_due(&self, now: Moment) -> Option<TakenBy> {
        let mut seen = self.word();
        loop {
            let by = self.due_in(seen, now)?;
            match self.exchange(seen, LeaseWord::OVER) {
                Ok(()) => {
                    self.give_back();
                    return Some(by);
                }
                Err(now) => seen = now,
            }
        }
    }

    /// Ends it, whatever its time. Whether it was not over.
    pub fn end(&self) -> bool {
        let mut seen = self.word();
        while seen != LeaseWord::OVER {
            match self.exchange(seen, LeaseWord::OVER) {
                Ok(()) => {
                    self.give_back();
                    return true;
                }
                Err(now) => seen = now,
            }
        }
        false
    }

    fn exchange(&self, seen: LeaseWord, new: LeaseWord) -> Result<(), LeaseWord> {
        // Relaxed: see `word`.
        let exchanged =
            self.word.compare_exchange(seen.0, new.0, Ordering::Relaxed, Ordering::Relaxed);
        exchanged.map(drop).map_err(LeaseWord)
    }

    /// L5, for who has made it over.
    fn give_back(&self) {
        self.connection.unlock();
        self.connection.budgets().protocol(self.slot).give_back();
        // What it owns may be many things, and may own the guard.
        drop(self.take_callback());
    }

    fn take_callback(&self) -> Option<OnRevoke> {
        self.on_revoke.lock().take()
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("id", &self.id)
            .field("connection", &self.connection)
            .field("slot", &self.slot)
            .field("priority", &self.priority)
            .field("reason", &self.reason)
            .field("state", &self.state())
            .finish()
    }
}
