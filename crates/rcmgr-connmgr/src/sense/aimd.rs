//! How much of a share is used: less by a part under pressure, more by a step without.

use std::time::Duration;

use super::{Assessment, InvalidSense, Level, Pressure};

/// How a share shrinks and recovers: additive increase, multiplicative decrease, as TCP's window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AimdRules {
    /// One step in so long; 10 s. Not zero.
    pub every: Duration,
    /// It shrinks by this part of what it is; 0.10. Above 0 and below 1.
    pub shrink: Pressure,
    /// It recovers by this part of the whole; 0.02. Not 0.
    pub recover: Pressure,
    /// It never shrinks below so many connections; 16.
    pub least: u32,
}

impl Default for AimdRules {
    fn default() -> AimdRules {
        AimdRules {
            every: Duration::from_secs(10),
            shrink: Pressure::percent(10),
            recover: Pressure::percent(2),
            least: 16,
        }
    }
}

impl AimdRules {
    /// Whether they make sense.
    ///
    /// # Errors
    /// The first field that contradicts what is said of it.
    pub fn check(&self) -> Result<(), InvalidSense> {
        if self.every.is_zero() {
            Err(InvalidSense::NoPeriod("the time between steps of the share"))
        } else if self.shrink == Pressure::NONE || self.shrink == Pressure::FULL {
            Err(InvalidSense::Shrink(self.shrink))
        } else if self.recover == Pressure::NONE {
            Err(InvalidSense::NoPart("the part by which the share recovers"))
        } else {
            Ok(())
        }
    }
}

/// The whole, in millionths.
const WHOLE: u32 = 1_000_000;

/// Which part of a soft share is used at present.
///
/// It shrinks while the level is high or critical and fresh signals still call for that, and
/// recovers while the level is normal; between the two, and while nothing fresh is known, it stays.
/// So the time that a level dwells does not shrink it further once the cause is gone. However long
/// nobody asked, one call is at most one step.
///
/// ```
/// use std::time::Duration;
/// use rcmgr_connmgr::sense::{Aimd, AimdRules, Assessment, Level};
///
/// let mut aimd = Aimd::new(AimdRules::default())?;
/// let seconds = Duration::from_secs;
/// let under = |level| Assessment { level, called: Some(level), ..Assessment::default() };
/// assert_eq!(aimd.step(seconds(0), &under(Level::High), 1000, 100), 900);
/// assert_eq!(aimd.step(seconds(10), &under(Level::High), 1000, 100), 810);
/// assert_eq!(aimd.step(seconds(20), &under(Level::Normal), 1000, 100), 830);
/// # Ok::<(), rcmgr_connmgr::sense::InvalidSense>(())
/// ```
#[derive(Clone, Debug)]
pub struct Aimd {
    rules: AimdRules,
    /// In millionths; at most the whole.
    part: u32,
    /// When the last step was made.
    stepped: Option<Duration>,
}

impl Aimd {
    /// All of the share is used.
    ///
    /// # Errors
    /// Those of [`AimdRules::check`].
    pub fn new(rules: AimdRules) -> Result<Aimd, InvalidSense> {
        rules.check()?;
        Ok(Aimd { rules, part: WHOLE, stepped: None })
    }

    /// Makes a step, if it is time for one. Returns how many connections to keep of a soft share of
    /// `whole`: never fewer than `floor`, what has been promised, or the least of the rules, and never
    /// more than the whole.
    pub fn step(&mut self, now: Duration, seen: &Assessment, whole: u32, floor: u32) -> u32 {
        let least = floor.max(self.rules.least).min(whole);
        let is_due = self.stepped.is_none_or(|last| now.saturating_sub(last) >= self.rules.every);
        let pressed = seen.called.map(|called| called.min(seen.level));
        let part = match pressed {
            Some(Level::High | Level::Critical) => {
                // Below what is kept anyway, recovering would begin with nothing to be seen of it.
                let least = u64::from(least) * u64::from(WHOLE);
                let least = least.div_ceil(u64::from(whole.max(1))) as u32;
                let shrunk = self.part - part_of(self.part, self.rules.shrink);
                shrunk.max(least).min(self.part)
            }
            Some(_) if seen.level == Level::Normal => {
                self.part.saturating_add(part_of(WHOLE, self.rules.recover)).min(WHOLE)
            }
            _ => self.part,
        };
        if is_due && part != self.part {
            self.part = part;
            self.stepped = Some(now);
        }
        let share = u64::from(whole) * u64::from(self.part) / u64::from(WHOLE);
        u32::try_from(share).map_or(whole, |share| share.clamp(least, whole))
    }
}

