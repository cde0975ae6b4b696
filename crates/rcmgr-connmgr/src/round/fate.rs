//! What becomes of each row, and what keeps it before a round begins.

use super::{Candidate, Hold, Mode, Plan, Spared, network::Networks, order::Rank, worth::share};

/// How many connections grace keeps, however few there are.
const LEAST_GRACE: u32 = 4;

/// What becomes of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It might go.
    Open,
    /// It is closing.
    Gone,
    /// It stays, though an emergency may come back to it.
    Stays(Spared),
}

impl Fate {
    pub fn is_open(self) -> bool {
        self == Fate::Open
    }
}

/// Which rows are held, and which might go. What was left behind has no grace: its own side has no
/// more use of it. Nor has what was of use already: that is what grace is time for.
pub(super) fn fates(
    rows: &[Candidate],
    plan: &Plan,
    ranks: &[Rank],
    networks: &Networks,
) -> Vec<Fate> {
    let newcomer = plan.newcomer.filter(|_| plan.mode != Mode::Emergency);
    let short = newcomer.map(|newcomer| newcomer.short);
    let mut new = Vec::new();
    let fate = |(at, row): (usize, &Candidate)| match row.hold {
        Hold::Locked => Fate::Stays(Spared::Locked),
        Hold::Protected => Fate::Stays(Spared::Protected),
        _ if short.is_some_and(|short| !short.is_freed_by(row)) => Fate::Stays(Spared::NoHelp),
        Hold::Grace
            if row.useful.is_none() && row.residue.is_none() && networks.crowding(at) == 0 =>
        {
            new.push(ranks[at]);
            Fate::Stays(Spared::Grace)
        }
        Hold::Grace | Hold::Free => Fate::Open,
    };
    let mut fates: Vec<Fate> = rows.iter().enumerate().map(fate).collect();
    let most = share(rows.len() as u32, plan.policy.grace).max(LEAST_GRACE) as usize;
    if let Some(beyond) = new.len().checked_sub(most).filter(|beyond| *beyond > 0) {
        // The lowest lose it. What `most` is at least keeps `beyond` within the slice.
        new.select_nth_unstable(beyond);
        for rank in new.iter().take(beyond) {
            fates[rank.index()] = Fate::Open;
        }
    }
    fates
}
