//! Rounds over 100,000 connections, and what they cost those who notify meanwhile.

use std::{
    num::NonZeroUsize,
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use rcmgr_connmgr::{
    Action, ConnectionId, Direction, Opened, Peer, Regulator, RegulatorSettings, Score, Scoring,
    ShareSettings, StreamId, StreamView,
    quota::{Amount, Answer, Matcher, QuotaSpec},
    round::{Aim, Mode},
};
use rcmgr_core::Limits;
use rustix::time::ClockId;

use super::{cpu_time, trims::CONNECTIONS};
use crate::keys;

/// How many connections a round closes that closes some.
pub const CLOSE: u32 = 10_000;

/// Streams of each connection.
pub const STREAMS: u64 = 4;

/// The protocols that are enrolled; a connection has streams of three.
pub const PROTOCOLS: [&str; 4] = ["dht", "gossip", "bulk", "sync"];

/// The connection that comes and goes beside rounds; all others have lower numbers.
const BESIDE: ConnectionId = ConnectionId(u64::MAX);

/// A stream that comes and goes beside rounds.
const STREAM: StreamId = StreamId(STREAMS);

/// Rounds, and notifications alone and beside them. Times in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Regulation {
    /// Rounds that close nobody.
    pub quiet: RoundTimes,
    /// Rounds that close 10,000.
    pub closing: RoundTimes,
    /// Notifications without a round.
    pub alone: Delays,
    /// Notifications beside rounds.
    pub beside: Delays,
}

/// What rounds take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RoundTimes {
    /// The fastest.
    pub fastest: f64,
    /// The median.
    pub median: f64,
    /// The median of what a processor did for each.
    pub cpu: f64,
}

/// How long notifications take.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Delays {
    /// The 50th, the 99th and the 99.9th percentile.
    pub within: [f64; 3],
    /// The longest.
    pub longest: f64,
}

/// Makes so many rounds of each kind.
pub fn regulation(times: usize) -> Regulation {
    let mut node = Node::new();
    let (mut quiet, mut closing, mut beside) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..times {
        quiet.push(node.round(Aim::Leave(CONNECTIONS as u32 + 1), &mut beside));
        closing.push(node.round(Aim::Room(CLOSE), &mut beside));
        node.refill();
    }
    let took = quiet.iter().chain(&closing).map(|(took, _)| *took).sum::<Duration>();
    let end = Instant::now() + took;
    let alone = node.notify(|| Instant::now() >= end);
    Regulation {
        quiet: RoundTimes::of(&quiet),
        closing: RoundTimes::of(&closing),
        alone: Delays::of(alone),
        beside: Delays::of(beside),
    }
}

/// A regulator full of connections.
struct Node {
    regulator: Regulator,
    open: Vec<ConnectionId>,
    /// How many connections there ever were.
    opened: u64,
    address: Arc<str>,
    start: Instant,
}

impl Node {
    fn new() -> Node {
        // So many more than there are that it makes no rounds by itself.
        let soft = Some(2 * CONNECTIONS as u32);
        let share = ShareSettings { soft, ..ShareSettings::default() };
        // All streams at once, and on this thread.
        let batch = NonZeroUsize::new(2 * CONNECTIONS * STREAMS as usize).expect("it is not 0");
        let scoring = Scoring::Inline(batch);
        let mut settings = RegulatorSettings { share, scoring, ..RegulatorSettings::default() };
        settings.manager.grace = Duration::ZERO;
        let regulator = Regulator::new(settings, &Limits::default());
        let mut node = Node {
            regulator: regulator.expect("the settings make sense"),
            open: Vec::with_capacity(CONNECTIONS),
            opened: 0,
            address: "/ip4/192.0.2.1/udp/4001/quic-v1".into(),
            start: Instant::now(),
        };
        for name in PROTOCOLS {
            let spec = QuotaSpec::new(Amount::Bp(1000), Amount::Unbounded);
            let matchers = [Matcher::Exact(name.into())];
            let answer = node.regulator.enroll(node.now(), name, &matchers, spec);
            let Ok(Answer::Granted(protocol)) = answer else { panic!("there is enough for all") };
            let scorer = |stream: &StreamView| {
                Score::new(
                    (keys::scatter(stream.connection.0 ^ stream.stream.0 << 48) % 1000) as i64,
                )
            };
            let set = node.regulator.set_scorer(protocol, Arc::new(scorer));
            set.expect("it is enrolled");
        }
        node.refill();
        node
    }

    fn now(&self) -> Duration {
        // Beyond what a node is young in.
        Duration::from_secs(1000) + self.start.elapsed()
    }

