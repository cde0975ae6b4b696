//! The honest clients: some keep their connection, and one request of ten comes over a connection of
//! its own, by a client that the node has not seen lately.
//!
//! In an open loop requests are due by a schedule, whatever became of those before, and their
//! latency counts from then. What has no answer [`TIMEOUT`] after it was due has failed.

mod fresh;
mod regular;

use std::{io, sync::Arc, time::Duration};

use futures::future::join_all;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep, timeout},
};

use self::regular::Regular;
use super::{
    message::{self, Answer, Load, Order, Served},
    party::{begin, say},
};
use crate::demo::{client::Target, honest::Tally, work::Work};

/// How long an answer may take from when the request was due.
pub const TIMEOUT: Duration = Duration::from_secs(2);
/// One request of so many comes over a connection of its own.
pub const FRESH_EVERY: u64 = 10;

/// How long the clients may take to connect.
const ASSEMBLY: Duration = Duration::from_secs(10);
/// The pause between the first dials of two clients.
const ARRIVAL: Duration = Duration::from_millis(10);
/// How often the schedule is looked at.
const TICK: Duration = Duration::from_millis(1);
/// Requests over connections of their own that are under way at once; more have failed when they
/// are due, as those of a client that has run out of sockets.
const FRESH_AT_ONCE: usize = 1024;
/// What a request needs for a moment.
const MEMORY: u64 = 32 << 10;

/// A request that is due.
struct Due {
    at: Instant,
    number: u64,
    /// In a closed loop, the place that its outcome makes free.
    _place: Option<OwnedSemaphorePermit>,
}

impl Due {
    fn work(&self) -> Work {
        Work { id: self.number, memory: MEMORY, hold_ms: 0 }
    }

    /// When it has failed.
    fn deadline(&self) -> Instant {
        self.at + TIMEOUT
    }

    /// Enters an answer that came now.
    fn answered(&self, tally: &Tally) {
        match self.at.elapsed() {
            late if late > TIMEOUT => tally.lost(1),
            latency => tally.served(latency),
        }
    }
}

/// Plays the honest clients.
///
/// # Errors
/// They cannot connect to the node.
pub async fn play(
    plan: message::Honest,
    seed: u64,
    mut orders: mpsc::Receiver<Order>,
) -> io::Result<()> {
    let mut crowd = Crowd {
        target: plan.target.target()?,
        seed,
        tally: Arc::new(Tally::new()),
        clients: Vec::new(),
        work: JoinSet::new(),
        fresh: Arc::new(Semaphore::new(FRESH_AT_ONCE)),
        asked: 0,
    };
    crowd.assemble(plan.clients).await?;
    say(&Answer::Ready)?;
    begin(&mut orders).await?;
    let start = Instant::now();
    match plan.load {
        Load::Open { per_second } => crowd.follow(per_second, plan.duration).await,
        Load::Closed { at_once } => crowd.press(at_once, plan.duration).await,
    }
    let seconds = start.elapsed().as_secs_f64();
    let served = crowd.disperse(seconds).await;
    say(&Answer::Served(served))?;
    // The connections stay until the process is told to go: those of the attack are to be seen alone
    // by nobody.
    while orders.recv().await.is_some() {}
    Ok(())
}

/// All honest clients.
struct Crowd {
    target: Target,
    seed: u64,
    tally: Arc<Tally>,
    clients: Vec<mpsc::UnboundedSender<Due>>,
    work: JoinSet<()>,
    fresh: Arc<Semaphore>,
    asked: u64,
}

impl Crowd {
    /// Connects the clients that keep their connection.
    async fn assemble(&mut self, clients: u16) -> io::Result<()> {
        let mut connecting = Vec::new();
        for index in 0..clients {
            let client = Regular::new(self.target.clone(), index, self.seed, self.tally.clone())?;
            connecting.push(tokio::spawn(client.connect()));
            sleep(ARRIVAL).await;
        }
        let all = timeout(ASSEMBLY, join_all(connecting));
        let connected =
            all.await.map_err(|_| io::Error::other("the honest clients could not connect"))?;
        for client in connected {
            // Bounded by the time that a request may wait; the schedule goes on, as the world does.
            let (sender, requests) = mpsc::unbounded_channel();
            self.clients.push(sender);
            self.work.spawn(client?.run(requests));
        }
        Ok(())
    }

    /// Asks by a schedule.
    async fn follow(&mut self, per_second: f64, duration: Duration) {
        let start = Instant::now();
        let all = (per_second * duration.as_secs_f64()) as u64;
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        while self.asked < all {
            ticks.tick().await;
            let due = (start.elapsed().as_secs_f64() * per_second) as u64;
            while self.asked < due.min(all) {
                let at = start + Duration::from_secs_f64(self.asked as f64 / per_second);
                self.ask(at, None);
            }
        }
    }

    /// Asks again for each outcome.
    async fn press(&mut self, at_once: u16, duration: Duration) {
        let places = Arc::new(Semaphore::new(at_once.into()));
        let start = Instant::now();
        while start.elapsed() < duration {
            let place = places.clone().acquire_owned().await;
            self.ask(Instant::now(), Some(place.expect("nobody closes it")));
        }
    }

    fn ask(&mut self, at: Instant, place: Option<OwnedSemaphorePermit>) {
        let number = self.asked;
        self.asked += 1;
        let due = Due { at, number, _place: place };
        self.tally.requested();
        if number.is_multiple_of(FRESH_EVERY) {
            let Ok(permit) = self.fresh.clone().try_acquire_owned() else {
                self.tally.lost(1);
                return;
            };
            let (target, tally, seed) = (self.target.clone(), self.tally.clone(), self.seed);
            self.work.spawn(async move {
                fresh::ask(due, target, seed, &tally).await;
                drop(permit);
            });
            // Those that are done are forgotten here.
            while self.work.try_join_next().is_some() {}
        } else {
            let client = number as usize % self.clients.len();
            // A client that had to give up has lost all that it was asked.
            if self.clients[client].send(due).is_err() {
                self.tally.lost(1);
            }
        }
    }

    /// Waits for the outcomes that are still to come.
    async fn disperse(mut self, seconds: f64) -> Served {
        self.clients.clear();
        while self.work.join_next().await.is_some() {}
        let counts = self.tally.counts();
        let latency = self.tally.latency();
        let micros = |latency: Duration| latency.as_micros() as u64;
        Served {
            offered: counts.requests,
            served: counts.served,
            seconds,
            p50_us: latency.map_or(0, |latency| micros(latency.median)),
            p99_us: latency.map_or(0, |latency| micros(latency.p99)),
            max_us: latency.map_or(0, |latency| micros(latency.max)),
        }
    }
}