fn part_of(whole: u32, part: Pressure) -> u32 {
    let points = u64::from(whole) * u64::from(part.get()) / u64::from(Pressure::FULL.get());
    points as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn aimd() -> Aimd {
        Aimd::new(AimdRules::default()).unwrap()
    }

    fn seen(level: Level, called: Option<Level>) -> Assessment {
        Assessment { level, called, ..Assessment::default() }
    }

    fn under(level: Level) -> Assessment {
        seen(level, Some(level))
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn it_shrinks_by_a_part_each_period() {
        let mut aimd = aimd();
        let mut step = |now| aimd.step(seconds(now), &under(Level::High), 1000, 0);
        assert_eq!([0, 1, 9, 10, 19, 20].map(&mut step), [900, 900, 900, 810, 810, 729]);
        // Many periods at once are one step.
        assert_eq!([1000, 1001].map(&mut step), [656, 656]);
    }

    #[test]
    fn it_never_shrinks_below_what_was_promised() {
        for (whole, floor, least) in
            [(1000, 400, 400), (1000, 0, 16), (10, 0, 10), (10, 50, 10), (0, 5, 0)]
        {
            let mut aimd = aimd();
            let shares: Vec<_> = (0..100)
                .map(|step| aimd.step(seconds(step * 10), &under(Level::Critical), whole, floor))
                .collect();
            assert_eq!(shares.last(), Some(&least));
            assert!(shares.iter().all(|share| *share >= least));
        }
    }

    #[test]
    fn from_the_least_it_recovers_at_once() {
        let mut aimd = aimd();
        (0..100).for_each(|step| {
            let _ = aimd.step(seconds(step * 10), &under(Level::High), 1000, 500);
        });
        assert_eq!(aimd.step(seconds(1000), &under(Level::Normal), 1000, 500), 520);
    }

    #[test]
    fn it_recovers_to_the_whole() {
        let mut aimd = aimd();
        assert_eq!(aimd.step(seconds(0), &under(Level::High), 1000, 0), 900);
        let shares = [10, 20, 30, 40, 50, 60]
            .map(|now| aimd.step(seconds(now), &under(Level::Normal), 1000, 0));
        assert_eq!(shares, [920, 940, 960, 980, 1000, 1000]);
        // At rest no step is made, so that the next pressure is felt at once.
        assert_eq!(aimd.step(seconds(61), &under(Level::High), 1000, 0), 900);
    }

    #[test]
    fn it_stays_where_nothing_is_known_or_the_cause_is_gone() {
        let mut aimd = aimd();
        let _ = aimd.step(seconds(0), &under(Level::High), 1000, 0);
        for (now, seen) in [
            (10, seen(Level::High, Some(Level::Normal))),
            (20, seen(Level::High, None)),
            (30, under(Level::Elevated)),
            (40, seen(Level::Normal, None)),
        ] {
            assert_eq!(aimd.step(seconds(now), &seen, 1000, 0), 900);
        }
    }

    #[test]
    fn it_follows_the_whole() {
        let mut aimd = aimd();
        assert_eq!(aimd.step(seconds(0), &under(Level::Normal), 1000, 0), 1000);
        assert_eq!(aimd.step(seconds(1), &under(Level::Normal), 5000, 0), 5000);
        assert_eq!(aimd.step(seconds(2), &under(Level::High), 5000, 0), 4500);
        assert_eq!(aimd.step(seconds(3), &under(Level::High), 100, 0), 90);
        assert_eq!(aimd.step(seconds(0), &under(Level::High), u32::MAX, 0), 3_865_470_565);
    }

    #[test]
    fn rules_that_contradict_themselves_are_told() {
        let rules = AimdRules::default();
        for (bad, text) in [
            (
                AimdRules { every: Duration::ZERO, ..rules },
                "the time between steps of the share is zero; give it a length, such as 10 s",
            ),
            (
                AimdRules { shrink: Pressure::FULL, ..rules },
                "to shrink by 1.0000 is not to shrink by a part above 0 and below 1; write 0.1000, \
                 say",
            ),
            (
                AimdRules { recover: Pressure::NONE, ..rules },
                "the part by which the share recovers is 0; give a part above it",
            ),
        ] {
            let made = Aimd::new(bad).map(drop).map_err(|error| error.to_string());
            assert_eq!(made, Err(text.to_owned()));
        }
    }

    proptest! {
        #[test]
        fn it_is_between_what_was_promised_and_the_whole(
            steps in prop::collection::vec(
                (0..30u64, 0..4usize, prop::option::of(0..4usize), any::<u32>(), any::<u32>()),
                1..100,
            ),
        ) {
            let mut aimd = aimd();
            let mut now = 0;
            for (passed, level, called, whole, floor) in steps {
                now += passed;
                let called = called.map(|called| Level::ALL[called]);
                let seen = seen(Level::ALL[level], called);
                let share = aimd.step(seconds(now), &seen, whole, floor);
                prop_assert!(share <= whole && share >= floor.max(16).min(whole));
            }
        }

        #[test]
        fn it_always_recovers_to_the_whole(
            shrinks in 0..200u64, whole: u32, floor: u32, shrink in 1..10_000u16, recover in 1..=10_000u16,
        ) {
            let points = |points| Pressure::new(points).unwrap();
            let rules = AimdRules {
                shrink: points(shrink),
                recover: points(recover),
                ..AimdRules::default()
            };
            let mut aimd = Aimd::new(rules).unwrap();
            for step in 0..shrinks {
                let _ = aimd.step(seconds(step * 10), &under(Level::High), whole, floor);
            }
            let mut share = 0;
            for step in 0..10_001 {
                let now = seconds((shrinks + step) * 10);
                let next = aimd.step(now, &under(Level::Normal), whole, floor);
                prop_assert!(next >= share);
                share = next;
            }
            prop_assert_eq!(share, whole);
        }
    }
}
