use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

const GIB: u64 = 1 << 30;

const V2: &str = "\
29 22 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate
";
const V1: &str = "\
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
";

fn meminfo(available: u64) -> String {
    format!(
        "MemTotal:       67108864 kB\nMemFree:         1048576 kB\n\
         MemAvailable:   {} kB\nBuffers:           10920 kB\n",
        available / 1024
    )
}

/// What is available, and what bounds it, to a process that sees these files on a machine with
/// 8 GiB available.
fn found(cgroup: &str, mountinfo: &str, files: &[(&str, &str)]) -> Result<(u64, String), String> {
    let meminfo = meminfo(8 * GIB);
    let mut all = HashMap::from([(MEMINFO, &*meminfo)]);
    all.extend(files.iter().copied());
    let read = |path: &Path| {
        let path = path.to_str().expect("paths of fixtures are text");
        Ok(all.get(path).map(|text| text.to_string()))
    };
    let available =
        available(groups(cgroup, mountinfo), read).map_err(|error| error.to_string())?;
    Ok((available.bytes, available.bounded_by.to_string()))
}

fn machine(bytes: u64) -> Result<(u64, String), String> {
    Ok((bytes, "the machine's memory".to_owned()))
}

fn left(bytes: u64, file: &str) -> Result<(u64, String), String> {
    Ok((bytes, format!("the limit in {file}")))
}

#[test]
fn without_limits_it_is_what_the_kernel_says() {
    assert_eq!(found("", "", &[]), machine(8 * GIB));
    assert_eq!(found("0::/a\n", V2, &[]), machine(8 * GIB));
    // The root has no limit, a group without one says so, and neither needs to tell its usage.
    assert_eq!(found("0::/a\n", V2, &[("/sys/fs/cgroup/a/memory.max", "max\n")]), machine(8 * GIB));
}

#[test]
fn what_was_not_used_lately_of_files_is_available() {
    let max = ("/sys/fs/cgroup/a/memory.max", "4294967296\n");
    let current = ("/sys/fs/cgroup/a/memory.current", "3221225472\n");
    let stat = "anon 5\nactive_file 1\ninactive_file 1073741824\nworkingset 7\n";
    let stat = ("/sys/fs/cgroup/a/memory.stat", stat);
    assert_eq!(found("0::/a\n", V2, &[max, current, stat]), left(2 * GIB, max.0));
    assert_eq!(found("0::/a\n", V2, &[max, current]), left(GIB, max.0));
    let without = (stat.0, "anon 5\n");
    assert_eq!(found("0::/a\n", V2, &[max, current, without]), left(GIB, max.0));
}

#[test]
fn the_least_over_all_groups_around_and_the_machine() {
    let inner = [
        ("/sys/fs/cgroup/a/b/memory.max", "4294967296\n"),
        ("/sys/fs/cgroup/a/b/memory.current", "1073741824\n"),
    ];
    let outer = |current| {
        [
            ("/sys/fs/cgroup/a/memory.max", "8589934592\n"),
            ("/sys/fs/cgroup/a/memory.current", current),
        ]
    };
    // Beside the process, others in the outer group have taken 6.5 GiB of its 8.
    let taken = outer("8053063680\n");
    let of_outer = found("0::/a/b\n", V2, &[inner, taken].concat());
    assert_eq!(of_outer, left(GIB / 2, taken[0].0));
    let free = outer("1073741824\n");
    let of_inner = found("0::/a/b\n", V2, &[inner, free].concat());
    assert_eq!(of_inner, left(3 * GIB, inner[0].0));
    let little = (MEMINFO, &*meminfo(GIB));
    let of_machine = found("0::/a/b\n", V2, &[&inner[..], &free[..], &[little]].concat());
    assert_eq!(of_machine, machine(GIB));
}

#[test]
fn nothing_is_left_where_more_is_used_than_the_limit() {
    let max = ("/sys/fs/cgroup/memory.max", "1073741824\n");
    let current = ("/sys/fs/cgroup/memory.current", "1073741825\n");
    assert_eq!(found("0::/\n", V2, &[max, current]), left(0, max.0));
    // More pages of files than are used at all: the counters are of different moments.
    let stat = ("/sys/fs/cgroup/memory.stat", "inactive_file 2147483648\n");
    assert_eq!(found("0::/\n", V2, &[max, current, stat]), left(GIB, max.0));
}

#[test]
fn version_1_counts_the_groups_in_the_group() {
    let folder = "/sys/fs/cgroup/memory/pod";
    let file = |name| format!("{folder}/{name}");
    let (limit, usage, stat) =
        (file("memory.limit_in_bytes"), file("memory.usage_in_bytes"), file("memory.stat"));
    let files = [
        (&*limit, "4294967296\n"),
        (&*usage, "3221225472\n"),
        (&*stat, "inactive_file 4096\ntotal_inactive_file 2147483648\n"),
    ];
    assert_eq!(found("4:memory:/pod\n", V1, &files), left(3 * GIB, &limit));
}

