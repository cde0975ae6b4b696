//! A rate with a burst, and the decision whether one more fits: the generic cell rate algorithm
//! (GCRA) on one word.
//!
//! The word of a bucket is the moment at which it will be full again. Each event moves it on by the
//! interval of the rate; an event fits as long as that stays within a burst of intervals of now.

use core::fmt;
use core::hash::{Hash, Hasher};
use core::time::Duration;

/// How often something may happen: `burst` times at once, and `per_second` times a second in the
/// long run; in any `t` seconds at most `burst + t * per_second` times.
///
/// ```
/// use rcmgr_core::Rate;
///
/// let rate = Rate::new(0.2, 16)?; // one in five seconds, after sixteen at once
/// assert!(rate < Rate::UNLIMITED);
/// assert!(Rate::new(f64::NAN, 1).is_err());
/// # Ok::<(), rcmgr_core::InvalidRate>(())
/// ```
#[derive(Clone, Copy, PartialEq, PartialOrd)]
pub struct Rate {
    /// Neither negative nor NaN.
    per_second: f64,
    burst: u32,
}

/// A rate that is not a number, or below 0.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{per_second} is no rate: say how many a second, 0 or more, or leave the rate unlimited")]
pub struct InvalidRate {
    /// What was given.
    pub per_second: f64,
}

impl Rate {
    /// Any number at any time.
    pub const UNLIMITED: Rate = Rate { per_second: f64::INFINITY, burst: u32::MAX };
    /// Nothing ever.
    pub const BLOCK_ALL: Rate = Rate { per_second: 0.0, burst: 0 };

    /// `burst` at once and `per_second` in the long run.
    ///
    /// A burst of 0 admits nothing, however high the rate. A rate of 0 admits nothing either,
    /// however large the burst: a bucket that never fills again would have to be kept for ever.
    /// An interval of more than a century counts as a century.
    ///
    /// # Errors
    /// The rate is negative or not a number.
    pub const fn new(per_second: f64, burst: u32) -> Result<Rate, InvalidRate> {
        if per_second >= 0.0 {
            // Adding 0 makes the negative zero a zero, so that equal rates have equal bits.
            Ok(Rate { per_second: per_second + 0.0, burst })
        } else {
            Err(InvalidRate { per_second })
        }
    }

    /// How many a second in the long run; infinite if unlimited.
    pub const fn per_second(&self) -> f64 {
        self.per_second
    }

    /// How many at once.
    pub const fn burst(&self) -> u32 {
        self.burst
    }

    /// Whether any number is admitted at any time.
    pub const fn is_unlimited(&self) -> bool {
        self.per_second.is_infinite() && self.burst > 0
    }
}

// The numbers are never NaN.
impl Eq for Rate {}

impl Hash for Rate {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.per_second.to_bits().hash(state);
        self.burst.hash(state);
    }
}

impl Default for Rate {
    fn default() -> Self {
        Rate::UNLIMITED
    }
}

impl fmt::Debug for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.is_unlimited() {
            true => f.write_str("unlimited"),
            false => write!(f, "{} per second in bursts of {}", self.per_second, self.burst),
        }
    }
}

/// A rate as whole ticks of its own length, so that both one in a century and a million a second
/// are exact enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gcra {
    /// Ticks from one event to the next in the long run; at least 1.
    interval: u64,
    /// Ticks that a burst is worth.
    depth: u64,
    /// A nanosecond is 2 to this power ticks.
    shift: i32,
}

/// Quarters of a nanosecond are the shortest ticks: fine enough for 10^8 events a second, and
/// coarse enough for 36 years of them.
const FINEST: i32 = 2;
/// The latest moment, and the largest burst: their sum, and one interval more, fit in a word.
const LATEST: u64 = 1 << 62;
const DEEPEST: f64 = (1u64 << 61) as f64;
/// A century, in nanoseconds.
const LONGEST: f64 = 100.0 * 365.25 * 86_400e9;

impl Gcra {
    /// `None` if the rate is unlimited, or so high that no clock could tell.
    pub fn of(rate: Rate) -> Option<Gcra> {
        if rate.burst == 0 || rate.per_second == 0.0 {
            return Some(Gcra { interval: 1, depth: 0, shift: 0 });
        }
        let nanoseconds = (1e9 / rate.per_second).min(LONGEST);
        let mut shift = FINEST;
        let ticks = |shift: i32| nanoseconds * f64::from(shift).exp2();
        while ticks(shift) * f64::from(rate.burst) > DEEPEST {
            shift -= 1;
        }
        // Rounded down: the bucket fills no later than the rate says.
        let interval = ticks(shift) as u64;
        let depth = interval * u64::from(rate.burst);
        (interval > 0).then_some(Gcra { interval, depth, shift })
    }

    /// How long the bucket takes to fill by one event.
    pub fn interval(&self) -> Duration {
        self.duration(self.interval)
    }

    /// A moment in ticks.
    pub fn ticks(&self, now: Duration) -> u64 {
        let nanoseconds = now.as_nanos();
        let ticks = match self.shift {
            0.. => nanoseconds << self.shift,
            _ => nanoseconds >> -self.shift,
        };
        ticks.min(u128::from(LATEST)) as u64
    }

