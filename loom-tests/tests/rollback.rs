//! Rule (I4): a reservation that is refused half-way leaves no trace, and does not take the room
//! of the one that it competed with.
//!
//! Two streams of different peers reserve 6 bytes each where system has room for 10; two
//! reservations of one stream where its own limit has; two of one scope, and of one span, of which
//! the second word that they charge has room for one.
//! Bounds: 2 threads, 5 preemptions. Run time: under a second.

use std::sync::Arc;

use loom::thread;
use rcmgr_loom_tests::counters::Request;
use rcmgr_loom_tests::fixture::{World, explore, memory, stream_with, streams};
use rcmgr_loom_tests::owner::{Owner, OwnerRef};
use rcmgr_loom_tests::span_state::SpanState;
use rcmgr_loom_tests::sync::StrongArc;
use rcmgr_loom_tests::{Amount, Limits, Priority, ScopeId};

#[test]
fn of_two_that_compete_for_the_last_room_one_gets_it_and_the_other_leaves_no_trace() {
    explore(5, || {
        let world = World::new(Limits { system: memory(10), ..Limits::default() });
        let (one, two) = (world.stream(b"1"), world.stream(b"2"));
        let other = {
            let (world, two) = (world.clone(), two.clone());
            thread::spawn(move || world.reserve(&two, 6))
        };
        let results = [world.reserve(&one, 6), other.join().unwrap()];

        let refused: Vec<_> = results.iter().filter_map(|result| result.as_ref().err()).collect();
        assert_eq!(refused.len(), 1, "exactly one has room");
        assert_eq!(*refused[0].scope(), ScopeId::System);
        for ((leaf, key), result) in [(&one, b"1"), (&two, b"2")].into_iter().zip(&results) {
            let bytes = if result.is_ok() { 6 } else { 0 };
            assert_eq!(leaf.held(), stream_with(bytes));
            assert_eq!(world.peer(key), stream_with(bytes));
        }
        let both = stream_with(6).checked_add(stream_with(0)).unwrap();
        assert_eq!(world.system(), both);
        assert_eq!(world.transient(), both);
        one.close();
        two.close();
        assert_eq!(world.system(), Amount::ZERO);
        world.assert_nothing_held();
    });
}

#[test]
fn two_reservations_of_one_stream_do_not_pass_its_own_limit() {
    explore(5, || {
        let world = World::new(Limits { stream: memory(10), ..Limits::default() });
        let leaf = world.stream(b"1");
        let other = {
            let (world, leaf) = (world.clone(), leaf.clone());
            thread::spawn(move || world.reserve(&leaf, 6))
        };
        let results = [world.reserve(&leaf, 6), other.join().unwrap()];
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        assert_eq!(leaf.held(), stream_with(6));
        assert_eq!(world.system(), stream_with(6));
        leaf.close();
        world.assert_nothing_held();
    });
}

#[test]
fn a_scope_that_refuses_its_second_word_gives_back_the_first() {
    explore(5, || {
        let world = World::new(Limits { system: streams(1), ..Limits::default() });
        let reserve = |world: &World| {
            let system = &world.registry.fixed.system;
            OwnerRef::Shared(system).reserve(&world.request(stream_with(6)))
        };
        let other = {
            let world = world.clone();
            thread::spawn(move || reserve(&world))
        };
        let results = [reserve(&world), other.join().unwrap()];
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        assert_eq!(world.system(), stream_with(6));
    });
}

#[test]
fn a_span_that_refuses_its_second_word_gives_back_the_first() {
    explore(5, || {
        let world = World::new(Limits::default());
        let system = Owner::Shared(world.registry.fixed.system.clone());
        let span = StrongArc::new(SpanState::new(system, true).unwrap());
        let snapshot = Arc::new(world.snapshot.with_handle(span.number(), Some(streams(1))));
        span.set_limited();
        let reserve = move |span: &StrongArc<SpanState>| {
            let request = Request::all(&snapshot, stream_with(6), Priority::ALWAYS);
            OwnerRef::Span(span).reserve(&request)
        };
        let other = {
            let (span, reserve) = (span.clone(), reserve.clone());
            thread::spawn(move || reserve(&span))
        };
        let results = [reserve(&span), other.join().unwrap()];
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        assert_eq!(span.held(), stream_with(6));
        assert_eq!(world.system(), stream_with(6));
        span.close();
        world.assert_nothing_held();
    });
}
