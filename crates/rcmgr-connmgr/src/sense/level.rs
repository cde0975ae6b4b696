//! How bad the state of the environment is, decided from pressures over time.

use std::fmt;
use std::time::Duration;

use super::{InvalidSense, Pressure};

/// How bad the state of the environment is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// There is room.
    #[default]
    Normal,
    /// Something optional may wait.
    Elevated,
    /// Fewer connections should be kept.
    High,
    /// The process is about to fail.
    Critical,
}

impl Level {
    /// Every level, the lowest first.
    pub const ALL: [Level; 4] = [Level::Normal, Level::Elevated, Level::High, Level::Critical];

    /// A stable name for machines and people.
    pub const fn name(self) -> &'static str {
        match self {
            Level::Normal => "normal",
            Level::Elevated => "elevated",
            Level::High => "high",
            Level::Critical => "critical",
        }
    }
}

/// [`Level::name`].
impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// When levels begin and end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LevelRules {
    /// From this pressure on it is elevated; 0.70. Not 0.
    pub elevated: Pressure,
    /// From this on it is high; 0.85. Above `elevated`.
    pub high: Pressure,
    /// From this on it is critical, if a second signal agrees; 0.95. Above `high`.
    pub critical: Pressure,
    /// A level ends only so far below where it begins; 0.05. Below `elevated`.
    pub margin: Pressure,
    /// And only if it has been there for so long; 30 s.
    pub dwell: Duration,
}

impl Default for LevelRules {
    fn default() -> LevelRules {
        LevelRules {
            elevated: Pressure::percent(70),
            high: Pressure::percent(85),
            critical: Pressure::percent(95),
            margin: Pressure::percent(5),
            dwell: Duration::from_secs(30),
        }
    }
}

impl LevelRules {
    pub(super) fn check(&self) -> Result<(), InvalidSense> {
        let begins = [Pressure::NONE, self.elevated, self.high, self.critical];
        for pair in begins.windows(2) {
            if pair[0] >= pair[1] {
                return Err(InvalidSense::NotIncreasing { lower: pair[0], higher: pair[1] });
            }
        }
        if self.margin >= self.elevated {
            let LevelRules { margin, elevated, .. } = *self;
            return Err(InvalidSense::Margin { margin, elevated });
        }
        Ok(())
    }

    fn begins(&self, level: Level) -> Pressure {
        match level {
            Level::Normal => Pressure::NONE,
            Level::Elevated => self.elevated,
            Level::High => self.high,
            Level::Critical => self.critical,
        }
    }
}

/// What the signals of one resource say together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    pub pressure: Pressure,
    /// Whether a second signal says so. One alone never makes it critical: an emergency closes what
    /// nothing else may, and false alarms did so in go-libp2p (its connmgr, issue 99).
    pub confirmed: bool,
}

/// The level, and since when it could be lower.
#[derive(Clone, Debug)]
pub(super) struct LevelMachine {
    rules: LevelRules,
    level: Level,
    calm: Option<Calm>,
}

/// A time in which all claims were for a lower level.
#[derive(Clone, Copy, Debug)]
struct Calm {
    since: Duration,
    /// The highest level that they were for.
    most: Level,
}

impl LevelMachine {
    pub fn new(rules: LevelRules) -> LevelMachine {
        LevelMachine { rules, level: Level::Normal, calm: None }
    }

    pub fn level(&self) -> Level {
        self.level
    }

    /// The level that claims are for: where it is now it holds on down to the margin.
    pub fn called(&self, claims: impl IntoIterator<Item = Claim>) -> Option<Level> {
        let called = |claim: Claim| {
            let holds = |level: Level| {
                let margin = if level <= self.level { self.rules.margin } else { Pressure::NONE };
                let agreed = level < Level::Critical || claim.confirmed;
                agreed && claim.pressure >= self.rules.begins(level).less(margin)
            };
            Level::ALL.into_iter().rev().find(|level| holds(*level)).unwrap_or_default()
        };
        claims.into_iter().map(called).max()
    }

