//! Which files tell of a process's memory, its limits and what is used of them: what
//! `/proc/self/cgroup` and `/proc/self/mountinfo` say, as text.

use std::path::{Path, PathBuf};

/// A control group that a process is in, as far as a mount shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    version: Version,
    folder: PathBuf,
}

impl Group {
    /// The files that may hold limits of the group.
    pub fn limit_files(&self) -> impl Iterator<Item = LimitFile> {
        let file = |&(name, format)| LimitFile { path: self.folder.join(name), format };
        self.version.limit_files().iter().map(file)
    }

    /// The file that may hold a limit at which those in the group are slowed down.
    pub fn throttle_file(&self) -> Option<LimitFile> {
        let of = |name| LimitFile { path: self.folder.join(name), format: Format::Number };
        (self.version == Version::V2).then(|| of("memory.high"))
    }

    /// The file with the bytes that the group and those in it use. It is there if a limit is.
    pub fn usage_file(&self) -> PathBuf {
        self.folder.join(match self.version {
            Version::V1 => "memory.usage_in_bytes",
            Version::V2 => "memory.current",
        })
    }

    /// The file with what the usage consists of.
    pub fn stat_file(&self) -> PathBuf {
        self.folder.join("memory.stat")
    }

    /// The bytes of the usage that are pages of files which were not used lately, from the text of
    /// the file of statistics; none if it does not say.
    pub fn inactive_file(&self, stat: &str) -> Result<Option<u64>, Malformed> {
        // Version 1 has the groups in the group only in its totals.
        let name = match self.version {
            Version::V1 => "total_inactive_file ",
            Version::V2 => "inactive_file ",
        };
        line_of(stat, name).map(bytes).transpose()
    }

    /// The file that tells how often a limit of the group itself was reached; those of groups in it
    /// do not count. It is there if a limit is, in version 2 since Linux 5.2.
    pub fn reached_file(&self) -> PathBuf {
        self.folder.join(match self.version {
            Version::V1 => "memory.failcnt",
            Version::V2 => "memory.events.local",
        })
    }

    /// How often a limit of the group was reached, or a process in it killed for that, from the text
    /// of the file.
    pub fn reached(&self, text: &str) -> Result<u64, Malformed> {
        match self.version {
            Version::V1 => bytes(text),
            Version::V2 => ["high ", "max ", "oom_kill "].iter().try_fold(0, |sum: u64, name| {
                let times = line_of(text, name).map_or(Ok(0), bytes)?;
                Ok(sum.saturating_add(times))
            }),
        }
    }

    /// The file that tells for how long those in the group stood still for want of memory. Version 1
    /// has none.
    pub fn stalls_file(&self) -> Option<PathBuf> {
        (self.version == Version::V2).then(|| self.folder.join("memory.pressure"))
    }
}

/// A file that may hold a limit of the memory of a control group. It need not exist: the root has
/// none, nor has a group without the controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitFile {
    pub path: PathBuf,
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// A number, or `max` for none.
    Number,
    /// Lines of names and numbers, one of which is the limit.
    Stat,
}

/// A file has something else than its format says.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed;

impl LimitFile {
    /// The limit that the file's text says, in bytes; none if it says that there is none.
    pub fn limit(&self, text: &str) -> Result<Option<u64>, Malformed> {
        let number = match self.format {
            Format::Number => Some(text.trim()),
            Format::Stat => line_of(text, HIERARCHICAL),
        };
        match number {
            None | Some("max") => Ok(None),
            Some(number) => bytes(number).map(Some),
        }
    }
}

/// What stands behind a name in lines of names and numbers.
fn line_of<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name))
}

/// The number that is all of a text.
pub fn bytes(text: &str) -> Result<u64, Malformed> {
    text.trim().parse().map_err(|_| Malformed)
}

/// The least limit of a group of version 1 and of all around it, also of those that no mount
/// shows.
const HIERARCHICAL: &str = "hierarchical_memory_limit ";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    V1,
    V2,
}

impl Version {
    fn limit_files(self) -> &'static [(&'static str, Format)] {
        match self {
            Version::V1 => {
                &[("memory.limit_in_bytes", Format::Number), ("memory.stat", Format::Stat)]
            }
            Version::V2 => &[("memory.max", Format::Number)],
        }
    }
}

