//! Who goes before whom, as one number, and as much of the order as is asked for.

use std::time::Duration;

/// The place of a row in the order, and where the row is. Of two the lower goes first:
///
/// | bits | | first goes |
/// |---|---|---|
/// | 2 | stage | idle connections, then residue, then the others |
/// | 16 | residue | of the burst that ended last |
/// | 13 | worth | the least |
/// | 1 | in use | who has no streams |
/// | 1 | outbound | who came by itself |
/// | 31 | age in 10 ms | the youngest |
/// | 32 | tie | a keyed permutation of the row's key |
/// | 32 | index | never decides, keys being different |
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rank(u128);

/// The first part of the order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Idle,
    Residue,
    Rest,
}

/// What the order goes by.
pub(super) struct By {
    pub stage: Stage,
    pub residue: u16,
    pub worth: i16,
    pub in_use: bool,
    pub outbound: bool,
    pub age: Duration,
    pub tie: u32,
    pub index: u32,
}

const TIE: u32 = 32;
const AGE: u32 = 64;
const OUTBOUND: u32 = 95;
const IN_USE: u32 = 96;
const WORTH: u32 = 97;
const WORTH_BITS: u32 = 13;
const RESIDUE: u32 = WORTH + WORTH_BITS;
const STAGE: u32 = RESIDUE + 16;
const OLDEST: u128 = (1 << (OUTBOUND - AGE)) - 1;

const _: () = assert!(STAGE + 2 == u128::BITS);

/// Makes the lowest worth, −3300, a number from 0 on.
const BIAS: i16 = 4096;

impl Rank {
    pub fn new(by: &By) -> Rank {
        let worth = (by.worth + BIAS) as u128;
        let bits = (by.stage as u128) << STAGE
            | u128::from(by.residue) << RESIDUE
            | worth << WORTH
            | u128::from(by.in_use) << IN_USE
            | u128::from(by.outbound) << OUTBOUND
            | (by.age.as_millis() / 10).min(OLDEST) << AGE
            | u128::from(by.tie) << TIE
            | u128::from(by.index);
        Rank(bits)
    }

    /// A rank by one number, the lowest first, and a tie.
    pub fn simple(number: u64, tie: u32, index: u32) -> Rank {
        Rank(u128::from(number) << AGE | u128::from(tie) << TIE | u128::from(index))
    }

    /// The same worth less. What is off never exceeds what there is: a worth is far above `-BIAS`.
    #[must_use]
    pub fn lowered(self, by: u16) -> Rank {
        Rank(self.0 - (u128::from(by) << WORTH))
    }

    /// The same row in the opposite order.
    #[must_use]
    pub fn reversed(self) -> Rank {
        Rank(self.0 ^ !0 << TIE)
    }

    pub fn worth(self) -> i16 {
        ((self.0 >> WORTH) & ((1 << WORTH_BITS) - 1)) as i16 - BIAS
    }

    pub fn is_rest(self) -> bool {
        self.0 >> STAGE == Stage::Rest as u128
    }

    pub fn tie(self) -> u32 {
        (self.0 >> TIE) as u32
    }

    pub fn index(self) -> usize {
        self.0 as u32 as usize
    }
}

/// A permutation of all numbers that who does not know the seed cannot foretell. The finish of
/// MurmurHash3, twice.
pub(super) fn mix(number: u32, seed: u64) -> u32 {
    let finish = |mut number: u32| {
        number = (number ^ number >> 16).wrapping_mul(0x85eb_ca6b);
        number = (number ^ number >> 13).wrapping_mul(0xc2b2_ae35);
        number ^ number >> 16
    };
    finish(finish(number ^ seed as u32) ^ (seed >> 32) as u32)
}

/// Ranks in ascending order, sorted only as far as they are asked for: a round that closes a few of
/// many looks at each of the many about twice.
pub(super) struct Ascending {
    ranks: Vec<Rank>,
    sorted: usize,
    /// How many are sorted first.
    first: usize,
}

impl Ascending {
    /// Of these, about so many are going to be asked for.
    pub fn new(ranks: Vec<Rank>, about: usize) -> Ascending {
        Ascending { ranks, sorted: 0, first: about.saturating_add(about / 8).max(64) }
    }

    /// The next to the `at` lowest.
    pub fn get(&mut self, at: usize) -> Option<Rank> {
        while at >= self.sorted && self.sorted < self.ranks.len() {
            let rest = self.ranks.get_mut(self.sorted..)?;
            let more = self.first.max(self.sorted).min(rest.len());
            if more < rest.len() {
                rest.select_nth_unstable(more);
            }
            rest.get_mut(..more)?.sort_unstable();
            self.sorted += more;
        }
        self.ranks.get(at).copied()
    }

    /// Gives the space back, to be used again.
    pub fn into_ranks(self) -> Vec<Rank> {
        self.ranks
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BY: By = By {
        stage: Stage::Rest,
        residue: 0,
        worth: 0,
        in_use: true,
        outbound: false,
        age: Duration::from_secs(60),
        tie: 5,
        index: 0,
    };

    #[test]
    fn each_key_decides_only_where_those_before_it_are_equal() {
        let go_before_it = [
            By { stage: Stage::Idle, worth: 1000, ..BY },
            By { stage: Stage::Residue, residue: u16::MAX, ..BY },
            By { worth: -1, outbound: true, age: Duration::MAX, ..BY },
            By { in_use: false, outbound: true, ..BY },
            By { age: Duration::from_millis(59_990), tie: 9, ..BY },
            By { tie: 4, index: 9, ..BY },
        ];
        for by in go_before_it {
            assert!(Rank::new(&by) < Rank::new(&BY));
        }
        assert!(Rank::new(&By { outbound: true, ..BY }) > Rank::new(&BY));
        let residue = By { stage: Stage::Residue, ..BY };
        assert!(
            Rank::new(&By { residue: 1, ..residue }) < Rank::new(&By { residue: 2, ..residue })
        );
    }

    #[test]
    fn a_rank_gives_back_what_it_was_made_of() {
        for worth in [-3300, -1, 0, 1000] {
            let rank = Rank::new(&By { worth, index: u32::MAX, age: Duration::MAX, ..BY });
            assert_eq!((rank.worth(), rank.tie(), rank.index()), (worth, 5, u32::MAX as usize));
            assert!(rank.is_rest());
            assert_eq!(rank.reversed().index(), rank.index());
            assert_eq!(rank.reversed().reversed(), rank);
        }
        let lowered = Rank::new(&By { worth: -1300, ..BY }).lowered(2000);
        assert_eq!(lowered, Rank::new(&By { worth: -3300, ..BY }));
    }

    proptest! {
        #[test]
        fn ranks_come_sorted_whatever_is_asked_for(
            numbers in prop::collection::vec(0..50_u64, 0..600),
            asked in prop::collection::vec(0..700_usize, 1..20),
            about in 0..100_usize,
        ) {
            let ranks = numbers.iter().zip(0..).map(|(n, at)| Rank::simple(*n, 0, at));
            let ranks: Vec<_> = ranks.collect();
            let mut sorted = ranks.clone();
            sorted.sort_unstable();
            let mut ascending = Ascending::new(ranks, about);
            for at in asked {
                prop_assert_eq!(ascending.get(at), sorted.get(at).copied());
            }
        }

        #[test]
        fn mixing_keeps_different_numbers_apart(one: u32, other: u32, seed: u64) {
            prop_assert_eq!(one == other, mix(one, seed) == mix(other, seed));
        }
    }
}
