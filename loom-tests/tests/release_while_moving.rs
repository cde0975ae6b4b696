//! Rule (R2 with R3): a release that meets a move is uncharged from the path that the bytes were
//! charged along when the stream's word gave them up.
//!
//! A stream holds 5 bytes; one thread releases 3 while another sets the protocol.
//! Bounds: 2 threads, 5 preemptions. Run time: under a second.

use loom::thread;
use rcmgr_loom_tests::Limits;
use rcmgr_loom_tests::fixture::{World, explore, stream_with};

#[test]
fn a_release_is_uncharged_where_the_bytes_were() {
    explore(5, || {
        let world = World::new(Limits::default());
        let leaf = world.stream(b"1");
        world.reserve(&leaf, 5).unwrap();
        let mover = {
            let (world, leaf) = (world.clone(), leaf.clone());
            thread::spawn(move || world.set_protocol(&leaf, "a"))
        };
        leaf.release(3);
        mover.join().unwrap().unwrap();

        assert_eq!(leaf.held(), stream_with(2));
        assert_eq!(world.peer(b"1"), stream_with(2));
        assert_eq!(world.protocol("a"), stream_with(2));
        assert_eq!(world.system(), stream_with(2));
        assert!(world.transient().is_zero());
        leaf.close();
        world.assert_nothing_held();
    });
}
