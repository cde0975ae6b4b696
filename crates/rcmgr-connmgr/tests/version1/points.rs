//! Points of go-libp2p's behaviour that neither a recorded script nor a unit test shows. The table
//! in the book says which test shows which point.

use std::time::Duration;

use crate::node::{Node, closed, peer, seconds, settings};
use rcmgr_connmgr::{
    Close, ConnectionId, Direction, GraceFrom, Settings, Watermarks,
    decay::{Bump, Decay},
    trim::Idle,
};

#[test]
fn the_defaults_are_those_of_go_libp2p() {
    let settings = Settings::default();
    assert_eq!((settings.marks.low(), settings.marks.high()), (160, 192));
    assert_eq!((settings.grace, settings.silence), (seconds(60), seconds(10)));
    assert_eq!(settings.resolution, seconds(60));
    assert_eq!(settings.grace_from, GraceFrom::FirstConnection);
    assert_eq!(Watermarks::default(), settings.marks);
}

#[test]
fn the_code_of_a_close_is_that_of_go_libp2p() {
    assert_eq!(Close::CODE, 0x1005);
}

#[test]
fn a_tag_that_became_zero_is_still_there() {
    let node = Node::new(1, 2);
    node.0.upsert_tag(seconds(0), &peer("p"), "a", |old| old).unwrap();
    assert_eq!(node.info("p").unwrap().tags, [("a".into(), 0)].into());
}

#[test]
fn a_peer_that_lost_its_tags_stays_until_its_time() {
    let mut node = Node::new(1, 2);
    node.tag(0, "p", "a", 5);
    node.0.untag(&peer("p"), "a");
    assert_eq!(node.value("p"), Some(0));
    node.poll(600);
    assert_eq!(node.value("p"), None);
}

#[test]
fn a_peer_without_a_connection_is_first_seen_with_its_first_tag() {
    let mut node = Node::new(1, 2);
    node.tag(3, "p", "a", 5);
    node.tag(7, "p", "b", 5);
    assert_eq!(node.info("p").unwrap().first_seen, seconds(3));
}

#[test]
fn a_trim_drops_peers_without_a_connection_only_on_its_way_to_others() {
    let mut node = Node::new(2, 4);
    node.tag(0, "early", "a", 9);
    node.dial(0, "p0", 0);
    node.dial(0, "p1", 1);
    assert!(node.trim(0).dropped.is_empty(), "below the low mark");
    node.dial(0, "p2", 2);
    node.protect("p2", "x");
    assert!(node.trim(0).dropped.is_empty(), "nothing has to go");
    node.dial(0, "p3", 3);
    let report = node.trim(0);
    assert_eq!((report.dropped, report.close.len()), (vec![peer("early")], 1));
    assert_eq!(node.value("early"), None);
}

#[test]
fn protection_comes_before_the_first_connection_and_outlasts_the_last() {
    let mut node = Node::new(1, 2);
    node.protect("p", "x");
    node.dial(0, "p", 1);
    assert!(node.close("p", 1));
    assert!(node.0.is_protected(&peer("p"), None));
    assert!(!node.0.unprotect(&peer("p"), "x"));
    assert!(!node.0.is_protected(&peer("p"), None));
}

#[test]
fn what_is_left_is_the_low_mark_the_protected_and_those_in_grace() {
    let mut node = Node::with(Settings { grace: seconds(10), ..settings(2, 4) });
    for id in 0..5 {
        node.dial(0, &format!("old{id}"), id);
    }
    for id in 5..8 {
        node.dial(15, &format!("new{id}"), id);
    }
    node.protect("old0", "x");
    assert_eq!(node.candidates(20), 4);
    let report = node.trim(20);
    assert_eq!(report.close.len(), 2);
    for close in report.close {
        assert!(node.0.connection_closed(&close.peer, close.connection));
    }
    assert_eq!(node.count(), 2 + 1 + 3);
    for id in ["old1", "old2", "old3", "old4"] {
        node.protect(id, "x");
    }
    assert_eq!(node.trim(20).idle, Some(Idle::TooFewCandidates));
}

#[test]
fn a_connection_that_is_opened_trims_nothing_by_itself() {
    let mut node = Node::new(1, 2);
    for id in 0..100 {
        node.dial(0, "p", id);
    }
    assert_eq!((node.count(), node.0.info().last_trim), (100, None));
}

#[test]
fn a_connection_that_is_not_known_is_not_closed() {
    let mut node = Node::new(1, 2);
    node.dial(0, "p", 1);
    assert!(!node.close("p", 2));
    assert!(!node.close("q", 1));
    assert!(!node.0.set_streams(&peer("p"), ConnectionId(2), 5));
    assert_eq!(node.count(), 1);
}

#[test]
fn the_background_trim_leaves_what_is_below_the_high_mark() {
    let mut node = Node::new(1, 4);
    for id in 0..3 {
        node.dial(0, &format!("p{id}"), id);
    }
    assert!(node.poll(10).is_empty());
    node.dial(10, "p3", 3);
    assert!(node.poll(19).is_empty(), "the silence period has not passed");
    assert_eq!(node.poll(20)[0].close.len(), 3);
}

