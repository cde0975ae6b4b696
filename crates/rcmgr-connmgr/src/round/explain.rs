//! What a round would make of one connection, and why.

use std::fmt;

use super::{Candidate, Fate, Plan, Round, Worth, report::Phase, report::Spared};
use crate::quota::Slot;

/// What a round would make of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The key of its row.
    pub key: u32,
    /// What it is worth.
    pub worth: Worth,
    /// How many connections its network has, itself included.
    pub network: u32,
    /// What becomes of it.
    pub verdict: Verdict,
}

/// Whether a connection goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes if so many have to.
    Goes {
        /// Its place among those that go, from 1.
        place: u32,
        /// In which part of the round.
        phase: Phase,
        /// Whether the round as planned comes to it.
        now: bool,
    },
    /// It stays, however many have to go.
    Stays {
        /// Why.
        why: Spared,
        /// The protocol that would have fewer than its minimum, if that is why.
        needed_by: Option<Slot>,
    },
    /// The round is about protocols that are not above their maxima, or not with this connection.
    NotConcerned,
}

/// Says what a round would make of the connection with this key; none if there is no such row.
///
/// It costs as much as a round that closes all it can.
pub fn explain(rows: &[Candidate], plan: &Plan, key: u32) -> Option<Explanation> {
    let at = rows.iter().position(|row| row.key == key)?;
    let mut round = Round::new(rows, plan);
    let allowed = round.allowance.close;
    round.run(u32::MAX, |_| true);
    let verdict = match round.fates[at] {
        Fate::Gone => {
            let (place, closing) =
                (1..).zip(&round.closed).find(|(_, closing)| closing.key == key)?;
            Verdict::Goes { place, phase: closing.phase, now: place <= allowed }
        }
        Fate::Stays(why) => {
            // What it was needed for, it still is: a round opens nothing.
            let needed = why == Spared::Minimum;
            let needed_by = round.usage.needs(rows[at].charged()).filter(|_| needed);
            Verdict::Stays { why, needed_by }
        }
        Fate::Open => Verdict::NotConcerned,
    };
    let network = rows.iter().filter(|row| row.network == rows[at].network).count() as u32;
    Some(Explanation { key, worth: round.worth(at), network, verdict })
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.verdict {
            Verdict::Goes { place, phase, now } => {
                let when = if now { "goes in this round" } else { "would go" };
                write!(f, "{when}, as number {place} ({})", phase.name())?;
            }
            Verdict::Stays { why, needed_by: None } => write!(f, "stays ({})", why.name())?,
            Verdict::Stays { why, needed_by: Some(slot) } => {
                write!(f, "stays ({}, of protocol {})", why.name(), slot.index())?;
            }
            Verdict::NotConcerned => f.write_str("is not concerned")?,
        }
        let Worth { tally, staleness, crowding } = self.worth;
        write!(
            f,
            ": worth {} = {} - {staleness} for no use - {crowding} for {} of one network",
            self.worth.total(),
            tally.get(),
            self.network
        )
    }
}
