//! What this process may use of the machine that it runs on, and how near it is to the end of that.
//!
//! - [`MachineMemory`] is what there is, [`AvailableMemory`] what is left, [`MemoryUse`] how full it
//!   is, [`resident`] what the process itself takes;
//! - [`Stalls`] tells for how long tasks stood still for want of memory;
//! - [`descriptors`] tells how many it may have open, [`open_descriptors`] how many it has.
//!
//! Each asks the kernel when it is called, which takes microseconds and waits for no disk.
//! [`Readings`] are all at once that tell how near the end is. What reads files takes the [`Root`]
//! under which they are, so that tests can make some up.

mod available;
mod cgroup;
mod open;
mod readings;
mod resident;
mod root;
mod stalls;
mod unread;
mod usage;

#[cfg(test)]
mod fixture;

pub use available::AvailableMemory;
pub use open::{Exhausted, open_descriptors};
pub use readings::Readings;
pub use resident::{ResidentError, resident};
pub use root::Root;
pub use stalls::Stalls;
pub use unread::Unread;
pub use usage::MemoryUse;

use std::path::{Path, PathBuf};
use std::{fmt, io};

/// The memory of the machine, as far as this process may use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineMemory {
    /// How much, in bytes.
    pub bytes: u64,
    /// What bounds it.
    pub bounded_by: MemoryBound,
}

/// What bounds the memory that a process may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemoryBound {
    /// There is no more in the machine.
    Physical,
    /// The limit of a control group, its own or one around it, which stands in this file.
    Cgroup(PathBuf),
}

/// What is said of the number of bytes: `the machine's memory`.
impl fmt::Display for MemoryBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MemoryBound::Physical => f.write_str("the machine's memory"),
            MemoryBound::Cgroup(file) => write!(f, "the limit in {}", file.display()),
        }
    }
}

/// Why the machine does not tell what it has.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// A file that tells of memory is there and cannot be read.
    #[error("{}: {error}; say how many bytes of memory the node is given", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// A file should hold a limit of memory and holds something else.
    #[error(
        "{}: it holds {text:?} where a number of bytes was expected; \
         say how many bytes of memory the node is given", path.display()
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// How its text begins.
        text: String,
    },
    /// This is not known of this operating system.
    #[error("what this machine has is only known on Linux; say how much the node is given")]
    Unsupported,
}

impl MachineMemory {
    /// Asks the machine: the smallest limit over the control groups of version 1 and 2 that this
    /// process is in, with all around them that it can see, or else the physical memory.
    ///
    /// A limit that throttles (`memory.high`) does not count, nor does swap.
    ///
    /// # Errors
    /// A file of the kernel that cannot be read or understood, or another system than Linux.
    pub fn of_this_process() -> Result<MachineMemory, MachineError> {
        let root = Root::default();
        let read = |path: &Path| root.of_memory(path);
        let (groups, mounts) = own_groups(read)?;
        within(physical()?, cgroup::limit_files(&groups, &mounts), read)
    }
}

/// How many descriptors this process may have open: its soft limit, `u64::MAX` if it has none.
///
/// # Errors
/// Another system than Linux.
pub fn descriptors() -> Result<u64, MachineError> {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{Resource, getrlimit};
        Ok(getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX))
    }
    #[cfg(not(target_os = "linux"))]
    Err(MachineError::Unsupported)
}

fn physical() -> Result<u64, MachineError> {
    #[cfg(target_os = "linux")]
    {
        let info = rustix::system::sysinfo();
        let bytes = (info.totalram as u64).checked_mul(info.mem_unit.into());
        Ok(bytes.expect("the kernel counts bytes of memory in 64 bits"))
    }
    #[cfg(not(target_os = "linux"))]
    Err(MachineError::Unsupported)
}

/// What `/proc/self/cgroup` and `/proc/self/mountinfo` say of this process; nothing if they are not
/// there.
fn own_groups(
    read: impl Fn(&Path) -> Result<Option<String>, MachineError>,
) -> Result<(String, String), MachineError> {
    let own = |path| Ok(read(Path::new(path))?.unwrap_or_default());
    Ok((own("/proc/self/cgroup")?, own("/proc/self/mountinfo")?))
}

fn malformed(path: PathBuf, text: &str) -> MachineError {
    MachineError::Malformed { path, text: text.chars().take(40).collect() }
}

/// The least of what the machine has and what the limits in files leave.
fn within(
    physical: u64,
    files: Vec<cgroup::LimitFile>,
    read: impl Fn(&Path) -> Result<Option<String>, MachineError>,
) -> Result<MachineMemory, MachineError> {
    let mut least = MachineMemory { bytes: physical, bounded_by: MemoryBound::Physical };
    for file in files {
        let Some(text) = read(&file.path)? else { continue };
        let Ok(limit) = file.limit(&text) else { return Err(malformed(file.path, &text)) };
        if let Some(bytes) = limit.filter(|limit| *limit < least.bytes) {
            least = MachineMemory { bytes, bounded_by: MemoryBound::Cgroup(file.path) };
        }
    }
    Ok(least)
}

#[cfg(test)]
mod tests;
