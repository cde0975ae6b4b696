//! Hashers of names that remote parties choose, and of numbers that are ours.

use std::hash::{BuildHasher, Hash, RandomState};
use std::hint::black_box;

use foldhash::{fast, quality};
use rcmgr_benches::{Work, keys};
use rcmgr_core::PeerKey;

use crate::contest::{Scale, Table};
use crate::maps::Papaya;
use crate::on_keys::{on_keys, scattered};

/// Entries of the maps in which keys are looked up.
const ENTRIES: u64 = 100_000;

/// A peer, and what it uses.
type Pair = (u64, u64);

/// As the engine numbers scopes: in a row, and one service of them all.
fn pair(number: u64) -> Pair {
    (number, 1)
}

/// Hashes of keys, alone.
fn hashes<K: Hash + Send + 'static>(
    hasher: impl BuildHasher + Send + 'static,
    key: impl Fn(u64) -> K + Send + 'static,
) -> Vec<Box<dyn Work>> {
    let mut known = scattered(0, ENTRIES);
    let next = move || key(known());
    vec![on_keys(next, move |key| {
        black_box(hasher.hash_one(black_box(key)));
    })]
}

/// Look-ups of peers by their keys.
fn names(hasher: impl BuildHasher + Send + Sync + 'static, entries: u64) -> Vec<Box<dyn Work>> {
    let map: Papaya<PeerKey, _> = Papaya::new(hasher);
    (0..entries).for_each(|number| map.insert(keys::peer(number).as_slice().into(), number));
    let mut known = scattered(0, entries);
    let next = move || keys::peer(known());
    vec![on_keys(next, move |key| {
        black_box(map.get(key.as_slice()));
    })]
}

/// Look-ups of pairs.
fn pairs(hasher: impl BuildHasher + Send + Sync + 'static, entries: u64) -> Vec<Box<dyn Work>> {
    let map: Papaya<Pair, _> = Papaya::new(hasher);
    (0..entries).for_each(|number| map.insert(pair(number), number));
    let mut known = scattered(0, entries);
    let next = move || pair(known());
    vec![on_keys(next, move |key| {
        black_box(map.get(key));
    })]
}

/// Times of both.
pub fn tables(scale: Scale) -> Vec<(&'static str, String)> {
    let entries = scale.count(ENTRIES);
    let mut of_names =
        Table::new(&["names"], &["`std`, SipHash-1-3", "`ahash`", "`foldhash`, quality"]);
    of_names.contest(
        &["hash"],
        &scale.contest([
            hashes(RandomState::new(), keys::peer),
            hashes(ahash::RandomState::new(), keys::peer),
            hashes(quality::RandomState::default(), keys::peer),
        ]),
    );
    of_names.contest(
        &["look-up"],
        &scale.contest([
            names(RandomState::new(), entries),
            names(ahash::RandomState::new(), entries),
            names(quality::RandomState::default(), entries),
        ]),
    );

    let mut of_numbers = Table::new(
        &["numbers"],
        &["`std`, SipHash-1-3", "`foldhash`, quality", "`foldhash`, fast"],
    );
    of_numbers.contest(
        &["hash"],
        &scale.contest([
            hashes(RandomState::new(), pair),
            hashes(quality::FixedState::default(), pair),
            // Fixed: with some random seeds the map would take all memory.
            hashes(fast::FixedState::default(), pair),
        ]),
    );
    of_numbers.contest(
        &["look-up"],
        &scale.contest([
            pairs(RandomState::new(), entries),
            pairs(quality::FixedState::default(), entries),
            pairs(fast::FixedState::default(), entries),
        ]),
    );
    vec![("names", of_names.text()), ("numbers", of_numbers.text())]
}
