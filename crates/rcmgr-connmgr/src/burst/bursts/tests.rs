//! Bursts, one rule after another.

mod against_definition;

use super::*;

const START: Duration = Duration::from_secs(1000);
const ROOM: BurstRoom = BurstRoom { share: 1000, live: 100 };

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn slot(number: u8) -> Slot {
    Slot::new(number).unwrap()
}

fn begin(bursts: &mut Bursts, now: Duration) -> BurstId {
    bursts.begin(now, slot(0), BurstSpec::new(10), ROOM).unwrap().id
}

/// Enlists stream 0 of a connection that is opened now.
fn enlist(bursts: &mut Bursts, now: Duration, burst: BurstId, connection: u64) {
    bursts.enlist(now, burst, ConnectionId(connection), now, StreamId(0)).unwrap();
}

fn residue(bursts: &Bursts, connection: u64, streams: u32) -> Option<u16> {
    bursts.residue(ConnectionId(connection), streams, false)
}

#[test]
fn what_a_burst_opened_is_residue_once_it_is_over() {
    let mut bursts = Bursts::default();
    let burst = begin(&mut bursts, START);
    enlist(&mut bursts, START, burst, 1);
    assert_eq!(residue(&bursts, 1, 1), None);
    assert!(bursts.is_enlisted(ConnectionId(1), StreamId(0)));
    let ended = bursts.end(START, burst).unwrap();
    assert_eq!((ended.slot, ended.connections), (slot(0), vec![ConnectionId(1)]));
    assert_eq!(residue(&bursts, 1, 1), Some(0));
    assert!(!bursts.is_enlisted(ConnectionId(1), StreamId(0)));
    assert_eq!(bursts.end(START, burst), None);
}

#[test]
fn what_was_there_before_is_no_residue() {
    let mut bursts = Bursts::default();
    let burst = begin(&mut bursts, START);
    let before = START - Duration::from_nanos(1);
    bursts.enlist(START, burst, ConnectionId(1), before, StreamId(0)).unwrap();
    assert_eq!(bursts.end(START, burst).unwrap().connections, [ConnectionId(1)]);
    assert_eq!(residue(&bursts, 1, 1), None);
}

#[test]
fn what_somebody_else_uses_or_locks_is_no_residue() {
    let mut bursts = Bursts::default();
    let burst = begin(&mut bursts, START);
    enlist(&mut bursts, START, burst, 1);
    bursts.end(START, burst);
    assert_eq!(residue(&bursts, 1, 2), None);
    assert_eq!(bursts.residue(ConnectionId(1), 1, true), None);
    assert_eq!(residue(&bursts, 1, 1), Some(0));
}

#[test]
fn a_connection_whose_streams_are_closed_is_residue_all_the_more() {
    let mut bursts = Bursts::default();
    let burst = begin(&mut bursts, START);
    for connection in [1, 2] {
        enlist(&mut bursts, START, burst, connection);
    }
    bursts.stream_closed(ConnectionId(1), StreamId(0));
    bursts.end(START, burst);
    bursts.stream_closed(ConnectionId(2), StreamId(0));
    assert_eq!([1, 2].map(|connection| residue(&bursts, connection, 0)), [Some(0); 2]);
    assert_eq!(residue(&bursts, 1, 1), None);
}

#[test]
fn what_is_promoted_stays() {
    let mut bursts = Bursts::default();
    let burst = begin(&mut bursts, START);
    enlist(&mut bursts, START, burst, 1);
    assert_eq!(bursts.covered(ConnectionId(1), slot(0)), 1);
    assert!(bursts.promote(burst, ConnectionId(1)));
    assert!(!bursts.promote(burst, ConnectionId(1)));
    assert_eq!(bursts.covered(ConnectionId(1), slot(0)), 0);
    assert!(!bursts.is_enlisted(ConnectionId(1), StreamId(0)));
    assert_eq!(bursts.end(START, burst).unwrap().connections, []);
    bursts.stream_closed(ConnectionId(1), StreamId(0));
    assert_eq!(residue(&bursts, 1, 0), None);
}

