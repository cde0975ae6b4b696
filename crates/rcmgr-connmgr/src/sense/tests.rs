use std::fs;
use std::io;
use std::num::NonZeroU64;
use std::path::Path;

use proptest::prelude::*;
use rcmgr_machine::{MachineError, Root, Stalls, Unread};

use super::*;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn unread() -> Unread {
    Unread::Unreadable { path: "x".into(), error: io::ErrorKind::NotFound.into() }
}

/// Nothing can be read but the limit of 1000 descriptors.
fn nothing() -> Readings {
    Readings {
        memory: Err(MachineError::Unsupported),
        resident: Err(rcmgr_machine::ResidentError::Unsupported),
        stalls: Err(unread()),
        descriptor_limit: Ok(1000),
        open_descriptors: None,
    }
}

fn group(percent: u64) -> MemoryUse {
    let bounded_by = MemoryBound::Cgroup("/sys/fs/cgroup/memory.max".into());
    MemoryUse { used: percent, limit: 100, bounded_by, reached: Some(0) }
}

fn stalls(ms: u64) -> Result<Stalls, Unread> {
    let stalled = Duration::from_millis(ms);
    Ok(Stalls { some: stalled, full: stalled })
}

fn senses() -> Senses {
    Senses::new(SenseRules::default()).unwrap()
}

/// The assessment after these readings.
fn after(senses: &mut Senses, now: u64, counted: Option<u64>, readings: &Readings) -> Assessment {
    senses.take(seconds(now), counted, readings);
    senses.assess(seconds(now))
}

fn quality(senses: &Senses, now: u64, sensor: Sensor) -> Quality {
    let sensed = senses.sensed(seconds(now));
    sensed.into_iter().find(|sensed| sensed.sensor == sensor).unwrap().quality
}

#[test]
fn nothing_that_can_be_read_is_normal() {
    let mut senses = senses();
    let none = Assessment::default();
    assert_eq!(senses.assess(seconds(0)), none);
    let readings = Readings { descriptor_limit: Err(MachineError::Unsupported), ..nothing() };
    assert_eq!(after(&mut senses, 1, Some(1000), &readings), none);
    for sensed in senses.sensed(seconds(1)) {
        assert_eq!((sensed.pressure, sensed.quality), (None, Quality::Unavailable), "{sensed:?}");
    }
}

#[test]
fn counted_descriptors_alone_are_never_critical() {
    let mut senses = senses();
    let levels = [(0, 699), (1, 700), (2, 850), (3, 1000)]
        .map(|(now, counted)| after(&mut senses, now, Some(counted), &nothing()).level);
    assert_eq!(levels, [Level::Normal, Level::Elevated, Level::High, Level::High]);
}

#[test]
fn descriptors_are_critical_where_two_sensors_agree() {
    let open = |open| Readings { open_descriptors: Some(Ok(open)), ..nothing() };
    for (counted, really, lacked, expected) in [
        (960, 849, false, Level::High),
        (960, 850, false, Level::Critical),
        (500, 990, false, Level::High),
        (500, 990, true, Level::Critical),
        (500, 600, true, Level::High),
        (850, 850, true, Level::Critical),
        (850, 850, false, Level::High),
    ] {
        let mut senses = senses();
        if lacked {
            senses.lacked_descriptor(seconds(0));
        }
        let seen = after(&mut senses, 0, Some(counted), &open(really));
        assert_eq!(seen.level, expected, "{counted} {really} {lacked}");
    }
}

#[test]
fn a_lack_of_descriptors_is_felt_however_it_shows() {
    let no_descriptor = || io::Error::from_raw_os_error(24);
    let path = || "/proc/self/fd".into();
    let readings = Readings {
        open_descriptors: Some(Err(Unread::Unreadable { path: path(), error: no_descriptor() })),
        ..nothing()
    };
    let mut by_reading = senses();
    assert_eq!(after(&mut by_reading, 5, None, &readings).level, Level::High);
    let mut by_dial = senses();
    by_dial.dialed(seconds(5), Err(DialFailure::of(&no_descriptor())), false);
    assert_eq!(by_dial.assess(seconds(5)).pressure, Some(Pressure::FULL));
    assert_eq!(by_dial.assess(seconds(15)).called, Some(Level::High));
    // It passes, and says nothing of itself then.
    assert_eq!(by_dial.assess(seconds(16)).called, None);
    assert_eq!(by_dial.level(), Level::High);
}

