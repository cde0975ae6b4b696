use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

const GIB: u64 = 1 << 30;
const PHYSICAL: u64 = 64 * GIB;
/// What version 1 says where there is no limit.
const NONE: &str = "9223372036854771712\n";

/// The memory and the folder or file that bounds it, of a process that sees these files.
fn found(cgroup: &str, mountinfo: &str, files: &[(&str, &str)]) -> Result<(u64, String), String> {
    let files: HashMap<&str, &str> = files.iter().copied().collect();
    let read = |path: &Path| {
        let path = path.to_str().expect("paths of fixtures are text");
        Ok(files.get(path).map(|text| text.to_string()))
    };
    match within(PHYSICAL, cgroup::limit_files(cgroup, mountinfo), read) {
        Ok(MachineMemory { bytes, bounded_by: MemoryBound::Physical }) => {
            Ok((bytes, "physical".to_owned()))
        }
        Ok(MachineMemory { bytes, bounded_by: MemoryBound::Cgroup(file) }) => {
            Ok((bytes, file.display().to_string()))
        }
        Err(error) => Err(error.to_string()),
    }
}

fn bounded(bytes: u64, by: &str) -> Result<(u64, String), String> {
    Ok((bytes, by.to_owned()))
}

const V2: &str = "\
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
29 22 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot
";

#[test]
fn version_2_with_a_limit_in_a_group_around() {
    let cgroup = "0::/system.slice/node.service/worker\n";
    let folder = "/sys/fs/cgroup/system.slice";
    let files = |own, service, slice| {
        [
            (format!("{folder}/node.service/worker/memory.max"), own),
            (format!("{folder}/node.service/memory.max"), service),
            (format!("{folder}/memory.max"), slice),
        ]
    };
    for (own, service, slice, expected) in [
        ("max\n", "max\n", "max\n", bounded(PHYSICAL, "physical")),
        ("2147483648\n", "max\n", "max\n", bounded(2 * GIB, "/node.service/worker/memory.max")),
        ("max\n", "1073741824\n", "max\n", bounded(GIB, "/node.service/memory.max")),
        ("4294967296\n", "max\n", "536870912\n", bounded(GIB / 2, "/memory.max")),
        ("max\n", "max\n", "137438953472\n", bounded(PHYSICAL, "physical")),
        ("0\n", "max\n", "max\n", bounded(0, "/node.service/worker/memory.max")),
    ] {
        let files = files(own, service, slice);
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (&**path, *text)).collect();
        let (bytes, by) = found(cgroup, V2, &files).expect("all are well formed");
        assert_eq!(Ok((bytes, by.replace(folder, ""))), expected);
    }
}

#[test]
fn version_2_in_a_namespace() {
    let files = [("/sys/fs/cgroup/memory.max", "1073741824\n")];
    assert_eq!(found("0::/\n", V2, &files), bounded(GIB, "/sys/fs/cgroup/memory.max"));
    // The mount is of a group two levels around the namespace's root.
    let around = V2.replace(" / /sys", " /../.. /sys");
    for group in ["0::/\n", "0::/a\n", "0::/../b\n"] {
        assert_eq!(found(group, &around, &files), bounded(GIB, "/sys/fs/cgroup/memory.max"));
    }
    // The process is beside the root, in a group that the mount shows.
    let beside = V2.replace(" / /sys", " /.. /sys");
    let files = [("/sys/fs/cgroup/b/memory.max", "5\n")];
    assert_eq!(found("0::/../b\n", &beside, &files), bounded(5, "/sys/fs/cgroup/b/memory.max"));
}

const V1: &str = "\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
";

#[test]
fn version_1_with_a_limit_in_a_group_around() {
    let cgroup = "9:name=systemd:/x\n4:memory:/kubepods/pod1/c\n1:cpu:/y\n";
    let folder = "/sys/fs/cgroup/memory/kubepods/pod1";
    let (own, pod) =
        (format!("{folder}/c/memory.limit_in_bytes"), format!("{folder}/memory.limit_in_bytes"));
    let files = [(&*own, NONE), (&*pod, "3221225472\n")];
    assert_eq!(found(cgroup, V1, &files), bounded(3 * GIB, &pod));
    let files = [(&*own, "1073741824\n"), (&*pod, "3221225472\n")];
    assert_eq!(found(cgroup, V1, &files), bounded(GIB, &own));
    let files = [(&*own, NONE), (&*pod, NONE)];
    assert_eq!(found(cgroup, V1, &files), bounded(PHYSICAL, "physical"));
}

