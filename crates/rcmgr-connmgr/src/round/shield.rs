//! Who is spared for what is hard to forge about it.

use std::time::Duration;

use super::{
    Fate,
    allowance::Allowance,
    candidate::{Candidate, UNATTACHED},
    network::Networks,
    order::{Ascending, Rank},
    plan::Plan,
    report::Spared,
    usage::Usage,
    worth::share,
};
use crate::{Direction, Score, round::Hold};

/// Of how many protocols the most useful connections are shielded.
const BUSIEST: usize = 4;

/// What shields look at.
pub(super) struct Shielding<'a> {
    pub rows: &'a [Candidate],
    pub plan: &'a Plan,
    pub ranks: &'a [Rank],
    pub networks: &'a Networks,
    pub usage: &'a Usage,
}

/// Who has how many places, of those that some axis decides about.
struct Axis {
    why: Spared,
    most: u32,
    /// Of one network no more than a quarter of them.
    spread: bool,
    /// Of a protocol no more than it may have; those that stay anyway count.
    within_quotas: bool,
}

/// The places that are left.
struct Places<'a> {
    fates: &'a mut [Fate],
    left: u32,
    /// The space of the order that was last made.
    ranks: Vec<Rank>,
    /// How many of each network the present axis has.
    taken: Vec<u32>,
}

