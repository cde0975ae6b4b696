//! What accounting costs: scenarios, and a file for each contender.
//!
//! A [`Contender`] is made ready for a [`Setup`], which is a [`Scenario`] on some threads and peers,
//! and gives [`Work`] for each thread. In most scenarios there is a stream that has its protocol and
//! its service, and what it reserves touches [`SCOPES`](stream::SCOPES) scopes.
//!
//! `cargo bench -p rcmgr-benches` measures with criterion. The examples `spurious_refusals`, `flood`,
//! `admissions` and `reload` are experiments of their own.

pub mod allocator;
mod contender;
pub mod engine;
pub mod flood;
pub mod floor;
pub mod keys;
pub mod mutexes;
pub mod one_lock;
pub mod open_close;
pub mod reload;
mod scenario;
pub mod stream;
pub mod together;
mod work;

pub use contender::Contender;
pub use scenario::{Peers, Scenario, Setup};
pub use work::{Allocations, Cannot, Percentiles, Remote, Timed, Work};

/// What one reservation asks for, in bytes.
pub const BYTES: u64 = 4096;

/// All contenders, in the order of tables.
pub fn contenders() -> Vec<Contender> {
    let mut all = vec![floor::CONTENDER];
    all.extend(engine::CONTENDERS);
    all.extend([mutexes::CONTENDER, one_lock::CONTENDER]);
    all
}
