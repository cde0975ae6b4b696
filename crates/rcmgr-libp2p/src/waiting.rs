//! Streams that wait for room.
//!
//! Nobody tells when a scope has room again: a release is a subtraction from a counter. So who
//! waits tries again from time to time, and whenever a stream of the same connection has gone,
//! which is what a limit of its peer waits for.

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use atomic_waker::AtomicWaker;
use futures_timer::Delay;

/// How often who waits tries again by itself. A try costs as much as a refusal; what it delays
/// has waited for room already.
pub(crate) const RETRY: Duration = Duration::from_millis(100);
/// What every wait ends after. The sums of timers and of very long waits would overflow.
pub(crate) const CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);

/// The streams of a connection that have gone, and whom that concerns.
#[derive(Debug, Default)]
pub(crate) struct Departures {
    count: AtomicUsize,
    waiting: AtomicWaker,
}

impl Departures {
    /// A stream has given back its account.
    fn tell(&self) {
        // Release: who reads this count also sees the room that was made before it.
        self.count.fetch_add(1, Ordering::Release);
        self.waiting.wake();
    }

    fn watch(&self, cx: &Context<'_>) -> usize {
        // Before the count is read, so that a departure after it wakes.
        self.waiting.register(cx.waker());
        // Acquire: see `tell`.
        self.count.load(Ordering::Acquire)
    }
}

/// Tells of a departure when it is dropped.
pub(crate) struct Departure(pub(crate) Arc<Departures>);

impl Drop for Departure {
    fn drop(&mut self) {
        self.0.tell();
    }
}

/// When to try again.
#[derive(Debug)]
pub(crate) struct Retry {
    timer: Delay,
    departures: usize,
    due: bool,
}

impl Retry {
    /// It is time at once: there may be room since the refusal.
    pub(crate) fn new() -> Self {
        Retry { timer: Delay::new(RETRY), departures: 0, due: true }
    }

    /// Whether it is time to try again; if not, the task is woken when it is.
    pub(crate) fn is_due(&mut self, departures: &Departures, cx: &mut Context<'_>) -> bool {
        let departed = departures.watch(cx);
        let mut due = std::mem::replace(&mut self.departures, departed) != departed;
        while Pin::new(&mut self.timer).poll(cx).is_ready() {
            due = true;
            self.timer.reset(RETRY);
        }
        std::mem::take(&mut self.due) || due
    }
}

/// Inbound streams that wait for room, in the order in which they came.
#[derive(Debug)]
pub(crate) struct Queue<S> {
    streams: VecDeque<(S, Instant)>,
    /// There is one while there are streams.
    retry: Option<Retry>,
}

impl<S> Queue<S> {
    pub(crate) const fn new() -> Self {
        Queue { streams: VecDeque::new(), retry: None }
    }

    pub(crate) fn len(&self) -> usize {
        self.streams.len()
    }

    /// Lets a stream wait behind the others.
    pub(crate) fn push(&mut self, stream: S, until: Instant) {
        self.streams.push_back((stream, until));
    }

    /// The next stream, when `open` has room for it. Those that have waited too long are dropped.
    pub(crate) fn poll_next<H, E>(
        &mut self,
        departures: &Departures,
        cx: &mut Context<'_>,
        open: impl Fn() -> Result<H, E>,
    ) -> Poll<(S, H)> {
        while !self.streams.is_empty() {
            let retry = self.retry.get_or_insert_with(Retry::new);
            if !retry.is_due(departures, cx) {
                return Poll::Pending;
            }
            let now = Instant::now();
            let late = self.streams.partition_point(|(_, until)| *until <= now);
            self.streams.drain(..late);
            if !self.streams.is_empty()
                && let Ok(held) = open()
                && let Some((stream, _)) = self.streams.pop_front()
            {
                // There may be room for the one behind it, too.
                self.retry = None;
                return Poll::Ready((stream, held));
            }
        }
        self.retry = None;
        Poll::Pending
    }
}
