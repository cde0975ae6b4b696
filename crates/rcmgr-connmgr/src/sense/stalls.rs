//! What it means that tasks stand still for want of memory.

use std::time::Duration;

use rcmgr_machine::Stalls;

use super::{InvalidSense, LevelRules, Pressure};

/// After so many windows without a reading, what was before it says nothing of now.
const LOST_AFTER: u32 = 10;

/// What stalls mean. The defaults are those of GLib's memory monitor, which asks for 70 and 100 ms
/// in 2 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StallRules {
    /// Over what time they are counted; 2 s. Not zero.
    pub window: Duration,
    /// Where some task stood still for this part of the time, it is elevated; 0.035. Not 0.
    pub some_elevated: Pressure,
    /// Where some did for this part, it is high; 0.05. Above `some_elevated`.
    pub some_high: Pressure,
    /// Where all did for this part, it is critical; 0.05. Not 0.
    pub full: Pressure,
}

impl Default for StallRules {
    fn default() -> StallRules {
        StallRules {
            window: Duration::from_secs(2),
            some_elevated: Pressure::of(70, 2000),
            some_high: Pressure::of(100, 2000),
            full: Pressure::of(100, 2000),
        }
    }
}

impl StallRules {
    pub(super) fn check(&self) -> Result<(), InvalidSense> {
        if self.window.is_zero() {
            return Err(InvalidSense::NoPeriod("the window of stalls"));
        }
        for (what, part) in [
            ("the part of time with some stalls", self.some_elevated),
            ("the part of time with full stalls", self.full),
        ] {
            if part == Pressure::NONE {
                return Err(InvalidSense::NoPart(what));
            }
        }
        if self.some_high <= self.some_elevated {
            let (lower, higher) = (self.some_elevated, self.some_high);
            return Err(InvalidSense::NotIncreasing { lower, higher });
        }
        Ok(())
    }

    /// Some stalls alone are never more than high.
    fn pressure(&self, some: Pressure, full: Pressure, levels: &LevelRules) -> Pressure {
        let points = [(self.some_elevated, levels.elevated), (self.some_high, levels.high)];
        let of_some = Pressure::along(&points, some);
        if full < self.full {
            return of_some;
        }
        let points = [(self.full, levels.critical), (Pressure::FULL, Pressure::FULL)];
        of_some.max(Pressure::along(&points, full))
    }
}

/// Where the present window began.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct StallWindow(Option<(Duration, Stalls)>);

impl StallWindow {
    /// Takes a reading. Where it ends a window, returns the pressure in it.
    pub fn take(
        &mut self,
        now: Duration,
        stalls: Stalls,
        rules: &StallRules,
        levels: &LevelRules,
    ) -> Option<Pressure> {
        let (began, before) = *self.0.get_or_insert((now, stalls));
        let passed = now.saturating_sub(began);
        if passed < rules.window {
            return None;
        }
        self.0 = Some((now, stalls));
        // Another group counts from its own beginning.
        let some = stalls.some.checked_sub(before.some)?;
        let full = stalls.full.checked_sub(before.full)?;
        if passed > rules.window.saturating_mul(LOST_AFTER) {
            return None;
        }
        let part = |stalled: Duration| Pressure::of(nanos(stalled), nanos(passed));
        Some(rules.pressure(part(some), part(full), levels))
    }
}

/// Nanoseconds beyond 64 bits are 584 years.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    /// The pressure of a window of 2 s with so many milliseconds of stalls.
    fn pressure(some: u64, full: u64) -> Pressure {
        let (rules, levels) = (StallRules::default(), LevelRules::default());
        let mut window = StallWindow::default();
        let stalls = |some, full| Stalls { some: ms(some), full: ms(full) };
        assert_eq!(window.take(ms(500), stalls(1000, 900), &rules, &levels), None);
        assert_eq!(window.take(ms(2499), stalls(9999, 9999), &rules, &levels), None);
        window.take(ms(2500), stalls(1000 + some, 900 + full), &rules, &levels).unwrap()
    }

    #[test]
    fn stalls_call_for_the_levels_of_glib() {
        let levels = LevelRules::default();
        assert_eq!(pressure(0, 0), Pressure::NONE);
        assert!(pressure(69, 69) < levels.elevated);
        assert_eq!(pressure(70, 0), levels.elevated);
        assert!(pressure(99, 99) < levels.high);
        assert_eq!(pressure(100, 99), levels.high);
        assert_eq!(pressure(2000, 99), levels.high);
        assert_eq!(pressure(100, 100), levels.critical);
        assert_eq!(pressure(2000, 2000), Pressure::FULL);
        assert_eq!(pressure(3000, 3000), Pressure::FULL);
    }

    #[test]
    fn each_window_begins_where_the_last_ended() {
        let (rules, levels) = (StallRules::default(), LevelRules::default());
        let mut window = StallWindow::default();
        let mut take = |now, some| {
            let stalls = Stalls { some: ms(some), full: Duration::ZERO };
            window.take(ms(now), stalls, &rules, &levels)
        };
        assert_eq!(take(0, 0), None);
        assert_eq!(take(4000, 200), Some(levels.high));
        assert_eq!(take(6000, 200), Some(Pressure::NONE));
        assert_eq!(take(8000, 270), Some(levels.elevated));
    }

    #[test]
    fn what_was_long_ago_or_of_another_group_says_nothing() {
        let (rules, levels) = (StallRules::default(), LevelRules::default());
        let mut window = StallWindow::default();
        let mut take = |now, some| {
            let stalls = Stalls { some: ms(some), full: Duration::ZERO };
            window.take(ms(now), stalls, &rules, &levels)
        };
        assert_eq!(take(0, 5000), None);
        assert_eq!(take(2000, 100), None);
        assert_eq!(take(4000, 200), Some(levels.high));
        assert_eq!(take(24_001, 900), None);
        assert_eq!(take(26_001, 1000), Some(levels.high));
        // A clock that stands still ends no window.
        assert_eq!(take(26_001, 9000), None);
        assert_eq!(take(0, 9000), None);
    }
}
