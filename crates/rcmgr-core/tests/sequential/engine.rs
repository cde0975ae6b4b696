//! The manager under test, driven by the model's operations and speaking the model's names.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    mem,
    ops::Deref,
    sync::{Arc, Mutex},
};

use rcmgr_core::{
    Amount, ConnectionRequest, ConnectionScope, Error, Ledger, Limit, Limits, Observer, PeerScope,
    Priority, ProtocolScope, Refusal, Reservation, Resource, ResourceManager, Scope, ScopeId,
    ServiceScope, Span, StreamScope,
};

use crate::{
    model::{Failure, Model, Verdict, Why},
    ops::{Handle, Op, Part},
};

pub struct Engine {
    manager: ResourceManager,
    witness: Arc<Witness>,
    handles: BTreeMap<Handle, Live>,
    /// The model's names of the connections, streams and spans, by the manager's.
    names: BTreeMap<ScopeId, ScopeId>,
}

enum Live {
    View(View),
    Connection(ConnectionScope),
    Stream(StreamScope),
    Span(Span),
    Ledger(Ledger),
    Reservation(Reservation<'static>),
}

enum View {
    Fixed(Scope),
    Service(ServiceScope),
    Protocol(ProtocolScope),
    Peer(PeerScope),
}

impl Deref for View {
    type Target = Scope;

    fn deref(&self) -> &Scope {
        match self {
            View::Fixed(scope) => scope,
            View::Service(scope) => scope,
            View::Protocol(scope) => scope,
            View::Peer(scope) => scope,
        }
    }
}

/// What the manager told its observer.
#[derive(Default)]
struct Witness {
    refusals: Mutex<Vec<Refusal>>,
    excess: Mutex<Option<String>>,
}

impl Observer for Witness {
    fn charged(&self, scope: &ScopeId, resource: Resource, used: u64, limit: Limit) {
        if used > limit.get() {
            let told = format!("{scope} was charged up to {used} of {limit:?} {resource}");
            *self.excess.lock().expect("no one panics with it") = Some(told);
        }
    }

    fn refused(&self, refusal: &Refusal) {
        self.refusals.lock().expect("no one panics with it").push(refusal.clone());
    }
}

impl Engine {
    pub fn new(limits: Limits) -> Engine {
        let witness = Arc::new(Witness::default());
        Engine {
            manager: ResourceManager::builder().limits(limits).observer(witness.clone()).build(),
            witness,
            handles: BTreeMap::new(),
            names: BTreeMap::new(),
        }
    }

    /// Does `op`; what it makes is handle `new`.
    pub fn apply(&mut self, op: &Op<Handle>, new: Handle) -> Result<Verdict, String> {
        let attempt = self.attempt(op);

        let told = mem::take(&mut *self.witness.refusals.lock().expect("no one panics with it"));
        let refusal = attempt.as_ref().err().and_then(Error::refusal);
        if told.iter().ne(refusal) {
            return Err(format!("the observer was told {told:?} of {refusal:?}"));
        }
        if let Some(excess) = self.witness.excess.lock().expect("no one panics with it").take() {
            return Err(excess);
        }

        Ok(match attempt {
            Ok(None) => Ok(()),
            Ok(Some(made)) => {
                let id = new as u64;
                let name = match &made {
                    Live::Connection(scope) => Some((scope.id(), ScopeId::Connection(id))),
                    Live::Stream(scope) => Some((scope.id(), ScopeId::Stream(id))),
                    Live::Span(scope) => Some((scope.id(), ScopeId::Span(id))),
                    Live::Ledger(ledger) => Some((ledger.id(), ScopeId::Span(id))),
                    Live::View(_) | Live::Reservation(_) => None,
                };
                if let Some((theirs, ours)) = name
                    && self.names.insert(theirs.clone(), ours).is_some()
                {
                    return Err(format!("two scopes have the name {theirs:?}"));
                }
                self.handles.insert(new, made);
                Ok(())
            }
            Err(error) => Err(self.failure(error, new)?),
        })
    }

