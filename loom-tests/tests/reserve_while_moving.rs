//! Rule (R1 with R3): a reservation that meets a move is charged along one whole path, the one
//! that the stream is on when the reservation is committed.
//!
//! A stream holds 2 bytes; one thread reserves 5 more while another sets the protocol.
//! Bounds: 2 threads, 5 preemptions. Run time: under a second.

use loom::thread;
use rcmgr_loom_tests::Limits;
use rcmgr_loom_tests::fixture::{World, explore, stream_with};

#[test]
fn a_reservation_is_charged_where_the_stream_is() {
    explore(5, || {
        let world = World::new(Limits::default());
        let leaf = world.stream(b"1");
        world.reserve(&leaf, 2).unwrap();
        let mover = {
            let (world, leaf) = (world.clone(), leaf.clone());
            thread::spawn(move || world.set_protocol(&leaf, "a"))
        };
        world.reserve(&leaf, 5).unwrap();
        mover.join().unwrap().unwrap();

        assert_eq!(leaf.held(), stream_with(7));
        assert_eq!(world.peer(b"1"), stream_with(7));
        assert_eq!(world.protocol("a"), stream_with(7));
        assert_eq!(world.system(), stream_with(7));
        assert!(world.transient().is_zero());
        leaf.close();
        world.assert_nothing_held();
    });
}
