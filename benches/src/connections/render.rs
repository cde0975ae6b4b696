//! The page of the book.

use std::fmt::Write;

use super::regulation::{CLOSE, PROTOCOLS, STREAMS};
use super::{CONNECTIONS, LOW, Life, PEERS, Regulation, RoundTimes, THREADS, Trims};
use crate::machine::Machine;

/// All that was measured.
#[derive(Clone, Debug)]
pub struct Results {
    /// Where.
    pub machine: Machine,
    /// Whether it was a smoke run.
    pub quick: bool,
    /// For each number of cores, the contenders' rounds.
    pub lives: Vec<(usize, Vec<Rounds>)>,
    /// The trims, by contender.
    pub trims: Vec<(&'static str, Trims)>,
    /// The rounds of the regulator.
    pub regulation: Regulation,
    /// Why go-libp2p is not in it, if so.
    pub lack: Option<String>,
}

/// What one contender took, round by round.
#[derive(Clone, Debug)]
pub struct Rounds {
    /// Whose.
    pub name: &'static str,
    /// What.
    pub lives: Vec<Life>,
}

impl Rounds {
    fn sorted(&self, of: impl Fn(&Life) -> f64) -> Vec<f64> {
        let mut all: Vec<f64> = self.lives.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        all
    }

    /// The fastest round, the median, and the median of what processors did.
    fn figures(&self) -> [f64; 3] {
        let (wall, cpu) = (self.sorted(|life| life.wall), self.sorted(|life| life.cpu));
        [wall[0], wall[wall.len() / 2], cpu[cpu.len() / 2]]
    }
}

/// The first contender: the others are held against it.
pub const OURS: &str = "rcmgr";

/// As a runtime would have it.
pub const OURS_ON_CORES: &str = "rcmgr, a thread for each core";
/// The plain one.
pub const SEGMENTED: &str = "256 segments";
/// That of go-libp2p.
pub const GO: &str = "go-libp2p";

/// The page.
pub fn render(results: &Results) -> String {
    let Results { machine, quick, lives, trims, regulation, lack } = results;
    let smoke = if *quick { "\n**A smoke run: its numbers mean nothing.**\n" } else { "" };
    let mut page = format!(
        "<!-- Written by `cargo run --release -p rcmgr-benches --bin connections`. -->\n\
         \n# Benchmarks: connection managers\n{smoke}\n\
         {}; {}; commit {}; {}; load {} when it began.\n\
         \n## A connection's life\n\n\
         The shape of go-libp2p's own benchmark: of {PEERS} peers one connects, is tagged, is untagged and \
         leaves. Each of {THREADS} threads does so again and again, go-libp2p as many routines. Nanoseconds \
         for one life, over all threads; the contenders took turns. The time of processors is that of the \
         whole process, so Go's collector is in it, and what else the machine does is not.\n",
        machine.processor, machine.rustc, machine.commit, machine.date, machine.load,
    );
    for (cores, rounds) in lives {
        let place = if *cores == 1 { "one core".into() } else { format!("{cores} cores") };
        let _ = write!(
            page,
            "\n### On {place}\n\n\
             | | fastest | median | processors, median | times ours: fastest | median | processors |\n\
             |---|---:|---:|---:|---:|---:|---:|\n"
        );
        let ours = rounds.iter().find(|rounds| rounds.name == OURS).map(Rounds::figures);
        for one in rounds {
            let figures = one.figures();
            let _ = write!(page, "| {} |", one.name);
            let [fastest, median, cpu] = figures;
            let _ = write!(page, " {fastest:.0} | {median:.0} | {cpu:.0} |");
            for (figure, ours) in figures.iter().zip(ours.unwrap_or(figures)) {
                let _ = write!(page, " {:.1} |", figure / ours);
            }
            page.push('\n');
        }
        page.push_str(&aim(*cores, rounds));
    }
    let _ = write!(
        page,
        "\n## A trim\n\n\
         {CONNECTIONS} connections of as many peers, each with a tag; {LOW} stay. Meanwhile another thread \
         connects and leaves, and takes the time of each notification; alone it does so for as long as \
         the trims took.\n\n\
         | | trim, median ms | its processor, ms | notification alone: 99.9 % within µs | longest µs \
         | beside trims: 99.9 % within µs | longest µs |\n\
         |---|---:|---:|---:|---:|---:|---:|\n"
    );
    for (name, trims) in trims {
        let Trims { trim, cpu, alone, beside } = trims;
        let [trim, cpu] = [trim, cpu].map(|time| time / 1e6);
        let [alone, alone_most, beside, beside_most] =
            [alone.0, alone.1, beside.0, beside.1].map(|time| time / 1e3);
        let _ = writeln!(
            page,
            "| {name} | {trim:.1} | {cpu:.1} | {alone:.1} | {alone_most:.0} | {beside:.1} | \
             {beside_most:.0} |"
        );
    }
    page.push_str(&rounds(regulation));
    page.push_str(NOTES);
    if let Some(lack) = lack {
        let _ = writeln!(page, "- go-libp2p was not measured: {lack}.");
    }
    page
}

/// The section about the regulator.
fn rounds(regulation: &Regulation) -> String {
    let Regulation { quiet, closing, alone, beside } = regulation;
    let protocols = PROTOCOLS.len();
    let mut section = format!(
        "\n## A round\n\n\
         Of the regulator, version 2: {CONNECTIONS} connections of as many peers, each with a tag and \
         {STREAMS} streams, to which three of {protocols} enrolled protocols have given scores. A round \
         looks at all of them.\n\n\
         | | fastest ms | median ms | its processor, median ms |\n\
         |---|---:|---:|---:|\n"
    );
    for (name, times) in [("nothing to close", quiet), ("{} close", closing)] {
        let name = name.replace("{}", &CLOSE.to_string());
        let RoundTimes { fastest, median, cpu } = times;
        let [fastest, median, cpu] = [fastest, median, cpu].map(|time| time / 1e6);
        let _ = writeln!(section, "| {name} | {fastest:.1} | {median:.1} | {cpu:.1} |");
    }
    let [median, cpu] = [closing.median.max(quiet.median), closing.cpu.max(quiet.cpu)];
    let [median, cpu] = [median, cpu].map(|time| {
        let met = if time < 50e6 { "met" } else { "**missed**" };
        format!("{:.1}, {met}", time / 1e6)
    });
    let _ = write!(
        section,
        "\nThe aim is less than 50 ms, by the medians: {median}; of a processor: {cpu}.\n\n\
         Meanwhile another thread notifies: a connection comes, is tagged and goes, and on one that stays \
         a stream comes, tells its protocol and goes. Alone it does so for as long as the rounds took.\n\n\
         | a notification, µs | 50 % within | 99 % | 99.9 % | longest |\n\
         |---|---:|---:|---:|---:|\n"
    );
    for (name, delays) in [("alone", alone), ("beside rounds", beside)] {
        let [half, most, nearly_all] = delays.within.map(|time| time / 1e3);
        let longest = delays.longest / 1e3;
        let _ = writeln!(
            section,
            "| {name} | {half:.2} | {most:.2} | {nearly_all:.2} | {longest:.0} |"
        );
    }
    section
}

/// What was aimed at, and what came of it by the medians.
fn aim(cores: usize, rounds: &[Rounds]) -> String {
    let median = |name| {
        let found = rounds.iter().find(|rounds| rounds.name == name);
        found.map(|rounds| rounds.figures()[1])
    };
    let (Some(ours), Some(go)) = (median(OURS), median(GO)) else { return String::new() };
    let aim = if cores == 1 { 5.0 } else { 8.0 };
    let met = if go / ours >= aim { "met" } else { "**missed**" };
    format!("\nThe aim is {aim} times go-libp2p, by the medians: {:.1}, {met}.\n", go / ours)
}

const NOTES: &str = "
## Notes

- Threads have 38-byte peers as libp2p has. rcmgr is told the time: the benchmark reads the clock once
  a life, for both calls that need it. go-libp2p reads it three times.
- rcmgr takes the address with the connection; each thread hands in one that it has. go-libp2p asks the
  connection when somebody wants to know.
- `256 segments` is written plainly in Rust as go-libp2p's is: segments by the last byte of the
  identifier, each a map of std under a mutex, maps of std for tags and connections.
- go-libp2p runs its routines on as many threads as there are cores, which spares it the switches of the
  16 threads of the others. Its benchmark lets one routine live and 16 tag beside it; what that measures
  most is how the system shares out its cores.
- A trim marks connections as leaving and hands them out; here nothing closes them for go-libp2p either.
  The longest notification of either is as long as the system lets a thread wait, if the machine does
  something else: see the load, and what is the longest alone.
- A round that closes some marks them and hands out whom to close; that they are closed is told after it.
- What the best of a connection's streams say is kept with the connection, and looked up in its streams
  where one of them changed: here of connections that a stream came to or left since the last round.
";

#[cfg(test)]
mod tests {
    use super::super::Delays;
    use super::*;

