//! What connections are asked beside their scopes: rates, limits by address, the allowlist, and
//! how these change while running.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use rcmgr_core::{
    AllowlistEntry, ConnectionRates, ConnectionRequest, ConnectionScope, Error, IpLimits, Limit,
    Limits, Rate, RateRule, Resource, ResourceManager, ScopeId, ScopeLimit, ipnet::IpNet,
};

fn ip(text: &str) -> IpAddr {
    text.parse().expect("it is an address")
}

fn net(text: &str) -> IpNet {
    text.parse().expect("it is a network")
}

fn open(manager: &ResourceManager, from: &str) -> Result<ConnectionScope, Error> {
    manager.open_connection(ConnectionRequest::inbound().with_ip(ip(from)))
}

fn open_at(manager: &ResourceManager, from: &str, seconds: u64) -> Result<ConnectionScope, Error> {
    let now = Duration::from_secs(seconds);
    manager.open_connection(ConnectionRequest::inbound().with_ip(ip(from)).at(now))
}

/// The network that refused, with its numbers.
fn refused_by(result: Result<ConnectionScope, Error>) -> (ScopeId, u64, u64) {
    let error = result.expect_err("it is refused");
    let refusal = error.refusal().expect("it is refused by a limit");
    assert_eq!(refusal.resource, Resource::Connections);
    (refusal.scope.clone(), refusal.used, refusal.limit)
}

fn by_address(count: u64) -> IpLimits {
    IpLimits { subnets_v4: [(32, Limit::new(count))].into(), ..IpLimits::unlimited() }
}

fn every(seconds: u32, burst: u32) -> Rate {
    Rate::new(1.0 / f64::from(seconds), burst).expect("it is positive")
}

/// Limits that change the rates alone, by IPv4 address.
fn rates(each: Rate) -> Limits {
    let rates = ConnectionRates { subnets_v4: [(32, each)].into(), ..ConnectionRates::unlimited() };
    Limits { rates, ip: IpLimits::unlimited(), ..Limits::default() }
}

#[test]
fn all_widths_have_to_admit() {
    let subnets_v6: BTreeMap<u8, Limit> = [(56, Limit::new(2)), (48, Limit::new(3))].into();
    let ip = IpLimits { subnets_v6, ..IpLimits::unlimited() };
    let manager = ResourceManager::new(Limits { ip, ..Limits::default() });
    let open = |last: &str| open(&manager, &format!("2001:db8:0:{last}::1"));

    let held = [open("0").unwrap(), open("1").unwrap()];
    let narrow = ScopeId::Network(net("2001:db8::/56"));
    assert_eq!(refused_by(open("2")), (narrow, 2, 2));
    let third = open("100").unwrap();
    let wide = ScopeId::Network(net("2001:db8::/48"));
    assert_eq!(refused_by(open("200")), (wide, 3, 3));
    drop(held);
    assert!(open("2").is_ok());
    let counts = [(net("2001:db8::/48"), 1), (net("2001:db8:0:100::/56"), 1)];
    assert_eq!(manager.connections_by_network(), counts);
    drop(third);
    assert_eq!(manager.connections_by_network(), []);
}

#[test]
fn limits_by_address_change_while_connections_are_open() {
    let limits = |ip| Limits { ip, ..Limits::default() };
    let manager = ResourceManager::new(limits(by_address(2)));
    let held = [open(&manager, "192.0.2.1").unwrap(), open(&manager, "192.0.2.1").unwrap()];
    manager.set_limits(limits(by_address(3)));
    let third = open(&manager, "192.0.2.1").unwrap();
    manager.set_limits(limits(by_address(1)));
    let network = ScopeId::Network(net("192.0.2.1/32"));
    assert_eq!(refused_by(open(&manager, "192.0.2.1")), (network.clone(), 3, 1));
    drop(held);
    assert_eq!(refused_by(open(&manager, "192.0.2.1")), (network, 1, 1));
    manager.set_limits(limits(IpLimits::unlimited()));
    assert!(open(&manager, "192.0.2.1").is_ok());
    drop(third);
    assert_eq!(manager.connections_by_network(), []);
}

#[test]
fn a_mapped_address_is_the_one_that_it_maps() {
    let manager = ResourceManager::new(Limits { ip: by_address(1), ..Limits::default() });
    let held = open(&manager, "::ffff:192.0.2.1").unwrap();
    assert_eq!(held.ip(), Some(ip("192.0.2.1")));
    assert!(open(&manager, "192.0.2.1").is_err());
    assert!(open(&manager, "::ffff:192.0.2.2").is_ok());
}

