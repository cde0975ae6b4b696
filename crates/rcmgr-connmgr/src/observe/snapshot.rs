//! The record of rounds in a form that is written as JSON.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Decision, Journal, Sample, Summary};
use crate::trigger::Causes;

/// What [`Journal::snapshot`] tells: an object of `last` (the last [`Summary`], or null), `sums` (those
/// of [`Journal::samples`], by name and then by label) and `decisions` (the last ones, the last first,
/// each a [`Decision`] with the parts of its worth).
///
/// Times are seconds since the caller's start, pressure is a number from 0 to 1. Bytes of a peer that
/// are no text are escaped as in a Rust byte string.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Snapshot {
    last: Option<SummaryTold>,
    sums: BTreeMap<&'static str, BTreeMap<Box<str>, u64>>,
    decisions: Vec<DecisionTold>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct SummaryTold {
    at: f64,
    round: u64,
    causes: Vec<&'static str>,
    mode: &'static str,
    live: u32,
    wanted: u32,
    closed: u32,
    unmet: BTreeMap<&'static str, u32>,
    took: f64,
    level: &'static str,
    pressure: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct DecisionTold {
    at: f64,
    round: u64,
    peer: String,
    connection: u64,
    phase: &'static str,
    worth: i16,
    tally: i16,
    staleness: u16,
    crowding: u16,
    causes: Vec<&'static str>,
}

impl Snapshot {
    pub(super) fn new(journal: &Journal, decisions: usize) -> Snapshot {
        let mut sums: BTreeMap<_, BTreeMap<_, _>> = BTreeMap::new();
        for Sample { name, labels, value } in journal.samples() {
            let label = labels.into_iter().next().map_or("".into(), |(_, of)| of);
            sums.entry(name).or_default().insert(label, value);
        }
        Snapshot {
            last: journal.last().map(SummaryTold::from),
            sums,
            decisions: journal.decisions().take(decisions).map(DecisionTold::from).collect(),
        }
    }
}

impl From<Summary> for SummaryTold {
    fn from(summary: Summary) -> SummaryTold {
        let Summary { round, mode, live, wanted, closed, .. } = summary;
        SummaryTold {
            at: summary.at.as_secs_f64(),
            round,
            causes: names(summary.causes),
            mode: mode.name(),
            live,
            wanted,
            closed,
            unmet: summary.unmet.named().into_iter().filter(|(_, missing)| *missing > 0).collect(),
            took: summary.took.as_secs_f64(),
            level: summary.level.name(),
            pressure: summary.pressure.map(|pressure| f64::from(pressure.get()) / 10_000.0),
        }
    }
}

impl From<&Decision> for DecisionTold {
    fn from(decision: &Decision) -> DecisionTold {
        let worth = decision.worth;
        DecisionTold {
            at: decision.at.as_secs_f64(),
            round: decision.round,
            peer: decision.peer.as_bytes().escape_ascii().to_string(),
            connection: decision.connection.0,
            phase: decision.phase.name(),
            worth: worth.total(),
            tally: worth.tally.get(),
            staleness: worth.staleness,
            crowding: worth.crowding,
            causes: names(decision.causes),
        }
    }
}

fn names(causes: Causes) -> Vec<&'static str> {
    causes.iter().map(crate::trigger::Cause::name).collect()
}
