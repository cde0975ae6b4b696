//! The program: all contenders on one core and on two, then the trims, then rounds.

#![allow(clippy::print_stdout)]

use std::path::PathBuf;
use std::time::Instant;
use std::{fs, io};

use clap::Parser;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use super::render::{GO, OURS, OURS_ON_CORES, Results, Rounds, SEGMENTED, render};
use super::{GoLibp2p, PEERS, Rcmgr, Segmented, THREADS, lives, regulation, trims};
use crate::machine::{Machine, cores};
use crate::place;

/// Measures connection managers: rcmgr's, one written plainly, and go-libp2p's where there is Go.
///
/// Run it with `--release` on a machine that does nothing else; it takes two minutes.
#[derive(Debug, Parser)]
struct Options {
    /// Runs everything shortly: a smoke test whose numbers mean nothing.
    #[arg(long)]
    quick: bool,
    /// Where the page goes: the book's folder, or with `--quick` the one for temporary files.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Does what the arguments say.
///
/// # Errors
/// Where the page cannot be written.
pub fn run() -> io::Result<()> {
    let Options { quick, out } = Options::parse();
    let out = place::choose(out, !quick, "benchmarks/connections.md", "connections.md");
    let start = Instant::now();
    let machine = Machine::now();
    let all = sched_getaffinity(None)?;
    let mut measured = Vec::new();
    for count in [1, 2] {
        if count <= cores() {
            println!("{:>4} s  lives on {count} cores", start.elapsed().as_secs());
            sched_setaffinity(None, &first(&all, count))?;
            measured.push((count, rounds(quick)));
            sched_setaffinity(None, &all)?;
        }
    }
    println!("{:>4} s  trims", start.elapsed().as_secs());
    let times = if quick { 1 } else { 15 };
    let mut trimmed = vec![(OURS, trims(times))];
    let go = GoLibp2p::start();
    let lack = go.as_ref().err().map(|lack| (*lack).to_owned());
    trimmed.extend(go.ok().map(|mut go| (GO, go.trims(times))));
    println!("{:>4} s  rounds of the regulator", start.elapsed().as_secs());
    let regulation = regulation(times);
    let results = Results { machine, quick, lives: measured, trims: trimmed, regulation, lack };
    fs::write(&out, render(&results))?;
    println!("{:>4} s  written to {}", start.elapsed().as_secs(), out.display());
    Ok(())
}

/// The first few of the cores that this process may use.
fn first(all: &CpuSet, count: usize) -> CpuSet {
    let mut some = CpuSet::new();
    let usable = (0..CpuSet::MAX_CPU).filter(|core| all.is_set(*core));
    usable.take(count).for_each(|core| some.set(core));
    some
}

/// All contenders in turns, on the cores that there are.
fn rounds(quick: bool) -> Vec<Rounds> {
    let (rounds, times) = if quick { (2, 100) } else { (25, 50_000) };
    let rcmgr = Rcmgr::new(PEERS, 1000, 1000);
    let segmented = Segmented::new(PEERS);
    // It takes as many cores as there are when it is started.
    let mut go = GoLibp2p::start().ok();
    let names = [Some(OURS), Some(OURS_ON_CORES), Some(SEGMENTED), go.as_ref().map(|_| GO)];
    let mut all: Vec<Rounds> =
        names.into_iter().flatten().map(|name| Rounds { name, lives: Vec::new() }).collect();
    for _ in 0..rounds {
        let ours = [
            lives(&rcmgr, THREADS, times),
            lives(&rcmgr, cores(), times * THREADS / cores()),
            lives(&segmented, THREADS, times),
        ];
        let taken = ours.into_iter().chain(go.as_mut().map(|go| go.lives(times / 2)));
        all.iter_mut().zip(taken).for_each(|(one, life)| one.lives.push(life));
    }
    assert_eq!(rcmgr.manager.info().connections, 0, "all have left");
    assert_eq!(segmented.totals(), (0, 0, 0), "all have left");
    all
}