#[test]
fn the_token_of_a_refused_connection_is_spent_and_its_slot_is_not() {
    let mut limits = rates(every(1000, 3));
    limits.ip = by_address(1);
    limits.system.connections = Limit::new(1);
    let manager = ResourceManager::new(limits);
    let other = manager.open_connection(ConnectionRequest::outbound()).unwrap();
    for _ in 0..2 {
        let refused = open_at(&manager, "192.0.2.1", 1).unwrap_err();
        assert_eq!(*refused.scope(), ScopeId::System);
        assert_eq!(manager.connections_by_network(), []);
    }
    drop(other);
    drop(open_at(&manager, "192.0.2.1", 1).unwrap());
    assert!(matches!(open_at(&manager, "192.0.2.1", 1), Err(Error::RateLimited(_))));
}

#[test]
fn rates_that_stay_keep_their_buckets_and_others_start_full() {
    let manager = ResourceManager::new(rates(every(10, 1)));
    assert!(open_at(&manager, "192.0.2.1", 0).is_ok());
    manager.set_limits(rates(every(10, 1)));
    assert!(open_at(&manager, "192.0.2.1", 5).is_err());
    manager.set_limits(rates(every(100, 1)));
    assert!(open_at(&manager, "192.0.2.1", 5).is_ok());
    assert!(open_at(&manager, "192.0.2.1", 20).is_err());

    let global = |rate| Limits {
        rates: ConnectionRates { global: rate, ..ConnectionRates::unlimited() },
        ..Limits::default()
    };
    manager.set_limits(global(every(10, 1)));
    assert!(open_at(&manager, "192.0.2.1", 20).is_ok());
    manager.set_limits(Limits { ip: IpLimits::unlimited(), ..global(every(10, 1)) });
    assert!(open_at(&manager, "192.0.2.2", 25).is_err());
    manager.set_limits(global(every(9, 1)));
    assert!(open_at(&manager, "192.0.2.2", 25).is_ok());
}

#[test]
fn networks_replace_the_rates_by_subnet_and_all_that_match_are_asked() {
    let mut limits = rates(Rate::BLOCK_ALL);
    limits.rates.global = Rate::BLOCK_ALL;
    limits.rates.networks = [
        (net("10.0.0.0/8"), every(10, 2)),
        (net("10.1.0.0/16"), every(10, 1)),
        (net("10.2.0.0/16"), Rate::UNLIMITED),
    ]
    .into();
    let manager = ResourceManager::new(limits);
    let refused_by = |from| match open_at(&manager, from, 1) {
        Err(Error::RateLimited(refusal)) => Some(refusal.rule),
        other => other.map(|_| None).unwrap(),
    };
    let network = |text| Some(RateRule::Network(net(text)));
    assert_eq!(refused_by("192.0.2.1"), network("192.0.2.1/32"));
    assert_eq!(refused_by("10.1.0.1"), None);
    assert_eq!(refused_by("10.1.0.2"), network("10.1.0.0/16"));
    assert_eq!(refused_by("10.2.0.1"), None, "asked of the network around its own as well");
    assert_eq!(refused_by("10.2.0.1"), network("10.0.0.0/8"));
    assert_eq!(refused_by("10.1.0.2"), network("10.1.0.0/16"), "the narrowest comes first");
}

#[test]
fn what_has_no_address_has_a_rate_of_its_own() {
    let mut limits = rates(Rate::BLOCK_ALL);
    limits.rates.without_ip = every(10, 1);
    let manager = ResourceManager::new(limits);
    let open = |seconds| {
        let request = ConnectionRequest::inbound().at(Duration::from_secs(seconds));
        manager.open_connection(request).map(drop)
    };
    assert_eq!(open(1), Ok(()));
    let Err(Error::RateLimited(refusal)) = open(2) else { panic!("the rate refuses") };
    assert_eq!((refusal.rule, refusal.retry_after), (RateRule::WithoutIp, Duration::from_secs(9)));
    assert!(Error::RateLimited(refusal).may_succeed_later());
    assert_eq!(open(11), Ok(()));
    let blocked = open_at(&manager, "192.0.2.1", 11).unwrap_err();
    assert!(!blocked.may_succeed_later());
    assert_eq!(blocked.to_string(), "connections of network 192.0.2.1/32 are blocked");
    // Without a time no rate is asked.
    assert!(manager.open_connection(ConnectionRequest::inbound()).is_ok());
}

