//! What protocols have, and what their streams say.

use super::*;
use crate::{
    Score, StreamView,
    burst::{BurstDenied, BurstSpec, EnlistError},
    quota::NotEnrolled,
    round::{Aim, Mode, Phase},
};

#[test]
fn streams_belong_to_whom_a_matcher_says() {
    let mut node = Node::new(20, 18);
    let dht = node.enroll("dht", 1, 5);
    (1..=3).for_each(|id| node.open(id));
    let [one, two] = [1, 1].map(|id| node.stream(id, "dht"));
    node.stream(2, "other");
    assert_eq!(node.used(dht), 1, "a connection counts once");
    let other = node.stream(3, "other");
    let attached = node.regulator.attach(node.now, ConnectionId(3), other, dht);
    assert_eq!((attached, node.used(dht)), (Ok(true), 2));
    node.regulator.stream_closed(node.now, ConnectionId(1), one);
    assert_eq!(node.used(dht), 2);
    node.regulator.stream_closed(node.now, ConnectionId(1), two);
    node.regulator.stream_closed(node.now, ConnectionId(1), two);
    assert_eq!(node.used(dht), 1);
    node.close(3);
    assert_eq!(node.used(dht), 0);
    node.check_counts();
}

#[test]
fn a_connection_that_was_of_use_counts_for_a_while_after_its_last_stream() {
    let mut node = Node::new(20, 18);
    let dht = node.enroll("dht", 1, 5);
    (1..=2).for_each(|id| node.open(id));
    let [used, unused] = [1, 2].map(|id| node.stream(id, "dht"));
    node.regulator.used(node.now, ConnectionId(1));
    node.regulator.stream_closed(node.now, ConnectionId(1), used);
    node.regulator.stream_closed(node.now, ConnectionId(2), unused);
    assert_eq!(node.used(dht), 1, "who only had a stream does not");
    node.check_counts();
    for (minutes, counted) in [(14, 1), (18, 0)] {
        node.now += Duration::from_secs(minutes * 60);
        node.regulator.poll(node.now);
        assert_eq!(node.used(dht), counted);
        node.now -= Duration::from_secs(minutes * 60);
    }
    node.check_counts();
}

#[test]
fn use_may_be_told_just_after_the_stream_was_closed() {
    let mut node = Node::new(20, 18);
    let dht = node.enroll("dht", 1, 5);
    node.open(1);
    let request = |node: &mut Node, told_after: u64| {
        let stream = node.stream(1, "dht");
        node.regulator.stream_closed(node.now, ConnectionId(1), stream);
        node.later(told_after);
        node.regulator.used(node.now, ConnectionId(1));
        node.check_counts();
        node.used(dht)
    };
    assert_eq!(request(&mut node, 10), 0, "whoever tells so late has another one in mind");
    assert_eq!(request(&mut node, 9), 1);
    // Each use counts from its own time on.
    for _ in 0..4 {
        node.later(10 * 60);
        node.poll();
        assert_eq!(request(&mut node, 1), 1);
    }
    node.later(18 * 60);
    node.poll();
    assert_eq!(node.used(dht), 0);
    node.check_counts();
}

#[test]
fn streams_beyond_the_bound_are_only_counted() {
    let settings = RegulatorSettings { streams_per_connection: 2, ..settings(20, 18) };
    let mut node = Node::of(settings);
    let dht = node.enroll("dht", 1, 5);
    node.open(1);
    node.stream(1, "x");
    node.stream(1, "x");
    let beyond = node.stream(1, "dht");
    assert_eq!(node.used(dht), 0);
    assert_eq!(node.regulator.connections(node.now, 0, 9)[0].streams, 3);
    node.regulator.stream_closed(node.now, ConnectionId(1), beyond);
    assert_eq!(node.regulator.connections(node.now, 0, 9)[0].streams, 2);
}

