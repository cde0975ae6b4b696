//! The places of enrolled protocols, and sets of them in one word.

use std::fmt;

/// The place of one enrolled protocol, 0 to 63.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(u8);

impl Slot {
    /// The place with this number; `None` from 64 on.
    pub const fn new(number: u8) -> Option<Slot> {
        if number < 64 { Some(Slot(number)) } else { None }
    }

    /// Its number, to index a table of 64.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A set of places, such as those of the protocols that use one connection.
///
/// ```
/// use rcmgr_connmgr::quota::{Slot, Slots};
///
/// let set: Vec<_> = [9, 3].into_iter().filter_map(Slot::new).collect();
/// let used = set.iter().fold(Slots::EMPTY, |used, slot| used.with(*slot));
/// assert!(used.iter().map(Slot::index).eq([3, 9]));
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Slots(u64);

impl Slots {
    /// None of them.
    pub const EMPTY: Slots = Slots(0);

    /// All of them.
    pub const ALL: Slots = Slots(u64::MAX);

    /// The same with one more.
    #[must_use]
    pub const fn with(self, slot: Slot) -> Slots {
        Slots(self.0 | 1 << slot.0)
    }

    /// The same without that one.
    #[must_use]
    pub const fn without(self, slot: Slot) -> Slots {
        Slots(self.0 & !(1 << slot.0))
    }

    /// Whether it is in the set.
    pub const fn contains(self, slot: Slot) -> bool {
        self.0 & 1 << slot.0 != 0
    }

    /// Whether none is.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many are.
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }

    /// Those in the set, in ascending order.
    pub fn iter(self) -> impl Iterator<Item = Slot> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            // The trailing zeros of an empty word are 64, which is no slot.
            let slot = Slot::new(left.trailing_zeros() as u8)?;
            left &= left - 1;
            Some(slot)
        })
    }
}

impl fmt::Debug for Slots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Slot::index)).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn there_are_sixty_four_slots() {
        assert_eq!(Slot::new(63).map(Slot::index), Some(63));
        assert_eq!(Slot::new(64), None);
        assert_eq!(Slot::new(255), None);
    }

    proptest! {
        #[test]
        fn slots_are_a_set(changes: Vec<(bool, u8)>) {
            let (mut slots, mut model) = (Slots::EMPTY, BTreeSet::new());
            for (with, number) in changes {
                let slot = Slot::new(number % 64).unwrap();
                if with {
                    slots = slots.with(slot);
                    model.insert(slot);
                } else {
                    slots = slots.without(slot);
                    model.remove(&slot);
                }
                prop_assert_eq!(slots.contains(slot), with);
            }
            prop_assert_eq!(slots.len(), model.len());
            prop_assert_eq!(slots.is_empty(), model.is_empty());
            prop_assert!(slots.iter().eq(model.iter().copied()));
            prop_assert_eq!(format!("{slots:?}"), format!("{:?}", slots.iter().map(Slot::index).collect::<BTreeSet<_>>()));
        }
    }
}
