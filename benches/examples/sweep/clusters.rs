//! Keys that `foldhash::fast` puts into few places.
//!
//! It multiplies what it makes of a key's two numbers and its seeds, and takes both halves of the product
//! together. With some factors keys that follow each other have the same low bits, and papaya begins to
//! look for a key at the place that these name. Where it finds none in so many steps it makes another
//! table, but a larger one only if the old one was half full; if not, the keys meet there again, and it
//! makes tables until memory ends. So nothing is inserted into a real one here. Seeds and a number that do
//! so are below; with other seeds other numbers do, or none.

use std::hash::BuildHasher;

use foldhash::{SharedSeed, fast, quality};

use crate::contest::{Scale, Table};

/// A seed of all hashers, as a process draws one.
static SEED: SharedSeed = SharedSeed::from_u64(11);

/// A seed of one hasher.
const OF_HASHER: u64 = 0x1ecd_498f_01d3_4037;

/// The number of a service whose peers cluster with that seed, and that of the next.
const SERVICES: [u64; 2] = [2620, 2621];

const PEERS: u64 = 1_000;

/// How many bits name a place in the tables that are tried: from the size that papaya has for so many
/// entries.
const BITS: [u32; 4] = [11, 13, 15, 17];

fn fast() -> fast::SeedableRandomState {
    fast::SeedableRandomState::with_seed(OF_HASHER, &SEED)
}

fn quality() -> quality::SeedableRandomState {
    quality::SeedableRandomState::with_seed(OF_HASHER, &SEED)
}

/// How many pairs of peers that were numbered in a row with a service find no place in a table, by the
/// rules of papaya 0.2.5: steps of 1, 2, 3 and so on, 5 for each bit.
fn without_place(hasher: impl BuildHasher, service: u64, bits: u32) -> usize {
    let mask = (1 << bits) - 1;
    let mut taken = vec![false; mask + 1];
    let mut take = |peer| {
        let mut at = hasher.hash_one((peer, service)) as usize & mask;
        for step in 1..=5 * bits as usize + 1 {
            if !taken[at] {
                taken[at] = true;
                return true;
            }
            at = (at + step) & mask;
        }
        false
    };
    (0..PEERS).filter(|peer| !take(131 + peer)).count()
}

/// Pairs without a place, by the size of the table.
pub fn tables(_scale: Scale) -> Vec<(&'static str, String)> {
    let [bad, good] = SERVICES;
    let heads = [
        format!("quality, service {bad}"),
        format!("fast, service {good}"),
        format!("fast, service {bad}"),
    ];
    let mut table = Table::new(&["places"], &heads.each_ref().map(String::as_str));
    for bits in BITS {
        let without = [
            without_place(quality(), bad, bits),
            without_place(fast(), good, bits),
            without_place(fast(), bad, bits),
        ];
        table.row(&[&(1 << bits).to_string()], &without.map(|keys| keys.to_string()));
    }
    vec![("clusters", table.text())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_cluster_with_the_fast_variant_and_not_with_the_other() {
        let [bad, good] = SERVICES;
        let [least, .., most] = BITS;
        assert_ne!(without_place(fast(), bad, least), 0);
        assert_ne!(
            without_place(fast(), bad, most - 2),
            0,
            "one of 16 times the size does not help"
        );
        for bits in BITS {
            assert_eq!(without_place(fast(), good, bits), 0);
            assert_eq!(without_place(quality(), bad, bits), 0);
        }
    }
}
