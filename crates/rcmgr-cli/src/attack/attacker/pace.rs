//! A steady rate.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

/// How often the attacker looks at what is due.
const TICK: Duration = Duration::from_millis(5);
/// What is due longer than this is given up: who falls behind attacks at a lower rate, and not in
/// bursts.
const ARREARS: Duration = Duration::from_millis(50);

/// Says how many attempts are due.
pub struct Pace {
    per_second: f64,
    /// How many keep to this rate together.
    sharers: Arc<AtomicU32>,
    ticks: Interval,
    last: Instant,
    /// A part of an attempt.
    part: f64,
}

impl Pace {
    /// A rate that nobody shares.
    pub fn alone(per_second: f64) -> Pace {
        Pace::shared(per_second, Arc::new(AtomicU32::new(1)))
    }

    /// A part of a rate, as many as there are who share it at the moment.
    pub fn shared(per_second: f64, sharers: Arc<AtomicU32>) -> Pace {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        Pace { per_second, sharers, ticks, last: Instant::now(), part: 0.0 }
    }

    /// Waits until some are due, at least one.
    pub async fn due(&mut self) -> u32 {
        loop {
            self.ticks.tick().await;
            let now = Instant::now();
            let due = self.advance(now - self.last);
            self.last = now;
            if due > 0 {
                return due;
            }
        }
    }

    fn advance(&mut self, passed: Duration) -> u32 {
        let sharers = f64::from(self.sharers.load(Relaxed).max(1));
        let due = self.part + passed.min(ARREARS).as_secs_f64() * self.per_second / sharers;
        self.part = due.fract();
        due as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn parts_add_up_and_arrears_are_given_up() {
        let mut pace = Pace::alone(150.0);
        let due: u32 = (0..100).map(|_| pace.advance(Duration::from_millis(5))).sum();
        assert_eq!(due, 75);
        assert!(pace.advance(Duration::from_secs(60)) <= 8);
    }
}
