//! All limits at one moment, immutable, and the place where the current one is published.
//!
//! A hash look-up for each scope of each charge would cost more than the charge. So a snapshot
//! keeps its limits in a table, and a node remembers its place in it together with the epoch of
//! the set of names that the place was found in. Within one epoch a place never changes, so a
//! remembered place is either right or seen to be of another epoch, and looked up again; whoever
//! changes limits has no nodes to walk.

use std::collections::HashMap;
use std::sync::Arc;

use crate::admission::{AllowlistChanges, AllowlistEntry, Rules};
use crate::sync::Swap;
use crate::{Limits, Name, Observer, PeerKey, ScopeId, ScopeLimit};

/// The first places of the table: the fixed scopes, and the defaults of the classes.
#[derive(Clone, Copy)]
#[repr(u32)]
enum Class {
    System,
    Transient,
    AllowlistedSystem,
    AllowlistedTransient,
    Service,
    ServicePeer,
    Protocol,
    ProtocolPeer,
    Peer,
    Connection,
    Stream,
}

/// Which names have limits of their own, and where in the table these are.
#[derive(Debug, Default)]
struct Names {
    epoch: u32,
    services: HashMap<Name, u32>,
    service_peers: HashMap<Name, u32>,
    protocols: HashMap<Name, u32>,
    protocol_peers: HashMap<Name, u32>,
    peers: HashMap<PeerKey, u32>,
    /// Single peer-protocol and peer-service scopes, whose limits were set while running.
    pairs: HashMap<ScopeId, u32>,
}

/// All limits at one moment.
pub struct Snapshot {
    /// As configured.
    limits: Arc<Limits>,
    /// Limits that were set on single shared scopes.
    set: Arc<HashMap<ScopeId, ScopeLimit>>,
    /// Limits that were set on single connections, streams and spans, by their numbers.
    set_on_handles: Arc<HashMap<u64, ScopeLimit>>,
    names: Arc<Names>,
    table: Box<[ScopeLimit]>,
    rules: Arc<Rules>,
    observer: Option<Arc<dyn Observer>>,
}

impl Snapshot {
    pub fn new(limits: Limits, observer: Option<Arc<dyn Observer>>) -> Self {
        let limits = Arc::new(limits);
        Self::build(limits, Arc::default(), Arc::default(), Arc::default(), None, observer)
    }

    fn build(
        limits: Arc<Limits>,
        set: Arc<HashMap<ScopeId, ScopeLimit>>,
        set_on_handles: Arc<HashMap<u64, ScopeLimit>>,
        changes: Arc<AllowlistChanges>,
        before: Option<&Snapshot>,
        observer: Option<Arc<dyn Observer>>,
    ) -> Self {
        let fixed =
            |id: ScopeId, configured: ScopeLimit| set.get(&id).copied().unwrap_or(configured);
        // In the order of `Class`.
        let mut table = vec![
            fixed(ScopeId::System, limits.system),
            fixed(ScopeId::Transient, limits.transient),
            fixed(ScopeId::AllowlistedSystem, limits.allowlisted_system),
            fixed(ScopeId::AllowlistedTransient, limits.allowlisted_transient),
            limits.service,
            limits.service_peer,
            limits.protocol,
            limits.protocol_peer,
            limits.peer,
            limits.connection,
            limits.stream,
        ];
        // Epochs differ between any two sets of names of one store until 2^32 of them have been;
        // epoch 0 is "not looked up yet" in a node.
        let epoch = before.map_or(0, Snapshot::epoch);
        let mut names = Names { epoch: epoch.wrapping_add(1).max(1), ..Names::default() };
        place(&mut table, &mut names.services, &limits.services);
        place(&mut table, &mut names.service_peers, &limits.service_peers);
        place(&mut table, &mut names.protocols, &limits.protocols);
        place(&mut table, &mut names.protocol_peers, &limits.protocol_peers);
        place(&mut table, &mut names.peers, &limits.peers);
        for (id, limit) in set.iter() {
            match id {
                ScopeId::Service(name) => put(&mut table, &mut names.services, name, *limit),
                ScopeId::Protocol(name) => put(&mut table, &mut names.protocols, name, *limit),
                ScopeId::Peer(key) => put(&mut table, &mut names.peers, key, *limit),
                ScopeId::PeerService { .. } | ScopeId::PeerProtocol { .. } => {
                    put(&mut table, &mut names.pairs, id, *limit)
                }
                _ => {}
            }
        }
        let allowlisted = table[Class::AllowlistedSystem as usize].connections;
        let before = before.map(|before| &before.rules);
        Snapshot {
            rules: Rules::new(&limits, &changes, allowlisted, before),
            limits,
            set,
            set_on_handles,
            names: Arc::new(names),
            table: table.into(),
            observer,
        }
    }

