//! A lock for each scope.

use std::array;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_utils::CachePadded;

use crate::{Contender, Room, SCOPES};

/// What a scope holds, and how much it may hold.
#[derive(Debug)]
struct Scope {
    used: u64,
    limit: u64,
}

/// A `std::sync::Mutex` for each scope. The scopes are charged one by one, and what was charged
/// is undone when a later one refuses.
#[derive(Debug)]
pub struct Mutexes {
    /// From the stream to the system.
    scopes: [Arc<CachePadded<Mutex<Scope>>>; SCOPES],
}

impl Mutexes {
    fn release(&self, scopes: usize, bytes: u64) {
        for scope in &self.scopes[..scopes] {
            lock(scope).used -= bytes;
        }
    }
}

impl Contender for Mutexes {
    const NAME: &'static str = "a mutex per scope";

    fn streams(room: Room) -> Option<[Self; 2]> {
        let limits = room.limits();
        let scope = |at: usize| {
            Arc::new(CachePadded::new(Mutex::new(Scope { used: 0, limit: limits[at] })))
        };
        let first = Mutexes { scopes: array::from_fn(scope) };
        let of_second = |at: usize| if at == 0 { scope(0) } else { first.scopes[at].clone() };
        let second = Mutexes { scopes: array::from_fn(of_second) };
        Some([first, second])
    }

    #[inline]
    fn reserve_release(&self, bytes: u64) -> bool {
        for (charged, scope) in self.scopes.iter().enumerate() {
            let mut scope = lock(scope);
            match scope.used.checked_add(bytes) {
                Some(sum) if sum <= scope.limit => scope.used = sum,
                _ => {
                    drop(scope);
                    self.release(charged, bytes);
                    return false;
                }
            }
        }
        self.release(SCOPES, bytes);
        true
    }
}

fn lock(scope: &Mutex<Scope>) -> MutexGuard<'_, Scope> {
    // Whoever panicked here did so before or after a change, never within.
    scope.lock().unwrap_or_else(PoisonError::into_inner)
}
