//! What one word costs: the floor of whoever serves a reservation from a word of its own.

use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_utils::CachePadded;

use crate::stream::{Room, Stream, reserving};
use crate::{Cannot, Contender, Peers, Scenario, Setup, Timed};

/// The contender.
pub const CONTENDER: Contender = Contender {
    name: "one word",
    note: "A load and a compare-exchange on one word of the stream's own, and the same to release. \
           It knows no scopes and no limits; it is what granules are held against.",
    prepare,
};

fn prepare(setup: &Setup) -> Result<Timed, Cannot> {
    match setup.scenario {
        Scenario::ReserveService => reserving::<OneWord>(setup),
        _ => Err("it is one word of a stream that exists".into()),
    }
}

/// A word of the stream's own.
#[derive(Debug)]
struct OneWord {
    used: CachePadded<AtomicU64>,
}

impl OneWord {
    #[inline]
    fn change(&self, change: impl Fn(u64) -> u64) {
        let mut seen = self.used.load(Ordering::Relaxed);
        // Relaxed: nothing but the count matters here.
        while let Err(other) = self.used.compare_exchange_weak(
            seen,
            change(seen),
            Ordering::Relaxed,
            Ordering::Relaxed,
        ) {
            seen = other;
        }
    }
}

impl Stream for OneWord {
    const NAME: &'static str = CONTENDER.name;

    fn streams(_room: Room, streams: usize, _peers: Peers) -> Result<Vec<Self>, Cannot> {
        Ok((0..streams).map(|_| OneWord { used: CachePadded::default() }).collect())
    }

    #[inline]
    fn reserve_release(&self, bytes: u64) -> bool {
        self.change(|used| used + bytes);
        self.change(|used| used - bytes);
        true
    }
}