    fn with(
        &self,
        limits: Option<&Arc<Limits>>,
        set: Option<HashMap<ScopeId, ScopeLimit>>,
        changes: Option<AllowlistChanges>,
    ) -> Snapshot {
        Self::build(
            limits.unwrap_or(&self.limits).clone(),
            set.map_or_else(|| self.set.clone(), Arc::new),
            self.set_on_handles.clone(),
            changes.map_or_else(|| self.rules.changes().clone(), Arc::new),
            Some(self),
            self.observer.clone(),
        )
    }

    /// The same with another limit of one connection, stream or span, or without one.
    pub fn with_handle(&self, number: u64, limit: Option<ScopeLimit>) -> Snapshot {
        let mut set_on_handles = HashMap::clone(&self.set_on_handles);
        match limit {
            Some(limit) => set_on_handles.insert(number, limit),
            None => set_on_handles.remove(&number),
        };
        Snapshot {
            limits: self.limits.clone(),
            set: self.set.clone(),
            set_on_handles: Arc::new(set_on_handles),
            names: self.names.clone(),
            table: self.table.clone(),
            rules: self.rules.clone(),
            observer: self.observer.clone(),
        }
    }

    pub fn limits(&self) -> &Arc<Limits> {
        &self.limits
    }

    /// What connections are asked before, and beside, their scopes.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    pub fn observer(&self) -> Option<&dyn Observer> {
        self.observer.as_deref()
    }

    /// What a node remembers its place by.
    pub fn epoch(&self) -> u32 {
        self.names.epoch
    }

    /// The limit at a place that was found under this snapshot's epoch.
    #[inline(always)]
    pub fn at(&self, place: u32) -> &ScopeLimit {
        &self.table[place as usize]
    }

    /// The limit of connections that have none of their own.
    pub fn connection(&self) -> &ScopeLimit {
        self.at(Class::Connection as u32)
    }

    /// The limit of streams that have none of their own.
    pub fn stream(&self) -> &ScopeLimit {
        self.at(Class::Stream as u32)
    }

    /// The limit that was set on one connection, stream or span.
    pub fn set_on_handle(&self, number: u64) -> Option<&ScopeLimit> {
        self.set_on_handles.get(&number)
    }

    /// Whether a limit was set on one shared scope.
    pub fn is_set(&self, id: &ScopeId) -> bool {
        self.set.contains_key(id)
    }

    /// The place of a shared scope in the table.
    pub fn place(&self, id: &ScopeId) -> u32 {
        let names = &self.names;
        match id {
            ScopeId::System => Class::System as u32,
            ScopeId::Transient => Class::Transient as u32,
            ScopeId::AllowlistedSystem => Class::AllowlistedSystem as u32,
            ScopeId::AllowlistedTransient => Class::AllowlistedTransient as u32,
            ScopeId::Service(name) => or(names.services.get(name), Class::Service),
            ScopeId::Protocol(name) => or(names.protocols.get(name), Class::Protocol),
            ScopeId::Peer(key) => or(names.peers.get(key), Class::Peer),
            ScopeId::PeerService { service, .. } => {
                let own = names.pairs.get(id).or_else(|| names.service_peers.get(service));
                or(own, Class::ServicePeer)
            }
            ScopeId::PeerProtocol { protocol, .. } => {
                let own = names.pairs.get(id).or_else(|| names.protocol_peers.get(protocol));
                or(own, Class::ProtocolPeer)
            }
            // Networks are limited by `rules`, spans by their owner; neither is looked up.
            ScopeId::Connection(_) | ScopeId::Network(_) => Class::Connection as u32,
            ScopeId::Stream(_) | ScopeId::Span(_) => Class::Stream as u32,
        }
    }

    /// The limit of a peer that may have no scope yet.
    pub fn peer(&self, key: &[u8]) -> &ScopeLimit {
        self.at(or(self.names.peers.get(key), Class::Peer))
    }
}

