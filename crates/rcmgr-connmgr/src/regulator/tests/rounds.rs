//! Who goes when there are too many.

use super::*;
use crate::{
    round::{Aim, Hold, Mode, Phase, Verdict},
    sense::Level,
};

#[test]
fn above_the_share_those_worth_least_go_down_to_the_low_mark() {
    let node = Node::new(10, 8);
    (1..=10).for_each(|id| node.open_with_tag(id, 100 * id as i64));
    assert_eq!(node.gone(), NOBODY, "the share is kept");
    node.open_with_tag(11, 50);
    // A round closes a quarter at most: 2 of 11.
    assert_eq!(node.gone(), [11, 1]);
    assert_eq!(node.regulator.live(), 9);
    node.check_counts();
}

#[test]
fn what_was_of_use_stays_within_the_share_until_somebody_asks_for_room() {
    let node = Node::new(40, 36);
    (1..=41).for_each(|id| {
        node.open(id);
        node.regulator.used(node.now, ConnectionId(id));
    });
    assert_eq!(node.gone().len(), 1, "the low mark is no reason to close them");
    node.regulator.regulate(node.now, Aim::Leave(36), Mode::Batch);
    assert_eq!(node.gone().len(), 4);
    assert_eq!(node.regulator.live(), 36);
}

#[test]
fn what_was_of_use_may_stay_above_the_share_within_the_stretch() {
    let mut limits = Limits::default();
    limits.system.connections = rcmgr_core::Limit::new(100);
    let mut node = Node::new(80, 72);
    node.regulator = Regulator::new(settings(80, 72), &limits).unwrap();
    (1..=90).for_each(|id| {
        node.open(id);
        node.regulator.used(node.now, ConnectionId(id));
    });
    for _ in 0..3 {
        assert_eq!(node.gone(), NOBODY);
        node.later(20);
    }
    let told = serde_json::to_value(node.regulator.snapshot(node.now, 0)).unwrap();
    assert_eq!(told["rounds"]["sums"]["rounds_total"]["batch"], 1, "{told}");
    node.open(91);
    assert_eq!(node.gone().len(), 1);
}

#[test]
fn a_decision_is_handed_out_again_until_the_connection_is_closed() {
    let mut node = Node::new(2, 2);
    (1..=3).for_each(|id| node.open_with_tag(id, id as i64));
    let close = |node: &Node| -> Vec<u64> {
        let actions = node.regulator.poll(node.now);
        let evictions = actions.into_iter().filter_map(|action| match action {
            Action::Close(eviction) => Some(eviction.connection.0),
            _ => None,
        });
        evictions.collect()
    };
    assert_eq!(close(&node), [1]);
    assert_eq!((node.regulator.live(), node.regulator.closing()), (2, 1));
    assert_eq!(close(&node), NOBODY);
    node.later(9);
    assert_eq!(close(&node), NOBODY);
    node.later(1);
    assert_eq!(node.regulator.next_due(), Some(node.now.min(seconds(1010))));
    assert_eq!(close(&node), [1], "it was lost, perhaps");
    assert!(node.close(1));
    node.later(20);
    assert_eq!(close(&node), NOBODY);
    assert!(!node.close(1));
    (2..=3).for_each(|id| assert!(node.close(id)));
    node.check_empty();
}

#[test]
fn what_is_protected_new_or_locked_stays() {
    let mut settings = settings(4, 1);
    settings.manager.grace = seconds(60);
    let mut node = Node::of(settings);
    (1..=3).for_each(|id| node.open(id));
    node.later(100);
    node.open(4);
    node.regulator.manager().protect(&peer(1), "mine").unwrap();
    let bulk = node.enroll("bulk", 2, 4);
    let guard = node.regulator.lock(node.now, ConnectionId(2), bulk, Default::default()).unwrap();
    let report = node.regulator.regulate(node.now, Aim::Leave(0), Mode::Batch);
    assert_eq!(report.evictions.len(), 1);
    assert_eq!(node.gone(), [3]);
    let held = |id: u64| {
        let explained = node.regulator.explain(node.now, &peer(id));
        explained.connections[0].hold
    };
    assert_eq!([1, 2, 4].map(held), [Hold::Protected, Hold::Locked, Hold::Grace]);
    let report = node.regulator.regulate(node.now, Aim::Leave(0), Mode::Emergency);
    let phases: Vec<_> = report.evictions.iter().map(|it| (it.connection.0, it.phase)).collect();
    assert_eq!(phases, [(4, Phase::Forced), (1, Phase::Protected)]);
    drop(guard);
    assert!(node.regulator.dry_run(node.now, Aim::Leave(0), Mode::Batch).evictions.len() == 1);
}

#[test]
fn who_is_protected_while_a_round_is_made_stays() {
    let node = Node::new(4, 4);
    node.open(1);
    node.regulator.manager().protect(&peer(1), "just now").unwrap();
    assert_eq!(node.regulator.try_close(ConnectionId(1), Mode::Batch), None);
    assert_eq!(node.regulator.try_close(ConnectionId(1), Mode::Emergency), Some(peer(1)));
    assert_eq!(node.regulator.try_close(ConnectionId(1), Mode::Emergency), None, "only once");
    node.check_counts();
}

