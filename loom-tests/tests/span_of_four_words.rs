//! Rule (R5): a span closes its four words one by one, and a charge of all four that meets the
//! close gives back to the owner exactly what the closer did not.
//!
//! A span of a shared scope; one thread reserves from all four words while another closes it.
//! Bounds: 2 threads, 5 preemptions. Run time: under a second.

use loom::thread;
use rcmgr_loom_tests::fixture::{World, explore};
use rcmgr_loom_tests::owner::{Owner, OwnerRef};
use rcmgr_loom_tests::span_state::SpanState;
use rcmgr_loom_tests::sync::StrongArc;
use rcmgr_loom_tests::{Amount, Direction, Error, Limits, TaskClass};

#[test]
fn a_charge_of_four_words_meets_a_close() {
    explore(5, || {
        let world = World::new(Limits::default());
        let system = world.registry.fixed.system.clone();
        let span = StrongArc::new(SpanState::new(Owner::Shared(system), true).unwrap());
        let all = Amount::memory(1)
            .with_streams(Direction::Inbound, 2)
            .with_connections(Direction::Outbound, 3)
            .with_file_descriptors(4)
            .with_tasks(TaskClass::Medium, 5);
        let closer = {
            let span = span.clone();
            thread::spawn(move || span.close())
        };
        let owner = OwnerRef::Span(&span);
        if let Err(error) = owner.reserve(&world.request(all)) {
            assert_eq!(error, Error::Closed { scope: span.id() });
        }
        closer.join().unwrap();
        assert!(span.held().is_zero());
        world.assert_nothing_held();
    });
}
