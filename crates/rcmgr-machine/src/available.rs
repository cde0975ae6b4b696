//! How much memory this process could still take, at this moment.

use std::io;
use std::path::{Path, PathBuf};

use crate::cgroup::{Group, LimitFile, bytes, groups};
use crate::{MachineError, MemoryBound, Root, malformed, own_groups};

const MEMINFO: &str = "/proc/meminfo";

/// The memory that nobody uses at this moment and that this process could take.
///
/// It does not count what this process has taken already; what the machine has for it in all is
/// [`MachineMemory`](super::MachineMemory).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AvailableMemory {
    /// How much, in bytes.
    pub bytes: u64,
    /// What bounds it.
    pub bounded_by: MemoryBound,
}

impl AvailableMemory {
    /// Asks the machine: the least of what the kernel takes for available (`MemAvailable`) and of
    /// what is left in each control group of version 1 and 2 that has a limit and that this process
    /// is in, with all around them that it can see.
    ///
    /// What is left in a group is its limit less its working set, as in Kubernetes: its usage
    /// without pages of files that were not used lately, which the kernel drops first. Swap does
    /// not count.
    ///
    /// # Errors
    /// A file of the kernel that cannot be read or understood, or another system than Linux.
    pub fn of_this_process() -> Result<AvailableMemory, MachineError> {
        if cfg!(not(target_os = "linux")) {
            return Err(MachineError::Unsupported);
        }
        let root = Root::default();
        let (cgroup, mountinfo) = own_groups(|path| root.of_memory(path))?;
        available(groups(&cgroup, &mountinfo), |path| root.of_memory(path))
    }
}

pub type Read<'a> = &'a dyn Fn(&Path) -> Result<Option<String>, MachineError>;

/// The least of what the kernel takes for available and of what is left in the groups.
fn available(
    groups: Vec<Group>,
    read: impl Fn(&Path) -> Result<Option<String>, MachineError>,
) -> Result<AvailableMemory, MachineError> {
    let mut least = AvailableMemory {
        bytes: meminfo("MemAvailable:", &read)?,
        bounded_by: MemoryBound::Physical,
    };
    for group in groups {
        let Some((limit, file)) = least_limit(group.limit_files(), &read)? else { continue };
        // A limit may be lowered below what is used, and the files are not read at one moment.
        let left = limit.saturating_sub(working_set(&group, &read)?);
        if left < least.bytes {
            least = AvailableMemory { bytes: left, bounded_by: MemoryBound::Cgroup(file) };
        }
    }
    Ok(least)
}

/// What a line of this name says of the machine: `MemAvailable:   24054824 kB`.
pub fn meminfo(name: &str, read: Read) -> Result<u64, MachineError> {
    let text = needed(MEMINFO.into(), read)?;
    let kibibytes = text.lines().find_map(|line| line.strip_prefix(name));
    let kibibytes = kibibytes.and_then(|rest| bytes(rest.trim().strip_suffix(" kB")?).ok());
    let bytes = kibibytes.and_then(|kibibytes| kibibytes.checked_mul(1024));
    bytes.ok_or_else(|| malformed(MEMINFO.into(), &text))
}

/// The least limit of the files of a group, and the file.
pub fn least_limit(
    files: impl Iterator<Item = LimitFile>,
    read: Read,
) -> Result<Option<(u64, PathBuf)>, MachineError> {
    let limit = |file: LimitFile| match read(&file.path)? {
        None => Ok(None),
        Some(text) => match file.limit(&text) {
            Ok(limit) => Ok(limit.map(|limit| (limit, file.path))),
            Err(_) => Err(malformed(file.path, &text)),
        },
    };
    let limits: Result<Vec<_>, MachineError> = files.map(limit).collect();
    Ok(limits?.into_iter().flatten().min_by_key(|(limit, _)| *limit))
}

/// The bytes of a group that the kernel cannot simply drop.
pub fn working_set(group: &Group, read: Read) -> Result<u64, MachineError> {
    let file = group.usage_file();
    let text = needed(file.clone(), read)?;
    let usage = bytes(&text).map_err(|_| malformed(file, &text))?;
    let file = group.stat_file();
    let inactive = match read(&file)? {
        None => None,
        Some(text) => group.inactive_file(&text).map_err(|_| malformed(file, &text))?,
    };
    // The kernel counts both by themselves, and the parts may be more than the sum for a moment.
    Ok(usage.saturating_sub(inactive.unwrap_or(0)))
}

/// The text of a file that has to be there.
fn needed(path: PathBuf, read: Read) -> Result<String, MachineError> {
    read(&path)?.ok_or_else(|| {
        let error = io::ErrorKind::NotFound.into();
        MachineError::Unreadable { path, error }
    })
}

#[cfg(test)]
mod tests;
