//! A lock for each scope.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_utils::CachePadded;

use crate::stream::{PROTOCOL_SCOPES, Room, SCOPES, Stream, reserving};
use crate::{Cannot, Contender, Peers, Scenario, Setup, Timed};

/// The contender.
pub const CONTENDER: Contender = Contender {
    name: "a mutex per scope",
    note: "`std::sync::Mutex` around a count and a limit for each scope, undone when a later one \
           refuses. Bytes of streams that exist; a refusal does not say which scope.",
    prepare,
};

fn prepare(setup: &Setup) -> Result<Timed, Cannot> {
    match setup.scenario {
        Scenario::ReserveService | Scenario::RefusedSystem | Scenario::RefusedOwn => {
            reserving::<Mutexes<SCOPES>>(setup)
        }
        Scenario::ReserveProtocol => reserving::<Mutexes<PROTOCOL_SCOPES>>(setup),
        _ => Err("it has streams with fixed scopes only".into()),
    }
}

/// What a scope holds, and how much it may hold.
#[derive(Debug)]
struct Scope {
    used: u64,
    limit: u64,
}

/// A `std::sync::Mutex` for each scope. The scopes are charged one by one, and what was charged
/// is undone when a later one refuses.
#[derive(Debug)]
pub struct Mutexes<const N: usize> {
    /// From the stream to the system.
    scopes: [Arc<CachePadded<Mutex<Scope>>>; N],
}

impl<const N: usize> Mutexes<N> {
    fn release(&self, scopes: usize, bytes: u64) {
        for scope in &self.scopes[..scopes] {
            lock(scope).used -= bytes;
        }
    }
}

impl<const N: usize> Stream for Mutexes<N> {
    const NAME: &'static str = CONTENDER.name;

    fn streams(room: Room, streams: usize, peers: Peers) -> Result<Vec<Self>, Cannot> {
        let scope = |limit| CachePadded::new(Mutex::new(Scope { used: 0, limit }));
        let scopes = room.scopes(streams, peers, scope);
        Ok(scopes.into_iter().map(|scopes| Mutexes { scopes }).collect())
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
        self.release(N, bytes);
        true
    }
}

fn lock(scope: &Mutex<Scope>) -> MutexGuard<'_, Scope> {
    // Whoever panicked here did so before or after a change, never within.
    scope.lock().unwrap_or_else(PoisonError::into_inner)
}