    fn attempt(&mut self, op: &Op<Handle>) -> Result<Option<Live>, Error> {
        let made = match op {
            Op::OpenConnection(request) => {
                Live::Connection(self.manager.open_connection(*request)?)
            }
            Op::OpenStream(peer, direction) => {
                Live::Stream(self.manager.open_stream(peer, *direction)?)
            }
            Op::View(scope) => Live::View(self.view(scope)),
            Op::BeginSpan(of) => Live::Span(match &self.handles[of] {
                Live::View(scope) => scope.begin_span()?,
                Live::Connection(scope) => scope.begin_span()?,
                Live::Stream(scope) => scope.begin_span()?,
                Live::Span(scope) => scope.begin_span()?,
                Live::Ledger(_) | Live::Reservation(_) => unreachable!("not a scope"),
            }),
            Op::Ledger(of) => Live::Ledger(match &self.handles[of] {
                Live::View(scope) => scope.ledger()?,
                Live::Connection(scope) => scope.ledger()?,
                Live::Stream(scope) => scope.ledger()?,
                Live::Span(scope) => scope.ledger()?,
                Live::Ledger(_) | Live::Reservation(_) => unreachable!("not a scope"),
            }),
            Op::SetPeer(of, peer) => {
                self.connection(of).set_peer(peer)?;
                return Ok(None);
            }
            Op::SetProtocol { stream, protocol, by_view } => {
                match by_view {
                    true => self.stream(stream).set_protocol(&self.manager.protocol(protocol))?,
                    false => self.stream(stream).set_protocol(&**protocol)?,
                }
                return Ok(None);
            }
            Op::SetService { stream, service, by_view } => {
                match by_view {
                    true => self.stream(stream).set_service(&self.manager.service(service))?,
                    false => self.stream(stream).set_service(&**service)?,
                }
                return Ok(None);
            }
            Op::ReserveMemory(of, bytes, priority) => {
                let reservation = match &self.handles[of] {
                    Live::View(scope) => scope.reserve_memory(*bytes, *priority)?,
                    Live::Connection(scope) => scope.reserve_memory(*bytes, *priority)?,
                    Live::Stream(scope) => scope.reserve_memory(*bytes, *priority)?,
                    Live::Span(scope) => scope.reserve_memory(*bytes, *priority)?,
                    Live::Ledger(_) | Live::Reservation(_) => unreachable!("not a scope"),
                };
                Live::Reservation(reservation.into_owned())
            }
            Op::Reserve(of, amount, priority) => {
                Live::Reservation(self.reserve(of, *amount, *priority)?.into_owned())
            }
            Op::ReserveBriefly(of, amount, priority) => {
                let mut reservation = self.reserve(of, *amount, *priority)?;
                let half = reservation.split(Part::HALF.of(*amount))?;
                reservation.shrink(Part::HALF.of(reservation.amount()))?;
                assert!(reservation.merge(half).is_ok(), "both are of one scope");
                return Ok(None);
            }
            Op::Grow(of, amount, priority) => {
                match self.handles.get_mut(of) {
                    Some(Live::Reservation(held)) => held.grow(*amount, *priority)?,
                    Some(Live::Ledger(ledger)) => ledger.reserve(*amount, *priority)?,
                    _ => unreachable!("not a book"),
                }
                return Ok(None);
            }
            Op::Shrink(of, part) => {
                match self.handles.get_mut(of) {
                    Some(Live::Reservation(held)) => held.shrink(part.of(held.amount()))?,
                    Some(Live::Ledger(ledger)) => ledger.release(part.of(ledger.stats()))?,
                    _ => unreachable!("not a book"),
                }
                return Ok(None);
            }
            Op::Split(of, part) => match self.handles.get_mut(of) {
                Some(Live::Reservation(held)) => {
                    Live::Reservation(held.split(part.of(held.amount()))?)
                }
                _ => unreachable!("not a reservation"),
            },
            Op::Merge { into, other, .. } => {
                let Some(Live::Reservation(second)) = self.handles.remove(other) else {
                    unreachable!("not a reservation");
                };
                let Some(Live::Reservation(first)) = self.handles.get_mut(into) else {
                    unreachable!("not a reservation");
                };
                if let Err(second) = first.merge(second) {
                    self.handles.insert(*other, Live::Reservation(second));
                }
                return Ok(None);
            }
            Op::Drop(handle) => {
                self.handles.remove(handle);
                return Ok(None);
            }
            Op::SetLimits(limits) => {
                self.manager.set_limits(Limits::clone(limits));
                return Ok(None);
            }
            Op::SetLimit(of, limit) => {
                match &self.handles[of] {
                    Live::View(scope) => scope.set_limit(**limit),
                    Live::Connection(scope) => scope.set_limit(**limit),
                    Live::Stream(scope) => scope.set_limit(**limit),
                    Live::Span(scope) => scope.set_limit(**limit),
                    Live::Ledger(_) | Live::Reservation(_) => unreachable!("not a scope"),
                }
                return Ok(None);
            }
            Op::ClearLimit(of) => {
                match &self.handles[of] {
                    Live::View(scope) => scope.clear_limit(),
                    Live::Connection(scope) => scope.clear_limit(),
                    Live::Stream(scope) => scope.clear_limit(),
                    Live::Span(scope) => scope.clear_limit(),
                    Live::Ledger(_) | Live::Reservation(_) => unreachable!("not a scope"),
                }
                return Ok(None);
            }
            Op::Collect => {
                self.manager.collect();
                return Ok(None);
            }
        };
        Ok(Some(made))
    }

