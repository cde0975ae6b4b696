//! Floods a manager from a million addresses, and from a hundred thousand IPv6 /48, and prints what
//! one admission takes meanwhile and what memory stays.
//!
//! Each flood is a million connections from as many subnets, under the default limits and rates by
//! address: held all at once, or dropped at once, or refused because the system is full. The time
//! of an admission is the median over blocks of a hundred, for each tenth of the flood; the mean
//! beside it has in it what the maps take to grow. `blocks at most` is the slowest block.
//!
//! `flood <connections>` makes the floods as large as that. Exits with 1 if more than 16 MiB stay
//! after collection, if an entry stays that nothing is counted in, or if there are more buckets than
//! the limits allow. That the time stays within twice that of the first tenth is told, and not
//! enforced: another process may have made it longer.

#![allow(clippy::print_stdout)]

use std::env;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use rcmgr_benches::allocator::CountingAllocator;
use rcmgr_benches::flood::{Family, collect};
use rcmgr_core::{
    ConnectionRates, ConnectionRequest, ConnectionScope, Limit, Limits, Resource, ResourceManager,
    ScopeLimit,
};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const CONNECTIONS: u32 = 1_000_000;
const TENTHS: u32 = 10;
/// Connections that are timed as one.
const BLOCK: u32 = 100;
/// What may stay allocated after collection.
const MAY_STAY: i64 = 16 << 20;
/// How much longer than in the first tenth an admission may take.
const MAY_SLOW: f64 = 2.0;

/// What becomes of each connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Held,
    Dropped,
    Refused,
}

/// A flood that is under way.
struct Flood {
    manager: ResourceManager,
    family: Family,
    fate: Fate,
    held: Vec<ConnectionScope>,
}

/// What one tenth took, in nanoseconds for each connection.
struct Tenth {
    median: f64,
    mean: f64,
    longest: f64,
}

/// What there was at some moment.
#[derive(Clone, Copy)]
struct State {
    entries: usize,
    buckets: usize,
    live: i64,
}

impl Flood {
    fn new(family: Family, fate: Fate) -> Self {
        let mut limits = Limits::default();
        if fate == Fate::Refused {
            limits.system = ScopeLimit::UNLIMITED.with(Resource::Connections, Limit::new(1));
        }
        let manager = ResourceManager::new(limits);
        Flood { manager, family, fate, held: Vec::new() }
    }

    fn open(&mut self, number: u32) {
        let opened = self.manager.open_connection(self.family.request(number));
        assert_eq!(opened.is_err(), self.fate == Fate::Refused, "{opened:?}");
        match (opened, self.fate) {
            (Ok(connection), Fate::Held) => self.held.push(connection),
            (opened, _) => drop(black_box(opened)),
        }
    }

    fn tenth(&mut self, numbers: std::ops::Range<u32>) -> Tenth {
        let mut blocks: Vec<Duration> = Vec::with_capacity(numbers.len() / BLOCK as usize);
        for first in numbers.step_by(BLOCK as usize) {
            let start = Instant::now();
            (first..first + BLOCK).for_each(|number| self.open(number));
            blocks.push(start.elapsed());
        }
        blocks.sort_unstable();
        let each = |block: Duration| block.as_nanos() as f64 / f64::from(BLOCK);
        Tenth {
            median: each(blocks[blocks.len() / 2]),
            mean: each(blocks.iter().sum::<Duration>()) / blocks.len() as f64,
            longest: each(blocks[blocks.len() - 1]),
        }
    }

    fn state(&self) -> State {
        State {
            live: CountingAllocator::live_bytes(),
            entries: self.manager.connections_by_network().len(),
            buckets: self.manager.rate_buckets(),
        }
    }
}

fn print(when: &str, state: State) {
    let State { entries, buckets, live } = state;
    println!("| {when} | {entries} | {buckets} | {:.1} |", live as f64 / f64::from(1 << 20));
}

/// Makes one flood; whether it stayed within its bounds.
fn flood(family: Family, fate: Fate, connections: u32) -> bool {
    println!("\n{family:?}, {fate:?}, {connections} connections\n");
    let mut flood = Flood::new(family, fate);
    // The first connections of a manager, and of its thread, make what is made once.
    let warm_up = connections / 100;
    for number in 0..warm_up {
        drop(black_box(flood.manager.open_connection(family.request(number))));
    }
    collect(&flood.manager, warm_up);
    let before = flood.state();
    match fate {
        Fate::Held => flood.held.reserve_exact(connections as usize),
        Fate::Dropped => {}
        Fate::Refused => {
            let only = flood.manager.open_connection(ConnectionRequest::inbound());
            flood.held.push(only.expect("there is room"));
        }
    }

    println!("| tenth | median ns | to the first | mean ns | blocks at most |");
    println!("|---:|---:|---:|---:|---:|");
    let (each, mut first, mut slowest) = (connections / TENTHS, None, 0f64);
    for tenth in 0..TENTHS {
        let start = warm_up + tenth * each;
        let Tenth { median, mean, longest } = flood.tenth(start..start + each);
        let ratio = median / *first.get_or_insert(median);
        slowest = slowest.max(ratio);
        println!("| {} | {median:.0} | {ratio:.2} | {mean:.0} | {longest:.0} |", tenth + 1);
    }

    let peak = flood.state();
    flood.held = Vec::new();
    let dropped = flood.state();
    collect(&flood.manager, warm_up + connections);
    let collected = flood.state();
    println!("\n| | entries | buckets | live MiB |\n|---|---:|---:|---:|");
    for (when, state) in
        [("before", before), ("peak", peak), ("dropped", dropped), ("collected", collected)]
    {
        print(when, state);
    }

    let subnets = if fate == Fate::Held { family.subnets(connections) } else { 0 };
    let stays = collected.live - before.live;
    let verdicts = [
        ("entries at the peak, and none without connections", {
            peak.entries == subnets && dropped.entries == 0
        }),
        ("buckets at the peak, and none after collection", {
            peak.buckets <= ConnectionRates::DEFAULT_MAX_BUCKETS && collected.buckets == 0
        }),
        ("memory after collection", stays <= MAY_STAY),
    ];
    println!();
    for (what, kept) in verdicts {
        println!("{what}: {}", if kept { "as bounded" } else { "OUT OF BOUNDS" });
    }
    let kept = if slowest <= MAY_SLOW { "within" } else { "NOT within" };
    println!("the slowest tenth takes {slowest:.2} times the first: {kept} {MAY_SLOW}");
    println!("{:.1} MiB stay", stays as f64 / f64::from(1 << 20));
    verdicts.iter().all(|(_, kept)| *kept)
}

fn main() -> ExitCode {
    let connections =
        env::args().nth(1).map_or(CONNECTIONS, |text| text.parse().expect("a number"));
    let mut kept = true;
    for fate in [Fate::Held, Fate::Dropped, Fate::Refused] {
        for family in [Family::V4, Family::V6] {
            kept &= flood(family, fate, connections);
        }
    }
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
