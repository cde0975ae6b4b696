//! How full the memory is that this process may use.

use std::path::PathBuf;

use crate::available::{Read, least_limit, meminfo, working_set};
use crate::cgroup::{Group, groups};
use crate::{MachineError, MemoryBound, Root, malformed, own_groups};

/// How full the memory is that bounds this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryUse {
    /// The bytes that are used, by others too, and that the kernel cannot simply drop.
    pub used: u64,
    /// Of so many bytes. A limit may be lowered below what is used.
    pub limit: u64,
    /// What that limit is of.
    pub bounded_by: MemoryBound,
    /// How often a limit of a control group was reached, in all groups together; none if no group
    /// tells. What matters is whether it grows from one reading to the next.
    pub reached: Option<u64>,
}

impl MemoryUse {
    /// Asks the machine: of the control groups of version 1 and 2 that this process is in, with all
    /// around them that it can see, the fullest one that has a limit below the machine's memory.
    /// Without one it is the machine, where that is used which the kernel does not take for available
    /// (`MemAvailable`).
    ///
    /// A group is as full as its working set: pages of files that were not used lately do not count,
    /// as in Kubernetes. A limit that throttles (`memory.high`) counts, since it is felt first.
    ///
    /// # Errors
    /// A file of the kernel that cannot be read or understood, or is missing.
    pub fn read(root: &Root) -> Result<MemoryUse, MachineError> {
        let read: Read = &|path| root.of_memory(path);
        let (cgroup, mounts) = own_groups(read)?;
        let total = meminfo("MemTotal:", read)?;
        let available = meminfo("MemAvailable:", read)?;
        let mut reached = None;
        let mut fullest: Option<(u64, u64, PathBuf)> = None;
        for group in groups(&cgroup, &mounts) {
            if let Some(times) = limit_reached(&group, read)? {
                reached = Some(times.saturating_add(reached.unwrap_or(0)));
            }
            let files = group.limit_files().chain(group.throttle_file());
            let limit = least_limit(files, read)?.filter(|(limit, _)| *limit < total);
            let Some((limit, file)) = limit else { continue };
            let used = working_set(&group, read)?;
            if fullest.as_ref().is_none_or(|least| is_fuller((used, limit), (least.0, least.1))) {
                fullest = Some((used, limit, file));
            }
        }
        let machine = || (total.saturating_sub(available), total, MemoryBound::Physical);
        let (used, limit, bounded_by) = fullest.map_or_else(machine, |(used, limit, file)| {
            (used, limit, MemoryBound::Cgroup(root.path(&file)))
        });
        Ok(MemoryUse { used, limit, bounded_by, reached })
    }
}

/// Whether the first of two pairs of used and limit is the greater part.
fn is_fuller(one: (u64, u64), other: (u64, u64)) -> bool {
    let scaled = |used: u64, limit: u64| u128::from(used) * u128::from(limit);
    scaled(one.0, other.1) > scaled(other.0, one.1)
}

/// How often the group's own limit was reached. A reading from the root, which has none, is missing.
fn limit_reached(group: &Group, read: Read) -> Result<Option<u64>, MachineError> {
    let file = group.reached_file();
    let Some(text) = read(&file)? else { return Ok(None) };
    group.reached(&text).map(Some).map_err(|_| malformed(file, &text))
}

#[cfg(test)]
mod tests;
