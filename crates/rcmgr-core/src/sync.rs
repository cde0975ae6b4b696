//! The only place that names atomics, `ArcSwap`, the concurrent maps and the queue, so that the
//! models can stand in for them.
//!
//! Under the models (`cfg(rcmgr_loom)`) atomics are loom's, and the swap, the maps and the queue are
//! a loom mutex around a plain value: each of their operations is one atomic step there, and the steps
//! inside the real ones are not explored. In unit tests every operation on a word or pointer
//! first calls [`step::here`], which lets a test stop a thread at that very step.

pub use core::sync::atomic::Ordering;
use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

#[cfg(not(rcmgr_loom))]
use core::sync::atomic as imp;
#[cfg(rcmgr_loom)]
use loom::sync::atomic as imp;

/// For what there are many of: one word less than `std`'s `Arc`, which also counts weak
/// references, and one atomic operation less when the last reference is dropped. The models do not
/// see into it, as not into `std`'s.
pub use triomphe::Arc as StrongArc;

/// A counter, a leaf's word, a lifecycle: 64 bits that change by compare-and-swap.
pub struct AtomicWord(imp::AtomicU64);

impl AtomicWord {
    pub fn new(value: u64) -> Self {
        AtomicWord(imp::AtomicU64::new(value))
    }

    #[inline(always)]
    pub fn load(&self, ordering: Ordering) -> u64 {
        step::here();
        #[cfg(rcmgr_loom)]
        if loads::mode() == loads::Mode::NoneStale {
            return self.0.fetch_add(0, ordering);
        }
        self.0.load(ordering)
    }

    /// A load of a counter: the same, except that the models have a mode for it (see [`loads`]).
    #[inline(always)]
    pub fn look(&self, ordering: Ordering) -> u64 {
        step::here();
        #[cfg(rcmgr_loom)]
        if matches!(loads::mode(), loads::Mode::CountersNotStale | loads::Mode::NoneStale) {
            return self.0.fetch_add(0, ordering);
        }
        self.0.load(ordering)
    }

    /// May fail although the value is `current`, as the hardware's does: use it in a loop.
    #[inline(always)]
    pub fn compare_exchange(
        &self,
        current: u64,
        new: u64,
        success: Ordering,
        failure: Ordering,
    ) -> Result<u64, u64> {
        step::here();
        self.0.compare_exchange_weak(current, new, success, failure)
    }

    #[inline(always)]
    pub fn fetch_add(&self, value: u64, ordering: Ordering) -> u64 {
        step::here();
        self.0.fetch_add(value, ordering)
    }

    #[inline(always)]
    pub fn fetch_sub(&self, value: u64, ordering: Ordering) -> u64 {
        step::here();
        self.0.fetch_sub(value, ordering)
    }

    #[inline(always)]
    pub fn fetch_or(&self, bits: u64, ordering: Ordering) -> u64 {
        step::here();
        self.0.fetch_or(bits, ordering)
    }

    #[inline(always)]
    pub fn fetch_and(&self, bits: u64, ordering: Ordering) -> u64 {
        step::here();
        self.0.fetch_and(bits, ordering)
    }
}

/// A bit that is set for good.
#[derive(Debug)]
pub struct Flag(imp::AtomicBool);

impl Flag {
    /// A flag that is not set.
    pub fn new() -> Self {
        Flag(imp::AtomicBool::new(false))
    }

    #[inline(always)]
    pub fn is_set(&self, ordering: Ordering) -> bool {
        step::here();
        self.0.load(ordering)
    }

    pub fn set(&self, ordering: Ordering) {
        step::here();
        self.0.store(true, ordering);
    }
}

/// Something remembered that may be outdated: a place that tells by itself whether it still holds, or a
/// count by which something is done sooner or later. No count of what is held depends on it, and the models
/// do not explore its orderings.
#[derive(Debug)]
pub struct Hint(core::sync::atomic::AtomicU64);

impl Hint {
    pub fn new() -> Self {
        Hint(core::sync::atomic::AtomicU64::new(0))
    }

