//! Rule (R4): exactly one of several closers takes out what the stream holds.
//!
//! Bounds: 2 threads, 5 preemptions. Run time: under a second.

use loom::thread;
use rcmgr_loom_tests::Limits;
use rcmgr_loom_tests::fixture::{World, explore, is_peer, stream_with};

#[test]
fn two_closers_take_out_once() {
    explore(5, || {
        let world = World::new(Limits::default());
        // Another stream, so that taking out twice would take from it.
        let sibling = world.stream(b"1");
        world.reserve(&sibling, 5).unwrap();
        let leaf = world.stream(b"1");
        world.reserve(&leaf, 5).unwrap();
        let closer = {
            let leaf = leaf.clone();
            thread::spawn(move || leaf.close())
        };
        leaf.close();
        closer.join().unwrap();
        assert_eq!(world.system(), stream_with(5));
        assert_eq!(world.peer(b"1"), stream_with(5));
        sibling.close();
        world.assert_nothing_held();
        world.registry.collect();
        assert_eq!(world.each(is_peer), [], "unpinned once each");
    });
}
