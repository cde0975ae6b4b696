//! Rule (R5): a span whose owner is closed finds it closed; what the span held of it was taken
//! out by the owner's close, once.
//!
//! A span of a stream holds 2 bytes; one thread closes the stream while another reserves 3 more
//! from the span and closes it.
//! Bounds: 2 threads, 5 preemptions. Run time: under a second.

use loom::thread;
use rcmgr_loom_tests::fixture::{World, explore};
use rcmgr_loom_tests::owner::{Owner, OwnerRef};
use rcmgr_loom_tests::span_state::SpanState;
use rcmgr_loom_tests::sync::StrongArc;
use rcmgr_loom_tests::{Amount, Error, Limits};

#[test]
fn a_span_outlives_its_owner() {
    explore(5, || {
        let world = World::new(Limits::default());
        let leaf = world.stream(b"1");
        let span = StrongArc::new(SpanState::new(Owner::Leaf(leaf.clone()), true).unwrap());
        let owner = OwnerRef::Span(&span);
        owner.reserve(&world.request(Amount::memory(2))).unwrap();
        let closer = {
            let leaf = leaf.clone();
            thread::spawn(move || leaf.close())
        };
        match owner.reserve(&world.request(Amount::memory(3))) {
            Ok(()) => assert_eq!(span.held(), Amount::memory(5)),
            Err(error) => {
                assert_eq!(error, Error::Closed { scope: leaf.id() });
                assert_eq!(span.held(), Amount::memory(2), "its own book is as it was");
            }
        }
        span.close();
        closer.join().unwrap();
        world.assert_nothing_held();
    });
}
