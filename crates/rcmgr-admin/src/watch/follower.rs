//! The thread that watches a file.

use std::mem;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};
use notify::{ErrorKind, Event, EventHandler, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;

use super::Times;
use super::places::Places;
use super::stamp::Stamp;

/// How often the way to a file is gone again that changes while it is gone.
const ATTEMPTS: usize = 8;

/// Follows one file and says when it may have changed.
pub(super) struct Follower {
    path: PathBuf,
    times: Times,
    told: Sender<()>,
    bell: Receiver<()>,
    known: Arc<Mutex<Known>>,
    /// None while the file is polled.
    watcher: Option<RecommendedWatcher>,
    stamp: Option<Stamp>,
}

/// What the system's watcher tells.
pub(super) struct News {
    known: Arc<Mutex<Known>>,
    ring: SyncSender<()>,
}

/// What the follower and the system's watcher know together.
#[derive(Default)]
pub(super) struct Known {
    places: Places,
    failure: Option<notify::Error>,
    /// Whether somebody has written to the file and not closed it since.
    pub(super) writing: bool,
}

impl Follower {
    /// Follows from now on; and the bell that wakes it.
    pub(super) fn new(
        path: PathBuf,
        times: Times,
        told: Sender<()>,
        connect: impl FnOnce(News) -> notify::Result<RecommendedWatcher>,
    ) -> (Follower, SyncSender<()>) {
        let (ring, bell) = sync_channel(1);
        let known = Arc::default();
        let news = News { known: Arc::clone(&known), ring: ring.clone() };
        let stamp = None;
        let mut follower = Follower { path, times, told, bell, known, watcher: None, stamp };
        match connect(news) {
            Ok(watcher) => {
                follower.watcher = Some(watcher);
                follower.watch_again();
            }
            Err(error) => follower.poll_from_now_on(&error),
        }
        follower.stamp = Stamp::of(&follower.path);
        (follower, ring)
    }

    /// What it and the system's watcher know.
    pub(super) fn known(&self) -> Arc<Mutex<Known>> {
        Arc::clone(&self.known)
    }

    /// Tells of changes until nobody listens.
    pub(super) fn run(mut self) {
        loop {
            let wait = match self.watcher {
                Some(_) => self.times.look,
                None => self.times.poll,
            };
            let rung = match self.bell.recv_timeout(wait) {
                Ok(()) => self.let_burst_end(),
                Err(RecvTimeoutError::Timeout) => false,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if self.told.is_closed() {
                return;
            }
            let failure = lock(&self.known).failure.take();
            if let Some(error) = failure
                && self.watcher.is_some()
            {
                self.poll_from_now_on(&error);
            }
            if !rung && Stamp::of(&self.path) == self.stamp && !self.way_changed() {
                continue;
            }
            // Told only after this: what changes while no folder is watched is read then.
            self.watch_again();
            self.stamp = Stamp::of(&self.path);
            if let Err(TrySendError::Closed(())) = self.told.try_send(()) {
                return;
            }
        }
    }

    /// Waits until it has been quiet for a while and nobody writes, or for long enough. Always true.
    fn let_burst_end(&self) -> bool {
        let start = Instant::now();
        loop {
            let writing = lock(&self.known).writing;
            let longest = if writing { self.times.open } else { self.times.burst };
            let left = longest.saturating_sub(start.elapsed());
            let wait = if writing { left } else { self.times.quiet.min(left) };
            if left.is_zero() || self.bell.recv_timeout(wait).is_err() {
                lock(&self.known).writing = false;
                return true;
            }
        }
    }

    fn way_changed(&self) -> bool {
        self.watcher.is_some() && Places::on_the_way_to(&self.path) != lock(&self.known).places
    }

    /// Watches the folders on the way to the file, all of them anew: a folder of the same name may
    /// be another one. If the way changes meanwhile, goes it again.
    fn watch_again(&mut self) {
        let Some(mut watcher) = self.watcher.take() else { return };
        // The lock is not held while the system's watcher is asked, whose thread takes it too.
        let before = mem::take(&mut lock(&self.known).places);
        for folder in before.folders {
            // One that was removed is no longer watched.
            let _ = watcher.unwatch(&folder);
        }
        for _ in 0..ATTEMPTS {
            let places = Places::on_the_way_to(&self.path);
            let known = mem::replace(&mut lock(&self.known).places, places.clone());
            if known == places {
                break;
            }
            for folder in known.folders.difference(&places.folders) {
                let _ = watcher.unwatch(folder);
            }
            for folder in &places.folders {
                match watcher.watch(folder, RecursiveMode::NonRecursive) {
                    Ok(()) => {}
                    // It was removed just now, and the next attempt finds what is there instead.
                    Err(error) if is_missing(&error) => {}
                    Err(error) => return self.poll_from_now_on(&error),
                }
            }
        }
        self.watcher = Some(watcher);
    }

    fn poll_from_now_on(&mut self, error: &notify::Error) {
        self.watcher = None;
        tracing::warn!(
            path = %self.path.display(), %error, every = ?self.times.poll,
            "the system does not tell of changes of this file, which is looked at instead; \
             on Linux, raise fs.inotify.max_user_watches and fs.inotify.max_user_instances"
        );
    }
}

impl EventHandler for News {
    fn handle_event(&mut self, event: notify::Result<Event>) {
        let mut known = lock(&self.known);
        match event {
            Ok(event) if !matters(&event, &known.places) => return,
            Ok(event) => known.writing = begins_to_write(&event),
            Err(error) => known.failure = Some(error),
        }
        drop(known);
        // When it rings already, it is heard; when nobody hears it, nobody cares.
        let _ = self.ring.try_send(());
    }
}

/// Whether the file may be another one after this: reading it, which follows each change, is not
/// a change.
fn matters(event: &Event, places: &Places) -> bool {
    let reading = match event.kind {
        EventKind::Access(kind) => kind != AccessKind::Close(AccessMode::Write),
        _ => false,
    };
    event.need_rescan() || !reading && event.paths.iter().any(|path| places.concern(path))
}

/// Whether somebody has the file open and is not done. Only Linux tells when it is closed; and there
/// a file that is renamed, linked or removed tells nothing more, and is done.
fn begins_to_write(event: &Event) -> bool {
    cfg!(target_os = "linux") && matches!(event.kind, EventKind::Modify(ModifyKind::Data(_)))
}

fn is_missing(error: &notify::Error) -> bool {
    match &error.kind {
        ErrorKind::PathNotFound => true,
        ErrorKind::Io(error) => {
            matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory)
        }
        _ => false,
    }
}

/// The lock; nothing that is done under it can leave it half done.
pub(super) fn lock(known: &Mutex<Known>) -> MutexGuard<'_, Known> {
    known.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use notify::event::Flag;
    use std::path::Path;

    #[test]
    fn reading_and_other_files_do_not_matter() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let file = root.join("limits.yaml");
        let places = Places::on_the_way_to(&file);
        let event = |kind, path: &Path| Event::new(kind).add_path(path.to_owned());
        let modify = EventKind::Modify(ModifyKind::Any);
        let access = EventKind::Access;
        for (event, expected) in [
            (event(modify, &file), true),
            (event(modify, &root), true),
            (event(access(AccessKind::Close(AccessMode::Write)), &file), true),
            (event(access(AccessKind::Open(AccessMode::Any)), &file), false),
            (event(access(AccessKind::Close(AccessMode::Read)), &file), false),
            (event(modify, &root.join("log")), false),
            (Event::new(EventKind::Other), false),
            (Event::new(EventKind::Other).set_flag(Flag::Rescan), true),
        ] {
            assert_eq!(matters(&event, &places), expected, "{event:?}");
        }
    }
}
