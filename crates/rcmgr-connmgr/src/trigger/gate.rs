//! Whether one cause asks for a round: thresholds, hysteresis, dwell, cooldown.

use std::time::Duration;

use super::rule::Rule;

/// The state of one cause.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gate {
    /// Since when the number has been where it begins.
    since: Option<Duration>,
    open: bool,
    /// When it may ask again.
    ready: Duration,
}

impl Gate {
    /// Takes notice of the number, and says whether the cause asks. `urgent` leaves out the dwell.
    /// Without a number it does not ask, and nothing else changes: what cannot be read counts
    /// neither way.
    pub fn look(&mut self, now: Duration, rule: &Rule, number: Option<u32>, urgent: bool) -> bool {
        let Some(number) = number else { return false };
        if number >= rule.enter {
            let since = *self.since.get_or_insert(now);
            self.open |= urgent || now.saturating_sub(since) >= rule.dwell;
        } else {
            self.since = None;
            self.open &= number >= rule.exit;
        }
        self.open && now >= self.ready
    }

    /// It was heard.
    pub fn heard(&mut self, now: Duration, rule: &Rule) {
        self.ready = now.saturating_add(rule.cooldown);
    }

    /// It may ask again once the cooldown has passed from now on, if it may not sooner.
    pub fn hasten(&mut self, now: Duration, rule: &Rule) {
        self.ready = self.ready.min(now.saturating_add(rule.cooldown));
    }

    /// When it may ask next, if the number stays.
    pub fn due(&self, rule: &Rule) -> Option<Duration> {
        match self.since {
            _ if self.open => Some(self.ready),
            Some(since) => Some(since.saturating_add(rule.dwell).max(self.ready)),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Rule = Rule {
        enter: 100,
        exit: 95,
        dwell: Duration::from_secs(2),
        cooldown: Duration::from_secs(10),
    };

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn it_asks_after_the_dwell_and_until_below_the_exit() {
        let mut gate = Gate::default();
        let numbers = [100, 99, 100, 100, 100, 95, 94, 99];
        let asks = (0..)
            .zip(numbers)
            .map(|(second, number)| gate.look(at(second), &RULE, Some(number), false));
        assert!(asks.eq([false, false, false, false, true, true, false, false]));
    }

    #[test]
    fn it_asks_once_in_its_cooldown() {
        let mut gate = Gate::default();
        assert!(gate.look(at(0), &RULE, Some(100), true));
        gate.heard(at(0), &RULE);
        assert!(!gate.look(at(9), &RULE, Some(100), true));
        assert_eq!(gate.due(&RULE), Some(at(10)));
        assert!(gate.look(at(10), &RULE, Some(97), false));
        gate.heard(Duration::MAX, &RULE);
        assert!(gate.look(Duration::MAX, &RULE, Some(100), false));
    }

    #[test]
    fn what_cannot_be_read_counts_neither_way() {
        let mut gate = Gate::default();
        assert!(!gate.look(at(0), &RULE, Some(100), false));
        assert_eq!(gate.due(&RULE), Some(at(2)));
        assert!(!gate.look(at(2), &RULE, None, true));
        assert!(gate.look(at(3), &RULE, Some(100), false));
        assert!(!gate.look(at(4), &RULE, None, false));
        assert!(gate.look(at(5), &RULE, Some(95), false));
        let _ = gate.look(at(6), &RULE, Some(0), false);
        assert_eq!(gate.due(&RULE), None);
    }
}
