//! Rule (R3): of two calls that set different protocols one succeeds, and the other learns that
//! a move is under way or done. The stream is charged along the winner's path alone.
//!
//! Bounds: 2 threads, 5 preemptions. Run time: under a second.

use loom::thread;
use rcmgr_loom_tests::fixture::{World, explore, stream_with};
use rcmgr_loom_tests::{Error, Limits};

#[test]
fn one_of_two_movers_wins() {
    explore(5, || {
        let world = World::new(Limits::default());
        let leaf = world.stream(b"1");
        world.reserve(&leaf, 5).unwrap();
        let other = {
            let (world, leaf) = (world.clone(), leaf.clone());
            thread::spawn(move || world.set_protocol(&leaf, "b"))
        };
        let results = [world.set_protocol(&leaf, "a"), other.join().unwrap()];

        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        for (name, result) in ["a", "b"].into_iter().zip(&results) {
            let held = if result.is_ok() { stream_with(5) } else { Default::default() };
            assert_eq!(world.protocol(name), held);
            if let Err(error) = result {
                let lost =
                    matches!(error, Error::MoveUnderWay { .. } | Error::AlreadyAttached { .. });
                assert!(lost, "{error}");
            }
        }
        assert_eq!(world.peer(b"1"), stream_with(5));
        assert!(world.transient().is_zero());
        leaf.close();
        world.assert_nothing_held();
        assert_eq!(world.registry.collect(), 5, "a peer, two protocols, two pairs: all unpinned");
    });
}
