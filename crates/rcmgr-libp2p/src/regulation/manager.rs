//! The manager of connections, as the parts of a node share it.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::Waker,
    time::{Duration, Instant},
};

use atomic_waker::AtomicWaker;
use libp2p_identity::PeerId;
use rcmgr_connmgr::{
    ConnectionId, Peer, Regulator, Room, RoundReport, Wanted,
    observe::Explained,
    round::{Aim, Mode},
};

/// A [`Regulator`] with a clock and a way to the swarm: what it decides,
/// [`Regulation`](crate::Regulation) carries out.
///
/// Clones are the same manager. Give one to the behaviour and one to the
/// [transport](crate::AccountedTransport::regulated_by), and keep one: to tag and protect peers, to
/// enroll protocols, to ask for rounds and what they would do.
///
/// ```
/// use libp2p::PeerId;
/// use rcmgr_connmgr::{
///     Regulator, RegulatorSettings,
///     round::{Aim, Mode},
/// };
/// use rcmgr_core::{Limit, Limits};
/// use rcmgr_libp2p::{ConnectionManager, peer_of};
///
/// let mut limits = Limits::default();
/// limits.system.connections = Limit::new(200);
/// let regulator = Regulator::new(RegulatorSettings::default(), &limits)?;
/// let manager = ConnectionManager::new(regulator);
///
/// let friend = peer_of(&PeerId::random());
/// manager.regulator().manager().tag(manager.now(), &friend, "friend", 50)?;
/// let report = manager.dry_run(Aim::Leave(100), Mode::Batch);
/// assert!(report.evictions.is_empty(), "nobody is connected");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ConnectionManager(Arc<Shared>);

struct Shared {
    regulator: Arc<Regulator>,
    started: Instant,
    driver: Arc<Driver>,
    ids: AtomicU64,
}

/// The behaviour, as the regulator wakes it.
#[derive(Debug, Default)]
struct Driver {
    waker: AtomicWaker,
    is_woken: AtomicBool,
}

impl Driver {
    fn wake(&self) {
        // Release: who sees this also sees what was done before.
        self.is_woken.store(true, Ordering::Release);
        self.waker.wake();
    }
}

impl ConnectionManager {
    /// A manager whose time begins now. One regulator has one of these: it takes its
    /// [waker](Regulator::set_waker).
    pub fn new(regulator: impl Into<Arc<Regulator>>) -> ConnectionManager {
        let (regulator, driver) = (regulator.into(), Arc::<Driver>::default());
        let to_wake = driver.clone();
        regulator.set_waker(move || to_wake.wake());
        let started = Instant::now();
        ConnectionManager(Arc::new(Shared { regulator, started, driver, ids: AtomicU64::new(0) }))
    }

    /// The regulator.
    pub fn regulator(&self) -> &Arc<Regulator> {
        &self.0.regulator
    }

    /// The time, as all methods of the regulator take it.
    pub fn now(&self) -> Duration {
        self.0.started.elapsed()
    }

    /// Makes a round by hand; the behaviour closes what is decided.
    pub fn regulate(&self, aim: Aim, mode: Mode) -> RoundReport {
        self.0.regulator.regulate(self.now(), aim, mode)
    }

    /// Tells what such a round would do.
    pub fn dry_run(&self, aim: Aim, mode: Mode) -> RoundReport {
        self.0.regulator.dry_run(self.now(), aim, mode)
    }

    /// Tells what a round would make of the connections of a peer, and why.
    pub fn explain(&self, peer: &Peer) -> Explained {
        self.0.regulator.explain(self.now(), peer)
    }

    /// Whether the regulator has called since this was asked last. `task` is woken when it calls.
    pub(super) fn take_woken(&self, task: &Waker) -> bool {
        // Before it is looked, so that nothing is missed that comes after.
        self.0.driver.waker.register(task);
        // Acquire: see `Driver::wake`.
        self.0.driver.is_woken.swap(false, Ordering::Acquire)
    }

    /// Whether somebody worse goes for a newcomer.
    pub(crate) fn make_room(&self, wanted: Wanted<'_>) -> bool {
        matches!(self.0.regulator.make_room(self.now(), wanted), Room::Closing(_))
    }

    /// A connection that had no number yet.
    pub(super) fn next_id(&self) -> ConnectionId {
        // Relaxed: each number is given once, and says nothing of other memory.
        ConnectionId(self.0.ids.fetch_add(1, Ordering::Relaxed))
    }
}

impl fmt::Debug for ConnectionManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionManager").field("now", &self.now()).finish_non_exhaustive()
    }
}

/// A peer of libp2p, as the [`ConnectionManager`] knows it.
pub fn peer_of(id: &PeerId) -> Peer {
    Peer::new(&id.to_bytes()).expect("a multihash has bytes")
}
