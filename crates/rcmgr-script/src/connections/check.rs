//! Compares what we answer to a script of a connection manager with what was recorded.

use std::fmt;

use super::{Marks, Op, Runner, Ties, Trim, Verdict};
use crate::{Fault, Place, Recorded, ScriptError, lines::Lines};

/// Quirks of go-libp2p that leave another state than ours: what comes after cannot be compared.
/// `bg_trim_at_high` is none of them: there we do the same.
const PARTING: [&str; 11] = [
    "force_trim_guard",
    "force_trim_dup",
    "force_trim_when_disabled",
    "expire_zeroed",
    "negative_erased",
    "temp_leak",
    "remove_creates_temp",
    "late_tick",
    "close_queue_full",
    "queue_full",
    "bump_after_close_lost",
];

/// What came of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How many verdicts were compared.
    pub compared: u64,
    /// How many there are.
    pub total: u64,
    /// Where it ended.
    pub end: End,
}

/// Why a comparison ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// All was compared, and is the same.
    Whole,
    /// go-libp2p ran into this defect, and its state is not ours any more.
    Quirk(String),
    /// A difference.
    Differs(Box<Difference>),
}

/// The first difference of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The line of the operation.
    pub place: Place,
    /// The operation, as it is written.
    pub op: String,
    /// The recorded verdict.
    pub expected: Verdict,
    /// Ours.
    pub got: Verdict,
    /// The fields that differ.
    pub fields: Vec<&'static str>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = |verdict| serde_json::to_string(verdict).map_err(|_| fmt::Error);
        writeln!(f, "{}: operation {} differs", self.place, self.got.i)?;
        writeln!(f, "  operation: {}", self.op)?;
        writeln!(f, "  expected:  {}", told(&self.expected)?)?;
        writeln!(f, "  answered:  {}", told(&self.got)?)?;
        write!(f, "  differing: {}", self.fields.join(", "))
    }
}

/// Runs a script and compares verdict by verdict, up to the first that differs or that carries a
/// quirk which leaves another state. What follows is only read.
///
/// # Errors
/// A line that is malformed, in either file and wherever it stands; another number of verdicts
/// than of operations.
pub fn check(recorded: &Recorded) -> Result<Outcome, ScriptError> {
    let mut script = Lines::open(&recorded.script)?;
    let mut verdicts = Lines::open(&recorded.verdicts)?;
    if !script.advance()? {
        return Err(script.error(Fault::NoHeader));
    }
    let mut runner = Runner::new(&script.parse()?).map_err(|fault| script.error(fault))?;
    let mut outcome = Outcome { compared: 0, total: 0, end: End::Whole };
    loop {
        let (op, answer) = (script.advance()?, verdicts.advance()?);
        if !(op && answer) {
            if op == answer {
                return Ok(outcome);
            }
            let (mut operations, mut answers) = (outcome.total, outcome.total);
            operations += u64::from(op) + rest(&mut script)?;
            answers += u64::from(answer) + rest(&mut verdicts)?;
            return Err(verdicts.error(Fault::VerdictCount { operations, verdicts: answers }));
        }
        let (op, expected): (Op, Verdict) = (script.parse()?, verdicts.parse()?);
        if expected.i != outcome.total {
            let fault = Fault::VerdictOutOfOrder { expected: outcome.total, found: expected.i };
            return Err(verdicts.error(fault));
        }
        outcome.total += 1;
        if outcome.end != End::Whole {
            continue;
        }
        let parting = expected.quirk.iter().find(|quirk| PARTING.contains(&quirk.as_str()));
        if let Some(quirk) = parting {
            outcome.end = End::Quirk(quirk.clone());
            continue;
        }
        let got = runner.apply(&op).map_err(|fault| script.error(fault))?;
        outcome.compared += 1;
        let fields = differing(&expected, &got, runner.asked());
        if !fields.is_empty() {
            let (place, op) = (script.place(), script.text()?.to_owned());
            outcome.end = End::Differs(Box::new(Difference { place, op, expected, got, fields }));
        }
    }
}

fn rest(lines: &mut Lines) -> Result<u64, ScriptError> {
    let mut count = 0;
    while lines.advance()? {
        count += 1;
    }
    Ok(count)
}

/// `asked` is when a trim was made last that was asked for.
fn differing(expected: &Verdict, got: &Verdict, asked: Option<u64>) -> Vec<&'static str> {
    // A peer without an identifier is refused here. There most operations panic, and some do not.
    let empty = got.err_kind.as_deref() == Some("empty_peer");
    // go-libp2p does not note the background trim.
    let marks = match (&expected.cm, &got.cm) {
        (Some(expected), Some(got)) => {
            let noted = Marks { last_trim: asked.max(got.last_trim), ..expected.clone() };
            expected.last_trim == asked && noted == *got
        }
        (expected, got) => expected == got,
    };
    let trims = expected.trims.len() == got.trims.len()
        && expected.trims.iter().zip(&got.trims).all(|(expected, got)| same_trim(expected, got));
    let fields = [
        ("ok", empty || expected.ok == got.ok),
        ("err_kind", empty || expected.err_kind == got.err_kind),
        ("ret", empty || expected.ret == got.ret),
        ("interval_ms", expected.interval_ms == got.interval_ms),
        ("found", empty || expected.found == got.found),
        ("info", expected.info == got.info),
        ("cm", marks),
        ("results", expected.results == got.results),
        ("trims", trims),
        ("count", expected.count == got.count),
        ("changed", expected.changed == got.changed),
    ];
    fields.into_iter().filter(|(_, same)| !same).map(|(field, _)| field).collect()
}

/// Why nothing was closed is told, and not compared.
fn same_trim(expected: &Trim, got: &Trim) -> bool {
    let ties = match (&expected.ties, &got.ties) {
        (Some(expected), Some(got)) => same_ties(expected, got),
        (expected, got) => expected == got,
    };
    let sorted = |names: &[String]| {
        let mut names = names.to_vec();
        names.sort_unstable();
        names
    };
    ties && expected.kind == got.kind
        && expected.at == got.at
        && expected.closed == got.closed
        && sorted(&expected.pruned) == sorted(&got.pruned)
        && expected.dup == got.dup
}

/// The same group, and of it as many as had to go, without one peer too many.
fn same_ties(expected: &Ties, got: &Ties) -> bool {
    let sizes: Vec<u64> =
        got.chosen.iter().filter_map(|peer| got.peers.get(peer).copied()).collect();
    let all: u64 = sizes.iter().sum();
    let most = sizes.iter().max().copied().unwrap_or(0);
    expected.need == got.need
        && expected.peers == got.peers
        && expected.conns == got.conns
        && all >= got.need
        && all - most < got.need
}