#[test]
fn memory_is_critical_only_with_a_second_signal() {
    let memory = |percent, reached| {
        let memory = MemoryUse { reached: Some(reached), ..group(percent) };
        Readings { memory: Ok(memory), ..nothing() }
    };
    // Full alone is not, however long.
    let mut senses = senses();
    for now in 0..100 {
        assert_eq!(after(&mut senses, now, None, &memory(99, 7)).level, Level::High);
    }
    // A limit that was reached confirms it.
    assert_eq!(after(&mut senses, 100, None, &memory(99, 8)).level, Level::Critical);
    // It is confirmed no more after 10 s, and 30 s later it is high.
    for now in 101..141 {
        assert_eq!(after(&mut senses, now, None, &memory(99, 8)).level, Level::Critical, "{now}");
    }
    assert_eq!(after(&mut senses, 141, None, &memory(99, 8)).level, Level::High);
}

#[test]
fn stalls_confirm_memory_and_memory_stalls() {
    for (percent, stalled, expected) in [
        (96, 80, Level::High),
        (96, 100, Level::Critical),
        (84, 2000, Level::High),
        (85, 2000, Level::Critical),
        (0, 2000, Level::High),
        (0, 80, Level::Elevated),
        (0, 0, Level::Normal),
    ] {
        let mut senses = senses();
        let readings =
            |ms| Readings { memory: Ok(group(percent)), stalls: stalls(ms), ..nothing() };
        let _ = after(&mut senses, 0, None, &readings(0));
        let seen = after(&mut senses, 2, None, &readings(stalled));
        assert_eq!(seen.level, expected, "{percent} {stalled}");
    }
}

#[test]
fn limits_that_page_cache_reaches_are_no_pressure() {
    let reached = |now| MemoryUse { reached: Some(now * 50), ..group(40) };
    let mut calm = senses();
    for now in 0..100 {
        let readings = Readings { memory: Ok(reached(now)), ..nothing() };
        assert_eq!(after(&mut calm, now, None, &readings).level, Level::Normal);
    }
    // Nor do they confirm stalls.
    let mut stalled = senses();
    for now in 0..100 {
        let readings =
            Readings { memory: Ok(reached(now)), stalls: stalls(now * 1000), ..nothing() };
        assert!(after(&mut stalled, now, None, &readings).level <= Level::High);
    }
    assert_eq!(stalled.level(), Level::High);
}

#[test]
fn a_budget_bounds_the_process_and_takes_the_place_of_the_machine() {
    let rules = SenseRules { memory_budget: NonZeroU64::new(1000), ..SenseRules::default() };
    let level = |resident, memory: MemoryUse| {
        let mut senses = Senses::new(rules).unwrap();
        let readings = Readings { memory: Ok(memory), resident: Ok(resident), ..nothing() };
        after(&mut senses, 0, None, &readings).level
    };
    let machine = || MemoryUse { bounded_by: MemoryBound::Physical, ..group(90) };
    assert_eq!(level(500, machine()), Level::Normal);
    assert_eq!(level(900, machine()), Level::High);
    assert_eq!(level(500, group(90)), Level::High);
    let mut without = senses();
    let readings = Readings { memory: Ok(machine()), resident: Ok(500), ..nothing() };
    assert_eq!(after(&mut without, 0, None, &readings).level, Level::High);
}

#[test]
fn dials_alone_are_never_critical() {
    let mut senses = senses();
    (0..100).for_each(|_| senses.dialed(seconds(0), Err(DialFailure::Local), true));
    let seen = senses.assess(seconds(0));
    assert_eq!((seen.level, seen.pressure), (Level::High, Some(Pressure::FULL)));
    assert_eq!(senses.dials(seconds(0)).local, 100);
    assert_eq!(senses.assess(seconds(40)).called, None);
}

