//! Writes a file so that its readers see the old text or the new, and never a part.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

/// As many links as Linux follows on the way to a file.
const MAX_LINKS: usize = 40;

/// The link by which Kubernetes swaps all files of a ConfigMap or Secret at once.
const CONFIG_MAP_LINK: &str = "..data";

/// Why a file was not written. It is as it was before.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// It is mounted from a Kubernetes ConfigMap or Secret, which would undo the change.
    #[error(
        "{}: it is mounted from a ConfigMap or Secret; change that instead, \
         or keep the file on a volume that can be written", path.display()
    )]
    ConfigMap {
        /// The file.
        path: PathBuf,
    },
    /// Its file system cannot be written.
    #[error("{}: its file system is mounted read-only; mount it for writing", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// This user may not write to its folder, where the new file is made.
    #[error("{}: this user may not make files in its folder; give it the permission", path.display())]
    Denied {
        /// The file.
        path: PathBuf,
    },
    /// Something else than a file is there.
    #[error("{}: it is there and is no regular file; choose another path", path.display())]
    NotAFile {
        /// What is there.
        path: PathBuf,
    },
    /// Links that lead in a circle.
    #[error("{}: it leads over more than {MAX_LINKS} symbolic links; mend them", path.display())]
    TooManyLinks {
        /// The file.
        path: PathBuf,
    },
    /// The system does not let it.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
}

/// Puts a file with this text in the place of what is there, all at once, or makes it.
///
/// A new file is written beside it, brought to the disk and renamed. A symbolic link stays and its
/// target is replaced. The mode stays; so do owner and group if this user may give the file away,
/// and where the group changes it may do no more than others may. Access lists and other
/// attributes do not stay, and other hard links keep the old text. A file that was not there gets
/// mode 0644, less the umask.
///
/// It waits for the disk: call it where blocking is allowed.
///
/// # Errors
/// The file stays as it was: it belongs to a ConfigMap, is read-only or no regular file, or the
/// system does not let it. Only if the folder cannot be brought to the disk after the rename is the
/// new text there already, and may be lost in a crash.
///
/// ```
/// use rcmgr_admin::replace_file;
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("limits.yaml");
/// replace_file(&path, b"system: {memory: 1GiB}\n")?;
/// assert_eq!(std::fs::read(&path)?, b"system: {memory: 1GiB}\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn replace_file(path: &Path, text: &[u8]) -> Result<(), WriteError> {
    let target = target_of(path)?;
    let of = |error: io::Error| {
        let path = path.to_owned();
        match error.kind() {
            io::ErrorKind::ReadOnlyFilesystem => WriteError::ReadOnly { path },
            io::ErrorKind::PermissionDenied => WriteError::Denied { path },
            _ => WriteError::Io { path, error },
        }
    };
    let old = match fs::symlink_metadata(&target) {
        Ok(old) if !old.is_file() => return Err(WriteError::NotAFile { path: target }),
        Ok(old) => Some(old),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(of(error)),
    };
    let folder = match target.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => return Err(WriteError::NotAFile { path: target }),
    };
    let new = new_file(folder, old.is_some()).map_err(of)?;
    fill(new, text, old.as_ref(), &target).map_err(of)?;
    sync_folder(folder).map_err(of)
}

/// Where a path leads, over links to files; links to folders on the way are the system's matter.
fn target_of(path: &Path) -> Result<PathBuf, WriteError> {
    let mut target = path.to_owned();
    for _ in 0..=MAX_LINKS {
        let Ok(next) = fs::read_link(&target) else { return Ok(target) };
        if next.iter().any(|step| step == CONFIG_MAP_LINK) {
            return Err(WriteError::ConfigMap { path: path.to_owned() });
        }
        target.pop();
        target.push(next);
    }
    Err(WriteError::TooManyLinks { path: path.to_owned() })
}

/// An empty file in a folder: for its owner alone if it is to get the mode of another.
fn new_file(folder: &Path, for_owner: bool) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(".rcmgr-").suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = if for_owner { 0o600 } else { 0o644 };
        builder.permissions(fs::Permissions::from_mode(mode));
    }
    #[cfg(not(unix))]
    let _ = for_owner;
    builder.tempfile_in(folder)
}

fn fill(
    mut new: NamedTempFile,
    text: &[u8],
    old: Option<&fs::Metadata>,
    target: &Path,
) -> io::Result<()> {
    new.write_all(text)?;
    if let Some(old) = old {
        keep_rights(new.as_file(), old)?;
    }
    new.as_file().sync_all()?;
    new.persist(target)?;
    Ok(())
}

/// Gives a file the owner, group and mode of another, as far as this user may.
#[cfg(unix)]
fn keep_rights(new: &File, old: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
    if fchown(new, Some(old.uid()), Some(old.gid())).is_err() {
        // Most users may only choose among their groups; what came of it is looked at below.
        let _ = fchown(new, None, Some(old.gid()));
    }
    let same_group = new.metadata()?.gid() == old.gid();
    let mode = mode_for(old.mode() & 0o777, same_group);
    new.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn keep_rights(new: &File, old: &fs::Metadata) -> io::Result<()> {
    new.set_permissions(old.permissions())
}

/// The mode, of which another group gets no more than what others have.
#[cfg(unix)]
fn mode_for(mode: u32, same_group: bool) -> u32 {
    let of_others = (mode & 0o007) << 3;
    if same_group { mode } else { mode & !(0o070 & !of_others) }
}

/// Brings a rename to the disk.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
