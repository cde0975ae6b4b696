//! Counts the instructions of the engine's operations, and holds them against those that are stored.
//!
//! Exits with 1 if a count differs from the stored one by more than [`TOLERANCE`], be it more or less.
//! Where there is no valgrind, or the stored counts are of another compiler or target, it says so, and
//! exits with 0.

#![allow(clippy::print_stderr, clippy::print_stdout)]

use std::error::Error;
use std::process::ExitCode;
use std::{env, fs};

use clap::Parser;
use rcmgr_benches::instructions::baseline::{Baseline, Count, FILE};
use rcmgr_benches::instructions::comparison::{Comparison, TOLERANCE};
use rcmgr_benches::instructions::conditions::Conditions;
use rcmgr_benches::instructions::{GUARDED, Guarded, RENEW, callgrind};

/// Counts the instructions of the engine's operations under valgrind, and compares them with those that
/// are stored.
///
/// Run it with `--release`; it takes less than a minute.
#[derive(Debug, Parser)]
struct Options {
    /// Stores what was counted.
    #[arg(long)]
    renew: bool,
    /// Makes the operations of one row, by its number; this is what callgrind runs.
    #[arg(long, hide = true, value_name = "ROW")]
    operate: Option<usize>,
}

fn main() -> ExitCode {
    let Options { renew, operate } = Options::parse();
    let done = match operate {
        Some(row) => make_operations(row),
        None if renew => store(),
        None => check(),
    };
    done.unwrap_or_else(|error| {
        eprintln!("{error}");
        ExitCode::FAILURE
    })
}

type Done = Result<ExitCode, Box<dyn Error>>;

fn make_operations(row: usize) -> Done {
    let guarded = GUARDED.get(row).ok_or("there is no such row")?;
    guarded.operate().map_err(|cannot| format!("{guarded:?}: {cannot:?}"))?;
    Ok(ExitCode::SUCCESS)
}

fn store() -> Done {
    let conditions = Conditions::here().ok_or(NO_VALGRIND)?;
    let baseline = Baseline { conditions, counts: count()? };
    let before = fs::read_to_string(FILE).unwrap_or_default().parse::<Baseline>();
    let before = before.map_or_else(|_| Vec::new(), |before| before.counts);
    fs::write(FILE, baseline.to_string())?;
    println!("{}\nStored.", Comparison::new(&before, &baseline.counts));
    Ok(ExitCode::SUCCESS)
}

fn check() -> Done {
    let stored: Baseline = fs::read_to_string(FILE)?.parse()?;
    let Some(here) = Conditions::here() else {
        println!("SKIPPED: {NO_VALGRIND}");
        return Ok(ExitCode::SUCCESS);
    };
    let differences = here.differences(&stored.conditions);
    if !here.is_comparable(&stored.conditions) {
        println!(
            "SKIPPED: the stored counts cannot be compared with those here ({differences}). \
             To have them of what is here: {RENEW}"
        );
        return Ok(ExitCode::SUCCESS);
    }
    let counts = count()?;
    let comparison = Comparison::new(&stored.counts, &counts);
    println!("{comparison}");
    if comparison.is_same() {
        return Ok(ExitCode::SUCCESS);
    }
    let percent = TOLERANCE * 100.0;
    let mut why = format!("Instructions of operations changed by more than {percent} %.");
    if !differences.is_empty() {
        why += &format!(" That may be due to what counted ({differences}).");
    }
    Err(format!("{why} If the change is meant, or for the better, store it: {RENEW}").into())
}

const NO_VALGRIND: &str =
    "instructions are counted by valgrind, which is not in PATH; `apt-get install valgrind`";

fn count() -> Result<Vec<Count>, Box<dyn Error>> {
    if cfg!(debug_assertions) {
        return Err(
            "instructions are counted of the optimized program: run it with `--release`".into()
        );
    }
    let program = env::current_exe()?;
    let mut counts = Vec::new();
    for (row, Guarded { scenario, contender }) in GUARDED.into_iter().enumerate() {
        let instructions = callgrind::count(&program, &["--operate", &row.to_string()])?;
        counts.push(Count {
            scenario: scenario.name().into(),
            contender: contender.into(),
            instructions,
        });
    }
    Ok(counts)
}
