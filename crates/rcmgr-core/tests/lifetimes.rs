//! What appears, what stays and what goes: scopes that remote parties make appear, handles that
//! are dropped in odd places, bounds on nesting.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use rcmgr_core::{
    Amount, ConnectionRequest, Direction, Disabled, Error, Limit, Limits, MAX_SPAN_DEPTH, Priority,
    Reservation, Resource, ResourceManager, Scope, ScopeLimit, Span, StreamScope, TaskClass,
};

fn entries(manager: &ResourceManager) -> usize {
    let stats = manager.stats();
    stats.peers.len()
        + stats.protocols.len()
        + stats.services.len()
        + stats.peer_protocols.len()
        + stats.peer_services.len()
}

#[test]
fn a_flood_of_peers_is_bounded_without_a_call() {
    let manager = ResourceManager::builder().collect_above(64).build();
    let pinned = manager.open_stream(b"pinned", Direction::Inbound).unwrap();
    pinned.set_protocol("kept").unwrap();
    // As many as need no sweep are in use.
    let used: Vec<_> = (0..64u8).map(|number| manager.peer(&[number])).collect();
    let mut most = 0;
    for number in 0..20_000u32 {
        let stream = manager.open_stream(&number.to_be_bytes(), Direction::Inbound).unwrap();
        stream.set_protocol(format!("protocol {}", number % 7).as_str()).unwrap();
        stream.set_service("service").unwrap();
        drop(stream);
        most = most.max(entries(&manager));
    }
    // The sweep comes a little behind: a chain of four entries goes from its end.
    assert!(most < 4 * 64, "{most} entries at a time");
    drop(used);
    assert_eq!(pinned.protocol().as_deref(), Some("kept"));
    assert_eq!(manager.stats().peers[b"pinned".as_slice()].streams_inbound, 1);
    manager.collect();
    assert_eq!(entries(&manager), 3, "a peer, its protocol, its use of it");
}

#[test]
fn what_is_refused_makes_nothing_appear() {
    let mut limits = Limits::default();
    limits.peers.insert(b"blocked".as_slice().into(), ScopeLimit::BLOCK_ALL);
    limits.protocols.insert("blocked".into(), ScopeLimit::BLOCK_ALL);
    limits.protocol_peers.insert("pair blocked".into(), ScopeLimit::BLOCK_ALL);
    limits.services.insert("blocked".into(), ScopeLimit::BLOCK_ALL);
    limits.service_peers.insert("pair blocked".into(), ScopeLimit::BLOCK_ALL);
    limits.transient.streams = Limit::new(1);
    let manager = ResourceManager::new(limits);

    manager.open_stream(b"blocked", Direction::Inbound).unwrap_err();
    let connection = manager.open_connection(ConnectionRequest::inbound()).unwrap();
    connection.set_peer(b"blocked").unwrap_err();
    assert_eq!(entries(&manager), 0);

    let stream = manager.open_stream(b"peer", Direction::Inbound).unwrap();
    manager.open_stream(b"too many", Direction::Inbound).unwrap_err();
    stream.set_protocol("blocked").unwrap_err();
    stream.set_protocol("pair blocked").unwrap_err();
    assert_eq!(entries(&manager), 1, "the peer of the open stream");

    stream.set_protocol("protocol").unwrap();
    stream.set_service("blocked").unwrap_err();
    stream.set_service("pair blocked").unwrap_err();
    assert_eq!(entries(&manager), 3);
}

#[test]
fn whatever_uses_a_scope_keeps_it() {
    let manager = ResourceManager::default();
    let kept = |manager: &ResourceManager| {
        manager.collect();
        !manager.services().is_empty()
    };

    let view = manager.service("service");
    assert!(kept(&manager), "by a handle");
    let held = view.reserve_memory(1, Priority::ALWAYS).unwrap().into_owned();
    drop(view);
    assert!(kept(&manager), "by a reservation");
    drop(held);
    let span = manager.service("service").begin_span().unwrap();
    assert!(kept(&manager), "by a span");
    let ledger = span.ledger().unwrap();
    drop(span);
    assert!(!kept(&manager), "a closed span uses nothing, whatever is begun under it");
    assert!(matches!(
        ledger.reserve(Amount::memory(1), Priority::ALWAYS),
        Err(Error::Closed { .. })
    ));

    manager.service("service").set_limit(ScopeLimit::BLOCK_ALL);
    assert!(kept(&manager), "by a limit of its own");
    manager.service("service").clear_limit();
    assert!(!kept(&manager));
}

