//! The connection manager, version 2: the parts of it as one.

mod action;
mod attachments;
mod bursting;
mod connections;
mod counts;
mod drive;
mod error;
mod explained;
mod grace;
mod held;
mod json;
mod lingering;
mod locking;
mod look;
mod make_room;
mod network;
mod outbox;
mod peers;
mod protocols;
mod rounds;
mod scoring;
mod settings;
mod snapshot;
mod steering;
mod streams;
mod table;
mod taking_back;
mod told;
mod tuning;
mod turns;
mod users;
mod wake;

#[cfg(test)]
mod tests;

pub use action::{Action, RegulatorEvent};
pub use error::{BeginError, BurstError, LockError, NoRoom, RegulatorError};
pub use explained::{Explained, ExplainedConnection, Said};
pub use protocols::EnrolledProtocol;
pub use settings::{RegulatorSettings, Scoring};
pub use snapshot::{ConnectionTold, RegulatorSnapshot};
pub use told::{Eviction, Opened, Room, RoundReport, Wanted};
pub use tuning::Tuning;

use std::{
    hash::BuildHasher,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use foldhash::quality::RandomState;
use rcmgr_core::Limits;

use crate::{
    Manager, Settings, Share, ShareError, Watermarks,
    burst::Bursts,
    lock::{LockBudgets, Locks},
    observe::{Events, Journal},
    round::Policy,
    scoring::Voices,
    sense::Level,
    time::Clock,
    unpoisoned::unpoisoned,
};

use counts::Counts;
use grace::Grace;
use network::NetworkHash;
use outbox::Outbox;
use peers::Peers;
use scoring::Scorings;
use steering::{Directory, Steering};
use table::Table;
use taking_back::Owed;
use turns::Turns;
use wake::Wake;

/// Knows connections, what they are used for and what they are worth, and decides which go: when
/// there are more than the [share](Share) of the hard limits, when the environment presses, when a
/// protocol has more than its quota, when a better one comes.
///
/// It does no I/O and has no clock. Tell it what happens; call [`Regulator::poll`] when
/// [`Regulator::next_due`] is reached or the [waker](Regulator::set_waker) is called, and do what it
/// says. Every decision to close is handed out by `poll`, whoever asked for it, and handed out again
/// if the connection is not told to be closed.
///
/// Times are durations since a fixed start; one that is before an earlier one, by a millisecond or
/// more, is taken for that.
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use rcmgr_connmgr::{
///     Action, ConnectionId, Direction, Opened, Peer, Regulator, RegulatorSettings, ShareSettings,
/// };
/// use rcmgr_core::Limits;
///
/// let share = ShareSettings { soft: Some(2), low: Some(1), ..ShareSettings::default() };
/// let mut settings = RegulatorSettings { share, ..RegulatorSettings::default() };
/// settings.manager.grace = Duration::ZERO;
/// let regulator = Regulator::new(settings, &Limits::default())?;
/// let now = Duration::from_secs(60);
/// for id in 1..=3 {
///     let peer = Peer::new(&[id])?;
///     let address = Arc::from(format!("/ip4/192.0.2.{id}"));
///     let (id, direction) = (ConnectionId(id.into()), Direction::Inbound);
///     let (network, descriptor) = (None, true);
///     let opened = Opened { peer: &peer, id, direction, address, network, descriptor };
///     regulator.connection_opened(now, opened)?;
///     regulator.manager().tag(now, &peer, "useful", 10 * id.0 as i64)?;
/// }
/// let mut closed = Vec::new();
/// for action in regulator.poll(now) {
///     if let Action::Close(eviction) = action {
///         regulator.connection_closed(now, eviction.connection);
///         closed.push(eviction.connection);
///     }
/// }
/// assert_eq!(closed, [ConnectionId(1)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # From many threads
/// All methods may be called from any number of threads at once. What concerns one connection happens
/// one after the other, under the lock of one of 256 shards, held for a short time. A round copies what
/// it goes by shard by shard, decides without a lock, and closes by one exchange of the connection's
/// word each, so that a lock and a decision to close never both win. Rounds are made one after the
/// other. No function of the caller's runs under a lock, but for [inline](Scoring::Inline) scorers.
///
/// # Bounds
/// What is kept grows with the connections, protections and tags that
/// [`Bounds`](crate::Bounds) allows, with [streams](RegulatorSettings::streams_per_connection) of each
/// connection, and with locks, bursts and protocols that this side asks for. No remote makes it work
/// more often than [`Rules`](crate::trigger::Rules) say.
#[derive(Debug)]
pub struct Regulator {
    manager: Manager,
    table: Table,
    peers: Peers,
    networks: NetworkHash,
    locks: Locks,
    bursts: Mutex<Bursts>,
    scorings: Scorings,
    steering: Mutex<Steering>,
    directory: ArcSwap<Directory>,
    /// The soft share, to be compared with at each connection.
    soft: AtomicU32,
    /// Connections that were opened since the last poll.
    opened: AtomicU32,
    turns: Turns,
    /// Held by a round as long as it takes.
    round: Mutex<()>,
    /// Rounds that are made once more when holders of locks had their time.
    owed: Mutex<Vec<Owed>>,
    outbox: Outbox,
    journal: Mutex<Journal>,
    events: Events<RegulatorEvent>,
    counts: Counts,
    /// When connections that bursts left behind are looked for again.
    lingering: Mutex<Duration>,
    /// When protocols that had no use of a connection for long are forgotten again.
    forgetting: Mutex<Duration>,
    wake: Arc<Wake>,
    clock: Clock,
    /// What is said of newcomers: their tags alone.
    voices: Voices,
    policy: Policy,
    grace: Grace,
    attached_for: Duration,
    seed: u64,
    streams_per_connection: usize,
    stopwatch: Option<fn() -> Duration>,
}

impl Regulator {
    /// A regulator without connections, of a node with these limits.
    ///
    /// # Errors
    /// Settings that contradict themselves or the limits.
    pub fn new(settings: RegulatorSettings, limits: &Limits) -> Result<Regulator, RegulatorError> {
        let steering = Steering::new(&settings, limits)?;
        let seed = settings.manager.seed.unwrap_or_else(|| RandomState::default().hash_one(2));
        let wake = Arc::new(Wake::default());
        let share = steering.share();
        let budgets = LockBudgets {
            connections_per_peer: settings.locks_per_peer,
            ..LockBudgets::of_share(share.soft())
        };
        let mut voices = Voices::default();
        voices.set_tags_weight(settings.tags_weight);
        voices.set_tag_point(settings.tag_point);
        let grace = settings.manager.grace;
        let manager = Settings { marks: Watermarks::off(), ..settings.manager };
        Ok(Regulator {
            manager: Manager::new(manager)?,
            table: Table::new(seed),
            peers: Peers::new(seed),
            networks: NetworkHash::new(seed),
            locks: Locks::new(budgets),
            bursts: Mutex::new(Bursts::new(settings.bursts)),
            scorings: Scorings::new(settings.scoring, &wake)?,
            directory: ArcSwap::from_pointee(steering.directory(Duration::ZERO)),
            soft: AtomicU32::new(share.soft()),
            opened: AtomicU32::new(0),
            turns: Turns::new(settings.rules.room),
            steering: Mutex::new(steering),
            round: Mutex::default(),
            owed: Mutex::default(),
            outbox: Outbox::new(settings.again)?,
            journal: Mutex::new(Journal::new(settings.decisions)),
            events: Events::new(settings.events),
            counts: Counts::default(),
            lingering: Mutex::default(),
            forgetting: Mutex::default(),
            wake,
            clock: Clock::default(),
            voices,
            policy: settings.policy,
            grace: Grace::new(grace),
            attached_for: settings.attached_for,
            seed,
            streams_per_connection: settings.streams_per_connection,
            stopwatch: settings.stopwatch,
        })
    }

    /// Tags, decaying tags and protections of peers. Connections are told to the regulator alone, and
    /// no trims are asked of it. It knows of no streams.
    pub fn manager(&self) -> &Manager {
        &self.manager
    }

    /// How many connections are kept now: less than the limits allow where the environment presses.
    pub fn share(&self) -> Share {
        unpoisoned(&self.steering).share()
    }

    /// How bad the state of the environment is.
    pub fn level(&self) -> Level {
        unpoisoned(&self.steering).level()
    }

    /// How many connections are open that nobody decided to close.
    pub fn live(&self) -> u32 {
        self.table.live()
    }

    /// How many were decided to be closed, and are not told to be closed yet.
    pub fn closing(&self) -> u32 {
        self.table.closing()
    }

    /// Takes other limits of the node. Quotas that no longer fit shrink; [`Regulator::poll`] tells
    /// whose.
    ///
    /// # Errors
    /// The limits contradict the settings of the share. All stays as it was.
    pub fn limits_changed(&self, now: Duration, limits: &Limits) -> Result<(), ShareError> {
        let now = self.pass(now);
        let mut events = Vec::new();
        let mut steering = unpoisoned(&self.steering);
        let settings = steering.settings();
        steering.set_limits(now, limits, settings, &mut events)?;
        self.follow(&steering, now);
        drop(steering);
        self.tell(events);
        self.wake.wake();
        Ok(())
    }

    /// What happened, for whoever takes it: rather lost than waited for.
    pub fn events(&self) -> &Events<RegulatorEvent> {
        &self.events
    }

    /// Sets what is called when there is something to poll for before [`Regulator::next_due`]. It is
    /// called on any thread that tells the regulator something; it must be quick, and not call the
    /// regulator.
    pub fn set_waker(&self, waker: impl Fn() + Send + Sync + 'static) {
        self.wake.set(Arc::new(waker));
        if self.wake.begin() {
            self.wake.wake();
        }
    }

    fn pass(&self, now: Duration) -> Duration {
        self.clock.pass(now).into()
    }

    /// Lets locks, routes and counts follow the share and the quotas.
    fn follow(&self, steering: &Steering, now: Duration) {
        self.soft.store(steering.share().soft(), Relaxed);
        self.locks.set_connection_budget(steering.share().soft() / 2);
        self.locks.set_least_priority(steering.least_priority());
        for enrolled in steering.quotas.enrolled(now) {
            self.locks.set_protocol_budget(enrolled.enrollment.slot(), enrolled.quota.min);
        }
        self.directory.store(Arc::new(steering.directory(now)));
    }

    fn tell(&self, events: Vec<RegulatorEvent>) {
        events.into_iter().for_each(|event| self.events.send(event));
    }
}
