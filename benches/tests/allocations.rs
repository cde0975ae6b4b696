//! Neither a reservation that is admitted nor one that is refused allocates, and none frees limits that
//! were replaced. A stream allocates once, and a span nothing. Each thread counts for itself, so what the
//! test harness does meanwhile is not counted.

use std::thread;

use rcmgr_benches::allocator::CountingAllocator;
use rcmgr_benches::engine::Engine;
use rcmgr_benches::reload::limits;
use rcmgr_benches::stream::{Room, Stream};
use rcmgr_benches::{BYTES, Peers};
use rcmgr_core::{Priority, ResourceManager};

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
    let streams = Engine::streams(room, 1, Peers::Shared).expect("there is room for the stream");
    let stream = &streams[0];
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
fn a_stream_allocates_once_and_its_attachments_nothing() {
    let manager = ResourceManager::default();
    let _before = Engine::stream(&manager).expect("there is room");
    let lives = allocations(|| {
        for _ in 0..1000 {
            drop(Engine::stream(&manager).expect("there is room"));
        }
    });
    assert_eq!(lives, 1000);
}

#[test]
fn a_span_allocates_nothing_once_another_has_ended() {
    let manager = ResourceManager::default();
    let stream = Engine::stream(&manager).expect("there is room");
    let span = || {
        let span = stream.begin_span().expect("there is room");
        let inner = span.begin_span().expect("there is room");
        drop(inner.reserve_memory(BYTES, Priority::HIGH).expect("there is room"));
    };
    span();
    let spans = allocations(|| (0..1000).for_each(|_| span()));
    assert_eq!(spans, 0);
}

#[test]
fn a_refusal_by_the_system_allocates_nothing() {
    assert_eq!(allocations_of_reservations(Room::NoneInSystem), 0);
}

#[test]
fn a_refusal_by_the_stream_itself_allocates_nothing() {
    assert_eq!(allocations_of_reservations(Room::NoneInStream), 0);
}

#[test]
fn a_refusal_for_its_priority_allocates_nothing() {
    let manager = ResourceManager::default();
    let stream = Engine::stream(&manager).expect("there is room");
    manager.require_priority(Priority::ALWAYS);
    assert!(stream.reserve_memory(BYTES, Priority::ALWAYS).is_ok());
    let refused = allocations(|| {
        for _ in 0..1000 {
            assert!(stream.reserve_memory(BYTES, Priority::HIGH).is_err());
        }
    });
    assert_eq!(refused, 0);
}

#[test]
fn the_first_reservation_after_a_swap_frees_no_limits() {
    /// What a snapshot takes without the limits that it has.
    const SMALL: u64 = 512;
    let manager = ResourceManager::new(limits("a", 0));
    let stream = Engine::stream(&manager).expect("there is room");
    let reserve = || drop(stream.reserve_memory(BYTES, Priority::HIGH).expect("there is room"));
    for set in ["a", "b"] {
        reserve();
        thread::scope(|threads| threads.spawn(|| manager.set_limits(limits(set, 1))).join())
            .expect("a swap does not panic");
        let before = CountingAllocator::freed_bytes();
        assert_eq!(allocations(reserve), 0);
        let freed = CountingAllocator::freed_bytes() - before;
        assert!(freed <= SMALL, "{freed} bytes are no small snapshot");
    }
    let before = CountingAllocator::freed_bytes();
    manager.collect();
    let freed = CountingAllocator::freed_bytes() - before;
    assert!(freed > SMALL * 100, "the limits that were replaced last were kept until then");
}
