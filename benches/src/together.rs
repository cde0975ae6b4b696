//! Runs of work on one thread, and on several at once.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::{Timed, Work};

/// How long so many operations of each thread take, from when all run to the end of the last.
pub fn time(timed: &mut Timed, times: u64) -> Duration {
    match timed {
        Timed::Here(works) => time_here(works, times),
        Timed::Elsewhere(remote) => remote.run(times),
    }
}

/// How often the threads are started, until they run beside one another.
const TRIES: u32 = 10;

/// A thread is new each time, and has its first operations behind it when it begins.
const WARM_UP: u64 = 100;

/// The same of work in this process.
///
/// A machine that is busy may still run one thread after the other. Such a run is made again, a few
/// times.
pub fn time_here(works: &mut [Box<dyn Work>], times: u64) -> Duration {
    if let [work] = works {
        work.ready(times);
        let start = Instant::now();
        work.run(times);
        return start.elapsed();
    }
    let mut whole = Duration::ZERO;
    for _ in 0..TRIES {
        let spans = run_together(works, times);
        let [first, last] =
            [spans.iter().map(|span| span.0).min(), spans.iter().map(|span| span.1).max()];
        let [Some(all_begun), Some(one_done)] =
            [spans.iter().map(|span| span.0).max(), spans.iter().map(|span| span.1).min()]
        else {
            break;
        };
        whole = last.unwrap_or(one_done) - first.unwrap_or(all_begun);
        if one_done.saturating_duration_since(all_begun) > whole / 4 {
            break;
        }
    }
    whole
}

/// When each of the threads began and ended.
fn run_together(works: &mut [Box<dyn Work>], times: u64) -> Vec<(Instant, Instant)> {
    beside_one_another(works, |work, all_are_ready| {
        work.ready(WARM_UP);
        work.run(WARM_UP);
        work.ready(times);
        all_are_ready();
        let start = Instant::now();
        work.run(times);
        (start, Instant::now())
    })
}

/// Does something with each piece of work on a thread of its own. Each calls what it is given, once,
/// to wait until all others have called it too.
pub fn beside_one_another<R: Send>(
    works: &mut [Box<dyn Work>],
    run: impl Fn(&mut dyn Work, &dyn Fn()) -> R + Sync,
) -> Vec<R> {
    let (ready, threads) = (AtomicUsize::new(0), works.len());
    let all_are_ready = || {
        ready.fetch_add(1, Ordering::SeqCst);
        // A barrier that sleeps would wake one thread long after the other.
        while ready.load(Ordering::SeqCst) < threads {
            spin_loop();
        }
    };
    let run = |work: &mut Box<dyn Work>| run(&mut **work, &all_are_ready);
    thread::scope(|scope| {
        let Some((first, others)) = works.split_first_mut() else {
            return Vec::new();
        };
        let others: Vec<_> = others.iter_mut().map(|work| scope.spawn(|| run(work))).collect();
        let first = run(first);
        let others = others.into_iter().map(|other| other.join().expect("work does not panic"));
        [first].into_iter().chain(others).collect()
    })
}