#[test]
fn a_sensor_that_vanishes_neither_holds_others_up_nor_lets_the_level_fall() {
    let mut senses = senses();
    let high = Readings { memory: Ok(group(90)), ..nothing() };
    assert_eq!(after(&mut senses, 0, Some(0), &high).level, Level::High);
    // Memory cannot be read any more; descriptors are calm.
    for now in 1..=600 {
        let seen = after(&mut senses, now, Some(0), &nothing());
        assert_eq!((seen.level, seen.called), (Level::High, Some(Level::Normal)), "{now}");
        assert_eq!(quality(&senses, now, Sensor::Memory), Quality::Stale);
    }
    // Others raise it meanwhile.
    let open = Readings { open_descriptors: Some(Ok(900)), ..nothing() };
    assert_eq!(after(&mut senses, 600, Some(990), &open).level, Level::Critical);
    let calm = Readings { open_descriptors: Some(Ok(0)), ..nothing() };
    // After ten minutes it is forgotten.
    for now in 601..631 {
        assert!(after(&mut senses, now, Some(0), &calm).level >= Level::High, "{now}");
    }
    assert_eq!(quality(&senses, 631, Sensor::Memory), Quality::Unavailable);
    for now in 631..700 {
        let _ = after(&mut senses, now, Some(0), &calm);
    }
    assert_eq!(senses.level(), Level::Normal);
}

#[test]
fn where_all_sensors_vanish_the_level_stays_and_the_share_too() {
    let mut senses = senses();
    let mut aimd = Aimd::new(AimdRules::default()).unwrap();
    let seen = after(&mut senses, 0, None, &Readings { memory: Ok(group(90)), ..nothing() });
    assert_eq!(aimd.step(seconds(0), &seen, 1000, 0), 900);
    for now in 1..2000 {
        let seen = after(&mut senses, now, None, &nothing());
        assert_eq!((seen.level, seen.called), (Level::High, None));
        assert_eq!(aimd.step(seconds(now), &seen, 1000, 0), 900);
    }
}

#[test]
fn a_clock_that_jumps_back_is_taken_for_one_that_stands() {
    let mut senses = senses();
    let high = Readings { memory: Ok(group(90)), ..nothing() };
    let calm = || Readings { memory: Ok(group(0)), ..nothing() };
    let _ = after(&mut senses, 1000, None, &high);
    assert_eq!(after(&mut senses, 5, None, &calm()).level, Level::High);
    assert_eq!(quality(&senses, 0, Sensor::Memory), Quality::Fresh);
    assert_eq!(after(&mut senses, 1029, None, &calm()).level, Level::High);
    assert_eq!(after(&mut senses, 1030, None, &calm()).level, Level::Normal);
    // Far ahead all is old, and nothing is decided by that.
    assert_eq!(senses.assess(Duration::MAX).called, None);
}

#[test]
fn open_descriptors_are_wanted_now_and_then() {
    let mut senses = senses();
    assert!(senses.wants_open(seconds(0)));
    senses.take(seconds(0), None, &nothing());
    assert!(senses.wants_open(seconds(0)));
    let open = Readings { open_descriptors: Some(Err(unread())), ..nothing() };
    senses.take(seconds(1), None, &open);
    assert!(!senses.wants_open(seconds(10)));
    assert!(senses.wants_open(seconds(11)));
}

