//! What rounds have done since the start, in numbers.

use std::time::Duration;

use super::sample::Sample;
use crate::{
    round::{Mode, Phase, Report, Spared},
    trigger::{Cause, Causes},
};

/// The upper bounds of the classes that the times of rounds are counted in, in milliseconds. Longer
/// ones are in a class of their own.
const CLASSES: [u64; 10] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

/// Sums over all rounds. They wrap at 2^64.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    rounds: [u64; Mode::ALL.len()],
    causes: [u64; Cause::ALL.len()],
    closed: [u64; Phase::ALL.len()],
    spared: [u64; Spared::ALL.len()],
    unmet: [u64; 3],
    times: [u64; CLASSES.len() + 1],
    microseconds: u64,
}

impl Counts {
    pub fn count(&mut self, causes: Causes, took: Duration, report: &Report) {
        bump(&mut self.rounds, report.mode as usize, 1);
        causes.iter().for_each(|cause| bump(&mut self.causes, cause as usize, 1));
        for closing in &report.closed {
            bump(&mut self.closed, closing.phase as usize, 1);
        }
        for why in Spared::ALL {
            bump(&mut self.spared, why as usize, report.spared(why).into());
        }
        for ((_, missing), at) in report.unmet.named().into_iter().zip(0..) {
            bump(&mut self.unmet, at, missing.into());
        }
        let class = CLASSES.iter().position(|bound| took <= Duration::from_millis(*bound));
        bump(&mut self.times, class.unwrap_or(CLASSES.len()), 1);
        let microseconds = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.microseconds = self.microseconds.wrapping_add(microseconds);
    }

    pub fn samples(&self) -> Vec<Sample> {
        let mut samples = Vec::new();
        let mut add = |name, label, of: &str, value: u64| {
            samples.push(Sample::new(name, [(label, of)], value));
        };
        for (mode, value) in Mode::ALL.iter().zip(self.rounds) {
            add("rounds_total", "mode", mode.name(), value);
        }
        for (cause, value) in Cause::ALL.iter().zip(self.causes) {
            add("round_causes_total", "cause", cause.name(), value);
        }
        for (phase, value) in Phase::ALL.iter().zip(self.closed) {
            add("closed_total", "phase", phase.name(), value);
        }
        for (why, value) in Spared::ALL.iter().zip(self.spared) {
            add("spared_total", "why", why.name(), value);
        }
        for ((why, _), value) in crate::round::Unmet::default().named().iter().zip(self.unmet) {
            add("unmet_total", "why", why, value);
        }
        let mut until = 0_u64;
        for (at, value) in self.times.iter().enumerate() {
            until = until.wrapping_add(*value);
            let bound = CLASSES.get(at).map_or("+Inf".into(), |bound| seconds(*bound));
            add("round_seconds_bucket", "le", &bound, until);
        }
        samples.push(Sample::new("round_microseconds_total", [], self.microseconds));
        samples
    }
}

fn bump(counts: &mut [u64], at: usize, by: u64) {
    if let Some(count) = counts.get_mut(at) {
        *count = count.wrapping_add(by);
    }
}

/// Milliseconds as seconds, without trailing zeros.
fn seconds(milliseconds: u64) -> String {
    let fraction = format!("{:03}", milliseconds % 1000);
    match fraction.trim_end_matches('0') {
        "" => (milliseconds / 1000).to_string(),
        fraction => format!("{}.{fraction}", milliseconds / 1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_told_in_seconds() {
        assert_eq!([1, 20, 500, 1000, 1500].map(seconds), ["0.001", "0.02", "0.5", "1", "1.5"]);
    }
}