#[test]
fn a_connection_in_two_bursts_waits_for_both() {
    let mut bursts = Bursts::default();
    let [first, second] = [0, 1]
        .map(|number| bursts.begin(START, slot(number), BurstSpec::new(10), ROOM).unwrap().id);
    let connection = ConnectionId(1);
    bursts.enlist(START, first, connection, START, StreamId(0)).unwrap();
    bursts.enlist(START, second, connection, START, StreamId(1)).unwrap();
    assert_eq!([0, 1].map(|number| bursts.covered(connection, slot(number))), [1, 1]);
    bursts.end(START, first);
    assert_eq!(residue(&bursts, 1, 2), None);
    bursts.end(START, second);
    assert_eq!(residue(&bursts, 1, 2), Some(0));
}

#[test]
fn what_was_promoted_in_one_burst_is_a_use_of_it_for_another() {
    let mut bursts = Bursts::default();
    let [keeps, leaves] = [0; 2].map(|_| begin(&mut bursts, START));
    let connection = ConnectionId(1);
    bursts.enlist(START, keeps, connection, START, StreamId(0)).unwrap();
    bursts.enlist(START, leaves, connection, START, StreamId(1)).unwrap();
    bursts.promote(keeps, connection);
    assert_eq!(bursts.covered(connection, slot(0)), 1);
    bursts.end(START, leaves);
    assert_eq!(residue(&bursts, 1, 2), None);
    bursts.stream_closed(connection, StreamId(0));
    assert_eq!(residue(&bursts, 1, 1), Some(0));
}

#[test]
fn nothing_is_left_of_a_connection_that_was_closed() {
    let mut bursts = Bursts::new(BurstSettings { linger: Some(START), ..Default::default() });
    let [first, second] = [0; 2].map(|_| begin(&mut bursts, START));
    for (burst, stream) in [(first, 0), (second, 1)] {
        bursts.enlist(START, burst, ConnectionId(1), START, StreamId(stream)).unwrap();
    }
    bursts.end(START, first);
    bursts.connection_closed(ConnectionId(1));
    assert_eq!(bursts.end(START, second).unwrap().connections, []);
    assert_eq!((bursts.next_due(), bursts.lingering(Duration::MAX).count()), (None, 0));
}

#[test]
fn the_latest_burst_goes_first() {
    let mut bursts = Bursts::default();
    let [first, second] = [1, 2].map(|connection| {
        let burst = begin(&mut bursts, START);
        enlist(&mut bursts, START, burst, connection);
        burst
    });
    bursts.end(START, second);
    bursts.end(START, first);
    assert_eq!((residue(&bursts, 1, 1), residue(&bursts, 2, 1)), (Some(0), Some(1)));
}

#[test]
fn a_burst_ends_by_itself_and_takes_nothing_in_once_its_time_is_over() {
    let mut bursts = Bursts::default();
    let long = BurstSpec { ttl: seconds(90), ..BurstSpec::new(10) };
    let long = bursts.begin(START, slot(1), long, ROOM).unwrap();
    let burst = begin(&mut bursts, START);
    enlist(&mut bursts, START, burst, 1);
    assert_eq!(bursts.next_due(), Some(START + seconds(60)));
    assert_eq!(bursts.poll(START + seconds(59)), []);
    let over = START + seconds(60);
    let stream = StreamId(1);
    assert_eq!(bursts.enlist(over, burst, ConnectionId(1), START, stream), Err(EnlistError::Over));
    let ended = bursts.poll(START + seconds(1000));
    assert_eq!(ended.iter().map(|ended| ended.id).collect::<Vec<_>>(), [burst, long.id]);
    // The burst of a protocol that took no connection in is one that ended after it all the same.
    assert_eq!(residue(&bursts, 1, 1), Some(1));
}

