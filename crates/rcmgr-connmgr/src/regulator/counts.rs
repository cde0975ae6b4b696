//! How often locks were denied and taken away.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::{LockDenied, TakenBy, observe::Sample};

/// Why locks are denied, as labels.
const DENIED: [&str; 7] = ["closing", "yielding", "protocol", "global", "peer", "pressure", "full"];

/// What takes locks away, as labels.
const TAKEN: [&str; 4] = ["lease", "revocation", "close", "withdrawal"];

/// Sums since the start.
#[derive(Debug, Default)]
pub(super) struct Counts {
    denied: [AtomicU64; DENIED.len()],
    taken: [AtomicU64; TAKEN.len()],
}

impl Counts {
    pub fn denied(&self, why: &LockDenied) {
        let at = match why {
            LockDenied::Closing => 0,
            LockDenied::Yielding => 1,
            LockDenied::ProtocolBudget { .. } => 2,
            LockDenied::GlobalBudget { .. } => 3,
            LockDenied::PeerBudget { .. } => 4,
            LockDenied::Pressure { .. } => 5,
            LockDenied::Full => 6,
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

    pub fn samples(&self) -> impl Iterator<Item = Sample> {
        let of = |name, label, of: &[&str], counts: &[AtomicU64]| {
            let of = of.iter().zip(counts);
            let samples =
                of.map(|(of, count)| Sample::new(name, [(label, of)], count.load(Relaxed)));
            samples.collect::<Vec<_>>()
        };
        let denied = of("locks_denied_total", "why", &DENIED, &self.denied);
        denied.into_iter().chain(of("locks_taken_total", "by", &TAKEN, &self.taken))
    }
}
