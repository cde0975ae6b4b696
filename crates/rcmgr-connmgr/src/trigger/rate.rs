//! How fast connections come, against how fast they used to.

use std::time::Duration;

/// Over how many seconds each average goes.
const FAST: u64 = 10;
const SLOW: u64 = 300;
/// After so many seconds without a look nothing is left of either.
const FORGOTTEN: u64 = 10 * SLOW;
/// The fraction bits of an average.
const ONE: u32 = 16;
/// A node that was as good as idle is taken for one that got a connection each second.
const LEAST: u64 = 1 << ONE;

/// Two exponential averages of new connections per second, one of the last seconds and one of the
/// last minutes.
#[derive(Clone, Debug, Default)]
pub(super) struct Rate {
    /// The second that is being counted.
    second: u64,
    count: u32,
    fast: u64,
    slow: u64,
}

impl Rate {
    /// Takes notice of new connections.
    pub fn opened(&mut self, now: Duration, connections: u32) {
        self.go_on(now);
        self.count = self.count.saturating_add(connections);
    }

    /// The rate of the last seconds by that of the last minutes, in basis points.
    pub fn ratio(&mut self, now: Duration) -> u32 {
        self.go_on(now);
        let ratio = u128::from(self.fast) * 10_000 / u128::from(self.slow.max(LEAST));
        u32::try_from(ratio).unwrap_or(u32::MAX)
    }

    /// Averages the seconds that have passed. A time before the last one is in its second.
    fn go_on(&mut self, now: Duration) {
        let passed = now.as_secs().saturating_sub(self.second);
        if passed > FORGOTTEN {
            *self = Rate { second: now.as_secs(), ..Rate::default() };
        }
        while self.second < now.as_secs() {
            let count = u64::from(std::mem::take(&mut self.count)) << ONE;
            self.fast = average(self.fast, count, FAST);
            self.slow = average(self.slow, count, SLOW);
            self.second += 1;
        }
    }
}

fn average(before: u64, now: u64, over: u64) -> u64 {
    before - before / over + now / over
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ratio after each second with so many connections.
    fn ratios(rate: &mut Rate, from: u64, counts: impl IntoIterator<Item = u32>) -> Vec<u32> {
        let step = |(second, count)| {
            rate.opened(Duration::from_secs(second), count);
            rate.ratio(Duration::from_secs(second + 1))
        };
        (from..).zip(counts).map(step).collect()
    }

    #[test]
    fn a_steady_rate_is_no_spike_once_it_has_lasted() {
        let mut rate = Rate::default();
        let steady = ratios(&mut rate, 0, [20; 3000]);
        assert!(steady[2000..].iter().all(|ratio| (9900..10_100).contains(ratio)));
        let spike = ratios(&mut rate, 3000, [200; 30]);
        assert!(spike.iter().any(|ratio| *ratio > 40_000));
        let calm = ratios(&mut rate, 3030, [20; 60]);
        assert!(calm[59] < 10_000);
    }

    #[test]
    fn a_few_connections_of_an_idle_node_are_no_spike() {
        let mut rate = Rate::default();
        assert!(ratios(&mut rate, 0, [3; 60]).iter().all(|ratio| *ratio < 40_000));
    }

    #[test]
    fn clocks_that_jump_are_survived() {
        let mut rate = Rate::default();
        let _ = ratios(&mut rate, 0, [50; 100]);
        rate.opened(Duration::ZERO, u32::MAX);
        rate.opened(Duration::ZERO, u32::MAX);
        assert!(rate.ratio(Duration::from_secs(101)) > 40_000);
        assert_eq!(rate.ratio(Duration::MAX), 0);
        assert_eq!(rate.ratio(Duration::ZERO), 0);
    }
}
