//! `rcmgr demo`: a node under limits, honest clients and abusers, in one process and through
//! real sockets, with two checks on the living manager: no charge passed its limit, and every
//! counter is zero once the clients have left.

pub mod abusers;
pub mod client;
pub mod honest;
pub mod limits;
pub mod multistream;
pub mod node;
pub mod observe;
mod report;
mod sample;
mod screen;
pub mod settle;
pub mod stack;
pub mod text;
pub mod work;

use std::{
    future::pending,
    io::{self, Write as _},
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use futures::future::join_all;
use rcmgr_core::{Amount, Limits, Priority, ResourceManager};
use tokio::{
    runtime::Runtime,
    signal,
    sync::{oneshot, watch},
    task::JoinSet,
    time::{Instant, interval_at, sleep, sleep_until, timeout},
};

use crate::args::{Demo, Fault};
use abusers::{Abuser, Kind};
use client::Target;
use honest::Tally;
use node::Node;
use observe::Watch;
use report::Report;
use sample::Sampler;
use screen::Screen;
use settle::settle;

/// How many honest clients there are if nobody says.
const HONEST: u16 = 8;
/// How long the honest clients may take to connect before the abusers begin.
const ASSEMBLY: Duration = Duration::from_secs(10);
/// The pause between the first dials of two honest clients: all at once, they would themselves
/// be a burst of handshakes.
const ARRIVAL: Duration = Duration::from_millis(10);
const SECOND: Duration = Duration::from_secs(1);

/// Runs the demonstration; the exit code says whether both checks passed.
pub fn main(args: &Demo) -> ExitCode {
    let outcome = Runtime::new().and_then(|runtime| runtime.block_on(run(args)));
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Nothing is left to be done when this cannot be told either.
            let _ = writeln!(io::stderr(), "rcmgr: the demonstration could not run: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Demo) -> io::Result<bool> {
    let seed = args.seed;
    let suspects = Kind::ALL.into_iter().filter_map(|kind| Some((kind, kind.peer(seed)?)));
    let watch = Arc::new(Watch::new(suspects));
    let honest = args.honest.unwrap_or(HONEST);
    let limits = limits::limits(honest);
    let manager = ResourceManager::builder().limits(limits.clone()).observer(watch.clone()).build();
    let node =
        Node::start(manager.clone(), seed, Node::any_port(), Node::base_memory(), None).await?;
    let target = Target { peer: node.peer, socket: node.socket()? };

    let mut screen = Screen::new(title(args, honest, &target), args.duration);
    let mut crowd = Crowd::new(target, args, honest);
    let interrupted = interrupted();
    tokio::pin!(interrupted);
    let mut running = tokio::select! {
        result = crowd.assemble() => { result?; true }
        () = &mut interrupted => false,
    };
    let start = Instant::now();
    if running {
        crowd.release_abusers();
        if let Some(fault) = args.inject {
            inject(fault, &manager, &limits)?;
        }
    }

    let mut sampler = Sampler::new(&manager, &limits, &watch, &crowd.tally);
    // Nobody reads any more when the screen fails; then the run ends as if interrupted.
    let mut reader = screen.open();
    let mut seconds = interval_at(start + SECOND, SECOND);
    while running && reader.is_ok() && start.elapsed() < args.duration {
        tokio::select! {
            biased;
            () = sleep_until(start + args.duration) => {}
            () = &mut interrupted => running = false,
            _ = seconds.tick() => reader = screen.show(&sampler.take(start.elapsed())),
        }
    }
    let elapsed = start.elapsed();
    if reader.is_ok() {
        reader = screen.show(&sampler.take(elapsed));
    }
    let abusers = crowd.disperse().await?;
    let report = Report {
        elapsed,
        seed,
        clients: honest,
        honest: crowd.tally.counts(),
        latency: crowd.tally.latency(),
        abusers,
        limits: &limits,
        watch: &watch,
        settled: settle(&manager).await,
    };
    if reader.is_ok() {
        let mut lines = report.lines(screen.paint());
        if args.json {
            lines.push(report.json().to_string());
        }
        // The exit code still tells those who have stopped reading.
        let _ = screen.lines(&lines);
    }
    Ok(report.is_sound())
}

/// Ready on Ctrl-C; never, where that cannot be listened for.
async fn interrupted() {
    if signal::ctrl_c().await.is_err() {
        pending().await
    }
}

fn title(args: &Demo, honest: u16, target: &Target) -> Vec<String> {
    vec![
        format!("rcmgr demo: a libp2p node on {}, seed {}", target.socket, args.seed),
        format!("{honest} honest clients; abusers: {}", args.abusers),
    ]
}

/// Everybody who connects to the node.
struct Crowd<'a> {
    target: Target,
    args: &'a Demo,
    clients: u16,
    tally: Arc<Tally>,
    honest: JoinSet<io::Result<()>>,
    stop: watch::Sender<bool>,
    abusers: JoinSet<io::Result<()>>,
    tries: Vec<(Kind, Arc<AtomicU64>)>,
}

impl<'a> Crowd<'a> {
    fn new(target: Target, args: &'a Demo, clients: u16) -> Crowd<'a> {
        Crowd {
            target,
            args,
            clients,
            tally: Arc::new(Tally::new()),
            honest: JoinSet::new(),
            stop: watch::Sender::new(false),
            abusers: JoinSet::new(),
            tries: Vec::new(),
        }
    }

    /// Starts the honest clients and waits until they are connected.
    async fn assemble(&mut self) -> io::Result<()> {
        let mut arrivals = Vec::new();
        for index in 0..self.clients {
            let (ready, arrival) = oneshot::channel();
            arrivals.push(arrival);
            let (target, tally) = (self.target.clone(), self.tally.clone());
            let stop = self.stop.subscribe();
            self.honest.spawn(honest::run(target, index, self.args.seed, tally, ready, stop));
            sleep(ARRIVAL).await;
        }
        match timeout(ASSEMBLY, join_all(arrivals)).await {
            Ok(arrived) if arrived.iter().all(Result::is_ok) => Ok(()),
            _ => Err(io::Error::other("the honest clients could not connect to the node")),
        }
    }

    fn release_abusers(&mut self) {
        for kind in self.args.abusers.0.iter().copied() {
            let tries = Arc::new(AtomicU64::new(0));
            self.tries.push((kind, tries.clone()));
            let abuser = Abuser { kind, target: self.target.clone(), seed: self.args.seed, tries };
            self.abusers.spawn(abuser.run());
        }
    }

    /// Sends everybody away, the honest after their last answer, and says how often each abuser
    /// has tried.
    ///
    /// # Errors
    /// Somebody had given up before, so that the run does not show what it should.
    async fn disperse(&mut self) -> io::Result<Vec<(Kind, u64)>> {
        while let Some(ended) = self.abusers.try_join_next() {
            ended??;
        }
        self.abusers.shutdown().await;
        self.stop.send_replace(true);
        while let Some(ended) = self.honest.join_next().await {
            ended??;
        }
        Ok(self.tries.iter().map(|(kind, tries)| (*kind, tries.load(Relaxed))).collect())
    }
}

/// Breaks a rule, in the system scope.
fn inject(fault: Fault, manager: &ResourceManager, limits: &Limits) -> io::Result<()> {
    let system = manager.system();
    match fault {
        Fault::Leak => {
            let memory = system.reserve_memory(1, Priority::ALWAYS).map_err(io::Error::other)?;
            std::mem::forget(memory.into_owned());
        }
        Fault::Overshoot => {
            drop(system.overshoot(Amount::memory(limits.system.memory.get() + 1)));
        }
    }
    Ok(())
}