    /// Ticks as a duration.
    fn duration(&self, ticks: u64) -> Duration {
        let ticks = u128::from(ticks);
        let nanoseconds = match self.shift {
            0.. => ticks.div_ceil(1 << self.shift),
            _ => ticks << -self.shift,
        };
        Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
    }

    /// The word after one more event, or how long to wait for one.
    pub fn admit(&self, word: u64, now: u64) -> Result<u64, Duration> {
        let full_at = word.max(now) + self.interval;
        match (full_at - now).checked_sub(self.depth) {
            None | Some(0) => Ok(full_at),
            Some(_) if self.depth == 0 => Err(Duration::MAX),
            Some(wait) => Err(self.duration(wait)),
        }
    }

    /// The word without one event that was admitted. A bucket that was forgotten and made anew
    /// meanwhile may hold less.
    pub fn refund(&self, word: u64) -> u64 {
        word.saturating_sub(self.interval)
    }

    /// How long from now until the bucket is full.
    pub fn full_in(&self, word: u64, now: u64) -> Duration {
        self.duration(word.saturating_sub(now))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    /// How many of `asked` events at one moment fit.
    fn fit(gcra: &Gcra, word: &mut u64, now: Duration, asked: u32) -> u32 {
        let now = gcra.ticks(now);
        let admitted = (0..asked).map_while(|_| {
            *word = gcra.admit(*word, now).ok()?;
            Some(())
        });
        admitted.count() as u32
    }

    #[test]
    fn a_burst_at_once_then_the_rate() {
        let gcra = Gcra::of(Rate::new(0.5, 3).unwrap()).unwrap();
        let mut word = 0;
        assert_eq!(fit(&gcra, &mut word, seconds(0.0), 9), 3);
        assert_eq!(gcra.admit(word, gcra.ticks(seconds(0.5))), Err(seconds(1.5)));
        assert_eq!(fit(&gcra, &mut word, seconds(2.0), 9), 1);
        assert_eq!(fit(&gcra, &mut word, seconds(5.0), 9), 1);
        assert_eq!(fit(&gcra, &mut word, seconds(6.0), 9), 1);
        assert_eq!(fit(&gcra, &mut word, seconds(1000.0), 9), 3);
        assert_eq!(gcra.full_in(word, gcra.ticks(seconds(1000.0))), seconds(6.0));
    }

    #[test]
    fn extremes_mean_what_the_docs_say() {
        assert_eq!(Gcra::of(Rate::UNLIMITED), None);
        assert_eq!(Gcra::of(Rate::new(1e300, 1).unwrap()), None);
        for blocked in [Rate::BLOCK_ALL, Rate::new(0.0, 9).unwrap(), Rate::new(9.0, 0).unwrap()] {
            let gcra = Gcra::of(blocked).unwrap();
            assert_eq!(gcra.admit(0, gcra.ticks(seconds(9.0))), Err(Duration::MAX), "{blocked}");
        }
        let tiny = Gcra::of(Rate::new(1e-300, 1000).unwrap()).unwrap();
        let mut word = 0;
        assert_eq!(fit(&tiny, &mut word, seconds(1e9), 2000), 1000);
        assert_eq!(fit(&tiny, &mut word, seconds(2e9), 2000), 0);
        for invalid in [f64::NAN, -1.0, f64::NEG_INFINITY] {
            assert!(Rate::new(invalid, 1).is_err());
        }
        assert_eq!(Rate::new(-0.0, 1), Rate::new(0.0, 1));
    }

    #[test]
    fn the_end_of_time_stops_the_clock_and_nothing_else() {
        for (per_second, burst) in [(1e8, 1), (0.2, 16), (1e-300, u32::MAX)] {
            let gcra = Gcra::of(Rate::new(per_second, burst).unwrap()).unwrap();
            let mut word = 0;
            assert_eq!(fit(&gcra, &mut word, Duration::MAX, 50), burst.min(50));
        }
    }

    proptest! {
        /// Against a bucket of real numbers.
        #[test]
        fn as_many_fit_as_the_rate_promises(
            thousandths in 1u32..10_000_000,
            burst in 1u32..50,
            steps in prop::collection::vec((0u64..5_000, 1u32..20), 1..40),
        ) {
            let per_second = f64::from(thousandths) / 1000.0;
            let gcra = Gcra::of(Rate::new(per_second, burst).unwrap()).unwrap();
            let (mut word, mut tokens, mut now) = (0, f64::from(burst), 0);
            for (pause, asked) in steps {
                now += pause;
                tokens = (tokens + pause as f64 / 1000.0 * per_second).min(f64::from(burst));
                let fitted = fit(&gcra, &mut word, Duration::from_millis(now), asked);
                // The ticks round down, by some millionth of a token over a whole case.
                let (least, most) = ((tokens - 1e-5).floor(), (tokens + 1e-3).floor());
                let bounds = f64::from(asked).min(least)..=f64::from(asked).min(most);
                prop_assert!(bounds.contains(&f64::from(fitted)), "{fitted} of {tokens}");
                tokens = (tokens - f64::from(fitted)).max(0.0);
            }
        }
    }
}