#[test]
fn version_1_tells_of_limits_of_groups_that_no_mount_shows() {
    let folder = "/sys/fs/cgroup/memory";
    let (limit, usage, stat) = (
        format!("{folder}/memory.limit_in_bytes"),
        format!("{folder}/memory.usage_in_bytes"),
        format!("{folder}/memory.stat"),
    );
    let files = [
        (&*limit, "9223372036854771712\n"),
        (&*usage, "1073741824\n"),
        (&*stat, "hierarchical_memory_limit 2147483648\ntotal_inactive_file 0\n"),
    ];
    assert_eq!(found("4:memory:/docker/a\n", V1, &files), left(GIB, &stat));
}

#[test]
fn a_file_that_says_something_else_is_an_error_that_names_it() {
    let folder = "/sys/fs/cgroup";
    let file = |name| format!("{folder}/{name}");
    let (max, current, stat) = (file("memory.max"), file("memory.current"), file("memory.stat"));
    let whole = [(&*max, "9\n"), (&*current, "5\n"), (&*stat, "inactive_file 1\n")];
    assert_eq!(found("0::/\n", V2, &whole), left(5, &max));
    for (path, text) in [
        (&*max, "much\n"),
        (&*current, ""),
        (&*current, "max\n"),
        (&*current, "-1\n"),
        (&*stat, "inactive_file x\n"),
        (&*stat, "inactive_file 18446744073709551616\n"),
        (MEMINFO, ""),
        (MEMINFO, "MemFree: 5 kB\n"),
        (MEMINFO, "MemAvailable: 5\n"),
        (MEMINFO, "MemAvailable: 5 MB\n"),
        (MEMINFO, "MemAvailable: -5 kB\n"),
        (MEMINFO, "MemAvailable: 18446744073709551615 kB\n"),
    ] {
        let error = found("0::/\n", V2, &[&whole[..], &[(path, text)]].concat());
        let error = error.expect_err("it is malformed");
        assert!(error.starts_with(&format!("{path}: it holds ")), "{error}");
    }
}

#[test]
fn a_limit_without_a_usage_is_an_error_that_names_the_file() {
    let error = found("0::/\n", V2, &[("/sys/fs/cgroup/memory.max", "9\n")]);
    let error = error.expect_err("nobody knows what is left");
    assert!(error.starts_with("/sys/fs/cgroup/memory.current: "), "{error}");
    let error = available(Vec::new(), |_| Ok(None)).expect_err("nothing tells").to_string();
    assert!(error.starts_with("/proc/meminfo: "), "{error}");
}

#[test]
fn what_cannot_be_read_is_passed_on() {
    let read = |_: &Path| Err(MachineError::Unsupported);
    let error = available(Vec::new(), read).expect_err("nothing can be read");
    assert!(matches!(error, MachineError::Unsupported));
}

#[cfg(target_os = "linux")]
#[test]
fn this_process_has_no_more_left_than_it_may_use() {
    let available = AvailableMemory::of_this_process().expect("this machine tells");
    let machine = crate::MachineMemory::of_this_process().expect("this machine tells");
    assert!(available.bytes <= machine.bytes, "{available:?} {machine:?}");
}

proptest! {
    #[test]
    fn any_text_is_read(
        text in "(MemAvailable: [0-9]{0,22} kB|inactive_file [0-9]{0,22}|[0-9]{0,22}|\\PC{0,9}\n){0,3}",
        number in "max|[0-9]{0,21}",
    ) {
        for (cgroup, mountinfo) in [("0::/a\n", V2), ("4:memory:/a\n", V1)] {
            let read = |path: &Path| {
                let of_lines = path.ends_with("meminfo") || path.ends_with("memory.stat");
                Ok(Some(if of_lines { text.clone() } else { number.clone() }))
            };
            let _ = available(groups(cgroup, mountinfo), read);
        }
    }

    #[test]
    fn never_more_than_the_machine_or_any_limit_has(
        machine in 0..1_u64 << 50, limit: u64, usage: u64, inactive: u64,
    ) {
        let texts = HashMap::from([
            (MEMINFO, meminfo(machine)),
            ("/sys/fs/cgroup/memory.max", limit.to_string()),
            ("/sys/fs/cgroup/memory.current", usage.to_string()),
            ("/sys/fs/cgroup/memory.stat", format!("inactive_file {inactive}\n")),
        ]);
        let read = |path: &Path| Ok(path.to_str().and_then(|path| texts.get(path)).cloned());
        let found = available(groups("0::/\n", V2), read).expect("all are well formed");
        prop_assert!(found.bytes <= machine.min(limit));
    }
}
