//! I6: a thread that is stopped at any step of any operation blocks nobody.
//!
//! Every atomic operation of the engine is a step. For each operation, and each of its steps, a
//! thread is parked right before the step, and all operations are run by another thread on the
//! same scopes while it stays there; with exact charges, and with granules.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use ipnet::IpNet;

use crate::sync::step::set_hook;
use crate::{
    AllowlistEntry, Amount, ConnectionRequest, ConnectionScope, Direction, Granule, Ledger, Limit,
    Limits, Priority, ResourceManager, Scope, ScopeLimit, Span, StreamScope, TaskClass,
};

/// How long the others may take; far more than they need on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// An address of two subnets that have limits.
const ADDRESS: IpAddr = IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));

/// Handles that all operations share, so that they meet on the same words.
struct World {
    manager: ResourceManager,
    connection: ConnectionScope,
    allowlisted: ConnectionScope,
    fresh: StreamScope,
    with_protocol: StreamScope,
    with_service: StreamScope,
    span: Span,
    inner: Span,
    ledger: Ledger,
    system: Scope,
}

const ALL_FOUR: Amount = Amount::memory(1)
    .with_streams(Direction::Inbound, 1)
    .with_connections(Direction::Outbound, 1)
    .with_tasks(TaskClass::High, 1);

impl World {
    fn new(granule: Granule) -> Arc<World> {
        let mut limits = Limits::default();
        limits.system.memory = Limit::new(1 << 20);
        limits.transient.connections_inbound = Limit::new(2);
        limits.allowlist.insert(AllowlistEntry::peer(b"other", IpNet::from(ADDRESS)));
        let builder = ResourceManager::builder().limits(limits).granule(granule);
        let manager = builder.collect_above(0).build();
        let stream = || manager.open_stream(b"peer", Direction::Inbound).unwrap();
        let (fresh, with_protocol, with_service) = (stream(), stream(), stream());
        with_protocol.set_protocol("protocol").unwrap();
        with_service.set_protocol("protocol").unwrap();
        with_service.set_service("service").unwrap();
        let request = ConnectionRequest::inbound().with_file_descriptor();
        let span = manager.system().begin_span().unwrap();
        let ledger = span.ledger().unwrap();
        ledger.reserve(ALL_FOUR, Priority::ALWAYS).unwrap();
        let open = |request| manager.open_connection(request).unwrap();
        let (connection, another) = (open(request), open(request));
        let allowlisted = open(request.with_ip(ADDRESS));
        assert!(allowlisted.is_allowlisted());
        drop(another);
        // So that in granules all of them begin with some idle memory.
        let idle = if granule.is_exact() { 0 } else { granule.bytes() };
        for stream in [&fresh, &with_protocol, &with_service] {
            drop(stream.reserve_memory(5, Priority::ALWAYS).unwrap());
            assert_eq!(stream.charged_memory(), idle);
        }
        for connection in [&connection, &allowlisted] {
            drop(connection.reserve_memory(5, Priority::ALWAYS).unwrap());
            assert_eq!(connection.charged_memory(), idle);
        }
        Arc::new(World {
            connection,
            allowlisted,
            inner: with_service.begin_span().unwrap(),
            system: manager.system(),
            fresh,
            with_protocol,
            with_service,
            span,
            ledger,
            manager,
        })
    }
}

type Operation = fn(&World);

