//! How many instructions operations take. Counts are stable where times are not, so they guard
//! against changes that make the engine slower.
//!
//! The program `instructions` runs itself under valgrind's callgrind, once for each of [`GUARDED`],
//! and holds what was counted against a baseline.

pub mod baseline;
pub mod callgrind;
pub mod comparison;
pub mod conditions;

use std::hint::black_box;

use crate::engine::CONTENDERS;
use crate::{Cannot, Contender, Scenario, Setup, Timed, Work};

/// The command that counts anew and stores the counts.
pub const RENEW: &str = "cargo run --release -p rcmgr-benches --bin instructions -- --renew";

/// A scenario, on one thread, in which the instructions of a contender are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guarded {
    /// What an operation is.
    pub scenario: Scenario,
    /// The name of the contender.
    pub contender: &'static str,
}

const NAMES: &str = "rcmgr";
const HANDLES: &str = "rcmgr, by handles";
const GRANULES: &str = "rcmgr, granules of 64 KiB";
const GRANULES_ALWAYS: &str = "rcmgr, granules of 64 KiB, ALWAYS";

/// What is counted, in the order of tables.
pub const GUARDED: [Guarded; 15] = {
    const fn of(scenario: Scenario, contender: &'static str) -> Guarded {
        Guarded { scenario, contender }
    }
    [
        of(Scenario::ReserveService, NAMES),
        of(Scenario::ReserveService, GRANULES),
        of(Scenario::ReserveService, GRANULES_ALWAYS),
        of(Scenario::ReserveProtocol, NAMES),
        of(Scenario::ReserveProtocol, GRANULES),
        of(Scenario::StreamOnePeer, NAMES),
        of(Scenario::StreamOnePeer, HANDLES),
        of(Scenario::StreamNewPeer, NAMES),
        of(Scenario::Connection, NAMES),
        of(Scenario::Connection10kIps, NAMES),
        of(Scenario::Span, NAMES),
        of(Scenario::RefusedSystem, NAMES),
        of(Scenario::RefusedOwn, NAMES),
        of(Scenario::RefusedStream, NAMES),
        of(Scenario::RefusedIp, NAMES),
    ]
};

/// How many operations are counted, and how many are made before them. As many as there are
/// addresses in [`Scenario::Connection10kIps`], and so many names that it makes no difference which
/// of them a map, whose hash is seeded at random, has in one place.
pub const TIMES: u64 = 10_000;

impl Guarded {
    /// Makes the operations: [`TIMES`] to warm up, and as many in [`counted_operations`].
    ///
    /// # Errors
    /// Where the contender cannot do the scenario.
    pub fn operate(&self) -> Result<(), Cannot> {
        let is_it = |contender: &Contender| contender.name == self.contender;
        let contender = CONTENDERS.into_iter().find(is_it).ok_or("there is no such contender")?;
        let Timed::Here(mut works) = (contender.prepare)(&Setup::alone(self.scenario))? else {
            return Err("it is in another process".into());
        };
        let work = works.first_mut().ok_or("it has no work")?;
        work.ready(TIMES);
        work.run(TIMES);
        work.ready(TIMES);
        counted_operations(&mut **work, TIMES);
        Ok(())
    }
}

/// Makes so many operations. Callgrind counts from when this function is entered to when it is left
/// ([`callgrind::count`]).
#[inline(never)]
pub fn counted_operations(work: &mut dyn Work, times: u64) {
    work.run(times);
    // So that the call is not the last thing done here, which would make it a jump.
    black_box(());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_guarded_can_be_done() {
        for guarded in GUARDED {
            assert_eq!(guarded.operate(), Ok(()), "{guarded:?}");
        }
    }
}
