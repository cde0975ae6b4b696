//! Rule (R3): a move that is refused frees the claim and leaves the stream as it was; a move to
//! another key then succeeds.
//!
//! Protocol "blocked" admits no stream. One thread tries it while another sets protocol "a".
//! Bounds: 2 threads, 5 preemptions. Run time: under a second.

use loom::thread;
use rcmgr_loom_tests::fixture::{World, explore, stream_with, streams};
use rcmgr_loom_tests::{Error, Limits, ScopeId};

#[test]
fn a_refused_move_makes_way_for_another() {
    explore(5, || {
        let mut limits = Limits::default();
        limits.protocols.insert("blocked".into(), streams(0));
        let world = World::new(limits);
        let leaf = world.stream(b"1");
        let refused = {
            let (world, leaf) = (world.clone(), leaf.clone());
            thread::spawn(move || world.set_protocol(&leaf, "blocked"))
        };
        let moved = world.set_protocol(&leaf, "a");
        let refused = refused.join().unwrap();

        match refused.unwrap_err() {
            Error::Refused(refusal) => {
                assert_eq!(refusal.scope, ScopeId::Protocol("blocked".into()));
            }
            Error::MoveUnderWay { .. } | Error::AlreadyAttached { .. } => assert!(moved.is_ok()),
            other => panic!("{other}"),
        }
        match moved {
            Ok(()) => {}
            // The first may yet have been refused, and was.
            Err(Error::MoveUnderWay { .. }) => world.set_protocol(&leaf, "a").unwrap(),
            Err(other) => panic!("{other}"),
        }
        assert_eq!(world.protocol("a"), stream_with(0));
        assert!(world.protocol("blocked").is_zero());
        assert!(world.transient().is_zero());
        leaf.close();
        world.assert_nothing_held();
        assert_eq!(world.registry.collect(), 5, "a peer, two protocols, two pairs: all unpinned");
    });
}
