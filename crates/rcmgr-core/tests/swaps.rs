//! Limits that always change together are never seen apart: an operation goes by one set of limits,
//! whatever other threads put in force meanwhile.
//!
//! In most tests each set refuses what is tried, by a limit of its own, so that only an operation
//! which took one limit from one set and another from the next could be admitted. How often sets
//! change during an operation is left to the scheduler; each test goes on until its operations have
//! met every set many times.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rcmgr_core::{
    AllowlistEntry, ConnectionRequest, Direction, Error, IpLimits, Limit, Limits, PreparedLimits,
    Priority, Refusal, Resource, ResourceManager, ScopeId, ScopeLimit, StreamScope,
};

/// How many threads try operations.
const TRYING: usize = 2;
/// How often an operation of each of them meets each set of limits, at least.
const MEETINGS: u64 = 3_000;

const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));

/// Ends the swaps, also when a test fails.
struct End<'e>(&'e AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        // Relaxed: only an end is told.
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Runs `work` on some threads while others put sets of limits in force, prepared and not, and set
/// and clear the limit of a scope that is not in use.
fn beside_swaps(manager: &ResourceManager, sets: &[Limits], work: impl Fn() + Sync) {
    let done = AtomicBool::new(false);
    let swap = |change: &dyn Fn(&PreparedLimits)| {
        let prepared: Vec<_> = sets.iter().map(|limits| manager.prepare(limits.clone())).collect();
        for limits in prepared.iter().cycle() {
            // Relaxed: as above.
            if done.load(Ordering::Relaxed) {
                break;
            }
            change(limits);
            thread::yield_now();
        }
    };
    manager.set_limits(sets[0].clone());
    thread::scope(|threads| {
        threads.spawn(|| swap(&|limits| manager.publish(limits)));
        threads.spawn(|| swap(&|limits| manager.set_limits(Limits::clone(limits.limits()))));
        threads.spawn(|| {
            let unused =
                ScopeId::PeerProtocol { peer: b"?".as_slice().into(), protocol: "?".into() };
            swap(&|limits| assert!(manager.set_limit_of(&unused, Some(limits.limits().system))));
        });
        let _end = End(&done);
        thread::scope(|threads| {
            for _ in 0..TRYING {
                threads.spawn(&work);
            }
        });
    });
}

/// Tries until each kind of scope has refused many times, and nothing else has been told.
fn refused_by_each(kinds: &[&'static str], mut operation: impl FnMut() -> Result<(), Error>) {
    let mut refused: BTreeMap<_, u64> = kinds.iter().map(|kind| (*kind, 0)).collect();
    while refused.values().any(|times| *times < MEETINGS) {
        let error = operation().expect_err("each set of limits refuses");
        let by = error.refusal().map(|refusal: &Refusal| refusal.scope.kind());
        let times = by.and_then(|kind| refused.get_mut(kind));
        *times.unwrap_or_else(|| panic!("no set of limits refuses so: {error}")) += 1;
    }
}

const fn none_of(resource: Resource) -> ScopeLimit {
    ScopeLimit::UNLIMITED.with(resource, Limit::new(0))
}

fn stream(manager: &ResourceManager) -> StreamScope {
    manager.open_stream(b"peer", Direction::Inbound).expect("no limit is about open streams")
}

#[test]
fn no_reservation_sees_scopes_by_two_sets_of_limits() {
    let none = none_of(Resource::Memory);
    let mut sets = vec![Limits::default(); 7];
    // Every other scope by its name, so that a name is not at the same place in all of them.
    sets[0].stream = none;
    sets[1].peers.insert(b"peer".as_slice().into(), none);
    sets[2].protocol_peer = none;
    sets[3].service_peers.insert("service".into(), none);
    sets[4].protocol = none;
    sets[4].protocols.extend(["/a", "/b"].map(|other| (other.into(), ScopeLimit::UNLIMITED)));
    sets[5].services.insert("service".into(), none);
    sets[6].system = none;
    let kinds =
        ["stream", "peer", "peer_protocol", "peer_service", "protocol", "service", "system"];

    let manager = ResourceManager::default();
    let stream = stream(&manager);
    stream.set_protocol("/protocol").unwrap();
    stream.set_service("service").unwrap();
    beside_swaps(&manager, &sets, || {
        refused_by_each(&kinds, || stream.reserve_memory(1, Priority::ALWAYS).map(drop));
    });
}

#[test]
fn no_move_sees_scopes_by_two_sets_of_limits() {
    let none = none_of(Resource::StreamsInbound);
    let mut sets = vec![Limits::default(); 2];
    sets[0].protocol = none;
    sets[1].protocol_peers.insert("/protocol".into(), none);
    let manager = ResourceManager::default();
    let _kept = (manager.protocol("/protocol"), manager.peer(b"peer"));
    beside_swaps(&manager, &sets, || {
        let stream = stream(&manager);
        refused_by_each(&["protocol", "peer_protocol"], || stream.set_protocol("/protocol"));
    });
}

#[test]
fn no_connection_sees_its_address_and_the_scopes_by_two_sets_of_limits() {
    let mut sets = vec![Limits { ip: IpLimits::unlimited(), ..Limits::default() }; 2];
    sets[0].ip.subnets_v4.insert(32, Limit::new(0));
    sets[1].system = none_of(Resource::Connections);
    let manager = ResourceManager::default();
    beside_swaps(&manager, &sets, || {
        refused_by_each(&["network", "system"], || {
            manager.open_connection(ConnectionRequest::inbound().with_ip(ADDRESS)).map(drop)
        });
    });
}

#[test]
fn no_connection_sees_the_scopes_and_the_allowlist_by_two_sets_of_limits() {
    // Each admits: the one by the scopes, the other by the allowlist where they refuse.
    let mut sets = vec![Limits { ip: IpLimits::unlimited(), ..Limits::default() }; 2];
    sets[1].system = none_of(Resource::Connections);
    sets[1].allowlist.insert(AllowlistEntry::network("10.0.0.0/8".parse().unwrap()));
    let manager = ResourceManager::default();
    beside_swaps(&manager, &sets, || {
        let request = ConnectionRequest::inbound().with_ip(ADDRESS);
        for _ in 0..MEETINGS * 20 {
            drop(manager.open_connection(request).expect("each set of limits admits"));
        }
    });
}
