//! Times in one word each, and a clock that does not go back.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use crossbeam_utils::CachePadded;

/// Nanoseconds since the start. What is beyond 584 years is taken for that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Time(u64);

impl Time {
    pub fn nanos(self) -> u64 {
        self.0
    }

    pub fn after(self, period: Duration) -> Time {
        Time(self.0.saturating_add(Time::from(period).0))
    }

    pub fn before(self, period: Duration) -> Option<Time> {
        self.0.checked_sub(Time::from(period).0).map(Time)
    }
}

impl From<Duration> for Time {
    fn from(since_start: Duration) -> Time {
        Time(u64::try_from(since_start.as_nanos()).unwrap_or(u64::MAX))
    }
}

impl From<Time> for Duration {
    fn from(time: Time) -> Duration {
        Duration::from_nanos(time.0)
    }
}

/// By how much the latest time may be ahead of what the clock remembers: 1 ms. To remember each
/// time, all threads would write one line at every call.
const GRAIN: u64 = 1_000_000;

/// The latest time that was told.
///
/// Its loads and stores are relaxed: a time guards nothing else, and one thread sees its own.
#[derive(Debug, Default)]
pub(crate) struct Clock(CachePadded<AtomicU64>);

impl Clock {
    /// The time now, or the latest one if `now` is before it.
    #[inline]
    pub fn pass(&self, now: Duration) -> Time {
        let now = Time::from(now);
        let latest = self.0.load(Relaxed);
        if now.0 >= latest.saturating_add(GRAIN) {
            self.0.fetch_max(now.0, Relaxed);
        }
        now.max(Time(latest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_goes_back_stands_still_to_the_millisecond() {
        let clock = Clock::default();
        let at = |micros| Time::from(Duration::from_micros(micros));
        let pass = |micros| clock.pass(Duration::from_micros(micros));
        assert_eq!(pass(5_000), at(5_000));
        assert_eq!(pass(4_000), at(5_000));
        assert_eq!(pass(5_900), at(5_900));
        assert_eq!(pass(5_800), at(5_800));
        assert_eq!(pass(4_900), at(5_000));
    }

    #[test]
    fn times_beyond_what_a_word_holds_are_the_last_one() {
        let end = Time::from(Duration::MAX);
        assert_eq!(end.nanos(), u64::MAX);
        assert_eq!(end.after(Duration::from_secs(1)), end);
        assert_eq!(Time::from(Duration::ZERO).before(Duration::from_secs(1)), None);
        let clock = Clock::default();
        assert_eq!(clock.pass(Duration::MAX), end);
        assert_eq!(clock.pass(Duration::ZERO), end);
    }
}
