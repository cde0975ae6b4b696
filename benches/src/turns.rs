//! Rounds in which contenders take turns, so that what else the machine does meets them all.
//!
//! A turn is a few runs, of which the median counts. Of the rounds on one thread the fastest counts;
//! on several threads the median again, since the fastest are those in which one of them was kept
//! waiting by the machine and the others ran alone. Each round begins with another contender.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::latency::{histogram, percentiles, single_operations};
use crate::together::{time, time_here};
use crate::{Percentiles, Timed};

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// How often each contender has its turn, if there is time.
    pub rounds: usize,
    /// No round begins after so much time; there is one at least.
    pub at_most: Duration,
    /// How often it runs in a turn.
    pub runs: usize,
    /// How long a run takes, about.
    pub run: Duration,
    /// Single operations of each thread that are timed in a turn, at most.
    pub singles: u64,
    /// How long a turn of single operations takes, at most.
    pub singles_at_most: Duration,
}

impl Effort {
    /// For numbers.
    pub const FULL: Effort = Effort {
        rounds: 25,
        at_most: Duration::from_secs(6),
        runs: 5,
        run: Duration::from_millis(1),
        singles: 8 * 1024,
        singles_at_most: Duration::from_millis(5),
    };

    /// For a smoke run, whose numbers mean nothing.
    pub const QUICK: Effort = Effort {
        rounds: 2,
        at_most: Duration::from_millis(200),
        runs: 1,
        run: Duration::from_micros(20),
        singles: 64,
        singles_at_most: Duration::from_micros(100),
    };
}

/// A contender that takes turns.
#[derive(Debug)]
pub struct Turn {
    /// Its name.
    pub name: &'static str,
    /// What it is made ready for.
    pub timed: Timed,
    times: u64,
    rounds: Vec<Duration>,
    singles: Vec<Percentiles>,
    all_singles: Histogram<u64>,
}

/// What the turns of one contender gave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Taken {
    /// Nanoseconds of one operation of a thread.
    pub ns: f64,
    /// Of single operations.
    pub percentiles: Percentiles,
}

impl Turn {
    /// A contender that had no turn yet.
    pub fn new(name: &'static str, timed: Timed) -> Self {
        let (rounds, singles) = (Vec::new(), Vec::new());
        Turn { name, timed, times: 1, rounds, singles, all_singles: histogram() }
    }

    /// Finds out how many operations fill a run of one thread. That of several would be taken up by
    /// their start, and any by a pause of the machine, so the fastest of a few counts.
    fn calibrate(&mut self, run: Duration) {
        const MOST: u64 = 1 << 20;
        const TRIES: u32 = 3;
        loop {
            let one_run = |timed: &mut Timed| match timed {
                Timed::Here(works) => time_here(&mut works[..1], self.times),
                Timed::Elsewhere(remote) => remote.run(self.times),
            };
            let tries = (0..TRIES).map(|_| one_run(&mut self.timed));
            let taken = tries.min().unwrap_or_default();
            if taken >= run / 4 || self.times >= MOST {
                let fill = run.as_nanos() * u128::from(self.times) / taken.as_nanos().max(1);
                self.times = (fill as u64).clamp(1, MOST);
                return;
            }
            self.times *= 2;
        }
    }

    fn take(&mut self, effort: &Effort) {
        let mut runs: Vec<_> =
            (0..effort.runs).map(|_| time(&mut self.timed, self.times)).collect();
        runs.sort_unstable();
        self.rounds.push(runs[runs.len() / 2]);
        match &mut self.timed {
            Timed::Here(works) => {
                self.all_singles +=
                    single_operations(works, effort.singles, effort.singles_at_most);
            }
            Timed::Elsewhere(remote) => {
                let run = effort.singles_at_most.as_nanos() as u64;
                let each = (effort.run.as_nanos() as u64 / self.times).max(1);
                self.singles.push(remote.percentiles((run / each).clamp(1, effort.singles)));
            }
        }
    }

    fn taken(&mut self, threads: usize) -> Taken {
        self.rounds.sort_unstable();
        let at = if threads == 1 { 0 } else { self.rounds.len() / 2 };
        let ns = self.rounds[at].as_nanos() as f64 / self.times as f64;
        let percentiles = match self.timed {
            Timed::Here(_) => percentiles(&self.all_singles),
            // Another process gives those of each turn only.
            Timed::Elsewhere(_) => {
                let median = |of: fn(&Percentiles) -> f64| {
                    let mut all: Vec<_> = self.singles.iter().map(of).collect();
                    all.sort_by(f64::total_cmp);
                    all[all.len() / 2]
                };
                Percentiles {
                    p50: median(|singles| singles.p50),
                    p99: median(|singles| singles.p99),
                    p999: median(|singles| singles.p999),
                }
            }
        };
        Taken { ns, percentiles }
    }
}

/// Lets contenders that are ready for the same take turns; gives what each took, in their order, and
/// how many rounds there were.
pub fn take_turns(turns: &mut [Turn], threads: usize, effort: &Effort) -> (Vec<Taken>, usize) {
    for turn in &mut *turns {
        turn.calibrate(effort.run);
    }
    let (start, mut rounds) = (Instant::now(), 0);
    while rounds < effort.rounds && (rounds == 0 || start.elapsed() < effort.at_most) {
        for at in 0..turns.len() {
            let at = (rounds + at) % turns.len();
            turns[at].take(effort);
        }
        rounds += 1;
    }
    (turns.iter_mut().map(|turn| turn.taken(threads)).collect(), rounds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Allocations, Remote};

    /// Takes a microsecond for each operation, by a clock of its own.
    struct Steady;

    impl Remote for Steady {
        fn run(&mut self, times: u64) -> Duration {
            Duration::from_micros(times)
        }

        fn percentiles(&mut self, _times: u64) -> Percentiles {
            Percentiles { p50: 1.0, p99: 2.0, p999: 3.0 }
        }

        fn allocations(&mut self, _times: u64) -> Allocations {
            Allocations::default()
        }

        fn bytes(&mut self, _items: u64) -> f64 {
            0.0
        }
    }

    #[test]
    fn what_a_peer_says_is_what_it_took() {
        let mut turns =
            ["one", "other"].map(|name| Turn::new(name, Timed::Elsewhere(Box::new(Steady))));
        for threads in [1, 2] {
            let (all_taken, rounds) = take_turns(&mut turns, threads, &Effort::QUICK);
            assert!((1..=Effort::QUICK.rounds).contains(&rounds));
            for taken in all_taken {
                let percentiles = Percentiles { p50: 1.0, p99: 2.0, p999: 3.0 };
                assert_eq!(taken, Taken { ns: 1000.0, percentiles });
            }
        }
    }
}