    #[inline(always)]
    pub fn get(&self) -> u64 {
        // Relaxed: see the type's text.
        self.0.load(Ordering::Relaxed)
    }

    pub fn set(&self, value: u64) {
        // Relaxed: see the type's text.
        self.0.store(value, Ordering::Relaxed);
    }
}

/// The same in 32 bits.
#[derive(Debug)]
pub struct SmallHint(core::sync::atomic::AtomicU32);

impl SmallHint {
    pub fn new() -> Self {
        SmallHint(core::sync::atomic::AtomicU32::new(0))
    }

    #[inline(always)]
    pub fn get(&self) -> u32 {
        // Relaxed: as in `Hint`.
        self.0.load(Ordering::Relaxed)
    }

    #[inline(always)]
    pub fn set(&self, value: u32) {
        // Relaxed: as in `Hint`.
        self.0.store(value, Ordering::Relaxed);
    }
}

/// A pointer that is claimed by compare-and-swap.
pub struct AtomicPointer<T>(imp::AtomicPtr<T>);

impl<T> AtomicPointer<T> {
    pub fn new(value: *mut T) -> Self {
        AtomicPointer(imp::AtomicPtr::new(value))
    }

    #[inline(always)]
    pub fn load(&self, ordering: Ordering) -> *mut T {
        step::here();
        self.0.load(ordering)
    }

    pub fn store(&self, value: *mut T, ordering: Ordering) {
        step::here();
        self.0.store(value, ordering);
    }

    /// Fails only when the value is not `current`.
    pub fn compare_exchange(
        &self,
        current: *mut T,
        new: *mut T,
        success: Ordering,
        failure: Ordering,
    ) -> Result<*mut T, *mut T> {
        step::here();
        self.0.compare_exchange(current, new, success, failure)
    }
}

/// How the models load.
///
/// loom remembers one last access of each cell. Where a thread loads and then changes a cell, its
/// own load hides what another thread loaded before, and the order "other's load, then this
/// change" may stay unexplored. A load that is a change (of nothing) is not hidden, but never
/// reads an old value. So each model runs in every mode: plain loads show what weak memory
/// does, the others show all orders.
#[cfg(rcmgr_loom)]
pub mod loads {
    use core::sync::atomic::{AtomicU8, Ordering};

    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub enum Mode {
        /// Every load may read an old value, as far as its ordering lets it.
        Plain,
        /// Loads of counters read the newest value; those of leaf words may be old.
        CountersNotStale,
        /// Every load reads the newest value.
        NoneStale,
        /// As `Plain`, and nobody looks before a charge of memory.
        WithoutLook,
    }

    // SeqCst: outside the models' threads, where nothing is to be gained.
    static MODE: AtomicU8 = AtomicU8::new(0);

    pub fn set_mode(mode: Mode) {
        MODE.store(mode as u8, Ordering::SeqCst);
    }

    pub fn mode() -> Mode {
        match MODE.load(Ordering::SeqCst) {
            0 => Mode::Plain,
            1 => Mode::CountersNotStale,
            2 => Mode::NoneStale,
            _ => Mode::WithoutLook,
        }
    }
}

/// How many numbers of [`unique_id`] a thread takes at once.
const BLOCK: u64 = 1024;

/// Which block a number of [`unique_id`] is from: those of one block were given to one thread.
pub fn block_of(unique_id: u64) -> u64 {
    // They begin with 1.
    (unique_id - 1) / BLOCK
}

