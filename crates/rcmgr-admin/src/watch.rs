//! Tells when a file may have changed, or the process was told to read it again.

mod follower;
mod places;
mod stamp;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use notify::RecommendedWatcher;
use tokio::sync::mpsc;

use follower::{Follower, Known, News, lock};

pub(crate) use stamp::Stamp;

/// Watches one file, whether or not it is there.
///
/// It looks at the folders on the way to the file, so that it sees the file edited in place,
/// replaced by a rename, removed and made again, also together with its folder; and, where the path
/// leads over symbolic links, one of them pointed elsewhere, as Kubernetes does when a ConfigMap
/// changes. Changes that follow each other within 50 ms are told once, a burst that goes on every
/// 500 ms. On Linux, a file that is written in place is told of when it is closed, or after 3 s.
///
/// Every 5 s it also compares the length, times and identity of the file, for the file systems that
/// do not tell of changes made elsewhere. Where the system has no watch left to give (`inotify`
/// limits), it does so each second instead, and logs why. Two edits within one tick of the file
/// system's clock that leave the length as it was can then pass for one.
///
/// It works on a thread of its own, for looking at a file may block. The thread ends soon after
/// the watcher is dropped.
///
/// ```no_run
/// # async fn example() -> Result<(), rcmgr_admin::WatchError> {
/// use rcmgr_admin::FileWatcher;
///
/// let mut watcher = FileWatcher::new("limits.yaml".as_ref())?;
/// loop {
///     // Read the file first, and after each change: none is missed in between.
///     let cause = watcher.changed().await;
///     println!("read it again: {cause:?}");
/// }
/// # }
/// ```
pub struct FileWatcher {
    changes: mpsc::Receiver<()>,
    bell: SyncSender<()>,
    known: Arc<Mutex<Known>>,
    #[cfg(unix)]
    hangups: tokio::signal::unix::Signal,
}

/// Why a file is to be read again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// It may have changed.
    File,
    /// The process got the signal SIGHUP.
    Signal,
}

/// Why a file is not watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// It is relative, and the working folder is gone; or it is empty.
    #[error("{}: {error}; write the whole path of the file", path.display())]
    Path {
        /// The file.
        path: PathBuf,
        /// Why it has no whole path.
        error: io::Error,
    },
    /// The system gives no thread.
    #[error("no thread to watch {} on: {error}; raise the limit of threads", path.display())]
    Thread {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// The system does not let it take the signal.
    #[error("SIGHUP cannot be taken: {0}; start the node where it may handle signals")]
    Signal(io::Error),
}

/// How long things take.
#[derive(Clone, Copy, Debug)]
struct Times {
    /// How long nothing happens after a burst of changes.
    quiet: Duration,
    /// After how long a burst is told that goes on.
    burst: Duration,
    /// How long it is waited for somebody who writes to close the file.
    open: Duration,
    /// How often the file is looked at where changes are told by the system.
    look: Duration,
    /// How often the file is looked at where they are not.
    poll: Duration,
}

const TIMES: Times = Times {
    quiet: Duration::from_millis(50),
    burst: Duration::from_millis(500),
    open: Duration::from_secs(3),
    look: Duration::from_secs(5),
    poll: Duration::from_secs(1),
};

impl FileWatcher {
    /// Watches a file from now on, and takes SIGHUP, which then no longer ends the process.
    ///
    /// # Errors
    /// The file has no absolute path, or the system gives no thread or signal.
    ///
    /// # Panics
    /// Outside a tokio runtime that does I/O.
    pub fn new(path: &Path) -> Result<FileWatcher, WatchError> {
        FileWatcher::start(path, TIMES, notify::recommended_watcher)
    }

    fn start(
        path: &Path,
        times: Times,
        connect: impl FnOnce(News) -> notify::Result<RecommendedWatcher>,
    ) -> Result<FileWatcher, WatchError> {
        let whole = std::path::absolute(path)
            .map_err(|error| WatchError::Path { path: path.to_owned(), error })?;
        #[cfg(unix)]
        let hangups = {
            use tokio::signal::unix::{SignalKind, signal};
            signal(SignalKind::hangup()).map_err(WatchError::Signal)?
        };
        let (told, changes) = mpsc::channel(1);
        let (follower, bell) = Follower::new(whole, times, told, connect);
        let known = follower.known();
        std::thread::Builder::new()
            .name("rcmgr-watch".into())
            .spawn(move || follower.run())
            .map_err(|error| WatchError::Thread { path: path.to_owned(), error })?;
        Ok(FileWatcher {
            changes,
            bell,
            known,
            #[cfg(unix)]
            hangups,
        })
    }

    /// Waits until the file is to be read again. What happened since the last call counts, once.
    ///
    /// When it is dropped before it is done, nothing is lost.
    pub async fn changed(&mut self) -> Cause {
        #[cfg(unix)]
        let hangup = self.hangups.recv();
        #[cfg(not(unix))]
        let hangup = std::future::pending::<Option<()>>();
        tokio::select! {
            biased;
            Some(()) = hangup => Cause::Signal,
            Some(()) = self.changes.recv() => Cause::File,
            else => std::future::pending().await,
        }
    }
}

impl FileWatcher {
    /// Whether somebody writes to the file and has not closed it yet, as far as the system tells.
    pub(crate) fn is_being_written(&self) -> bool {
        lock(&self.known).writing
    }
}

impl Drop for FileWatcher {
    fn drop(&mut self) {
        self.changes.close();
        // When the bell rings already, the thread is about to look whether anyone listens.
        let _ = self.bell.try_send(());
    }
}

#[cfg(test)]
mod tests;
