//! What a stream or a connection is worth.

/// A worth from −1000 to 1000; 0 says neither good nor bad.
///
/// No score says "never close": for that there are locks and protection, which have budgets.
///
/// ```
/// use rcmgr_connmgr::Score;
///
/// assert_eq!(Score::new(5_000), Score::BEST);
/// assert_eq!(Score::new(-7).get(), -7);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Score(i16);

impl Score {
    /// The least.
    pub const WORST: Score = Score(-1000);
    /// Neither good nor bad; that of whatever nobody scored.
    pub const INDIFFERENT: Score = Score(0);
    /// The greatest.
    pub const BEST: Score = Score(1000);

    /// A score, or the bound that is next to it.
    pub const fn new(score: i64) -> Score {
        if score <= Score::WORST.0 as i64 {
            Score::WORST
        } else if score >= Score::BEST.0 as i64 {
            Score::BEST
        } else {
            Score(score as i16)
        }
    }

    /// Its number, from −1000 to 1000.
    pub const fn get(self) -> i16 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_is_kept_within_its_bounds() {
        for (asked, got) in
            [(i64::MIN, -1000), (-1001, -1000), (-999, -999), (0, 0), (999, 999), (i64::MAX, 1000)]
        {
            assert_eq!(Score::new(asked).get(), got);
        }
        assert_eq!(Score::default(), Score::INDIFFERENT);
    }
}
