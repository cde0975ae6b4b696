//! What tells one state of a file from another without reading it.

use std::fs::{self, Metadata};
use std::path::Path;
use std::time::SystemTime;

/// The state of a file, as its metadata shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    length: u64,
    modified: Option<SystemTime>,
    identity: Identity,
}

/// Device, inode, and when the inode changed: a file that was put in the place of another may have
/// its length and time.
#[cfg(unix)]
type Identity = (u64, u64, i64, i64);

#[cfg(not(unix))]
type Identity = Option<SystemTime>;

impl Stamp {
    /// The stamp of what a path leads to; none if it leads nowhere.
    pub(crate) fn of(path: &Path) -> Option<Stamp> {
        let found = fs::metadata(path).ok()?;
        let modified = found.modified().ok();
        Some(Stamp { length: found.len(), modified, identity: identity(&found) })
    }
}

#[cfg(unix)]
fn identity(found: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    (found.dev(), found.ino(), found.ctime(), found.ctime_nsec())
}

#[cfg(not(unix))]
fn identity(found: &Metadata) -> Identity {
    found.created().ok()
}
