//! Prints what each contender takes, and the ratio to the floor, as a table.
//!
//! The contenders take turns, round by round, so that what else the machine does meets them all.
//! A round is a few runs, of which the median counts. Of the rounds on one thread the fastest
//! counts; on two threads the median again, since the fastest are those in which one of them was
//! kept waiting by the machine and the other ran alone.
//!
//! `ratios repeat <contender> <room> <times>` only makes so many reservations, for tools that count
//! instructions or take samples.

#![allow(clippy::print_stdout)]

use std::env;
use std::time::Duration;

use rcmgr_benches::pair::{time_alone, time_together};
use rcmgr_benches::{Contender, Engine, Floor, Mutexes, OneLock, Room};

const ROUNDS: usize = 25;
const RUNS: usize = 5;
/// Reservations in one run.
const TIMES: u64 = 50_000;

/// One contender at one kind of work.
struct Case {
    name: &'static str,
    run: Box<dyn Fn() -> Duration>,
    /// Of each round, its median.
    rounds: Vec<Duration>,
}

impl Case {
    fn new(name: &'static str, run: impl Fn() -> Duration + 'static) -> Self {
        Case { name, run: Box::new(run), rounds: Vec::new() }
    }

    fn round(&mut self) {
        let mut runs: [Duration; RUNS] = std::array::from_fn(|_| (self.run)());
        runs.sort();
        self.rounds.push(runs[RUNS / 2]);
    }
}

/// All contenders at one kind of work, those that can do it.
struct Work {
    title: &'static str,
    cases: Vec<Case>,
    /// Which of the sorted rounds counts.
    counts: usize,
}

impl Work {
    fn nanoseconds(&self, case: &Case) -> f64 {
        let mut rounds = case.rounds.clone();
        rounds.sort();
        rounds[self.counts].as_nanos() as f64 / TIMES as f64
    }

    fn floor(&self) -> Option<f64> {
        let floor = self.cases.iter().find(|case| case.name == Floor::NAME)?;
        Some(self.nanoseconds(floor))
    }
}

fn alone(title: &'static str, room: Room) -> Work {
    fn case<C: Contender>(room: Room) -> Option<Case> {
        let [stream, _other] = C::streams(room)?;
        Some(Case::new(C::NAME, move || time_alone(&stream, TIMES)))
    }
    let cases = [case::<Floor>, case::<Engine>, case::<Mutexes>, case::<OneLock>];
    let cases = cases.into_iter().filter_map(|case| case(room)).collect();
    Work { title, cases, counts: 0 }
}

fn together(title: &'static str) -> Work {
    fn case<C: Contender>() -> Option<Case> {
        let streams = C::streams(Room::Ample)?;
        Some(Case::new(C::NAME, move || time_together(&streams, TIMES)))
    }
    let cases = [case::<Floor>, case::<Engine>, case::<Mutexes>, case::<OneLock>];
    let cases = cases.into_iter().filter_map(|case| case()).collect();
    Work { title, cases, counts: ROUNDS / 2 }
}

fn measure() {
    let mut works = [
        alone("admitted, one thread", Room::Ample),
        together("admitted, two threads"),
        alone("refused by the system", Room::NoneInSystem),
        alone("refused by the stream", Room::NoneInStream),
    ];
    for _ in 0..ROUNDS {
        for case in works.iter_mut().flat_map(|work| &mut work.cases) {
            case.round();
        }
    }

    println!("| work | contender | ns | to the floor |");
    println!("|---|---|---:|---:|");
    // What refuses has no floor of its own, and is held against that of what is admitted.
    let alone = works[0].floor();
    for work in &works {
        let floor = work.floor().or(alone).unwrap_or(f64::NAN);
        for case in &work.cases {
            let (title, name, time) = (work.title, case.name, work.nanoseconds(case));
            println!("| {title} | {name} | {time:.1} | {:.2} |", time / floor);
        }
    }
}

/// Makes reservations by one contender; `None` if there is no such contender or room.
fn repeat(contender: &str, room: &str, times: u64) -> Option<Duration> {
    fn by<C: Contender>(room: Room, times: u64) -> Option<Duration> {
        let [stream, _other] = C::streams(room)?;
        Some(time_alone(&stream, times))
    }
    let room = match room {
        "ample" => Room::Ample,
        "none-in-system" => Room::NoneInSystem,
        "none-in-stream" => Room::NoneInStream,
        _ => return None,
    };
    match contender {
        "floor" => by::<Floor>(room, times),
        "engine" => by::<Engine>(room, times),
        "mutexes" => by::<Mutexes>(room, times),
        "one-lock" => by::<OneLock>(room, times),
        _ => None,
    }
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [mode, contender, room, times] = &*arguments else {
        return measure();
    };
    let times = times.parse().expect("the last argument is a number of times");
    let taken = repeat(contender, room, times).filter(|_| mode == "repeat");
    println!("{:?}", taken.expect("the arguments are as the head of this file says"));
}