/// What each operation answers does not matter here, only that it answers.
const OPERATIONS: &[(&str, Operation)] = &[
    ("reserve and release, stream with service", |world| {
        drop(world.with_service.reserve_memory(5, Priority::ALWAYS));
    }),
    ("reserve and release twice, a new stream", |world| {
        let stream = world.manager.open_stream(b"peer", Direction::Inbound).unwrap();
        drop(stream.reserve_memory(5, Priority::ALWAYS));
        drop(stream.reserve_memory(5, Priority::ALWAYS));
    }),
    ("reserve and release at a low priority", |world| {
        drop(world.with_service.reserve_memory(5, Priority::LOW));
    }),
    ("reserve and release more than a granule", |world| {
        drop(world.with_service.reserve_memory(50, Priority::ALWAYS));
    }),
    ("a refused reservation", |world| {
        let refused = world.with_service.reserve_memory(2 << 20, Priority::ALWAYS);
        assert!(refused.is_err());
    }),
    ("reserve and release, span of a stream", |world| {
        drop(world.inner.reserve_memory(5, Priority::ALWAYS));
    }),
    ("reserve and release, four words of a span", |world| {
        drop(world.span.reserve(ALL_FOUR, Priority::LOW));
    }),
    ("a ledger's release and reservation", |world| {
        let _ = world.ledger.release(ALL_FOUR);
        let _ = world.ledger.reserve(ALL_FOUR, Priority::ALWAYS);
    }),
    ("set peer", |world| {
        let _ = world.connection.set_peer(b"peer");
    }),
    ("leave the allowlist", |world| {
        let _ = world.allowlisted.set_peer(b"peer");
    }),
    ("set protocol", |world| {
        let _ = world.fresh.set_protocol("protocol");
    }),
    ("set service", |world| {
        let _ = world.with_protocol.set_service("service");
    }),
    ("open, move and close a stream", |world| {
        let stream = world.manager.open_stream(b"peer", Direction::Inbound).unwrap();
        let _ = stream.set_protocol("protocol");
        let _ = stream.set_service("service");
    }),
    ("open and close a connection", |world| {
        let request = ConnectionRequest::outbound().with_ip(ADDRESS).at(Duration::from_secs(1));
        drop(world.manager.open_connection(request));
    }),
    ("verify an address, forget the idle ones", |world| {
        let _ = world.manager.verify_source_address(ADDRESS, Duration::from_secs(1));
        let _ = world.manager.collect_rates(Duration::from_secs(1 << 20));
    }),
    ("allow and disallow", |world| {
        let entry = AllowlistEntry::network(IpNet::from(ADDRESS));
        let _ = world.manager.allow(&entry);
        let _ = world.manager.disallow(&entry);
    }),
    ("begin a span, reserve and close it", |world| {
        let span = world.with_service.begin_span().unwrap();
        let held = span.reserve_memory(5, Priority::ALWAYS).map(|held| held.into_owned());
        drop(span);
        drop(held);
    }),
    ("set a limit and clear it", |world| {
        world.with_service.set_limit(ScopeLimit::UNLIMITED);
        world.with_service.clear_limit();
    }),
    ("swap the limits", |world| {
        let mut limits = Limits::clone(&world.manager.limits());
        limits.peer.memory = Limit::new(1 << 19);
        world.manager.set_limits(limits);
    }),
    ("require a priority for memory, and no more", |world| {
        world.manager.require_priority(Priority::HIGH);
        world.manager.require_priority(Priority::LOWEST);
    }),
    ("make and collect scopes", |world| {
        drop(world.manager.open_stream(b"another", Direction::Inbound));
        world.manager.collect();
    }),
    ("stats", |world| {
        let _ = (world.manager.stats(), world.system.stats());
    }),
];

/// Runs an operation in a thread that is parked before its step number `stop`; `None` when it
/// has no such step.
fn park(world: &Arc<World>, operation: Operation, stop: usize) -> Option<Parked> {
    let (go_on, gate) = mpsc::channel::<()>();
    let (tell, told) = mpsc::channel();
    let world = world.clone();
    let thread = thread::spawn(move || {
        set_hook(Some(stop_at(stop, gate, tell.clone())));
        operation(&world);
        set_hook(None);
        // The handles are dropped by whoever is last; this thread must not be stopped by that.
        drop(world);
        let _ = tell.send(false);
    });
    let parked = told.recv_timeout(PATIENCE).expect("the operation parks or ends");
    if parked {
        return Some(Parked { thread, go_on });
    }
    thread.join().unwrap();
    None
}

struct Parked {
    thread: thread::JoinHandle<()>,
    go_on: Sender<()>,
}

fn stop_at(stop: usize, gate: Receiver<()>, tell: Sender<bool>) -> crate::sync::step::Hook {
    let mut step = 0;
    Box::new(move || {
        if step == stop {
            let _ = tell.send(true);
            let _ = gate.recv();
        }
        step += 1;
    })
}

#[test]
fn a_thread_stopped_at_any_step_blocks_nobody() {
    stop_everywhere(Granule::EXACT);
}

#[test]
fn a_thread_stopped_at_any_step_blocks_nobody_in_granules() {
    stop_everywhere(Granule::new(16).unwrap());
}

fn stop_everywhere(granule: Granule) {
    let mut stops = 0;
    for (name, operation) in OPERATIONS {
        for stop in 0.. {
            let world = World::new(granule);
            let Some(parked) = park(&world, *operation, stop) else {
                break;
            };
            stops += 1;
            let (done, finished) = mpsc::channel();
            let others = world.clone();
            let others = thread::spawn(move || {
                for (other, operation) in OPERATIONS {
                    operation(&others);
                    let _ = done.send(*other);
                }
            });
            for (other, _) in OPERATIONS {
                let answer = finished.recv_timeout(PATIENCE);
                assert_eq!(answer, Ok(*other), "blocked by `{name}`, stopped before step {stop}");
            }
            others.join().unwrap();
            parked.go_on.send(()).unwrap();
            parked.thread.join().unwrap();

            let manager = world.manager.clone();
            drop(world);
            for held in manager.stats().amounts() {
                assert!(held.is_zero(), "`{name}`, stopped before step {stop}, leaves {held:?}");
            }
        }
    }
    // Reserving and releasing on seven scopes alone takes over thirty.
    assert!(stops > 200, "only {stops} steps were found");
}
