use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::fixture::Fixture;

const GIB: u64 = 1 << 30;
/// What version 1 says where there is no limit.
const NONE: &str = "9223372036854771712\n";

/// A machine of 8 GiB of which 6 are available.
fn machine(files: Fixture) -> Fixture {
    files.with("/proc/meminfo", "MemTotal:  8388608 kB\nMemFree: 9 kB\nMemAvailable: 6291456 kB\n")
}

fn number(number: u64) -> String {
    format!("{number}\n")
}

fn inactive(bytes: u64) -> String {
    format!("anon 5\ninactive_file {bytes}\nactive_file 3\n")
}

/// Used, limit, and the end of the name of the file with the limit.
fn read(files: &Fixture) -> (u64, u64, String) {
    let MemoryUse { used, limit, bounded_by, .. } = MemoryUse::read(&files.root()).unwrap();
    let by = match bounded_by {
        MemoryBound::Physical => "machine".to_owned(),
        MemoryBound::Cgroup(file) => {
            let root = files.root().path(Path::new("/sys/fs/cgroup"));
            file.strip_prefix(root).unwrap().display().to_string()
        }
    };
    (used, limit, by)
}

#[test]
fn without_limits_it_is_the_machine() {
    let expected = (2 * GIB, 8 * GIB, "machine".to_owned());
    assert_eq!(read(&machine(Fixture::empty())), expected);
    let group = machine(Fixture::version_2("/a")).with("/sys/fs/cgroup/a/memory.max", "max\n");
    assert_eq!(read(&group), expected);
    // A limit that the machine cannot reach bounds nothing.
    let above = group.with("/sys/fs/cgroup/a/memory.max", &number(9 * GIB));
    assert_eq!(read(&above), expected);
}

#[test]
fn pages_of_files_that_were_not_used_lately_do_not_count() {
    let folder = "/sys/fs/cgroup/a";
    let files = machine(Fixture::version_2("/a"))
        .with(&format!("{folder}/memory.max"), &number(4 * GIB))
        .with(&format!("{folder}/memory.current"), &number(4 * GIB))
        .with(&format!("{folder}/memory.stat"), &inactive(3 * GIB));
    assert_eq!(read(&files), (GIB, 4 * GIB, "a/memory.max".to_owned()));
}

#[test]
fn a_limit_that_throttles_counts() {
    let folder = "/sys/fs/cgroup/a";
    let files = machine(Fixture::version_2("/a"))
        .with(&format!("{folder}/memory.max"), &number(4 * GIB))
        .with(&format!("{folder}/memory.high"), &number(2 * GIB))
        .with(&format!("{folder}/memory.current"), &number(GIB));
    assert_eq!(read(&files), (GIB, 2 * GIB, "a/memory.high".to_owned()));
}

#[test]
fn the_fullest_group_around_bounds() {
    let files = |current| {
        machine(Fixture::version_2("/a/b"))
            .with("/sys/fs/cgroup/a/b/memory.max", &number(GIB))
            .with("/sys/fs/cgroup/a/b/memory.current", &number(GIB / 2))
            .with("/sys/fs/cgroup/a/memory.max", &number(4 * GIB))
            .with("/sys/fs/cgroup/a/memory.current", &number(current))
    };
    assert_eq!(read(&files(3 * GIB)), (3 * GIB, 4 * GIB, "a/memory.max".to_owned()));
    assert_eq!(read(&files(GIB)), (GIB / 2, GIB, "a/b/memory.max".to_owned()));
}

#[test]
fn version_1_counts_the_groups_in_the_group() {
    let folder = "/sys/fs/cgroup/memory/pod";
    let stat = "inactive_file 4096\ntotal_inactive_file 1073741824\n";
    let files = machine(Fixture::version_1("/pod"))
        .with(&format!("{folder}/memory.limit_in_bytes"), &number(4 * GIB))
        .with(&format!("{folder}/memory.usage_in_bytes"), &number(3 * GIB))
        .with(&format!("{folder}/memory.stat"), stat)
        .with(&format!("{folder}/memory.failcnt"), "7\n");
    assert_eq!(read(&files), (2 * GIB, 4 * GIB, "memory/pod/memory.limit_in_bytes".to_owned()));
    assert_eq!(MemoryUse::read(&files.root()).unwrap().reached, Some(7));
    let without = files.with(&format!("{folder}/memory.limit_in_bytes"), NONE);
    assert_eq!(read(&without).2, "machine");
}

#[test]
fn how_often_limits_were_reached_is_the_sum_over_all_groups() {
    let files = machine(Fixture::version_2("/a/b"));
    assert_eq!(MemoryUse::read(&files.root()).unwrap().reached, None);
    let files = files
        .with(
            "/sys/fs/cgroup/a/b/memory.events.local",
            "low 1\nhigh 2\nmax 4\noom 8\noom_kill 16\n",
        )
        .with("/sys/fs/cgroup/a/memory.events.local", "low 0\nhigh 0\nmax 32\n");
    assert_eq!(MemoryUse::read(&files.root()).unwrap().reached, Some(2 + 4 + 16 + 32));
}

#[test]
fn what_is_malformed_is_an_error_that_names_it() {
    let folder = "/sys/fs/cgroup/a";
    let whole = || {
        machine(Fixture::version_2("/a"))
            .with(&format!("{folder}/memory.max"), &number(4 * GIB))
            .with(&format!("{folder}/memory.current"), &number(GIB))
    };
    assert!(MemoryUse::read(&whole().root()).is_ok());
    for (name, text) in [
        ("memory.max", "much\n"),
        ("memory.high", ""),
        ("memory.current", "max\n"),
        ("memory.stat", "inactive_file x\n"),
        ("memory.events.local", "max 18446744073709551616\n"),
    ] {
        let files = whole().with(&format!("{folder}/{name}"), text);
        let error = MemoryUse::read(&files.root()).unwrap_err().to_string();
        assert!(error.contains(&format!("{name}: it holds ")), "{error}");
    }
    let error = MemoryUse::read(&Fixture::version_2("/a").root()).unwrap_err().to_string();
    assert!(error.contains("/proc/meminfo: "), "{error}");
}

proptest! {
    #[test]
    fn the_fuller_of_two_is_the_greater_part(one: (u32, u32), other: (u32, u32)) {
        let part = |(used, limit): (u32, u32)| f64::from(used) / f64::from(limit.max(1));
        let wide = |(used, limit): (u32, u32)| (used.into(), limit.max(1).into());
        // Parts of numbers of 32 bits differ by more than what 64 bits of floating point round.
        prop_assert_eq!(is_fuller(wide(one), wide(other)), part(one) > part(other));
    }

    #[test]
    fn any_numbers_are_read(max: u64, high: u64, current: u64, stat: u64, events: u64) {
        let folder = "/sys/fs/cgroup/a";
        let files = machine(Fixture::version_2("/a"))
            .with(&format!("{folder}/memory.max"), &number(max))
            .with(&format!("{folder}/memory.high"), &number(high))
            .with(&format!("{folder}/memory.current"), &number(current))
            .with(&format!("{folder}/memory.stat"), &inactive(stat))
            .with(&format!("{folder}/memory.events.local"), &format!("high {events}\nmax {events}"));
        let found = MemoryUse::read(&files.root()).unwrap();
        prop_assert_eq!(found.limit, max.min(high).min(8 * GIB));
        prop_assert_eq!(found.reached, Some(events.saturating_mul(2)));
    }
}
