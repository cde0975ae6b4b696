//! For how long a connection is new.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// A length of time that may be set while it is read: 584 years at most. Relaxed: it is all there is to
/// read, and a round beside a change may take either.
#[derive(Debug)]
pub(super) struct Grace(AtomicU64);

impl Grace {
    pub fn new(grace: Duration) -> Grace {
        Grace(AtomicU64::new(nanoseconds(grace)))
    }

    pub fn get(&self) -> Duration {
        Duration::from_nanos(self.0.load(Relaxed))
    }

    pub fn set(&self, grace: Duration) {
        self.0.store(nanoseconds(grace), Relaxed);
    }
}

fn nanoseconds(grace: Duration) -> u64 {
    u64::try_from(grace.as_nanos()).unwrap_or(u64::MAX)
}
