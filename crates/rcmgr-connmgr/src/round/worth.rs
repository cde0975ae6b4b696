//! What a connection is worth to a round: its tally, less what speaks against it beyond that.

use std::time::Duration;

use crate::Score;

/// Off for a connection that nobody ever had use of.
const NEVER_USEFUL: u16 = 300;
/// Off for so many minutes without use, and once more each time that time has doubled. Protocols that
/// need a connection may use it each few minutes only, as routing tables do that refresh each ten; and
/// whoever wants to look useful can do so each second.
const STALE_STEP: u16 = 40;
const STALE_MINUTES: u64 = 16;
/// How often at most; some 8 hours.
const STALE_STEPS: u32 = 6;
/// The most that a crowded network costs: the width of the domain of scores, so that nothing a
/// scorer says outweighs it.
const MOST_CROWDING: u32 = 2000;

/// What a connection is worth, in points of a [`Score`].
///
/// The least worth go first. Scores can be mimicked by who knows the scorers; having been of use,
/// and coming from a network that few others are from, take work or addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worth {
    /// What its protocols and tags say.
    pub tally: Score,
    /// Off for being of no use lately: nothing within 16 minutes, then 40 and 40 more each time that
    /// the time has doubled, up to 240; 300 if it never was of use.
    pub staleness: u16,
    /// Off for better connections from the same network, see [`Crowding`].
    pub crowding: u16,
}

impl Worth {
    /// The sum: −3300 to 1000.
    pub const fn total(self) -> i16 {
        self.tally.get() - self.staleness as i16 - self.crowding as i16
    }
}

/// What it costs to come from a network that many others are from.
///
/// The connections of one network are counted from the best. Up to a free share they cost nothing;
/// the one at twice that place costs [`Crowding::points`], at four times twice as much, up to 2000.
/// As the last go, the others do not get dearer: who stays of a network is who is worth most. Within
/// one network the order is untouched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crowding {
    /// The share of all connections that is free for each network, in basis points; 1000.
    pub free: u16,
    /// How many are free at least; 4.
    pub at_least: u16,
    /// What each doubling costs; 200 points.
    pub points: u16,
}

impl Default for Crowding {
    fn default() -> Crowding {
        Crowding { free: 1000, at_least: 4, points: 200 }
    }
}

impl Crowding {
    /// How many connections of a network cost nothing, of so many in all.
    pub(super) fn free_of(self, live: u32) -> u32 {
        share(live, self.free).max(self.at_least.into()).max(1)
    }

    /// What the connection at this place costs, the best being at 1. Linear between doublings.
    pub(super) fn cost(self, place: u32, free: u32) -> u16 {
        let Some(doublings) = (place / free).checked_ilog2() else { return 0 };
        let points = u64::from(self.points);
        let passed = u64::from(free) << doublings;
        let cost = points * u64::from(doublings) + (u64::from(place) - passed) * points / passed;
        cost.min(MOST_CROWDING.into()) as u16
    }
}

/// What is off for not having been useful since then.
pub(super) fn staleness(now: Duration, useful: Option<Duration>) -> u16 {
    let Some(at) = useful else { return NEVER_USEFUL };
    let minutes = now.saturating_sub(at).as_secs() / 60;
    let steps = (minutes / STALE_MINUTES).checked_ilog2().map_or(0, |doublings| doublings + 1);
    steps.min(STALE_STEPS) as u16 * STALE_STEP
}

/// Basis points of a number, rounded down. Shares above the whole are the whole.
pub(super) fn share(of: u32, basis_points: u16) -> u32 {
    (u64::from(of) * u64::from(basis_points.min(10_000)) / 10_000) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_time_without_use_costs_by_its_doublings() {
        let now = Duration::from_secs(60 * 10_000);
        let cost =
            |minutes: u64| staleness(now, now.checked_sub(Duration::from_secs(60 * minutes)));
        assert_eq!([0, 15, 16, 31, 32, 63, 64].map(cost), [0, 0, 40, 40, 80, 80, 120]);
        assert_eq!(cost(9_999), 240);
        assert_eq!(staleness(now, None), 300);
        assert_eq!(staleness(Duration::ZERO, Some(now)), 0);
        assert_eq!(staleness(Duration::MAX, Some(now)), 240);
    }

    #[test]
    fn a_network_costs_beyond_its_free_share() {
        let crowding = Crowding::default();
        assert_eq!((crowding.free_of(10), crowding.free_of(1000)), (4, 100));
        let costs = [1, 20, 21, 30, 40, 60, 80, 1000].map(|place| crowding.cost(place, 20));
        assert_eq!(costs, [0, 0, 10, 100, 200, 300, 400, 1112]);
        assert_eq!(Crowding { points: u16::MAX, ..crowding }.cost(u32::MAX, 1), 2000);
        assert_eq!(Crowding { at_least: 0, free: 0, points: 0 }.free_of(0), 1);
    }

    proptest! {
        #[test]
        fn who_comes_later_never_costs_less(place: u32, free in 1..u32::MAX, points: u16) {
            let crowding = Crowding { points, ..Crowding::default() };
            let next = crowding.cost(place.saturating_add(1), free);
            prop_assert!(crowding.cost(place, free) <= next);
        }

        #[test]
        fn a_worth_stays_in_its_domain(tally: i64, place: u32, free in 1..u32::MAX, points: u16) {
            let crowding = Crowding { points, ..Crowding::default() }.cost(place, free);
            let worth = Worth { tally: Score::new(tally), staleness: NEVER_USEFUL, crowding };
            prop_assert!((-3300..=700).contains(&worth.total()));
        }
    }
}
