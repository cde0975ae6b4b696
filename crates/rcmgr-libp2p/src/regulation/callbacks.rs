//! Runs functions of the application off the task of the swarm.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::mpsc::{SyncSender, sync_channel},
    thread,
};

/// How many may wait. What a lock waits for is bounded in time anyway: who is not told loses it.
const MOST: usize = 1024;

/// What is to be run.
pub(super) type Callback = Box<dyn FnOnce() + Send>;

/// A thread that runs callbacks one after the other. It begins with the first, and ends with the
/// last one after this was dropped.
#[derive(Debug, Default)]
pub(super) struct Callbacks {
    to_run: Option<SyncSender<Callback>>,
    /// Those that nobody ran.
    lost: u64,
}

impl Callbacks {
    /// Runs it soon, or never: where too many wait, or there is no thread to be had.
    pub fn run(&mut self, callback: Callback) {
        if self.to_run.is_none() {
            self.to_run = begin();
        }
        let sent = self.to_run.as_ref().is_some_and(|to_run| to_run.try_send(callback).is_ok());
        self.lost += u64::from(!sent);
    }

    pub fn lost(&self) -> u64 {
        self.lost
    }
}

fn begin() -> Option<SyncSender<Callback>> {
    let (to_run, callbacks) = sync_channel::<Callback>(MOST);
    let run = move || {
        for callback in callbacks {
            // One that panics has told so by the hook; the others are to run all the same.
            let _ = catch_unwind(AssertUnwindSafe(callback));
        }
    };
    thread::Builder::new().name("rcmgr-callbacks".to_owned()).spawn(run).ok()?;
    Some(to_run)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use super::*;

    #[test]
    fn one_that_panics_does_not_keep_the_next_from_running() {
        let mut callbacks = Callbacks::default();
        let (tell, told) = channel();
        callbacks.run(Box::new(|| std::panic::resume_unwind(Box::new("a fault"))));
        callbacks
            .run(Box::new(move || tell.send(thread::current().name().map(str::to_owned)).unwrap()));
        assert_eq!(told.recv().unwrap().as_deref(), Some("rcmgr-callbacks"));
        assert_eq!(callbacks.lost(), 0);
    }

    #[test]
    fn one_that_never_ends_makes_no_more_wait_than_the_bound() {
        let mut callbacks = Callbacks::default();
        let (end, ended): (_, Receiver<()>) = channel();
        let (tell, told) = channel();
        callbacks.run(Box::new(move || {
            tell.send(()).unwrap();
            let _ = ended.recv();
        }));
        told.recv().unwrap();
        for _ in 0..MOST + 5 {
            callbacks.run(Box::new(|| {}));
        }
        assert_eq!(callbacks.lost(), 5);
        drop(end);
    }
}
