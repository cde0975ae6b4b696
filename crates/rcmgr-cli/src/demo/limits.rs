//! The limits of the demonstration's node.
//!
//! What one peer may use is small and the same for all. The system has room for every honest
//! client and for each abuser at its peer's limit, so an abuser runs into its own limit and not
//! into the honest clients' room. Unfinished handshakes have no peer yet; the transient scope
//! keeps them apart.

use rcmgr_core::{Limit, Limits, ScopeLimit};

const MIB: u64 = 1 << 20;

/// Memory reserved for each connection: what one was measured to cost with its handlers.
pub const CONNECTION_MEMORY: u64 = 64 << 10;
/// Memory reserved for each stream. A stalled one can cost more, up to its window.
pub const STREAM_MEMORY: u64 = 16 << 10;

/// Handshakes under way at once.
pub const TRANSIENT_CONNECTIONS: u32 = 24;
/// Connections of one peer.
pub const PEER_CONNECTIONS: u32 = 4;
/// Streams that one peer may have open.
pub const PEER_STREAMS: u32 = 32;

/// Streams that an honest client has open at once, ping and identify included, at most.
const HONEST_STREAMS: u32 = 8;
/// What an honest client's connection, streams and requests reserve, at most.
const HONEST_MEMORY: u64 = MIB;
const PEER_MEMORY: u64 = 4 * MIB;
const TRANSIENT_MEMORY: u64 = 4 * MIB;
/// Abusers that get as far as having a peer: all but the unfinished handshakes.
const ABUSIVE_PEERS: u32 = 3;

/// The limits for a node with so many honest clients.
pub fn limits(honest: u16) -> Limits {
    let honest = u32::from(honest);
    let connections = honest + ABUSIVE_PEERS * PEER_CONNECTIONS + TRANSIENT_CONNECTIONS;
    let streams = honest * HONEST_STREAMS + ABUSIVE_PEERS * PEER_STREAMS;
    let memory = u64::from(honest) * HONEST_MEMORY
        + u64::from(ABUSIVE_PEERS) * PEER_MEMORY
        + TRANSIENT_MEMORY;
    Limits {
        system: scope(connections, streams, memory),
        transient: scope(TRANSIENT_CONNECTIONS, streams, TRANSIENT_MEMORY),
        peer: scope(PEER_CONNECTIONS, PEER_STREAMS, PEER_MEMORY),
        ..Limits::default()
    }
}

/// The node dials nobody; each accepted connection uses one descriptor.
pub fn scope(connections: u32, streams: u32, memory: u64) -> ScopeLimit {
    ScopeLimit {
        memory: Limit::new(memory),
        streams_inbound: streams.into(),
        streams_outbound: streams.into(),
        connections_inbound: connections.into(),
        connections_outbound: Limit::BLOCK_ALL,
        file_descriptors: connections.into(),
        ..ScopeLimit::UNLIMITED
    }
}
