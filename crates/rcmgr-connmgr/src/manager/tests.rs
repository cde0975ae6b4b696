//! The points of v1 behaviour that no other test shows.

use super::*;
use crate::{
    Bounds, GraceFrom, TooLong, TrimReport, Watermarks,
    decay::{Bump, BumpError, Decay, Decayed, RegisterError},
    trim::{Idle, Kind, Order},
};

const START: Duration = Duration::ZERO;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn peer(name: &str) -> Peer {
    Peer::new(name.as_bytes()).unwrap()
}

fn settings(low: u64, high: u64) -> Settings {
    Settings {
        marks: Watermarks::new(low, high).unwrap(),
        grace: START,
        resolution: seconds(1),
        ..Settings::default()
    }
}

fn manager(low: u64, high: u64) -> Manager {
    Manager::new(settings(low, high)).unwrap()
}

fn open(manager: &Manager, now: Duration, name: &str, id: u64) {
    let address = Arc::from("/ip4/192.0.2.1/tcp/1");
    let (peer, id) = (peer(name), ConnectionId(id));
    manager.connection_opened(now, &peer, id, Direction::Outbound, address, 1).unwrap();
}

/// Peers `p0` and on with a connection of that number and a tag of that value.
fn peers(manager: &Manager, count: u64) {
    for id in 0..count {
        let name = format!("p{id}");
        open(manager, START, &name, id);
        manager.tag(START, &peer(&name), "v", id as i64).unwrap();
    }
}

fn closed(report: &TrimReport) -> Vec<u64> {
    report.close.iter().map(|close| close.connection.0).collect()
}

fn carry_out(manager: &Manager, report: &TrimReport) {
    for close in &report.close {
        assert!(manager.connection_closed(&close.peer, close.connection));
    }
}

fn poll_all(manager: &Manager, now: Duration) -> Vec<Event> {
    std::iter::from_fn(|| manager.poll(now)).collect()
}

fn value(manager: &Manager, name: &str) -> Option<i64> {
    manager.tag_info(&peer(name)).map(|info| info.value)
}

#[test]
fn a_period_of_zero_is_refused_where_something_comes_back_after_it() {
    for settings in [
        Settings { silence: START, ..Settings::default() },
        Settings { resolution: START, ..Settings::default() },
    ] {
        assert!(matches!(Manager::new(settings), Err(SettingsError::NoPeriod(_))));
    }
}

#[test]
fn a_tag_is_set_and_not_added() {
    let manager = manager(1, 2);
    let p = peer("p");
    manager.tag(START, &p, "a", 5).unwrap();
    manager.tag(START, &p, "a", 3).unwrap();
    manager.upsert_tag(START, &p, "b", |old| old - 4).unwrap();
    assert_eq!(value(&manager, "p"), Some(-1));
    manager.untag(&p, "a");
    manager.untag(&p, "none");
    manager.untag(&peer("q"), "a");
    assert_eq!(value(&manager, "p"), Some(-4));
    assert_eq!(value(&manager, "q"), None);
}

#[test]
fn a_sum_beyond_64_bits_saturates_and_comes_back_exactly() {
    let manager = manager(1, 2);
    let p = peer("p");
    manager.tag(START, &p, "a", i64::MAX).unwrap();
    manager.tag(START, &p, "b", i64::MAX).unwrap();
    assert_eq!(value(&manager, "p"), Some(i64::MAX));
    manager.untag(&p, "a");
    manager.tag(START, &p, "b", 1).unwrap();
    assert_eq!(value(&manager, "p"), Some(1));
}

#[test]
fn tags_go_with_the_last_connection() {
    let manager = manager(1, 2);
    peers(&manager, 2);
    open(&manager, START, "p1", 9);
    assert!(manager.connection_closed(&peer("p1"), ConnectionId(1)));
    assert_eq!(value(&manager, "p1"), Some(1));
    assert!(manager.connection_closed(&peer("p1"), ConnectionId(9)));
    assert!(!manager.connection_closed(&peer("p1"), ConnectionId(9)));
    assert_eq!(value(&manager, "p1"), None);
    assert_eq!(manager.info().connections, 1);
}

