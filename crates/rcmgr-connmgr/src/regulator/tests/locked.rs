//! Locks that are in the way of rounds.

use super::*;
use crate::{
    RoundReport,
    burst::BurstSpec,
    lock::{LockGuard, LockPriority, LockRequest, LockState, Notice, Revocation},
    round::{Aim, Mode},
    sense::Level,
};

const HIGH: Duration = crate::lock::RevocationPlan::PATIENCE_HIGH;
const CRITICAL: Duration = crate::lock::RevocationPlan::PATIENCE_CRITICAL;

/// Connections from 1 on, of which the first are locked and the others protected.
fn node(locked: u32, protected: u32, soft: u32) -> (Node, Enrollment, Vec<LockGuard>) {
    let node = Node::new(soft, soft - 1);
    let bulk = node.enroll("bulk", soft / 2, soft);
    let all = u64::from(locked + protected);
    (1..=all).for_each(|id| node.open(id));
    let guards = (1..=locked.into()).map(|id| lock(&node, bulk, id, LockPriority::Normal));
    let guards = guards.collect();
    (u64::from(locked) + 1..=all).for_each(|id| protect(&node, id));
    (node, bulk, guards)
}

fn lock(node: &Node, protocol: Enrollment, id: u64, priority: LockPriority) -> LockGuard {
    let request = LockRequest { priority, lease: seconds(600), ..LockRequest::default() };
    node.regulator.lock(node.now, ConnectionId(id), protocol, request).unwrap()
}

fn protect(node: &Node, id: u64) {
    node.regulator.manager().protect(&peer(id), "mine").unwrap();
}

fn by_hand(node: &Node, aim: Aim, mode: Mode) -> RoundReport {
    node.regulator.regulate(node.now, aim, mode)
}

/// What went, and until when the locks hold whose holders are to be told.
fn poll(node: &Node) -> (Vec<u64>, Vec<Duration>) {
    let (gone, actions) = node.poll();
    let revoked = actions.into_iter().filter_map(|action| match action {
        Action::Revoke(revocation) => Some(revocation),
        _ => None,
    });
    (gone, revoked.map(|revocation: Revocation| revocation.notice().until).collect())
}

fn high(node: &Node) {
    node.regulator.sensed(node.now, Some(900), &readings());
    assert_eq!(poll(node), (vec![], vec![]));
    assert_eq!(node.regulator.level(), Level::High);
}

#[test]
fn above_the_share_locks_that_are_in_the_way_are_taken_back_and_connections_go() {
    let (mut node, _, guards) = node(4, 7, 10);
    // Two are to go of which the round may close two.
    let until = node.now + HIGH;
    assert_eq!(poll(&node), (vec![], vec![until; 2]));
    assert_eq!(node.regulator.next_due(), Some(until));
    node.now = until - Duration::from_nanos(1);
    assert_eq!(poll(&node), (vec![], vec![]), "holders have their time");
    node.now = until;
    assert_eq!(poll(&node), (vec![1, 2], vec![]), "those that were locked first");
    let states: Vec<_> = guards.iter().map(|guard| guard.state(node.now)).collect();
    let over = states.iter().filter(|state| **state == LockState::Over).count();
    assert_eq!(over, 2, "the others keep theirs: {states:?}");
    node.later(100);
    assert_eq!(poll(&node), (vec![], vec![]));
}

#[test]
fn a_holder_that_lets_go_loses_its_connection_when_the_others_had_their_time() {
    let (mut node, bulk, mut guards) = node(4, 7, 10);
    let (told, notice) = std::sync::mpsc::channel();
    drop(guards.remove(0));
    let request = LockRequest {
        priority: LockPriority::Low,
        on_revoke: Some(Box::new(move |notice| told.send(notice).unwrap())),
        ..LockRequest::default()
    };
    let first = node.regulator.lock(node.now, ConnectionId(1), bulk, request).unwrap();
    for action in node.poll().1 {
        if let Action::Revoke(revocation) = action {
            let _ = revocation.deliver();
        }
    }
    let until = node.now + HIGH;
    assert_eq!(notice.recv().unwrap(), Notice { until, why: "room is short" });
    node.now += Duration::from_millis(10);
    drop(first);
    assert_eq!(node.regulator.locked().used, 3);
    node.now = until;
    assert_eq!(poll(&node).0, [1, 2]);
}

#[test]
fn the_lowest_priority_is_taken_back_first() {
    let (mut node, bulk, mut guards) = node(4, 7, 10);
    drop(guards.remove(3));
    guards.push(lock(&node, bulk, 4, LockPriority::Low));
    assert_eq!(poll(&node).1.len(), 2);
    node.now += HIGH;
    assert_eq!(poll(&node).0, [1, 4]);
}

#[test]
fn below_the_share_and_without_pressure_a_round_by_hand_heeds_locks() {
    let (mut node, _, _guards) = node(4, 4, 10);
    let report = by_hand(&node, Aim::Leave(6), Mode::Batch);
    assert_eq!((report.report.unmet.exhausted, report.report.blocked_by_locks()), (2, 2));
    assert_eq!(poll(&node), (vec![], vec![]));
    // What keeps the node alive is another matter.
    let _ = by_hand(&node, Aim::Leave(2), Mode::Emergency);
    let until = node.now + CRITICAL;
    let (gone, revoked) = poll(&node);
    assert_eq!((gone.len(), revoked), (4, vec![until; 2]), "protected ones go before locked ones");
    node.now = until;
    assert_eq!(poll(&node).0, [1, 2]);
}

