//! How many descriptors this process has open, and what it means that there are none left.

use std::path::Path;
use std::{fs, io};

use crate::{Root, Unread};

const OPEN: &str = "/proc/self/fd";

/// How many descriptors this process has open, counted by the kernel: those of files, pipes and
/// libraries too, of which no accounting knows.
///
/// Linux tells the number since 6.2, and then this takes no descriptor. Before, each is listed, at
/// some microseconds for each, and the list itself counts as one.
///
/// # Errors
/// `/proc` is not there, or no descriptor is left to list it by.
pub fn open_descriptors(root: &Root) -> Result<u64, Unread> {
    let path = root.path(Path::new(OPEN));
    count(&path).map_err(|error| Unread::Unreadable { path, error })
}

fn count(folder: &Path) -> io::Result<u64> {
    if let Some(told) = told(folder)? {
        return Ok(told);
    }
    let mut count = 0;
    for entry in fs::read_dir(folder)? {
        entry?;
        count += 1;
    }
    Ok(count)
}

/// What the kernel says is the size of the folder; elsewhere a size is not a number of entries.
#[cfg(target_os = "linux")]
fn told(folder: &Path) -> io::Result<Option<u64>> {
    let is_of_kernel = rustix::fs::statfs(folder)?.f_type == rustix::fs::PROC_SUPER_MAGIC;
    let size = fs::metadata(folder)?.len();
    Ok((is_of_kernel && size > 0).then_some(size))
}

#[cfg(not(target_os = "linux"))]
fn told(_: &Path) -> io::Result<Option<u64>> {
    Ok(None)
}

/// Something of which this machine has no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exhausted {
    /// Descriptors, of the process or of the machine.
    Descriptors,
    /// Memory for what the kernel does.
    Memory,
}

impl Exhausted {
    /// Whether that is why something failed.
    pub fn of(error: &io::Error) -> Option<Exhausted> {
        #[cfg(unix)]
        {
            use rustix::io::Errno;
            match Errno::from_io_error(error) {
                Some(Errno::MFILE | Errno::NFILE) => return Some(Exhausted::Descriptors),
                Some(Errno::NOBUFS | Errno::NOMEM) => return Some(Exhausted::Memory),
                _ => {}
            }
        }
        (error.kind() == io::ErrorKind::OutOfMemory).then_some(Exhausted::Memory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Fixture;

    #[test]
    fn in_a_folder_that_is_not_the_kernels_entries_are_counted() {
        let files = ["0", "1", "17"]
            .into_iter()
            .fold(Fixture::empty(), |files, name| files.with(&format!("{OPEN}/{name}"), ""));
        assert_eq!(open_descriptors(&files.root()).unwrap(), 3);
        let error = open_descriptors(&Fixture::empty().root()).unwrap_err().to_string();
        assert!(error.contains("/proc/self/fd: "), "{error}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_at_least_what_is_opened_here() {
        const MANY: u64 = 100;
        let held: Vec<_> = (0..MANY).map(|_| fs::File::open("/dev/null").unwrap()).collect();
        // In all, since other tests of this process close theirs meanwhile.
        let open = open_descriptors(&Root::default()).unwrap();
        assert!(open >= MANY, "{open}");
        drop(held);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_is_exhausted_is_told_by_the_error() {
        for (number, expected) in [
            (24, Some(Exhausted::Descriptors)),
            (23, Some(Exhausted::Descriptors)),
            (105, Some(Exhausted::Memory)),
            (12, Some(Exhausted::Memory)),
            (111, None),
        ] {
            assert_eq!(Exhausted::of(&io::Error::from_raw_os_error(number)), expected, "{number}");
        }
        assert_eq!(Exhausted::of(&io::ErrorKind::TimedOut.into()), None);
        let out_of_memory = Exhausted::of(&io::ErrorKind::OutOfMemory.into());
        assert_eq!(out_of_memory, Some(Exhausted::Memory));
    }
}