#[test]
fn a_connection_that_is_known_is_not_counted_twice() {
    let manager = manager(1, 2);
    open(&manager, START, "p", 1);
    let again = manager.connection_opened(
        seconds(1),
        &peer("p"),
        ConnectionId(1),
        Direction::Inbound,
        Arc::from(""),
        0,
    );
    assert_eq!(again, Err(OpenError::AlreadyOpen));
    assert_eq!(manager.info().connections, 1);
}

#[test]
fn connections_of_one_address_are_all_told() {
    let manager = manager(1, 2);
    open(&manager, START, "p", 1);
    open(&manager, seconds(5), "p", 2);
    let info = manager.tag_info(&peer("p")).unwrap();
    let opened: Vec<Duration> = info.connections.iter().map(|known| known.opened).collect();
    assert_eq!(opened, [START, seconds(5)]);
}

#[test]
fn tags_that_come_before_the_connection_stay_and_the_grace_period_begins_with_it() {
    let manager = Manager::new(Settings { grace: seconds(10), ..settings(1, 2) }).unwrap();
    manager.tag(START, &peer("p"), "early", 7).unwrap();
    open(&manager, seconds(8), "p", 1);
    let info = manager.tag_info(&peer("p")).unwrap();
    assert_eq!((info.value, info.first_seen), (7, seconds(8)));
    assert!(manager.ranked(seconds(17), Order::Regular).is_empty());
    assert_eq!(manager.ranked(seconds(18), Order::Regular).len(), 1);
}

#[test]
fn a_later_connection_has_a_grace_period_of_its_own_only_where_that_is_set() {
    for (grace_from, candidates) in
        [(GraceFrom::FirstConnection, 1), (GraceFrom::YoungestConnection, 0)]
    {
        let settings = Settings { grace: seconds(10), grace_from, ..settings(1, 2) };
        let manager = Manager::new(settings).unwrap();
        open(&manager, START, "p", 1);
        open(&manager, seconds(9), "p", 2);
        assert_eq!(manager.ranked(seconds(12), Order::Regular).len(), candidates);
    }
}

#[test]
fn peers_without_a_connection_are_dropped_in_time_even_below_the_marks() {
    let manager = manager(2, 4);
    manager.tag(START, &peer("p"), "early", 9).unwrap();
    poll_all(&manager, seconds(599));
    assert_eq!(value(&manager, "p"), Some(9));
    let events = poll_all(&manager, seconds(600));
    assert!(events.contains(&Event::Looked { trim: None, expired: vec![peer("p")] }));
    assert_eq!(value(&manager, "p"), None);
}

#[test]
fn tags_of_a_protected_peer_stay_without_a_connection_for_as_long_as_it_is_protected() {
    let manager = manager(2, 4);
    let p = peer("p");
    manager.tag(START, &p, "early", 9).unwrap();
    manager.protect(&p, "x").unwrap();
    poll_all(&manager, seconds(6_000));
    assert_eq!(value(&manager, "p"), Some(9));
    manager.unprotect(&p, "x");
    let events = poll_all(&manager, seconds(6_010));
    assert!(events.contains(&Event::Looked { trim: None, expired: vec![p] }));
    assert_eq!(value(&manager, "p"), None);
}

#[test]
fn streams_of_all_connections_add_up_beyond_32_bits() {
    let manager = manager(2, 4);
    for id in 0..3 {
        open(&manager, START, "p", id);
        assert!(manager.set_streams(&peer("p"), ConnectionId(id), u32::MAX));
    }
    let ranked = manager.ranked(START, Order::Regular);
    assert_eq!(ranked[0].row.streams, 3 * u64::from(u32::MAX));
}

