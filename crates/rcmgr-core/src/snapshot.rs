//! All limits at one moment, with the priority that memory requires, immutable, and the place where
//! the current one is published.
//!
//! To replace limits is to build a snapshot beside the current one, to publish it by the exchange of
//! one pointer, and to free the old one. Only the exchange meets those who charge: whoever changes
//! limits builds, and whoever changes limits frees, once no thread keeps the old ones.

use std::collections::HashMap;
use std::sync::Arc;

use crate::admission::{AllowlistChanges, AllowlistEntry, Rules};
use crate::places::{Places, Set};
use crate::sync::{Queue, Swap};
use crate::{Granule, Limits, Observer, Priority, ScopeId, ScopeLimit};

/// All limits at one moment. A clone shares everything.
#[derive(Clone)]
pub struct Snapshot {
    places: Places,
    rules: Arc<Rules>,
    /// Limits that were set on single connections, streams and spans, by their numbers.
    set_on_handles: Arc<HashMap<u64, ScopeLimit>>,
    observer: Option<Arc<dyn Observer>>,
    /// A part of the snapshot, so that a charge reads it without an atomic operation of its own, from
    /// memory that only changes of limits write, and goes by one value from its look to its end.
    required_priority: Priority,
    /// The same in all snapshots of one manager.
    granule: Granule,
    /// Comes last, and so is dropped last: who finds these unused finds all of the above unused.
    parts: Arc<Parts>,
}

/// What takes long to free. A snapshot has it once more, so that a charge gets to the table without
/// a step between. Once replaced it waits in [`Store::replaced`], so that dropping a snapshot frees
/// none of it. Snapshots that differ in the limits of single handles, or in the
/// required priority, share it.
struct Parts {
    _places: Places,
    _rules: Arc<Rules>,
}

impl Snapshot {
    pub fn new(limits: Limits, observer: Option<Arc<dyn Observer>>) -> Self {
        let places = Places::new(Arc::new(limits), Arc::default(), None);
        let rules = rules(&places, &Arc::default(), None);
        Self::of(places, rules, Arc::default(), observer, Priority::LOWEST)
    }

    fn of(
        places: Places,
        rules: Arc<Rules>,
        set_on_handles: Arc<HashMap<u64, ScopeLimit>>,
        observer: Option<Arc<dyn Observer>>,
        required_priority: Priority,
    ) -> Self {
        let parts = Arc::new(Parts { _places: places.clone(), _rules: rules.clone() });
        let granule = Granule::EXACT;
        Snapshot { places, rules, set_on_handles, observer, required_priority, granule, parts }
    }

    /// The same with another granule, for a manager that is being made.
    pub fn with_granule(self, granule: Granule) -> Snapshot {
        Snapshot { granule, ..self }
    }

    /// The same with other limits of scopes.
    fn with_places(&self, places: Places) -> Snapshot {
        let rules = rules(&places, self.rules.changes(), Some(&self.rules));
        self.with(places, rules)
    }

    /// The same with other changes of the allowlist.
    fn with_changes(&self, changes: AllowlistChanges) -> Snapshot {
        let rules = rules(&self.places, &Arc::new(changes), Some(&self.rules));
        self.with(self.places.clone(), rules)
    }

    fn with(&self, places: Places, rules: Arc<Rules>) -> Snapshot {
        let (set_on_handles, observer) = (self.set_on_handles.clone(), self.observer.clone());
        Self::of(places, rules, set_on_handles, observer, self.required_priority)
            .with_granule(self.granule)
    }

    /// The same with another limit of one connection, stream or span, or without one.
    pub fn with_handle(&self, number: u64, limit: Option<ScopeLimit>) -> Snapshot {
        let mut set_on_handles = HashMap::clone(&self.set_on_handles);
        match limit {
            Some(limit) => set_on_handles.insert(number, limit),
            None => set_on_handles.remove(&number),
        };
        Snapshot { set_on_handles: Arc::new(set_on_handles), ..self.clone() }
    }

    /// The same with another required priority.
    fn with_required_priority(&self, required_priority: Priority) -> Snapshot {
        Snapshot { required_priority, ..self.clone() }
    }

    /// The limits of scopes.
    #[inline(always)]
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// What connections are asked before, and beside, their scopes.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    pub fn observer(&self) -> Option<&dyn Observer> {
        self.observer.as_deref()
    }

    /// The priority that a reservation of memory needs at least (R10).
    #[inline(always)]
    pub fn required_priority(&self) -> Priority {
        self.required_priority
    }

    /// In which multiples leaves charge.
    #[inline(always)]
    pub fn granule(&self) -> Granule {
        self.granule
    }

    /// The limit that was set on one connection, stream or span.
    pub fn set_on_handle(&self, number: u64) -> Option<&ScopeLimit> {
        self.set_on_handles.get(&number)
    }
}

