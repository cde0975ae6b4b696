//! Compares what we answer with what was recorded.

use core::fmt;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use crate::{Fault, Known, Live, Op, Place, Script, ScriptError, Stat, Verdict, Verdicts};

/// What the name of a script ends in.
const SCRIPT: [&str; 2] = [".jsonl", ".jsonl.gz"];
/// What the name of its recorded verdicts ends in.
const VERDICTS: [&str; 2] = [".verdicts.jsonl", ".verdicts.jsonl.gz"];

/// A script, and the verdicts that were recorded for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The name of the script, without its ending.
    pub name: String,
    /// The script.
    pub script: PathBuf,
    /// Its verdicts.
    pub verdicts: PathBuf,
}

impl Recorded {
    /// The scripts that a path stands for: itself, or all in the folder that it is, by name.
    ///
    /// # Errors
    /// It is neither; a script without verdicts.
    pub fn at(path: &Path) -> Result<Vec<Recorded>, ScriptError> {
        if !path.is_dir() {
            return Ok(vec![Recorded::of(path.to_owned())?]);
        }
        let io = |error| ScriptError { place: Place::file(path), fault: Fault::Io(error) };
        let mut scripts = Vec::new();
        for entry in fs::read_dir(path).map_err(io)? {
            let path = entry.map_err(io)?.path();
            if name(&path).is_some() && path.is_file() {
                scripts.push(Recorded::of(path)?);
            }
        }
        if scripts.is_empty() {
            return Err(ScriptError { place: Place::file(path), fault: Fault::NoScripts });
        }
        scripts.sort_unstable_by(|one, other| one.script.cmp(&other.script));
        Ok(scripts)
    }

    /// A script, with the verdicts beside it.
    fn of(script: PathBuf) -> Result<Recorded, ScriptError> {
        let fault = |fault| ScriptError { place: Place::file(&script), fault };
        // Before its name: what does not exist has none that is wrong.
        fs::metadata(&script).map_err(|error| fault(Fault::Io(error)))?;
        let name = name(&script).ok_or_else(|| fault(Fault::NotAScript))?.to_owned();
        let beside = VERDICTS.map(|ending| script.with_file_name(format!("{name}{ending}")));
        match beside.into_iter().find(|path| path.exists()) {
            Some(verdicts) => Ok(Recorded { name, script, verdicts }),
            None => Err(fault(Fault::NoVerdicts(name))),
        }
    }

    /// Runs the script and compares verdict by verdict, up to the first that differs, that carries
    /// a quirk, or of which a difference is known that does not go on. What follows is only read.
    ///
    /// # Errors
    /// A line that is malformed, in either file and wherever it stands; another number of verdicts
    /// than of operations.
    pub fn check(&self, known: &Known) -> Result<Outcome, ScriptError> {
        let mut script = Script::open(&self.script)?;
        let mut verdicts = Verdicts::open(&self.verdicts)?;
        let mut runner = script.runner()?;
        let mut outcome = Outcome { compared: 0, total: 0, known: 0, stale: 0, end: End::Whole };
        let mut held = Held::default();
        loop {
            let (op, expected) = match (script.next()?, verdicts.next()?) {
                (Some(op), Some(expected)) => (op, expected),
                (None, None) => return Ok(outcome),
                (op, expected) => {
                    let (mut operations, mut answers) = (outcome.total, outcome.total);
                    operations += u64::from(op.is_some()) + rest(|| script.next())?;
                    answers += u64::from(expected.is_some()) + rest(|| verdicts.next())?;
                    let fault = Fault::VerdictCount { operations, verdicts: answers };
                    return Err(verdicts.error(fault));
                }
            };
            outcome.total += 1;
            if outcome.end != End::Whole {
                continue;
            }
            if !expected.quirk.is_empty() {
                outcome.end = End::Quirk;
                continue;
            }
            let got = runner.apply(&op).map_err(|fault| script.error(fault))?;
            held.note(&expected);
            let differing = difference(&op, &expected, &got, &held);
            if let Some(known) = known.at(&self.name, got.i) {
                outcome.known += 1;
                outcome.stale += u64::from(differing.is_none());
                if !known.goes_on || expected.changed != got.changed {
                    outcome.end = End::Known;
                }
                continue;
            }
            outcome.compared += 1;
            if let Some(scopes) = differing {
                let (place, op) = (script.place(), script.text()?.to_owned());
                outcome.end =
                    End::Differs(Box::new(Difference { place, op, expected, got, scopes }));
            }
        }
    }
}

/// The name of a script, if the path is that of one.
fn name(path: &Path) -> Option<&str> {
    let file = path.file_name().and_then(OsStr::to_str)?;
    let is_other = VERDICTS.iter().any(|ending| file.ends_with(ending));
    let name = SCRIPT.iter().find_map(|ending| file.strip_suffix(ending));
    name.filter(|name| !is_other && !name.is_empty())
}

/// Reads to the end, and counts.
fn rest<T>(mut next: impl FnMut() -> Result<Option<T>, ScriptError>) -> Result<u64, ScriptError> {
    let mut count = 0;
    while next()?.is_some() {
        count += 1;
    }
    Ok(count)
}

