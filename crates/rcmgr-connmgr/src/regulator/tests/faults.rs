//! Code of others that panics or hangs, sensors that vanish, clocks that jump.

use std::sync::mpsc;

use super::*;
use crate::{
    Score, StreamView,
    lock::{LockRequest, LockState},
    round::{Aim, Mode},
    scoring::ScorerSettings,
    sense::Level,
};

/// Ten connections of a protocol whose scorer this is, on a thread.
fn with_scorer(scorer: Arc<dyn crate::Scorer>) -> Node {
    let scoring = Scoring::Threaded(ScorerSettings::default());
    let mut node = Node::of(RegulatorSettings { scoring, ..settings(20, 18) });
    let dht = node.enroll("dht", 1, 15);
    (1..=10).for_each(|id| node.open(id));
    (1..=10).for_each(|id| {
        node.stream(id, "dht");
    });
    node.regulator.set_scorer(dht, scorer).unwrap();
    node
}

#[test]
fn a_scorer_that_hangs_holds_up_nothing() {
    let (release, hung) = mpsc::channel::<()>();
    let hung = Mutex::new(hung);
    let mut node = with_scorer(Arc::new(move |_: &StreamView| {
        let _ = unpoisoned(&hung).recv();
        Score::BEST
    }));
    for _ in 0..9 {
        node.later(2);
        node.gone();
        let report = node.regulator.regulate(node.now, Aim::Room(1), Mode::Batch);
        assert_eq!(report.evictions.len(), 1);
    }
    let counts = node.regulator.enrolled(node.now)[0].scorer;
    assert_eq!((counts.scores, counts.hangs), (0, 1));
    drop(release);
}

#[test]
fn a_scorer_that_panics_says_nothing() {
    let node = with_scorer(Arc::new(|_: &StreamView| -> Score {
        // Quiet, unlike a panic by macro.
        std::panic::resume_unwind(Box::new("out of order"))
    }));
    let (sender, woken) = mpsc::channel();
    node.regulator.set_waker(move || {
        let _ = sender.send(());
    });
    while node.regulator.enrolled(node.now)[0].scorer.panics < 4 {
        node.gone();
        woken.recv_timeout(seconds(60)).unwrap();
        node.gone();
    }
    assert_eq!(node.regulator.regulate(node.now, Aim::Room(1), Mode::Batch).evictions.len(), 1);
}

#[test]
fn a_holder_that_never_answers_loses_its_lock_in_time() {
    let mut node = Node::new(10, 1);
    let bulk = node.enroll("bulk", 5, 9);
    (1..=4).for_each(|id| node.open(id));
    let (release, never) = mpsc::channel::<()>();
    let request = LockRequest {
        on_revoke: Some(Box::new(move |_| {
            let _ = never.recv();
        })),
        ..LockRequest::default()
    };
    let now = node.now;
    let guard = node.regulator.lock(now, ConnectionId(1), bulk, request).unwrap();
    let others: Vec<_> = (2..=4)
        .map(|id| node.regulator.lock(now, ConnectionId(id), bulk, Default::default()).unwrap())
        .collect();
    node.regulator.sensed(now, Some(900), &readings());
    let (gone, actions) = node.poll();
    assert!(gone.is_empty() && actions.is_empty(), "{actions:?}");
    assert_eq!(node.regulator.level(), Level::High);
    // Room is short, and locks are all that is in the way.
    node.regulator.regulate(now, Aim::Room(4), Mode::Batch);
    let (_, actions) = node.poll();
    let callbacks = std::thread::spawn(move || {
        for action in actions {
            if let Action::Revoke(revocation) = action {
                let _ = revocation.deliver();
            }
        }
    });
    node.later(3);
    assert_eq!(node.gone(), [1], "its time is over, and the round goes on");
    assert_eq!(guard.state(node.now), LockState::Over);
    drop((guard, others, release));
    callbacks.join().unwrap();
    node.gone();
    (1..=4).for_each(|id| {
        node.close(id);
    });
    node.check_empty();
}

#[test]
fn sensors_that_vanish_move_nothing() {
    let mut node = Node::new(100, 90);
    (1..=95).for_each(|id| node.open(id));
    node.regulator.sensed(node.now, Some(870), &memory(60, Duration::ZERO));
    node.gone();
    let share = node.regulator.share();
    assert_eq!((node.regulator.level(), share.soft()), (Level::High, 90));
    let live = node.regulator.live();
    for _ in 0..100 {
        node.later(7);
        let nothing = Readings { descriptor_limit: Err(MachineError::Unsupported), ..readings() };
        node.regulator.sensed(node.now, None, &nothing);
        assert_eq!(node.gone(), NOBODY);
        assert_eq!((node.regulator.live(), node.regulator.share()), (live, share));
    }
    (96..=120).for_each(|id| node.open(id));
    assert!(!node.gone().is_empty(), "rounds are made for other causes");
}

#[test]
fn a_clock_that_jumps_does_no_harm() {
    let mut node = Node::new(10, 8);
    let dht = node.enroll("dht", 2, 5);
    (1..=11).for_each(|id| node.open(id));
    node.stream(1, "dht");
    let guard = node.regulator.lock(node.now, ConnectionId(1), dht, Default::default()).unwrap();
    for now in [Duration::ZERO, seconds(5), Duration::MAX, seconds(1), Duration::ZERO] {
        node.now = now;
        node.gone();
        node.regulator.used(now, ConnectionId(3));
        node.regulator.sensed(now, Some(900), &readings());
        node.regulator.dialed(now, Err(crate::sense::DialFailure::Local), true);
        let _ = node.regulator.explain(now, &peer(2));
        let (direction, short) = (Direction::Outbound, Short::Connections);
        let wanted = Wanted { peer: None, network: None, direction, short };
        let _ = node.regulator.make_room(now, wanted);
        let _ = node.regulator.next_due();
        node.check_counts();
    }
    assert!(node.regulator.live() >= 2);
    drop(guard);
    (1..=11).for_each(|id| {
        node.close(id);
    });
    node.check_empty();
}

#[test]
fn connections_that_are_refused_leave_no_trace() {
    let mut settings = settings(10, 8);
    settings.manager.bounds.connections = 2;
    settings.manager.bounds.address_bytes = 20;
    let node = Node::of(settings);
    (1..=2).for_each(|id| node.open(id));
    let open = |id: u64, address: &str| {
        let (peer, id) = (peer(id), ConnectionId(id));
        let (address, direction) = (Arc::from(address), Direction::Inbound);
        let opened =
            Opened { peer: &peer, id, direction, address, network: None, descriptor: true };
        node.regulator.connection_opened(node.now, opened)
    };
    assert!(matches!(open(3, ""), Err(crate::OpenError::Full(_))));
    assert_eq!(open(2, ""), Err(crate::OpenError::AlreadyOpen));
    node.close(1);
    assert!(matches!(open(3, &"x".repeat(21)), Err(crate::OpenError::Address(_))));
    assert_eq!(node.regulator.live(), 1);
    node.close(2);
    node.check_empty();
}
