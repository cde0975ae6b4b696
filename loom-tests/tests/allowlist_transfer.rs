//! Rule (R8, R4): an allowlisted connection moves to the standard scopes with all that it holds or
//! stays, and is accounted in exactly one of the two while it is closed, or while another call
//! moves it.
//!
//! A connection with memory whose peer is not allowed, transferred and then attached while it is
//! closed; two calls that set different peers, of which one is allowed.
//! Bounds: 2 threads, 5 preemptions. Run time: three seconds.

use std::sync::Arc;

use loom::thread;
use rcmgr_loom_tests::admission::AllowlistEntry;
use rcmgr_loom_tests::fixture::{World, explore};
use rcmgr_loom_tests::leaf::{Leaf, LeafKind};
use rcmgr_loom_tests::path::Pinned;
use rcmgr_loom_tests::{
    Amount, ConnectionRequest, Direction, Error, Limit, Limits, Resource, ResourceManager,
    ScopeLimit,
};

#[test]
fn a_transfer_meets_a_close() {
    explore(5, || {
        let world = World::new(Limits::default());
        let fixed = &world.registry.fixed;
        let kind = LeafKind::Connection(Direction::Inbound, true);
        let admitted = Leaf::admit(kind, &world.snapshot).unwrap();
        let path = Pinned::assume(fixed.allowlisted_transient.clone());
        let leaf = admitted.open(path, &world.snapshot).unwrap();
        world.reserve(&leaf, 6).unwrap();

        let closer = {
            let leaf = leaf.clone();
            thread::spawn(move || leaf.close())
        };
        let transfer = || {
            let (seen, _) = leaf.load()?;
            leaf.move_to(seen, Pinned::assume(fixed.transient.clone()), &world.snapshot)
        };
        if let Err(error) = transfer() {
            assert_eq!(error, Error::Closed { scope: leaf.id() });
        }
        closer.join().unwrap();
        world.assert_nothing_held();
    });
}

const REQUEST: ConnectionRequest = ConnectionRequest::new(Direction::Inbound)
    .with_ip(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)));

#[test]
fn of_two_who_set_the_peer_one_does_and_the_connection_is_where_that_one_belongs() {
    explore(5, || {
        let network = "10.0.0.0/8".parse().unwrap();
        let manager = ResourceManager::new(Limits {
            transient: ScopeLimit::UNLIMITED.with(Resource::Connections, Limit::new(1)),
            allowlist: [AllowlistEntry::peer(b"friend", network)].into(),
            ..Limits::default()
        });
        let first = manager.open_connection(REQUEST).unwrap();
        let connection = Arc::new(manager.open_connection(REQUEST).unwrap());
        drop(first);

        let other = {
            let connection = connection.clone();
            thread::spawn(move || connection.set_peer(b"friend"))
        };
        let results = [connection.set_peer(b"stranger"), other.join().unwrap()];
        let failed: Vec<&Error> =
            results.iter().filter_map(|result| result.as_ref().err()).collect();
        for error in &failed {
            let lost = matches!(error, Error::AlreadyAttached { .. } | Error::MoveUnderWay { .. });
            assert!(lost, "{error}");
        }
        assert_eq!(failed.len(), 1, "exactly one sets the peer");
        // Who is allowed may have come when the stranger had made the connection a standard one.
        let stats = manager.stats();
        let one = Amount::connections(Direction::Inbound, 1);
        let (system, twin) = match connection.is_allowlisted() {
            true => (Amount::ZERO, one),
            false => (one, Amount::ZERO),
        };
        assert_eq!((stats.system, stats.allowlisted_system), (system, twin));
        assert!(stats.transient.is_zero() && stats.allowlisted_transient.is_zero());
        assert!(results[0].is_err() || !connection.is_allowlisted());
        let connection = Arc::into_inner(connection).unwrap();
        drop(connection);
        assert!(manager.stats().amounts().all(|held| held.is_zero()));
    });
}
