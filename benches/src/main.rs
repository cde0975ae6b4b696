//! The one command: measures all contenders in all scenarios, and writes the table and the plots of
//! the book.

#![allow(clippy::print_stdout)]

use std::path::PathBuf;
use std::time::Instant;

use clap::Parser;
use clap::builder::PossibleValuesParser;
use rcmgr_benches::allocator::CountingAllocator;
use rcmgr_benches::suite::Plan;
use rcmgr_benches::{Scenario, contenders, place, report};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Measures what accounting costs, by every contender.
///
/// Run it with `--release` on a machine that does nothing else; it takes some minutes, 2 threads and
/// up to 8 GiB of memory.
#[derive(Debug, Parser)]
struct Options {
    /// Runs everything shortly and with few peers: a smoke test whose numbers mean nothing.
    #[arg(long)]
    quick: bool,
    /// Measures this scenario only; may be given several times.
    #[arg(long, value_name = "SCENARIO", value_parser = names())]
    only: Vec<String>,
    /// Where the files go: the book's folder if nothing is left out, else `rcmgr-benchmarks` in the
    /// folder for temporary files.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

fn names() -> PossibleValuesParser {
    PossibleValuesParser::new(Scenario::ALL.map(Scenario::name))
}

fn main() -> std::io::Result<()> {
    let Options { quick, only, out } = Options::parse();
    let out = place::choose(out, !quick && only.is_empty(), "benchmarks", "rcmgr-benchmarks");
    let mut scenarios = Scenario::ALL.to_vec();
    if !only.is_empty() {
        scenarios.retain(|scenario| only.iter().any(|name| name == scenario.name()));
    }
    // Counts are wanted where they are taken, and would be in the way of times.
    CountingAllocator::count(false);
    let start = Instant::now();
    let results = Plan { scenarios, quick }
        .run(&contenders(), |what| println!("{:>4} s  {what}", start.elapsed().as_secs()));
    report::write(&results, &out)?;
    println!("{:>4} s  written to {}", start.elapsed().as_secs(), out.display());
    Ok(())
}
