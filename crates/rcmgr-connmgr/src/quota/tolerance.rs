//! Time to adjust: a maximum that was lowered counts only after a while.

use std::time::Duration;

/// How many lowerings are told apart. While a node is under pressure its share shrinks every 10 s,
/// so few fall within the time to adjust; of more, the last ones have to be met together.
const MOST: usize = 8;

/// The maxima that were in force lately, and until when each is tolerated. Later ones are lower
/// and are tolerated longer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tolerance(Vec<(u32, Duration)>);

impl Tolerance {
    /// Tolerates `max`, which was in force until `now`, until `by`. Neither time is before that of
    /// an earlier call.
    pub fn lowered(&mut self, max: u32, now: Duration, by: Duration) {
        self.0.retain(|(before, until)| *until > now && *before > max);
        if self.0.len() < MOST {
            self.0.push((max, by));
        }
    }

    /// The most that is no offence, if `max` is in force.
    pub fn most(&self, max: u32, now: Duration) -> u32 {
        let tolerated = self.0.iter().find(|(_, until)| *until > now);
        tolerated.map_or(max, |(before, _)| max.max(*before))
    }

    /// By when `max`, which is in force, has to be met; `None` if it has to be already.
    pub fn adjust_by(&self, max: u32, now: Duration) -> Option<Duration> {
        let last = self.0.iter().rfind(|(before, _)| *before > max);
        last.map(|(_, until)| *until).filter(|until| *until > now)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn each_lowering_has_its_own_time() {
        let mut tolerance = Tolerance::default();
        assert_eq!(
            (tolerance.most(100, seconds(0)), tolerance.adjust_by(100, seconds(0))),
            (100, None)
        );
        tolerance.lowered(100, seconds(0), seconds(30));
        tolerance.lowered(90, seconds(10), seconds(40));
        let at = |now| (tolerance.most(80, seconds(now)), tolerance.adjust_by(80, seconds(now)));
        assert_eq!(at(29), (100, Some(seconds(40))));
        assert_eq!(at(30), (90, Some(seconds(40))));
        assert_eq!(at(40), (80, None));
    }

    #[test]
    fn a_maximum_that_is_raised_again_leaves_nothing_to_adjust() {
        let mut tolerance = Tolerance::default();
        tolerance.lowered(100, seconds(0), seconds(30));
        assert_eq!(tolerance.adjust_by(100, seconds(1)), None);
        assert_eq!(tolerance.most(120, seconds(1)), 120);
        assert_eq!(tolerance.most(60, seconds(1)), 100);
    }

    proptest! {
        #[test]
        fn what_was_in_force_within_the_time_is_tolerated(
            start in 0u32..50,
            changes in prop::collection::vec((0u64..12, 0u32..50), 0..8),
            look in 0u64..60,
        ) {
            let (mut now, mut max) = (Duration::ZERO, start);
            let mut tolerance = Tolerance::default();
            let mut ended = vec![];
            for (pause, next) in changes {
                now += seconds(pause);
                if next < max {
                    tolerance.lowered(max, now, now + seconds(30));
                    ended.push((max, now + seconds(30)));
                }
                max = next;
            }
            now += seconds(look);
            ended.retain(|(before, until)| *until > now && *before > max);
            let most = ended.iter().map(|(before, _)| *before).max();
            prop_assert_eq!(tolerance.most(max, now), most.unwrap_or(max));
            let by = ended.iter().map(|(_, until)| *until).max();
            prop_assert_eq!(tolerance.adjust_by(max, now), by);
        }

        #[test]
        fn however_often_it_is_lowered_the_time_is_bounded(pauses in prop::collection::vec(0u64..5, 0..60)) {
            let (mut now, mut max) = (Duration::ZERO, 1000);
            let mut tolerance = Tolerance::default();
            for pause in pauses {
                now += seconds(pause);
                tolerance.lowered(max, now, now + seconds(30));
                max -= 1;
                prop_assert!(tolerance.0.len() <= MOST);
                prop_assert!(tolerance.adjust_by(max, now).is_some_and(|by| by <= now + seconds(30)));
            }
            prop_assert_eq!(tolerance.most(max, now + seconds(30)), max);
        }
    }
}
