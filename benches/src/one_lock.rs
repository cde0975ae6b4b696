//! One lock over all scopes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{Contender, Room, SCOPES};

/// What all scopes of both streams hold: the two streams first, then what they share.
#[derive(Debug)]
struct Scopes {
    used: [u64; SCOPES + 1],
    limits: [u64; SCOPES],
}

/// One `std::sync::Mutex` over all scopes. A reservation is decided under it as a whole, so
/// nothing has to be undone.
#[derive(Debug)]
pub struct OneLock {
    scopes: Arc<Mutex<Scopes>>,
    /// Which of the two streams this is.
    stream: usize,
}

impl OneLock {
    /// The places of the stream's scopes among the counters.
    #[inline]
    fn places(&self) -> impl Iterator<Item = usize> + use<> {
        std::iter::once(self.stream).chain(2..=SCOPES)
    }

    fn lock(&self) -> MutexGuard<'_, Scopes> {
        // Whoever panicked here did so before or after a change, never within.
        self.scopes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contender for OneLock {
    const NAME: &'static str = "one lock over all";

    fn streams(room: Room) -> Option<[Self; 2]> {
        let scopes = Scopes { used: [0; SCOPES + 1], limits: room.limits() };
        let scopes = Arc::new(Mutex::new(scopes));
        let stream = |stream: usize| OneLock { scopes: scopes.clone(), stream };
        Some([stream(0), stream(1)])
    }

    #[inline]
    fn reserve_release(&self, bytes: u64) -> bool {
        {
            let scopes = &mut *self.lock();
            let mut asked = self.places().zip(&scopes.limits);
            let fits = |(place, limit): (usize, &u64)| {
                scopes.used[place].checked_add(bytes).is_some_and(|sum| sum <= *limit)
            };
            if !asked.all(fits) {
                return false;
            }
            for place in self.places() {
                scopes.used[place] += bytes;
            }
        }
        let mut scopes = self.lock();
        for place in self.places() {
            scopes.used[place] -= bytes;
        }
        true
    }
}
