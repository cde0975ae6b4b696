//! The places for streams in a connection.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
};

/// The places of one connection. Only its muxer takes them; streams give them back from anywhere.
#[derive(Debug)]
pub(super) struct Places(Arc<Mutex<Shared>>);

#[derive(Debug)]
struct Shared {
    free: usize,
    /// Whoever waits for a place.
    waiting: Option<Waker>,
}

/// A place, which is free again when this is dropped.
#[derive(Debug)]
pub(super) struct Place(Arc<Mutex<Shared>>);

impl Places {
    pub(super) fn new(free: usize) -> Self {
        Places(Arc::new(Mutex::new(Shared { free, waiting: None })))
    }

    /// Takes a place, unless there is none.
    pub(super) fn take(&self) -> Option<Place> {
        let mut shared = lock(&self.0);
        shared.free = shared.free.checked_sub(1)?;
        Some(Place(self.0.clone()))
    }

    /// Ready while there is a place.
    pub(super) fn poll_free(&self, cx: &Context<'_>) -> Poll<()> {
        let mut shared = lock(&self.0);
        if shared.free > 0 {
            return Poll::Ready(());
        }
        shared.waiting = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let waiting = {
            let mut shared = lock(&self.0);
            shared.free += 1;
            shared.waiting.take()
        };
        if let Some(waker) = waiting {
            waker.wake();
        }
    }
}

/// Nothing that is done under the lock can leave the numbers wrong.
fn lock(shared: &Mutex<Shared>) -> MutexGuard<'_, Shared> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