#[test]
fn what_others_can_make_grow_is_bounded() {
    let bounds = Bounds {
        connections: 1,
        connections_per_peer: 1,
        address_bytes: 32,
        temporary_peers: 1,
        tags_per_peer: 1,
        name_bytes: 8,
        protections: 1,
        decaying_tags: 1,
    };
    let manager = Manager::new(Settings { bounds, ..settings(1, 2) }).unwrap();
    let (p, q) = (peer("p"), peer("q"));
    manager.tag(START, &p, "a", 1).unwrap();
    assert!(manager.tag(START, &p, "b", 1).is_err());
    assert!(manager.tag(START, &q, "a", 1).is_err());
    open(&manager, START, "p", 1);
    assert!(manager.tag(START, &q, "a", 1).is_ok(), "p has a connection now");
    let second =
        manager.connection_opened(START, &q, ConnectionId(2), Direction::Inbound, "".into(), 0);
    assert!(matches!(second, Err(OpenError::Full(_))));
    manager.register_decaying("d", START, Decay::None, Bump::Unbounded).unwrap();
    let second = manager.register_decaying("e", START, Decay::None, Bump::Unbounded);
    assert!(matches!(second, Err(RegisterError::Full(_))));
}

#[test]
fn texts_that_are_too_long_are_refused_with_their_length() {
    let bounds = Bounds { address_bytes: 4, name_bytes: 4, ..Bounds::default() };
    let manager = Manager::new(Settings { bounds, ..settings(1, 2) }).unwrap();
    let p = peer("p");
    let opened = manager.connection_opened(
        START,
        &p,
        ConnectionId(1),
        Direction::Inbound,
        "/ip4/".into(),
        0,
    );
    let what = "the address of a connection";
    assert_eq!(opened, Err(OpenError::Address(TooLong { what, length: 5, most: 4 })));
    let long = TooLong { what: "the name of a tag", length: 5, most: 4 };
    assert_eq!(manager.tag(START, &p, "12345", 1), Err(TagError::Name(long)));
    assert_eq!(manager.upsert_tag(START, &p, "12345", |_| 1), Err(TagError::Name(long)));
    assert_eq!(manager.protect(&p, "12345"), Err(TagError::Name(long)));
    let registered = manager.register_decaying("12345", START, Decay::None, Bump::Unbounded);
    assert_eq!(registered, Err(RegisterError::Name(long)));
    assert_eq!(manager.tag_info(&p), None);
    assert!(manager.tag(START, &p, "1234", 1).is_ok());
}

#[test]
fn without_a_seed_each_manager_has_another_one() {
    let tie = || {
        let manager = manager(1, 2);
        open(&manager, START, "p", 1);
        manager.ranked(START, Order::Regular)[0].row.tie
    };
    assert_ne!(tie(), tie());
}

#[test]
fn the_background_trim_comes_at_the_high_mark_and_notes_its_time() {
    let manager = manager(2, 4);
    peers(&manager, 4);
    let events = poll_all(&manager, seconds(10));
    let Some(Event::Looked { trim: Some(report), .. }) = events.last() else {
        panic!("no trim: {events:?}")
    };
    assert_eq!((report.kind, closed(report)), (Kind::Background, vec![0, 1]));
    assert_eq!(manager.info().last_trim, Some(seconds(10)));
}

#[test]
fn a_trim_does_not_choose_again_what_is_being_closed() {
    let manager = manager(2, 4);
    peers(&manager, 4);
    let report = manager.trim(START);
    assert_eq!(closed(&report), [0, 1]);
    assert_eq!(manager.info().connections, 4, "they count until they are closed");
    assert_eq!(manager.trim(START).idle, Some(Idle::BelowLow));
    carry_out(&manager, &report);
    assert_eq!(manager.info().connections, 2);
}

#[test]
fn protected_peers_stay_beside_the_low_mark() {
    let manager = manager(2, 4);
    peers(&manager, 6);
    for name in ["p0", "p1", "p2", "p3"] {
        manager.protect(&peer(name), "x").unwrap();
    }
    assert_eq!(closed(&manager.trim(START)), [0; 0]);
    manager.unprotect(&peer("p3"), "x");
    assert_eq!(closed(&manager.trim(START)), [3]);
}

#[test]
fn a_forced_trim_goes_on_to_protected_peers_and_counts_none_twice() {
    let manager = manager(2, 4);
    peers(&manager, 10);
    for name in ["p0", "p1", "p2", "p3", "p4"] {
        manager.protect(&peer(name), "x").unwrap();
    }
    assert_eq!(closed(&manager.force_trim(START)), [5, 6, 7, 8, 9, 0, 1, 2]);
}