#[test]
fn a_limit_that_was_set_survives_a_swap_until_cleared() {
    let manager = ResourceManager::default();
    let stream = manager.open_stream(b"peer", Direction::Inbound).unwrap();
    let span = stream.begin_span().unwrap();
    let tight = ScopeLimit::all(Limit::new(5));
    span.set_limit(tight);
    manager.peer(b"peer").set_limit(tight);
    let swapped = ScopeLimit::all(Limit::new(9));
    manager.set_limits(Limits { stream: swapped, peer: swapped, ..Limits::default() });

    assert_eq!((span.limit(), stream.limit()), (tight, swapped));
    let refused = span.reserve_memory(6, Priority::ALWAYS).unwrap_err();
    assert_eq!(*refused.scope(), span.id());
    span.clear_limit();
    assert_eq!(span.limit(), swapped, "its owner's current limit");
    let refused = span.reserve_memory(6, Priority::ALWAYS).unwrap_err();
    assert_eq!(*refused.scope(), *manager.peer(b"peer").id());
    manager.peer(b"peer").clear_limit();
    drop(span.reserve_memory(6, Priority::ALWAYS).unwrap());
}

#[test]
fn a_handle_of_another_manager_is_a_name() {
    let (one, two) = (ResourceManager::default(), ResourceManager::default());
    two.peer(b"peer").set_limit(ScopeLimit::all(Limit::new(1)));
    two.protocol("protocol").set_limit(ScopeLimit::all(Limit::new(1)));
    two.service("service").set_limit(ScopeLimit::all(Limit::new(1)));

    let stream = one.open_stream(&two.peer(b"peer"), Direction::Inbound).unwrap();
    stream.set_protocol(&two.protocol("protocol")).unwrap();
    stream.set_service(&two.service("service")).unwrap();
    let connection = one.open_connection(ConnectionRequest::outbound()).unwrap();
    connection.set_peer(&two.peer(b"peer")).unwrap();
    drop(stream.reserve_memory(9, Priority::ALWAYS).unwrap());

    assert_eq!(one.peer(b"peer").stats().connections_outbound, 1);
    assert_eq!(one.service("service").stats().streams_inbound, 1);
    assert!(two.stats().amounts().all(Amount::is_zero));
}

#[test]
fn handles_attach_as_names_do() {
    let manager = ResourceManager::default();
    let (peer, protocol) = (manager.peer(b"peer"), manager.protocol("protocol"));
    let service = manager.service("service");
    let stream = manager.open_stream(&peer, Direction::Inbound).unwrap();
    stream.set_protocol(&protocol).unwrap();
    stream.set_service(&service).unwrap();
    let connection = manager.open_connection(ConnectionRequest::outbound()).unwrap();
    connection.set_peer(&peer).unwrap();
    for scope in [&*protocol, &*service, &*peer] {
        assert_eq!(scope.stats().streams_inbound, 1, "{}", scope.id());
    }
    assert_eq!(peer.stats().connections_outbound, 1);
    drop((peer, protocol, service));
    manager.collect();
    assert_eq!(entries(&manager), 5, "the stream pins what it uses");
    drop((stream, connection));
    manager.collect();
    assert_eq!(entries(&manager), 0);
}

#[test]
fn the_scope_that_a_refusal_names_can_be_given_room() {
    let mut limits = Limits::default();
    limits.protocol_peers.insert("protocol".into(), ScopeLimit::all(Limit::new(4)));
    let manager = ResourceManager::new(limits);
    let stream = manager.open_stream(b"peer", Direction::Inbound).unwrap();
    stream.set_protocol("protocol").unwrap();
    let refused = stream.reserve_memory(5, Priority::ALWAYS).unwrap_err();
    let scope = refused.scope();
    assert_eq!(scope.kind(), "peer_protocol");
    assert_eq!(manager.limit_of(scope), Some(ScopeLimit::all(Limit::new(4))));
    assert!(manager.set_limit_of(scope, Some(ScopeLimit::all(Limit::new(5)))));
    drop(stream.reserve_memory(5, Priority::ALWAYS).unwrap());
    assert!(manager.set_limit_of(scope, None));
    stream.reserve_memory(5, Priority::ALWAYS).unwrap_err();
    assert!(!manager.set_limit_of(&stream.id(), None));
    assert_eq!(manager.limit_of(&stream.id()), None);
}

