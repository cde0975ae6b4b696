//! A moment that fits into the word of a lease.

use std::time::Duration;

/// So many nanoseconds after the caller's start, at most 2^62 − 1: 146 years. Later is the same as that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub u64);

impl Moment {
    pub const BITS: u32 = 62;
    pub const LAST: Moment = Moment((1 << Moment::BITS) - 1);

    pub fn after(self, length: Duration) -> Moment {
        let length = u64::try_from(length.as_nanos()).unwrap_or(u64::MAX);
        Moment(self.0.saturating_add(length)).min(Moment::LAST)
    }
}

impl From<Duration> for Moment {
    fn from(since_start: Duration) -> Moment {
        Moment(0).after(since_start)
    }
}

impl From<Moment> for Duration {
    fn from(moment: Moment) -> Duration {
        Duration::from_nanos(moment.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_later_than_the_last_moment_is_the_last() {
        assert_eq!(Moment::from(Duration::MAX), Moment::LAST);
        assert_eq!(Moment::LAST.after(Duration::from_nanos(1)), Moment::LAST);
        let moment = Moment::from(Duration::from_secs(1)).after(Duration::from_nanos(5));
        assert_eq!(Duration::from(moment), Duration::new(1, 5));
    }
}