#[test]
fn time_may_be_counted_from_anywhere_and_run_backwards() {
    let manager = ResourceManager::new(rates(every(10, 1)));
    // As long ago as 1970 is, which is more than a bucket can count.
    let start = 1_800_000_000;
    assert!(open_at(&manager, "192.0.2.1", start).is_ok());
    assert!(open_at(&manager, "192.0.2.1", start + 9).is_err());
    assert!(open_at(&manager, "192.0.2.1", start + 10).is_ok());
    assert!(open_at(&manager, "192.0.2.1", 7).is_err());
    assert!(open_at(&manager, "192.0.2.2", 7).is_ok());
    assert!(open_at(&manager, "192.0.2.1", start + 20).is_ok());
    assert!(open_at(&manager, "192.0.2.1", u64::MAX).is_ok());
}

#[test]
fn sprayed_addresses_are_bounded_and_lock_out_nobody() {
    let mut limits = rates(every(10, 1));
    limits.rates.max_buckets = 100;
    limits.rates.grace = Duration::ZERO;
    let manager = ResourceManager::new(limits);
    let spray = |number: u32| IpAddr::from((0x0a00_0000 + number).to_be_bytes()).to_string();
    let mut most = 0;
    for number in 0..10_000 {
        assert!(open_at(&manager, &spray(number), 1).is_ok());
        most = most.max(manager.rate_buckets());
    }
    assert_eq!(most, 100);
    // Who came last is still remembered.
    assert!(open_at(&manager, &spray(9_999), 1).is_err());
    assert!(open_at(&manager, "192.0.2.1", 1).is_ok());
    assert_eq!(manager.collect_rates(Duration::from_secs(2)), 0);
    assert_eq!(manager.collect_rates(Duration::from_secs(11)), 100);
    assert_eq!(manager.rate_buckets(), 0);
}

#[test]
fn buckets_that_owe_most_are_remembered_longest() {
    let mut limits = rates(every(10, 50));
    limits.rates.max_buckets = 100;
    let manager = ResourceManager::new(limits);
    let hog = || open_at(&manager, "192.0.2.1", 1);
    while hog().is_ok() {}
    for number in 0..1_000_u32 {
        let from = IpAddr::from((0x0a00_0000 + number).to_be_bytes()).to_string();
        assert!(open_at(&manager, &from, 1).is_ok());
        assert!(hog().is_err(), "forgotten after {number} others");
    }
}

#[test]
fn buckets_are_forgotten_after_the_grace_period() {
    let mut limits = rates(every(10, 1));
    limits.rates.grace = Duration::from_secs(60);
    let manager = ResourceManager::new(limits);
    assert!(open_at(&manager, "192.0.2.1", 1).is_ok());
    assert_eq!(manager.collect_rates(Duration::from_secs(70)), 0);
    assert_eq!(manager.collect_rates(Duration::from_secs(71)), 1);
}

#[test]
fn half_of_the_room_of_an_address_is_for_those_that_prove_nothing() {
    let limits = Limits { ip: by_address(4), ..Limits::default() };
    let manager = ResourceManager::new(limits);
    let verify =
        |from, seconds| manager.verify_source_address(ip(from), Duration::from_secs(seconds));
    assert!(!verify("192.0.2.1", 1) && !verify("::ffff:192.0.2.1", 1));
    assert!(verify("192.0.2.1", 1));
    assert!(!verify("192.0.2.1", 11), "one in ten seconds");
    assert!(verify("192.0.2.1", 12));
    assert!(!verify("192.0.2.2", 12));
    // Where no limit is, nothing has to be proved.
    assert!((0..100).all(|_| !verify("2001:db8::1", 12)));

    let mut limits = Limits { ip: by_address(1), ..Limits::default() };
    limits.ip.networks.insert(net("10.0.0.0/8"), Limit::new(2));
    manager.set_limits(limits);
    assert!(verify("192.0.2.3", 20), "half of one is none");
    assert!(!verify("10.0.0.1", 20) && verify("10.0.0.2", 20), "a network shares its room");
}

/// A manager that admits to the standard scopes nothing, and to the allowlisted ones two.
fn full(allowlist: impl IntoIterator<Item = AllowlistEntry>) -> Limits {
    Limits {
        system: ScopeLimit::BLOCK_ALL,
        allowlisted_system: ScopeLimit::UNLIMITED.with(Resource::Connections, Limit::new(2)),
        ip: by_address(1),
        allowlist: allowlist.into_iter().collect(),
        ..Limits::default()
    }
}