#[test]
fn residue_is_forgotten_after_ten_minutes() {
    let mut bursts = Bursts::default();
    let burst = begin(&mut bursts, START);
    enlist(&mut bursts, START, burst, 1);
    bursts.end(START, burst);
    let expires = START + seconds(600);
    assert_eq!(bursts.next_due(), Some(expires));
    assert_eq!(bursts.poll(expires - Duration::from_nanos(1)), []);
    assert_eq!(residue(&bursts, 1, 1), Some(0));
    assert_eq!(bursts.poll(expires), []);
    assert_eq!((residue(&bursts, 1, 1), bursts.next_due()), (None, None));
}

#[test]
fn all_bursts_together_have_a_fifth_of_the_share_and_no_more_than_is_free() {
    let mut bursts = Bursts::default();
    let mut allowed = |share, live, asked| {
        let room = BurstRoom { share, live };
        bursts.begin(START, slot(0), BurstSpec::new(asked), room).map(|burst| burst.allowance)
    };
    assert_eq!(allowed(1000, 0, 150), Ok(150));
    assert_eq!(allowed(1000, 840, 150), Ok(10));
    assert_eq!(allowed(1000, 0, 150), Ok(40));
    let denied = BurstDenied::NoRoom { share: 1000, live: 0, promised: 200 };
    assert_eq!(allowed(1000, 0, 1), Err(denied));
    let denied = BurstDenied::NoRoom { share: u32::MAX, live: u32::MAX, promised: 200 };
    assert_eq!(allowed(u32::MAX, u32::MAX, 1), Err(denied));
}

#[test]
fn a_burst_of_nothing_or_for_too_long_is_denied() {
    let mut bursts = Bursts::new(BurstSettings { open: 1, ..BurstSettings::default() });
    let mut denied =
        |connections, ttl| bursts.begin(START, slot(0), BurstSpec { connections, ttl }, ROOM).err();
    assert_eq!(denied(0, seconds(1)), Some(BurstDenied::Nothing));
    assert_eq!(denied(1, Duration::ZERO), Some(BurstDenied::Nothing));
    let (asked, most) = (seconds(121), seconds(120));
    assert_eq!(denied(1, asked), Some(BurstDenied::TooLong { asked, most }));
    assert_eq!(denied(1, most), None);
    assert_eq!(denied(1, most), Some(BurstDenied::TooMany { most: 1 }));
}

#[test]
fn a_burst_takes_in_as_many_connections_as_it_may_at_a_time() {
    let mut bursts = Bursts::default();
    let burst = bursts.begin(START, slot(0), BurstSpec::new(2), ROOM).unwrap().id;
    let enlist = |bursts: &mut Bursts, connection, stream| {
        bursts.enlist(START, burst, ConnectionId(connection), START, StreamId(stream))
    };
    assert_eq!(enlist(&mut bursts, 1, 0), Ok(()));
    assert_eq!(enlist(&mut bursts, 1, 0), Err(EnlistError::Enlisted));
    assert_eq!(enlist(&mut bursts, 1, 1), Ok(()));
    assert_eq!(enlist(&mut bursts, 2, 0), Ok(()));
    assert_eq!(enlist(&mut bursts, 3, 0), Err(EnlistError::Allowance { most: 2 }));
    assert_eq!(enlist(&mut bursts, 1, 2), Ok(()));
    bursts.connection_closed(ConnectionId(1));
    assert_eq!(enlist(&mut bursts, 3, 0), Ok(()));
    bursts.promote(burst, ConnectionId(2));
    assert_eq!(enlist(&mut bursts, 4, 0), Ok(()));
}

