//! All that was seen, and as JSON.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    judge::{Alone, LOAD, Outcome, harms, per_refusal, refused},
    limits::{BUDGET, MARGIN},
    machine::Machine,
    run::Seen,
};

/// What there is to say in the end.
pub struct Report {
    pub machine: Machine,
    /// Whether the node had a core of its own.
    pub apart: bool,
    pub seed: u64,
    pub clients: u16,
    pub duration: Duration,
    pub alone: Alone,
    pub outcomes: Vec<Outcome>,
}

impl Report {
    /// Whether every attack met every aim with limits, as far as it was tried with them.
    pub fn is_sound(&self) -> bool {
        self.outcomes
            .iter()
            .filter_map(|outcome| outcome.aims(&self.alone))
            .all(|aims| aims.are_met())
    }

    /// The report as one object.
    pub fn json(&self) -> Value {
        let Report { machine, alone, .. } = self;
        let outcomes: Vec<_> = self.outcomes.iter().map(|outcome| self.outcome(outcome)).collect();
        json!({
            "machine": {
                "processor": machine.processor,
                "cores": machine.cores,
                "kernel": machine.kernel,
                "rustc": machine.rustc,
                "commit": machine.commit,
                "load": machine.load,
                "release": machine.release,
            },
            "node_has_a_core": self.apart,
            "seed": self.seed,
            "honest": { "clients": self.clients, "per_second": alone.capacity * LOAD },
            "seconds": self.duration.as_secs_f64(),
            "memory": { "budget": BUDGET, "margin": MARGIN },
            "alone": {
                "per_second": alone.capacity,
                "busy": alone.busy,
                "cpu_us_per_request": micros(alone.per_request()),
                "quiet": self.seen(&alone.quiet),
            },
            "attacks": outcomes,
        })
    }

    fn outcome(&self, outcome: &Outcome) -> Value {
        let missed = outcome.aims(&self.alone).map(|aims| aims.missed());
        json!({
            "attack": outcome.attack.name(),
            "unit": outcome.attack.unit(),
            "per_second": outcome.attack.per_second(),
            "with_limits": outcome.limited.as_ref().map(|seen| self.seen(seen)),
            "missed": missed,
            "without_limits": self.seen(&outcome.unlimited),
        })
    }

    fn seen(&self, seen: &Seen) -> Value {
        let attempted = seen.attempted.map(
            |attempted| json!({ "attempts": attempted.attempts, "seconds": attempted.seconds }),
        );
        json!({
            "offered": seen.served.offered,
            "served": seen.served.served,
            "latency_us": {
                "median": seen.served.p50_us,
                "p99": seen.served.p99_us,
                "max": seen.served.max_us,
            },
            "resident": { "peak": seen.peak, "mean": seen.mean },
            "cpu_us": micros(seen.cpu),
            "elapsed_us": micros(seen.elapsed),
            "cpu_us_per_refusal": per_refusal(seen, &self.alone).map(micros),
            "refused": refused(seen, &self.alone),
            "harms": harms(seen, &self.alone),
            "over_limit": seen.counts.over_limit,
            "leaked": seen.counts.left,
            "attack": attempted,
        })
    }
}

fn micros(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e6
}