#[test]
fn a_dry_run_says_what_the_round_then_does() {
    let node = Node::new(40, 30);
    (1..=40).for_each(|id| node.open_with_tag(id, (id as i64 * 7919) % 300));
    let dry = node.regulator.dry_run(node.now, Aim::Leave(30), Mode::Batch);
    assert_eq!(dry.evictions.len(), 10);
    assert_eq!(node.gone(), NOBODY);
    let made = node.regulator.regulate(node.now, Aim::Leave(30), Mode::Batch);
    assert_eq!(made, dry);
    let closed: Vec<_> = dry.evictions.iter().map(|it| it.connection.0).collect();
    assert_eq!(node.gone(), closed);
    assert_eq!(node.regulator.last_round().unwrap().closed, 10);
    assert_eq!(node.regulator.decisions(99).len(), 10);
}

#[test]
fn an_explanation_says_who_goes_and_who_went() {
    let mut node = Node::new(4, 2);
    (1..=4).for_each(|id| node.open_with_tag(id, 100 * id as i64));
    node.stream(3, "unknown");
    let explained = node.regulator.explain(node.now, &peer(1));
    let Verdict::Goes { place, .. } = explained.connections[0].explanation.verdict else {
        panic!("{explained}");
    };
    assert_eq!((place, explained.tags, explained.protected), (1, 100, false));
    node.regulator.regulate(node.now, Aim::Room(1), Mode::Batch);
    node.gone();
    let explained = node.regulator.explain(node.now, &peer(1));
    assert_eq!(explained.connections, []);
    assert_eq!(explained.last.as_ref().unwrap().connection, ConnectionId(1));
    let text = explained.to_string();
    assert!(text.contains("connection 1 went at 1000s in round 1"), "{text}");
    assert!(text.ends_with("for manual"), "{text}");
    let json = serde_json::to_value(&explained).unwrap();
    assert_eq!((&json["last"]["connection"], &json["connections"]), (&1.into(), &[(); 0].into()));
    let unknown = node.regulator.explain(node.now, &peer(99));
    assert_eq!((unknown.connections.len(), unknown.last), (0, None));
}

#[test]
fn the_waker_is_called_once_when_there_is_something_to_do() {
    let node = Node::new(2, 1);
    let (sender, receiver) = std::sync::mpsc::channel();
    node.regulator.set_waker(move || sender.send(()).unwrap());
    node.gone();
    let woken = || receiver.try_iter().count();
    assert_eq!(woken(), 0);
    (1..=2).for_each(|id| node.open(id));
    assert_eq!(woken(), 0);
    (3..=5).for_each(|id| node.open(id));
    assert_eq!(woken(), 1);
    assert_eq!(node.regulator.next_due(), Some(node.now));
    assert_eq!(node.gone().len(), 1);
    assert!(node.regulator.next_due().unwrap() > node.now);
    node.regulator.regulate(node.now, Aim::Room(1), Mode::Batch);
    assert_eq!(woken(), 1, "it has to be handed out");
}

#[test]
fn other_limits_make_another_share() {
    let share = ShareSettings::default();
    let settings = RegulatorSettings { share, ..settings(1, 1) };
    let mut limits = Limits::default();
    limits.system.connections = rcmgr_core::Limit::new(100);
    let regulator = Regulator::new(settings, &limits).unwrap();
    let node = Node { regulator, now: seconds(1000), streams: 0 };
    let dht = node.enroll("dht", 60, 76);
    (1..=60).for_each(|id| node.open(id));
    assert_eq!(node.gone(), NOBODY);
    limits.system.connections = rcmgr_core::Limit::new(50);
    node.regulator.limits_changed(node.now, &limits).unwrap();
    assert_eq!((node.regulator.share().soft(), node.regulator.share().low()), (40, 36));
    let (gone, others) = node.poll();
    assert_eq!(gone.len(), 15, "a quarter");
    let [Action::QuotaChanged(change)] = &others[..] else { panic!("{others:?}") };
    assert_eq!((change.enrollment, change.new.min), (dht, 38));
    limits.system.connections = rcmgr_core::Limit::new(1);
    assert!(node.regulator.limits_changed(node.now, &limits).is_err());
    assert_eq!(node.regulator.share().soft(), 40);
}

#[test]
fn floors_that_no_longer_fit_yield_and_it_is_told() {
    let share = ShareSettings::default();
    let mut limits = Limits::default();
    limits.system.connections = rcmgr_core::Limit::new(100);
    let settings = RegulatorSettings { share, ..settings(1, 1) };
    let regulator = Regulator::new(settings, &limits).unwrap();
    let node = Node { regulator, now: seconds(1000), streams: 0 };
    let most = Amount::Abs(60);
    let spec = QuotaSpec { floor: most, ..QuotaSpec::new(most, most) };
    let Answer::Granted(_) = node.regulator.enroll(node.now, "dht", &[], spec).unwrap() else {
        panic!("there is nobody else");
    };
    limits.system.connections = rcmgr_core::Limit::new(50);
    node.regulator.limits_changed(node.now, &limits).unwrap();
    let events = std::iter::from_fn(|| node.regulator.events().take());
    let yields = events.filter(|event| matches!(event, RegulatorEvent::FloorsYield(_))).count();
    assert_eq!(yields, 1);
    let enrolled = &node.regulator.enrolled(node.now)[0];
    assert_eq!((enrolled.quota.min, enrolled.floor), (38, 60));
}