#[test]
fn a_forced_trim_without_marks_closes_nothing() {
    let manager = manager(0, 4);
    peers(&manager, 6);
    let [first, second] = [1, 2].map(|seconds| START + Duration::from_secs(seconds));
    assert_eq!(manager.force_trim(first).idle, Some(Idle::Disabled));
    assert_eq!(manager.info().last_trim, Some(first));
    assert_eq!(manager.trim(second).idle, Some(Idle::Disabled));
    assert_eq!(manager.info().last_trim, Some(second));
}

#[test]
fn of_equal_peers_the_same_go_for_the_same_seed() {
    let trim = |seed| {
        let manager = Manager::new(Settings { seed: Some(seed), ..settings(4, 8) }).unwrap();
        for id in 0..64 {
            open(&manager, START, &format!("p{id}"), id);
        }
        closed(&manager.trim(START))
    };
    assert_eq!(trim(1), trim(1));
    assert_ne!(trim(1), trim(2));
}

#[test]
fn a_late_tick_makes_up_for_what_was_missed() {
    let manager = manager(2, 4);
    open(&manager, START, "p", 1);
    let tag = manager.register_decaying("d", seconds(1), Decay::Fixed(1), Bump::Unbounded).unwrap();
    manager.bump(START, &peer("p"), tag, 100).unwrap();
    poll_all(&manager, seconds(10));
    assert_eq!(value(&manager, "p"), Some(90));
    poll_all(&manager, Duration::MAX);
    assert_eq!(value(&manager, "p"), Some(26), "a jump of the clock costs a bounded time");
}

#[test]
fn a_closed_decaying_tag_leaves_all_peers_and_frees_its_name() {
    let manager = manager(2, 4);
    let decay = || Decay::Custom(Box::new(|value, _| Decayed::To(value.value / 2)));
    let tag = manager.register_decaying("d", START, decay(), Bump::Overwrite).unwrap();
    assert_eq!(manager.decay_interval(tag), Some(seconds(1)));
    let again = manager.register_decaying("d", START, decay(), Bump::Overwrite);
    assert_eq!(again, Err(RegisterError::Exists("d".into())));
    manager.tag(START, &peer("p"), "d", 5).unwrap();
    manager.bump(START, &peer("p"), tag, 7).unwrap();
    assert_eq!(value(&manager, "p"), Some(12), "a plain tag of the same name counts too");
    manager.close_decaying(tag);
    manager.close_decaying(tag);
    assert_eq!(value(&manager, "p"), Some(5));
    assert_eq!(manager.bump(START, &peer("p"), tag, 7), Err(BumpError::Closed));
    assert!(manager.register_decaying("d", START, decay(), Bump::Overwrite).is_ok());
}

#[test]
fn removing_a_decaying_tag_from_an_unknown_peer_makes_no_entry() {
    let manager = manager(2, 4);
    let tag = manager.register_decaying("d", START, Decay::None, Bump::Unbounded).unwrap();
    manager.remove_decaying(&peer("p"), tag).unwrap();
    assert_eq!(manager.tag_info(&peer("p")), None);
}

#[test]
fn after_close_nothing_comes_by_itself_and_a_bump_says_so() {
    let manager = manager(2, 4);
    let tag = manager.register_decaying("d", START, Decay::None, Bump::Unbounded).unwrap();
    peers(&manager, 6);
    manager.close();
    assert_eq!(manager.next_due(), None);
    assert_eq!(manager.poll(seconds(100)), None);
    assert_eq!(manager.bump(START, &peer("p0"), tag, 1), Err(BumpError::ManagerClosed));
    assert_eq!(closed(&manager.trim(seconds(100))), [0, 1, 2, 3]);
}

#[test]
fn a_limit_may_equal_the_high_mark() {
    let manager = manager(2, 4);
    assert_eq!(manager.check_limit(4), Ok(()));
    assert_eq!(manager.check_limit(3), Err(AboveLimit { high: 4, limit: 3 }));
}

#[test]
fn a_clock_that_goes_back_stands_still() {
    let manager = manager(2, 4);
    open(&manager, seconds(9), "p", 1);
    open(&manager, seconds(3), "q", 2);
    assert_eq!(manager.tag_info(&peer("q")).unwrap().first_seen, seconds(9));
}
