//! The counts that are stored: tables in Markdown, which the book shows.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::RENEW;
use super::conditions::Conditions;

/// Where the baseline is stored.
pub const FILE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/src/benchmarks/instructions.md");

/// What one operation takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Count {
    /// The name of the scenario.
    pub scenario: String,
    /// The name of the contender.
    pub contender: String,
    /// The mean over many operations.
    pub instructions: f64,
}

/// Counts, and what they were made with.
#[derive(Clone, Debug, PartialEq)]
pub struct Baseline {
    /// What counted.
    pub conditions: Conditions,
    /// What was counted.
    pub counts: Vec<Count>,
}

/// Why a text is no baseline.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum NoBaseline {
    /// A row of a table is not as it is written.
    #[error("line {line} is no row of a baseline: {text}; `{RENEW}` writes all anew")]
    Row {
        /// From 1.
        line: usize,
        /// What stands there.
        text: String,
    },
    /// One of the conditions is not there.
    #[error("there is no row for the {0}; `{RENEW}` writes all anew")]
    Unsaid(&'static str),
}

/// The first cells of the tables' heads.
const HEADS: [&str; 2] = ["counted with", "scenario"];

impl fmt::Display for Baseline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [conditions, counts] = HEADS;
        writeln!(f, "<!-- Written by `{RENEW}`. -->\n")?;
        writeln!(f, "| {counts} | contender | instructions |\n|---|---|---:|")?;
        for Count { scenario, contender, instructions } in &self.counts {
            writeln!(f, "| `{scenario}` | {contender} | {instructions:.1} |")?;
        }
        writeln!(f, "\n| {conditions} | |\n|---|---|")?;
        for (name, value) in self.conditions.named() {
            writeln!(f, "| {name} | {value} |")?;
        }
        Ok(())
    }
}

impl FromStr for Baseline {
    type Err = NoBaseline;

    fn from_str(text: &str) -> Result<Self, NoBaseline> {
        let (mut said, mut counts) = (Vec::new(), Vec::new());
        for (at, text) in text.lines().enumerate().filter(|(_, text)| text.starts_with('|')) {
            let unreadable = || NoBaseline::Row { line: at + 1, text: text.to_owned() };
            let cells: Vec<_> = text.trim_matches('|').split('|').map(str::trim).collect();
            match *cells {
                [first, ..] if HEADS.contains(&first) || first.starts_with("---") => {}
                [name, value] => said.push((name, value)),
                [scenario, contender, instructions] => counts.push(Count {
                    scenario: scenario.trim_matches('`').to_owned(),
                    contender: contender.to_owned(),
                    instructions: instructions.parse().map_err(|_| unreadable())?,
                }),
                _ => return Err(unreadable()),
            }
        }
        let of = |name: &'static str| {
            let found = said.iter().find(|(said, _)| *said == name);
            found.map(|(_, value)| (*value).to_owned()).ok_or(NoBaseline::Unsaid(name))
        };
        let [rustc, target, valgrind, libc] = Conditions::NAMES;
        let conditions = Conditions {
            rustc: of(rustc)?,
            target: of(target)?,
            valgrind: of(valgrind)?,
            libc: of(libc)?,
        };
        Ok(Baseline { conditions, counts })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::instructions::GUARDED;

    #[test]
    fn what_is_written_is_read() {
        let baseline = Baseline {
            conditions: Conditions {
                rustc: "rustc 1.95.0 (59807616e 2026-04-14)".into(),
                target: "x86_64-unknown-linux-gnu".into(),
                valgrind: "valgrind-3.19.0".into(),
                libc: "glibc 2.36".into(),
            },
            counts: vec![Count {
                scenario: "span".into(),
                contender: "rcmgr, by handles".into(),
                instructions: 1718.5,
            }],
        };
        assert_eq!(baseline.to_string().parse(), Ok(baseline));
    }

    #[test]
    fn what_is_no_baseline_says_where() {
        let row = |line, text: &str| NoBaseline::Row { line, text: text.to_owned() };
        let read = |text: &str| text.parse::<Baseline>().unwrap_err();
        assert_eq!(read("text\n| `span` | rcmgr | many |"), row(2, "| `span` | rcmgr | many |"));
        assert_eq!(read("| alone |"), row(1, "| alone |"));
        assert_eq!(read("| compiler | rustc 1.95.0 |"), NoBaseline::Unsaid("target"));
    }

    #[test]
    fn the_stored_counts_are_of_what_is_guarded() {
        let stored: Baseline = fs::read_to_string(FILE).unwrap().parse().unwrap();
        let stored = stored.counts.iter().map(|count| (&*count.scenario, &*count.contender));
        let guarded = GUARDED.iter().map(|one| (one.scenario.name(), one.contender));
        assert!(stored.eq(guarded), "renew them: {RENEW}");
    }
}
