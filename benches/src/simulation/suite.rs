//! All scenarios with all algorithms, each with some seeds.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
};

use super::{
    algorithms::{MARKS, Manages},
    measures::Outcome,
    scenario::{self, Scenario, Span},
    world,
};

/// What is to be run.
#[derive(Clone, Debug)]
pub struct Suite {
    /// The worlds.
    pub scenarios: Vec<Scenario>,
    /// Who manages.
    pub managers: Vec<Manages>,
    /// The seeds; each algorithm has all of them.
    pub seeds: Vec<u64>,
    /// For how long.
    pub span: Span,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// The place of the scenario.
    pub scenario: usize,
    /// Who managed.
    pub manager: Manages,
    /// By seed.
    pub outcomes: Vec<Outcome>,
}

impl Suite {
    /// Everything, with three seeds.
    pub fn full() -> Suite {
        Suite::over(Span::FULL)
    }

    /// The same over minutes.
    pub fn quick() -> Suite {
        Suite::over(Span::QUICK)
    }

    fn over(span: Span) -> Suite {
        let scenarios = scenario::all(span);
        Suite { scenarios, managers: Manages::ALL.into(), seeds: vec![1, 2, 3], span }
    }

    /// Runs all, on so many threads. By scenario, then by algorithm.
    pub fn run(&self, threads: usize) -> Vec<Cell> {
        let mut cells: Vec<Cell> = (0..self.scenarios.len())
            .flat_map(|scenario| {
                let cell = move |manager: &Manages| (scenario, *manager);
                self.managers.iter().map(cell)
            })
            .map(|(scenario, manager)| Cell { scenario, manager, outcomes: Vec::new() })
            .collect();
        let runs = cells.len() * self.seeds.len();
        let (next, done) = (AtomicUsize::new(0), Mutex::new(vec![None; runs]));
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while let Some(at) = Some(next.fetch_add(1, Relaxed)).filter(|at| *at < runs) {
                        let cell = &cells[at / self.seeds.len()];
                        let seed = self.seeds[at % self.seeds.len()];
                        let outcome = self.one(cell.scenario, cell.manager, seed);
                        done.lock().unwrap_or_else(PoisonError::into_inner)[at] = Some(outcome);
                    }
                });
            }
        });
        let done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
        for (at, outcome) in done.into_iter().enumerate() {
            cells[at / self.seeds.len()].outcomes.extend(outcome);
        }
        cells
    }

    fn one(&self, scenario: usize, manager: Manages, seed: u64) -> Outcome {
        let mut algorithm = manager.make(seed);
        world::run(&self.scenarios[scenario], self.span, MARKS, seed, &mut *algorithm)
    }
}
