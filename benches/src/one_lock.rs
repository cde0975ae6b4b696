//! One lock over all scopes.

mod lives;
mod node;

use std::cell::Cell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::stream::{PROTOCOL_SCOPES, Room, SCOPES, Stream, reserving};
use crate::{Cannot, Contender, Peers, Scenario, Setup, Timed};

/// The contender.
pub const CONTENDER: Contender = Contender {
    name: "one lock over all",
    note: "One `std::sync::Mutex` around the counts and limits of all scopes; peers, protocols and \
           services in `std` hash maps, looked up by their names. A refusal does not say which \
           scope. A thread that is stopped while it holds the lock stops all others. Its streams \
           that live hold no memory, and those that reserve do not move.",
    prepare,
};

fn prepare(setup: &Setup) -> Result<Timed, Cannot> {
    match setup.scenario {
        Scenario::ReserveService | Scenario::RefusedSystem | Scenario::RefusedOwn => {
            reserving::<OneLock<SCOPES>>(setup)
        }
        Scenario::ReserveProtocol => reserving::<OneLock<PROTOCOL_SCOPES>>(setup),
        Scenario::Connection | Scenario::RefusedStream => Ok(lives::work(setup)),
        life if life.is_stream_life() => Ok(lives::work(setup)),
        Scenario::Connection10kIps | Scenario::RefusedIp => Err("it knows no addresses".into()),
        _ => Err("it has streams and connections only".into()),
    }
}

/// What a scope holds, and how much it may hold.
#[derive(Clone, Copy, Debug)]
struct Scope {
    used: u64,
    limit: u64,
}

/// One `std::sync::Mutex` over all scopes. A reservation is decided under it as a whole, so
/// nothing has to be undone.
#[derive(Debug)]
pub struct OneLock<const N: usize> {
    /// Those of all streams.
    scopes: Arc<Mutex<Vec<Scope>>>,
    /// Where the stream's scopes are among them.
    places: [usize; N],
}

impl<const N: usize> OneLock<N> {
    fn lock(&self) -> MutexGuard<'_, Vec<Scope>> {
        // Whoever panicked here did so before or after a change, never within.
        self.scopes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<const N: usize> Stream for OneLock<N> {
    const NAME: &'static str = CONTENDER.name;

    fn streams(room: Room, streams: usize, peers: Peers) -> Result<Vec<Self>, Cannot> {
        let made = Cell::new(Vec::new());
        let place = |limit| {
            let mut scopes = made.take();
            scopes.push(Scope { used: 0, limit });
            let place = scopes.len() - 1;
            made.set(scopes);
            place
        };
        let places = room.scopes(streams, peers, place);
        let scopes = Arc::new(Mutex::new(made.into_inner()));
        let stream = |places: [Arc<usize>; N]| OneLock {
            scopes: scopes.clone(),
            places: places.map(|place| *place),
        };
        Ok(places.into_iter().map(stream).collect())
    }

    #[inline]
    fn reserve_release(&self, bytes: u64) -> bool {
        {
            let scopes = &mut **self.lock();
            let fits = |place: &usize| {
                let Scope { used, limit } = scopes[*place];
                used.checked_add(bytes).is_some_and(|sum| sum <= limit)
            };
            if !self.places.iter().all(fits) {
                return false;
            }
            for place in self.places {
                scopes[place].used += bytes;
            }
        }
        let scopes = &mut **self.lock();
        for place in self.places {
            scopes[place].used -= bytes;
        }
        true
    }
}