fn or(own: Option<&u32>, class: Class) -> u32 {
    own.copied().unwrap_or(class as u32)
}

fn place<K: Clone + Eq + core::hash::Hash>(
    table: &mut Vec<ScopeLimit>,
    places: &mut HashMap<K, u32>,
    limits: &HashMap<K, ScopeLimit>,
) {
    for (name, limit) in limits {
        put(table, places, name, *limit);
    }
}

/// Gives a name a place, or changes the limit at the place that it has.
fn put<K: Clone + Eq + core::hash::Hash>(
    table: &mut Vec<ScopeLimit>,
    places: &mut HashMap<K, u32>,
    name: &K,
    limit: ScopeLimit,
) {
    // A table of 2^32 limits would need 400 GiB, so the length fits.
    let next = table.len() as u32;
    let place = *places.entry(name.clone()).or_insert(next);
    match table.get_mut(place as usize) {
        Some(there) => *there = limit,
        None => table.push(limit),
    }
}

/// Where the current snapshot is published.
pub struct Store {
    #[cfg(not(rcmgr_loom))]
    swap: Arc<Swap<Snapshot>>,
    #[cfg(rcmgr_loom)]
    swap: Swap<Snapshot>,
}

impl Store {
    #[cfg(not(rcmgr_loom))]
    pub fn new(snapshot: Snapshot) -> Self {
        Store { swap: Arc::new(Swap::new(snapshot)) }
    }

    #[cfg(rcmgr_loom)]
    pub fn new(snapshot: Snapshot) -> Self {
        Store { swap: Swap::new(snapshot) }
    }

    /// Replaces the configured limits; those set on single scopes stay.
    pub fn set_limits(&self, limits: Limits) {
        let limits = Arc::new(limits);
        self.swap.update(|now| Arc::new(now.with(Some(&limits), None, None)));
    }

    /// Sets the limit of one shared scope, or clears it.
    pub fn set_limit(&self, id: &ScopeId, limit: Option<ScopeLimit>) {
        self.swap.update(|now| {
            let mut set = HashMap::clone(&now.set);
            match limit {
                Some(limit) => set.insert(id.clone(), limit),
                None => set.remove(id),
            };
            Arc::new(now.with(None, Some(set), None))
        });
    }

    /// Allows or disallows an entry of the allowlist, whatever is configured, or goes by what is
    /// again. Tells whether that changes who is allowed.
    pub fn set_allowed(&self, entry: &AllowlistEntry, allowed: Option<bool>) -> bool {
        let entry = entry.canonical();
        let mut changed = false;
        self.swap.update(|now| {
            let mut changes = AllowlistChanges::clone(now.rules.changes());
            match allowed {
                Some(allowed) => changes.insert(entry.clone(), allowed),
                None => changes.remove(&entry),
            };
            let next = now.with(None, None, Some(changes));
            let is_allowed = |snapshot: &Snapshot| snapshot.rules.allowed().contains(&entry);
            changed = is_allowed(now) != is_allowed(&next);
            Arc::new(next)
        });
        changed
    }

    /// Sets the limit of one connection, stream or span, or clears it.
    pub fn set_limit_of_handle(&self, number: u64, limit: Option<ScopeLimit>) {
        self.swap.update(|now| Arc::new(now.with_handle(number, limit)));
    }

    /// Calls `operation` with the current snapshot.
    #[cfg(rcmgr_loom)]
    pub fn with<R>(&self, operation: impl FnOnce(&Snapshot) -> R) -> R {
        operation(&self.swap.load())
    }

    /// Calls `operation` with the current snapshot.
    ///
    /// Each thread keeps the snapshot that it saw last, and one comparison of pointers tells
    /// that it is still the current one. So a thread that makes no calls any more may keep an
    /// old snapshot, with its observer, alive until it ends or calls another manager.
    #[cfg(not(rcmgr_loom))]
    #[inline]
    pub fn with<R>(&self, operation: impl FnOnce(&Snapshot) -> R) -> R {
        cache::with(&self.swap, operation)
    }
}