#[test]
fn an_entry_that_is_added_later_is_as_good_as_one_that_was_there() {
    let entry = AllowlistEntry::network(net("192.0.2.0/24"));
    let (early, late) =
        (ResourceManager::new(full([entry.clone()])), ResourceManager::new(full([])));
    assert!(open(&late, "192.0.2.1").is_err());
    assert!(late.allow(&entry));
    assert!(!late.allow(&AllowlistEntry::network(net("192.0.2.7/24"))), "it is the same network");
    for manager in [early, late] {
        // The network may have as many as the allowlisted system, each address too.
        let held = [open(&manager, "192.0.2.1").unwrap(), open(&manager, "192.0.2.1").unwrap()];
        assert!(held.iter().all(ConnectionScope::is_allowlisted));
        let network = ScopeId::Network(net("192.0.2.0/24"));
        assert_eq!(refused_by(open(&manager, "192.0.2.1")), (network.clone(), 2, 2));
        // That follows the limit in force.
        manager.allowlisted_system().set_limit(ScopeLimit::UNLIMITED);
        let third = open(&manager, "192.0.2.9").unwrap();
        assert_eq!(manager.connections_by_network(), [(net("192.0.2.0/24"), 3)]);
        drop((held, third));
    }
}

#[test]
fn a_limit_of_an_allowlisted_network_is_its_own() {
    let mut limits = full([AllowlistEntry::network(net("192.0.2.0/24"))]);
    limits.ip.networks.insert(net("192.0.2.0/24"), Limit::new(1));
    let manager = ResourceManager::new(limits);
    let held = open(&manager, "192.0.2.1").unwrap();
    assert!(open(&manager, "192.0.2.2").is_err());
    drop(held);
}

#[test]
fn changes_of_the_allowlist_survive_a_swap_until_they_are_reset() {
    let entry = AllowlistEntry::network(net("192.0.2.0/24"));
    let other = AllowlistEntry::peer(b"peer", net("198.51.100.0/24"));
    let manager = ResourceManager::new(full([entry.clone()]));
    assert!(manager.disallow(&entry));
    assert!(!manager.disallow(&entry));
    assert!(manager.allow(&other));
    manager.set_limits(full([entry.clone()]));
    assert!(open(&manager, "192.0.2.1").is_err());
    assert_eq!(manager.allowlist(), [other.clone()].into());
    assert!(manager.reset_allowed(&entry));
    assert!(manager.reset_allowed(&other));
    assert!(!manager.reset_allowed(&other));
    assert_eq!(manager.allowlist(), [entry].into());
    assert!(open(&manager, "192.0.2.1").is_ok());
}

#[test]
fn a_connection_that_may_not_stay_takes_its_slot_and_memory_along() {
    let mut limits = full([AllowlistEntry::peer(b"friend", net("192.0.2.1/32"))]);
    limits.ip = by_address(2);
    let manager = ResourceManager::new(limits);
    let friend = open(&manager, "192.0.2.1").unwrap();
    let stranger = open(&manager, "192.0.2.1").unwrap();
    let memory = stranger.reserve_memory(5, rcmgr_core::Priority::ALWAYS).unwrap();
    friend.set_peer(b"friend").unwrap();
    assert!(friend.is_allowlisted());

    let refused = stranger.set_peer(b"stranger").unwrap_err();
    assert_eq!(*refused.scope(), ScopeId::System);
    assert!(stranger.is_allowlisted(), "all or nothing");
    manager.set_limits(Limits {
        peer: ScopeLimit::BLOCK_ALL,
        ip: by_address(2),
        ..Limits::default()
    });
    let refused = stranger.set_peer(b"stranger").unwrap_err();
    assert!(matches!(refused.scope(), ScopeId::Peer(_)));
    assert!(!stranger.is_allowlisted(), "the transfer stands");
    let stats = manager.stats();
    assert_eq!((stats.system.memory, stats.transient.memory), (5, 5));
    assert_eq!(stats.allowlisted_system.connections_inbound, 1);
    assert_eq!(manager.connections_by_network(), [(net("192.0.2.1/32"), 2)]);
    drop(memory);
    drop((stranger, friend));
    assert_eq!(manager.connections_by_network(), []);
    assert!(manager.stats().amounts().all(|held| held.is_zero()));
}
