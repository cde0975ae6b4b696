//! How long single operations take, and what a look at the clock adds.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::together::beside_one_another;
use crate::{Percentiles, Work};

/// A histogram of times in nanoseconds, from 1 to ten seconds with three digits.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 10_000_000_000, 3).expect("the bounds are sound")
}

/// The percentiles of times in nanoseconds.
pub fn percentiles(times: &Histogram<u64>) -> Percentiles {
    let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|at| times.value_at_quantile(at) as f64);
    Percentiles { p50, p99, p999 }
}

/// What single operations take on each thread while all run, each with one look at the clock. It
/// ends when each thread has made so many, or has spent so much time.
pub fn single_operations(
    works: &mut [Box<dyn Work>],
    times: u64,
    at_most: Duration,
) -> Histogram<u64> {
    const BLOCK: u64 = 1024;
    let all = beside_one_another(works, |work, all_are_ready| {
        let (mut taken, mut block) = (histogram(), Block::default());
        work.ready(1);
        work.run(1);
        all_are_ready();
        let mut spent = Duration::ZERO;
        while spent < at_most && taken.len() < times {
            let next = BLOCK.min(times - taken.len());
            work.ready(next);
            spent += block.time(next as usize, || work.run(1));
            block.record(&mut taken);
        }
        taken
    });
    let mut sum = histogram();
    all.into_iter().for_each(|taken| sum += taken);
    sum
}

/// Operations between two of which nothing lies but a look at the clock.
#[derive(Debug, Default)]
pub struct Block {
    looks: Vec<Instant>,
}

impl Block {
    /// Makes so many operations; gives what they took as a whole.
    pub fn time(&mut self, operations: usize, mut operation: impl FnMut()) -> Duration {
        // The pages are there before the first look.
        self.looks.clear();
        self.looks.resize(operations + 1, Instant::now());
        let start = Instant::now();
        self.looks[0] = start;
        for look in &mut self.looks[1..] {
            operation();
            *look = Instant::now();
        }
        self.looks[operations] - start
    }

    /// Puts what each of the last operations took into a histogram.
    pub fn record(&self, taken: &mut Histogram<u64>) {
        for pair in self.looks.windows(2) {
            let nanoseconds = pair[1].duration_since(pair[0]).as_nanos() as u64;
            taken.saturating_record(nanoseconds.max(1));
        }
    }
}

/// What a look at the clock takes, in nanoseconds: the mean of many, where they took least.
pub fn clock() -> f64 {
    const LOOKS: u32 = 10_000;
    let batch = |_| {
        let start = Instant::now();
        for _ in 0..LOOKS {
            std::hint::black_box(Instant::now());
        }
        start.elapsed().as_nanos() as f64 / f64::from(LOOKS)
    };
    (0..20).map(batch).fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;

    impl Work for Nothing {
        fn run(&mut self, _times: u64) {}
    }

    #[test]
    fn percentiles_are_those_of_what_was_recorded() {
        let mut times = histogram();
        (1..=1000).for_each(|nanoseconds| times.saturating_record(nanoseconds));
        assert_eq!(percentiles(&times), Percentiles { p50: 500.0, p99: 990.0, p999: 999.0 });
    }

    #[test]
    fn every_thread_makes_its_operations() {
        let mut works: [Box<dyn Work>; 2] = [Box::new(Nothing), Box::new(Nothing)];
        let taken = single_operations(&mut works, 2000, Duration::from_secs(10));
        assert_eq!(taken.len(), 2 * 2000);
        let taken = single_operations(&mut works, 10, Duration::ZERO);
        assert_eq!(taken.len(), 0);
    }
}
