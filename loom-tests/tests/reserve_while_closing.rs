//! Rule (R1 with R4): a reservation that meets a close is taken out by it, or finds the stream
//! closed and leaves no trace.
//!
//! Bounds: 2 threads, 5 preemptions. Run time: under a second.

use loom::thread;
use rcmgr_loom_tests::fixture::{World, explore, is_peer};
use rcmgr_loom_tests::{Error, Limits};

#[test]
fn what_is_reserved_while_closing_is_taken_out_or_never_there() {
    explore(5, || {
        let world = World::new(Limits::default());
        let leaf = world.stream(b"1");
        let closer = {
            let leaf = leaf.clone();
            thread::spawn(move || leaf.close())
        };
        match world.reserve(&leaf, 5) {
            // A release on a closed stream does nothing; on an open one it takes out its own.
            Ok(()) => leaf.release(5),
            Err(error) => assert_eq!(error, Error::Closed { scope: leaf.id() }),
        }
        closer.join().unwrap();
        world.assert_nothing_held();
    });
}

#[test]
fn a_move_that_meets_a_close_leaves_no_trace() {
    explore(5, || {
        let world = World::new(Limits::default());
        let leaf = world.stream(b"1");
        world.reserve(&leaf, 5).unwrap();
        let closer = {
            let leaf = leaf.clone();
            thread::spawn(move || leaf.close())
        };
        match world.set_protocol(&leaf, "a") {
            Ok(()) => {}
            Err(error) => assert_eq!(error, Error::Closed { scope: leaf.id() }),
        }
        closer.join().unwrap();
        world.assert_nothing_held();
        world.registry.collect();
        assert_eq!(world.each(is_peer), [], "nothing is pinned");
    });
}
