use proptest::prelude::*;

use super::*;

const GIB: u64 = 1 << 30;
const HALF: Follow = Follow {
    part: Ratio::one_of(2),
    least: GIB,
    most: 8 * GIB,
    every: Follow::EVERY,
    hysteresis: Follow::HYSTERESIS,
};

fn follower(follow: Follow) -> Follower {
    Follower::new(follow).expect("it is valid")
}

/// What is in force after each of these numbers of free bytes.
fn after(free: &[u64]) -> Vec<u64> {
    let mut follower = follower(HALF);
    let in_force = |free: &u64| {
        follower.sample(*free, 0);
        follower.in_force().expect("there was a sample")
    };
    free.iter().map(in_force).collect()
}

#[test]
fn what_contradicts_itself_cannot_be_followed() {
    let ms = Duration::from_millis;
    let ratio = |ratio| Ratio::new(ratio).expect("it is one");
    for (follow, error) in [
        (
            Follow { least: 9 * GIB, ..HALF },
            InvalidFollow::LeastAboveMost { least: 9 * GIB, most: 8 * GIB },
        ),
        (Follow { least: 0, most: 0, ..HALF }, InvalidFollow::MostIsZero),
        (Follow { every: Duration::ZERO, ..HALF }, InvalidFollow::Interval(Duration::ZERO)),
        (Follow { every: ms(99), ..HALF }, InvalidFollow::Interval(ms(99))),
        (Follow { every: ms(3_600_001), ..HALF }, InvalidFollow::Interval(ms(3_600_001))),
        (Follow { hysteresis: ratio(0.51), ..HALF }, InvalidFollow::Hysteresis(ratio(0.51))),
    ] {
        assert_eq!(follow.check(), Err(error));
        assert_eq!(Follower::new(follow).map(|_| ()), Err(error));
    }
    for follow in [
        Follow { least: 0, ..HALF },
        Follow { least: 8 * GIB, ..HALF },
        Follow { every: Follow::SHORTEST, hysteresis: Follow::COARSEST, ..HALF },
        Follow { every: Follow::LONGEST, ..HALF },
    ] {
        assert_eq!(follow.check(), Ok(()));
    }
}

#[test]
fn errors_say_what_to_write() {
    for (error, text) in [
        (
            InvalidFollow::LeastAboveMost { least: 2, most: 1 },
            "the least is 2 bytes, which is more than the most, 1; exchange them",
        ),
        (
            InvalidFollow::Interval(Duration::ZERO),
            "0ns between samples is not from 100ms to 1h; write a few seconds, such as 5s",
        ),
        (
            InvalidFollow::Hysteresis(Ratio::WHOLE),
            "a hysteresis of 1 is above 0.5: hardly any change would count; write 0.1, say",
        ),
    ] {
        assert_eq!(error.to_string(), text);
    }
}

#[test]
fn nothing_is_in_force_before_the_first_sample() {
    let mut follower = follower(HALF);
    assert_eq!(follower.in_force(), None);
    assert_eq!(follower.sample(4 * GIB, 0), Some(2 * GIB));
    assert_eq!(follower.in_force(), Some(2 * GIB));
    assert_eq!(follower.follow(), &HALF);
}

#[test]
fn it_shrinks_with_the_first_sample_and_grows_with_the_second() {
    assert_eq!(after(&[8 * GIB, 4 * GIB, 4 * GIB]), [4 * GIB, 2 * GIB, 2 * GIB]);
    assert_eq!(after(&[4 * GIB, 8 * GIB, 8 * GIB]), [2 * GIB, 2 * GIB, 4 * GIB]);
    // To what both samples grant.
    assert_eq!(after(&[4 * GIB, 12 * GIB, 8 * GIB]), [2 * GIB, 2 * GIB, 4 * GIB]);
    assert_eq!(after(&[4 * GIB, 6 * GIB, 12 * GIB]), [2 * GIB, 2 * GIB, 3 * GIB]);
}

#[test]
fn memory_that_is_free_for_a_moment_is_not_given_away() {
    assert_eq!(after(&[4 * GIB, 16 * GIB, 4 * GIB]), [2 * GIB; 3]);
}

#[test]
fn memory_that_is_gone_for_a_moment_is_back_two_samples_later() {
    let in_force = after(&[8 * GIB, 2 * GIB, 8 * GIB, 8 * GIB]);
    assert_eq!(in_force, [4 * GIB, GIB, GIB, 4 * GIB]);
}

#[test]
fn small_changes_do_not_count_however_many() {
    let mut follower = follower(HALF);
    assert_eq!(follower.sample(8000 << 20, 0), Some(4000 << 20));
    for free in [8800 << 20, 7200 << 20] {
        for _ in 0..50 {
            assert_eq!(follower.sample(free, 0), None);
        }
    }
    assert_eq!(follower.sample(7198 << 20, 0), Some(3599 << 20));
}

