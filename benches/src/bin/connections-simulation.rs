//! Simulates a node over a virtual day, with each algorithm in each scenario, and writes the tables
//! and plots of the book.

#![allow(clippy::print_stdout)]

use std::{io, num::NonZeroU64, path::PathBuf, time::Instant};

use clap::{Parser, builder::PossibleValuesParser};
use rcmgr_benches::{
    machine, place,
    simulation::{
        page,
        scenario::{self, Span},
        suite::Suite,
    },
};

/// Simulates which connections of a node are kept, by each algorithm in each scenario.
///
/// Run it with `--release`; it takes some minutes.
#[derive(Debug, Parser)]
struct Options {
    /// Runs minutes of virtual time instead of a day: a smoke test whose numbers mean nothing.
    #[arg(long)]
    quick: bool,
    /// Simulates this scenario only; may be given several times.
    #[arg(long, value_name = "SCENARIO", value_parser = names())]
    only: Vec<String>,
    /// With how many seeds.
    #[arg(long, default_value = "3")]
    seeds: NonZeroU64,
    /// Where the files go: the book's folder if nothing is left out, else `rcmgr-simulation` in the
    /// folder for temporary files.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

fn names() -> PossibleValuesParser {
    let names: Vec<_> = scenario::all(Span::FULL).into_iter().map(|one| one.name).collect();
    PossibleValuesParser::new(names)
}

fn main() -> io::Result<()> {
    let Options { quick, only, seeds, out } = Options::parse();
    let out = place::choose(out, !quick && only.is_empty(), "connections", "rcmgr-simulation");
    let mut suite = if quick { Suite::quick() } else { Suite::full() };
    suite.seeds = (1..=seeds.get()).collect();
    if !only.is_empty() {
        suite.scenarios.retain(|scenario| only.iter().any(|name| name == scenario.name));
    }
    let start = Instant::now();
    let cells = suite.run(machine::cores());
    page::write(&suite, &cells, &out)?;
    println!("{} s; written to {}", start.elapsed().as_secs(), out.display());
    Ok(())
}
