//! One signal: what a sensor said last, and for how long that counts.

use std::time::Duration;

use super::{Pressure, SenseRules};

/// What the last reading of a sensor is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quality {
    /// It counts.
    Fresh,
    /// It was some time ago, or the sensor cannot be read any more. It raises no level, and no level
    /// falls that it called for.
    Stale,
    /// There is none, or it is too old to mean anything. It counts neither way.
    Unavailable,
}

/// What a sensor said last, and whether it could be read since.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Signal {
    last: Option<(Duration, Pressure)>,
    failed: bool,
}

impl Signal {
    /// Takes a reading, or notice that there is none.
    pub fn take(&mut self, now: Duration, reading: Option<Pressure>) {
        self.failed = reading.is_none();
        self.last = reading.map(|pressure| (now, pressure)).or(self.last);
    }

    /// There is nothing to sense any more.
    pub fn clear(&mut self) {
        *self = Signal::default();
    }

    pub fn quality(&self, now: Duration, rules: &SenseRules) -> Quality {
        let Some((at, _)) = self.last else { return Quality::Unavailable };
        match now.saturating_sub(at) {
            age if age <= rules.fresh_for && !self.failed => Quality::Fresh,
            age if age <= rules.forget_after => Quality::Stale,
            _ => Quality::Unavailable,
        }
    }

    /// What it says, if that is fresh.
    pub fn fresh(&self, now: Duration, rules: &SenseRules) -> Option<Pressure> {
        self.known(now, rules).filter(|_| self.quality(now, rules) == Quality::Fresh)
    }

    /// What it says, fresh or stale.
    pub fn known(&self, now: Duration, rules: &SenseRules) -> Option<Pressure> {
        let known = self.quality(now, rules) != Quality::Unavailable;
        self.last.map(|(_, pressure)| pressure).filter(|_| known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_is_fresh_then_stale_then_forgotten() {
        let rules = SenseRules::default();
        let seconds = Duration::from_secs;
        let mut signal = Signal::default();
        assert_eq!(signal.quality(seconds(0), &rules), Quality::Unavailable);
        signal.take(seconds(100), Some(Pressure::FULL));
        for (second, quality) in [
            (100, Quality::Fresh),
            (120, Quality::Fresh),
            (121, Quality::Stale),
            (700, Quality::Stale),
            (701, Quality::Unavailable),
        ] {
            assert_eq!(signal.quality(seconds(second), &rules), quality, "{second}");
            let fresh = signal.fresh(seconds(second), &rules).is_some();
            let known = signal.known(seconds(second), &rules).is_some();
            assert_eq!(
                (fresh, known),
                (quality == Quality::Fresh, quality != Quality::Unavailable)
            );
        }
    }

    #[test]
    fn what_cannot_be_read_is_stale_at_once() {
        let rules = SenseRules::default();
        let now = Duration::from_secs(1);
        let mut signal = Signal::default();
        signal.take(now, None);
        assert_eq!(signal.quality(now, &rules), Quality::Unavailable);
        signal.take(now, Some(Pressure::FULL));
        signal.take(now, None);
        assert_eq!(signal.known(now, &rules), Some(Pressure::FULL));
        assert_eq!(signal.fresh(now, &rules), None);
        signal.take(now, Some(Pressure::NONE));
        assert_eq!(signal.fresh(now, &rules), Some(Pressure::NONE));
        signal.clear();
        assert_eq!(signal.known(now, &rules), None);
    }
}