/// Numbers that are unique in the process, handed out by the thread from a block of its own.
pub fn unique_id() -> u64 {
    use core::cell::Cell;
    use core::sync::atomic::AtomicU64;

    // Plain atomics under the models too: uniqueness is all that is asked of these numbers.
    static NEXT_BLOCK: AtomicU64 = AtomicU64::new(0);
    thread_local! {
        static BLOCK_LEFT: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
    }
    let new_block = || {
        // Relaxed: nothing is published by a number.
        let start = NEXT_BLOCK.fetch_add(1, Ordering::Relaxed) * BLOCK + 1;
        (start, start + BLOCK)
    };
    let taken = BLOCK_LEFT.try_with(|left| {
        let (next, end) = if left.get().0 == left.get().1 { new_block() } else { left.get() };
        left.set((next + 1, end));
        next
    });
    // While a thread is being torn down it has no block; one of a kind costs a whole block.
    taken.unwrap_or_else(|_| new_block().0)
}

/// A number that no set of names in the process has had, until there have been 2^32 of them. It is
/// not 0, which in a [`Hint`] is "not looked up yet".
pub fn unique_epoch() -> u32 {
    use core::sync::atomic::AtomicU32;

    // A plain atomic under the models too, as in `unique_id`.
    static NEXT: AtomicU32 = AtomicU32::new(1);
    // Relaxed: nothing is published by a number.
    let next = || NEXT.fetch_add(1, Ordering::Relaxed);
    match next() {
        0 => next(),
        epoch => epoch,
    }
}

/// Faults of accounting that were found: subtractions that would have gone below zero.
pub mod faults {
    use core::sync::atomic::{AtomicU64, Ordering};

    static UNDERFLOWS: AtomicU64 = AtomicU64::new(0);

    pub fn count_underflow() {
        // Relaxed: a statistic.
        UNDERFLOWS.fetch_add(1, Ordering::Relaxed);
    }

    pub fn underflows() -> u64 {
        // Relaxed: a statistic.
        UNDERFLOWS.load(Ordering::Relaxed)
    }
}

/// A value that is replaced whole while others read it.
#[cfg(not(rcmgr_loom))]
pub struct Swap<T>(arc_swap::ArcSwap<T>);
#[cfg(rcmgr_loom)]
pub struct Swap<T>(loom::sync::Mutex<Arc<T>>);

#[cfg(not(rcmgr_loom))]
impl<T> Swap<T> {
    pub fn new(value: T) -> Self {
        Swap(arc_swap::ArcSwap::from_pointee(value))
    }

    pub fn load(&self) -> arc_swap::Guard<Arc<T>> {
        self.0.load()
    }

    /// Replaces the value by one made of it, and gives the value that was replaced; `change` runs
    /// again when another change came first. Whoever still reads the old value has a reference of
    /// its own to it by then.
    pub fn update(&self, change: impl FnMut(&Arc<T>) -> Arc<T>) -> Arc<T> {
        self.0.rcu(change)
    }
}

/// So that a thread may hold an `arc_swap::Cache` of the value.
#[cfg(not(rcmgr_loom))]
pub struct SharedSwap<T>(pub Arc<Swap<T>>);

#[cfg(not(rcmgr_loom))]
impl<T> core::ops::Deref for SharedSwap<T> {
    type Target = arc_swap::ArcSwap<T>;

    fn deref(&self) -> &Self::Target {
        &self.0.0
    }
}

#[cfg(rcmgr_loom)]
impl<T> Swap<T> {
    pub fn new(value: T) -> Self {
        Swap(loom::sync::Mutex::new(Arc::new(value)))
    }

    pub fn load(&self) -> Arc<T> {
        self.0.lock().unwrap().clone()
    }

    pub fn update(&self, mut change: impl FnMut(&Arc<T>) -> Arc<T>) -> Arc<T> {
        let mut value = self.0.lock().unwrap();
        let next = change(&value);
        core::mem::replace(&mut value, next)
    }
}

/// A map that many threads read and change. The values are references, which are cloned.
pub struct Map<K, V, S> {
    #[cfg(not(rcmgr_loom))]
    map: papaya::HashMap<K, V, S>,
    #[cfg(rcmgr_loom)]
    map: loom::sync::Mutex<std::collections::HashMap<K, V, S>>,
}

