//! How near the end of something is.

use std::fmt;

/// How much of something is used up: a part from 0 to 1, in basis points (0 to 10,000).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pressure(u16);

impl Pressure {
    /// Nothing is.
    pub const NONE: Pressure = Pressure(0);
    /// All is.
    pub const FULL: Pressure = Pressure(10_000);

    /// So many basis points; none if they are more than 10,000.
    pub const fn new(basis_points: u16) -> Option<Pressure> {
        if basis_points <= Pressure::FULL.0 { Some(Pressure(basis_points)) } else { None }
    }

    /// So many percent, for constants.
    pub(crate) const fn percent(percent: u16) -> Pressure {
        match percent.checked_mul(100) {
            Some(points) if points <= Pressure::FULL.0 => Pressure(points),
            _ => panic!("only parts of a whole are given, while this is compiled"),
        }
    }

    /// A part of a limit, rounded down; full if more than the limit is used, or there is none to use.
    ///
    /// ```
    /// use rcmgr_connmgr::sense::Pressure;
    ///
    /// assert_eq!(Pressure::of(1, 8).get(), 1250);
    /// assert_eq!(Pressure::of(9, 8), Pressure::FULL);
    /// ```
    pub fn of(used: u64, limit: u64) -> Pressure {
        if used >= limit {
            return Pressure::FULL;
        }
        let points = u128::from(used) * u128::from(Pressure::FULL.0) / u128::from(limit);
        u16::try_from(points).map_or(Pressure::FULL, Pressure)
    }

    /// The basis points.
    pub const fn get(self) -> u16 {
        self.0
    }

    /// So much less, at least nothing.
    pub(crate) const fn less(self, by: Pressure) -> Pressure {
        Pressure(self.0.saturating_sub(by.0))
    }

    /// The pressure of a part, by straight lines from nothing at 0 through points of part and
    /// pressure. Both grow from point to point; after the last one it stays as it is there.
    pub(crate) fn along(points: &[(Pressure, Pressure)], part: Pressure) -> Pressure {
        let mut from = (Pressure::NONE, Pressure::NONE);
        for &to in points {
            if part < to.0 {
                let (run, rise) = (to.0.less(from.0), to.1.less(from.1));
                let up = u32::from(rise.0) * u32::from(part.less(from.0).0) / u32::from(run.0);
                return Pressure(from.1.0.saturating_add(up as u16));
            }
            from = to;
        }
        from.1
    }
}

/// As a number from 0 to 1, such as `0.8500`.
impl fmt::Display for Pressure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:04}", self.0 / Pressure::FULL.0, self.0 % Pressure::FULL.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_part_of_a_limit_is_rounded_down() {
        assert_eq!(Pressure::of(2, 3).get(), 6666);
        assert_eq!(Pressure::of(0, 1), Pressure::NONE);
        assert_eq!(Pressure::of(u64::MAX - 1, u64::MAX).get(), 9999);
        for (used, limit) in [(0, 0), (5, 0), (5, 5), (u64::MAX, 1)] {
            assert_eq!(Pressure::of(used, limit), Pressure::FULL, "{used} of {limit}");
        }
    }

    #[test]
    fn what_is_no_part_is_none() {
        assert_eq!(Pressure::new(10_000), Some(Pressure::FULL));
        assert_eq!(Pressure::new(10_001), None);
    }

    #[test]
    fn it_is_shown_as_a_number() {
        let shown = [Pressure::NONE, Pressure::percent(85), Pressure::FULL];
        assert_eq!(shown.map(|pressure| pressure.to_string()), ["0.0000", "0.8500", "1.0000"]);
    }

    #[test]
    fn lines_meet_their_points() {
        let points = [(Pressure(100), Pressure(7000)), (Pressure(200), Pressure(8000))];
        let along = |part| Pressure::along(&points, Pressure(part)).get();
        assert_eq!(
            [0, 50, 99, 100, 150, 200, 10_000].map(along),
            [0, 3500, 6930, 7000, 7500, 8000, 8000]
        );
    }

    proptest! {
        #[test]
        fn who_uses_more_is_under_no_less_pressure(used: u64, more: u64, limit: u64) {
            prop_assert!(Pressure::of(used, limit) <= Pressure::of(used.saturating_add(more), limit));
        }

        #[test]
        fn lines_that_grow_are_monotonic(
            mut at in prop::array::uniform3(0..=10_000u16),
            mut to in prop::array::uniform3(0..=10_000u16),
            one in 0..=10_000u16,
            other in 0..=10_000u16,
        ) {
            at.sort_unstable();
            to.sort_unstable();
            let points: Vec<_> = at.map(Pressure).into_iter().zip(to.map(Pressure)).collect();
            let along = |part| Pressure::along(&points, Pressure(part));
            prop_assert!(along(one.min(other)) <= along(one.max(other)));
        }
    }
}
