//! How many connections each protocol has while a round closes some.

use std::cmp::Reverse;

use super::candidate::Candidate;
use crate::quota::{Quota, Slot, Slots};

/// The connections of each protocol, against what it was granted.
pub(super) struct Usage {
    used: [u32; 64],
    allotted: [Quota; 64],
}

impl Usage {
    pub fn new<'a>(rows: impl IntoIterator<Item = &'a Candidate>, allotted: [Quota; 64]) -> Usage {
        let mut used = [0; 64];
        for row in rows {
            for slot in row.charged().iter() {
                used[slot.index()] += 1;
            }
        }
        Usage { used, allotted }
    }

    /// A protocol that would be below its minimum without one of its connections. Since nothing is
    /// opened during a round, it stays one.
    pub fn needs(&self, slots: Slots) -> Option<Slot> {
        slots.iter().find(|slot| self.used[slot.index()] <= self.allotted[slot.index()].min)
    }

    pub fn close(&mut self, slots: Slots) {
        for slot in slots.iter() {
            self.used[slot.index()] -= 1;
        }
    }

    /// By how much these protocols are above their maxima, together.
    pub fn excess(&self, slots: Slots) -> u32 {
        slots.iter().fold(0_u32, |sum, slot| sum.saturating_add(self.over(slot)))
    }

    /// Of these protocols the one furthest above its maximum, by the ratio; the lowest slot of equals.
    pub fn worst(&self, slots: Slots) -> Option<Slot> {
        let mut over = slots.iter().filter(|slot| self.over(*slot) > 0);
        let first = over.next()?;
        // Multiplied out, so that a maximum of 0 makes the greatest ratio.
        let worse = |one: usize, other: usize| {
            let product = |used: usize, max: usize| {
                u64::from(self.used[used]) * u64::from(self.allotted[max].max)
            };
            product(one, other) > product(other, one)
        };
        let worst = |worst: Slot, slot: Slot| {
            if worse(slot.index(), worst.index()) { slot } else { worst }
        };
        Some(over.fold(first, worst))
    }

    /// The busiest protocols that have a connection, the lowest slot first of equals.
    pub fn busiest(&self, most: usize) -> Vec<Slot> {
        let mut slots: Vec<Slot> = (0..64).filter_map(Slot::new).collect();
        slots.retain(|slot| self.used[slot.index()] > 0);
        slots.sort_by_key(|slot| Reverse(self.used[slot.index()]));
        slots.truncate(most);
        slots
    }

    fn over(&self, slot: Slot) -> u32 {
        self.used[slot.index()].saturating_sub(self.allotted[slot.index()].max)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn slots(numbers: &[u8]) -> Slots {
        numbers.iter().filter_map(|number| Slot::new(*number)).fold(Slots::EMPTY, Slots::with)
    }

    fn usage(of: &[(&[u8], u32)], allotted: &[(usize, u32, u32)]) -> Usage {
        let row = Candidate::new(0, Duration::ZERO);
        let rows: Vec<_> = of
            .iter()
            .flat_map(|(numbers, times)| {
                let row = Candidate { slots: slots(numbers), ..row };
                std::iter::repeat_n(row, *times as usize)
            })
            .collect();
        let mut bounds = [Quota::ANY; 64];
        for (slot, min, max) in allotted {
            bounds[*slot] = Quota { min: *min, max: *max };
        }
        Usage::new(&rows, bounds)
    }

    #[test]
    fn a_connection_counts_for_each_of_its_protocols() {
        let mut usage = usage(&[(&[0, 63], 2), (&[63], 1)], &[(0, 1, 1), (63, 1, 1)]);
        assert_eq!(usage.excess(slots(&[0, 63])), 3);
        assert_eq!(usage.needs(slots(&[0, 63])), None);
        usage.close(slots(&[0, 63]));
        assert_eq!(usage.needs(slots(&[0, 63])), Slot::new(0));
        assert_eq!(usage.needs(slots(&[63])), None);
    }

    #[test]
    fn a_connection_of_a_running_burst_counts_for_none() {
        let row =
            Candidate { slots: slots(&[5]), bursting: true, ..Candidate::new(0, Duration::ZERO) };
        let bounds = [Quota { min: 0, max: 0 }; 64];
        assert_eq!(Usage::new(&[row], bounds).excess(slots(&[5])), 0);
    }

    #[test]
    fn the_worst_offender_is_so_by_ratio() {
        let of: [(&[u8], u32); 3] = [(&[1], 30), (&[2], 9), (&[3], 1)];
        let all = slots(&[1, 2, 3]);
        assert_eq!(usage(&of, &[(1, 0, 20), (2, 0, 3)]).worst(all), Slot::new(2));
        assert_eq!(usage(&of, &[(1, 0, 10), (2, 0, 3)]).worst(all), Slot::new(1));
        assert_eq!(usage(&of, &[(1, 0, 1), (3, 0, 0)]).worst(all), Slot::new(3));
        assert_eq!(usage(&of, &[(1, 0, 30), (2, 0, 9)]).worst(all), None);
        assert_eq!(usage(&of, &[]).busiest(2), [1, 2].map(|slot| Slot::new(slot).unwrap()));
        assert_eq!(usage(&of, &[]).busiest(9).len(), 3);
    }
}
