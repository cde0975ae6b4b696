//! Memory that is charged in granules (R11): what is charged never passes a limit, what is used never
//! passes what is charged, and little is idle.

use proptest::prelude::*;
use rcmgr_core::{
    ConnectionRequest, ConnectionScope, Direction, Error, Granule, Limit, Limits, Priority,
    Reservation, Resource, ResourceManager, ScopeLimit, StreamScope,
};

const KIB: u64 = 1 << 10;

fn memory(bytes: u64) -> ScopeLimit {
    ScopeLimit { memory: Limit::new(bytes), ..ScopeLimit::UNLIMITED }
}

fn manager(limits: Limits, granule: u64) -> ResourceManager {
    let granule = Granule::new(granule).expect("a power of two");
    ResourceManager::builder().limits(limits).granule(granule).build()
}

fn stream(manager: &ResourceManager, peer: &[u8; 1]) -> StreamScope {
    manager.open_stream(peer, Direction::Inbound).expect("there is room")
}

/// What the stream uses and what it has charged.
fn of(stream: &StreamScope) -> (u64, u64) {
    (stream.stats().memory, stream.charged_memory())
}

#[test]
fn one_granule_serves_what_is_reserved_and_released_within_it() {
    let manager = manager(Limits::default(), 64 * KIB);
    let stream = stream(&manager, b"a");
    let reserve = |bytes| stream.reserve_memory(bytes, Priority::ALWAYS).unwrap();
    let first = reserve(1);
    assert_eq!(of(&stream), (1, 64 * KIB));
    let second = reserve(64 * KIB);
    assert_eq!(of(&stream), (64 * KIB + 1, 128 * KIB));
    assert_eq!(manager.stats().peers[b"a".as_slice()].memory, 128 * KIB);
    drop(second);
    assert_eq!(of(&stream), (1, 128 * KIB), "one granule stays");
    drop(first);
    assert_eq!(of(&stream), (0, 64 * KIB), "one, and no more");
    let large = reserve(1024 * KIB);
    assert_eq!(of(&stream), (1024 * KIB, 1024 * KIB));
    drop(large);
    assert_eq!(of(&stream), (0, 64 * KIB));

    stream.set_protocol("protocol").unwrap();
    assert_eq!(of(&stream), (0, 0), "a move does not carry what is idle");
    drop(reserve(1));
    let stats = manager.stats();
    assert_eq!(stats.system.memory, 64 * KIB);
    assert_eq!(stats.idle_at_most(&stats.system), 64 * KIB);
    assert_eq!(stats.granule, Granule::new(64 * KIB).unwrap());
    drop(stream);
    assert!(manager.stats().system.is_zero(), "closing gives all back");
}

#[test]
fn a_lower_priority_is_asked_for_also_where_memory_is_idle() {
    let limits = Limits { system: memory(128 * KIB), ..Limits::default() };
    let manager = manager(limits, 16 * KIB);
    let (stream, other) = (stream(&manager, b"a"), stream(&manager, b"b"));
    drop(stream.reserve_memory(1, Priority::ALWAYS).unwrap());
    assert_eq!(of(&stream), (0, 16 * KIB));
    let held = other.reserve_memory(44 * KIB, Priority::ALWAYS).unwrap();
    // 64 KiB are charged: open to MEDIUM, of whom 153 of 256 parts are, not to LOW, of whom 102 are.
    let idle = |bytes, priority| stream.reserve_memory(bytes, priority).map(|_held| of(&stream));
    assert_eq!(manager.stats().system.memory, 64 * KIB);
    assert_eq!(idle(1000, Priority::MEDIUM), Ok((1000, 16 * KIB)));
    // Without what is idle here 48 KiB are, so LOW has room for some.
    assert_eq!(idle(1000, Priority::LOW), Ok((1000, 1000)));
    let refused = idle(10_000, Priority::LOW).unwrap_err();
    let refusal = refused.refusal().unwrap();
    assert_eq!((refusal.used, refusal.requested, refusal.limit), (48 * KIB, 10_000, 128 * KIB));
    assert!(refused.may_succeed_later());
    drop(held);
}

