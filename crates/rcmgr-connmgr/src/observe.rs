//! What is told of rounds, connections and protocols: numbers, decisions, explanations, events.
//!
//! A [`Journal`] keeps a record of rounds, and [`Events`] what happened until somebody takes it. A
//! [`Regulator`](crate::Regulator) has both, and tells its state by [`RegulatorSnapshot`], by
//! [`Sample`]s for metrics, and why a connection would go by [`Explained`].

mod counts;
mod events;
mod sample;
mod snapshot;

#[cfg(test)]
mod tests;

pub use crate::regulator::{
    ConnectionTold, EnrolledProtocol, Explained, ExplainedConnection, RegulatorSnapshot, Said,
};
pub use events::Events;
pub use sample::Sample;
pub use snapshot::Snapshot;

use std::{collections::VecDeque, time::Duration};

use counts::Counts;

use crate::{
    ConnectionId, Peer,
    round::{Mode, Phase, Report, Unmet, Worth},
    sense::{Level, Pressure},
    trigger::Causes,
};

/// A connection that a round closed, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// When.
    pub at: Duration,
    /// The number of the round, from 1.
    pub round: u64,
    /// Whose connection it was.
    pub peer: Peer,
    /// Which one.
    pub connection: ConnectionId,
    /// In which part of the round.
    pub phase: Phase,
    /// What it was worth.
    pub worth: Worth,
    /// What asked for the round.
    pub causes: Causes,
}

/// What a round was, and how it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// When it was made.
    pub at: Duration,
    /// Its number, from 1.
    pub round: u64,
    /// What asked for it.
    pub causes: Causes,
    /// How far it could go.
    pub mode: Mode,
    /// The connections there were.
    pub live: u32,
    /// How many were to be closed.
    pub wanted: u32,
    /// How many were.
    pub closed: u32,
    /// Why not all.
    pub unmet: Unmet,
    /// How long it took.
    pub took: Duration,
    /// How bad the state of the environment was.
    pub level: Level,
    /// The highest pressure that was known.
    pub pressure: Option<Pressure>,
}

/// A round that was made, as who made it knows it.
#[derive(Clone, Copy, Debug)]
pub struct Made<'a> {
    /// When.
    pub at: Duration,
    /// What asked for it.
    pub causes: Causes,
    /// How long it took.
    pub took: Duration,
    /// How bad the state of the environment was.
    pub level: Level,
    /// The highest pressure that was known.
    pub pressure: Option<Pressure>,
    /// What it did.
    pub report: &'a Report,
}

/// The record of rounds: sums since the start, the last round, and the last decisions in a ring.
///
/// What it holds is bounded, and nothing of it is labelled by what a remote chooses, but for the
/// peers in the ring.
#[derive(Clone, Debug)]
pub struct Journal {
    most: usize,
    decisions: VecDeque<Decision>,
    counts: Counts,
    last: Option<Summary>,
    rounds: u64,
    forgotten: u64,
}

impl Default for Journal {
    /// With 1024 decisions.
    fn default() -> Journal {
        Journal::new(1024)
    }
}

impl Journal {
    /// For so many decisions; of later ones the oldest are forgotten.
    pub fn new(most: usize) -> Journal {
        Journal {
            most,
            decisions: VecDeque::new(),
            counts: Counts::default(),
            last: None,
            rounds: 0,
            forgotten: 0,
        }
    }

    /// Writes down a round. `who` is told the key of a row, and says whose connection it was; what
    /// it does not know is counted, but not among the decisions.
    pub fn note(
        &mut self,
        made: &Made<'_>,
        mut who: impl FnMut(u32) -> Option<(Peer, ConnectionId)>,
    ) -> Summary {
        let Made { at, causes, took, level, pressure, report } = *made;
        self.rounds = self.rounds.saturating_add(1);
        let round = self.rounds;
        self.counts.count(causes, took, report);
        // Only the last ones would stay.
        let skipped = report.closed.len().saturating_sub(self.most);
        self.forgotten = self.forgotten.saturating_add(skipped as u64);
        for closing in report.closed.iter().skip(skipped) {
            if let Some((peer, connection)) = who(closing.key) {
                let (phase, worth) = (closing.phase, closing.worth);
                self.keep(Decision { at, round, peer, connection, phase, worth, causes });
            }
        }
        let Report { mode, live, wanted, unmet, .. } = *report;
        let closed = report.closed.len() as u32;
        let summary =
            Summary { at, round, causes, mode, live, wanted, closed, unmet, took, level, pressure };
        self.last = Some(summary);
        summary
    }

    fn keep(&mut self, decision: Decision) {
        if self.decisions.len() == self.most {
            self.decisions.pop_front();
            self.forgotten = self.forgotten.saturating_add(1);
        }
        self.decisions.push_back(decision);
    }

    /// The last decisions, the last first.
    pub fn decisions(&self) -> impl Iterator<Item = &Decision> {
        self.decisions.iter().rev()
    }

    /// The last decision about a connection of a peer, if it is still known.
    pub fn last_about(&self, peer: &Peer) -> Option<&Decision> {
        self.decisions().find(|decision| decision.peer == *peer)
    }

    /// The last round.
    pub fn last(&self) -> Option<Summary> {
        self.last
    }

    /// Sums since the start, for metrics: rounds by mode and by cause, what they closed by phase,
    /// what they spared and missed by reason, and how long they took.
    pub fn samples(&self) -> Vec<Sample> {
        let mut samples = self.counts.samples();
        samples.push(Sample::new("decisions_forgotten_total", [], self.forgotten));
        samples
    }

    /// All of it, with at most so many decisions, to be written as JSON.
    pub fn snapshot(&self, decisions: usize) -> Snapshot {
        Snapshot::new(self, decisions)
    }
}
