//! Rule: a scope that someone uses is in the registry, whatever the collector does; and one that
//! nobody uses can be collected, although charges that are doomed still pass through it.
//!
//! Bounds: 2 threads, 5 preemptions. Run time: two seconds.

use loom::thread;
use rcmgr_loom_tests::fixture::{World, explore, is_peer, stream_with, streams};
use rcmgr_loom_tests::leaf::{Leaf, LeafKind};
use rcmgr_loom_tests::sync::StrongArc;
use rcmgr_loom_tests::{Direction, Error, Limits, ScopeId};

fn try_open(world: &World) -> Result<StrongArc<Leaf>, Error> {
    let path = world.registry.pin_or_make_peer(b"1");
    let kind = LeafKind::Stream(Direction::Inbound);
    Leaf::admit(kind, &world.snapshot)?.open(path, &world.snapshot)
}

#[test]
fn a_stream_that_is_opened_while_its_peer_is_collected_is_accounted() {
    explore(5, || {
        let world = World::new(Limits::default());
        // The peer is known, and nobody uses it.
        try_open(&world).unwrap().close();
        let collector = {
            let world = world.clone();
            thread::spawn(move || world.registry.collect())
        };
        let leaf = try_open(&world).unwrap();
        collector.join().unwrap();
        assert_eq!(world.peer(b"1"), stream_with(0), "the peer in the registry is the charged one");
        assert_eq!(world.each(is_peer).len(), 1);
        leaf.close();
        world.assert_nothing_held();
        assert_eq!(world.registry.collect(), 1);
    });
}

#[test]
fn a_charge_that_is_refused_meets_the_collector() {
    explore(5, || {
        let world = World::new(Limits { transient: streams(0), ..Limits::default() });
        let collector = {
            let world = world.clone();
            thread::spawn(move || world.registry.collect())
        };
        try_open(&world).map(drop).unwrap_err();
        collector.join().unwrap();
        world.assert_nothing_held();
        world.registry.collect();
        assert_eq!(world.each(is_peer), [], "the refused stream pins nothing");
    });
}

#[test]
fn a_protocol_that_is_set_while_its_scopes_are_collected_is_accounted() {
    explore(5, || {
        let world = World::new(Limits::default());
        let before = world.stream(b"1");
        world.set_protocol(&before, "a").unwrap();
        before.close();
        let leaf = world.stream(b"1");
        let collector = {
            let world = world.clone();
            thread::spawn(move || world.registry.collect())
        };
        world.set_protocol(&leaf, "a").unwrap();
        collector.join().unwrap();
        assert_eq!(world.protocol("a"), stream_with(0), "the protocol in the registry is charged");
        let pairs = world.each(|id| matches!(id, ScopeId::PeerProtocol { .. }));
        assert_eq!(pairs, [stream_with(0)]);
        StrongArc::clone(&leaf).close();
        world.assert_nothing_held();
        assert_eq!(world.registry.collect(), 3);
    });
}
