//! What operations allocate, and what items take.

use crate::allocator::CountingAllocator;
use crate::{Allocations, Timed};

/// What one operation allocates on its thread, as the mean of so many. The program's allocator has
/// to be a [`CountingAllocator`].
pub fn allocations(timed: &mut Timed, times: u64) -> Allocations {
    match timed {
        Timed::Here(works) => {
            let Some(work) = works.first_mut() else {
                return Allocations::default();
            };
            // A thread that has not used a manager before allocates to remember its limits.
            work.ready(1);
            work.run(1);
            work.ready(times);
            CountingAllocator::count(true);
            let [count, bytes] =
                [CountingAllocator::allocations(), CountingAllocator::allocated_bytes()];
            work.run(times);
            let each = |now: u64, before: u64| (now - before) as f64 / times as f64;
            let allocations = Allocations {
                count: each(CountingAllocator::allocations(), count),
                bytes: each(CountingAllocator::allocated_bytes(), bytes),
            };
            CountingAllocator::count(false);
            allocations
        }
        Timed::Elsewhere(remote) => remote.allocations(times),
    }
}

/// What one item takes while so many are held, its handle included.
pub fn bytes(timed: &mut Timed, items: u64) -> f64 {
    match timed {
        Timed::Here(works) => {
            CountingAllocator::count(true);
            let before = CountingAllocator::live_bytes();
            if let Some(work) = works.first_mut() {
                work.ready(items);
                work.run(items);
            }
            let after = CountingAllocator::live_bytes();
            CountingAllocator::count(false);
            (after - before) as f64 / items as f64
        }
        Timed::Elsewhere(remote) => remote.bytes(items),
    }
}