#[test]
fn a_protocol_that_is_released_has_nothing_left() {
    let mut node = Node::new(20, 18);
    let dht = node.enroll("dht", 2, 5);
    node.open(1);
    let stream = node.stream(1, "dht");
    let scorer: Arc<dyn crate::Scorer> = Arc::new(|_: &StreamView| Score::BEST);
    node.regulator.set_scorer(dht, scorer.clone()).unwrap();
    let guard = node.regulator.lock(node.now, ConnectionId(1), dht, Default::default()).unwrap();
    let burst = node.regulator.begin_burst(node.now, dht, BurstSpec::new(2)).unwrap();
    node.regulator.release(node.now, dht).unwrap();
    assert_eq!(node.regulator.release(node.now, dht), Err(NotEnrolled));
    assert_eq!(guard.state(node.now), crate::lock::LockState::Over);
    assert_eq!(node.regulator.end_burst(node.now, burst.id), None);
    assert_eq!(Arc::strong_count(&scorer), 1);
    // Nothing of it is left to whoever gets the place.
    let next = node.enroll("next", 2, 5);
    assert_eq!(next.slot(), dht.slot());
    assert_eq!(node.used(next), 0);
    node.stream(1, "dht");
    assert_eq!(node.used(next), 0);
    let (id, now) = (ConnectionId(1), node.now);
    assert_eq!(node.regulator.attach(now, id, stream, dht), Err(NotEnrolled));
    assert!(node.regulator.set_scorer(dht, scorer).is_err());
    assert!(node.regulator.begin_burst(now, dht, BurstSpec::new(2)).is_err());
    let locked = node.regulator.lock(now, id, dht, Default::default());
    assert!(matches!(locked, Err(LockError::NotEnrolled(_))));
    node.close(1);
    node.check_empty();
}

#[test]
fn offers_are_taken_or_left() {
    let node = Node::new(100, 90);
    node.enroll("dht", 80, 90);
    let spec = QuotaSpec::new(Amount::Abs(30), Amount::Abs(40));
    let ask = || match node.regulator.enroll(node.now, "gossip", &[], spec).unwrap() {
        Answer::Granted(_) => panic!("there are not that many"),
        Answer::Counter(offer) => offer,
    };
    node.regulator.decline(node.now, ask());
    let offer = ask();
    let min = offer.quota().min;
    let gossip = node.regulator.accept(node.now, offer).unwrap();
    let fewer = QuotaSpec::new(Amount::Abs(5), Amount::Abs(9));
    let answer = node.regulator.renegotiate(node.now, gossip, fewer).unwrap();
    assert_eq!((min, answer), (15, Answer::Granted(gossip)));
}

#[test]
fn no_protocol_goes_below_its_minimum() {
    let mut node = Node::new(40, 1);
    let dht = node.enroll("dht", 8, 30);
    (1..=20).for_each(|id| node.open_with_tag(id, -500));
    (1..=10).for_each(|id| {
        node.stream(id, "dht");
    });
    (11..=20).for_each(|id| node.tag(id, 900));
    for _ in 0..10 {
        node.regulator.regulate(node.now, Aim::Leave(0), Mode::Batch);
        node.gone();
        node.check_counts();
    }
    assert_eq!((node.used(dht), node.regulator.live()), (8, 8));
}

#[test]
fn a_protocol_that_has_far_too_many_is_brought_down() {
    let mut node = Node::new(100, 90);
    let dht = node.enroll("dht", 2, 8);
    (1..=30).for_each(|id| node.open(id));
    (1..=20).for_each(|id| {
        node.stream(id, "dht");
    });
    let gone = node.gone();
    assert!(gone.len() == 7 && gone.iter().all(|id| *id <= 20), "{gone:?}");
    assert_eq!(node.used(dht), 13, "a quarter of all at a time");
    node.later(10);
    assert_eq!(node.gone().len(), 5);
    assert_eq!(node.used(dht), 8);
}

#[test]
fn what_scorers_say_counts() {
    let mut node = Node::new(20, 18);
    let dht = node.enroll("dht", 1, 15);
    (1..=10).for_each(|id| node.open(id));
    (1..=10).for_each(|id| {
        node.stream(id, "dht");
    });
    node.regulator.stream_carried(node.now, ConnectionId(4), StreamId(4), 7, 9);
    let scorer = |view: &StreamView| Score::new(100 * view.connection.0 as i64);
    node.regulator.set_scorer(dht, Arc::new(scorer)).unwrap();
    node.later(1);
    node.gone();
    let report = node.regulator.dry_run(node.now, Aim::Room(2), Mode::Batch);
    let going: Vec<_> = report.evictions.iter().map(|it| it.connection.0).collect();
    assert_eq!(going, [1, 2]);
    let explained = node.regulator.explain(node.now, &peer(4));
    let [said] = &explained.connections[0].protocols[..] else { panic!("{explained}") };
    assert_eq!((&*said.protocol, said.score.get()), ("dht", 400));
    assert_eq!(node.regulator.enrolled(node.now)[0].scorer.scores, 10);
    // Scores are asked for again before they no longer count.
    for _ in 0..20 {
        node.later(5);
        node.gone();
    }
    let explained = node.regulator.explain(node.now, &peer(4));
    assert_eq!(explained.connections[0].protocols[0].score.get(), 400);
}

