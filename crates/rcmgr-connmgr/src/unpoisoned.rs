//! Locks that a panic of another thread does not close for good.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What the lock guards. What is under this crate's locks is whole at each step, so that whoever
/// panicked over it left nothing half done: its defect shows itself, and the others go on.
pub fn unpoisoned<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}
