//! How who drives a regulator learns that there is something to do at once.

use std::{
    fmt,
    sync::{
        Arc, Mutex,
        atomic::{
            AtomicBool,
            Ordering::{AcqRel, Acquire},
        },
    },
};

use crate::unpoisoned::unpoisoned;

type Waker = Arc<dyn Fn() + Send + Sync>;

/// Set from something to do until the next poll.
#[derive(Default)]
pub(super) struct Wake {
    woken: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Wake {
    /// Says that there is something to do. The caller's function is called once until the next poll,
    /// with no lock held.
    pub fn wake(&self) {
        // What there is to do was written before; the partner is `begin`.
        if self.woken.swap(true, AcqRel) {
            return;
        }
        let waker = unpoisoned(&self.waker).clone();
        if let Some(waker) = waker {
            waker();
        }
    }

    /// Whether there was something, which is being done from now on.
    pub fn begin(&self) -> bool {
        self.woken.swap(false, AcqRel)
    }

    /// Whether there is something to do.
    pub fn is_woken(&self) -> bool {
        self.woken.load(Acquire)
    }

    pub fn set(&self, waker: Waker) {
        let before = unpoisoned(&self.waker).replace(waker);
        drop(before);
    }
}

impl fmt::Debug for Wake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wake").field("woken", &self.woken).finish_non_exhaustive()
    }
}