#[cfg(not(rcmgr_loom))]
impl<K: Hash + Eq, V: Clone, S: BuildHasher + Default> Map<K, V, S> {
    pub fn new() -> Self {
        // Blocking resize: an insertion may wait for a resize, readers never do. The
        // incremental mode makes every reader help instead.
        let map = papaya::HashMap::builder()
            .hasher(S::default())
            .resize_mode(papaya::ResizeMode::Blocking)
            .build();
        Map { map }
    }

    /// What `look` says of the value, if there is one.
    #[inline]
    pub fn with<Q: Hash + Eq + ?Sized, R>(&self, key: &Q, look: impl FnOnce(&V) -> R) -> Option<R>
    where
        K: Borrow<Q>,
    {
        self.map.pin().get(key).map(look)
    }

    /// Inserts the value, or gives the one that is there.
    pub fn insert_new(&self, key: K, value: V) -> Result<(), V> {
        match self.map.pin().try_insert(key, value) {
            Ok(_) => Ok(()),
            Err(occupied) => Err(occupied.current.clone()),
        }
    }

    pub fn remove_if<Q: Hash + Eq + ?Sized>(&self, key: &Q, condition: impl Fn(&V) -> bool)
    where
        K: Borrow<Q>,
    {
        // The error says that another value stands there now, which is as good.
        let _ = self.map.pin().remove_if(key, |_, value| condition(value));
    }

    /// Visits all values, in no order. One that comes or goes meanwhile may be visited or not.
    pub fn for_each(&self, visit: impl FnMut(&V)) {
        self.map.pin().values().for_each(visit);
    }
}

/// A map in which entries come and go with remote addresses. The values are `Arc`s.
///
/// Looking something up takes no lock; each place has one for those who change it. Other than a
/// [`Map`] it gives memory back as it empties, and grows a few places at a time, so that nobody
/// stands still while a million entries are moved. What is removed may be found for a moment.
#[cfg(not(rcmgr_loom))]
pub struct Table<K, V, S: BuildHasher>(scc::HashIndex<K, V, S>);
#[cfg(rcmgr_loom)]
pub type Table<K, V, S> = Map<K, V, S>;

/// Another thread is at the same place of a table.
pub struct Busy;

#[cfg(not(rcmgr_loom))]
impl<K: Hash + Eq + Copy + 'static, V: Clone + 'static, S: BuildHasher + Default> Table<K, V, S> {
    pub fn new() -> Self {
        /// The least that there may be; with none it would be given back, and taken anew, by each
        /// entry that comes and goes alone.
        const CAPACITY: usize = 64;
        Table(scc::HashIndex::with_capacity_and_hasher(CAPACITY, S::default()))
    }

    pub fn get(&self, key: &K) -> Option<V> {
        self.0.peek_with(key, |_, value| value.clone())
    }

    /// Inserts the value, or gives the one that is there.
    pub fn insert_new(&self, key: K, value: V) -> Result<(), V> {
        match self.0.entry_sync(key) {
            scc::hash_index::Entry::Vacant(free) => {
                free.insert_entry(value);
                Ok(())
            }
            scc::hash_index::Entry::Occupied(there) => Err(there.get().clone()),
        }
    }

    pub fn remove_if(&self, key: &K, condition: impl Fn(&V) -> bool) {
        self.0.remove_if_sync(key, |value| condition(value));
    }

    /// Removes as [`Table::remove_if`] does, unless it would have to wait.
    pub fn try_remove_if(&self, key: K, condition: impl Fn(&V) -> bool) -> Result<(), Busy> {
        match self.0.try_entry(key) {
            Some(scc::hash_index::Entry::Occupied(there)) if condition(there.get()) => {
                there.remove_entry();
                Ok(())
            }
            Some(_) => Ok(()),
            None => Err(Busy),
        }
    }

    pub fn values(&self) -> Vec<V> {
        // By key: an entry that is moved meanwhile, as the table grows, may be met twice.
        let mut values = std::collections::HashMap::with_hasher(S::default());
        self.0.iter_sync(|key, value| {
            values.insert(*key, value.clone());
            true
        });
        values.into_values().collect()
    }
}

