//! A round: which connections go, decided over one slice of rows by pure functions.
//!
//! [`arbitrate`] is given a [`Candidate`] for each connection and a [`Plan`], and gives a
//! [`Report`]; [`dry_run`] and [`explain()`] say what it would do.
//! [`Regulator::regulate`](crate::Regulator::regulate) makes a round in a node: its [`Aim`] is what
//! for, its [`Mode`] how far it may go.
//!
//! # The order
//! Of the connections that nothing keeps ([`Hold`]) and no shield spares ([`Shields`]), those go
//! first that are idle and that nothing speaks for; then what ended bursts left behind; then, the
//! worst offender first, connections of protocols that have more than their maximum; then whoever is
//! worth least ([`Worth`]). No protocol is taken below its minimum. Only in an emergency, and only if
//! all of that was not enough, new and shielded connections go too, and minima are not heeded; and
//! then protected connections. What is locked stays.
//!
//! # Cost
//! About linear in the number of rows: they are grouped by network by one sort of integers, and
//! otherwise sorted only as far as the round gets. Memory is at most some 100 bytes a row, in a few
//! blocks. It costs as much to close one connection as to close a hundred: where many newcomers come
//! at once, look at the victims of one dry run before making one for each.

mod allowance;
mod candidate;
mod explain;
mod fate;
mod network;
mod newcomer;
mod order;
mod plan;
mod report;
mod shield;
mod short;
mod usage;
mod worth;

#[cfg(test)]
mod tests;

pub use candidate::{Candidate, Hold};
pub use explain::{Explanation, Verdict, explain};
pub use plan::{Aim, Mode, Newcomer, Plan, Policy, Shields, Stretch};
pub use report::{Closing, Phase, Report, Spared, Unmet};
pub use short::Short;
pub use worth::{Crowding, Worth};

use allowance::Allowance;
use fate::{Fate, fates};
use network::Networks;
use newcomer::most_for_newcomer;
use order::{Ascending, By, Rank, Stage, mix};
use shield::Shielding;
use usage::Usage;
use worth::staleness;

use crate::{
    Direction,
    quota::{Slot, Slots},
};

/// Above this worth a connection does not go for its protocol having too many.
const PRIZED: i16 = 900;

/// Decides which connections go, and has each closed as it is decided.
///
/// `rows` are all open connections, those included that cannot go: they count for what their
/// protocols have and how crowded their networks are. `try_close` is given the key of a row, and says
/// whether the connection was open and not locked, and is now closing; it is asked at most once for
/// each row. Beside the seed and the rows, in whatever order they are, only its answers decide.
///
/// ```
/// use std::time::Duration;
/// use rcmgr_connmgr::{
///     Score,
///     round::{Aim, Candidate, Hold, Plan, arbitrate},
/// };
///
/// let second = Duration::from_secs(1);
/// let rows = [
///     Candidate { tally: Score::new(500), ..Candidate::new(0, second) },
///     Candidate { tally: Score::new(20), ..Candidate::new(1, second) },
///     Candidate { hold: Hold::Locked, ..Candidate::new(2, second) },
/// ];
/// let plan = Plan::new(Duration::from_secs(90), Aim::Leave(2));
/// let mut closing = Vec::new();
/// let report = arbitrate(&rows, &plan, |key| {
///     closing.push(key);
///     true
/// });
/// assert_eq!(closing, [1]);
/// assert_eq!(report.unmet.total(), 0);
/// ```
pub fn arbitrate(rows: &[Candidate], plan: &Plan, try_close: impl FnMut(u32) -> bool) -> Report {
    if wants_nothing(rows, plan) {
        return Report::nothing(plan.mode, rows.len() as u32);
    }
    let mut round = Round::new(rows, plan);
    round.run(round.allowance.close, try_close);
    round.report()
}

/// Says what [`arbitrate`] would do if every connection were closed that it asks for.
///
/// The same rows and plan given to [`arbitrate`] do just that.
pub fn dry_run(rows: &[Candidate], plan: &Plan) -> Report {
    arbitrate(rows, plan, |_| true)
}

fn wants_nothing(rows: &[Candidate], plan: &Plan) -> bool {
    match plan.aim {
        Aim::Leave(target) => rows.len() <= target as usize,
        Aim::Room(more) => more == 0,
        Aim::Offenders(slots) => slots.is_empty(),
    }
}

