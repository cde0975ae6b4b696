//! What accounting costs: one workload, and a file for each contender.
//!
//! The workload is a stream that has its protocol and its service. It reserves memory and
//! releases it again, which touches [`SCOPES`] scopes: the stream, the peer, the peer's use of
//! the protocol and of the service, the protocol, the service and the system. All but the stream
//! are shared with a second stream of the same peer, protocol and service.
//!
//! | contender | how it counts | refuses |
//! |---|---|---|
//! | [`Floor`] | a bare atomic add and subtract for each scope | never |
//! | [`Engine`] | `rcmgr-core` | yes |
//! | [`Mutexes`] | a `std::sync::Mutex` for each scope, undoing what it charged | yes |
//! | [`OneLock`] | one `std::sync::Mutex` over all scopes | yes |
//!
//! `cargo bench -p rcmgr-benches` measures with criterion, and
//! `cargo run --release -p rcmgr-benches --example ratios` prints the table of ratios. The examples
//! `spurious_refusals`, `flood`, `admissions` and `reload` are experiments of their own.

pub mod allocator;
mod engine;
pub mod flood;
mod floor;
mod mutexes;
mod one_lock;
pub mod open_close;
pub mod pair;
pub mod reload;

pub use engine::Engine;
pub use floor::Floor;
pub use mutexes::Mutexes;
pub use one_lock::OneLock;

/// How many scopes a reservation of the workload touches.
pub const SCOPES: usize = 7;

/// What one reservation asks for, in bytes.
pub const BYTES: u64 = 4096;

/// What a reservation asks for that one scope has no room for, in bytes. So many times [`BYTES`]
/// that the peer refuses the second of the two, and the first fits, also where the priority leaves a
/// fifth of each limit.
pub const LARGE: u64 = 3 * BYTES;

/// Which of the scopes the peer is.
const PEER: usize = 1;

/// A limit that the workload never reaches. It is a limit all the same, so it has to be checked.
pub const AMPLE: u64 = 1 << 40;

/// Where, if anywhere, the workload meets a limit that is too low for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// Nowhere: each reservation is admitted.
    Ample,
    /// In the system, the last scope that is asked.
    NoneInSystem,
    /// In the stream itself, the first scope that is asked.
    NoneInStream,
    /// In the system, for [`LARGE`]. The peer has room for one that large or for one of
    /// [`BYTES`], and not for both; every other scope has room for both. There is room for two of
    /// [`BYTES`] everywhere.
    NotForLargeInSystem,
}

impl Room {
    /// The limits of the scopes, from the stream to the system.
    pub fn limits(self) -> [u64; SCOPES] {
        let mut limits = [AMPLE; SCOPES];
        match self {
            Room::Ample => {}
            Room::NoneInStream => limits[0] = BYTES - 1,
            Room::NoneInSystem => limits[SCOPES - 1] = BYTES - 1,
            Room::NotForLargeInSystem => {
                limits[PEER] = LARGE + BYTES - 1;
                limits[SCOPES - 1] = LARGE - 1;
            }
        }
        limits
    }
}

/// A stream, as some way of accounting has it.
pub trait Contender: Send + Sized + Sync + 'static {
    /// The name in tables.
    const NAME: &'static str;

    /// Two streams that share all scopes but their own; `None` if this way of accounting does
    /// not know of the limits that are asked for.
    fn streams(room: Room) -> Option<[Self; 2]>;

    /// Reserves memory and releases it; whether it was admitted.
    fn reserve_release(&self, bytes: u64) -> bool;
}
