//! Prints what it does to reservations that limits with ten thousand names are replaced every ten
//! milliseconds, and what replacing them takes.
//!
//! One thread reserves and releases on a stream, another publishes two prepared sets of limits in
//! turn. With and without the other thread take turns, segment by segment, so that what else the
//! machine does meets them all. A segment either counts reservations, and looks at the clock once in
//! a thousand, or looks at it after each one: the time between two looks is that of a reservation
//! with its release, and of one look, which is printed too. Nothing between the looks of one block is
//! left out, and the histogram is filled between blocks.

#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rcmgr_benches::BYTES;
use rcmgr_benches::engine::Engine;
use rcmgr_benches::reload::limits;
use rcmgr_core::{Error, Limits, Priority, ResourceManager, StreamScope};

const ROUNDS: usize = 25;
const SEGMENT: Duration = Duration::from_millis(400);
/// Between two swaps.
const EVERY: Duration = Duration::from_millis(10);
/// Reservations between two looks at the clock, where they are counted.
const BLOCK: u64 = 1_000;
/// How often the parts of a swap are timed.
const TIMES: usize = 200;

/// Puts other limits in force; called with numbers that count up.
type Swap = Box<dyn Fn(usize) + Sync>;

/// What happens to the limits meanwhile.
struct Case {
    name: &'static str,
    swap: Option<Swap>,
    /// Reservations in a second, by round.
    rates: Vec<f64>,
    /// Of a reservation with its release, in nanoseconds, by round.
    latencies: Vec<Histogram<u64>>,
}

impl Case {
    fn new(name: &'static str, swap: Option<Swap>) -> Self {
        Case { name, swap, rates: Vec::new(), latencies: Vec::new() }
    }

    fn prepared(name: &'static str, manager: &ResourceManager, limits: [&Limits; 2]) -> Self {
        let (manager, limits) = (manager.clone(), limits.map(|one| manager.prepare(one.clone())));
        Self::new(name, Some(Box::new(move |at| manager.publish(&limits[at % 2]))))
    }

    fn built(name: &'static str, manager: &ResourceManager, limits: [&Limits; 2]) -> Self {
        let (manager, limits) = (manager.clone(), limits.map(Limits::clone));
        Self::new(name, Some(Box::new(move |at| manager.set_limits(limits[at % 2].clone()))))
    }

    fn round(&mut self, stream: &StreamScope) {
        self.rates.push(self.beside_swaps(|| rate(stream)));
        self.latencies.push(self.beside_swaps(|| timed(|| reserve(stream))));
    }

    /// Runs `work` while another thread swaps.
    fn beside_swaps<R>(&self, work: impl FnOnce() -> R) -> R {
        let done = AtomicBool::new(false);
        thread::scope(|threads| {
            if let Some(swap) = &self.swap {
                let goes_on = || {
                    thread::sleep(EVERY);
                    // Relaxed: only an end is told.
                    !done.load(Ordering::Relaxed)
                };
                threads.spawn(move || (0..).take_while(|_| goes_on()).for_each(swap));
            }
            let result = work();
            done.store(true, Ordering::Relaxed);
            result
        })
    }

    /// One line of the table: of all rounds together, and the median of the rounds' ratios to those
    /// of another case, the least and the greatest.
    fn print(&self, what: &str, all: f64, to: &Case, of: impl Fn(&Case, usize) -> f64) {
        let mut ratios: Vec<_> = (0..ROUNDS).map(|at| of(self, at) / of(to, at)).collect();
        ratios.sort_by(f64::total_cmp);
        let [least, median, most] = [0, ROUNDS / 2, ROUNDS - 1].map(|at| ratios[at]);
        println!("| {} | {what} | {all:.1} | {median:.3} | {least:.3}–{most:.3} |", self.name);
    }

    fn print_all(&self, to: &Case) {
        let rate = self.rates.iter().sum::<f64>() / ROUNDS as f64;
        self.print("a second, in thousands", rate / 1e3, to, |case, at| case.rates[at]);
        let mut all = histogram();
        self.latencies.iter().for_each(|round| all += round);
        for (what, quantile) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)] {
            let of = |times: &Histogram<u64>| times.value_at_quantile(quantile) as f64;
            self.print(&format!("{what}, ns"), of(&all), to, |case, at| of(&case.latencies[at]));
        }
    }
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 10_000_000_000, 3).expect("the bounds are sound")
}

