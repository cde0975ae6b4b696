//! For how long tasks stood still for want of memory: pressure stall information.
//! <https://docs.kernel.org/accounting/psi.html>

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cgroup::{Group, groups};
use crate::{Root, Unread, own_groups};

const OF_MACHINE: &str = "/proc/pressure/memory";

/// For how long tasks stood still because memory had to be made free first, since the group or the
/// machine was started. What matters is how much this grows from one reading to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stalls {
    /// While at least one of them did.
    pub some: Duration,
    /// While all of them did that had something to do.
    pub full: Duration,
}

impl Stalls {
    /// Of the process's own control group of version 2, or else of the machine.
    ///
    /// # Errors
    /// The kernel does not tell, as when it was built or started without it; or it says something
    /// that is not understood.
    pub fn read(root: &Root) -> Result<Stalls, Unread> {
        for file in files(root) {
            let text = match root.text(&file) {
                Ok(Some(text)) => text,
                // A group may have been told not to count.
                Ok(None) => continue,
                Err(error) if error.kind() == io::ErrorKind::Unsupported => continue,
                Err(error) => return Err(Unread::Unreadable { path: root.path(&file), error }),
            };
            return of_text(&text).ok_or_else(|| Unread::Malformed {
                path: root.path(&file),
                text: text.chars().take(40).collect(),
            });
        }
        let error = io::ErrorKind::NotFound.into();
        Err(Unread::Unreadable { path: root.path(Path::new(OF_MACHINE)), error })
    }
}

/// Where it may stand, the best first.
fn files(root: &Root) -> impl Iterator<Item = PathBuf> {
    // Without its groups the process still is on the machine.
    let (cgroup, mounts) = own_groups(|path| root.of_memory(path)).unwrap_or_default();
    let own = groups(&cgroup, &mounts).iter().find_map(Group::stalls_file);
    own.into_iter().chain([PathBuf::from(OF_MACHINE)])
}

/// What two lines say: `some avg10=0.00 avg60=0.00 avg300=0.00 total=407357679`, in microseconds.
fn of_text(text: &str) -> Option<Stalls> {
    let total = |name| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        let micros = line.rsplit_once(" total=")?.1.trim_end().parse().ok()?;
        Some(Duration::from_micros(micros))
    };
    Some(Stalls { some: total("some ")?, full: total("full ")? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Fixture;

    fn text(some: u64, full: u64) -> String {
        let line =
            |name, total| format!("{name} avg10=0.00 avg60=0.00 avg300=0.00 total={total}\n");
        line("some", some) + &line("full", full)
    }

    fn stalls(some: u64, full: u64) -> Stalls {
        Stalls { some: Duration::from_micros(some), full: Duration::from_micros(full) }
    }

    #[test]
    fn the_group_goes_before_the_machine() {
        let files = Fixture::version_2("/a/b").with(OF_MACHINE, &text(7, 5));
        assert_eq!(Stalls::read(&files.root()).unwrap(), stalls(7, 5));
        // Only that of its own group is about the process.
        let files = files.with("/sys/fs/cgroup/a/memory.pressure", &text(4, 4));
        assert_eq!(Stalls::read(&files.root()).unwrap(), stalls(7, 5));
        let files = files.with("/sys/fs/cgroup/a/b/memory.pressure", &text(3, 2));
        assert_eq!(Stalls::read(&files.root()).unwrap(), stalls(3, 2));
    }

    #[test]
    fn without_groups_it_is_the_machine() {
        let files = Fixture::empty().with(OF_MACHINE, &text(u64::MAX, 0));
        assert_eq!(Stalls::read(&files.root()).unwrap(), stalls(u64::MAX, 0));
    }

    #[test]
    fn what_does_not_tell_is_an_error_that_names_it() {
        let error = Stalls::read(&Fixture::empty().root()).unwrap_err().to_string();
        assert!(error.contains("/proc/pressure/memory: entity not found"), "{error}");
        for bad in
            ["", "some total=1\n", "some total=1\nfull total=\n", "some total=-1\nfull total=1"]
        {
            let files = Fixture::empty().with(OF_MACHINE, bad);
            let error = Stalls::read(&files.root()).unwrap_err();
            assert!(matches!(error, Unread::Malformed { .. }), "{bad}: {error}");
        }
    }
}