/// The control groups of a process and all around them that are mounted, innermost first.
///
/// A mount may show a part of a hierarchy, and a process in a container may be told of its group
/// by a path that the mount does not have. Where no mount has it, the groups at the mounts are
/// taken for the process's own: containers have them mounted so.
pub fn groups(cgroup: &str, mountinfo: &str) -> Vec<Group> {
    let mounts: Vec<Mount> = mountinfo.lines().filter_map(Mount::of).collect();
    let mut groups = Vec::new();
    for (version, group) in cgroup.lines().filter_map(group_of) {
        let mounts = || mounts.iter().filter(|mount| mount.version == version);
        let mut folders: Vec<PathBuf> =
            mounts().filter_map(|mount| mount.folders(group)).flatten().collect();
        if folders.is_empty() {
            folders = mounts().map(|mount| mount.point.clone()).collect();
        }
        groups.extend(folders.into_iter().map(|folder| Group { version, folder }));
    }
    groups
}

/// The files with the limits of a process's control groups and of all around them.
pub fn limit_files(cgroup: &str, mountinfo: &str) -> Vec<LimitFile> {
    groups(cgroup, mountinfo).iter().flat_map(Group::limit_files).collect()
}

/// A line of `/proc/self/cgroup` that is about memory: `4:cpu,memory:/a/b` or `0::/a/b`.
fn group_of(line: &str) -> Option<(Version, &str)> {
    let mut fields = line.splitn(3, ':');
    let (number, controllers, group) = (fields.next()?, fields.next()?, fields.next()?);
    if number == "0" && controllers.is_empty() {
        Some((Version::V2, group))
    } else {
        let of_memory = controllers.split(',').any(|controller| controller == "memory");
        of_memory.then_some((Version::V1, group))
    }
}

/// A mount of a hierarchy with memory in it.
struct Mount {
    version: Version,
    /// The group that it shows at its point.
    root: String,
    point: PathBuf,
}

impl Mount {
    /// The mount of a line of `/proc/self/mountinfo`:
    /// `35 31 0:32 /docker/b /sys/fs/cgroup/memory ro shared:9 - cgroup cgroup rw,memory`. Version 2
    /// may have memory, which only its files tell.
    fn of(line: &str) -> Option<Mount> {
        let (mount, filesystem) = line.split_once(" - ")?;
        let mut filesystem = filesystem.split(' ');
        let (kind, options) = (filesystem.next()?, filesystem.nth(1)?);
        let version = match kind {
            "cgroup" if options.split(',').any(|option| option == "memory") => Version::V1,
            "cgroup2" => Version::V2,
            _ => return None,
        };
        let mut mount = mount.split(' ').skip(3);
        let (root, point) = (unescaped(mount.next()?), unescaped(mount.next()?));
        Some(Mount { version, root, point: point.into() })
    }

    /// The folder of a group and those around it up to the mount's point; none if the mount does
    /// not show the group.
    fn folders(&self, group: &str) -> Option<Vec<PathBuf>> {
        let (group, root) = (names(group), names(&self.root));
        let shared = group.iter().zip(&root).take_while(|(one, other)| one == other).count();
        let below = match &root[shared..] {
            [] => &group[shared..],
            // The mount shows a group around the namespace's root, from which paths are counted.
            // What its folders are called from there on is not told.
            around if around.iter().all(|name| *name == "..") => &[],
            _ => return None,
        };
        if below.contains(&"..") {
            return None;
        }
        let own = below.iter().fold(self.point.clone(), |folder, name| folder.join(name));
        Some(own.ancestors().take(below.len() + 1).map(Path::to_owned).collect())
    }
}

fn names(path: &str) -> Vec<&str> {
    path.split('/').filter(|name| !name.is_empty()).collect()
}

/// The kernel writes white space and backslashes in names as `\040`.
fn unescaped(field: &str) -> String {
    let mut parts = field.split('\\');
    let mut unescaped = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let escaped = part.get(..3).and_then(|octal| u8::from_str_radix(octal, 8).ok());
        match escaped.filter(u8::is_ascii) {
            Some(byte) => {
                unescaped.push(byte.into());
                unescaped.push_str(&part[3..]);
            }
            None => {
                unescaped.push('\\');
                unescaped.push_str(part);
            }
        }
    }
    unescaped
}