fn reserve(stream: &StreamScope) {
    let reservation = black_box(stream).reserve_memory(black_box(BYTES), Priority::HIGH);
    drop(black_box(reservation).expect("there is room"));
}

/// Reservations in a second.
fn rate(stream: &StreamScope) -> f64 {
    let (start, mut count) = (Instant::now(), 0);
    loop {
        for _ in 0..BLOCK {
            reserve(stream);
        }
        count += BLOCK;
        let taken = start.elapsed();
        if taken >= SEGMENT {
            return count as f64 / taken.as_secs_f64();
        }
    }
}

/// What `work` takes, each time with one look at the clock.
fn timed(work: impl Fn()) -> Histogram<u64> {
    let (start, mut times) = (Instant::now(), histogram());
    let mut looks = [start; 1025];
    while looks[1024].duration_since(start) < SEGMENT {
        looks[0] = Instant::now();
        for look in &mut looks[1..] {
            work();
            *look = Instant::now();
        }
        for pair in looks.windows(2) {
            let taken = pair[1].duration_since(pair[0]).as_nanos() as u64;
            times.saturating_record(taken.max(1));
        }
    }
    times
}

/// What a swap consists of, each timed alone.
struct Part {
    name: &'static str,
    times: Histogram<u64>,
}

impl Part {
    fn new(name: &'static str) -> Self {
        Part { name, times: histogram() }
    }

    fn time<R>(&mut self, part: impl FnOnce() -> R) -> R {
        let start = Instant::now();
        let result = part();
        self.times.saturating_record(start.elapsed().as_nanos() as u64);
        result
    }
}

/// Times the parts of a swap from `now` to `next`.
fn time_swaps(title: &str, now: &Limits, next: &Limits) -> Result<(), Error> {
    let manager = ResourceManager::new(now.clone());
    let stream = Engine::stream(&manager)?;
    let now = manager.prepare(now.clone());
    let [mut build, mut publish, mut free, mut whole, mut first] = [
        "building",
        "publishing",
        "freeing the old one",
        "`set_limits`: all of these",
        "the first reservation after it",
    ]
    .map(Part::new);
    for _ in 0..TIMES {
        manager.publish(&now);
        let limits = next.clone();
        let prepared = build.time(|| manager.prepare(limits));
        publish.time(|| manager.publish(&prepared));
        manager.publish(&now);
        free.time(|| drop(prepared));
        // Two that nobody else has: the first is freed by the second swap.
        manager.set_limits(Limits::clone(now.limits()));
        let limits = next.clone();
        whole.time(|| manager.set_limits(limits));
        // And two of which this thread, by its use of the stream, keeps the first.
        manager.set_limits(Limits::clone(now.limits()));
        reserve(&stream);
        manager.set_limits(next.clone());
        first.time(|| reserve(&stream));
    }
    for part in [build, publish, free, whole, first] {
        let [median, most] = [0.5, 1.0].map(|at| part.times.value_at_quantile(at) as f64 / 1e3);
        println!("| {title} | {} | {median:.1} | {most:.1} |", part.name);
    }
    Ok(())
}

fn main() -> Result<(), Error> {
    let [now, same, others] = [("a", 0), ("a", 1), ("b", 1)].map(|(set, spare)| limits(set, spare));
    let manager = ResourceManager::new(now.clone());
    let stream = Engine::stream(&manager)?;
    let mut cases = [
        Case::new("no swaps", None),
        Case::prepared("prepared, the same names", &manager, [&same, &now]),
        Case::prepared("prepared, other names", &manager, [&others, &now]),
        Case::built("built meanwhile, other names", &manager, [&others, &now]),
    ];
    for round in 0..ROUNDS {
        // Each round begins with another case.
        for at in 0..cases.len() {
            cases[(round + at) % cases.len()].round(&stream);
        }
    }

    println!("| swaps | of a reservation | all rounds | to no swaps | in single rounds |");
    println!("|---|---|---:|---:|---:|");
    for case in &cases {
        case.print_all(&cases[0]);
    }
    println!("\nA look at the clock: {} ns.\n", timed(|| {}).value_at_quantile(0.5));

    println!("| swap to | part | µs | max |\n|---|---|---:|---:|");
    time_swaps("the same names", &now, &same)?;
    time_swaps("other names", &now, &others)
}
