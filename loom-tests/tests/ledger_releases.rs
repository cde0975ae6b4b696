//! Rule: releasing more than a ledger holds changes nothing, also while others release and while
//! the ledger closes.
//!
//! A ledger holds 2 streams and 1 task. Two threads release 1 stream and 1 task each, so one of
//! them asks for a task too many; in the second model the ledger closes at the same time.
//! Bounds: 2 threads with 5 preemptions, 3 threads with 3. Run time: two seconds.

use loom::thread;
use rcmgr_loom_tests::fixture::{World, explore};
use rcmgr_loom_tests::owner::{Owner, OwnerRef};
use rcmgr_loom_tests::span_state::SpanState;
use rcmgr_loom_tests::sync::StrongArc;
use rcmgr_loom_tests::{Amount, Direction, Error, Limits, TaskClass};

fn streams_and_tasks(streams: u32, tasks: u32) -> Amount {
    Amount::streams(Direction::Inbound, streams).with_tasks(TaskClass::High, tasks)
}

fn ledger(world: &World) -> StrongArc<SpanState> {
    let system = Owner::Shared(world.registry.fixed.system.clone());
    let ledger = StrongArc::new(SpanState::new(system, false).unwrap());
    OwnerRef::Span(&ledger).reserve(&world.request(streams_and_tasks(2, 1))).unwrap();
    ledger
}

fn release(ledger: &StrongArc<SpanState>) -> thread::JoinHandle<Result<(), Error>> {
    let ledger = ledger.clone();
    thread::spawn(move || ledger.release_checked(&streams_and_tasks(1, 1)))
}

#[test]
fn one_release_too_many_changes_nothing() {
    explore(5, || {
        let world = World::new(Limits::default());
        let ledger = ledger(&world);
        let other = release(&ledger);
        let results = [ledger.release_checked(&streams_and_tasks(1, 1)), other.join().unwrap()];

        let wrong: Vec<_> = results.iter().filter_map(|result| result.as_ref().err()).collect();
        assert_eq!(wrong, [&Error::NotHeld { scope: ledger.id() }]);
        assert_eq!(ledger.held(), streams_and_tasks(1, 0));
        assert_eq!(world.system(), streams_and_tasks(1, 0));
        ledger.close();
        world.assert_nothing_held();
    });
}

#[test]
fn releases_that_meet_the_close_leave_nothing() {
    explore(3, || {
        let world = World::new(Limits::default());
        let ledger = ledger(&world);
        let others = [release(&ledger), release(&ledger)];
        ledger.close();
        for other in others {
            let _ = other.join().unwrap();
        }
        world.assert_nothing_held();
    });
}
