//! Limits that were prepared are put in force as if they had been made ready only then.

use std::time::Duration;

use rcmgr_core::{
    ConnectionRates, ConnectionRequest, IpLimits, Limit, Limits, Rate, ResourceManager, ScopeId,
    ScopeLimit,
};

fn bound(bound: u64) -> ScopeLimit {
    ScopeLimit::all(Limit::new(bound))
}

fn in_force(manager: &ResourceManager, peer: &[u8]) -> ScopeLimit {
    manager.limit_of(&ScopeId::Peer(peer.into())).expect("a peer's limit is in the limits")
}

fn peers() -> Limits {
    let mut limits = Limits { peer: bound(1), ..Limits::default() };
    limits.peers.insert(b"a".as_slice().into(), bound(2));
    limits
}

#[test]
fn limits_set_on_scopes_after_the_preparation_hold() {
    let manager = ResourceManager::default();
    let prepared = manager.prepare(peers());
    assert_eq!(in_force(&manager, b"a"), ScopeLimit::UNLIMITED, "nothing is in force yet");
    manager.peer(b"a").set_limit(bound(7));
    manager.publish(&prepared);
    assert_eq!((in_force(&manager, b"a"), in_force(&manager, b"b")), (bound(7), bound(1)));
    manager.peer(b"a").clear_limit();
    assert_eq!((in_force(&manager, b"a"), in_force(&manager, b"b")), (bound(2), bound(1)));
    manager.set_limits(Limits::default());
    manager.publish(&prepared);
    assert_eq!((in_force(&manager, b"a"), in_force(&manager, b"b")), (bound(2), bound(1)));
    assert_eq!(manager.limits(), *prepared.limits());
}

#[test]
fn another_manager_prepares_as_well() {
    let [one, other] = [ResourceManager::default(), ResourceManager::default()];
    one.peer(b"b").set_limit(bound(7));
    other.peer(b"a").set_limit(bound(8));
    other.publish(&one.prepare(peers()));
    assert_eq!((in_force(&other, b"a"), in_force(&other, b"b")), (bound(8), bound(1)));
}

#[test]
fn a_rate_that_stays_in_force_gives_its_burst_once() {
    let global = Rate::new(0.001, 1).expect("it is in range");
    let rates = ConnectionRates { global, ..ConnectionRates::unlimited() };
    let limits = Limits { ip: IpLimits::unlimited(), rates, ..Limits::default() };
    let manager = ResourceManager::default();
    let prepared = manager.prepare(limits.clone());
    manager.set_limits(limits);
    let open = || manager.open_connection(ConnectionRequest::inbound().at(Duration::ZERO));
    let _first = open().expect("the burst is one");
    manager.publish(&prepared);
    open().expect_err("the rate was in force before");
}