/// What came of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How many verdicts were compared.
    pub compared: u64,
    /// How many there are.
    pub total: u64,
    /// How many known differences were met; their verdicts are not among those compared.
    pub known: u64,
    /// How many of these are no difference (any more).
    pub stale: u64,
    /// Where it ended.
    pub end: End,
}

/// Why a comparison ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// All was compared, and is the same.
    Whole,
    /// go-libp2p ran into one of its defects.
    Quirk,
    /// A difference that is known.
    Known,
    /// A difference that is not.
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
    /// What differs, by field or scope: what was expected, and what is.
    pub scopes: Vec<Differing>,
}

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differing {
    /// The field of the verdict, or the scope.
    pub what: String,
    /// What was recorded.
    pub expected: String,
    /// What we say.
    pub got: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: operation {} differs", self.place, self.got.i)?;
        writeln!(f, "  operation: {}", self.op)?;
        writeln!(f, "  expected:  {}", Summary(&self.expected))?;
        write!(f, "  answered:  {}", Summary(&self.got))?;
        for Differing { what, expected, got } in &self.scopes {
            write!(f, "\n  {what}: expected {expected}, got {got}")?;
        }
        Ok(())
    }
}

/// A verdict without its effects.
struct Summary<'a>(&'a Verdict);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Verdict { ok, err_kind, blocked_by, detail, verify, .. } = self.0;
        let json = |value: Result<String, serde_json::Error>| value.map_err(|_| fmt::Error);
        match err_kind {
            _ if *ok => f.write_str("ok")?,
            Some(kind) => f.write_str(json(serde_json::to_string(kind))?.trim_matches('"'))?,
            None => f.write_str("not ok")?,
        }
        if let Some(scope) = blocked_by {
            write!(f, " by {scope}")?;
        }
        if let Some(detail) = detail {
            write!(f, " {}", json(serde_json::to_string(detail))?)?;
        }
        if let Some(verify) = verify {
            write!(f, ", verify {verify}")?;
        }
        Ok(())
    }
}

/// What every scope holds by the recorded verdicts.
#[derive(Default)]
struct Held(HashMap<String, Stat>);

impl Held {
    fn note(&mut self, verdict: &Verdict) {
        for (scope, stat) in &verdict.changed {
            self.0.insert(scope.clone(), *stat);
        }
    }

    fn is_empty(&self, scope: &str) -> bool {
        self.0.get(scope).is_none_or(Stat::is_zero)
    }
}

/// Everything in which our verdict is another than the recorded one; nothing where there is
/// nothing.
fn difference(op: &Op, expected: &Verdict, got: &Verdict, held: &Held) -> Option<Vec<Differing>> {
    let mut scopes = stats(&expected.changed, &got.changed, "");
    scopes.extend(stats(&expected.full, &got.full, "in all, "));
    // When idle names go between two collections is each manager's own choice.
    if matches!(op, Op::Gc {}) {
        scopes.extend(names(expected.live.as_ref(), got.live.as_ref(), held));
    }
    let same = expected.ok == got.ok
        && expected.err_kind == got.err_kind
        && expected.blocked_by == got.blocked_by
        && expected.detail == got.detail
        && expected.verify == got.verify;
    (!same || !scopes.is_empty()).then_some(scopes)
}

/// Absent and empty are the same.
fn stats(
    expected: &BTreeMap<String, Stat>,
    got: &BTreeMap<String, Stat>,
    of: &str,
) -> Vec<Differing> {
    let both: BTreeSet<&String> = expected.keys().chain(got.keys()).collect();
    let told = |stat: Option<&Stat>| stat.map_or("no change".to_owned(), Stat::to_string);
    both.into_iter()
        .filter(|scope| expected.get(*scope) != got.get(*scope))
        .map(|scope| Differing {
            what: format!("{of}{scope}"),
            expected: told(expected.get(scope)),
            got: told(got.get(scope)),
        })
        .collect()
}

fn names(expected: Option<&Live>, got: Option<&Live>, held: &Held) -> Vec<Differing> {
    let none = Live::default();
    let (expected, got) = (expected.unwrap_or(&none), got.unwrap_or(&none));
    // go-libp2p keeps what a peer used of a service or protocol for as long as it keeps the peer;
    // here such a pair goes when nothing uses it.
    let used = |kind: &str, pairs: &[String]| -> Vec<String> {
        let used = |pair: &&String| !held.is_empty(&format!("{kind}:{pair}"));
        pairs.iter().filter(used).cloned().collect()
    };
    let lists = [
        ("services", expected.services.clone(), &got.services),
        ("protocols", expected.protocols.clone(), &got.protocols),
        ("peers", expected.peers.clone(), &got.peers),
        ("service_peers", used("service", &expected.service_peers), &got.service_peers),
        ("protocol_peers", used("protocol", &expected.protocol_peers), &got.protocol_peers),
    ];
    let differing = lists.into_iter().filter(|(_, expected, got)| expected != *got);
    differing
        .map(|(what, expected, got)| Differing {
            what: format!("live {what}"),
            expected: format!("{expected:?}"),
            got: format!("{got:?}"),
        })
        .collect()
}
