//! go-libp2p's resource manager, in a process of its own that takes its own times.
//!
//! The process is the module `benches/peers/go-libp2p`, at versions that its `go.mod` and `go.sum`
//! name. Where there is no Go, or its modules cannot be had, the contenders cannot do anything, and
//! say why.

#[path = "../peers/program.rs"]
mod peers;
mod process;
mod program;

use std::time::Duration;

pub use process::Process;

use crate::{Allocations, Cannot, Contender, Peers, Percentiles, Remote, Setup, Timed};

/// With its metrics off, and with those that it has by default.
pub const CONTENDERS: [Contender; 2] = [
    Contender {
        name: "go-libp2p, metrics off",
        note: "Locks each scope in turn. Under default rates no more than 16 connections without an \
               IP are admitted at once, so there are no rates but for those from 10,000 IPs, whose \
               bursts are ample. Collection goes by a timer of a minute and is in no scenario: new \
               peers stay until a run is over. A swap sets the limits of one peer, its protocol, \
               service, the system and transient; what a peer has of a protocol or service keeps \
               its limits. Garbage is collected as by default, on any core. Bytes are without the \
               keys of peers.",
        prepare: |setup| prepare("off", setup),
    },
    Contender {
        name: "go-libp2p, default metrics",
        note: "As it is without options: each change of a scope is reported to Prometheus under one \
               lock.",
        prepare: |setup| {
            // The metrics keep nothing for each thing.
            if setup.scenario.is_bytes() { Err(Cannot::Same) } else { prepare("default", setup) }
        },
    },
];

/// What this machine lacks to run go-libp2p, if anything.
pub fn lack() -> Option<&'static str> {
    program::built().err()
}

/// The program, built once, or what this machine lacks for it.
pub fn program() -> Result<&'static std::path::Path, &'static str> {
    program::built()
}

/// A process for each: what one keeps would change how often the garbage of another is collected.
fn prepare(metrics: &str, setup: &Setup) -> Result<Timed, Cannot> {
    let program = program::built().map_err(|lack| Cannot::from(lack.to_owned()))?;
    let mut process = Process::start(program);
    let scenario = setup.scenario.name();
    if setup.scenario.is_bytes() {
        return Ok(Timed::Elsewhere(Box::new(GoLibp2p { process, scenario })));
    }
    let threads = setup.threads;
    let peers = match setup.peers {
        Peers::Shared => "shared",
        Peers::Distinct => "distinct",
    };
    let size = if setup.small { "small" } else { "full" };
    let request = format!("prepare {ID} {scenario} {metrics} {threads} {peers} {size}");
    let answer = process.ask(&request);
    if let Some(why) = answer.strip_prefix("cannot ") {
        return Err(why.to_owned().into());
    }
    assert_eq!(answer, format!("ready {ID}"), "go-libp2p: {request}");
    Ok(Timed::Elsewhere(Box::new(GoLibp2p { process, scenario })))
}

/// What is prepared is known by an id, and nothing else is.
const ID: &str = "it";

/// One scenario.
struct GoLibp2p {
    process: Process,
    scenario: &'static str,
}

impl Remote for GoLibp2p {
    fn run(&mut self, times: u64) -> Duration {
        let [nanoseconds] = self.process.numbers(&format!("run {ID} {times}"), ["ns"]);
        Duration::from_nanos(nanoseconds as u64)
    }

    fn percentiles(&mut self, times: u64) -> Percentiles {
        let request = format!("latency {ID} {times}");
        let [p50, p99, p999, _clock] =
            self.process.numbers(&request, ["percentiles", "", "", "clock"]);
        Percentiles { p50, p99, p999 }
    }

    fn allocations(&mut self, times: u64) -> Allocations {
        let request = format!("allocations {ID} {times}");
        let [count, bytes] = self.process.numbers(&request, ["allocs", "bytes"]);
        Allocations { count, bytes }
    }

    fn bytes(&mut self, items: u64) -> f64 {
        let request = format!("bytes {} {items}", self.scenario);
        let [bytes] = self.process.numbers(&request, ["bytes"]);
        bytes
    }
}