fn rules(
    places: &Places,
    changes: &Arc<AllowlistChanges>,
    before: Option<&Arc<Rules>>,
) -> Arc<Rules> {
    Rules::new(places.limits(), changes, places.allowlisted_system().connections, before)
}

/// Where the current snapshot is published.
pub struct Store {
    #[cfg(not(rcmgr_loom))]
    swap: Arc<Swap<Snapshot>>,
    #[cfg(rcmgr_loom)]
    swap: Swap<Snapshot>,
    /// Parts of snapshots that are no longer current, and that a thread may keep yet.
    replaced: Queue<Arc<Parts>>,
}

impl Store {
    #[cfg(not(rcmgr_loom))]
    pub fn new(snapshot: Snapshot) -> Self {
        Store { swap: Arc::new(Swap::new(snapshot)), replaced: Queue::new() }
    }

    #[cfg(rcmgr_loom)]
    pub fn new(snapshot: Snapshot) -> Self {
        Store { swap: Swap::new(snapshot), replaced: Queue::new() }
    }

    /// Makes configured limits ready to be published.
    pub fn prepare(&self, limits: Limits) -> Places {
        let now = self.swap.load();
        Places::new(Arc::new(limits), now.places.set().clone(), Some(&now.places))
    }

    /// Replaces the configured limits; those set on single scopes stay, be they set before or after
    /// these were prepared.
    pub fn publish(&self, prepared: &Places) {
        self.replace(|now| now.with_places(prepared.with_set(now.places.set())));
    }

    /// Sets the limit of one shared scope, or clears it.
    pub fn set_limit(&self, id: &ScopeId, limit: Option<ScopeLimit>) {
        self.replace(|now| {
            let mut set = Set::clone(now.places.set());
            match limit {
                Some(limit) => set.insert(id.clone(), limit),
                None => set.remove(id),
            };
            now.with_places(now.places.with_set(&Arc::new(set)))
        });
    }

    /// Allows or disallows an entry of the allowlist, whatever is configured, or goes by what is
    /// again. Tells whether that changes who is allowed.
    pub fn set_allowed(&self, entry: &AllowlistEntry, allowed: Option<bool>) -> bool {
        let entry = entry.canonical();
        let mut changed = false;
        self.replace(|now| {
            let mut changes = AllowlistChanges::clone(now.rules.changes());
            match allowed {
                Some(allowed) => changes.insert(entry.clone(), allowed),
                None => changes.remove(&entry),
            };
            let next = now.with_changes(changes);
            let is_allowed = |snapshot: &Snapshot| snapshot.rules.allowed().contains(&entry);
            changed = is_allowed(now) != is_allowed(&next);
            next
        });
        changed
    }

    /// Sets the limit of one connection, stream or span, or clears it.
    pub fn set_limit_of_handle(&self, number: u64, limit: Option<ScopeLimit>) {
        // The parts go on in the next snapshot: there is nothing to be kept from those who charge,
        // and a close, which comes here too, has no queue to wait for and nothing to free.
        self.swap.update(|now| Arc::new(now.with_handle(number, limit)));
    }

    /// Sets the priority that a reservation of memory needs at least.
    pub fn require_priority(&self, priority: Priority) {
        // As for a handle: the parts go on in the next snapshot.
        self.swap.update(|now| Arc::new(now.with_required_priority(priority)));
    }

    /// Publishes the snapshot that `change` makes of the current one.
    fn replace(&self, mut change: impl FnMut(&Snapshot) -> Snapshot) {
        let parts = self.swap.update(|now| Arc::new(change(now))).parts.clone();
        self.replaced.push(parts);
        self.collect();
    }

    /// Frees the limits that were replaced, and that no thread keeps any more.
    pub fn collect(&self) {
        for _ in 0..self.replaced.len() {
            let Some(parts) = self.replaced.pop() else {
                return;
            };
            // 1 is final, since only who has a snapshot of these can make a reference. With more,
            // they go back, and a thread that drops its snapshot meanwhile does not free them.
            if Arc::strong_count(&parts) > 1 {
                self.replaced.push(parts);
            }
        }
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
        store.with(|now| now.places().at(now.places().place(id)).memory.get())
    }

    #[test]
    fn set_limits_survive_a_swap_until_they_are_cleared() {
        let store = Store::new(Snapshot::new(Limits::default(), None));
        let (a, b) = (ScopeId::Peer([1].as_slice().into()), ScopeId::Peer([2].as_slice().into()));
        store.set_limit(&a, Some(limit(1)));
        store.set_limit(&ScopeId::System, Some(limit(2)));
        store.publish(&store.prepare(Limits {
            peer: limit(10),
            system: limit(20),
            ..Limits::default()
        }));
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
        store.publish(&store.prepare(limits));
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