#[test]
fn version_1_tells_of_groups_that_no_mount_shows() {
    // A container without a namespace: the mount is of its own group, and the paths are the
    // host's.
    let mountinfo = V1.replace(" / /sys/fs/cgroup/memory", " /docker/a /sys/fs/cgroup/memory");
    let own = ("/sys/fs/cgroup/memory/memory.limit_in_bytes", NONE);
    let stat = "cache 12\nhierarchical_memory_limit 1073741824\ntotal_cache 12\n";
    let stat = ("/sys/fs/cgroup/memory/memory.stat", stat);
    for cgroup in ["4:cpu,memory:/docker/a\n", "4:memory:/host/path/docker/a\n"] {
        let found = found(cgroup, &mountinfo, &[own, stat]);
        assert_eq!(found, bounded(GIB, stat.0), "{cgroup}");
    }
    let below = [own, ("/sys/fs/cgroup/memory/b/memory.limit_in_bytes", "7\n")];
    let expected = bounded(7, below[1].0);
    assert_eq!(found("4:memory:/docker/a/b\n", &mountinfo, &below), expected);
}

#[test]
fn a_mount_that_shows_the_group_goes_before_one_that_does_not() {
    let both = format!(
        "{V1}40 31 0:32 /other /mnt/other rw - cgroup cgroup rw,memory\n\
         41 31 0:32 /a /mnt/own rw - cgroup cgroup rw,memory\n"
    );
    let files = [
        ("/mnt/other/memory.limit_in_bytes", "1\n"),
        ("/mnt/own/memory.limit_in_bytes", "3\n"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "4\n"),
    ];
    assert_eq!(found("4:memory:/a\n", &both, &files), bounded(3, files[1].0));
}

#[test]
fn both_versions_at_once() {
    let mountinfo = format!("{V1}41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
    let cgroup = "4:memory:/a\n0::/b\n";
    let of_v1 = ("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "2147483648\n");
    assert_eq!(found(cgroup, &mountinfo, &[of_v1]), bounded(2 * GIB, of_v1.0));
    let of_v2 = ("/sys/fs/cgroup/unified/b/memory.max", "1073741824\n");
    assert_eq!(found(cgroup, &mountinfo, &[of_v1, of_v2]), bounded(GIB, of_v2.0));
}

#[test]
fn no_groups_and_no_files() {
    let physical = bounded(PHYSICAL, "physical");
    assert_eq!(found("", "", &[]), physical);
    assert_eq!(found("0::/a\n", "", &[]), physical);
    assert_eq!(found("", V2, &[("/sys/fs/cgroup/memory.max", "1\n")]), physical);
    assert_eq!(found("0::/a (deleted)\n", V2, &[]), physical);
    assert_eq!(found("4:memory:/a\n", V1, &[]), physical);
    assert_eq!(found("not\na:cgroup\n", "not a mount\n - \n1 2 - cgroup2\n", &[]), physical);
}

#[test]
fn names_are_what_they_are() {
    let mountinfo = r"29 22 0:26 / /mnt/a\040b\134c rw - cgroup2 cgroup2 rw";
    let files = [(r"/mnt/a b\c/d:e/f g/memory.max", "5\n")];
    assert_eq!(found("0::/d:e/f g\n", mountinfo, &files), bounded(5, files[0].0));
    let odd = r"29 22 0:26 / /mnt/\9\08\ü\0 rw - cgroup2 cgroup2 rw";
    let files = [(r"/mnt/\9\08\ü\0/memory.max", "5\n")];
    assert_eq!(found("0::/\n", odd, &files), bounded(5, files[0].0));
}

#[test]
fn a_file_that_says_something_else_is_an_error_that_names_it() {
    for text in ["", "\n", "-1\n", "1 GiB\n", "18446744073709551616\n", "MAX"] {
        let error = found("0::/\n", V2, &[("/sys/fs/cgroup/memory.max", text)]);
        let error = error.expect_err("it is malformed");
        assert!(error.starts_with("/sys/fs/cgroup/memory.max: it holds "), "{error}");
        assert!(error.contains("say how many bytes"), "{error}");
    }
    let long = "x".repeat(1 << 20);
    let error = found("0::/\n", V2, &[("/sys/fs/cgroup/memory.max", &long)]).expect_err("it is");
    assert!(error.len() < 250, "{error}");
    let stat = [("/sys/fs/cgroup/memory/memory.stat", "hierarchical_memory_limit x\n")];
    assert!(found("4:memory:/\n", V1, &stat).is_err());
}

#[cfg(target_os = "linux")]
#[test]
fn this_process_has_some() {
    let memory = MachineMemory::of_this_process().expect("this machine tells");
    assert!(memory.bytes > 1 << 20 && memory.bytes <= physical().expect("it is Linux"));
    assert!(descriptors().expect("it is Linux") > 2);
}

proptest! {
    #[test]
    fn any_text_is_read(
        cgroup in "([0-9]:(memory|)?:[/.a]{0,6}\n|\\PC{0,9}\n){0,4}",
        mountinfo in "(1 2 3:4 [/.a]{1,4} [/\\\\0-9a]{1,9} rw - cgroup2? x (memory|rw)\n|\\PC{0,9}\n){0,4}",
        text in "max|[0-9]{0,22}|hierarchical_memory_limit [0-9]{0,22}|\\PC{0,9}",
    ) {
        let _ = within(PHYSICAL, cgroup::limit_files(&cgroup, &mountinfo), |_| Ok(Some(text.clone())));
    }
}
