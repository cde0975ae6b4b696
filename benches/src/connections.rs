//! What a connection manager costs the threads that tell it of connections.
//!
//! The shape is that of go-libp2p's own benchmark: 5,000 peers, and again and again one of them
//! connects, is tagged, is untagged and leaves. Here each of 16 threads does so; there one does, and
//! 16 tag peers beside it, which measures how the system shares out its cores. Further, a trim of
//! 100,000 connections and a round of the regulator over as many, and how long notifications take
//! beside each.

mod command;
mod go;
mod rcmgr;
mod regulation;
mod render;
mod segmented;
mod trims;

use std::{
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

pub use command::run;
pub use go::GoLibp2p;
pub use rcmgr::Rcmgr;
pub use regulation::{Delays, Regulation, RoundTimes, regulation};
pub use segmented::Segmented;
pub use trims::{CONNECTIONS, LOW, Trims, trims};

use rustix::time::{ClockId, clock_gettime};

use crate::keys::scatter;

/// How many peers there are.
pub const PEERS: usize = 5_000;

/// How many threads there are, whatever the number of cores, unless it is said.
pub const THREADS: usize = 16;

/// A connection manager, for peers and connections by number.
pub trait Manages: Sync {
    /// The time, if the manager is told it.
    fn now(&self) -> Duration {
        Duration::ZERO
    }
    /// A peer connects.
    fn opened(&self, now: Duration, peer: usize, connection: u64);
    /// A tag is set.
    fn tag(&self, now: Duration, peer: usize, tag: &str, value: i64);
    /// A tag is taken back.
    fn untag(&self, peer: usize, tag: &str);
    /// A peer leaves.
    fn closed(&self, peer: usize, connection: u64);

    /// All of it in turn.
    fn life(&self, peer: usize, connection: u64) {
        let now = self.now();
        self.opened(now, peer, connection);
        self.tag(now, peer, "tag", 100);
        self.untag(peer, "tag");
        self.closed(peer, connection);
    }
}

/// What one life takes, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Life {
    /// From when all threads begin until the last is done, over the lives of all of them.
    pub wall: f64,
    /// Of processors: what else the machine does at the time counts little.
    pub cpu: f64,
}

/// So many lives on each of so many threads.
pub fn lives(manager: &impl Manages, threads: usize, times: usize) -> Life {
    let begin = Barrier::new(threads + 1);
    let live = |thread: usize| {
        begin.wait();
        let start = Instant::now();
        for turn in 0..times {
            let any = scatter((thread as u64) << 32 | turn as u64) as usize % PEERS;
            manager.life(any, thread as u64);
        }
        (start, Instant::now())
    };
    let (spans, cpu) = thread::scope(|scope| {
        let running: Vec<_> =
            (0..threads).map(|thread| scope.spawn(move || live(thread))).collect();
        // Once they have begun, this thread may have to wait for its turn.
        let cpu = cpu_time(ClockId::ProcessCPUTime);
        begin.wait();
        let spans = running.into_iter().map(|thread| thread.join().expect("no manager panics"));
        let spans: Vec<(Instant, Instant)> = spans.collect();
        (spans, cpu_time(ClockId::ProcessCPUTime) - cpu)
    });
    let (begins, ends): (Vec<_>, Vec<_>) = spans.into_iter().unzip();
    let wall = ends.into_iter().max().zip(begins.into_iter().min());
    let wall = wall.map_or(Duration::ZERO, |(end, begin)| end - begin);
    let nanoseconds = |took: Duration| took.as_nanos() as f64 / (threads * times) as f64;
    Life { wall: nanoseconds(wall), cpu: nanoseconds(cpu) }
}

/// What processors did for this process or this thread.
fn cpu_time(of: ClockId) -> Duration {
    Duration::try_from(clock_gettime(of)).unwrap_or_default()
}