#[cfg(not(rcmgr_loom))]
mod cache {
    use core::cell::RefCell;
    use std::sync::Arc;

    use arc_swap::Cache;

    use super::Snapshot;
    use crate::sync::{SharedSwap, Swap};

    struct Kept {
        of: *const Swap<Snapshot>,
        snapshot: Cache<SharedSwap<Snapshot>, Arc<Snapshot>>,
    }

    thread_local! {
        static KEPT: RefCell<Option<Kept>> = const { RefCell::new(None) };
    }

    #[inline]
    pub fn with<R>(swap: &Arc<Swap<Snapshot>>, operation: impl FnOnce(&Snapshot) -> R) -> R {
        let mut operation = Some(operation);
        let done = KEPT.try_with(|kept| {
            // Borrowed already where an observer calls the manager.
            let mut kept = kept.try_borrow_mut().ok()?;
            let snapshot = match &mut *kept {
                // The cache keeps the swap alive, so its address cannot be another's.
                Some(kept) if core::ptr::eq(kept.of, Arc::as_ptr(swap)) => kept.snapshot.load(),
                other => other.insert(keep(swap)).snapshot.load(),
            };
            operation.take().map(|operation| operation(snapshot))
        });
        match (done.ok().flatten(), operation) {
            (Some(result), _) => result,
            // Also while the thread is being torn down.
            (None, Some(operation)) => operation(&swap.load()),
            (None, None) => unreachable!("the operation is taken only to be run"),
        }
    }

    #[cold]
    fn keep(swap: &Arc<Swap<Snapshot>>) -> Kept {
        Kept { of: Arc::as_ptr(swap), snapshot: Cache::new(SharedSwap(swap.clone())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limit;

    fn limit(bound: u64) -> ScopeLimit {
        ScopeLimit::all(Limit::new(bound))
    }

    fn at(store: &Store, id: &ScopeId) -> u64 {
        store.with(|now| now.at(now.place(id)).memory.get())
    }

    #[test]
    fn set_limits_survive_a_swap_until_they_are_cleared() {
        let store = Store::new(Snapshot::new(Limits::default(), None));
        let (a, b) = (ScopeId::Peer([1].as_slice().into()), ScopeId::Peer([2].as_slice().into()));
        store.set_limit(&a, Some(limit(1)));
        store.set_limit(&ScopeId::System, Some(limit(2)));
        store.set_limits(Limits { peer: limit(10), system: limit(20), ..Limits::default() });
        assert_eq!((at(&store, &a), at(&store, &b), at(&store, &ScopeId::System)), (1, 10, 2));
        store.set_limit(&a, None);
        store.set_limit(&ScopeId::System, None);
        assert_eq!((at(&store, &a), at(&store, &ScopeId::System)), (10, 20));
    }

    #[test]
    fn the_most_particular_limit_of_a_pair_wins() {
        let mut limits = Limits { protocol_peer: limit(1), ..Limits::default() };
        let pair = |protocol: &str| ScopeId::PeerProtocol {
            peer: [1].as_slice().into(),
            protocol: protocol.into(),
        };
        let store = Store::new(Snapshot::new(limits.clone(), None));
        assert_eq!(at(&store, &pair("a")), 1);
        limits.protocol_peers.insert("a".into(), limit(2));
        store.set_limits(limits);
        assert_eq!((at(&store, &pair("a")), at(&store, &pair("b"))), (2, 1));
        store.set_limit(&pair("a"), Some(limit(3)));
        assert_eq!((at(&store, &pair("a")), at(&store, &pair("b"))), (3, 1));
    }

    #[test]
    fn managers_that_alternate_on_one_thread_keep_apart() {
        let one = Store::new(Snapshot::new(Limits { system: limit(1), ..Limits::default() }, None));
        let two = Store::new(Snapshot::new(Limits { system: limit(2), ..Limits::default() }, None));
        for _ in 0..3 {
            assert_eq!((at(&one, &ScopeId::System), at(&two, &ScopeId::System)), (1, 2));
        }
        let nested = one.with(|_| at(&two, &ScopeId::System) * 10 + at(&one, &ScopeId::System));
        assert_eq!(nested, 21);
    }
}
