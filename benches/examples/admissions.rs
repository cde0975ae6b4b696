//! Prints what it takes to admit a connection and to close it, by what is known of it.
//!
//! The kinds of connections take turns, block by block, so that what else the machine does meets
//! them all; the median block of each counts.

#![allow(clippy::print_stdout)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use rcmgr_benches::flood::{EACH_48, Family};
use rcmgr_core::{ConnectionRequest, Limits, ResourceManager};

const BLOCKS: u32 = 2_000;
/// Connections in one block.
const BLOCK: u32 = 100;
/// How many addresses come back again and again.
const KNOWN: u32 = 4096;
/// Between two connections of one of them: as long as the default rate of an address asks for.
const BACK_AFTER: Duration = Duration::from_secs(5);

struct Kind {
    name: &'static str,
    manager: ResourceManager,
    request: fn(u32) -> ConnectionRequest,
    opened: u32,
    blocks: Vec<Duration>,
}

impl Kind {
    fn new(name: &'static str, request: fn(u32) -> ConnectionRequest) -> Self {
        let manager = ResourceManager::new(Limits::default());
        Kind { name, manager, request, opened: 0, blocks: Vec::new() }
    }

    fn open(&mut self) {
        let opened = self.manager.open_connection((self.request)(self.opened));
        drop(black_box(opened.expect("there is room")));
        self.opened += 1;
    }

    fn block(&mut self) {
        // The others have had the caches meanwhile.
        (0..BLOCK / 10).for_each(|_| self.open());
        let start = Instant::now();
        (0..BLOCK).for_each(|_| self.open());
        self.blocks.push(start.elapsed());
    }

    fn nanoseconds(&mut self) -> f64 {
        self.blocks.sort_unstable();
        self.blocks[self.blocks.len() / 2].as_nanos() as f64 / f64::from(BLOCK)
    }
}

/// From one of the known addresses, each of which is in a subnet of its own.
fn with_address(number: u32, family: Family) -> ConnectionRequest {
    ConnectionRequest::inbound().with_ip(family.address(number % KNOWN * EACH_48))
}

fn known(number: u32, family: Family) -> ConnectionRequest {
    with_address(number, family).at(BACK_AFTER / KNOWN * number)
}

fn main() {
    let mut kinds = [
        Kind::new("no address", |_| ConnectionRequest::inbound()),
        Kind::new("IPv4, no clock", |number| with_address(number, Family::V4)),
        Kind::new("IPv4 that came before", |number| known(number, Family::V4)),
        Kind::new("IPv4 that is new", |number| Family::V4.request(number)),
        Kind::new("IPv6, no clock", |number| with_address(number, Family::V6)),
        Kind::new("IPv6 that came before", |number| known(number, Family::V6)),
        Kind::new("IPv6 that is new", |number| Family::V6.request(number)),
    ];
    for kind in &mut kinds {
        // As many as there may be buckets, so that new ones find no room.
        (0..KNOWN * 20).for_each(|_| kind.open());
    }
    for _ in 0..BLOCKS {
        kinds.iter_mut().for_each(Kind::block);
    }
    let floor = kinds[0].nanoseconds();
    println!("| connection | ns | to none |\n|---|---:|---:|");
    for kind in &mut kinds {
        let time = kind.nanoseconds();
        println!("| {} | {time:.0} | {:.2} |", kind.name, time / floor);
    }
}
