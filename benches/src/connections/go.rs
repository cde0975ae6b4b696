//! go-libp2p's own connection manager, in a process of its own that takes its own times.

use super::{Life, THREADS, Trims, trims::CONNECTIONS};
use crate::go_libp2p::{self, Process};

/// The process. On as many cores as there are when it is started, with a routine for each of our
/// threads: Go runs them on as many threads as it has cores.
pub struct GoLibp2p(Process);

impl GoLibp2p {
    /// Starts it.
    ///
    /// # Errors
    /// What this machine lacks for it.
    pub fn start() -> Result<GoLibp2p, &'static str> {
        go_libp2p::program().map(|program| GoLibp2p(Process::start(program)))
    }

    /// As [`lives`](super::lives).
    pub fn lives(&mut self, times: usize) -> Life {
        let [wall, cpu] = self.0.numbers(&format!("lives {THREADS} {times}"), ["ns", "cpu"]);
        Life { wall, cpu }
    }

    /// As [`trims`](super::trims).
    pub fn trims(&mut self, times: usize) -> Trims {
        let words = ["trim", "cpu", "alone", "", "beside", ""];
        let [trim, cpu, alone, alone_most, beside, beside_most] =
            self.0.numbers(&format!("trims {CONNECTIONS} {times}"), words);
        Trims { trim, cpu, alone: (alone, alone_most), beside: (beside, beside_most) }
    }
}