#[test]
fn under_pressure_the_share_shrinks_and_recovers() {
    let mut node = Node::new(100, 90);
    (1..=100).for_each(|id| node.open(id));
    assert_eq!(node.gone(), NOBODY);
    node.regulator.sensed(node.now, Some(870), &readings());
    assert_eq!(node.regulator.next_due(), Some(node.now), "there is something to assess");
    node.gone();
    assert_eq!((node.regulator.level(), node.regulator.share().soft()), (Level::High, 90));
    for _ in 0..10 {
        node.later(10);
        node.regulator.sensed(node.now, Some(10), &readings());
        node.gone();
    }
    assert_eq!((node.regulator.level(), node.regulator.share().soft()), (Level::Normal, 100));
    assert!(node.regulator.live() <= 90);
    let events: Vec<_> = std::iter::from_fn(|| node.regulator.events().take()).collect();
    let high = RegulatorEvent::Level { from: Level::Normal, to: Level::High };
    assert!(events.contains(&high), "{events:?}");
}

#[test]
fn in_an_emergency_no_minimum_is_heeded_and_locks_are_taken_back() {
    let mut node = Node::new(100, 90);
    let bulk = node.enroll("bulk", 50, 80);
    (1..=60).for_each(|id| node.open(id));
    for id in 1..=60 {
        node.stream(id, "bulk");
    }
    let lock = |id| node.regulator.lock(node.now, ConnectionId(id), bulk, Default::default());
    let guards: Vec<_> = (1..=50).map(|id| lock(id).unwrap()).collect();
    assert!(lock(51).is_err(), "half of the share is locked");
    let mut gone = 0;
    let mut revoked = Vec::new();
    let mut stalled = Duration::ZERO;
    for _ in 0..8 {
        stalled += Duration::from_millis(900);
        node.later(1);
        node.regulator.sensed(node.now, Some(10), &memory(99, stalled));
        let (closed, others) = node.poll();
        gone += closed.len();
        revoked.extend(others.into_iter().filter_map(|action| match action {
            Action::Revoke(revocation) => Some(revocation),
            _ => None,
        }));
        node.check_counts();
    }
    assert_eq!(node.regulator.level(), Level::Critical);
    assert!(!revoked.is_empty() && gone > 10, "{gone} went, {} revoked", revoked.len());
    let high =
        crate::lock::LockRequest { priority: crate::lock::LockPriority::Low, ..Default::default() };
    let denied = node.regulator.lock(node.now, ConnectionId(60), bulk, high);
    assert!(matches!(denied, Err(LockError::Denied(_))), "{denied:?}");
    drop(guards);
}

#[test]
fn numbers_and_snapshots_tell_all() {
    let mut node = Node::new(10, 8);
    let dht = node.enroll("dht", 2, 4);
    (1..=3).for_each(|id| node.open_with_tag(id, 10));
    node.stream(1, "dht");
    let _guard = node.regulator.lock(node.now, ConnectionId(1), dht, Default::default()).unwrap();
    node.regulator.regulate(node.now, Aim::Room(1), Mode::Batch);
    let metrics = node.regulator.metrics(node.now);
    let value = |name: &str, label: &str| {
        let is_it = |sample: &&crate::observe::Sample| {
            sample.name == name && sample.labels.iter().all(|(_, of)| **of == *label)
        };
        metrics.iter().find(is_it).unwrap_or_else(|| panic!("{name}")).value
    };
    assert_eq!(["live", "closing", "locked"].map(|of| value("connections", of)), [2, 1, 1]);
    assert_eq!((value("quota_used", "dht"), value("locks", "dht")), (1, 1));
    assert_eq!((value("soft_limit", ""), value("closed_total", "worst")), (10, 1));
    let names: std::collections::BTreeSet<_> =
        metrics.iter().map(|sample| (sample.name, sample.labels.clone())).collect();
    assert_eq!(names.len(), metrics.len(), "none is there twice");
    let json = serde_json::to_value(node.regulator.snapshot(node.now, 5)).unwrap();
    assert_eq!((&json["live"], &json["protocols"][0]["used"]), (&2.into(), &1.into()));
    assert_eq!(json["rounds"]["decisions"].as_array().unwrap().len(), 1);
    let told = node.regulator.connections(node.now, 0, 9);
    assert_eq!(told.iter().map(|it| it.hold).collect::<Vec<_>>()[0], "locked");
    assert_eq!(told[0].protocols, ["dht".into()]);
    assert_eq!(node.regulator.connections(node.now, 2, 1).len(), 1);
}