    /// Opens as many connections as are missing, with all that belongs to them, and has them scored.
    fn refill(&mut self) {
        while self.open.len() < CONNECTIONS {
            let number = self.opened;
            let id = ConnectionId(number);
            self.opened += 1;
            let peer = Peer::new(&keys::peer(number)).expect("it is not empty");
            self.open_one(id, &peer);
            let value = (keys::scatter(number) % 100) as i64;
            self.tag(&peer, value);
            for stream in 0..STREAMS {
                let protocol = PROTOCOLS[((number + stream % 3) % 4) as usize];
                let now = self.now();
                self.regulator.stream_opened(now, id, StreamId(stream), Direction::Inbound);
                self.regulator.stream_protocol(now, id, StreamId(stream), protocol);
            }
            self.open.push(id);
        }
        self.poll();
    }

    /// Has streams scored, and closes what has to go.
    fn poll(&mut self) {
        let mut gone = Vec::new();
        for action in self.regulator.poll(self.now()) {
            if let Action::Close(eviction) = action {
                self.regulator.connection_closed(self.now(), eviction.connection);
                gone.push(eviction.connection);
            }
        }
        gone.sort_unstable();
        self.open.retain(|id| gone.binary_search(id).is_err());
    }

    fn open_one(&self, id: ConnectionId, peer: &Peer) {
        let direction =
            if id.0.is_multiple_of(3) { Direction::Outbound } else { Direction::Inbound };
        let network = Some(keys::address(id.0 as u32 & 0xff_ffff).into());
        let address = self.address.clone();
        let opened = Opened { peer, id, direction, address, network, descriptor: true };
        self.regulator.connection_opened(self.now(), opened).expect("there is room");
    }

    fn tag(&self, peer: &Peer, value: i64) {
        self.regulator.manager().tag(self.now(), peer, "value", value).expect("there is room");
    }

    /// Makes a round while another thread notifies. The time of the round and what a processor did for
    /// it.
    fn round(&mut self, aim: Aim, beside: &mut Vec<u64>) -> (Duration, Duration) {
        let (over, together) = (AtomicBool::new(false), Barrier::new(2));
        let (report, took, cpu) = thread::scope(|scope| {
            let notifying = scope.spawn(|| {
                together.wait();
                self.notify(|| over.load(Relaxed))
            });
            together.wait();
            let now = self.now();
            let (start, cpu) = (Instant::now(), cpu_time(ClockId::ThreadCPUTime));
            let report = self.regulator.regulate(now, aim, Mode::Batch);
            let took = start.elapsed();
            let cpu = cpu_time(ClockId::ThreadCPUTime) - cpu;
            over.store(true, Relaxed);
            beside.extend(notifying.join().expect("nothing panics"));
            (report, took, cpu)
        });
        let close = if let Aim::Room(close) = aim { close as usize } else { 0 };
        assert_eq!(report.evictions.len(), close, "{:?}", report.report.unmet);
        self.poll();
        (took, cpu)
    }

    /// Notifies until it is over, once at least, and takes the time of each notification: a connection
    /// comes, is tagged and goes, and on one that stays a stream does.
    fn notify(&self, over: impl Fn() -> bool) -> Vec<u64> {
        let peer = Peer::new(&keys::peer(u64::MAX)).expect("it is not empty");
        let mut samples = Vec::with_capacity(1 << 20);
        let mut take = |notification: &dyn Fn()| {
            let start = Instant::now();
            notification();
            samples.push(start.elapsed().as_nanos() as u64);
        };
        for turn in 0.. {
            let id = self.open[keys::scatter(turn) as usize % self.open.len()];
            let regulator = &self.regulator;
            take(&|| self.open_one(BESIDE, &peer));
            take(&|| self.tag(&peer, 100));
            take(&|| regulator.stream_opened(self.now(), id, STREAM, Direction::Inbound));
            take(&|| regulator.stream_protocol(self.now(), id, STREAM, PROTOCOLS[0]));
            take(&|| regulator.stream_closed(self.now(), id, STREAM));
            take(&|| {
                regulator.connection_closed(self.now(), BESIDE);
            });
            if over() {
                break;
            }
        }
        samples
    }
}

impl RoundTimes {
    fn of(rounds: &[(Duration, Duration)]) -> RoundTimes {
        let sorted = |of: fn(&(Duration, Duration)) -> Duration| {
            let mut all: Vec<f64> =
                rounds.iter().map(|round| of(round).as_nanos() as f64).collect();
            all.sort_by(f64::total_cmp);
            all
        };
        let (wall, cpu) = (sorted(|(wall, _)| *wall), sorted(|(_, cpu)| *cpu));
        RoundTimes { fastest: wall[0], median: wall[wall.len() / 2], cpu: cpu[cpu.len() / 2] }
    }
}

impl Delays {
    fn of(mut samples: Vec<u64>) -> Delays {
        samples.sort_unstable();
        let at = |share: f64| samples[((samples.len() - 1) as f64 * share) as usize] as f64;
        Delays { within: [0.5, 0.99, 0.999].map(at), longest: at(1.0) }
    }
}
