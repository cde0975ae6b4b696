//! All that tells how near the end of something is, read at once.

use std::io;

use crate::resident::resident_at;
use crate::{
    Exhausted, MachineError, MemoryUse, ResidentError, Root, Stalls, Unread, descriptors,
    open_descriptors,
};

/// What the machine tells at one moment; each reading by itself, since one that is not there says
/// nothing of the others.
#[derive(Debug)]
pub struct Readings {
    /// How full the memory is.
    pub memory: Result<MemoryUse, MachineError>,
    /// What the process takes of it, in bytes.
    pub resident: Result<u64, ResidentError>,
    /// For how long tasks stood still for want of it.
    pub stalls: Result<Stalls, Unread>,
    /// How many descriptors the process may have open. The process is asked, whatever the root.
    pub descriptor_limit: Result<u64, MachineError>,
    /// How many it has open; none if that was not asked.
    pub open_descriptors: Option<Result<u64, Unread>>,
}

impl Readings {
    /// Reads all; the open descriptors only if asked, since before Linux 6.2 listing them takes
    /// milliseconds for each thousand.
    pub fn read(root: &Root, with_open: bool) -> Readings {
        Readings {
            memory: MemoryUse::read(root),
            resident: resident_at(root),
            stalls: Stalls::read(root),
            descriptor_limit: descriptors(),
            open_descriptors: with_open.then(|| open_descriptors(root)),
        }
    }

    /// Whether a reading is missing since no descriptor was left to take it with.
    pub fn lacked_descriptors(&self) -> bool {
        let of_machine = |error: &MachineError| match error {
            MachineError::Unreadable { error, .. } => is_of_descriptors(error),
            _ => false,
        };
        let of_resident = |error: &ResidentError| match error {
            ResidentError::Unreadable(error) => is_of_descriptors(error),
            _ => false,
        };
        let of_file = |error: &Unread| match error {
            Unread::Unreadable { error, .. } => is_of_descriptors(error),
            Unread::Malformed { .. } => false,
        };
        self.memory.as_ref().is_err_and(of_machine)
            || self.resident.as_ref().is_err_and(of_resident)
            || self.stalls.as_ref().is_err_and(of_file)
            || matches!(&self.open_descriptors, Some(Err(error)) if of_file(error))
    }
}

fn is_of_descriptors(error: &io::Error) -> bool {
    Exhausted::of(error) == Some(Exhausted::Descriptors)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Fixture;

    #[test]
    fn each_reading_is_there_or_not_by_itself() {
        let files = Fixture::empty()
            .with("/proc/meminfo", "MemTotal: 100 kB\nMemAvailable: 25 kB\n")
            .with("/proc/self/fd/0", "");
        let readings = Readings::read(&files.root(), true);
        assert_eq!(readings.memory.as_ref().map(|memory| memory.used).ok(), Some(75 << 10));
        assert!(readings.resident.is_err() && readings.stalls.is_err());
        assert_eq!(readings.open_descriptors.as_ref().unwrap().as_ref().ok(), Some(&1));
        assert!(!readings.lacked_descriptors());
        assert!(Readings::read(&files.root(), false).open_descriptors.is_none());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_machine_tells_what_its_process_takes() {
        let readings = Readings::read(&Root::default(), true);
        let memory = readings.memory.unwrap();
        assert!(memory.used > 0 && memory.limit > 1 << 20, "{memory:?}");
        assert!(readings.resident.unwrap() > 0);
        assert!(readings.descriptor_limit.unwrap() >= readings.open_descriptors.unwrap().unwrap());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_reading_without_a_descriptor_says_so() {
        let no_descriptor = || io::Error::from_raw_os_error(24);
        let root = Fixture::empty().root();
        let mut readings = Readings::read(&root, true);
        readings.resident = Err(ResidentError::Unreadable(no_descriptor()));
        assert!(readings.lacked_descriptors());
        let mut readings = Readings::read(&root, true);
        let (path, error) = ("x".into(), no_descriptor());
        readings.stalls = Err(Unread::Unreadable { path, error });
        assert!(readings.lacked_descriptors());
        let mut readings = Readings::read(&root, true);
        let (path, error) = ("x".into(), no_descriptor());
        readings.memory = Err(MachineError::Unreadable { path, error });
        assert!(readings.lacked_descriptors());
        let mut readings = Readings::read(&root, true);
        let (path, error) = ("x".into(), no_descriptor());
        readings.open_descriptors = Some(Err(Unread::Unreadable { path, error }));
        assert!(readings.lacked_descriptors());
    }
}
