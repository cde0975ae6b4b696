//! The file that the limits of a node are kept in.

use std::io::{self, ErrorKind::NotFound};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rcmgr_config::document::{self, Syntax};
use rcmgr_config::{
    Diagnostics, FileOutcome, Format, LiveLimits, Loaded, Settings, Source, SourceError,
    ThisMachine, load, native,
};
use tokio::time::sleep;

use crate::watch::Stamp;
use crate::{Cause, FileWatcher, WatchError, WriteError, replace_file};

/// How long a file has to stay as it is before it is believed: who writes it in place may not be
/// done.
const STILL: Duration = Duration::from_millis(20);
/// How often that is awaited, before it is taken as it is: for 3 s.
const PATIENCE: usize = 150;
/// How often a file is read that changes while it is read.
const READS: usize = 5;

/// A file of limits.
#[derive(Clone, Debug)]
pub struct LimitsFile {
    path: PathBuf,
    from: Option<Format>,
}

impl LimitsFile {
    /// A file, in the format that it is said to be in, or else that it looks like.
    pub fn new(path: impl Into<PathBuf>, from: Option<Format>) -> LimitsFile {
        LimitsFile { path: path.into(), from }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it says.
    ///
    /// # Errors
    /// It cannot be read, or something is wrong in it: all that is, in many lines.
    pub fn load(&self) -> Result<Loaded, String> {
        let source = Source::read(&self.path).map_err(|error| error.to_string())?;
        let loaded = load(&Arc::new(source), self.from, &ThisMachine);
        loaded.map_err(|found| found.to_string())
    }

    /// Writes settings into it, in the native format and its own syntax, all at once. It does not
    /// keep comments. A file that has errors is replaced, too, if it is in the native format.
    ///
    /// It waits for the disk: call it where blocking is allowed.
    ///
    /// # Errors
    /// It is in another format, or it cannot be told in which; the native format cannot say all of
    /// the settings; or it cannot be written. It stays as it was.
    pub fn write(&self, settings: &Settings) -> Result<(), PersistError> {
        let syntax = self.syntax()?;
        let text = native::write(settings, syntax);
        let name = self.path.display().to_string();
        let back = Source::new(name, text.as_str())
            .ok()
            .and_then(|source| load(&Arc::new(source), Some(Format::Native), &ThisMachine).ok());
        if back.is_none_or(|back| back.settings != *settings) {
            return Err(PersistError::Inexpressible { path: self.path.clone() });
        }
        Ok(replace_file(&self.path, text.as_bytes())?)
    }

    /// The syntax to write it in, if it may be written.
    fn syntax(&self) -> Result<Syntax, PersistError> {
        let path = || self.path.clone();
        let foreign = |format| PersistError::Foreign { path: path(), format };
        if let Some(format) = self.from.filter(|format| *format != Format::Native) {
            return Err(foreign(format));
        }
        self.regular().map_err(|error| WriteError::Io { path: path(), error })?;
        let source = match Source::read(&self.path) {
            Ok(source) => Arc::new(source),
            Err(SourceError::Unreadable { name, error }) if error.kind() == NotFound => {
                let made_anew = Source::new(name, "");
                return Ok(made_anew.map_or(Syntax::Yaml, |source| Syntax::of(&source)));
            }
            Err(_) => return Err(PersistError::Unclear { path: path() }),
        };
        let syntax = Syntax::of(&source);
        let mut lines = source.text().lines().map(str::trim);
        if self.from.is_some() || lines.all(|line| line.is_empty() || line.starts_with('#')) {
            return Ok(syntax);
        }
        let tree = document::parse(syntax, &source, &mut Diagnostics::default());
        match tree.map(|tree| Format::recognise(&source, &tree)) {
            Some(Ok(Format::Native)) => Ok(syntax),
            Some(Ok(format)) => Err(foreign(format)),
            Some(Err(_)) | None => Err(PersistError::Unclear { path: path() }),
        }
    }

    /// Follows the file: whenever it changes, or the process gets SIGHUP, what it says takes
    /// effect, or the reason why not is logged, once. A file that is gone is a bad one: the limits
    /// stay. It never returns.
    ///
    /// Begin to follow before the file is read for the first time, and no change is missed.
    ///
    /// A file that is written in place is read when whoever writes it has closed it (on Linux, for
    /// at most 3 s) and when it has not changed for 20 ms. So one is taken half done whose writer
    /// opens it anew for each part and rests in between, or keeps it open for longer; on network
    /// file systems, which tell nothing, one whose writer rests for longer than 20 ms. Who replaces
    /// the file by a rename has nothing to fear.
    pub async fn follow(self: Arc<Self>, mut watcher: FileWatcher, live: Arc<LiveLimits>) {
        loop {
            let cause = watcher.changed().await;
            self.wait_until_still(&watcher).await;
            let (file, live) = (self.clone(), live.clone());
            let read = tokio::task::spawn_blocking(move || file.take(&live, cause));
            if let Err(error) = read.await {
                tracing::error!(%error, "the file of limits could not be read");
            }
        }
    }

    /// Watches the file.
    ///
    /// # Errors
    /// The system does not let it.
    pub fn watch(&self) -> Result<FileWatcher, WatchError> {
        FileWatcher::new(&self.path)
    }

    /// Takes what the file says now.
    fn take(&self, live: &LiveLimits, cause: Cause) {
        let path = self.path.display();
        let asked_for = cause == Cause::Signal;
        let mut warnings = Diagnostics::default();
        let read = || {
            let loaded = self.load_whole()?;
            warnings = loaded.warnings;
            Ok(loaded.settings)
        };
        match live.file(read, asked_for) {
            FileOutcome::Applied(version) => {
                for warning in warnings.warnings().iter().chain(&version.warnings()) {
                    tracing::warn!("{warning}");
                }
                tracing::info!(version = version.number, %path, "limits changed");
            }
            FileOutcome::Unchanged => tracing::debug!(%path, "the file changes no limits"),
            FileOutcome::Refused(reason) => {
                tracing::error!(
                    "{path} is not in effect, and the limits stay as they are:\n{reason}"
                );
            }
            FileOutcome::StillRefused if asked_for => {
                tracing::error!("{path} is still not in effect, for the reason given before");
            }
            FileOutcome::StillRefused => tracing::debug!(%path, "the file is still not in effect"),
        }
    }

    /// What the file says, read while it does not change.
    fn load_whole(&self) -> Result<Loaded, String> {
        self.regular().map_err(|error| format!("{}: {error}", self.path.display()))?;
        for _ in 1..READS {
            let before = Stamp::of(&self.path);
            let loaded = self.load();
            if Stamp::of(&self.path) == before {
                return loaded;
            }
        }
        self.load()
    }

    /// An error if something is there that reading might wait for, such as a pipe.
    fn regular(&self) -> io::Result<()> {
        match std::fs::metadata(&self.path) {
            Ok(there) if !there.is_file() => Err(io::Error::other("it is no regular file")),
            _ => Ok(()),
        }
    }

    /// Waits until nobody seems to write the file any more: half of a file may be a file, too.
    async fn wait_until_still(self: &Arc<Self>, watcher: &FileWatcher) {
        let mut before = self.stamp().await;
        for _ in 0..PATIENCE {
            sleep(STILL).await;
            let now = self.stamp().await;
            if now == before && !watcher.is_being_written() {
                return;
            }
            before = now;
        }
    }

    async fn stamp(self: &Arc<Self>) -> Option<Stamp> {
        let file = self.clone();
        let stamp = tokio::task::spawn_blocking(move || Stamp::of(&file.path)).await;
        stamp.ok().flatten()
    }
}

/// Why limits were not written into their file.
#[derive(Debug, thiserror::Error)]
pub enum PersistError {
    /// The file belongs to another program, too.
    #[error(
        "{}: it is in the format of {format}, which is only read; write the native format into \
         another file, and start the node with that", path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: Format,
    },
    /// Something is there that is no text in a known syntax.
    #[error(
        "{}: it cannot be read, so it may be in another program's format; mend it, or remove it",
        path.display()
    )]
    Unclear {
        /// The file.
        path: PathBuf,
    },
    /// What other formats say may be more than the native one can.
    #[error(
        "{}: the native format cannot say all of these limits; convert them with \
         `rcmgr limits convert`, and mend what that tells", path.display()
    )]
    Inexpressible {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be written.
    #[error(transparent)]
    Unwritable(#[from] WriteError),
}

impl From<PersistError> for io::Error {
    fn from(error: PersistError) -> io::Error {
        io::Error::other(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcmgr_config::{At, Said};

    #[test]
    fn what_the_native_format_cannot_say_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let file = LimitsFile::new(folder.path().join("limits.yaml"), None);
        let mut settings = Settings::default();
        let more_than_a_year = Duration::from_secs(400 * 24 * 3600);
        let said = Said::new(more_than_a_year, At::RunTime);
        settings.connection_manager.grace_period = Some(said);
        let refused = file.write(&settings);
        assert!(matches!(refused, Err(PersistError::Inexpressible { .. })), "{refused:?}");
        assert!(!file.path().exists());
    }

    #[test]
    fn a_file_of_another_program_is_not_made_either() {
        let folder = tempfile::tempdir().unwrap();
        let file = LimitsFile::new(folder.path().join("flow.yaml"), Some(Format::Flow));
        let refused = file.write(&Settings::default());
        assert!(matches!(refused, Err(PersistError::Foreign { .. })), "{refused:?}");
        assert!(!file.path().exists());
    }
}