/// A round under way. Rows are meant by their index.
struct Round<'a> {
    rows: &'a [Candidate],
    plan: &'a Plan,
    ranks: Vec<Rank>,
    networks: Networks,
    usage: Usage,
    fates: Vec<Fate>,
    /// The most that a connection may be worth that goes for the newcomer.
    most: Option<i16>,
    allowance: Allowance,
    closed: Vec<Closing>,
}

impl<'a> Round<'a> {
    fn new(rows: &'a [Candidate], plan: &'a Plan) -> Round<'a> {
        let mut ranks: Vec<Rank> =
            rows.iter().zip(0..).map(|(row, at)| rank(row, at, plan)).collect();
        let networks = Networks::new(rows, &mut ranks, plan);
        let usage = Usage::new(rows, plan.allotted);
        let mut fates = fates(rows, plan, &ranks, &networks);
        let allowance = Allowance::new(plan, &fates, &usage, of_use(rows, plan, &networks));
        Shielding { rows, plan, ranks: &ranks, networks: &networks, usage: &usage }
            .shield(&mut fates, allowance);
        let (most, closed) = (most_for_newcomer(rows, plan), Vec::new());
        Round { rows, plan, ranks, networks, usage, fates, most, allowance, closed }
    }

    fn run(&mut self, most: u32, mut try_close: impl FnMut(u32) -> bool) {
        let close = &mut try_close;
        let mut order = self.order(most, Fate::is_open);
        if let Aim::Offenders(slots) = self.plan.aim {
            return self.offenders(slots, &mut order, most, close);
        }
        let at = self.left_behind(&mut order, most, close);
        self.offenders(Slots::ALL, &mut order, most, close);
        self.worst(&mut order, at, most, close);
        if self.plan.mode == Mode::Emergency {
            self.force(Phase::Forced, most, close);
            self.force(Phase::Protected, most, close);
        }
    }

    /// Idle connections, then residue. Gives the place where the others begin.
    fn left_behind(
        &mut self,
        order: &mut Ascending,
        most: u32,
        try_close: &mut impl FnMut(u32) -> bool,
    ) -> usize {
        let mut at = 0;
        while self.may_close(most)
            && let Some(rank) = order.get(at)
            && !rank.is_rest()
        {
            let residue = self.rows[rank.index()].residue.is_some();
            let phase = if residue { Phase::Residue } else { Phase::Idle };
            self.attempt(rank, phase, try_close);
            at += 1;
        }
        at
    }

    /// Of the protocol furthest above its maximum the connection worth least, until none is above.
    fn offenders(
        &mut self,
        mut slots: Slots,
        order: &mut Ascending,
        most: u32,
        try_close: &mut impl FnMut(u32) -> bool,
    ) {
        let mut cursors = [0; 64];
        while self.may_close(most)
            && let Some(slot) = self.usage.worst(slots)
        {
            match self.next_of(slot, order, &mut cursors[slot.index()]) {
                Some(rank) if rank.worth() < PRIZED && !self.is_worth_more(rank) => {
                    self.attempt(rank, Phase::Offender, try_close);
                }
                _ => slots = slots.without(slot),
            }
        }
    }

    /// The next row that counts for a protocol and might go.
    fn next_of(&self, slot: Slot, order: &mut Ascending, cursor: &mut usize) -> Option<Rank> {
        loop {
            let rank = order.get(*cursor)?;
            let row = &self.rows[rank.index()];
            if self.fates[rank.index()].is_open() && row.charged().contains(slot) {
                return Some(rank);
            }
            *cursor += 1;
        }
    }

    /// Whoever is worth least.
    fn worst(
        &mut self,
        order: &mut Ascending,
        mut at: usize,
        most: u32,
        try_close: &mut impl FnMut(u32) -> bool,
    ) {
        while self.may_close(most)
            && let Some(rank) = order.get(at)
        {
            if self.is_worth_more(rank) {
                // So are all that follow.
                for fate in self.fates.iter_mut().filter(|fate| fate.is_open()) {
                    *fate = Fate::Stays(Spared::WorthMore);
                }
                return;
            }
            if self.fates[rank.index()].is_open() {
                self.attempt(rank, Phase::Worst, try_close);
            }
            at += 1;
        }
    }

    /// What only an emergency closes, whoever is worth least first.
    fn force(&mut self, phase: Phase, most: u32, try_close: &mut impl FnMut(u32) -> bool) {
        if !self.may_close(most) {
            return;
        }
        let comes_to = |fate: Fate| match fate {
            Fate::Stays(Spared::Protected) => phase == Phase::Protected,
            Fate::Stays(Spared::Locked | Spared::Contended) => false,
            Fate::Stays(_) => phase == Phase::Forced,
            Fate::Open | Fate::Gone => false,
        };
        let mut order = self.order(most, comes_to);
        let mut at = 0;
        while self.may_close(most)
            && let Some(rank) = order.get(at)
        {
            self.close(rank, phase, try_close);
            at += 1;
        }
    }

    /// The rows of some fates in order, of which about so many are going to be looked at.
    fn order(&self, about: u32, of: impl Fn(Fate) -> bool) -> Ascending {
        let rows = self.ranks.iter().zip(&self.fates).filter(|(_, fate)| of(**fate));
        Ascending::new(rows.map(|(rank, _)| *rank).collect(), about as usize)
    }

    fn may_close(&self, most: u32) -> bool {
        self.closed.len() < most as usize
    }

    fn is_worth_more(&self, rank: Rank) -> bool {
        self.most.is_some_and(|most| rank.worth() > most)
    }

    /// Closes a row, unless a protocol or the newcomer speaks against it.
    fn attempt(&mut self, rank: Rank, phase: Phase, try_close: &mut impl FnMut(u32) -> bool) {
        let at = rank.index();
        if self.usage.needs(self.rows[at].charged()).is_some() {
            self.fates[at] = Fate::Stays(Spared::Minimum);
        } else if self.is_worth_more(rank) {
            self.fates[at] = Fate::Stays(Spared::WorthMore);
        } else {
            self.close(rank, phase, try_close);
        }
    }

    fn close(&mut self, rank: Rank, phase: Phase, try_close: &mut impl FnMut(u32) -> bool) {
        let at = rank.index();
        let row = &self.rows[at];
        self.fates[at] = if try_close(row.key) {
            self.usage.close(row.charged());
            self.closed.push(Closing { key: row.key, phase, worth: self.worth(at) });
            Fate::Gone
        } else {
            Fate::Stays(Spared::Contended)
        };
    }

    fn worth(&self, at: usize) -> Worth {
        let row = &self.rows[at];
        let staleness = staleness(self.plan.now, row.useful);
        Worth { tally: row.tally, staleness, crowding: self.networks.crowding(at) }
    }

    fn report(self) -> Report {
        let done = match self.plan.aim {
            Aim::Offenders(slots) => self.usage.excess(slots) == 0,
            Aim::Leave(_) | Aim::Room(_) => false,
        };
        let unmet = self.allowance.unmet(self.closed.len() as u32);
        let mut report = Report::nothing(self.plan.mode, self.rows.len() as u32);
        for fate in &self.fates {
            if let Fate::Stays(why) = fate {
                report.count(*why);
            }
        }
        report.candidates = self.allowance.candidates;
        report.wanted = self.allowance.wanted;
        report.closed = self.closed;
        // A connection of two protocols brings both down.
        report.unmet = if done { Unmet::default() } else { unmet };
        report
    }
}

