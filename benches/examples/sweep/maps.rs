//! Maps of peers by their keys.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::hint::black_box;
use std::sync::{Arc, RwLock};

use dashmap::DashMap;
use rcmgr_benches::allocator::CountingAllocator;
use rcmgr_benches::{Work, keys};
use rcmgr_core::PeerKey;

use crate::contest::{Scale, Table};
use crate::on_keys::{numbers, on_keys, scattered};

/// A map of peers; the values are as large as the pointers that the engine keeps.
pub trait Map: Default + Send + Sync + 'static {
    fn get(&self, key: &[u8]) -> Option<u64>;
    fn insert(&self, key: PeerKey, value: u64);
    fn remove(&self, key: &[u8]);
}

/// `papaya`, as the engine has it.
pub struct Papaya<K, S>(papaya::HashMap<K, u64, S>);

impl<K: Hash + Eq, S: BuildHasher> Papaya<K, S> {
    pub fn new(hasher: S) -> Self {
        let builder = papaya::HashMap::builder().hasher(hasher);
        Papaya(builder.resize_mode(papaya::ResizeMode::Blocking).build())
    }

    pub fn get<Q: Hash + Eq + ?Sized>(&self, key: &Q) -> Option<u64>
    where
        K: std::borrow::Borrow<Q>,
    {
        self.0.pin().get(key).copied()
    }

    pub fn insert(&self, key: K, value: u64) {
        self.0.pin().insert(key, value);
    }
}

type PapayaPeers = Papaya<PeerKey, RandomState>;

impl Default for PapayaPeers {
    fn default() -> Self {
        Papaya::new(RandomState::new())
    }
}

impl Map for PapayaPeers {
    fn get(&self, key: &[u8]) -> Option<u64> {
        Papaya::get(self, key)
    }

    fn insert(&self, key: PeerKey, value: u64) {
        Papaya::insert(self, key, value);
    }

    fn remove(&self, key: &[u8]) {
        self.0.pin().remove(key);
    }
}

/// The engine has it for addresses.
type Index = scc::HashIndex<PeerKey, u64, RandomState>;

impl Map for Index {
    fn get(&self, key: &[u8]) -> Option<u64> {
        self.peek_with(key, |_, value| *value)
    }

    fn insert(&self, key: PeerKey, value: u64) {
        // The error gives back what is there already.
        let _ = self.insert_sync(key, value);
    }

    fn remove(&self, key: &[u8]) {
        self.remove_sync(key);
    }
}

/// Locks, one for each of some parts.
type Dash = DashMap<PeerKey, u64, RandomState>;

impl Map for Dash {
    fn get(&self, key: &[u8]) -> Option<u64> {
        DashMap::get(self, key).map(|value| *value)
    }

    fn insert(&self, key: PeerKey, value: u64) {
        DashMap::insert(self, key, value);
    }

    fn remove(&self, key: &[u8]) {
        DashMap::remove(self, key);
    }
}

/// One lock for all.
type Locked = RwLock<HashMap<PeerKey, u64>>;

const WHOLE: &str = "nobody panics who has the lock";

impl Map for Locked {
    fn get(&self, key: &[u8]) -> Option<u64> {
        self.read().expect(WHOLE).get(key).copied()
    }

    fn insert(&self, key: PeerKey, value: u64) {
        self.write().expect(WHOLE).insert(key, value);
    }

    fn remove(&self, key: &[u8]) {
        self.write().expect(WHOLE).remove(key);
    }
}

const HEADS: [&str; 4] = ["`papaya`", "`scc::HashIndex`", "`dashmap`", "`RwLock` of `std`'s map"];

const PEERS: [u64; 3] = [1_000, 100_000, 1_000_000];

fn filled<M: Map>(peers: u64) -> Arc<M> {
    let map = M::default();
    (0..peers).for_each(|number| map.insert(keys::peer(number).as_slice().into(), number));
    Arc::new(map)
}