#[test]
fn descriptors_that_nobody_counted_are_told() {
    let mut senses = senses();
    let open = |open| Readings { open_descriptors: Some(Ok(open)), ..nothing() };
    for (counted, really, uncounted) in [(90, 100, false), (89, 100, true), (200, 100, false)] {
        senses.take(seconds(0), Some(counted), &open(really));
        let expected = Uncounted { open: really, counted };
        assert_eq!(senses.uncounted(), uncounted.then_some(expected));
    }
}

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn a_made_up_machine_is_felt_until_its_files_vanish() {
    let folder = tempfile::tempdir().unwrap();
    let group = "sys/fs/cgroup/node";
    write(folder.path(), "proc/self/cgroup", "0::/node\n");
    let mount = "29 22 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
    write(folder.path(), "proc/self/mountinfo", mount);
    write(folder.path(), "proc/meminfo", "MemTotal: 1000000 kB\nMemAvailable: 900000 kB\n");
    write(folder.path(), &format!("{group}/memory.max"), "100000\n");
    let using = |bytes: u64, stalled: u64| {
        write(folder.path(), &format!("{group}/memory.current"), &format!("{bytes}\n"));
        let line = |name| format!("{name} avg10=0.00 avg60=0.00 avg300=0.00 total={stalled}\n");
        let text = line("some") + &line("full");
        write(folder.path(), &format!("{group}/memory.pressure"), &text);
    };
    let root = Root::at(folder.path());
    let mut senses = senses();
    let mut level = |now| {
        let readings = Readings::read(&root, senses.wants_open(seconds(now)));
        after(&mut senses, now, Some(0), &readings).level
    };
    using(50_000, 0);
    assert_eq!(level(0), Level::Normal);
    using(97_000, 0);
    assert_eq!(level(2), Level::High);
    using(97_000, 150_000);
    assert_eq!(level(4), Level::Critical);
    // It cannot be known whether it is over.
    fs::remove_dir_all(folder.path().join("sys")).unwrap();
    fs::remove_dir_all(folder.path().join("proc")).unwrap();
    assert_eq!([5, 50, 500].map(&mut level), [Level::Critical; 3]);
    // What was known of it is forgotten, and the engine's count is calm.
    assert_eq!([605, 634, 635].map(&mut level), [Level::Critical, Level::Critical, Level::Normal]);
}

/// Some reading or none, of a part in percent.
fn percent() -> impl Strategy<Value = Option<u64>> {
    prop::option::of(0..=120u64)
}

proptest! {
    #[test]
    fn critical_begins_only_where_two_signals_are_high(
        steps in prop::collection::vec(
            (0..40u64, percent(), percent(), percent(), 0..300u64, any::<bool>(), 0..3u64),
            1..60,
        ),
    ) {
        let mut senses = senses();
        let (mut now, mut stalled, mut reached) = (0, 0, 0);
        let high = LevelRules::default().high;
        for (passed, counted, open, memory, ms, lacked, times) in steps {
            now += passed;
            stalled += ms;
            reached += times;
            if lacked {
                senses.lacked_descriptor(seconds(now));
            }
            let readings = Readings {
                memory: memory
                    .map(|percent| MemoryUse { reached: Some(reached), ..group(percent) })
                    .ok_or(MachineError::Unsupported),
                stalls: stalls(stalled),
                open_descriptors: Some(open.map(|percent| percent * 10).ok_or_else(unread)),
                ..nothing()
            };
            let counted = counted.map(|percent| percent * 10);
            let seen = after(&mut senses, now, counted, &readings);
            prop_assert!(seen.level >= seen.called.unwrap_or_default());
            if seen.called == Some(Level::Critical) {
                let agree = |sensors: &[Sensor]| {
                    let sensed = senses.sensed(seconds(now)).into_iter();
                    let of = sensed.filter(|sensed| sensors.contains(&sensed.sensor));
                    of.filter(|sensed| {
                        sensed.quality == Quality::Fresh && sensed.pressure >= Some(high)
                    })
                    .count()
                };
                let descriptors = agree(&[
                    Sensor::CountedDescriptors,
                    Sensor::OpenDescriptors,
                    Sensor::NoDescriptor,
                ]);
                let memory = agree(&[Sensor::Memory, Sensor::Stalls]);
                prop_assert!(descriptors >= 2 || memory >= 2 || memory == 1 && reached > 0);
            }
        }
    }

    #[test]
    fn the_same_is_decided_of_the_same(
        steps in prop::collection::vec((0..40u64, percent(), any::<bool>()), 1..60),
    ) {
        let run = || {
            let mut senses = senses();
            let mut now = 0;
            let step = |(passed, memory, fails): &(u64, Option<u64>, bool)| {
                now += passed;
                let failure = fails.then_some(DialFailure::Local);
                senses.dialed(seconds(now), failure.map_or(Ok(()), Err), false);
                let memory = memory.map(group).ok_or(MachineError::Unsupported);
                after(&mut senses, now, None, &Readings { memory, ..nothing() })
            };
            steps.iter().map(step).collect::<Vec<_>>()
        };
        prop_assert_eq!(run(), run());
    }
}
