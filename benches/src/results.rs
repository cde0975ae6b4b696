//! What a run has measured.

use std::time::Duration;

use crate::machine::Machine;
use crate::watch::{Pace, Watched};
use crate::{Allocations, Percentiles, Setup};

/// The contender that ratios are held against as what the hardware allows.
pub const FLOOR: &str = "floor";

/// The contender that ratios are held against as what is in use elsewhere.
pub const PEER: &str = "go-libp2p, metrics off";

/// One contender in one setup. What was not measured there is `None`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// The contender.
    pub contender: &'static str,
    /// What it did.
    pub setup: Setup,
    /// Nanoseconds of one operation of a thread.
    pub ns: Option<f64>,
    /// Of single operations.
    pub percentiles: Option<Percentiles>,
    /// Of one operation.
    pub allocations: Option<Allocations>,
    /// What one item takes.
    pub bytes: Option<f64>,
    /// How charging went on, alone and beside it.
    pub charging: Option<[Pace; 2]>,
}

impl Measured {
    /// Nothing yet.
    pub const fn new(contender: &'static str, setup: Setup) -> Self {
        Measured {
            contender,
            setup,
            ns: None,
            percentiles: None,
            allocations: None,
            bytes: None,
            charging: None,
        }
    }

    /// With what was watched.
    #[must_use]
    pub fn with_watched(self, Watched { ns, alone, beside }: Watched) -> Self {
        Measured { ns: Some(ns), charging: Some([alone, beside]), ..self }
    }
}

/// Who did not do what, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The contender.
    pub contender: &'static str,
    /// What it did not do.
    pub setup: Setup,
    /// Why, in a few words.
    pub why: String,
}

/// A whole run.
#[derive(Clone, Debug, PartialEq)]
pub struct Results {
    /// What it was made on.
    pub machine: Machine,
    /// How long it took.
    pub took: Duration,
    /// What a look at the clock takes, in nanoseconds.
    pub clock: f64,
    /// How many rounds of turns the setup had that had fewest: those that take long have fewer.
    pub fewest_rounds: usize,
    /// The contenders with their notes, in the order of tables.
    pub contenders: Vec<(&'static str, &'static str)>,
    /// In the order of scenarios, then of setups, then of contenders.
    pub measured: Vec<Measured>,
    /// In the same order.
    pub left_out: Vec<LeftOut>,
}

impl Results {
    /// What a contender did in a setup, be it in a smoke run or not.
    pub fn of(&self, contender: &str, setup: Setup) -> Option<&Measured> {
        self.measured.iter().find(|measured| {
            measured.contender == contender
                && Setup { small: setup.small, ..measured.setup } == setup
        })
    }

    /// Nanoseconds of one operation of a thread.
    pub fn ns(&self, contender: &str, setup: Setup) -> Option<f64> {
        self.of(contender, setup)?.ns
    }

    /// Whether a contender took part.
    pub fn has(&self, contender: &str) -> bool {
        self.contenders.iter().any(|(name, _)| *name == contender)
    }
}