impl Shielding<'_> {
    /// Shields some of the rows that might go, and leaves as many as the round may close.
    pub fn shield(&self, fates: &mut [Fate], allowance: Allowance) {
        let shields = self.plan.policy.shields;
        let spare = allowance.candidates.saturating_sub(allowance.close);
        let left = share(allowance.candidates, shields.share).min(spare);
        if left == 0 {
            return;
        }
        let (quarter, half) = (left.div_ceil(4), left.div_ceil(2));
        let taken = vec![0; self.networks.count()];
        let mut places = Places { fates, left, ranks: Vec::new(), taken };
        self.best_of_networks(&mut places, shields.networks.min(quarter));
        self.fastest(&mut places, shields.fastest.min(quarter));
        self.useful(&mut places, shields.useful.min(quarter.div_ceil(BUSIEST as u32)));
        self.outbound(&mut places, share(self.rows.len() as u32, shields.outbound).min(half));
        self.longest_of_use(&mut places);
    }

    fn best_of_networks(&self, places: &mut Places<'_>, most: u32) {
        let mut best: Vec<Option<Rank>> = vec![None; self.networks.count()];
        let mut represented = vec![false; self.networks.count()];
        for ((row, at), rank) in self.rows.iter().zip(0..).zip(self.ranks) {
            let network = self.networks.of(at);
            if row.hold >= Hold::Protected {
                represented[network] = true;
            } else if places.fates[at].is_open() && may_be_shielded(row) {
                best[network] = best[network].max(Some(*rank));
            }
        }
        let best = best.iter().zip(&represented).filter(|(_, represented)| !**represented);
        for rank in best.filter_map(|(best, _)| *best).take(most as usize) {
            places.shield(rank.index(), Spared::Network);
        }
    }

    fn fastest(&self, places: &mut Places<'_>, most: u32) {
        let by = |row: &Candidate, rank: Rank| {
            let rtt = row.rtt.filter(|_| service(row).is_some())?;
            Some(Rank::simple(u64::from(rtt.get()), rank.tie(), rank.index() as u32))
        };
        let why = Spared::Latency;
        self.by_axis(places, Axis { why, most, spread: true, within_quotas: false }, by);
    }

    fn useful(&self, places: &mut Places<'_>, most: u32) {
        for slot in self.usage.busiest(BUSIEST) {
            let by = |row: &Candidate, rank: Rank| {
                let at = row.useful.filter(|_| may_be_shielded(row) && row.slots.contains(slot))?;
                let idle = self.plan.now.saturating_sub(at).as_millis() as u64;
                Some(Rank::simple(idle, rank.tie(), rank.index() as u32))
            };
            let why = Spared::Usefulness;
            self.by_axis(places, Axis { why, most, spread: true, within_quotas: false }, by);
        }
    }

    /// The best of them: this side chose them, and what its choice was worth is in the rank, crowded
    /// networks included.
    fn outbound(&self, places: &mut Places<'_>, most: u32) {
        let by = |row: &Candidate, rank: Rank| {
            let keeps =
                row.direction == Direction::Outbound && may_be_shielded(row) && rank.is_rest();
            keeps.then(|| rank.reversed())
        };
        let why = Spared::Outbound;
        self.by_axis(places, Axis { why, most, spread: false, within_quotas: false }, by);
    }

    /// All places that are left go to those that have been of use for longest: that takes time, and
    /// who comes in numbers has not had it.
    fn longest_of_use(&self, places: &mut Places<'_>) {
        let by = |row: &Candidate, rank: Rank| {
            let service = u64::try_from(service(row)?.as_millis()).unwrap_or(u64::MAX);
            Some(Rank::simple(!service, rank.tie(), rank.index() as u32))
        };
        let (why, most) = (Spared::Service, places.left);
        self.by_axis(places, Axis { why, most, spread: true, within_quotas: true }, by);
    }

    /// How many more of each protocol its quota allows beside those that stay anyway.
    fn room(&self, fates: &[Fate]) -> [u32; 64] {
        let mut room = self.plan.allotted.map(|quota| quota.max);
        let stay = self.rows.iter().zip(fates).filter(|(_, fate)| !fate.is_open());
        for slot in stay.flat_map(|(row, _)| row.charged().iter()) {
            room[slot.index()] = room[slot.index()].saturating_sub(1);
        }
        room
    }

    /// Shields the lowest by an axis.
    fn by_axis(
        &self,
        places: &mut Places<'_>,
        axis: Axis,
        by: impl Fn(&Candidate, Rank) -> Option<Rank>,
    ) {
        let Axis { why, most, spread, within_quotas } = axis;
        let most = most.min(places.left);
        if most == 0 {
            return;
        }
        let of_one = if spread { most.div_ceil(4) } else { most };
        let mut ranks = std::mem::take(&mut places.ranks);
        ranks.clear();
        let rows = self.rows.iter().zip(self.ranks).zip(&*places.fates);
        let candidates = rows.filter(|(_, fate)| fate.is_open());
        ranks.extend(candidates.filter_map(|((row, rank), _)| by(row, *rank)));
        places.taken.fill(0);
        let mut order = Ascending::new(ranks, most as usize);
        let (mut at, mut left) = (0, most);
        let mut room = if within_quotas { self.room(places.fates) } else { [u32::MAX; 64] };
        while left > 0
            && let Some(rank) = order.get(at)
        {
            at += 1;
            let taken = &mut places.taken[self.networks.of(rank.index())];
            let slots = self.rows[rank.index()].charged();
            let fits = slots.iter().all(|slot| room[slot.index()] > 0);
            if *taken < of_one && fits {
                slots.iter().for_each(|slot| room[slot.index()] -= 1);
                *taken += 1;
                left -= 1;
                places.shield(rank.index(), why);
            }
        }
        places.ranks = order.into_ranks();
    }
}

impl Places<'_> {
    fn shield(&mut self, at: usize, why: Spared) {
        if self.left > 0 {
            self.left -= 1;
            self.fates[at] = Fate::Stays(why);
        }
    }
}

/// Whether a row may be shielded at all.
fn may_be_shielded(row: &Candidate) -> bool {
    row.residue.is_none() && row.tally >= UNATTACHED
}

/// For how long a row has been of use; none if it never was, or its protocols would rather be
/// without it. Between two uses no protocol may have a stream on it, and so none speaks for it.
fn service(row: &Candidate) -> Option<Duration> {
    let neutral = if row.slots.is_empty() { UNATTACHED } else { Score::INDIFFERENT };
    let welcome = may_be_shielded(row) && row.tally >= neutral;
    row.useful.filter(|_| welcome).map(|until| until.saturating_sub(row.opened))
}
