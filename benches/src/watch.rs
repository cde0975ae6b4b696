//! A thread that charges, watched while something else is done beside it.

use std::sync::atomic::{AtomicU8, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::Work;
use crate::latency::{Block, histogram};

/// How a thread gets on with charging.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pace {
    /// Charges in a second, with a look at the clock after each.
    pub rate: f64,
    /// 999 of 1000 took no longer, in nanoseconds.
    pub p999: f64,
}

/// What was seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Watched {
    /// What one operation took beside the thread that charges, in nanoseconds: the fastest.
    pub ns: f64,
    /// How that thread got on alone.
    pub alone: Pace,
    /// And beside the operation, which is done again as soon as it is done.
    pub beside: Pace,
}

/// What the charging thread is beside.
const NEITHER: u8 = 0;
const ALONE: u8 = 1;
const BESIDE: u8 = 2;
const DONE: u8 = 3;

/// What takes less, in nanoseconds, is done for so long without a pause: the charging thread would
/// hardly be seen beside one of it.
const SHORT: f64 = 1_000_000.0;

/// No round begins after so much time; there is one at least.
const AT_MOST: Duration = Duration::from_secs(8);

/// Charges between two looks at what they are beside.
const BLOCK: usize = 64;

/// Ends the charging thread, also when the operation panics.
struct End<'a>(&'a AtomicU8);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(DONE, Ordering::SeqCst);
    }
}

#[derive(Debug)]
struct Seen {
    taken: Histogram<u64>,
    time: Duration,
}

impl Seen {
    fn new() -> Self {
        Seen { taken: histogram(), time: Duration::ZERO }
    }

    fn pace(&self) -> Pace {
        let seconds = self.time.as_secs_f64();
        let rate = if seconds > 0.0 { self.taken.len() as f64 / seconds } else { 0.0 };
        Pace { rate, p999: self.taken.value_at_quantile(0.999) as f64 }
    }
}

/// Watches `charging` for so many rounds, if there is time, in each for `each` alone and as long
/// beside `operation`, which is done once at least.
pub fn watch(
    operation: &mut dyn Work,
    charging: &mut dyn Work,
    rounds: usize,
    each: Duration,
) -> Watched {
    let beside = AtomicU8::new(NEITHER);
    thread::scope(|threads| {
        let charges = threads.spawn(|| charge(charging, &beside));
        let end = End(&beside);
        let (mut fastest, mut times) = (f64::INFINITY, 1);
        let begin = Instant::now();
        for round in 0..rounds {
            if round > 0 && begin.elapsed() > AT_MOST {
                break;
            }
            beside.store(ALONE, Ordering::SeqCst);
            thread::sleep(each);
            beside.store(NEITHER, Ordering::SeqCst);
            let mut spent = Duration::ZERO;
            while spent < each {
                operation.ready(times);
                beside.store(BESIDE, Ordering::SeqCst);
                let start = Instant::now();
                operation.run(times);
                let taken = start.elapsed();
                beside.store(NEITHER, Ordering::SeqCst);
                let one = taken.as_nanos() as f64 / times as f64;
                fastest = fastest.min(one);
                times = if one < SHORT { (SHORT / one.max(1.0)) as u64 } else { 1 };
                spent += taken;
            }
        }
        drop(end);
        let [alone, beside] = charges.join().expect("charging does not panic");
        Watched { ns: fastest, alone: alone.pace(), beside: beside.pace() }
    })
}

/// Charges until it is done; gives what was seen alone and beside.
fn charge(charging: &mut dyn Work, beside: &AtomicU8) -> [Seen; 2] {
    let [mut alone, mut together] = [Seen::new(), Seen::new()];
    let mut block = Block::default();
    loop {
        let before = beside.load(Ordering::SeqCst);
        charging.ready(BLOCK as u64);
        let time = block.time(BLOCK, || charging.run(1));
        let seen = match (before, beside.load(Ordering::SeqCst)) {
            (_, DONE) => return [alone, together],
            (ALONE, ALONE) => &mut alone,
            (BESIDE, BESIDE) => &mut together,
            _ => continue,
        };
        block.record(&mut seen.taken);
        seen.time += time;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts what it does.
    #[derive(Default)]
    struct Counted(u64);

    impl Work for Counted {
        fn run(&mut self, times: u64) {
            self.0 += times;
        }
    }

    #[test]
    fn both_are_done_and_seen() {
        let (mut operation, mut charging) = (Counted::default(), Counted::default());
        let each = Duration::from_millis(5);
        let watched = watch(&mut operation, &mut charging, 2, each);
        assert!(operation.0 >= 2 && charging.0 > 0);
        assert!(watched.alone.rate > 0.0 && watched.ns.is_finite());
    }
}