#[cfg(rcmgr_loom)]
impl<K: Hash + Eq, V: Clone, S: BuildHasher + Default> Map<K, V, S> {
    pub fn new() -> Self {
        let map = std::collections::HashMap::with_hasher(S::default());
        Map { map: loom::sync::Mutex::new(map) }
    }

    pub fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.map.lock().unwrap().get(key).cloned()
    }

    pub fn with<Q: Hash + Eq + ?Sized, R>(&self, key: &Q, look: impl FnOnce(&V) -> R) -> Option<R>
    where
        K: Borrow<Q>,
    {
        // Unlocked by then: others may change the map before the look, and during it.
        self.get(key).as_ref().map(look)
    }

    pub fn insert_new(&self, key: K, value: V) -> Result<(), V> {
        match self.map.lock().unwrap().entry(key) {
            std::collections::hash_map::Entry::Occupied(there) => Err(there.get().clone()),
            std::collections::hash_map::Entry::Vacant(free) => {
                free.insert(value);
                Ok(())
            }
        }
    }

    pub fn remove_if<Q: Hash + Eq + ?Sized>(&self, key: &Q, condition: impl Fn(&V) -> bool)
    where
        K: Borrow<Q>,
    {
        let mut map = self.map.lock().unwrap();
        if map.get(key).is_some_and(condition) {
            map.remove(key);
        }
    }

    pub fn try_remove_if(&self, key: K, condition: impl Fn(&V) -> bool) -> Result<(), Busy> {
        let mut map = self.map.try_lock().map_err(|_| Busy)?;
        if map.get(&key).is_some_and(condition) {
            map.remove(&key);
        }
        Ok(())
    }

    pub fn values(&self) -> Vec<V> {
        self.map.lock().unwrap().values().cloned().collect()
    }

    pub fn for_each(&self, visit: impl FnMut(&V)) {
        // Unlocked by then, as in `with`.
        self.values().iter().for_each(visit);
    }
}

/// A queue that many threads use.
#[cfg(not(rcmgr_loom))]
pub struct Queue<T>(crossbeam_queue::SegQueue<T>);
#[cfg(rcmgr_loom)]
pub struct Queue<T>(loom::sync::Mutex<std::collections::VecDeque<T>>);

#[cfg(not(rcmgr_loom))]
impl<T> Queue<T> {
    pub fn new() -> Self {
        Queue(crossbeam_queue::SegQueue::new())
    }

    pub fn push(&self, value: T) {
        self.0.push(value);
    }

    pub fn pop(&self) -> Option<T> {
        self.0.pop()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(rcmgr_loom)]
impl<T> Queue<T> {
    pub fn new() -> Self {
        Queue(loom::sync::Mutex::new(std::collections::VecDeque::new()))
    }

    pub fn push(&self, value: T) {
        self.0.lock().unwrap().push_back(value);
    }

    pub fn pop(&self) -> Option<T> {
        self.0.lock().unwrap().pop_front()
    }

    pub fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

/// Where a test may stop a thread.
pub mod step {
    /// Called before each atomic operation; nothing outside unit tests.
    #[cfg(not(test))]
    #[inline(always)]
    pub fn here() {}

    #[cfg(test)]
    pub fn here() {
        // Taken out while it runs, so that what the hook itself does is no step.
        let hook = HOOK.try_with(|slot| slot.take()).ok().flatten();
        if let Some(mut hook) = hook {
            hook();
            HOOK.with(|slot| slot.set(Some(hook)));
        }
    }

    #[cfg(test)]
    pub type Hook = Box<dyn FnMut()>;

    #[cfg(test)]
    thread_local! {
        static HOOK: core::cell::Cell<Option<Hook>> = const { core::cell::Cell::new(None) };
    }

    /// Calls `hook` before each atomic operation of this thread, from now on.
    #[cfg(test)]
    pub fn set_hook(hook: Option<Hook>) {
        HOOK.with(|slot| slot.set(hook));
    }
}