#[test]
fn bounds_are_reached_by_small_changes_too() {
    // Within a tenth of the most and of the least.
    assert_eq!(after(&[15 * GIB, 16 * GIB, 17 * GIB]), [15 * GIB / 2, 15 * GIB / 2, 8 * GIB]);
    assert_eq!(after(&[2 * GIB + 100, 2 * GIB]), [GIB + 50, GIB]);
    // But they are not left by them.
    assert_eq!(after(&[16 * GIB, 15 * GIB, 15 * GIB]), [8 * GIB; 3]);
}

#[test]
fn what_the_node_holds_does_not_lower_its_limit() {
    let mut follower = follower(HALF);
    assert_eq!(follower.sample(8 * GIB, 0), Some(4 * GIB));
    for held in [GIB, 2 * GIB, 4 * GIB, 0] {
        assert_eq!(follower.sample(8 * GIB - held, held), None);
    }
}

#[test]
fn no_part_is_more_than_the_whole() {
    let mut follower = follower(Follow { part: Ratio::WHOLE, least: 0, most: u64::MAX, ..HALF });
    let whole = (1 << 53) + 3;
    assert_eq!(follower.sample(whole, 0), Some(whole));
    assert_eq!(follower.sample(u64::MAX, 1), None);
    assert_eq!(follower.sample(1, u64::MAX), Some(u64::MAX));
    assert_eq!(follower.sample(0, 0), Some(0));
}

fn follows() -> impl Strategy<Value = Follow> {
    let ratio = |most| (1..=1000_u32).prop_map(move |n| most * f64::from(n) / 1000.0);
    let ratio = move |most| ratio(most).prop_map(|n| Ratio::new(n).expect("it is one"));
    let bits = || (any::<u64>(), 0..64_u32).prop_map(|(number, bits)| number >> bits);
    (ratio(1.0), bits(), bits(), ratio(0.5)).prop_map(|(part, one, other, hysteresis)| Follow {
        part,
        least: one.min(other),
        most: one.max(other).max(1),
        every: Follow::EVERY,
        hysteresis,
    })
}

fn samples() -> impl Strategy<Value = Vec<(u64, u64)>> {
    let bits = || (any::<u64>(), 0..64_u32).prop_map(|(number, bits)| number >> bits);
    prop::collection::vec((bits(), bits()), 1..20)
}

proptest! {
    #[test]
    fn always_within_the_bounds_and_never_by_less_than_the_hysteresis(
        follow in follows(), samples in samples(),
    ) {
        let mut follower = follower(follow);
        for (free, held) in samples {
            let before = follower.in_force();
            let new = follower.sample(free, held);
            let in_force = follower.in_force().expect("there was a sample");
            prop_assert!((follow.least..=follow.most).contains(&in_force));
            prop_assert_eq!(new.or(before), Some(in_force));
            if let (Some(before), Some(new)) = (before, new) {
                let bound = new == follow.least || new == follow.most;
                let changed = new.abs_diff(before);
                prop_assert!(changed > 0 && (bound || changed > follow.hysteresis.of(before)));
            }
        }
    }

    #[test]
    fn a_steady_machine_is_followed_after_two_samples(
        follow in follows(), samples in samples(), whole: u64, held: [u64; 4],
    ) {
        let mut follower = follower(follow);
        for (free, held) in samples {
            follower.sample(free, held);
        }
        // What the node takes of it changes nothing.
        let steady = held.map(|held| held.min(whole)).map(|held| (whole - held, held));
        for (free, held) in &steady[..2] {
            follower.sample(*free, *held);
        }
        let asked = follow.part.of(whole).min(whole).clamp(follow.least, follow.most);
        let in_force = follower.in_force().expect("there was a sample");
        prop_assert!(in_force.abs_diff(asked) <= follow.hysteresis.of(in_force));
        if asked == follow.least || asked == follow.most {
            prop_assert_eq!(in_force, asked);
        }
        for (free, held) in &steady[2..] {
            prop_assert_eq!(follower.sample(*free, *held), None);
        }
    }

    #[test]
    fn it_never_grows_beyond_what_the_last_two_samples_grant(
        follow in follows(), samples in samples(),
    ) {
        let mut follower = follower(follow);
        let mut asked = Vec::new();
        for (free, held) in samples {
            let whole = free.saturating_add(held);
            asked.push(follow.part.of(whole).min(whole).clamp(follow.least, follow.most));
            let before = follower.in_force();
            if let (Some(before), Some(new)) = (before, follower.sample(free, held)) {
                let granted = asked.iter().rev().take(2).min().expect("there were two");
                prop_assert!(new < before || new == *granted);
            }
        }
    }
}
