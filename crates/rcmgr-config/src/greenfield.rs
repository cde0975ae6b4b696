//! The configuration of a storage provider of Greenfield: its table `[Rcmgr]`, amid all the rest.
//!
//! A number that is missing in a table of limits is 0, and 0 admits nothing. Where there are no
//! tables of limits, Greenfield's defaults apply. What Greenfield does not limit is unlimited:
//! streams, protocols, peers, connections by address.
//!
//! The rules are those of `base/gfspapp/app_options.go` and `base/gfsprcmgr` in
//! greenfield-storage-provider.

mod read;
mod write;

use rcmgr_core::Resource;

pub use read::read;
pub use write::write;

use crate::At;

/// Where a value that Greenfield takes for granted stands.
const DEFAULT: At = At::Default("Greenfield");

/// The greatest number of everything but bytes: what an `int32` holds.
const MOST: u64 = i32::MAX as u64;

/// The limits of a scope with their defaults for the system, where nothing is said. Those of
/// memory are nine tenths of 8 GiB as an `f32` has them.
const LIMITS: [(&str, Resource, u64); 9] = [
    ("Memory", Resource::Memory, 7_730_940_928),
    ("Tasks", Resource::Tasks, 10_240),
    ("TasksHighPriority", Resource::TasksHigh, 128),
    ("TasksMediumPriority", Resource::TasksMedium, 1024),
    ("TasksLowPriority", Resource::TasksLow, 16),
    ("Fd", Resource::FileDescriptors, MOST),
    ("Conns", Resource::Connections, MOST),
    ("ConnsInbound", Resource::ConnectionsInbound, MOST),
    ("ConnsOutbound", Resource::ConnectionsOutbound, MOST),
];

/// The greatest number that a limit can have.
fn most(resource: Resource) -> u64 {
    if resource == Resource::Memory { crate::libp2p::MAX } else { MOST }
}

/// The limit that a number stands for: the greatest number of bytes is unlimited.
fn limit(resource: Resource, number: u64) -> rcmgr_core::Limit {
    match resource {
        Resource::Memory => crate::libp2p::Bound(number).into(),
        _ => rcmgr_core::Limit::new(number),
    }
}