#[test]
fn a_stream_of_an_ended_burst_may_be_enlisted_in_another() {
    let mut bursts = Bursts::default();
    let first = begin(&mut bursts, START);
    enlist(&mut bursts, START, first, 1);
    bursts.end(START, first);
    let second = begin(&mut bursts, START + seconds(1));
    let stream = StreamId(0);
    bursts.enlist(START + seconds(1), second, ConnectionId(1), START, stream).unwrap();
    assert_eq!(residue(&bursts, 1, 1), None);
    bursts.end(START + seconds(1), second);
    // It is the residue of the burst that it was opened in.
    assert_eq!(residue(&bursts, 1, 1), Some(1));
}

#[test]
fn all_bursts_of_a_protocol_end_with_it() {
    let mut bursts = Bursts::default();
    let own = [0; 2].map(|_| begin(&mut bursts, START));
    let other = bursts.begin(START, slot(1), BurstSpec::new(1), ROOM).unwrap().id;
    let ended = bursts.end_all(START, slot(0));
    assert_eq!(ended.iter().map(|ended| ended.id).collect::<Vec<_>>(), own);
    assert!(bursts.end(START, other).is_some());
}

#[test]
fn residue_that_lingers_is_told_the_earliest_first_where_that_is_wanted() {
    let linger = Some(seconds(30));
    let mut bursts = Bursts::new(BurstSettings { linger, ..BurstSettings::default() });
    for (connection, at) in [(2, START), (1, START + seconds(1))] {
        let burst = begin(&mut bursts, at);
        enlist(&mut bursts, at, burst, connection);
        bursts.end(at, burst);
    }
    let told = |after| {
        let told = bursts.lingering(START + seconds(after));
        told.map(|connection| connection.0).collect::<Vec<_>>()
    };
    assert_eq!([29, 30, 31].map(told), [vec![], vec![2], vec![2, 1]]);

    let mut never = Bursts::default();
    let burst = begin(&mut never, START);
    enlist(&mut never, START, burst, 1);
    never.end(START, burst);
    assert_eq!(never.lingering(START + seconds(599)).count(), 0);
}

#[test]
fn where_too_much_is_kept_the_earliest_residue_is_forgotten() {
    let mut bursts = Bursts::new(BurstSettings { entries: 6, ..BurstSettings::default() });
    for connection in [1, 2, 3] {
        let burst = begin(&mut bursts, START);
        enlist(&mut bursts, START, burst, connection);
        bursts.end(START, burst);
    }
    let burst = begin(&mut bursts, START);
    for (connection, left) in [(4, [false, true, true]), (5, [false, false, true])] {
        enlist(&mut bursts, START, burst, connection);
        assert_eq!([1, 2, 3].map(|before| residue(&bursts, before, 1).is_some()), left);
    }
    enlist(&mut bursts, START, burst, 6);
    let full = bursts.enlist(START, burst, ConnectionId(7), START, StreamId(0));
    assert_eq!(full, Err(EnlistError::Full { most: 6 }));
    bursts.connection_closed(ConnectionId(5));
    enlist(&mut bursts, START, burst, 7);
}

#[test]
fn a_clock_that_goes_back_is_taken_to_stand_still() {
    let mut bursts = Bursts::default();
    let burst = begin(&mut bursts, START);
    bursts.enlist(Duration::ZERO, burst, ConnectionId(1), START, StreamId(0)).unwrap();
    bursts.end(Duration::ZERO, burst);
    assert_eq!(bursts.next_due(), Some(START + seconds(600)));
}

#[test]
fn a_clock_that_jumps_ahead_ends_bursts_and_forgets_what_they_left() {
    let mut bursts = Bursts::default();
    let burst = begin(&mut bursts, START);
    enlist(&mut bursts, START, burst, 1);
    assert_eq!(bursts.poll(Duration::MAX).len(), 1);
    assert_eq!(residue(&bursts, 1, 1), None);
    let burst = begin(&mut bursts, Duration::ZERO);
    assert_eq!(bursts.poll(Duration::ZERO).len(), 1);
    assert_eq!(bursts.end(Duration::ZERO, burst), None);
}
