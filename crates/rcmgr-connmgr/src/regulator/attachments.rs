//! How long a connection counts for a protocol that has no stream on it.

use std::time::Duration;

use super::{Regulator, unpoisoned};

/// How often it is looked for what is over: all connections are gone through.
const EVERY: Duration = Duration::from_secs(60);

impl Regulator {
    /// Forgets, once in a minute, which connections were of use to protocols too long ago.
    pub(super) fn forget_unused(&self, now: Duration) {
        let mut due = unpoisoned(&self.forgetting);
        if *due > now {
            return;
        }
        *due = now.saturating_add(EVERY);
        drop(due);
        let after = self.attached_for;
        self.table.change_all(|held| held.forget_unused(now, after));
    }
}
