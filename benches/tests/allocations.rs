//! Neither a reservation that is admitted nor one that is refused allocates. Each thread counts
//! for itself, so what the test harness does meanwhile is not counted.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use rcmgr_benches::{BYTES, Contender, Engine, Room};

thread_local! {
    /// Has no destructor, so that it may be used whenever a thread allocates.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

struct Counting;

fn count() {
    ALLOCATIONS.set(ALLOCATIONS.get() + 1);
}

// SAFETY: all calls are passed on to the system's allocator as they are; the counter is no memory
// that it manages.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: as in `alloc`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: as in `alloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as in `alloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// How often `work` allocates, on this thread.
fn allocations(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

/// How often the engine allocates in many reservations, after a first one: a thread that has not
/// used a manager before allocates to remember its limits.
fn allocations_of_reservations(room: Room) -> u64 {
    let [stream, _other] = Engine::streams(room).expect("there is room for the streams");
    let admitted = room == Room::Ample;
    assert_eq!(stream.reserve_release(BYTES), admitted);
    allocations(|| {
        for _ in 0..1000 {
            assert_eq!(stream.reserve_release(BYTES), admitted);
        }
    })
}

#[test]
fn allocations_are_counted() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(1)))), 1);
}

#[test]
fn a_reservation_and_its_release_allocate_nothing() {
    assert_eq!(allocations_of_reservations(Room::Ample), 0);
}

#[test]
fn a_refusal_by_the_system_allocates_nothing() {
    assert_eq!(allocations_of_reservations(Room::NoneInSystem), 0);
}

#[test]
fn a_refusal_by_the_stream_itself_allocates_nothing() {
    assert_eq!(allocations_of_reservations(Room::NoneInStream), 0);
}
