//! What is kept of go-libp2p's resource manager, what is mended, and what is decided: a test for each
//! point that no other test shows. The comparison in the book lists the points.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcmgr_core::ipnet::IpNet;
use rcmgr_core::{
    AllowlistEntry, ConnectionRates, ConnectionRequest, Direction, Error, IpLimits, Limit, Limits,
    Observer, Priority, Rate, RateLimited, Refusal, Resource, ResourceManager, ScopeId, ScopeLimit,
};

const START: Duration = Duration::ZERO;

fn net(text: &str) -> IpNet {
    text.parse().expect("it is a network")
}

fn from(ip: impl Into<IpAddr>) -> ConnectionRequest {
    ConnectionRequest::inbound().with_file_descriptor().with_ip(ip.into())
}

fn refused_by(result: Result<impl Sized, Error>) -> &'static str {
    match result {
        Ok(_) => "nobody",
        Err(Error::RateLimited(_)) => "rate",
        Err(error) => error.scope().kind(),
    }
}

// What is kept.

#[test]
fn a_connection_is_asked_its_rate_its_address_itself_transient_and_system() {
    let none = ScopeLimit::BLOCK_ALL;
    let mut limits =
        Limits { system: none, transient: none, connection: none, ..Limits::default() };
    limits.rates = ConnectionRates { global: Rate::BLOCK_ALL, ..ConnectionRates::unlimited() };
    limits.ip.subnets_v4 = [(32, Limit::BLOCK_ALL)].into();
    let manager = ResourceManager::new(limits.clone());
    let mut asked = |lift: fn(&mut Limits)| {
        let refused = refused_by(manager.open_connection(from([192, 0, 2, 7]).at(START)));
        lift(&mut limits);
        manager.set_limits(limits.clone());
        refused
    };
    assert_eq!(asked(|limits| limits.rates.global = Rate::UNLIMITED), "rate");
    assert_eq!(asked(|limits| limits.ip = IpLimits::unlimited()), "network");
    assert_eq!(asked(|limits| limits.connection = ScopeLimit::UNLIMITED), "connection");
    assert_eq!(asked(|limits| limits.transient = ScopeLimit::UNLIMITED), "transient");
    assert_eq!(asked(|limits| limits.system = ScopeLimit::UNLIMITED), "system");
    assert_eq!(asked(|_| {}), "nobody");
}

