//! What a holder of a lock has.

use std::{fmt, sync::Arc, time::Duration};

use super::connection::LiveConnection;
use super::denied::RenewDenied;
use super::lease::Lease;
use super::lease_word::LeaseState;
use super::locks::Shared;
use crate::slot::Slot;

/// A lock. Until it ends no round closes its connection; dropping it ends it. Where it ended
/// otherwise before, dropping it does nothing.
#[must_use = "dropping it unlocks the connection"]
pub struct LockGuard {
    pub(super) lease: Arc<Lease>,
    pub(super) shared: Arc<Shared>,
}

/// How it stands with a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockState {
    /// It holds until then, unless it is renewed.
    Held {
        /// Until when.
        until: Duration,
    },
    /// It is being revoked, and holds until then.
    Revoking {
        /// Until when.
        until: Duration,
    },
    /// It has ended, or its connection was closed.
    Over,
}

impl LockGuard {
    /// How it stands at this moment.
    pub fn state(&self, now: Duration) -> LockState {
        if self.connection().look().is_none() {
            return LockState::Over;
        }
        let now = self.shared.at(now);
        match self.lease.state() {
            LeaseState::Held(until) if now < until => LockState::Held { until: until.into() },
            LeaseState::Revoking(until) if now < until => {
                LockState::Revoking { until: until.into() }
            }
            _ => LockState::Over,
        }
    }

    /// Has it hold for so long from now on, at most [`MAX_LEASE`](super::MAX_LEASE), or for as long
    /// as it did if that is longer. Until when it holds.
    ///
    /// # Errors
    /// All that locking the connection anew would be refused for, with this lock counted; and when it
    /// has ended or is being revoked. It then holds until it would have ended anyway.
    pub fn renew(&self, now: Duration, lease: Duration) -> Result<Duration, RenewDenied> {
        self.lease.renew(self.shared.at(now), lease).map(Duration::from)
    }

    /// The connection.
    pub fn connection(&self) -> &LiveConnection {
        self.lease.connection()
    }

    /// The protocol.
    pub fn slot(&self) -> Slot {
        self.lease.slot()
    }

    /// What it is for.
    pub fn reason(&self) -> &'static str {
        self.lease.reason()
    }
}

impl Drop for LockGuard {
    fn drop(&mut self) {
        if self.lease.end() {
            self.shared.forget(&self.lease);
        }
    }
}

impl fmt::Debug for LockGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LockGuard").field(&self.lease).finish()
    }
}
