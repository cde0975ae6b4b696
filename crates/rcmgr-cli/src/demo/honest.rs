//! Honest clients: each has one connection and sends requests at a steady rate.

use std::{
    collections::{HashMap, VecDeque},
    io,
    ops::Range,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use hdrhistogram::Histogram;
use libp2p::request_response::OutboundRequestId;
use rand::RngExt as _;
use tokio::{
    sync::{oneshot, watch},
    time::{Instant, sleep_until},
};

use super::{
    client::{Client, Outcome, Target},
    stack::Party,
    work::{self, Answer, Work},
};

/// The pause between two requests of one client: ten requests a second, with jitter.
const PAUSE_MS: Range<u64> = 80..120;
/// What a request needs.
const MEMORY: Range<u64> = 16 << 10..64 << 10;
const HOLD_MS: u64 = 2;

/// The longest latency that is told apart, in microseconds: above every timeout.
const SLOWEST_US: u64 = 60_000_000;

/// What all honest clients together have seen.
pub struct Tally {
    requests: AtomicU64,
    served: AtomicU64,
    refused: AtomicU64,
    lost: AtomicU64,
    latency: Mutex<Latency>,
}

/// Microseconds from when a request was due to its answer.
struct Latency {
    whole: Histogram<u64>,
    recent: Histogram<u64>,
}

/// Numbers of a moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub requests: u64,
    pub served: u64,
    /// Answered with "no room".
    pub refused: u64,
    /// Not answered in time, or not at all.
    pub lost: u64,
}

impl Counts {
    pub fn failed(&self) -> u64 {
        self.refused + self.lost
    }
}

/// Latencies of served requests.
#[derive(Clone, Copy, Debug)]
pub struct Quantiles {
    pub median: Duration,
    pub p99: Duration,
    pub max: Duration,
}

impl Quantiles {
    fn of(histogram: &Histogram<u64>) -> Option<Quantiles> {
        let at = |quantile| Duration::from_micros(histogram.value_at_quantile(quantile));
        let max = Duration::from_micros(histogram.max());
        (!histogram.is_empty()).then(|| Quantiles { median: at(0.5), p99: at(0.99), max })
    }
}

impl Tally {
    pub fn new() -> Tally {
        let histogram =
            || Histogram::new_with_bounds(1, SLOWEST_US, 2).expect("the bounds are in order");
        Tally {
            requests: AtomicU64::new(0),
            served: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            latency: Mutex::new(Latency { whole: histogram(), recent: histogram() }),
        }
    }

    pub fn counts(&self) -> Counts {
        Counts {
            requests: self.requests.load(Relaxed),
            served: self.served.load(Relaxed),
            refused: self.refused.load(Relaxed),
            lost: self.lost.load(Relaxed),
        }
    }

    /// Latencies of the whole run.
    pub fn latency(&self) -> Option<Quantiles> {
        self.with_latency(|latency| Quantiles::of(&latency.whole))
    }

    /// Latencies since the last call.
    pub fn recent_latency(&self) -> Option<Quantiles> {
        self.with_latency(|latency| {
            let recent = Quantiles::of(&latency.recent);
            latency.recent.reset();
            recent
        })
    }

    fn with_latency<T>(&self, f: impl FnOnce(&mut Latency) -> T) -> T {
        f(&mut self.latency.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Another request is due.
    pub fn requested(&self) {
        self.requests.fetch_add(1, Relaxed);
    }

    /// Requests that have no answer, or too late.
    pub fn lost(&self, count: usize) {
        self.lost.fetch_add(count as u64, Relaxed);
    }

    /// A request was served.
    pub fn served(&self, latency: Duration) {
        self.served.fetch_add(1, Relaxed);
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.with_latency(|latency| {
            latency.whole.saturating_record(micros);
            latency.recent.saturating_record(micros);
        });
    }
}

/// One honest client at work.
struct Honest {
    client: Client,
    tally: Arc<Tally>,
    next: Instant,
    /// When the requests were due that wait for the connection. Those too old are given up.
    waiting: VecDeque<Instant>,
    /// When the requests were due that wait for their answer, and their number.
    in_flight: HashMap<OutboundRequestId, (Instant, u64)>,
    sent: u64,
}

/// Runs one honest client until it is told to stop and its requests have their outcome.
///
/// # Errors
/// The client cannot be made.
pub async fn run(
    target: Target,
    index: u16,
    seed: u64,
    tally: Arc<Tally>,
    ready: oneshot::Sender<()>,
    mut stop: watch::Receiver<bool>,
) -> io::Result<()> {
    let mut client = Client::new(target, Party::Honest(index), seed)?;
    while !client.is_connected() {
        tokio::select! {
            _ = client.next() => {}
            _ = stop.wait_for(|stop| *stop) => return Ok(()),
        }
    }
    // Whoever started the clients may have stopped waiting for them.
    let _ = ready.send(());
    let mut honest = Honest {
        client,
        tally,
        next: Instant::now(),
        waiting: VecDeque::new(),
        in_flight: HashMap::new(),
        sent: 0,
    };
    honest.advance();
    loop {
        tokio::select! {
            outcome = honest.client.next() => honest.on_outcome(outcome),
            () = sleep_until(honest.next) => honest.on_due(),
            _ = stop.wait_for(|stop| *stop) => break,
        }
    }
    honest.drain().await;
    Ok(())
}

impl Honest {
    fn advance(&mut self) {
        self.next += Duration::from_millis(self.client.rng().random_range(PAUSE_MS));
    }

    fn on_due(&mut self) {
        self.tally.requested();
        self.waiting.push_back(self.next);
        self.advance();
        while self.waiting.front().is_some_and(|due| due.elapsed() > work::TIMEOUT) {
            self.waiting.pop_front();
            self.tally.lost(1);
        }
        self.send_waiting();
    }

    fn send_waiting(&mut self) {
        while self.client.is_connected() {
            let Some(due) = self.waiting.pop_front() else { return };
            let memory = self.client.rng().random_range(MEMORY);
            let number = self.sent;
            self.sent += 1;
            let id = self.client.send(Work { id: number, memory, hold_ms: HOLD_MS });
            self.in_flight.insert(id, (due, number));
        }
    }

    fn on_outcome(&mut self, outcome: Option<Outcome>) {
        let Some((id, answer)) = outcome else {
            self.send_waiting();
            return;
        };
        let Some((due, number)) = self.in_flight.remove(&id) else { return };
        match answer {
            Some(Answer::Done { id }) if id == number => self.tally.served(due.elapsed()),
            Some(Answer::NoRoom) => {
                self.tally.refused.fetch_add(1, Relaxed);
            }
            Some(Answer::Done { .. }) | None => self.tally.lost(1),
        }
    }

    /// Waits for the answers that are still to come; what has none in time is lost.
    async fn drain(mut self) {
        let deadline = Instant::now() + work::TIMEOUT;
        while !self.in_flight.is_empty() || !self.waiting.is_empty() {
            tokio::select! {
                outcome = self.client.next() => self.on_outcome(outcome),
                () = sleep_until(deadline) => break,
            }
        }
        self.tally.lost(self.in_flight.len() + self.waiting.len());
    }
}
