//! The manager under test, driven through a script's runner and compared with the model.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Debug,
    mem,
    sync::{Arc, Mutex},
};

use rcmgr_core::{
    Amount, ConnectionRequest, Limit, Limits, Observer, Refusal, Resource, ResourceManager, ScopeId,
};
use rcmgr_script::{Detail, ErrKind, Op, Runner, Verdict, shared_name};

use crate::{
    model::{Failure, Model, What, Why},
    ops::{Handle, id},
};

pub struct Engine {
    manager: ResourceManager,
    runner: Runner,
    witness: Arc<Witness>,
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
        let manager = ResourceManager::builder().limits(limits).observer(witness.clone()).build();
        Engine { runner: Runner::on(manager.clone()), manager, witness }
    }

    /// Does `op`; what it makes is handle `new`.
    pub fn apply(
        &mut self,
        op: &Op,
        new: Handle,
        expected: &Result<(), Failure>,
    ) -> Result<(), String> {
        let got = self.runner.apply(op).map_err(|fault| fault.to_string())?;
        let wanted = self.verdict(expected, &got, new);
        if got != wanted {
            return Err(format!("the engine says {got:?}, the model {wanted:?}"));
        }

        let told = mem::take(&mut *self.witness.refusals.lock().expect("no one panics with it"));
        let told: Vec<Why> = told.iter().map(why).collect();
        let refused = expected.as_ref().err().map(|failure| &failure.why);
        let refused = refused.filter(|why| matches!(why, Why::Refused { .. }));
        if told.iter().ne(refused) {
            return Err(format!("the observer was told {told:?} of {refused:?}"));
        }
        match self.witness.excess.lock().expect("no one panics with it").take() {
            Some(excess) => Err(excess),
            None => Ok(()),
        }
    }

    /// What a script's verdict says of the model's. The effects are compared scope by scope.
    fn verdict(&self, expected: &Result<(), Failure>, got: &Verdict, new: Handle) -> Verdict {
        let mut verdict = Verdict { i: new as u64, ok: true, ..Verdict::default() };
        (verdict.changed, verdict.live) = (got.changed.clone(), got.live.clone());
        let Err(Failure { scope, why }) = expected else { return verdict };
        let name = match scope {
            ScopeId::Connection(number) | ScopeId::Stream(number) | ScopeId::Span(number) => {
                id(*number as Handle).to_string()
            }
            shared => shared_name(shared),
        };
        let (kind, blocked_by) = match why {
            Why::Refused { .. } if matches!(scope, ScopeId::Network(_)) => (ErrKind::IpLimit, None),
            Why::Refused { .. } => (ErrKind::Limit, Some(name)),
            Why::Capacity(_) => (ErrKind::Capacity, Some(name)),
            Why::Closed => (ErrKind::Closed, Some(name)),
            Why::MemoryOnly => (ErrKind::MemoryOnly, Some(name)),
            Why::NotHeld => (ErrKind::NotHeld, Some(name)),
            Why::AlreadyAttached => (ErrKind::AlreadyAttached, None),
            Why::NoProtocol => (ErrKind::NoProtocol, None),
            Why::OtherScope => (ErrKind::OtherScope, None),
        };
        if let (ErrKind::Limit, Why::Refused { resource, used, requested, limit, priority }) =
            (kind, why)
        {
            verdict.detail = Some(Detail {
                what: (*resource).into(),
                current: (*used).into(),
                attempted: (*requested).into(),
                limit: (*limit).into(),
                prio: (*resource == Resource::Memory).then_some(priority.0),
            });
        }
        Verdict { ok: false, err_kind: Some(kind), blocked_by, ..verdict }
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
        let open: BTreeSet<_> = model.handles().keys().map(|handle| id(*handle)).collect();
        if !self.runner.open().eq(&open) {
            return Err("other handles are alive".into());
        }
        for (handle, held) in model.handles() {
            let (id, scope) = (id(*handle), &held.scope);
            if held.what == What::Reservation {
                let reserved = self.runner.reservation(&id);
                differ(scope, "has reserved", &reserved, &Some(held.amount))?;
                continue;
            }
            if !is_shared(scope) {
                differ(scope, "uses", &self.runner.held(&id), &Some(expected(scope)))?;
            }
            if held.what == What::Scope {
                differ(scope, "is under", &self.runner.limit(&id), &Some(model.limit(scope)))?;
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
            if !self.manager.set_limit_of(scope, None) {
                return Err(format!("{scope:?} is kept although it is gone"));
            }
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
}

/// What an observer is told, in the model's words.
fn why(refusal: &Refusal) -> Why {
    let Refusal { resource, used, requested, limit, priority, .. } = refusal.clone();
    Why::Refused { resource, used, requested, limit, priority }
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