/// A thread that looks up known peers, without a pattern.
fn look_ups<M: Map>(map: &Arc<M>, peers: u64, thread: usize) -> Box<dyn Work> {
    let (map, mut known) = (map.clone(), scattered(thread, peers));
    let next = move || keys::peer(known());
    on_keys(next, move |key| {
        assert!(black_box(map.get(key)).is_some(), "it is there");
    })
}

/// A thread that inserts new peers, and removes each at once. Their keys are made, as for each new
/// scope.
fn changes<M: Map>(map: &Arc<M>, peers: u64, thread: usize) -> Box<dyn Work> {
    let (map, mut numbers) = (map.clone(), numbers(thread));
    let next = move || keys::peer(peers + numbers());
    on_keys(next, move |key| {
        map.insert(key.as_slice().into(), 0);
        map.remove(key);
    })
}

type OfThread<M> = fn(&Arc<M>, u64, usize) -> Box<dyn Work>;

fn of_threads<M: Map>(
    map: &Arc<M>,
    peers: u64,
    threads: usize,
    of_thread: OfThread<M>,
) -> Vec<Box<dyn Work>> {
    (0..threads).map(|thread| of_thread(map, peers, thread)).collect()
}

/// Times of look-ups and of changes.
pub fn times(scale: Scale) -> Vec<(&'static str, String)> {
    let mut table = Table::new(&["peers", "threads", "operation"], &HEADS);
    for peers in PEERS.map(|peers| scale.count(peers)) {
        let (papaya, index) = (filled::<PapayaPeers>(peers), filled::<Index>(peers));
        let (dash, locked) = (filled::<Dash>(peers), filled::<Locked>(peers));
        for threads in [1, 2] {
            let about = [&*peers.to_string(), &*threads.to_string()];
            let looked = scale.contest([
                of_threads(&papaya, peers, threads, look_ups),
                of_threads(&index, peers, threads, look_ups),
                of_threads(&dash, peers, threads, look_ups),
                of_threads(&locked, peers, threads, look_ups),
            ]);
            table.contest(&[&about[..], &["look-up"]].concat(), &looked);
            let changed = scale.contest([
                of_threads(&papaya, peers, threads, changes),
                of_threads(&index, peers, threads, changes),
                of_threads(&dash, peers, threads, changes),
                of_threads(&locked, peers, threads, changes),
            ]);
            table.contest(&[&about[..], &["insert, remove"]].concat(), &changed);
        }
    }
    vec![("maps", table.text())]
}

/// How many bytes more are allocated once `make` has made something.
fn live_bytes<T>(make: impl FnOnce() -> T) -> i64 {
    CountingAllocator::count(true);
    let before = CountingAllocator::live_bytes();
    let made = make();
    let live = CountingAllocator::live_bytes() - before;
    drop(made);
    CountingAllocator::count(false);
    live
}

/// Bytes of an entry, the 54 of the allocation that has its key included.
pub fn bytes(scale: Scale) -> Vec<(&'static str, String)> {
    let mut table = Table::new(&["peers"], &HEADS);
    for peers in PEERS.map(|peers| scale.count(peers)) {
        let live = [
            live_bytes(|| filled::<PapayaPeers>(peers)),
            live_bytes(|| filled::<Index>(peers)),
            live_bytes(|| filled::<Dash>(peers)),
            live_bytes(|| filled::<Locked>(peers)),
        ];
        table.contest(&[&peers.to_string()], &live.map(|bytes| bytes as f64 / peers as f64));
    }
    vec![("map-bytes", table.text())]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keeps_what_it_has<M: Map>() {
        let map = filled::<M>(100);
        let key = keys::peer(7);
        assert_eq!(map.get(&key), Some(7));
        map.remove(&key);
        assert_eq!((map.get(&key), map.get(&keys::peer(8))), (None, Some(8)));
    }

    #[test]
    fn every_map_keeps_what_it_has() {
        keeps_what_it_has::<PapayaPeers>();
        keeps_what_it_has::<Index>();
        keeps_what_it_has::<Dash>();
        keeps_what_it_has::<Locked>();
    }
}
