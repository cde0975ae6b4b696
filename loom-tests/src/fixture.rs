//! What the models share: a small world of scopes, and how far loom explores.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::counters::Request;
use crate::leaf::{Leaf, LeafKind};
use crate::owner::OwnerRef;
use crate::path::Pinned;
use crate::registry::Registry;
use crate::snapshot::Snapshot;
use crate::sync::StrongArc;
use crate::sync::loads::{Mode, set_mode};
use crate::{Amount, Direction, Error, Granule, Limit, Limits, Priority, ScopeId, ScopeLimit};

/// Explores a model, in every mode of loading. `preemptions` bounds how often a thread is
/// stopped for another although it could go on; loom's authors find that two or three show
/// nearly all faults.
pub fn explore(preemptions: usize, model: impl Fn() + Sync + Send + 'static) {
    // The mode is one for the process, so the models of one file take turns.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);

    let model = Arc::new(model);
    for mode in [Mode::Plain, Mode::CountersNotStale, Mode::NoneStale, Mode::WithoutLook] {
        set_mode(mode);
        let explored = Arc::new(AtomicU64::new(0));
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(preemptions);
        let (count, model) = (explored.clone(), model.clone());
        builder.check(move || {
            count.fetch_add(1, Ordering::Relaxed);
            model();
        });
        println!("{mode:?}: {} interleavings", explored.load(Ordering::Relaxed));
    }
}

/// Runs a story in a thread with the stack of usual ones. loom's own are small, and rules for
/// addresses are made in large frames.
pub fn with_stack(story: impl FnOnce() + Send + 'static) {
    let thread = loom::thread::Builder::new().stack_size(0x8000);
    thread.spawn(story).unwrap().join().unwrap();
}

/// A registry and the limits that everything goes by, one snapshot for the whole model.
pub struct World {
    pub registry: Registry,
    pub snapshot: Snapshot,
}

impl World {
    pub fn new(limits: Limits) -> Arc<World> {
        World::with_granule(limits, Granule::EXACT)
    }

    /// One where leaves charge in granules.
    pub fn with_granule(limits: Limits, granule: Granule) -> Arc<World> {
        let snapshot = Snapshot::new(limits, None).with_granule(granule);
        Arc::new(World { registry: Registry::new(usize::MAX), snapshot })
    }

    /// An open stream of a peer.
    pub fn stream(&self, peer: &[u8]) -> StrongArc<Leaf> {
        let path = self.registry.pin_or_make_peer(peer);
        let kind = LeafKind::Stream(Direction::Inbound);
        let admitted = Leaf::admit(kind, &self.snapshot).unwrap();
        admitted.open(path, &self.snapshot).unwrap()
    }

    /// Sets the protocol of a stream, as `StreamScope::set_protocol` does.
    pub fn set_protocol(&self, leaf: &Leaf, protocol: &str) -> Result<(), Error> {
        let next = self.protocol_path(leaf, protocol)?;
        let (seen, _) = leaf.load()?;
        if seen.generation() > 0 {
            return Err(Error::AlreadyAttached { scope: leaf.id() });
        }
        leaf.move_to(seen, next, &self.snapshot)
    }

    /// The path that a stream takes with a protocol, pinned.
    pub fn protocol_path(&self, leaf: &Leaf, protocol: &str) -> Result<Pinned, Error> {
        let (_, path) = leaf.load()?;
        let number = self.registry.protocol_number(protocol);
        let known = number.and_then(|number| self.registry.pin_peer_protocol(path.first(), number));
        if let Some(known) = known {
            return Ok(known);
        }
        let protocol = self.registry.pin_or_make_protocol(protocol);
        Ok(self.registry.pin_or_make_peer_protocol(path.first(), protocol.first()))
    }

    pub fn request(&self, amount: Amount) -> Request<'_> {
        Request::all(&self.snapshot, amount, Priority::ALWAYS)
    }

    /// Reserves memory from a leaf.
    pub fn reserve(&self, leaf: &StrongArc<Leaf>, bytes: u64) -> Result<(), Error> {
        OwnerRef::Leaf(leaf).reserve(&self.request(Amount::memory(bytes)))
    }

    pub fn system(&self) -> Amount {
        self.registry.fixed.system.first().counters().held()
    }

    pub fn transient(&self) -> Amount {
        self.registry.fixed.transient.first().counters().held()
    }

    pub fn peer(&self, key: &[u8]) -> Amount {
        let peer = self.registry.pin_peer(key).expect("the peer has a scope");
        peer.first().counters().held()
    }

    pub fn protocol(&self, name: &str) -> Amount {
        let path = self.registry.pin_protocol(name).expect("the protocol has a scope");
        path.first().counters().held()
    }

    /// What each scope of a kind holds.
    pub fn each(&self, kind: fn(&ScopeId) -> bool) -> Vec<Amount> {
        let mut held = Vec::new();
        self.registry.each(|node| {
            if kind(node.id()) {
                held.push(node.counters().held());
            }
        });
        held
    }

    /// Every counter of every scope is zero.
    pub fn assert_nothing_held(&self) {
        self.registry.each(|node| {
            let amount = node.counters().held();
            assert!(amount.is_zero(), "{} still holds {amount:?}", node.id());
        });
    }
}

/// Whether it is a peer's scope.
pub fn is_peer(id: &ScopeId) -> bool {
    matches!(id, ScopeId::Peer(_))
}

/// One inbound stream with bytes of memory.
pub fn stream_with(bytes: u64) -> Amount {
    Amount::streams(Direction::Inbound, 1).with_memory(bytes)
}

/// A limit on memory alone.
pub fn memory(bytes: u64) -> ScopeLimit {
    ScopeLimit { memory: Limit::new(bytes), ..ScopeLimit::UNLIMITED }
}

/// A limit of streams alone.
pub fn streams(count: u64) -> ScopeLimit {
    ScopeLimit { streams: Limit::new(count), ..ScopeLimit::UNLIMITED }
}