    /// Compares every counter, every handle and every limit.
    pub fn compare(&self, model: &Model) -> Result<(), String> {
        let usage = model.usage();
        let expected = |scope: &ScopeId| usage.get(scope).copied().unwrap_or_default();
        let counters = self.counters();
        for (scope, used) in &counters {
            differ(scope, "uses", used, &expected(scope))?;
        }
        if let Some(absent) = usage.keys().find(|id| is_shared(id) && !counters.contains_key(id)) {
            return Err(format!("{absent:?} is in use and not in the stats"));
        }
        let services = counters.keys().filter(|id| matches!(id, ScopeId::Service(_)));
        let listed = self.manager.services().into_iter().map(ScopeId::Service);
        let protocols = counters.keys().filter(|id| matches!(id, ScopeId::Protocol(_)));
        let listed = listed.chain(self.manager.protocols().into_iter().map(ScopeId::Protocol));
        let peers = counters.keys().filter(|id| matches!(id, ScopeId::Peer(_)));
        let listed = listed.chain(self.manager.peers().into_iter().map(ScopeId::Peer));
        if !services.chain(protocols).chain(peers).cloned().eq(listed) {
            return Err("the lists of scopes and the stats name different ones".into());
        }
        if *self.manager.limits() != *model.limits() {
            return Err("the configured limits differ".into());
        }
        if !self.handles.keys().eq(model.handles().keys()) {
            return Err("other handles are alive".into());
        }
        for (live, held) in self.handles.values().zip(model.handles().values()) {
            let scope = &held.scope;
            let (used, limit) = match live {
                Live::View(scope) => (scope.stats(), Some(scope.limit())),
                Live::Connection(scope) => (scope.stats(), Some(scope.limit())),
                Live::Stream(scope) => (scope.stats(), Some(scope.limit())),
                Live::Span(scope) => (scope.stats(), Some(scope.limit())),
                Live::Ledger(ledger) => (ledger.stats(), None),
                Live::Reservation(reservation) => {
                    differ(scope, "has reserved", &reservation.amount(), &held.amount)?;
                    continue;
                }
            };
            differ(scope, "uses", &used, &expected(scope))?;
            if let Some(limit) = limit {
                differ(scope, "is under", &limit, &model.limit(scope))?;
            }
        }
        Ok(())
    }

    /// Whether the named scopes that exist are just those of `kept`.
    pub fn holds_only(&self, kept: &BTreeSet<ScopeId>) -> Result<(), String> {
        let kept: BTreeSet<&ScopeId> = kept.iter().filter(|scope| is_named(scope)).collect();
        let counters = self.counters();
        let there: BTreeSet<&ScopeId> = counters.keys().filter(|scope| is_named(scope)).collect();
        match there == kept {
            true => Ok(()),
            false => Err(format!("{kept:?} should have been kept, {there:?} were")),
        }
    }

    /// Whether a manager whose handles are gone is as good as new once the limits on single scopes
    /// are cleared.
    pub fn is_like_new(&self, kept: &BTreeSet<ScopeId>) -> Result<(), String> {
        for scope in kept {
            self.view(scope).clear_limit();
        }
        self.manager.collect();
        self.holds_only(&BTreeSet::new())?;
        if let Some((scope, used)) = self.counters().iter().find(|(_, used)| !used.is_zero()) {
            return Err(format!("{scope:?} uses {used:?} although all is gone"));
        }
        self.manager.set_limits(Limits::default());
        let opened = self.manager.open_connection(ConnectionRequest::inbound());
        opened.map(drop).map_err(|error| format!("nothing is held, yet {error}"))
    }