#[test]
fn a_trim_that_is_asked_for_needs_neither_the_high_mark_nor_silence() {
    let mut node = Node::new(1, 4);
    node.dial(0, "p0", 0);
    node.dial(0, "p1", 1);
    assert_eq!(node.trim(0).close.len(), 1);
    node.dial(0, "p2", 2);
    assert_eq!(node.trim(0).close.len(), 1);
}

#[test]
fn all_connections_of_a_peer_go_together() {
    let mut node = Node::new(3, 4);
    for id in 0..4 {
        node.dial(0, "p", id);
    }
    node.dial(0, "q", 4);
    node.tag(0, "q", "v", 1);
    assert_eq!(closed(&node.trim(0)), [0, 1, 2, 3]);
}

#[test]
fn a_forced_trim_asks_for_no_grace_and_takes_those_with_more_streams_after_those_with_none() {
    let mut node = Node::with(Settings { grace: seconds(60), ..settings(1, 4) });
    for (id, streams) in [(0, 2), (1, 0), (2, 5), (3, 1)] {
        node.open(0, &format!("p{id}"), id, Direction::Outbound, streams);
    }
    assert_eq!(closed(&node.trim(0)), [0; 0]);
    assert_eq!(closed(&node.force_trim(0)), [1, 2, 0]);
}

#[test]
fn a_forced_trim_below_the_low_mark_is_none_and_at_it_is_noted() {
    let mut node = Node::new(2, 4);
    node.dial(0, "p0", 0);
    assert_eq!(node.force_trim(1).idle, Some(Idle::BelowLow));
    assert_eq!(node.0.info().last_trim, None);
    node.dial(0, "p1", 1);
    assert_eq!(closed(&node.force_trim(1)), [0; 0]);
    assert_eq!(node.0.info().last_trim, Some(seconds(1)));
}

#[test]
fn an_interval_is_raised_to_the_resolution_and_otherwise_passes_at_the_tick_after() {
    let mut node = Node::new(1, 2);
    let register = |name: &str, millis| {
        let interval = Duration::from_millis(millis);
        node.0.register_decaying(name, interval, Decay::Fixed(1), Bump::Unbounded).unwrap()
    };
    let (short, long) = (register("short", 1), register("long", 1_500));
    assert_eq!(node.0.decay_interval(short), Some(seconds(1)));
    assert_eq!(node.0.decay_interval(long), Some(Duration::from_millis(1_500)));
    node.dial(0, "p", 1);
    node.0.bump(seconds(0), &peer("p"), long, 10).unwrap();
    let mut values = Vec::new();
    for at in 1..=6 {
        node.poll(at);
        values.push(node.value("p").unwrap());
    }
    assert_eq!(values, [10, 9, 8, 8, 7, 6]);
}

#[test]
fn a_bump_makes_a_peer_that_is_not_known() {
    let node = Node::new(1, 2);
    let tag = node.0.register_decaying("d", seconds(1), Decay::None, Bump::Unbounded).unwrap();
    node.0.bump(seconds(0), &peer("p"), tag, 5).unwrap();
    node.0.bump(seconds(0), &peer("p"), tag, 2).unwrap();
    let info = node.info("p").unwrap();
    assert_eq!((info.value, info.connections.len()), (7, 0));
    node.0.remove_decaying(&peer("p"), tag).unwrap();
    node.0.remove_decaying(&peer("p"), tag).unwrap();
    assert_eq!(node.value("p"), Some(0));
}

#[test]
fn a_tag_that_is_not_bumped_expires_from_its_last_bump_on() {
    let mut node = Node::new(1, 2);
    let decay = Decay::ExpireWhenInactive(seconds(30));
    let tag = node.0.register_decaying("d", seconds(1), decay, Bump::Unbounded).unwrap();
    node.dial(0, "p", 1);
    node.0.bump(seconds(0), &peer("p"), tag, 5).unwrap();
    node.poll(20);
    node.0.bump(seconds(20), &peer("p"), tag, 1).unwrap();
    node.poll(49);
    assert_eq!(node.value("p"), Some(6));
    node.poll(50);
    assert!(node.info("p").unwrap().decaying.is_empty());
}

#[test]
fn the_tag_of_a_closed_handle_stays_closed_when_its_name_is_taken_again() {
    let mut node = Node::new(1, 2);
    let register = |node: &mut Node| {
        node.0.register_decaying("d", seconds(1), Decay::None, Bump::Unbounded).unwrap()
    };
    let old = register(&mut node);
    node.0.close_decaying(old);
    let new = register(&mut node);
    assert!(node.0.bump(seconds(0), &peer("p"), old, 5).is_err());
    assert!(node.0.remove_decaying(&peer("p"), old).is_err());
    node.0.close_decaying(old);
    assert!(node.0.bump(seconds(0), &peer("p"), new, 5).is_ok());
}