    #[test]
    fn the_page_holds_the_others_against_ours() {
        let rounds = |name, wall: f64| Rounds {
            name,
            lives: [1.0, 3.0, 2.0].map(|of| Life { wall: wall * of, cpu: wall * of / 2.0 }).into(),
        };
        let trims = Trims { trim: 2e6, cpu: 1e6, alone: (1e3, 2e3), beside: (3e3, 4e3) };
        let delays = |of: f64| Delays { within: [0.1, 0.25, 0.5].map(|us| us * of), longest: of };
        let times = |of: f64| RoundTimes { fastest: of, median: 2.0 * of, cpu: of };
        let regulation = Regulation {
            quiet: times(2e6),
            closing: times(3e7),
            alone: delays(1e3),
            beside: delays(2e3),
        };
        let page = render(&Results {
            machine: Machine::now(),
            quick: false,
            lives: vec![(1, vec![rounds(OURS, 100.0), rounds(GO, 550.0)])],
            trims: vec![(OURS, trims)],
            regulation,
            lack: None,
        });
        assert!(page.contains("### On one core"));
        assert!(page.contains("| rcmgr | 100 | 200 | 100 | 1.0 | 1.0 | 1.0 |\n"));
        assert!(page.contains("| go-libp2p | 550 | 1100 | 550 | 5.5 | 5.5 | 5.5 |\n"));
        assert!(page.contains("5 times go-libp2p, by the medians: 5.5, met."));
        assert!(page.contains("| rcmgr | 2.0 | 1.0 | 1.0 | 2 | 3.0 | 4 |\n"));
        assert!(page.contains("| nothing to close | 2.0 | 4.0 | 2.0 |\n| 10000 close | 30.0 |"));
        assert!(page.contains(
            "less than 50 ms, by the medians: 60.0, **missed**; of a processor: 30.0, met."
        ));
        assert!(page.contains("| beside rounds | 0.20 | 0.50 | 1.00 | 2 |\n"));
        assert!(!page.contains("smoke"));
    }
}