    /// Takes notice of the levels that were called for: by fresh signals, and by those together with
    /// signals that have become silent and may still be what they were. Only fresh ones raise the
    /// level, at once. It falls when all called for less for the time of dwelling, to the highest
    /// that was called for in it. Where there is no fresh signal nothing changes.
    pub fn take(&mut self, now: Duration, fresh: Option<Level>, known: Option<Level>) {
        let Some(fresh) = fresh else { return };
        let known = known.unwrap_or_default().max(fresh);
        if fresh > self.level {
            self.level = fresh;
        }
        if known >= self.level {
            self.calm = None;
            return;
        }
        let calm = self.calm.get_or_insert(Calm { since: now, most: known });
        calm.most = calm.most.max(known);
        if now.saturating_sub(calm.since) >= self.rules.dwell {
            self.level = calm.most;
            self.calm = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Level::{Critical, Elevated, High, Normal};
    use super::*;

    fn claim(percent: u16) -> Claim {
        Claim { pressure: Pressure::percent(percent), confirmed: true }
    }

    /// The level after each second with such a pressure in percent, confirmed.
    fn after(machine: &mut LevelMachine, from: u64, percents: &[u16]) -> Vec<Level> {
        let step = |(second, percent): (u64, &u16)| {
            let called = machine.called([claim(*percent)]);
            machine.take(Duration::from_secs(from + second), called, called);
            machine.level()
        };
        (0..).zip(percents).map(step).collect()
    }

    fn machine() -> LevelMachine {
        LevelMachine::new(LevelRules::default())
    }

    #[test]
    fn a_level_begins_at_once() {
        let levels = after(&mut machine(), 0, &[0, 69, 70, 84, 85, 94, 95, 100]);
        assert_eq!(levels, [Normal, Normal, Elevated, Elevated, High, High, Critical, Critical]);
        assert_eq!(after(&mut machine(), 0, &[100]), [Critical]);
    }

    #[test]
    fn a_level_ends_below_the_margin_and_after_a_time() {
        let mut machine = machine();
        let _ = after(&mut machine, 0, &[85]);
        // Within the margin for however long.
        assert!(after(&mut machine, 1, &[80; 99]).iter().all(|level| *level == High));
        let levels = after(&mut machine, 100, &[79; 31]);
        assert!(levels[..30].iter().all(|level| *level == High));
        assert_eq!(levels[30], Elevated);
    }

    #[test]
    fn it_falls_to_the_highest_that_was_called_for_meanwhile() {
        let mut machine = machine();
        let _ = after(&mut machine, 0, &[100]);
        let levels =
            after(&mut machine, 1, &[[0; 15], [66; 15], [0; 15], [0; 15], [0; 15]].concat());
        assert_eq!(levels[29..32], [Critical, Elevated, Elevated]);
        assert_eq!((levels[60], levels[61]), (Elevated, Normal));
    }

    #[test]
    fn what_comes_back_begins_the_time_anew() {
        let mut machine = machine();
        let percents = [[70; 1].as_slice(), &[0; 29], &[65], &[0; 31]].concat();
        let levels = after(&mut machine, 0, &percents);
        assert!(levels[..61].iter().all(|level| *level == Elevated));
        assert_eq!(levels[61], Normal);
    }

    #[test]
    fn critical_needs_a_second_signal_to_begin_and_to_stay() {
        let mut machine = machine();
        let alone = Claim { confirmed: false, ..claim(100) };
        assert_eq!(machine.called([alone]), Some(High));
        // Two that are not confirmed do not confirm each other.
        assert_eq!(machine.called([alone, alone, claim(94)]), Some(High));
        assert_eq!(machine.called([alone, claim(95)]), Some(Critical));
        let _ = after(&mut machine, 0, &[100]);
        assert_eq!(machine.called([alone]), Some(High));
        assert_eq!(machine.called([claim(90)]), Some(Critical));
    }

    #[test]
    fn without_a_fresh_signal_nothing_changes() {
        let mut machine = machine();
        let _ = after(&mut machine, 0, &[90, 0]);
        machine.take(Duration::from_secs(1000), None, Some(Normal));
        machine.take(Duration::from_secs(1000), None, Some(Critical));
        assert_eq!(machine.level(), High);
        // The time went on.
        machine.take(Duration::from_secs(1000), Some(Normal), Some(Normal));
        assert_eq!(machine.level(), Normal);
    }

    #[test]
    fn a_silent_signal_neither_raises_a_level_nor_lets_it_fall() {
        let mut machine = machine();
        let mut take = |second, fresh, known| {
            machine.take(Duration::from_secs(second), Some(fresh), Some(known));
            machine.level()
        };
        assert_eq!(take(0, Normal, Critical), Normal);
        assert_eq!(take(1, High, High), High);
        assert_eq!(take(100, Normal, High), High);
        assert_eq!(take(200, Normal, Elevated), High);
        assert_eq!(take(230, Normal, Normal), Elevated);
    }

    #[test]
    fn levels_have_names() {
        let names = Level::ALL.map(|level| level.to_string());
        assert_eq!(names, ["normal", "elevated", "high", "critical"]);
    }

    proptest! {
        #[test]
        fn a_level_that_has_begun_stays_for_its_time(
            samples in prop::collection::vec((0..20u64, 0..=100u16, any::<bool>()), 1..200),
        ) {
            let mut machine = machine();
            let (mut now, mut reached) = (0, 0);
            for (passed, percent, confirmed) in samples {
                now += passed;
                let before = machine.level();
                let called = machine.called([Claim { confirmed, ..claim(percent) }]);
                machine.take(Duration::from_secs(now), called, called);
                if called >= Some(before) {
                    reached = now;
                }
                if machine.level() < before {
                    prop_assert!(now - reached >= 30);
                }
                prop_assert!(machine.level() >= called.unwrap_or_default());
                prop_assert!(confirmed || machine.level() < Critical || before == Critical);
            }
        }
    }
}
