//! Counts reservations that are refused because of another that never had a chance.
//!
//! Two streams of one peer, on a thread each. One asks for more than the system has, for ever: it
//! is doomed from the start. The other asks for little, which every scope has room for. The peer has
//! room for either of them and not for both, so who charges the peer before it asks the system
//! makes the other one fail.
//!
//! Prints how many of 300,000 of the latter were refused, and what one costs alone, beside the doomed
//! thread, and beside a thread that asks for as little and succeeds. The three take turns, batch by
//! batch, and the median batch of each counts. A batch in which the machine has stopped one of the
//! threads is made again, a few times. Exits with 1 if the engine refused more than 3, with exact counts or
//! with granules.

#![allow(clippy::print_stdout)]

use std::hint::{black_box, spin_loop};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rcmgr_benches::engine::{Engine, InGranules};
use rcmgr_benches::mutexes::Mutexes;
use rcmgr_benches::one_lock::OneLock;
use rcmgr_benches::stream::{LARGE, Room, SCOPES, Stream};
use rcmgr_benches::{BYTES, Peers};
use rcmgr_core::{Priority, ScopeId};

/// Reservations beside the doomed thread.
const RESERVATIONS: u64 = 300_000;
const BATCH: u64 = 1_000;
/// How many of them may be refused.
const MAY_BE_REFUSED: u64 = 3;
/// Of two threads that ran beside one another none made so many times more than the other; else
/// the machine has stopped one of them.
const BESIDE: u64 = 8;
/// How often a batch is made, until two threads run beside one another.
const TRIES: u32 = 100;

/// What the other thread asks for, if there is one.
#[derive(Clone, Copy)]
enum Other {
    None,
    Doomed,
    Succeeds,
}

#[derive(Default)]
struct Batches {
    times: Vec<Duration>,
    refused: u64,
}

impl Batches {
    /// Of one reservation and its release.
    fn nanoseconds(&mut self) -> f64 {
        self.times.sort_unstable();
        self.times[self.times.len() / 2].as_nanos() as f64 / BATCH as f64
    }
}

/// One batch; how long it took and how many were refused.
fn batch(stream: &impl Stream) -> (Duration, u64) {
    let start = Instant::now();
    let refused =
        (0..BATCH).filter(|_| !black_box(stream).reserve_release(black_box(BYTES))).count();
    (start.elapsed(), refused as u64)
}

/// One batch beside another thread.
fn batch_beside(streams: &[impl Stream], bytes: u64) -> (Duration, u64) {
    let [stream, other] = [&streams[0], &streams[1]];
    // Relaxed: they tell of nothing but themselves.
    let (made, stop) = (AtomicU64::new(0), AtomicBool::new(false));
    thread::scope(|threads| {
        threads.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                black_box(black_box(other).reserve_release(black_box(bytes)));
                made.fetch_add(1, Ordering::Relaxed);
            }
        });
        while made.load(Ordering::Relaxed) == 0 {
            spin_loop();
        }
        let mut tries = 0..TRIES;
        let done = loop {
            let before = made.load(Ordering::Relaxed);
            let done = batch(stream);
            let beside = made.load(Ordering::Relaxed) - before;
            if (BATCH / BESIDE..=BATCH * BESIDE).contains(&beside) || tries.next().is_none() {
                break done;
            }
        };
        stop.store(true, Ordering::Relaxed);
        done
    })
}

/// Makes the experiment with one way of accounting; gives how many were refused beside the doomed
/// thread.
fn measure<C: Stream>() -> u64 {
    let streams = C::streams(Room::NotForLargeInSystem, 2, Peers::Shared);
    let streams = streams.expect("all but the floor know of limits");
    assert!(streams[0].reserve_release(BYTES) && !streams[1].reserve_release(LARGE));
    let others = [Other::None, Other::Doomed, Other::Succeeds];
    let mut all = others.map(|_| Batches::default());
    for _ in 0..RESERVATIONS / BATCH {
        for (other, batches) in others.into_iter().zip(&mut all) {
            let (time, refused) = match other {
                Other::None => batch(&streams[0]),
                Other::Doomed => batch_beside(&streams, LARGE),
                Other::Succeeds => batch_beside(&streams, BYTES),
            };
            batches.times.push(time);
            batches.refused += refused;
        }
    }
    let [alone, doomed, succeeds] = all.each_mut().map(Batches::nanoseconds);
    let [_, Batches { refused, .. }, _] = all;
    println!(
        "| {} | {refused} | {alone:.0} | {doomed:.0} ({:.2}) | {succeeds:.0} ({:.2}) |",
        C::NAME,
        doomed / alone,
        succeeds / alone,
    );
    refused
}

/// Whether the engine refuses the doomed reservation where the experiment wants it.
fn is_doomed_by_system() -> bool {
    let manager = Engine::manager(Room::NotForLargeInSystem);
    let stream = Engine::stream(&manager).expect("there is room for the stream");
    let refused = stream.reserve_memory(LARGE, Priority::HIGH).expect_err("it is doomed");
    *refused.scope() == ScopeId::System
}

fn main() -> ExitCode {
    assert!(is_doomed_by_system(), "another scope refuses first");
    println!("| | refused of {RESERVATIONS} | ns alone | beside the doomed | beside a success |");
    println!("|---|---:|---:|---:|---:|");
    let refused = measure::<Engine>().max(measure::<InGranules>());
    measure::<Mutexes<SCOPES>>();
    measure::<OneLock<SCOPES>>();
    if refused <= MAY_BE_REFUSED { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
