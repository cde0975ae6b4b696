//! Where the files of the kernel are.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::MachineError;

/// No file that is read here comes near to this: the longest lists the mounts of a machine.
const LONGEST: u64 = 4 << 20;

/// The folder under which `/proc` and `/sys` are; by default `/`. Another one may hold made-up files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root(PathBuf);

impl Default for Root {
    fn default() -> Root {
        Root("/".into())
    }
}

impl Root {
    /// The kernel's files are taken from this folder: `FOLDER/proc/meminfo`.
    pub fn at(folder: impl Into<PathBuf>) -> Root {
        Root(folder.into())
    }

    /// Where a file is that the kernel has at this absolute path.
    pub(crate) fn path(&self, absolute: &Path) -> PathBuf {
        self.0.join(absolute.strip_prefix("/").unwrap_or(absolute))
    }

    /// The text of a file; none if there is no such file. What is not UTF-8 in it is in names that
    /// nothing is looked for by.
    pub(crate) fn text(&self, absolute: &Path) -> io::Result<Option<String>> {
        use io::ErrorKind::{FileTooLarge, NotADirectory, NotFound};
        let file = match File::open(self.path(absolute)) {
            Err(error) if matches!(error.kind(), NotFound | NotADirectory) => return Ok(None),
            file => file?,
        };
        let mut bytes = Vec::new();
        file.take(LONGEST + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > LONGEST {
            return Err(FileTooLarge.into());
        }
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// The same, of a file that tells of memory.
    pub(crate) fn of_memory(&self, absolute: &Path) -> Result<Option<String>, MachineError> {
        self.text(absolute)
            .map_err(|error| MachineError::Unreadable { path: self.path(absolute), error })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_under_the_root() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("proc")).unwrap();
        std::fs::write(folder.path().join("proc/x"), b"a\xff").unwrap();
        let root = Root::at(folder.path());
        assert_eq!(root.text(Path::new("/proc/x")).unwrap().as_deref(), Some("a\u{fffd}"));
        assert_eq!(root.text(Path::new("/proc/y")).unwrap(), None);
        assert_eq!(root.text(Path::new("/proc/x/y")).unwrap(), None);
        let folder = root.of_memory(Path::new("/proc")).unwrap_err().to_string();
        assert!(folder.contains("/proc: "), "{folder}");
    }

    #[test]
    fn a_file_without_end_is_not_read_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = File::create(folder.path().join("long")).unwrap();
        let read = || Root::at(folder.path()).text(Path::new("/long"));
        file.set_len(LONGEST).unwrap();
        assert_eq!(read().unwrap().map(|text| text.len() as u64), Some(LONGEST));
        file.set_len(LONGEST + 1).unwrap();
        assert_eq!(read().unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }
}
