//! The limits of the attacked node: what an operator would set who knows the machine and the
//! application, and knows nothing of who is going to attack.
//!
//! The application needs few streams of each peer at once, and one connection. So whoever wants
//! more is refused early and by itself: by its address before its handshake, by its peer after it.
//! The shared scopes, transient and system, have room for everybody whom the narrow limits let in;
//! they bound the sum, and are not meant to choose.

use std::collections::BTreeMap;

use rcmgr_core::{ConnectionRates, IpLimits, Limit, Limits, Rate};
use rcmgr_libp2p::{BaseMemory, Config, Yamux};

use crate::demo::limits::scope;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// What a connection takes with its handlers.
const CONNECTION_MEMORY: u64 = 64 * KIB;
/// What a stream takes: its window, which yamux fills whether or not anybody reads, and 16 KiB.
const STREAM_MEMORY: u64 = 272 * KIB;

/// What the node may reserve, for all that it does.
pub const BUDGET: u64 = 256 * MIB;
/// What the process may take beyond its budget: the program itself, buffers of the kernel's and of
/// the runtime's that are not accounted, and what the allocator keeps.
pub const MARGIN: u64 = 64 * MIB;
/// Descriptors of the node's process: what Linux gives by default.
pub const DESCRIPTORS: u64 = 1024;

/// Connections of one peer: one, and another while the first is lost without notice.
const PEER_CONNECTIONS: u32 = 2;
/// Streams of one peer: half a second of requests, if the node is held up, ping and identify.
const PEER_STREAMS: u32 = 32;
/// Handshakes under way.
const HANDSHAKES: u32 = 384;
/// All connections, with descriptors to spare.
const CONNECTIONS: u32 = 768;
/// Streams that negotiate, and all streams.
const STREAMS: u32 = 1024;

/// Streams that a connection opens in a second, and at once: three times what the busiest honest
/// client does, and what it has to catch up with when the node was held up for a second.
const STREAMS_PER_SECOND: f64 = 200.0;
const STREAMS_AT_ONCE: u32 = 64;

/// The muxer of each connection: as many streams as a peer may have and some to spare. No window
/// grows, since requests are short.
pub const YAMUX: Yamux = Yamux { max_streams: 48, max_waiting: 8, max_ending: 16, growth: 0 };

/// What connections and streams reserve by themselves, and how fast streams may come.
pub fn config() -> Config {
    Config {
        base_memory: BaseMemory::all(CONNECTION_MEMORY, STREAM_MEMORY),
        inbound_streams: rate(STREAMS_PER_SECOND, STREAMS_AT_ONCE),
        ..Config::default()
    }
}

/// The limits.
pub fn limits() -> Limits {
    Limits {
        system: scope(CONNECTIONS, STREAMS, BUDGET),
        transient: scope(HANDSHAKES, STREAMS, BUDGET),
        // Two thirds of the memory are for streams. What requests need, they reserve with a priority
        // that finds a fifth of it closed.
        peer: scope(
            PEER_CONNECTIONS,
            PEER_STREAMS,
            u64::from(PEER_STREAMS) * STREAM_MEMORY * 3 / 2,
        ),
        ip: IpLimits {
            // Nobody is exempt: here everybody comes from the loopback interface.
            networks: BTreeMap::new(),
            // Several peers behind one address, some behind one office, many behind a provider.
            subnets_v4: [(32, Limit::new(4)), (24, Limit::new(16)), (16, Limit::new(64))].into(),
            ..IpLimits::default()
        },
        rates: ConnectionRates {
            networks: BTreeMap::new(),
            subnets_v4: [(32, rate(1.0, 8)), (24, rate(4.0, 16)), (16, rate(16.0, 64))].into(),
            ..ConnectionRates::default()
        },
        ..Limits::default()
    }
}

fn rate(per_second: f64, burst: u32) -> Rate {
    Rate::new(per_second, burst).expect("the rates above are positive")
}