/// A class of scopes, and where its limit is.
type Class = (&'static str, fn(&mut Limits) -> &mut ScopeLimit);

/// The classes of a stream's scopes, in the order in which they are asked.
const OF_A_STREAM: [Class; 7] = [
    ("stream", |limits| &mut limits.stream),
    ("peer", |limits| &mut limits.peer),
    ("peer_protocol", |limits| &mut limits.protocol_peer),
    ("peer_service", |limits| &mut limits.service_peer),
    ("protocol", |limits| &mut limits.protocol),
    ("service", |limits| &mut limits.service),
    ("system", |limits| &mut limits.system),
];

#[test]
fn a_stream_asks_its_scopes_in_order() {
    let manager = ResourceManager::default();
    let stream = manager.open_stream(b"peer", Direction::Inbound).unwrap();
    stream.set_protocol("protocol").unwrap();
    stream.set_service("service").unwrap();
    let mut limits = Limits::default();
    for (_, of) in OF_A_STREAM {
        of(&mut limits).memory = Limit::BLOCK_ALL;
    }
    for (kind, of) in OF_A_STREAM {
        manager.set_limits(limits.clone());
        assert_eq!(refused_by(stream.reserve_memory(1, Priority::ALWAYS)), kind);
        of(&mut limits).memory = Limit::UNLIMITED;
    }
}

#[test]
fn a_stream_without_a_protocol_asks_transient_before_system() {
    let none = ScopeLimit::BLOCK_ALL;
    let mut limits =
        Limits { stream: none, peer: none, transient: none, system: none, ..Limits::default() };
    let manager = ResourceManager::new(limits.clone());
    let mut asked = |lift: fn(&mut Limits) -> &mut ScopeLimit| {
        let refused = refused_by(manager.open_stream(b"peer", Direction::Inbound));
        *lift(&mut limits) = ScopeLimit::UNLIMITED;
        manager.set_limits(limits.clone());
        refused
    };
    assert_eq!(asked(|limits| &mut limits.stream), "stream");
    assert_eq!(asked(|limits| &mut limits.peer), "peer");
    assert_eq!(asked(|limits| &mut limits.transient), "transient");
    assert_eq!(asked(|limits| &mut limits.system), "system");
}

/// Every refusal that a move meets while what has just refused is lifted.
fn refusals_of_a_move(
    classes: &[Class],
    manager: &ResourceManager,
    attempt: impl Fn() -> Result<(), Error>,
) -> Vec<(&'static str, Resource)> {
    let mut limits = Limits::default();
    for (_, of) in classes {
        *of(&mut limits) = ScopeLimit::BLOCK_ALL;
    }
    let mut met = Vec::new();
    loop {
        manager.set_limits(limits.clone());
        let Err(error) = attempt() else {
            return met;
        };
        let refusal = error.refusal().expect("a limit refuses it");
        let (kind, resource) = (refusal.scope.kind(), refusal.resource);
        met.push((kind, resource));
        let (_, of) = classes.iter().find(|(class, _)| *class == kind).expect("it was blocked");
        *of(&mut limits).get_mut(resource) = Limit::UNLIMITED;
    }
}

#[test]
fn a_move_asks_scope_by_scope_for_memory_then_streams_then_connections() {
    use Resource::*;
    let manager = ResourceManager::default();
    let stream = manager.open_stream(b"peer", Direction::Outbound).unwrap();
    let _held = stream.reserve_memory(1, Priority::ALWAYS).unwrap();
    let of_streams = |kinds: [&'static str; 2]| -> Vec<(&str, Resource)> {
        let asked = [Memory, StreamsOutbound, Streams];
        kinds.iter().flat_map(|kind| asked.map(|resource| (*kind, resource))).collect()
    };
    assert_eq!(
        refusals_of_a_move(&OF_A_STREAM[2..6], &manager, || stream.set_protocol("protocol")),
        of_streams(["protocol", "peer_protocol"])
    );
    assert_eq!(
        refusals_of_a_move(&OF_A_STREAM[3..6], &manager, || stream.set_service("service")),
        of_streams(["service", "peer_service"])
    );

    let connection = manager.open_connection(from([192, 0, 2, 7])).unwrap();
    let _held = connection.reserve_memory(1, Priority::ALWAYS).unwrap();
    let asked = [Memory, ConnectionsInbound, Connections, FileDescriptors];
    assert_eq!(
        refusals_of_a_move(&OF_A_STREAM[1..2], &manager, || connection.set_peer(b"peer")),
        asked.map(|resource| ("peer", resource))
    );
}

#[test]
fn the_allowlist_is_asked_only_after_a_scope_has_refused() {
    let entry = AllowlistEntry::network(net("10.0.0.0/8"));
    let mut limits = Limits { allowlist: [entry].into(), ..Limits::default() };
    limits.rates.global = Rate::new(0.1, 1).unwrap();
    limits.ip.networks.insert(net("10.0.0.0/8"), Limit::new(1));
    let manager = ResourceManager::new(limits.clone());

    let request = from([10, 0, 0, 1]);
    let first = manager.open_connection(request.at(START)).unwrap();
    assert!(!first.is_allowlisted(), "the standard scopes have room");
    assert_eq!(refused_by(manager.open_connection(request.at(START))), "rate");
    assert_eq!(refused_by(manager.open_connection(request)), "network");
    drop(first);
    limits.system = ScopeLimit::BLOCK_ALL;
    manager.set_limits(limits);
    assert!(manager.open_connection(request).unwrap().is_allowlisted());
    assert_eq!(refused_by(manager.open_connection(from([11, 0, 0, 1]))), "system");
}

#[test]
fn a_limit_set_on_a_peer_or_protocol_keeps_it() {
    let manager = ResourceManager::default();
    manager.peer(b"peer").set_limit(ScopeLimit::UNLIMITED);
    manager.protocol("protocol").set_limit(ScopeLimit::UNLIMITED);
    assert_eq!(manager.collect(), 0);
    assert_eq!((manager.peers().len(), manager.protocols().len()), (1, 1));
    manager.peer(b"peer").clear_limit();
    manager.protocol("protocol").clear_limit();
    manager.collect();
    assert_eq!((manager.peers().len(), manager.protocols().len()), (0, 0));
}

// What is mended.

#[derive(Default)]
struct Witness(Mutex<Vec<String>>);

impl Witness {
    fn tell(&self, told: String) {
        self.0.lock().expect("nobody panics").push(told);
    }

    fn told(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().expect("nobody panics"))
    }
}

impl Observer for Witness {
    fn charged(&self, scope: &ScopeId, resource: Resource, _: u64, _: Limit) {
        self.tell(format!("{} {}", scope.kind(), resource.name()));
    }

    fn refused(&self, refusal: &Refusal) {
        self.tell(format!("refused by {}", refusal.scope.kind()));
    }

    fn rate_limited(&self, refusal: &RateLimited) {
        self.tell(format!("refused by {}", refusal.rule));
    }
}

fn watched(limits: Limits) -> (ResourceManager, Arc<Witness>) {
    let witness = Arc::new(Witness::default());
    (ResourceManager::builder().limits(limits).observer(witness.clone()).build(), witness)
}

#[test]
fn a_span_on_the_system_silences_no_observer() {
    let mut limits = Limits::default();
    limits.system.memory = Limit::new(10);
    let (manager, witness) = watched(limits);
    let work = || {
        let stream = manager.open_stream(b"peer", Direction::Inbound).unwrap();
        drop(stream.reserve_memory(10, Priority::ALWAYS).unwrap());
        assert!(stream.reserve_memory(11, Priority::ALWAYS).is_err());
        drop(stream);
        witness.told()
    };
    let before = work();
    assert_eq!(before.last().unwrap(), "refused by system");
    let span = manager.system().begin_span().unwrap();
    assert_eq!(work(), before);
    drop(span.reserve_memory(1, Priority::ALWAYS).unwrap());
    assert_eq!(witness.told(), ["system memory", "span memory"]);
    drop(span);
    assert_eq!(work(), before);
}