#[test]
fn at_a_high_level_a_round_by_hand_takes_locks_back_and_goes_on_with_what_it_missed() {
    let (mut node, _, _guards) = node(5, 0, 10);
    high(&node);
    let report = by_hand(&node, Aim::Room(1), Mode::Batch);
    assert!(report.evictions.is_empty());
    assert_eq!(poll(&node), (vec![], vec![node.now + HIGH]));
    // Another one that misses the same finds it under way.
    let _ = by_hand(&node, Aim::Room(1), Mode::Batch);
    assert_eq!(poll(&node), (vec![], vec![]));
    node.now += HIGH;
    assert_eq!(poll(&node), (vec![1], vec![]));
    node.later(60);
    node.regulator.sensed(node.now, Some(900), &readings());
    assert_eq!(poll(&node), (vec![], vec![]));
}

#[test]
fn no_newcomer_has_a_lock_taken_back() {
    let (mut node, _, _guards) = node(5, 5, 10);
    let newcomer = peer(99);
    protect(&node, 99);
    high(&node);
    for _ in 0..50 {
        node.now += Duration::from_millis(100);
        let (peer, direction) = (Some(&newcomer), Direction::Outbound);
        let wanted = Wanted { peer, network: None, direction, short: Short::Connections };
        assert!(matches!(node.regulator.make_room(node.now, wanted), Room::None(_)));
        assert_eq!(poll(&node), (vec![], vec![]));
    }
    assert!(node.regulator.last_round().unwrap().round > 4, "it was looked for room");
}

#[test]
fn what_a_minimum_needs_keeps_its_lock() {
    let (mut node, _, _guards) = node(5, 6, 10);
    for id in 1..=5 {
        node.stream(id, "bulk");
    }
    assert_eq!(poll(&node), (vec![], vec![]));
    let summary = node.regulator.last_round().unwrap();
    assert_eq!((summary.closed, summary.unmet.exhausted), (0, 2));
    // One more than the minimum, and only one is of use to the round.
    node.open(12);
    protect(&node, 12);
    node.stream(12, "bulk");
    node.later(10);
    assert_eq!(poll(&node).1.len(), 1);
}

#[test]
fn who_is_locked_and_protected_keeps_its_lock_where_others_can_lose_theirs() {
    let (mut node, _, _guards) = node(4, 7, 10);
    (1..=3).for_each(|id| protect(&node, id));
    assert_eq!(poll(&node), (vec![], vec![node.now + HIGH]));
    node.now += HIGH;
    assert_eq!(poll(&node), (vec![4], vec![]));
}

#[test]
fn what_bursts_left_behind_is_no_reason_to_take_locks_back() {
    let mut settings = settings(10, 8);
    settings.bursts.linger = Some(seconds(30));
    let mut node = Node::of(settings);
    let bulk = node.enroll("bulk", 5, 9);
    (1..=4).for_each(|id| node.open(id));
    let _guards: Vec<_> = (1..=3).map(|id| lock(&node, bulk, id, LockPriority::Normal)).collect();
    let spec = BurstSpec::new(1);
    let burst = node.regulator.begin_burst(node.now, bulk, spec).unwrap().id;
    node.open(5);
    let stream = node.stream(5, "other");
    node.regulator.enlist(node.now, burst, ConnectionId(5), stream).unwrap();
    node.regulator.end_burst(node.now, burst);
    protect(&node, 5);
    high(&node);
    let before = node.regulator.last_round().map_or(0, |last| last.round);
    for _ in 0..8 {
        node.now += seconds(5);
        assert_eq!(poll(&node), (vec![], vec![]));
    }
    assert!(node.regulator.last_round().unwrap().round > before);
}

#[test]
fn denials_and_takings_are_counted_by_reason() {
    let (node, bulk, _guards) = node(5, 6, 20);
    let gossip = node.enroll("gossip", 2, 9);
    let ask = |protocol, id, priority| {
        let request = LockRequest { priority, ..LockRequest::default() };
        drop(node.regulator.lock(node.now, ConnectionId(id), protocol, request));
    };
    ask(bulk, 99, LockPriority::Normal);
    let _both = [6, 7].map(|id| lock(&node, gossip, id, LockPriority::Normal));
    ask(gossip, 8, LockPriority::Normal);
    ask(gossip, 9, LockPriority::High);
    assert!(node.regulator.release(node.now, gossip).is_ok());
    ask(gossip, 8, LockPriority::Normal);
    high(&node);
    let low = LockRequest { priority: LockPriority::Low, ..LockRequest::default() };
    assert!(node.regulator.lock(node.now, ConnectionId(8), bulk, low).is_err());
    let json = serde_json::to_value(node.regulator.snapshot(node.now, 0)).unwrap();
    let denied = |why: &str| json["locks_denied"][why].as_u64().unwrap();
    let told = ["closing", "protocol", "not_enrolled", "pressure", "global"].map(denied);
    assert_eq!(told, [1, 2, 1, 1, 0]);
    assert_eq!(json["locks_taken"]["withdrawal"], 2);
    let samples = node.regulator.metrics(node.now).into_iter();
    let samples: Vec<_> = samples.filter(|sample| sample.name == "locks_denied_total").collect();
    assert!(samples.len() >= told.len(), "{samples:?}");
    for sample in samples {
        assert_eq!(denied(&sample.labels[0].1), sample.value);
    }
}
