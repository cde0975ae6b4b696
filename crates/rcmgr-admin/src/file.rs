//! The file that the limits of a node are kept in.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rcmgr_config::document::Syntax;
use rcmgr_config::{
    FileOutcome, Format, LiveLimits, Loaded, Settings, Source, ThisMachine, load, native,
};
use tokio::time::sleep;

use crate::{Cause, FileWatcher, WatchError, WriteError, replace_file};

/// How long a file has to stay as it is before it is believed: who writes it in place may not be
/// done.
const STILL: Duration = Duration::from_millis(20);
/// How often that is awaited, before it is taken as it is.
const PATIENCE: usize = 50;

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
    /// keep comments.
    ///
    /// # Errors
    /// It is in another format, or cannot be written; it stays as it was.
    pub fn write(&self, settings: &Settings) -> Result<(), PersistError> {
        let syntax = match Source::read(&self.path) {
            Ok(source) => {
                let source = Arc::new(source);
                if let Ok(Loaded { format, .. }) = load(&source, self.from, &ThisMachine)
                    && format != Format::Native
                {
                    return Err(PersistError::Foreign { path: self.path.clone(), format });
                }
                Syntax::of(&source)
            }
            // It is made anew, or was no text at all.
            Err(_) => Source::new(self.path.display().to_string(), "")
                .map_or(Syntax::Yaml, |source| Syntax::of(&source)),
        };
        let text = native::write(settings, syntax);
        Ok(replace_file(&self.path, text.as_bytes())?)
    }

    /// Follows the file: whenever it changes, or the process gets SIGHUP, what it says takes
    /// effect, or the reason why not is logged, once. It never returns.
    ///
    /// Begin to follow before the file is read for the first time, and no change is missed.
    pub async fn follow(self: Arc<Self>, mut watcher: FileWatcher, live: Arc<LiveLimits>) {
        loop {
            let cause = watcher.changed().await;
            self.read_when_still().await;
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
        let loaded = self.load();
        let warnings = loaded.as_ref().map(|loaded| loaded.warnings.clone()).unwrap_or_default();
        let settings = loaded.map(|loaded| loaded.settings);
        let reason = settings.as_ref().err().cloned().unwrap_or_default();
        match live.file(settings, cause == Cause::Signal) {
            FileOutcome::Applied(version) => {
                for warning in warnings.warnings().iter().chain(&version.warnings()) {
                    tracing::warn!("{warning}");
                }
                tracing::info!(version = version.number, %path, "limits changed");
            }
            FileOutcome::Unchanged => tracing::debug!(%path, "the file changes no limits"),
            FileOutcome::Refused => {
                tracing::error!(
                    "{path} is not in effect, and the limits stay as they are:\n{reason}"
                );
            }
            FileOutcome::StillRefused => tracing::debug!(%path, "the file is still not in effect"),
        }
    }

    /// Waits until nobody seems to write the file any more: half of a file may be a file, too.
    async fn read_when_still(&self) {
        let mut before = self.stamp();
        for _ in 0..PATIENCE {
            sleep(STILL).await;
            let now = self.stamp();
            if now == before {
                return;
            }
            before = now;
        }
    }

    fn stamp(&self) -> Option<(u64, std::time::SystemTime)> {
        let metadata = std::fs::metadata(&self.path).ok()?;
        Some((metadata.len(), metadata.modified().ok()?))
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
    /// It cannot be written.
    #[error(transparent)]
    Unwritable(#[from] WriteError),
}

impl From<PersistError> for io::Error {
    fn from(error: PersistError) -> io::Error {
        io::Error::other(error)
    }
}
