//! Drives a manager on tokio: gives it the time, and does what is due when it is.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use crate::{Event, Manager, TrimReport};

/// A manager with a clock. Clones share both.
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use rcmgr_connmgr::{ConnectionId, Direction, Manager, Peer, Runner, Settings, Watermarks};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
/// let marks = Watermarks::new(1, 2)?;
/// let runner = Runner::new(Manager::new(Settings { marks, ..Settings::default() })?);
/// let (closed, mut closing) = tokio::sync::mpsc::unbounded_channel();
/// let task = tokio::spawn(runner.clone().run(move |trim| {
///     for close in &trim.close {
///         let _ = closed.send(close.clone());
///     }
/// }));
///
/// for number in 0..3 {
///     let peer = Peer::new(&[number])?;
///     let (id, address) = (ConnectionId(number.into()), Arc::from("/ip4/192.0.2.1"));
///     runner.manager().connection_opened(runner.now(), &peer, id, Direction::Inbound, address, 0)?;
/// }
/// let close = closing.recv().await.ok_or("the runner has ended")?;
/// runner.manager().connection_closed(&close.peer, close.connection);
/// runner.close();
/// task.await?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Runner(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    manager: Manager,
    start: Instant,
    closed: Notify,
    /// Whether someone drives. Relaxed: it guards nothing, the manager may be polled by many.
    driven: AtomicBool,
}

impl Runner {
    /// Starts the clock.
    pub fn new(manager: Manager) -> Runner {
        let (start, closed) = (Instant::now(), Notify::new());
        Runner(Arc::new(Shared { manager, start, closed, driven: AtomicBool::new(false) }))
    }

    /// The manager. Tell it of connections and tags with [`Runner::now`].
    pub fn manager(&self) -> &Manager {
        &self.0.manager
    }

    /// The time that the manager goes by.
    pub fn now(&self) -> Duration {
        self.0.start.elapsed()
    }

    /// Decay and background trims when they are due, until [`Runner::close`]. `close` is given each
    /// trim that closes something, and should have that done without waiting for it: what is not
    /// closed by the next trim is not chosen again, and counts until it is told to be closed.
    ///
    /// Of several calls at a time one does the work, and the others return at once.
    pub async fn run(self, mut close: impl FnMut(TrimReport)) {
        let Some(_driving) = Driving::of(&self.0) else {
            return;
        };
        while let Some(due) = self.0.manager.next_due() {
            // A clock that does not reach so far waits for the end alone.
            match self.0.start.checked_add(due) {
                Some(due) => {
                    tokio::select! {
                        () = sleep_until(due) => {}
                        () = self.0.closed.notified() => continue,
                    }
                }
                None => self.0.closed.notified().await,
            }
            while let Some(event) = self.0.manager.poll(self.now()) {
                if let Event::Looked { trim: Some(trim), .. } = event
                    && !trim.close.is_empty()
                {
                    close(trim);
                }
            }
        }
    }

    /// Ends [`Runner::run`], and decay and background trims with it, as [`Manager::close`].
    pub fn close(&self) {
        self.0.manager.close();
        // Kept for who comes to wait: a close between looking and waiting is not missed.
        self.0.closed.notify_one();
    }
}

/// Who drives; also when its future is dropped half-way, another one may go on.
struct Driving<'a>(&'a Shared);

impl<'a> Driving<'a> {
    fn of(shared: &'a Shared) -> Option<Driving<'a>> {
        (!shared.driven.swap(true, Relaxed)).then_some(Driving(shared))
    }
}

impl Drop for Driving<'_> {
    fn drop(&mut self) {
        self.0.driven.store(false, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ConnectionId, Direction, Peer, Settings, Watermarks};

    /// A node at its high mark, with no grace period.
    fn full() -> Runner {
        let marks = Watermarks::new(1, 3).unwrap();
        let settings = Settings { marks, grace: Duration::ZERO, ..Settings::default() };
        let runner = Runner::new(Manager::new(settings).unwrap());
        for number in 0..3 {
            let peer = Peer::new(&[number]).unwrap();
            let (id, address) = (ConnectionId(number.into()), Arc::from("/ip4/192.0.2.1"));
            let (now, direction) = (runner.now(), Direction::Inbound);
            runner.manager().connection_opened(now, &peer, id, direction, address, 0).unwrap();
        }
        runner
    }

    #[tokio::test(start_paused = true)]
    async fn trims_come_when_they_are_due_and_end_when_it_is_closed() {
        let runner = full();
        let silence = runner.manager().info().silence;
        let (trims, mut trimmed) = tokio::sync::mpsc::unbounded_channel();
        let running = runner.clone().run(move |trim| trims.send(trim).unwrap());
        let running = tokio::spawn(running);
        let trim = trimmed.recv().await.unwrap();
        assert_eq!((trim.at, trim.close.len()), (silence, 2));
        assert!(runner.now() >= silence && runner.now() < silence * 2);

        runner.close();
        running.await.unwrap();
        assert!(runner.now() < silence * 2, "it did not wait for the next tick");
        assert!(trimmed.recv().await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn one_drives_at_a_time_and_another_may_go_on() {
        let runner = full();
        let first = tokio::spawn(runner.clone().run(|_| {}));
        tokio::task::yield_now().await;
        runner.clone().run(|_| unreachable!("another one drives")).await;
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());
        let (trims, mut trimmed) = tokio::sync::mpsc::unbounded_channel();
        let second = tokio::spawn(runner.clone().run(move |trim| trims.send(trim).unwrap()));
        assert_eq!(trimmed.recv().await.unwrap().close.len(), 2);
        runner.close();
        second.await.unwrap();
    }

    #[tokio::test]
    async fn a_runner_that_was_closed_before_ends_at_once() {
        let runner = full();
        runner.close();
        runner.run(|_| unreachable!("nothing is due")).await;
    }
}