#[test]
fn all_streams_are_scored_however_small_a_batch_is() {
    let scoring = Scoring::Inline(const { NonZeroUsize::new(3).unwrap() });
    let mut node = Node::of(RegulatorSettings { scoring, ..settings(200, 180) });
    let dht = node.enroll("dht", 1, 150);
    (1..=100).for_each(|id| node.open(id));
    (1..=100).for_each(|id| {
        node.stream(id, "dht");
    });
    node.regulator.set_scorer(dht, Arc::new(|_: &StreamView| Score::new(100))).unwrap();
    for _ in 0..40 {
        node.now = node.regulator.next_due().unwrap().max(node.now);
        node.gone();
    }
    let told = node.regulator.connections(node.now, 0, 100);
    assert!(told.iter().all(|it| it.tally == 50), "{told:?}");
}

#[test]
fn a_burst_is_not_charged_to_its_protocol_and_what_it_leaves_goes_first() {
    let mut node = Node::new(100, 90);
    let dht = node.enroll("dht", 2, 10);
    (1..=12).for_each(|id| node.open_with_tag(100 + id, 100));
    node.later(1);
    let burst = node.regulator.begin_burst(node.now, dht, BurstSpec::new(4)).unwrap();
    let enlist = |node: &mut Node, id| {
        node.open(id);
        let stream = node.stream(id, "dht");
        node.regulator.enlist(node.now, burst.id, ConnectionId(id), stream)
    };
    (11..=14).for_each(|id| enlist(&mut node, id).unwrap());
    let most = enlist(&mut node, 15);
    assert_eq!(most, Err(EnlistError::Allowance { most: 4 }.into()));
    assert_eq!(node.used(dht), 1, "that which was not enlisted");
    let unknown = node.regulator.enlist(node.now, burst.id, ConnectionId(101), StreamId(999));
    assert_eq!(unknown, Err(BurstError::NoStream));
    assert!(node.regulator.promote(node.now, burst.id, ConnectionId(11)));
    assert_eq!(node.used(dht), 2);
    let second = node.stream(12, "dht");
    assert_eq!(node.used(dht), 3, "a stream that is in no burst");
    node.regulator.stream_closed(node.now, ConnectionId(12), second);
    assert_eq!(node.used(dht), 2);
    let ended = node.regulator.end_burst(node.now, burst.id).unwrap();
    assert_eq!(ended.connections.len(), 3);
    assert_eq!(node.used(dht), 5);
    let report = node.regulator.regulate(node.now, Aim::Room(4), Mode::Batch);
    let residue = |it: &&Eviction| it.phase == Phase::Residue;
    let mut gone: Vec<_> =
        report.evictions.iter().filter(residue).map(|it| it.connection.0).collect();
    gone.sort_unstable();
    assert_eq!(gone, [12, 13, 14]);
    node.check_counts();
}

#[test]
fn a_burst_ends_by_itself_and_what_it_left_is_closed_in_time() {
    let mut settings = settings(100, 90);
    settings.bursts.linger = Some(seconds(30));
    let mut node = Node::of(settings);
    let dht = node.enroll("dht", 1, 10);
    let burst = node.regulator.begin_burst(node.now, dht, BurstSpec::new(4)).unwrap();
    for id in 1..=3 {
        node.open(id);
        let stream = node.stream(id, "dht");
        node.regulator.enlist(node.now, burst.id, ConnectionId(id), stream).unwrap();
    }
    node.later(60);
    let (gone, others) = node.poll();
    assert!(gone.is_empty() && matches!(others[..], [Action::BurstEnded(_)]), "{others:?}");
    node.later(29);
    assert_eq!(node.gone(), NOBODY);
    assert!(node.regulator.next_due().unwrap() <= node.now + seconds(1));
    let mut gone = Vec::new();
    for _ in 0..10 {
        node.later(1);
        gone.extend(node.gone());
    }
    assert_eq!((gone.len(), node.used(dht)), (2, 1), "one is its minimum");
}

#[test]
fn there_is_no_burst_without_room() {
    let node = Node::new(10, 9);
    let dht = node.enroll("dht", 1, 5);
    (1..=10).for_each(|id| node.open(id));
    let denied = node.regulator.begin_burst(node.now, dht, BurstSpec::new(4));
    assert!(matches!(denied, Err(BeginError::Denied(BurstDenied::NoRoom { .. }))), "{denied:?}");
}
