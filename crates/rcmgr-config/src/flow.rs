//! Flow's configuration: its blocks `libp2p-resource-manager:` and `connection-manager:`, under
//! `network-config:` or at the top, and its flags.
//!
//! A number over 0 replaces what go-libp2p's defaults come to for what the node is given, and 0
//! keeps that. The node is given a part of the memory, by default a half, and a part of the
//! descriptors, by default a fifth. Flow takes the memory that is in the machine, where this takes
//! what the process may use of it.
//!
//! The rules are those of `network/p2p/p2pbuilder/resourceLimit.go` in flow-go.

mod flags;
mod old;
mod read;
mod write;

use rcmgr_core::Resource;

pub use flags::{FLAGS, Flag, FlagKind, InvalidFlag, flag};
pub use read::read;
pub use write::write;

use crate::{At, Class, Ratio};

/// Where a value that Flow takes for granted stands.
const DEFAULT: At = At::Default("Flow");

/// The part of the memory that Flow's default configuration gives a node.
const MEMORY: Ratio = Ratio::one_of(2);

/// The part of the descriptors that Flow's default configuration gives a node.
const FILE_DESCRIPTORS: Ratio = Ratio::one_of(5);

/// The greatest number that Flow reads.
const MOST: u64 = i64::MAX as u64;

const RESOURCE_MANAGER: &str = "libp2p-resource-manager";
const CONNECTION_MANAGER: &str = "connection-manager";
const MEMORY_RATIO: &str = "memory-limit-ratio";
const FILE_DESCRIPTORS_RATIO: &str = "file-descriptors-ratio";
const OVERRIDES: &str = "limits-override";

/// The scopes that have overrides.
const SCOPES: [(&str, Class); 5] = [
    ("system", Class::System),
    ("transient", Class::Transient),
    ("protocol", Class::Protocol),
    ("peer", Class::Peer),
    ("peer-protocol", Class::ProtocolPeer),
];

/// The limits of a scope that can be overridden, and what a flag's help calls them.
const LIMITS: [(&str, Resource, &str); 6] = [
    ("streams-inbound", Resource::StreamsInbound, "number of inbound streams"),
    ("streams-outbound", Resource::StreamsOutbound, "number of outbound streams"),
    ("connections-inbound", Resource::ConnectionsInbound, "number of inbound connections"),
    ("connections-outbound", Resource::ConnectionsOutbound, "number of outbound connections"),
    ("fd", Resource::FileDescriptors, "number of file descriptors"),
    ("memory-bytes", Resource::Memory, "amount of memory (bytes)"),
];

/// The limit that a number stands for: 0 stands for none, and the greatest is unlimited, as
/// wherever go-libp2p has numbers.
fn limit(number: u64) -> Option<rcmgr_core::Limit> {
    (number > 0).then(|| crate::libp2p::Bound(number).into())
}
