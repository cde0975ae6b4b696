use proptest::prelude::*;

use super::PressureLevel::{Critical, Elevated, High, Normal};
use super::*;

/// Percent of it are thousands of bytes.
const BUDGET: u64 = 100_000;

fn pressure(rules: PressureRules) -> MemoryPressure {
    MemoryPressure::new(BUDGET, rules).expect("the rules are valid")
}

/// The level after each of these percentages of the budget, by the default rules.
fn after(percentages: &[u64]) -> Vec<PressureLevel> {
    let samples: Vec<_> = percentages.iter().map(|part| Some(part * BUDGET / 100)).collect();
    levels(PressureRules::DEFAULT, &samples)
}

/// The level after each sample.
fn levels(rules: PressureRules, samples: &[Option<u64>]) -> Vec<PressureLevel> {
    let mut pressure = pressure(rules);
    let level = |sample: &Option<u64>| {
        let before = pressure.level();
        let told = pressure.sample(*sample);
        assert_eq!(told, Some(pressure.level()).filter(|level| *level != before));
        pressure.level()
    };
    samples.iter().map(level).collect()
}

#[test]
fn each_level_requires_more() {
    let required = PressureLevel::ALL.map(PressureLevel::required_priority);
    assert_eq!(required, [Priority::LOWEST, Priority::MEDIUM, Priority::HIGH, Priority::ALWAYS]);
    for level in PressureLevel::ALL {
        assert_eq!(PressureLevel::requiring(level.required_priority()), level);
    }
    assert_eq!(PressureLevel::requiring(Priority(153)), High);
    assert_eq!(PressureLevel::requiring(Priority(254)), Critical);
    let names = PressureLevel::ALL.map(|level| level.to_string());
    assert_eq!(names, ["normal", "elevated", "high", "critical"]);
}

#[test]
fn rules_that_contradict_themselves_are_told() {
    const DEFAULT: PressureRules = PressureRules::DEFAULT;
    let (ms, day) = (Duration::from_millis, Duration::from_secs(86_400));
    assert_eq!(
        MemoryPressure::new(0, DEFAULT).map(drop).map_err(|error| error.to_string()),
        Err("the budget is 0 bytes; give the memory that the process may take".to_owned())
    );
    for (rules, text) in [
        (
            PressureRules { high: percent(85), ..DEFAULT },
            "a level that begins at 0.85 is not above one that begins at 0.85; raise it",
        ),
        (
            PressureRules { critical: percent(90), ..DEFAULT },
            "a level that begins at 0.9 is not above one that begins at 0.92; raise it",
        ),
        (
            PressureRules { margin: percent(85), ..DEFAULT },
            "a margin of 0.85 is not below 0.85, where pressure begins; write 0.05, say",
        ),
        (
            PressureRules { rise_after: 1, ..DEFAULT },
            "1 samples in a row are too few to raise the level; take 2 at least",
        ),
        (
            PressureRules { rise_after: 11, ..DEFAULT },
            "10 samples in a row are too few to lower a level that takes 11 to rise; take as many \
             at least",
        ),
        (
            PressureRules { every: ms(99), ..DEFAULT },
            "99ms between samples is not from 100ms to 1min; write 1s, say",
        ),
        (
            PressureRules { every: day, ..DEFAULT },
            "86400s between samples is not from 100ms to 1min; write 1s, say",
        ),
    ] {
        let made = MemoryPressure::new(BUDGET, rules).map(drop);
        assert_eq!(made.map_err(|error| error.to_string()), Err(text.to_owned()));
    }
    assert_eq!(PressureRules::default().check(), Ok(()));
}

#[test]
fn it_rises_with_the_second_sample_and_by_one_level() {
    assert_eq!(after(&[85, 85, 85]), [Normal, Elevated, Elevated]);
    assert_eq!(after(&[99; 7]), [Normal, Elevated, Elevated, High, High, Critical, Critical]);
    assert_eq!(after(&[99, 84, 99, 84, 99]), [Normal; 5]);
    // A process may take more than its budget: others had to leave it.
    assert_eq!(after(&[200; 2]), [Normal, Elevated]);
}

