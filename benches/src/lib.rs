//! What accounting costs: scenarios, and a file for each contender.
//!
//! A [`Contender`] is made ready for a [`Setup`], which is a [`Scenario`] on some threads and peers,
//! and gives [`Work`] for each thread. In most scenarios there is a stream that has its protocol and
//! its service, and what it reserves touches [`SCOPES`](stream::SCOPES) scopes.
//!
//! `cargo run --release -p rcmgr-benches` measures everything and writes the book's table and plots;
//! `cargo bench -p rcmgr-benches` measures some of it with criterion, and the program `instructions`
//! counts the instructions of the engine, which guard against regressions. The program `connections`
//! measures connection managers, on Linux, and `connections-simulation` simulates which connections
//! they keep. The examples `spurious_refusals`, `flood`, `admissions` and `reload` are experiments of
//! their own, and `sweep` measures what the engine is tuned by.
//! The contenders that bring in many crates are behind the feature `rivals`.

pub mod aims;
pub mod allocator;
#[cfg(feature = "rivals")]
pub mod budget_context;
#[cfg(feature = "rivals")]
pub mod connection_limits;
#[cfg(target_os = "linux")]
pub mod connections;
mod contender;
#[cfg(feature = "rivals")]
pub mod datafusion;
pub mod engine;
pub mod flood;
pub mod floor;
pub mod go_libp2p;
#[cfg(feature = "rivals")]
mod handles;
pub mod instructions;
pub mod keys;
pub mod latency;
#[cfg(feature = "rivals")]
mod lives;
pub mod machine;
pub mod memory;
pub mod mutexes;
pub mod one_lock;
pub mod one_word;
pub mod place;
pub mod reload;
#[cfg(feature = "rivals")]
mod repeat;
pub mod report;
pub mod results;
mod scenario;
#[cfg(feature = "rivals")]
pub mod semaphores;
pub mod simulation;
pub mod stream;
pub mod suite;
pub mod together;
pub mod turns;
pub mod watch;
mod work;

pub use contender::Contender;
pub use scenario::{Peers, Scenario, Setup};
pub use work::{Allocations, Cannot, Percentiles, Remote, Timed, Work};

/// What one reservation asks for, in bytes.
pub const BYTES: u64 = 4096;

/// All contenders, in the order of tables.
pub fn contenders() -> Vec<Contender> {
    let mut all = vec![floor::CONTENDER, one_word::CONTENDER];
    all.extend(engine::CONTENDERS);
    all.extend([mutexes::CONTENDER, one_lock::CONTENDER]);
    all.extend(go_libp2p::CONTENDERS);
    #[cfg(feature = "rivals")]
    all.extend([
        semaphores::CONTENDER,
        datafusion::ONE_POOL,
        datafusion::CONTENDER,
        budget_context::CONTENDER,
        connection_limits::CONTENDER,
    ]);
    all
}
