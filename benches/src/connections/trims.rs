//! A trim of 100,000 connections, and what it costs those who notify meanwhile.

use std::{
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use rcmgr_connmgr::{ConnectionId, Direction};
use rustix::time::ClockId;

use super::{Manages, Rcmgr, cpu_time};
use crate::keys::scatter;

/// Connections, each of another peer.
pub const CONNECTIONS: usize = 100_000;

/// What a trim leaves.
pub const LOW: u64 = 50_000;

/// Who connects and leaves beside the trims.
const BESIDE: usize = 1_000;

/// Trims, and notifications alone and beside them. Times in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trims {
    /// The median of the trims.
    pub trim: f64,
    /// The median of what a processor did for each.
    pub cpu: f64,
    /// Of notifications without a trim: the 99.9th percentile, and the longest.
    pub alone: (f64, f64),
    /// Of notifications beside trims.
    pub beside: (f64, f64),
}

/// Makes so many trims.
pub fn trims(times: usize) -> Trims {
    let all = Rcmgr::new(CONNECTIONS + BESIDE, LOW, LOW + LOW / 2);
    for peer in 0..CONNECTIONS {
        all.opened(all.now(), peer, peer as u64);
        all.tag(all.now(), peer, "value", (scatter(peer as u64) % 1000) as i64);
    }
    let (mut taken, mut worked) = (Vec::new(), Vec::new());
    let mut fresh = CONNECTIONS as u64;
    let mut beside = Vec::new();
    for _ in 0..times {
        let (over, together) = (AtomicBool::new(false), Barrier::new(2));
        let (report, took, cpu) = thread::scope(|scope| {
            let notifying = scope.spawn(|| {
                together.wait();
                notify(&all, || over.load(Relaxed))
            });
            together.wait();
            let now = all.now();
            let (start, cpu) = (Instant::now(), cpu_time(ClockId::ThreadCPUTime));
            let report = all.manager.trim(now);
            let took = start.elapsed();
            let cpu = cpu_time(ClockId::ThreadCPUTime) - cpu;
            over.store(true, Relaxed);
            beside.extend(notifying.join().expect("nothing panics"));
            (report, took, cpu)
        });
        assert!(report.close.len() >= LOW as usize, "{} are closed", report.close.len());
        taken.push(took);
        worked.push(cpu);
        for close in report.close {
            all.manager.connection_closed(&close.peer, close.connection);
            fresh += 1;
            let (id, address) = (ConnectionId(fresh), "/ip4/192.0.2.1/tcp/4001".into());
            let opened = all.manager.connection_opened(
                all.now(),
                &close.peer,
                id,
                Direction::Inbound,
                address,
                1,
            );
            opened.expect("there is room");
            let value = (scatter(fresh) % 1000) as i64;
            all.manager.tag(all.now(), &close.peer, "value", value).expect("there is room");
        }
    }
    let end = Instant::now() + taken.iter().sum::<Duration>();
    let alone = notify(&all, || Instant::now() >= end);
    Trims { trim: median(taken), cpu: median(worked), alone: worst(alone), beside: worst(beside) }
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort_unstable();
    times[times.len() / 2].as_nanos() as f64
}

/// Connects and leaves until it is over, once at least, and takes the time of each.
fn notify(all: &Rcmgr, over: impl Fn() -> bool) -> Vec<u64> {
    let mut samples = Vec::with_capacity(1 << 20);
    for peer in (CONNECTIONS..CONNECTIONS + BESIDE).cycle() {
        let start = Instant::now();
        all.opened(all.now(), peer, 0);
        samples.push(start.elapsed().as_nanos() as u64);
        let start = Instant::now();
        all.closed(peer, 0);
        samples.push(start.elapsed().as_nanos() as u64);
        if over() {
            break;
        }
    }
    samples
}

/// The 99.9th percentile, and the longest.
fn worst(mut samples: Vec<u64>) -> (f64, f64) {
    samples.sort_unstable();
    let at = |share: f64| samples[((samples.len() - 1) as f64 * share) as usize] as f64;
    (at(0.999), at(1.0))
}
