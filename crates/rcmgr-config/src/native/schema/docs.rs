//! What each key means, in Markdown.

use crate::{Class, Transport};

pub const BASE: &str = "What holds where nothing is said: go-libp2p's defaults, or no limits at \
    all. `libp2p` if left out.";
pub const MEMORY: &str = "The memory that the node is given, which limits grow with: a size, a \
    part of the machine's, or a part of what is free, followed while the node runs. An eighth of \
    the machine's if left out.";
pub const FILE_DESCRIPTORS: &str = "The file descriptors that the node is given: a number, or a \
    part of the soft limit of open files. Half of it if left out.";
pub const LIMITS: &str = "The limits of scopes.";
pub const CONNECTIONS: &str = "How many connections there may be at a time from each address, \
    subnet or network.";
pub const RATES: &str = "How fast connections may be opened.";
pub const ALLOWLIST: &str = "Who is let past full scopes, into the allowlisted ones: networks and \
    addresses, also as multiaddrs, each with `/p2p/PEER` behind it if only that peer is meant. \
    Replaces the list of a source of lower precedence.";
pub const BASE_MEMORY: &str = "The memory, in bytes, that connections and streams take by \
    themselves, by transport.";
pub const CONNECTION_MANAGER: &str = "How the connection manager is to work. A running `rcmgr \
    node` follows it, but for `type`.";

pub const SERVICES: &str = "Limits of single services, in place of `service`.";
pub const SERVICE_PEERS: &str = "Limits of each peer's use of single services, in place of \
    `service-peer`.";
pub const PROTOCOLS: &str = "Limits of single protocols, in place of `protocol`.";
pub const PROTOCOL_PEERS: &str = "Limits of each peer's use of single protocols, in place of \
    `protocol-peer`.";
pub const PEERS: &str = "Limits of single peers, in place of `peer`.";

pub const LIMIT_MEMORY: &str = "Bytes of memory that are reserved.";
pub const STREAMS: &str = "Streams of both directions together.";
pub const STREAMS_INBOUND: &str = "Streams that remote parties opened.";
pub const STREAMS_OUTBOUND: &str = "Streams that this node opened.";
pub const CONNECTIONS_BOTH: &str = "Connections of both directions together.";
pub const CONNECTIONS_INBOUND: &str = "Connections that remote parties opened.";
pub const CONNECTIONS_OUTBOUND: &str = "Connections that this node opened.";
pub const LIMIT_DESCRIPTORS: &str = "Open file descriptors.";
pub const TASKS: &str = "Tasks of all classes together.";
pub const TASKS_HIGH: &str = "Tasks of high class.";
pub const TASKS_MEDIUM: &str = "Tasks of medium class.";
pub const TASKS_LOW: &str = "Tasks of low class.";

/// By prefix length of IPv4, of IPv6, and by network.
pub const CONNECTIONS_BY_ADDRESS: [&str; 3] = [
    "Connections of each IPv4 subnet, by prefix length.",
    "Connections of each IPv6 subnet, by prefix length.",
    "Connections of a whole network, in place of the limits by prefix length.",
];
/// By prefix length of IPv4, of IPv6, and by network.
pub const RATES_BY_ADDRESS: [&str; 3] = [
    "The rate of each IPv4 subnet, by prefix length.",
    "The rate of each IPv6 subnet, by prefix length.",
    "The rate of a whole network, in place of `all` and the rates by prefix length.",
];
pub const RATE_ALL: &str = "The rate of all connections but those of `networks`.";
pub const RATE_WITHOUT_ADDRESS: &str =
    "The rate of connections without an address: relayed ones, those in memory.";
pub const RATE_GRACE: &str =
    "How long the bucket of a subnet is kept after it is full again. `1m` if left out.";
pub const RATE_BUCKETS: &str = "How many buckets of subnets are kept at most. `65536` if left out.";

pub const BASE_MEMORY_CONNECTION: &str = "Bytes of each connection.";
pub const BASE_MEMORY_STREAM: &str = "Bytes of each stream.";

pub const MANAGER_TYPE: &str = "Whether there is a connection manager, `regulator`, or none, so \
    that no connection is closed to make room. `regulator` if left out. Takes effect when the node \
    starts.";
pub const HIGH_WATERMARK: &str = "Above so many connections, some are closed.";
pub const LOW_WATERMARK: &str = "Connections are closed until there are so many.";
pub const GRACE_PERIOD: &str = "A connection that is younger is not closed.";
pub const SILENCE_PERIOD: &str = "The least time between two such rounds.";
pub const QUOTAS: &str = "How many connections protocols are to have, for 64 entries at most. A \
    connection counts for each entry that the protocol of one of its streams belongs to; an entry \
    that says nothing only counts.";
pub const QUOTA_MINIMUM: &str = "No round closes so many that fewer are left, save in an emergency. \
    The minima of all come to 95% of the share at most. `0` if left out.";
pub const QUOTA_MAXIMUM: &str = "Above so many it is heard less, and the worst of its connections \
    go before those of others. Not less than the minimum. No bound if left out; `100%` is none \
    either.";

pub const fn class(class: Class) -> &'static str {
    match class {
        Class::System => "The whole node.",
        Class::AllowlistedSystem => "All that the allowlist let in, beside `system`.",
        Class::Transient => "Connections without a peer and streams without a protocol.",
        Class::AllowlistedTransient => "What the allowlist let in and is still without a peer.",
        Class::Service => "Each service.",
        Class::ServicePeer => "Each peer's use of each service.",
        Class::Protocol => "Each protocol.",
        Class::ProtocolPeer => "Each peer's use of each protocol.",
        Class::Peer => "Each peer.",
        Class::Connection => "Each connection.",
        Class::Stream => "Each stream.",
    }
}

pub const fn transport(transport: Transport) -> &'static str {
    match transport {
        Transport::Tcp => "TCP, with a security protocol and a muxer.",
        Transport::Quic => "QUIC.",
        Transport::Websocket => "WebSocket.",
        Transport::Webrtc => "WebRTC.",
        Transport::Webtransport => "WebTransport.",
        Transport::Relay => "Relayed connections.",
        Transport::Memory => "Within the process.",
        Transport::Other => "Any other.",
    }
}

/// What a running node answers beside its limits.
pub const OF_ANSWERS: &str = "Not read. A running node answers it beside its limits.";
