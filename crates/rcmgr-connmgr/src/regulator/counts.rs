//! How often locks were denied and taken away.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use super::LockError;
use crate::{
    lock::{LockDenied, TakenBy},
    observe::Sample,
};

/// Why locks are denied, as labels.
const DENIED: [&str; 8] =
    ["closing", "yielding", "protocol", "global", "peer", "pressure", "full", "not_enrolled"];

/// What takes locks away, as labels.
const TAKEN: [&str; 4] = ["lease", "revocation", "close", "withdrawal"];

/// Sums since the start. Relaxed: each stands for itself, and none says that something else is done.
#[derive(Debug, Default)]
pub(super) struct Counts {
    denied: [AtomicU64; DENIED.len()],
    taken: [AtomicU64; TAKEN.len()],
}

impl Counts {
    pub fn denied(&self, why: &LockError) {
        let at = match why {
            LockError::Denied(LockDenied::Closing) => 0,
            LockError::Denied(LockDenied::Yielding) => 1,
            LockError::Denied(LockDenied::ProtocolBudget { .. }) => 2,
            LockError::Denied(LockDenied::GlobalBudget { .. }) => 3,
            LockError::Denied(LockDenied::PeerBudget { .. }) => 4,
            LockError::Denied(LockDenied::Pressure { .. }) => 5,
            LockError::Denied(LockDenied::Full) => 6,
            LockError::NotEnrolled(_) => 7,
        };
        self.denied[at].fetch_add(1, Relaxed);
    }

    pub fn taken(&self, by: TakenBy) {
        let at = match by {
            TakenBy::Lease => 0,
            TakenBy::Revocation => 1,
            TakenBy::Close => 2,
            TakenBy::Withdrawal => 3,
        };
        self.taken[at].fetch_add(1, Relaxed);
    }

    /// Denials by reason.
    pub fn denials(&self) -> BTreeMap<&'static str, u64> {
        by_label(&DENIED, &self.denied)
    }

    /// Locks that were taken away, by what took them.
    pub fn takings(&self) -> BTreeMap<&'static str, u64> {
        by_label(&TAKEN, &self.taken)
    }

    pub fn samples(&self) -> impl Iterator<Item = Sample> {
        let of = |name, label, counts: BTreeMap<&str, u64>| {
            let sample = |(of, count)| Sample::new(name, [(label, of)], count);
            counts.into_iter().map(sample).collect::<Vec<_>>()
        };
        let denied = of("locks_denied_total", "why", self.denials());
        denied.into_iter().chain(of("locks_taken_total", "by", self.takings()))
    }
}

fn by_label(labels: &[&'static str], counts: &[AtomicU64]) -> BTreeMap<&'static str, u64> {
    labels.iter().zip(counts).map(|(label, count)| (*label, count.load(Relaxed))).collect()
}