#[test]
fn a_refusal_tells_what_was_requested() {
    let limits = Limits { peer: memory(80 * KIB), ..Limits::default() };
    let manager = manager(limits, 32 * KIB);
    let stream = stream(&manager, b"a");
    drop(stream.reserve_memory(1, Priority::ALWAYS).unwrap());
    let refused = stream.reserve_memory(100 * KIB, Priority::ALWAYS).unwrap_err();
    assert_eq!(refused.refusal().unwrap().requested, 100 * KIB);
    assert!(!refused.may_succeed_later());
}

#[test]
fn zero_bytes_are_refused_over_a_limit() {
    let manager = manager(Limits::default(), 64 * KIB);
    let stream = stream(&manager, b"a");
    let held = stream.reserve_memory(10, Priority::ALWAYS).unwrap();
    assert!(stream.reserve_memory(0, Priority::ALWAYS).is_ok());
    manager.set_limits(Limits { system: memory(5), ..Limits::default() });
    assert!(stream.reserve_memory(0, Priority::ALWAYS).is_err());
    drop(held);
}

#[test]
fn idle_memory_of_quiet_streams_leaves_room_for_others() {
    let limits = Limits { system: memory(640 * KIB), ..Limits::default() };
    let manager = manager(limits, 64 * KIB);
    let quiet: Vec<_> = (0..10).map(|_| stream(&manager, b"a")).collect();
    for stream in &quiet {
        drop(stream.reserve_memory(1, Priority::ALWAYS).unwrap());
    }
    // Rounding up is open to 153 of 256 parts of 640 KiB.
    assert_eq!(manager.stats().system.memory, 5 * 64 * KIB);
    let other = stream(&manager, b"b");
    assert!(other.reserve_memory(256 * KIB, Priority::ALWAYS).is_ok());
}

#[test]
fn what_was_in_use_may_stay_idle_until_its_streams_release_again() {
    let limits = Limits { system: memory(640 * KIB), ..Limits::default() };
    let manager = manager(limits, 64 * KIB);
    let quiet: Vec<_> = (0..10).map(|_| stream(&manager, b"a")).collect();
    let reserve = |stream: &StreamScope, bytes| {
        stream.reserve_memory(bytes, Priority::ALWAYS).map(Reservation::into_owned)
    };
    let held: Vec<_> = quiet.iter().map(|stream| reserve(stream, 64 * KIB).unwrap()).collect();
    drop(held);
    assert_eq!(manager.stats().system.memory, 640 * KIB, "nothing of it is in use");
    let other = stream(&manager, b"b");
    assert!(reserve(&other, 1).is_err());
    drop(reserve(&quiet[0], 1).unwrap());
    assert_eq!(of(&quiet[0]), (0, 0));
    assert!(reserve(&other, 64 * KIB).is_ok());
}

#[test]
fn refusals_of_other_resources_leave_granules_on() {
    let mut limits = Limits::default();
    limits.peer.streams_inbound = Limit::new(1);
    let manager = manager(limits, 64 * KIB);
    let stream = stream(&manager, b"a");
    assert!(manager.open_stream(b"a", Direction::Inbound).is_err());
    drop(stream.reserve_memory(1, Priority::ALWAYS).unwrap());
    assert_eq!(of(&stream), (0, 64 * KIB));
}

#[test]
fn a_granule_that_has_no_room_at_a_low_priority_leaves_granules_on() {
    let limits = Limits { system: memory(256 * KIB), ..Limits::default() };
    let manager = manager(limits, 64 * KIB);
    let [one, two] = [stream(&manager, b"a"), stream(&manager, b"a")];
    let held = one.reserve_memory(60 * KIB, Priority::ALWAYS).unwrap();
    // 102 KiB are open to LOW: there is no room for 64 more, and there is for what is needed.
    let low = two.reserve_memory(1, Priority::LOW).unwrap();
    assert_eq!(of(&two), (1, 1));
    drop((low, held));
    assert_eq!(of(&one), (0, 64 * KIB));
}

