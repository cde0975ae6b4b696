//! Runs of the workload, on one thread and on two.

use std::hint::{black_box, spin_loop};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::{BYTES, Contender};

/// How long one stream takes for so many reservations.
pub fn time_alone(stream: &impl Contender, times: u64) -> Duration {
    let start = Instant::now();
    work(stream, times);
    start.elapsed()
}

/// How long two streams take, on a thread each, from the start of the first to the end of the
/// last of them. Each makes so many reservations. They begin when both are running.
///
/// A machine that is busy may still run one after the other. Such a run is made again, a few times.
pub fn time_together(streams: &[impl Contender; 2], times: u64) -> Duration {
    let mut whole = Duration::ZERO;
    for _ in 0..TRIES {
        let [(start, end), (other_start, other_end)] = run_together(streams, times);
        let both = end.min(other_end).saturating_duration_since(start.max(other_start));
        whole = end.max(other_end) - start.min(other_start);
        if both > whole / 4 {
            break;
        }
    }
    whole
}

/// How often two threads are started, until they run beside one another.
const TRIES: u32 = 100;

/// When each of two threads began and ended.
fn run_together(streams: &[impl Contender; 2], times: u64) -> [(Instant, Instant); 2] {
    let ready = AtomicU32::new(0);
    let run = |stream| {
        work(stream, WARM_UP);
        ready.fetch_add(1, Ordering::SeqCst);
        // A barrier that sleeps would wake one thread long after the other.
        while ready.load(Ordering::SeqCst) < 2 {
            spin_loop();
        }
        let start = Instant::now();
        work(stream, times);
        (start, Instant::now())
    };
    let [first, second] = streams;
    thread::scope(|threads| {
        let second = threads.spawn(|| run(second));
        [run(first), second.join().expect("the workload does not panic")]
    })
}

/// The second thread is new each time, and has its first reservation behind it when it begins.
const WARM_UP: u64 = 100;

fn work(stream: &impl Contender, times: u64) {
    for _ in 0..times {
        black_box(black_box(stream).reserve_release(black_box(BYTES)));
    }
}
