//! Made-up files of the kernel, for tests.

use std::fs;
use std::path::Path;

use crate::Root;

pub struct Fixture(tempfile::TempDir);

impl Fixture {
    pub fn empty() -> Fixture {
        Fixture(tempfile::tempdir().expect("there is room for temporary files"))
    }

    /// A process in this control group of version 2.
    pub fn version_2(group: &str) -> Fixture {
        let mount = "29 22 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n";
        Fixture::empty()
            .with("/proc/self/cgroup", &format!("0::{group}\n"))
            .with("/proc/self/mountinfo", mount)
    }

    /// A process in this control group of version 1.
    pub fn version_1(group: &str) -> Fixture {
        let mount = "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";
        Fixture::empty()
            .with("/proc/self/cgroup", &format!("4:memory:{group}\n"))
            .with("/proc/self/mountinfo", mount)
    }

    pub fn with(self, path: &str, text: &str) -> Fixture {
        let path = self.root().path(Path::new(path));
        fs::create_dir_all(path.parent().expect("no file is the root")).expect("it is ours");
        fs::write(path, text).expect("it is ours");
        self
    }

    pub fn root(&self) -> Root {
        Root::at(self.0.path())
    }
}