#[test]
fn what_the_system_will_refuse_is_charged_nowhere_before() {
    let mut limits = Limits::default();
    limits.system.memory = Limit::new(10);
    limits.system.connections = Limit::BLOCK_ALL;
    let (manager, witness) = watched(limits);
    let stream = manager.open_stream(b"peer", Direction::Inbound).unwrap();
    stream.set_protocol("protocol").unwrap();
    stream.set_service("service").unwrap();
    witness.told();
    assert!(stream.reserve_memory(11, Priority::ALWAYS).is_err());
    assert!(manager.open_connection(ConnectionRequest::inbound()).is_err());
    assert_eq!(witness.told(), ["refused by system", "refused by system"]);
}

#[test]
fn what_is_refused_by_address_leaves_no_entries() {
    let mut limits = Limits::default();
    limits.ip.subnets_v4 = [(24, Limit::new(1)), (32, Limit::new(8))].into();
    limits.rates.global = Rate::new(0.1, 2).unwrap();
    limits.system.file_descriptors = Limit::new(1);
    let manager = ResourceManager::new(limits);
    let open = manager.open_connection(from([192, 0, 2, 1]).at(START)).unwrap();
    let entries = [(net("192.0.2.0/24"), 1), (net("192.0.2.1/32"), 1)];
    assert_eq!(manager.connections_by_network(), entries);
    assert_eq!(manager.rate_buckets(), 1);

    for last in 2..=255 {
        assert_eq!(refused_by(manager.open_connection(from([192, 0, 2, last]))), "network");
        assert_eq!(refused_by(manager.open_connection(from([198, 51, 100, last]))), "system");
    }
    assert_eq!(refused_by(manager.open_connection(from([198, 51, 100, 1]).at(START))), "system");
    assert_eq!(manager.rate_buckets(), 2, "a refusal behind the rates is counted in them");
    for last in 2..=255 {
        let request = from([203, 0, 113, last]).at(START);
        assert_eq!(refused_by(manager.open_connection(request)), "rate");
    }
    assert_eq!(manager.connections_by_network(), entries);
    assert_eq!(manager.rate_buckets(), 2);
    drop(open);
    assert_eq!(manager.connections_by_network(), []);
    assert_eq!(manager.collect_rates(Duration::from_secs(65)), 2);
    assert_eq!(manager.rate_buckets(), 0);
}

#[test]
fn a_limit_set_through_an_old_handle_is_in_force_and_can_be_taken_back() {
    let manager = ResourceManager::default();
    let handle = manager.peer(b"peer");
    drop(manager.open_stream(b"peer", Direction::Inbound).unwrap());
    manager.collect();
    handle.set_limit(ScopeLimit::BLOCK_ALL);
    assert_eq!(refused_by(manager.open_stream(b"peer", Direction::Inbound)), "peer");
    handle.clear_limit();
    drop(handle);
    manager.collect();
    assert_eq!(manager.peers(), []);
    assert_eq!(refused_by(manager.open_stream(b"peer", Direction::Inbound)), "nobody");
}

#[test]
fn stats_have_the_allowlisted_scopes() {
    let mut limits = Limits { transient: ScopeLimit::BLOCK_ALL, ..Limits::default() };
    limits.allowlist.insert(AllowlistEntry::network(net("10.0.0.0/8")));
    let manager = ResourceManager::new(limits);
    let connection = manager.open_connection(from([10, 0, 0, 1])).unwrap();
    let (stats, one) = (manager.stats(), connection.stats());
    assert_eq!((&stats.allowlisted_transient, &stats.allowlisted_system), (&one, &one));
    assert!(stats.transient.is_zero() && stats.system.is_zero());
    connection.set_peer(b"peer").unwrap();
    let stats = manager.stats();
    assert!(stats.allowlisted_transient.is_zero() && stats.system.is_zero());
    assert_eq!((stats.allowlisted_system, manager.allowlisted_system().stats()), (one, one));
}

// What is ours.

#[test]
fn the_count_of_a_network_whose_limit_is_new_begins_at_zero() {
    let mut limits = Limits::default();
    limits.ip.subnets_v4 = [(32, Limit::new(1))].into();
    let manager = ResourceManager::new(limits.clone());
    let request = from([192, 0, 2, 7]);
    let first = manager.open_connection(request).unwrap();
    limits.ip.subnets_v4 = [(24, Limit::new(1))].into();
    manager.set_limits(limits);
    let second = manager.open_connection(request).unwrap();
    assert_eq!(refused_by(manager.open_connection(request)), "network");
    let counts = [(net("192.0.2.0/24"), 1), (net("192.0.2.7/32"), 1)];
    assert_eq!(manager.connections_by_network(), counts);
    drop((first, second));
    assert_eq!(manager.connections_by_network(), []);
}