/// The place of a row in the order, without what its network costs.
fn rank(row: &Candidate, index: u32, plan: &Plan) -> Rank {
    let stage = if row.residue.is_some() {
        Stage::Residue
    } else if row.is_idle(plan.now, plan.policy.idle_after) {
        Stage::Idle
    } else {
        Stage::Rest
    };
    Rank::new(&By {
        stage,
        residue: row.residue.map_or(0, |residue| residue.get()),
        worth: uncrowded(row, plan),
        in_use: row.streams > 0,
        outbound: row.direction == Direction::Outbound,
        age: plan.now.saturating_sub(row.opened),
        tie: mix(row.key, plan.seed),
        index,
    })
}

/// How many rows were of use lately; of crowded networks and of protocols that have too many only
/// those within bounds.
fn of_use(rows: &[Candidate], plan: &Plan, networks: &Networks) -> u32 {
    if plan.stretch == Stretch::NONE {
        return 0;
    }
    let is_of_use = |(at, row): &(usize, &Candidate)| {
        row.useful.is_some()
            && staleness(plan.now, row.useful) == 0
            && networks.crowding(*at) == 0
            && row.residue.is_none()
    };
    let of_use = || rows.iter().enumerate().filter(is_of_use).map(|(_, row)| row);
    let beyond = Usage::new(of_use(), plan.allotted).excess(Slots::ALL);
    (of_use().count() as u32).saturating_sub(beyond)
}

/// What a row is worth without what its network costs.
fn uncrowded(row: &Candidate, plan: &Plan) -> i16 {
    let staleness = staleness(plan.now, row.useful);
    Worth { tally: row.tally, staleness, crowding: 0 }.total()
}
