//! Rule (I3): a refusal was justified at some moment during the call, on a path that the stream
//! was on. A scope that the stream has left does not refuse it.
//!
//! Transient has room for 5 bytes, and they are free for as long as the stream is in transient:
//! another stream takes them only after the protocol is set. So a reservation of 5 bytes must
//! succeed, whether it is charged before the move or after it.
//! Bounds: 2 threads, 5 preemptions. Run time: under a second.

use loom::thread;
use rcmgr_loom_tests::Limits;
use rcmgr_loom_tests::fixture::{World, explore, memory};

#[test]
fn a_scope_that_the_stream_has_left_does_not_refuse() {
    explore(5, || {
        let world = World::new(Limits { transient: memory(5), ..Limits::default() });
        let (leaf, other) = (world.stream(b"1"), world.stream(b"2"));
        let mover = {
            let (world, leaf, other) = (world.clone(), leaf.clone(), other.clone());
            thread::spawn(move || {
                if world.set_protocol(&leaf, "a").is_ok() {
                    // Refused if the first reservation was charged in transient before the move
                    // and has not left it yet.
                    let _ = world.reserve(&other, 5);
                }
            })
        };
        assert_eq!(world.reserve(&leaf, 5), Ok(()));
        mover.join().unwrap();
        leaf.close();
        other.close();
        world.assert_nothing_held();
    });
}
