//! A whole run: every scenario in every setup by every contender.

use std::time::{Duration, Instant};

use crate::latency::clock;
use crate::machine::{Machine, cores};
use crate::memory::{allocations, bytes};
use crate::results::{LeftOut, Measured, Results};
use crate::turns::{Effort, Turn, take_turns};
use crate::watch::watch;
use crate::{Cannot, Contender, Peers, Scenario, Setup, Timed};

/// What to run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Which scenarios.
    pub scenarios: Vec<Scenario>,
    /// Whether it is a smoke run, whose numbers mean nothing.
    pub quick: bool,
}

/// Items that are held while bytes are counted.
const ITEMS: u64 = 1_000_000;

/// Operations whose allocations are counted.
const COUNTED: u64 = 1_000;

/// Rounds in which a thread that charges is watched, alone and beside something.
const WATCHED: usize = 5;

/// How long each of both takes.
const WATCHED_EACH: Duration = Duration::from_millis(60);

impl Plan {
    fn effort(&self) -> Effort {
        if self.quick { Effort::QUICK } else { Effort::FULL }
    }

    /// The setups of a scenario: one thread, two, and as many as there are cores; of several, all on
    /// one peer, and each on its own.
    pub fn setups(&self, scenario: Scenario) -> Vec<Setup> {
        let alone = Setup { small: self.quick, ..Setup::alone(scenario) };
        let mut setups = vec![alone];
        let one_only = scenario.is_bytes()
            || scenario.is_beside()
            || matches!(scenario, Scenario::Stream1kPeers | Scenario::Stream1mPeers);
        if !one_only {
            let mut threads = vec![2, cores()];
            threads.retain(|threads| *threads > 1);
            threads.dedup();
            for threads in threads {
                setups.extend([Peers::Shared, Peers::Distinct].map(|peers| Setup {
                    threads,
                    peers,
                    ..alone
                }));
            }
        }
        setups
    }

    /// Measures; `progress` is told each setup before its turns begin.
    pub fn run(&self, contenders: &[Contender], mut progress: impl FnMut(&str)) -> Results {
        let start = Instant::now();
        let machine = Machine::now();
        let mut results = Results {
            machine,
            took: Duration::ZERO,
            clock: clock(),
            fewest_rounds: self.effort().rounds,
            contenders: contenders.iter().map(|one| (one.name, one.note)).collect(),
            measured: Vec::new(),
            left_out: Vec::new(),
        };
        for scenario in &self.scenarios {
            for setup in self.setups(*scenario) {
                let Setup { threads, peers, .. } = setup;
                progress(&format!("{}, {threads} threads, {peers:?}", scenario.name()));
                if scenario.is_bytes() || scenario.is_beside() {
                    self.one_by_one(setup, contenders, &mut results);
                } else {
                    self.in_turns(setup, contenders, &mut results);
                }
            }
        }
        results.took = start.elapsed();
        results
    }

    /// What takes much memory, or a thread of its own, is not there together.
    fn one_by_one(&self, setup: Setup, contenders: &[Contender], results: &mut Results) {
        for contender in contenders {
            let Some(mut timed) = ready(contender, setup, results) else {
                continue;
            };
            let measured = Measured::new(contender.name, setup);
            results.measured.push(if setup.scenario.is_bytes() {
                Measured { bytes: Some(bytes(&mut timed, setup.count(ITEMS))), ..measured }
            } else {
                self.watched(measured, &mut timed)
            });
        }
    }

    fn watched(&self, measured: Measured, timed: &mut Timed) -> Measured {
        let (rounds, each) =
            if self.quick { (2, Duration::from_millis(1)) } else { (WATCHED, WATCHED_EACH) };
        match timed {
            Timed::Here(works) => match &mut **works {
                [operation, charging, ..] => {
                    measured.with_watched(watch(&mut **operation, &mut **charging, rounds, each))
                }
                _ => measured,
            },
            Timed::Elsewhere(remote) => {
                let fastest = (0..rounds).map(|_| remote.run(1)).min();
                Measured { ns: fastest.map(|taken| taken.as_nanos() as f64), ..measured }
            }
        }
    }

    fn in_turns(&self, setup: Setup, contenders: &[Contender], results: &mut Results) {
        let mut turns = Vec::new();
        for contender in contenders {
            if let Some(timed) = ready(contender, setup, results) {
                turns.push(Turn::new(contender.name, timed));
            }
        }
        let (all_taken, rounds) = take_turns(&mut turns, setup.threads, &self.effort());
        if !turns.is_empty() {
            results.fewest_rounds = results.fewest_rounds.min(rounds);
        }
        for (turn, taken) in turns.iter_mut().zip(all_taken) {
            // What one thread allocates the others do too.
            let alone = setup.threads == 1;
            results.measured.push(Measured {
                ns: Some(taken.ns),
                percentiles: Some(taken.percentiles),
                allocations: alone.then(|| allocations(&mut turn.timed, COUNTED)),
                ..Measured::new(turn.name, setup)
            });
        }
    }
}

/// Makes a contender ready, or notes why it is not.
fn ready(contender: &Contender, setup: Setup, results: &mut Results) -> Option<Timed> {
    match (contender.prepare)(&setup) {
        Ok(timed) => Some(timed),
        Err(Cannot::Same) => None,
        Err(Cannot::Because(why)) => {
            results.left_out.push(LeftOut {
                contender: contender.name,
                setup,
                why: why.into_owned(),
            });
            None
        }
    }
}
