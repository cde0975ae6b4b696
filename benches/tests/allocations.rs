//! Neither a reservation that is admitted nor one that is refused allocates. Each thread counts
//! for itself, so what the test harness does meanwhile is not counted.

use rcmgr_benches::allocator::CountingAllocator;
use rcmgr_benches::{BYTES, Contender, Engine, Room};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// How often `work` allocates, on this thread.
fn allocations(work: impl FnOnce()) -> u64 {
    let before = CountingAllocator::allocations();
    work();
    CountingAllocator::allocations() - before
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
