//! The floor: what an exact count in every scope costs at least.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_utils::CachePadded;

use crate::stream::{PROTOCOL_SCOPES, Room, SCOPES, Stream, reserving};
use crate::{Cannot, Contender, Peers, Scenario, Setup, Timed};

/// The contender.
pub const CONTENDER: Contender = Contender {
    name: "floor",
    note: "A bare atomic addition for each scope, and a subtraction, each on a cache line of its \
           own. It asks no limit, refuses nothing and knows no names.",
    prepare,
};

fn prepare(setup: &Setup) -> Result<Timed, Cannot> {
    match setup.scenario {
        Scenario::ReserveService => reserving::<Floor<SCOPES>>(setup),
        Scenario::ReserveProtocol => reserving::<Floor<PROTOCOL_SCOPES>>(setup),
        Scenario::RefusedSystem | Scenario::RefusedOwn => Err("it has no limits".into()),
        _ => Err("it has streams with fixed scopes only".into()),
    }
}

/// A bare atomic addition and subtraction for each scope.
#[derive(Debug)]
pub struct Floor<const N: usize> {
    scopes: [Arc<CachePadded<AtomicU64>>; N],
}

impl<const N: usize> Stream for Floor<N> {
    const NAME: &'static str = CONTENDER.name;

    fn streams(room: Room, streams: usize, peers: Peers) -> Result<Vec<Self>, Cannot> {
        if room != Room::Ample {
            return Err("it has no limits".into());
        }
        let scopes = room.scopes(streams, peers, |_| CachePadded::new(AtomicU64::new(0)));
        Ok(scopes.into_iter().map(|scopes| Floor { scopes }).collect())
    }

    #[inline]
    fn reserve_release(&self, bytes: u64) -> bool {
        // Relaxed: nothing but the counts matters here.
        for scope in &self.scopes {
            scope.fetch_add(bytes, Ordering::Relaxed);
        }
        for scope in &self.scopes {
            scope.fetch_sub(bytes, Ordering::Relaxed);
        }
        true
    }
}
