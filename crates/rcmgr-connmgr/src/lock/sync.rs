//! The only place of the locks that names atomics and mutexes, so that the models can stand in for
//! them: the engine's words, of which each load has its modes there, and loom's mutex.

#[cfg(rcmgr_loom)]
pub use crate::sync::AtomicWord;
#[cfg(not(rcmgr_loom))]
pub use plain::AtomicWord;

pub use core::sync::atomic::Ordering;

#[cfg(rcmgr_loom)]
use loom::sync as imp;
#[cfg(not(rcmgr_loom))]
use std::sync as imp;

/// A mutex around a value that is whole even where somebody panicked over it.
#[derive(Debug, Default)]
pub struct Mutex<T>(imp::Mutex<T>);

impl<T> Mutex<T> {
    pub fn new(value: T) -> Mutex<T> {
        Mutex(imp::Mutex::new(value))
    }

    pub fn lock(&self) -> imp::MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(not(rcmgr_loom))]
mod plain {
    use core::sync::atomic::{AtomicU64, Ordering};

    /// 64 bits that change by compare-and-swap.
    pub struct AtomicWord(AtomicU64);

    impl AtomicWord {
        pub fn new(value: u64) -> AtomicWord {
            AtomicWord(AtomicU64::new(value))
        }

        pub fn load(&self, ordering: Ordering) -> u64 {
            self.0.load(ordering)
        }

        /// May fail although the value is `current`, as the hardware's does: use it in a loop.
        pub fn compare_exchange(
            &self,
            current: u64,
            new: u64,
            success: Ordering,
            failure: Ordering,
        ) -> Result<u64, u64> {
            self.0.compare_exchange_weak(current, new, success, failure)
        }

        pub fn fetch_add(&self, value: u64, ordering: Ordering) -> u64 {
            self.0.fetch_add(value, ordering)
        }
    }
}