#[test]
fn who_sets_and_clears_a_limit_at_once_leaves_nothing_odd() {
    let manager = ResourceManager::default();
    for _ in 0..200 {
        let peer = manager.peer(b"peer");
        thread::scope(|scope| {
            scope.spawn(|| peer.set_limit(ScopeLimit::BLOCK_ALL));
            scope.spawn(|| peer.clear_limit());
        });
        let limited = peer.limit() == ScopeLimit::BLOCK_ALL;
        drop(peer);
        manager.collect();
        assert_eq!(manager.peers().len(), usize::from(limited), "sticky while a limit is set");
    }
}

#[test]
fn dropping_while_panicking_and_elsewhere_releases_once() {
    let manager = ResourceManager::default();
    let stream = Arc::new(manager.open_stream(b"peer", Direction::Inbound).unwrap());
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let _held = stream.reserve_memory(5, Priority::ALWAYS).unwrap();
        panic!("while a reservation is held");
    }));
    assert!(unwound.is_err());
    assert_eq!(manager.stats().system.memory, 0);

    let held = stream.reserve_memory(5, Priority::ALWAYS).unwrap().into_owned();
    thread::spawn(move || drop(held)).join().unwrap();
    assert_eq!(manager.stats().system.memory, 0);

    let held = stream.reserve_memory(5, Priority::ALWAYS).unwrap().into_owned();
    drop(stream);
    assert!(manager.stats().system.is_zero(), "the stream takes along what it holds");
    drop(held);
    assert!(manager.stats().system.is_zero());
}

#[test]
fn spans_nest_to_a_bound() {
    let manager = ResourceManager::default();
    let mut spans: Vec<Span> = vec![manager.system().begin_span().unwrap()];
    while let Ok(span) = spans[spans.len() - 1].begin_span() {
        spans.push(span);
    }
    assert_eq!(spans.len(), MAX_SPAN_DEPTH as usize);
    let deepest = &spans[spans.len() - 1];
    let tasks = Amount::tasks(TaskClass::Low, 1).with_memory(1);
    let held = deepest.reserve(tasks, Priority::ALWAYS).unwrap();
    assert_eq!(spans[0].stats(), tasks);
    assert!(matches!(deepest.ledger(), Err(Error::TooDeep { .. })));
    drop(held);
    assert!(manager.stats().system.is_zero());
}

#[test]
fn a_reservation_divides_and_unites() {
    let manager = ResourceManager::default();
    let (one, two) = (manager.service("one"), manager.service("two"));
    let mut held = one.reserve(Amount::memory(10), Priority::ALWAYS).unwrap();
    assert!(matches!(held.split(Amount::memory(11)), Err(Error::NotHeld { .. })));
    let part = held.split(Amount::memory(4)).unwrap();
    let other = two.reserve(Amount::memory(1), Priority::ALWAYS).unwrap();
    let other = held.merge(other).unwrap_err();
    assert_eq!(other.amount(), Amount::memory(1));
    held.merge(part).unwrap();
    held.shrink(Amount::memory(3)).unwrap();
    assert_eq!((held.amount(), one.stats()), (Amount::memory(7), Amount::memory(7)));
    assert_eq!(manager.stats().system, Amount::memory(8));
}

#[test]
fn fields_are_full_before_they_overflow() {
    let manager = ResourceManager::default();
    let system = manager.system();
    let most = system.reserve_memory(u64::MAX, Priority::LOW).unwrap();
    let full = system.reserve_memory(1, Priority::LOW).unwrap_err();
    assert!(matches!(full, Error::Capacity { resource: Resource::Memory, .. }));
    drop(most);
    let connections = Amount::connections(Direction::Inbound, 1 << 21);
    let full = system.reserve(connections, Priority::ALWAYS).unwrap_err();
    assert!(matches!(full, Error::Capacity { resource: Resource::ConnectionsInbound, .. }));
    assert!(manager.stats().system.is_zero());
}

#[test]
fn everything_can_be_shared_and_sent() {
    fn shared<T: Send + Sync>() {}
    shared::<ResourceManager>();
    shared::<rcmgr_core::ConnectionScope>();
    shared::<StreamScope>();
    shared::<Scope>();
    shared::<Span>();
    shared::<rcmgr_core::Ledger>();
    shared::<Reservation<'static>>();
    shared::<Error>();
    shared::<Disabled>();
}

#[test]
fn a_ledger_of_memory_holds_nothing_else() {
    let manager = ResourceManager::default();
    let stream = manager.open_stream(b"peer", Direction::Inbound).unwrap();
    let ledger = stream.ledger().unwrap();
    let released = ledger.release(Amount::streams(Direction::Inbound, 1).with_memory(0));
    assert!(matches!(released, Err(Error::NotHeld { .. })), "{released:?}");
}
