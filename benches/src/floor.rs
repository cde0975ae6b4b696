//! The floor: what an exact count in every scope costs at least.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_utils::CachePadded;

use crate::{Contender, Room, SCOPES};

/// A bare atomic add for each scope, and a subtract for each. It asks no limit and refuses
/// nothing.
#[derive(Debug)]
pub struct Floor {
    own: CachePadded<AtomicU64>,
    shared: Arc<[CachePadded<AtomicU64>; SCOPES - 1]>,
}

impl Contender for Floor {
    const NAME: &'static str = "floor";

    fn streams(room: Room) -> Option<[Self; 2]> {
        let shared = Arc::new([const { CachePadded::new(AtomicU64::new(0)) }; SCOPES - 1]);
        let stream = || Floor { own: CachePadded::default(), shared: shared.clone() };
        (room == Room::Ample).then(|| [stream(), stream()])
    }

    #[inline]
    fn reserve_release(&self, bytes: u64) -> bool {
        // Relaxed: nothing but the counts matters here.
        self.own.fetch_add(bytes, Ordering::Relaxed);
        for scope in &*self.shared {
            scope.fetch_add(bytes, Ordering::Relaxed);
        }
        self.own.fetch_sub(bytes, Ordering::Relaxed);
        for scope in &*self.shared {
            scope.fetch_sub(bytes, Ordering::Relaxed);
        }
        true
    }
}
