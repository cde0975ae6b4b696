//! Locks: that a protocol needs a connection, for a time.

use std::time::Duration;

use super::{LockError, Regulator};
use crate::{
    ConnectionId,
    lock::{BudgetUse, LockDenied, LockGuard, LockRequest},
    quota::{Enrollment, NotEnrolled},
};

impl Regulator {
    /// Locks a connection for a protocol: until the lock ends no round closes it. The budget of a
    /// protocol is the minimum of its quota, and half of the share may be locked. Denials are counted, by
    /// reason; those of renewals are not.
    ///
    /// # Errors
    /// The protocol was released, the connection is closed or about to be, or a budget is spent.
    pub fn lock(
        &self,
        now: Duration,
        connection: ConnectionId,
        protocol: Enrollment,
        request: LockRequest,
    ) -> Result<LockGuard, LockError> {
        let now = self.pass(now);
        let lock = || {
            if !self.directory.load().has(protocol) {
                return Err(LockError::from(NotEnrolled));
            }
            let live = self.table.change(connection, |held| {
                held.asked_to_lock = true;
                held.live.clone()
            });
            let live = live.ok_or(LockDenied::Closing)?;
            Ok(self.locks.lock(now, &live, protocol.slot(), request)?)
        };
        lock().inspect_err(|denied| self.counts.denied(denied))
    }

    /// How many connections are locked, and how many may be.
    pub fn locked(&self) -> BudgetUse {
        self.locks.connection_usage()
    }
}
