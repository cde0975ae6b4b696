//! A score with its age.

use std::time::Duration;

use crate::Score;

/// The last score of a stream by one protocol, with the time it is from. It belongs beside the
/// stream in the table of whoever keeps one, so that a round reads it without looking anything up.
///
/// Scores come late or not at all, since [scorers](super::Scorers) may be slow, or hang. An old
/// score still speaks for a minute; after that the stream counts as indifferent.
///
/// ```
/// use std::time::Duration;
/// use rcmgr_connmgr::{Score, scoring::CachedScore};
///
/// let at = Duration::from_secs(100);
/// let mut cached = CachedScore::default();
/// cached.record(at, Score::new(7));
/// assert_eq!(cached.get(at + CachedScore::MOST_AGE), Score::new(7));
/// assert_eq!(cached.get(at + Duration::from_secs(61)), Score::INDIFFERENT);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CachedScore(Option<(Duration, Score)>);

impl CachedScore {
    /// For how long a score counts: 60 s.
    pub const MOST_AGE: Duration = Duration::from_secs(60);

    /// Takes a score for what was seen at `at`, unless one is known for a later time.
    pub fn record(&mut self, at: Duration, score: Score) {
        if self.0.is_none_or(|(known, _)| known <= at) {
            self.0 = Some((at, score));
        }
    }

    /// The score, or [`Score::INDIFFERENT`] when there is none that counts.
    pub fn get(&self, now: Duration) -> Score {
        match self.0 {
            Some((at, score)) if now.saturating_sub(at) <= CachedScore::MOST_AGE => score,
            _ => Score::INDIFFERENT,
        }
    }

    /// Until when it counts; `None` when there never was one.
    pub(crate) fn until(&self) -> Option<Duration> {
        self.0.map(|(at, _)| at.saturating_add(CachedScore::MOST_AGE))
    }

    /// The most that it counts at any time.
    pub(crate) fn most(&self) -> Score {
        self.0.map_or(Score::INDIFFERENT, |(_, score)| score.max(Score::INDIFFERENT))
    }

    /// How old the score is; `None` when there never was one. What is older should be scored
    /// sooner.
    pub fn age(&self, now: Duration) -> Option<Duration> {
        self.0.map(|(at, _)| now.saturating_sub(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Duration = Duration::from_secs(100);

    #[test]
    fn a_late_answer_does_not_replace_a_newer_one() {
        let mut cached = CachedScore::default();
        assert_eq!((cached.age(AT), cached.get(AT)), (None, Score::INDIFFERENT));
        cached.record(AT, Score::new(5));
        cached.record(AT - Duration::from_secs(1), Score::new(-5));
        assert_eq!(cached.get(AT), Score::new(5));
        cached.record(AT, Score::new(6));
        assert_eq!(cached.get(AT), Score::new(6));
    }

    #[test]
    fn a_clock_that_jumps_makes_a_score_fresh_or_old_and_nothing_else() {
        let mut cached = CachedScore::default();
        cached.record(AT, Score::new(5));
        assert_eq!(cached.get(Duration::ZERO), Score::new(5));
        assert_eq!(cached.age(Duration::ZERO), Some(Duration::ZERO));
        assert_eq!(cached.get(AT + CachedScore::MOST_AGE), Score::new(5));
        let after = Duration::from_nanos(1);
        assert_eq!(cached.get(AT + CachedScore::MOST_AGE + after), Score::INDIFFERENT);
        assert_eq!(cached.get(Duration::MAX), Score::INDIFFERENT);
    }
}
