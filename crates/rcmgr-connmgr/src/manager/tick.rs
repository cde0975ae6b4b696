//! Something that is due again and again.

use std::time::Duration;

/// A period and when it ends next. A clock that jumps makes it end once, not many times.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticker {
    period: Duration,
    due: Duration,
}

impl Ticker {
    pub fn new(period: Duration) -> Ticker {
        Ticker { period, due: period }
    }

    pub fn due(self) -> Duration {
        self.due
    }

    /// Whether it is due; if so, next at the first multiple of its period after `now`.
    pub fn take(&mut self, now: Duration) -> bool {
        // The end of time comes once.
        if now < self.due || self.due == Duration::MAX {
            return false;
        }
        let periods = now.as_nanos() / self.period.as_nanos() + 1;
        let due = periods.saturating_mul(self.period.as_nanos());
        // Nanoseconds beyond 64 bits are 584 years away.
        self.due = u64::try_from(due).map_or(Duration::MAX, Duration::from_nanos);
        true
    }
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Decaying tags.
    Decay,
    /// To look whether there are too many connections.
    Look,
}

/// What a manager does by itself.
#[derive(Debug)]
pub(crate) struct Ticks {
    decay: Ticker,
    look: Ticker,
}

impl Ticks {
    pub fn new(resolution: Duration, silence: Duration) -> Ticks {
        Ticks { decay: Ticker::new(resolution), look: Ticker::new(silence) }
    }

    pub fn due(&self) -> Duration {
        self.decay.due().min(self.look.due())
    }

    /// One thing that is due: decay before trims.
    pub fn take(&mut self, now: Duration) -> Option<Due> {
        if self.decay.take(now) {
            Some(Due::Decay)
        } else {
            self.look.take(now).then_some(Due::Look)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_late_tick_comes_once_and_the_next_at_a_multiple() {
        let seconds = Duration::from_secs;
        let mut ticker = Ticker::new(seconds(10));
        assert!(!ticker.take(seconds(9)));
        assert!(ticker.take(seconds(10)));
        assert_eq!(ticker.due(), seconds(20));
        assert!(ticker.take(seconds(57)));
        assert!(!ticker.take(seconds(57)));
        assert_eq!(ticker.due(), seconds(60));
        assert!(ticker.take(Duration::MAX));
        assert!(!ticker.take(Duration::MAX));
    }
}
