use proptest::prelude::*;

use super::*;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn pressure(dials: &Dials, now: u64) -> Option<Pressure> {
    dials.pressure(seconds(now), &DialRules::default(), &LevelRules::default())
}

fn note(dials: &mut Dials, now: u64, times: u32, failure: Option<DialFailure>, known_good: bool) {
    (0..times).for_each(|_| dials.note(seconds(now), failure, known_good));
}

#[test]
fn errors_of_sockets_have_their_class() {
    for (kind, class) in [
        (ErrorKind::TimedOut, DialFailure::TimedOut),
        (ErrorKind::AddrNotAvailable, DialFailure::Unreachable),
        (ErrorKind::NetworkUnreachable, DialFailure::Unreachable),
        (ErrorKind::HostUnreachable, DialFailure::Unreachable),
        (ErrorKind::ConnectionRefused, DialFailure::Refused),
        (ErrorKind::ConnectionReset, DialFailure::Refused),
        (ErrorKind::OutOfMemory, DialFailure::Local),
        (ErrorKind::InvalidData, DialFailure::Other),
    ] {
        assert_eq!(DialFailure::of(&kind.into()), class, "{kind}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn errors_of_linux_have_their_class() {
    for (number, class) in [
        (24, DialFailure::Descriptors),
        (23, DialFailure::Descriptors),
        (105, DialFailure::Local),
        (99, DialFailure::Unreachable),
        (101, DialFailure::Unreachable),
        (110, DialFailure::TimedOut),
        (111, DialFailure::Refused),
    ] {
        assert_eq!(DialFailure::of(&io::Error::from_raw_os_error(number)), class, "{number}");
    }
}

#[test]
fn failures_of_the_machine_count_as_they_are() {
    let levels = LevelRules::default();
    for (failed, expected) in [(0, Pressure::NONE), (30, levels.high), (100, Pressure::FULL)] {
        let mut dials = Dials::new();
        note(&mut dials, 5, failed, Some(DialFailure::Local), false);
        note(&mut dials, 5, 100 - failed, None, false);
        assert_eq!(pressure(&dials, 5), Some(expected));
    }
    let mut dials = Dials::new();
    note(&mut dials, 5, 29, Some(DialFailure::Descriptors), false);
    note(&mut dials, 5, 71, None, false);
    assert!(pressure(&dials, 5).unwrap() < levels.high);
}

#[test]
fn few_dials_say_nothing() {
    let mut dials = Dials::new();
    assert_eq!(pressure(&dials, 0), None);
    note(&mut dials, 0, 19, Some(DialFailure::Local), false);
    assert_eq!(pressure(&dials, 0), None);
    note(&mut dials, 0, 1, Some(DialFailure::Local), false);
    assert_eq!(pressure(&dials, 0), Some(Pressure::FULL));
    assert_eq!(pressure(&dials, 29), Some(Pressure::FULL));
    assert_eq!(pressure(&dials, 30), None);
}

#[test]
fn what_others_do_is_no_pressure() {
    let mut dials = Dials::new();
    for failure in [DialFailure::Refused, DialFailure::Handshake, DialFailure::Other] {
        note(&mut dials, 0, 100, None, true);
        note(&mut dials, 600, 100, Some(failure), true);
        assert_eq!(pressure(&dials, 600), Some(Pressure::NONE));
    }
    let counts = dials.recent(seconds(600));
    assert_eq!((counts.refused, counts.handshake, counts.other), (100, 100, 100));
}

/// 40 percent without an answer for ten minutes, then so many of 100, and of known good peers so
/// many of 10.
fn after_usual_failures(failed: u32, good_failed: u32) -> Pressure {
    let mut dials = Dials::new();
    for now in (0..600).step_by(3) {
        note(&mut dials, now, 4, Some(DialFailure::TimedOut), false);
        note(&mut dials, now, 6, None, false);
    }
    note(&mut dials, 629, good_failed, Some(DialFailure::TimedOut), true);
    note(&mut dials, 629, 10 - good_failed, None, true);
    note(&mut dials, 629, failed - good_failed, Some(DialFailure::Unreachable), false);
    note(&mut dials, 629, 100 - 10 - (failed - good_failed), None, false);
    pressure(&dials, 629).unwrap()
}

#[test]
fn silence_counts_as_far_as_it_is_new() {
    let high = LevelRules::default().high;
    assert_eq!(after_usual_failures(40, 5), Pressure::NONE);
    assert!(after_usual_failures(60, 5) < high);
    assert_eq!(after_usual_failures(70, 5), high);
    assert!(after_usual_failures(100, 10) > high);
}

#[test]
fn silence_of_strangers_alone_does_not_count() {
    assert_eq!(after_usual_failures(94, 4), Pressure::NONE);
    // Nor before anything is usual.
    let mut dials = Dials::new();
    note(&mut dials, 0, 100, Some(DialFailure::TimedOut), true);
    assert_eq!(pressure(&dials, 0), Some(Pressure::NONE));
}

#[test]
fn the_end_of_time_is_a_time() {
    let mut dials = Dials::new();
    (0..20).for_each(|_| dials.note(Duration::MAX, Some(DialFailure::Local), true));
    let (rules, levels) = (DialRules::default(), LevelRules::default());
    assert_eq!(dials.pressure(Duration::MAX, &rules, &levels), Some(Pressure::FULL));
}

proptest! {
    #[test]
    fn recent_dials_are_those_of_the_last_slots(
        times in prop::collection::vec(0..2000u64, 0..300),
        now in 0..2000u64,
    ) {
        let mut times = times;
        times.sort_unstable();
        times.retain(|time| *time <= now);
        let mut dials = Dials::new();
        for time in &times {
            dials.note(seconds(*time), None, false);
        }
        let of_slot = |time: u64| time / 3;
        let expected = times.iter().filter(|time| of_slot(now) - of_slot(**time) < RECENT).count();
        prop_assert_eq!(dials.recent(seconds(now)).all as usize, expected);
        let kept = times.iter().filter(|time| of_slot(now) - of_slot(**time) < KEPT as u64).count();
        prop_assert_eq!(dials.sum(seconds(now), |_| true).all as usize >= kept, true);
    }
}