    fn counters(&self) -> BTreeMap<ScopeId, Amount> {
        let stats = self.manager.stats();
        let fixed = [
            (ScopeId::System, stats.system),
            (ScopeId::Transient, stats.transient),
            (ScopeId::AllowlistedSystem, stats.allowlisted_system),
            (ScopeId::AllowlistedTransient, stats.allowlisted_transient),
        ];
        let named = |id: fn(_) -> ScopeId| move |(name, used)| (id(name), used);
        let mut counters = BTreeMap::from(fixed);
        counters.extend(stats.services.into_iter().map(named(ScopeId::Service)));
        counters.extend(stats.protocols.into_iter().map(named(ScopeId::Protocol)));
        counters.extend(stats.peers.into_iter().map(|(key, used)| (ScopeId::Peer(key), used)));
        counters.extend(
            stats
                .peer_protocols
                .into_iter()
                .map(|((peer, protocol), used)| (ScopeId::PeerProtocol { peer, protocol }, used)),
        );
        counters.extend(
            stats
                .peer_services
                .into_iter()
                .map(|((peer, service), used)| (ScopeId::PeerService { peer, service }, used)),
        );
        counters
    }

    /// The failure with the model's names. A leaf that was refused has none but the number of the
    /// operation that was to make it.
    fn failure(&self, error: Error, new: Handle) -> Result<Failure, String> {
        let scope = match error.scope() {
            id @ (ScopeId::Connection(_) | ScopeId::Stream(_) | ScopeId::Span(_)) => {
                match (self.names.get(id), id) {
                    (Some(name), _) => name.clone(),
                    (None, ScopeId::Connection(_)) => ScopeId::Connection(new as u64),
                    (None, ScopeId::Stream(_)) => ScopeId::Stream(new as u64),
                    (None, _) => return Err(format!("there was never a {id:?}")),
                }
            }
            shared => shared.clone(),
        };
        let why = match error {
            Error::Refused(Refusal { resource, used, requested, limit, priority, .. }) => {
                Why::Refused { resource, used, requested, limit, priority }
            }
            Error::Capacity { resource, .. } => Why::Capacity(resource),
            Error::Closed { .. } => Why::Closed,
            Error::AlreadyAttached { .. } => Why::AlreadyAttached,
            Error::NoProtocol { .. } => Why::NoProtocol,
            Error::MemoryOnly { .. } => Why::MemoryOnly,
            Error::NotHeld { .. } => Why::NotHeld,
            other => return Err(format!("one thread alone cannot cause {other:?}")),
        };
        Ok(Failure { scope, why })
    }

    fn view(&self, scope: &ScopeId) -> View {
        match scope {
            ScopeId::System => View::Fixed(self.manager.system()),
            ScopeId::Transient => View::Fixed(self.manager.transient()),
            ScopeId::AllowlistedSystem => View::Fixed(self.manager.allowlisted_system()),
            ScopeId::AllowlistedTransient => View::Fixed(self.manager.allowlisted_transient()),
            ScopeId::Service(name) => View::Service(self.manager.service(name)),
            ScopeId::Protocol(name) => View::Protocol(self.manager.protocol(name)),
            ScopeId::Peer(key) => View::Peer(self.manager.peer(key)),
            _ => unreachable!("there is no view of {scope:?}"),
        }
    }

    fn connection(&self, handle: &Handle) -> &ConnectionScope {
        match &self.handles[handle] {
            Live::Connection(connection) => connection,
            _ => unreachable!("not a connection"),
        }
    }

    fn stream(&self, handle: &Handle) -> &StreamScope {
        match &self.handles[handle] {
            Live::Stream(stream) => stream,
            _ => unreachable!("not a stream"),
        }
    }

    fn reserve(
        &self,
        of: &Handle,
        amount: Amount,
        priority: Priority,
    ) -> Result<Reservation<'_>, Error> {
        match &self.handles[of] {
            Live::View(scope) => scope.reserve(amount, priority),
            Live::Span(scope) => scope.reserve(amount, priority),
            _ => unreachable!("a leaf reserves memory only"),
        }
    }
}

fn is_named(scope: &ScopeId) -> bool {
    matches!(
        scope,
        ScopeId::Service(_)
            | ScopeId::Protocol(_)
            | ScopeId::Peer(_)
            | ScopeId::PeerService { .. }
            | ScopeId::PeerProtocol { .. }
    )
}

fn is_shared(scope: &ScopeId) -> bool {
    !matches!(scope, ScopeId::Connection(_) | ScopeId::Stream(_) | ScopeId::Span(_))
}

fn differ<T: PartialEq + Debug>(
    scope: &ScopeId,
    what: &str,
    got: &T,
    expected: &T,
) -> Result<(), String> {
    match got == expected {
        true => Ok(()),
        false => Err(format!("{scope:?} {what} {got:?} in the engine, {expected:?} in the model")),
    }
}