#[test]
fn where_a_granule_has_no_room_the_exact_amount_is_charged() {
    let limits = Limits { peer: memory(120 * KIB), ..Limits::default() };
    let manager = manager(limits, 64 * KIB);
    let [one, two] = [stream(&manager, b"a"), stream(&manager, b"a")];
    let held = one.reserve_memory(1, Priority::ALWAYS).unwrap();
    let exact = two.reserve_memory(56 * KIB, Priority::ALWAYS).unwrap();
    assert_eq!(of(&two), (56 * KIB, 56 * KIB));
    let refused = two.reserve_memory(1, Priority::ALWAYS).unwrap_err();
    assert_eq!(refused.refusal().unwrap().scope.kind(), "peer");
    drop(exact);
    assert_eq!(of(&two), (0, 0), "nothing stays idle beside a refusal");
    drop(held);
    assert_eq!(of(&one), (0, 0), "in no leaf of the scope");
    let whole = two.reserve_memory(120 * KIB, Priority::ALWAYS).unwrap();
    assert_eq!(of(&two), (120 * KIB, 120 * KIB));
    drop(whole);
    // Another peer's scopes have refused nothing.
    let other = stream(&manager, b"b");
    drop(other.reserve_memory(1, Priority::ALWAYS).unwrap());
    assert_eq!(of(&other), (0, 64 * KIB));
    // After enough charges that found room, granules are charged again.
    for _ in 0..2000 {
        drop(two.reserve_memory(1, Priority::ALWAYS).unwrap());
    }
    assert_eq!(of(&two), (0, 64 * KIB));
}

#[test]
fn a_change_of_limits_makes_leaves_give_back_what_is_idle() {
    let manager = manager(Limits::default(), 64 * KIB);
    let mut limits = Limits::default();
    let stream = stream(&manager, b"a");
    let idle = || {
        let before = stream.reserve_memory(1, Priority::ALWAYS).unwrap();
        let during = of(&stream);
        drop(before);
        (during.1, of(&stream).1)
    };
    assert_eq!(idle(), (64 * KIB, 64 * KIB));
    limits.system = memory(KIB);
    manager.set_limits(limits.clone());
    assert_eq!(idle(), (64 * KIB, 0), "at the next release");
    assert_eq!(idle(), (1, 0), "there is no room for a granule");
    manager.peer(b"a").set_limit(memory(10));
    assert_eq!(idle(), (1, 0));
    limits.system = ScopeLimit::UNLIMITED;
    manager.set_limits(limits);
    manager.peer(b"a").clear_limit();
    for _ in 0..2000 {
        idle();
    }
    assert_eq!(idle(), (64 * KIB, 64 * KIB));
}

#[test]
fn a_leafs_own_limit_is_of_what_it_uses() {
    let limits = Limits { stream: memory(1000), ..Limits::default() };
    let manager = manager(limits, 64 * KIB);
    let stream = stream(&manager, b"a");
    let held = stream.reserve_memory(1000, Priority::ALWAYS).unwrap();
    assert_eq!(of(&stream), (1000, 64 * KIB));
    let refused = stream.reserve_memory(1, Priority::ALWAYS).unwrap_err();
    assert_eq!(refused.refusal().unwrap().scope.kind(), "stream");
    drop(held);
}

/// What may be done to three streams and a connection.
#[derive(Clone, Debug)]
enum Op {
    Reserve { leaf: usize, bytes: u64, priority: Priority },
    Release { reservation: usize },
    Protocol { leaf: usize },
    Service { leaf: usize },
    Reopen { leaf: usize },
    Limit { system: u64 },
}

fn op() -> impl Strategy<Value = Op> {
    let bytes = prop_oneof![0u64..40, 0u64..4000];
    let priority = prop::sample::select(vec![Priority::ALWAYS, Priority::HIGH, Priority::LOW]);
    prop_oneof![
        8 => (0..LEAVES, bytes, priority)
            .prop_map(|(leaf, bytes, priority)| Op::Reserve { leaf, bytes, priority }),
        6 => any::<prop::sample::Index>().prop_map(|at| Op::Release { reservation: at.index(64) }),
        1 => (0..LEAVES).prop_map(|leaf| Op::Protocol { leaf }),
        1 => (0..LEAVES).prop_map(|leaf| Op::Service { leaf }),
        1 => (0..LEAVES).prop_map(|leaf| Op::Reopen { leaf }),
        1 => (2000u64..20_000).prop_map(|system| Op::Limit { system }),
    ]
}

const LEAVES: usize = 4;

enum Leaf {
    Stream(StreamScope),
    Connection(ConnectionScope),
}