#[test]
fn it_falls_with_the_tenth_sample_below_the_margin() {
    let fallen = |sample| *after(&[&[85, 85][..], &[sample; 10]].concat()).last().expect("it is");
    assert_eq!((fallen(79), fallen(80)), (Normal, Elevated));
    let once_back = [&[85, 85][..], &[70; 9], &[80], &[70; 9]].concat();
    assert_eq!(after(&once_back).last(), Some(&Elevated));
    let from_the_top = after(&[&[99; 6][..], &[10; 30]].concat());
    let changes = [from_the_top[14], from_the_top[15], from_the_top[25], from_the_top[35]];
    assert_eq!(changes, [Critical, High, Elevated, Normal]);
}

prop_compose! {
    fn rules()(
        mut at in prop::array::uniform3(300..1000u32),
        margin in 1..300u32,
        rise_after in 2..5u32,
        more in 0..5u32,
    ) -> PressureRules {
        at.sort_unstable();
        let ratio = |permille: u32| Ratio::new(f64::from(permille) / 1000.0);
        let [elevated, high, critical, margin] =
            // Two that were equal no longer are.
            [at[0] - 2, at[1] - 1, at[2], margin.min(at[0] - 3)].map(|part| ratio(part).expect("it is one"));
        let fall_after = rise_after + more;
        PressureRules {
            elevated, high, critical, margin, rise_after, fall_after,
            ..PressureRules::DEFAULT
        }
    }
}

/// Samples that often stay where they are for a while, and some that could not be taken.
fn samples() -> impl Strategy<Value = Vec<Option<u64>>> {
    let sample = prop_oneof![4 => (0..BUDGET * 11 / 10).prop_map(Some), 1 => Just(None)];
    prop::collection::vec((sample, 1..12usize), 1..20)
        .prop_map(|runs| runs.into_iter().flat_map(|(sample, times)| vec![sample; times]).collect())
}

proptest! {
    #[test]
    fn a_level_changes_by_one_and_never_on_one_sample(rules in rules(), samples in samples()) {
        let mut before = Normal;
        let mut since = 0;
        for (sample, level) in samples.iter().zip(levels(rules, &samples)) {
            since += u32::from(sample.is_some());
            if level > before {
                prop_assert_eq!(before.above(), Some(level));
                prop_assert!(since >= rules.rise_after, "risen after {}", since);
            } else if level < before {
                prop_assert_eq!(before.below(), Some(level));
                prop_assert!(since >= rules.fall_after, "fallen after {}", since);
            }
            if level != before {
                since = 0;
            }
            before = level;
        }
    }

    #[test]
    fn samples_that_could_not_be_taken_change_nothing(rules in rules(), samples in samples()) {
        let taken: Vec<_> = samples.iter().copied().filter(Option::is_some).collect();
        let with_gaps = levels(rules, &samples);
        let told = samples.iter().zip(with_gaps).filter(|(sample, _)| sample.is_some());
        prop_assert_eq!(told.map(|(_, level)| level).collect::<Vec<_>>(), levels(rules, &taken));
    }

    #[test]
    fn who_takes_more_is_never_at_a_lower_level(
        rules in rules(),
        samples in samples(),
        more in prop::collection::vec(0..BUDGET / 4, 1..30),
    ) {
        let more = samples.iter().zip(more.iter().cycle());
        let more: Vec<_> = more.map(|(sample, more)| sample.map(|sample| sample + more)).collect();
        for (less, more) in levels(rules, &samples).into_iter().zip(levels(rules, &more)) {
            prop_assert!(less <= more, "{} above {}", less, more);
        }
    }

    #[test]
    fn within_the_margin_no_level_falls_that_was_raised(
        rules in rules(),
        least in 0..BUDGET,
        above in prop::collection::vec(0.0..1.0, 1..200),
    ) {
        let margin = rules.margin.of(BUDGET);
        let sample = |part: &f64| Some(least + (part * margin as f64) as u64);
        let samples: Vec<_> = above.iter().map(sample).collect();
        let levels = levels(rules, &samples);
        prop_assert!(levels.is_sorted(), "{:?}", levels);
    }

    #[test]
    fn what_stays_ends_at_a_level_that_it_is_in(
        rules in rules(),
        samples in samples(),
        last in 0..BUDGET * 11 / 10,
    ) {
        let steps = 3 * rules.fall_after as usize;
        let samples = [samples, vec![Some(last); steps]].concat();
        let level = *levels(rules, &samples).last().expect("there are some");
        let begins = |level| rules.begins(level).map_or(0, |part| part.of(BUDGET));
        prop_assert!(last >= begins(level).saturating_sub(rules.margin.of(BUDGET)));
        prop_assert!(level.above().is_none_or(|above| last < begins(above)));
    }
}