impl Leaf {
    fn open(manager: &ResourceManager, at: usize) -> Leaf {
        match at {
            0 => Leaf::Connection(
                manager.open_connection(ConnectionRequest::inbound()).expect("there is room"),
            ),
            _ => Leaf::Stream(
                manager
                    .open_stream(&[b'a' + at as u8 / 2], Direction::Inbound)
                    .expect("there is room"),
            ),
        }
    }

    fn used_and_charged(&self) -> (u64, u64) {
        match self {
            Leaf::Stream(scope) => of(scope),
            Leaf::Connection(scope) => (scope.stats().memory, scope.charged_memory()),
        }
    }

    fn reserve(&self, bytes: u64, priority: Priority) -> Result<Reservation<'static>, Error> {
        match self {
            Leaf::Stream(scope) => scope.reserve_memory(bytes, priority),
            Leaf::Connection(scope) => scope.reserve_memory(bytes, priority),
        }
        .map(Reservation::into_owned)
    }
}

proptest! {
    #[test]
    fn used_is_within_charged_and_charged_within_the_limits(
        shift in 0u32..13, ops in prop::collection::vec(op(), 1..200),
    ) {
        let granule = Granule::new(1 << shift).unwrap();
        let mut limits = Limits { system: memory(9000), peer: memory(6000), ..Limits::default() };
        limits.transient = memory(5000);
        let manager = ResourceManager::builder().limits(limits.clone()).granule(granule).build();
        let mut leaves: Vec<Leaf> = (0..LEAVES).map(|at| Leaf::open(&manager, at)).collect();
        let mut held: Vec<(usize, Reservation<'static>)> = Vec::new();
        for op in ops {
            let before = manager.stats().system.memory;
            match op {
                Op::Reserve { leaf, bytes, priority } => {
                    let (used, _) = leaves[leaf].used_and_charged();
                    match leaves[leaf].reserve(bytes, priority) {
                        Ok(reservation) => held.push((leaf, reservation)),
                        Err(error) => {
                            let refusal = error.refusal().expect("nothing else can go wrong");
                            prop_assert_eq!(refusal.resource, Resource::Memory);
                            let open = priority.threshold(refusal.limit);
                            prop_assert!(refusal.used + refusal.requested > open);
                            prop_assert_eq!(refusal.requested, bytes);
                            prop_assert_eq!(leaves[leaf].used_and_charged().0, used);
                            // Less where the leaf gave back what it kept idle.
                            prop_assert!(manager.stats().system.memory <= before);
                        }
                    }
                    let grown = manager.stats().system.memory;
                    prop_assert!(grown <= before.max(limits.system.memory.get()));
                }
                Op::Release { reservation } if !held.is_empty() => {
                    let at = reservation % held.len();
                    drop(held.swap_remove(at));
                    prop_assert!(manager.stats().system.memory <= before);
                }
                Op::Release { .. } => {}
                Op::Protocol { leaf } => {
                    let _ = match &leaves[leaf] {
                        Leaf::Stream(scope) => scope.set_protocol("protocol"),
                        Leaf::Connection(scope) => scope.set_peer(b"a"),
                    };
                }
                Op::Service { leaf } => {
                    if let Leaf::Stream(scope) = &leaves[leaf] {
                        let _ = scope.set_service("service");
                    }
                }
                Op::Reopen { leaf } => {
                    held.retain(|(of, _)| *of != leaf);
                    leaves[leaf] = Leaf::open(&manager, leaf);
                }
                Op::Limit { system } => {
                    limits.system = memory(system);
                    manager.set_limits(limits.clone());
                }
            }
            let mut sum = 0;
            for (at, leaf) in leaves.iter().enumerate() {
                let (used, charged) = leaf.used_and_charged();
                let reserved: u64 =
                    held.iter().filter(|(of, _)| *of == at).map(|(_, held)| held.amount().memory).sum();
                prop_assert_eq!(used, reserved);
                prop_assert!(used <= charged && charged - used <= granule.most_idle());
                sum += charged;
            }
            prop_assert_eq!(manager.stats().system.memory, sum);
        }
        drop(held);
        drop(leaves);
        prop_assert!(manager.stats().amounts().all(|amount| amount.is_zero()));
        prop_assert_eq!(rcmgr_core::underflows(), 0);
    }
}
