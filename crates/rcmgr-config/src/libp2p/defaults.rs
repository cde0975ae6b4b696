//! The limits that a go-libp2p node has when nobody sets any, for a machine of any size.

use rcmgr_core::{Limit, Name, ScopeLimit};

use crate::{Class, Increase, Ratio, Scaling, ScopeScaling, Subject};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// What one peer may reserve for ping or for identify. It is more than most machines have, and it is
/// what a go-libp2p node has.
const PROBES: u64 = 32 * (256 * MIB + 16 * KIB);

/// The default limits of go-libp2p, with those of the services and protocols that come with it.
///
/// One figure differs: what a peer may reserve for a protocol grows by 4 MiB with each GiB. In
/// go-libp2p it grows by 4 bytes.
pub fn defaults() -> Scaling {
    let system = scope(
        128 * MIB,
        [1024, 2048, 2048],
        [64, 128, 128],
        256,
        Increase {
            file_descriptors: Some(Ratio::WHOLE),
            ..increase(GIB, [1024, 2048, 2048], [64, 128, 128])
        },
    );
    let transient = scope(
        32 * MIB,
        [128, 256, 256],
        [32, 64, 64],
        64,
        Increase {
            file_descriptors: Some(Ratio::one_of(4)),
            ..increase(128 * MIB, [128, 256, 256], [16, 32, 32])
        },
    );
    let peer = scope(
        64 * MIB,
        [256, 512, 512],
        [8; 3],
        4,
        Increase {
            file_descriptors: Some(Ratio::one_of(64)),
            ..increase(128 * MIB, [128, 256, 256], [0; 3])
        },
    );
    let classes = [
        (Class::System, system),
        (Class::Transient, transient),
        (Class::AllowlistedSystem, system),
        (Class::AllowlistedTransient, transient),
        (Class::Service, streams(64 * MIB, [1024, 4096, 4096], 128 * MIB, [512, 2048, 2048])),
        (Class::ServicePeer, streams(16 * MIB, [128, 256, 256], 4 * MIB, [4, 8, 8])),
        (Class::Protocol, streams(64 * MIB, [512, 2048, 2048], 164 * MIB, [256, 512, 512])),
        (Class::ProtocolPeer, streams(16 * MIB, [64, 128, 256], 4 * MIB, [4, 8, 16])),
        (Class::Peer, peer),
        (Class::Connection, scope(32 * MIB, [0; 3], [1; 3], 1, Increase::default())),
        (Class::Stream, fixed(16 * MIB, [1; 3])),
    ];
    let classes = classes.map(|(class, scope)| (Subject::Class(class), scope));
    let named = named(Subject::Service, &SERVICES)
        .chain(named(Subject::ServicePeer, &SERVICE_PEERS))
        .chain(named(Subject::Protocol, &PROTOCOLS))
        .chain(named(Subject::ProtocolPeer, &PROTOCOL_PEERS));
    Scaling(classes.into_iter().chain(named).collect())
}

type Named = (&'static str, ScopeScaling);

const SERVICES: [Named; 5] = [
    ("libp2p.autonat", streams(4 * MIB, [64; 3], 2 * MIB, [4; 3])),
    ("libp2p.holepunch", streams(4 * MIB, [32, 32, 64], 4 * MIB, [8, 8, 16])),
    ("libp2p.identify", streams(4 * MIB, [64, 64, 128], 4 * MIB, [64, 64, 128])),
    ("libp2p.ping", streams(4 * MIB, [64; 3], 4 * MIB, [64; 3])),
    ("libp2p.relay/v2", streams(16 * MIB, [256; 3], 16 * MIB, [256; 3])),
];

const SERVICE_PEERS: [Named; 5] = [
    ("libp2p.autonat", fixed(MIB, [2; 3])),
    ("libp2p.holepunch", fixed(MIB, [2; 3])),
    ("libp2p.identify", fixed(MIB, [16, 16, 32])),
    ("libp2p.ping", fixed(PROBES, [2, 3, 4])),
    ("libp2p.relay/v2", fixed(MIB, [64; 3])),
];

const PROTOCOLS: [Named; 7] = [
    ("/ipfs/id/1.0.0", streams(4 * MIB, [64, 64, 128], 4 * MIB, [64, 64, 128])),
    ("/ipfs/id/push/1.0.0", streams(4 * MIB, [64, 64, 128], 4 * MIB, [64, 64, 128])),
    ("/ipfs/ping/1.0.0", streams(4 * MIB, [64; 3], 4 * MIB, [64; 3])),
    ("/libp2p/autonat/1.0.0", streams(4 * MIB, [64; 3], 2 * MIB, [4; 3])),
    ("/libp2p/circuit/relay/0.2.0/hop", streams(16 * MIB, [640; 3], 16 * MIB, [640; 3])),
    ("/libp2p/circuit/relay/0.2.0/stop", streams(16 * MIB, [640; 3], 16 * MIB, [640; 3])),
    ("/libp2p/dcutr", streams(4 * MIB, [32, 32, 64], 4 * MIB, [8, 8, 16])),
];

const PROTOCOL_PEERS: [Named; 7] = [
    ("/ipfs/id/1.0.0", fixed(PROBES, [16, 16, 32])),
    ("/ipfs/id/push/1.0.0", fixed(PROBES, [16, 16, 32])),
    ("/ipfs/ping/1.0.0", fixed(PROBES, [2, 3, 4])),
    ("/libp2p/autonat/1.0.0", fixed(MIB, [2; 3])),
    ("/libp2p/circuit/relay/0.2.0/hop", fixed(32 * MIB, [128; 3])),
    ("/libp2p/circuit/relay/0.2.0/stop", fixed(32 * MIB, [128; 3])),
    ("/libp2p/dcutr", fixed(MIB, [2; 3])),
];

fn named(
    subject: fn(Name) -> Subject,
    scopes: &[Named],
) -> impl Iterator<Item = (Subject, ScopeScaling)> {
    scopes.iter().map(move |(name, scope)| (subject((*name).into()), *scope))
}

/// A scope of streams alone.
const fn streams(
    memory: u64,
    streams: [u64; 3],
    more_memory: u64,
    more_streams: [u64; 3],
) -> ScopeScaling {
    scope(memory, streams, [0; 3], 0, increase(more_memory, more_streams, [0; 3]))
}

/// A scope of streams alone that does not grow.
const fn fixed(memory: u64, of_streams: [u64; 3]) -> ScopeScaling {
    streams(memory, of_streams, 0, [0; 3])
}

/// Streams and connections are inbound, outbound and both together. Tasks are ours, so nothing
/// limits them.
const fn scope(
    memory: u64,
    streams: [u64; 3],
    connections: [u64; 3],
    file_descriptors: u64,
    increase: Increase,
) -> ScopeScaling {
    let base = ScopeLimit {
        memory: Limit::new(memory),
        streams_inbound: Limit::new(streams[0]),
        streams_outbound: Limit::new(streams[1]),
        streams: Limit::new(streams[2]),
        connections_inbound: Limit::new(connections[0]),
        connections_outbound: Limit::new(connections[1]),
        connections: Limit::new(connections[2]),
        file_descriptors: Limit::new(file_descriptors),
        ..ScopeLimit::UNLIMITED
    };
    ScopeScaling { base, increase }
}

const fn increase(memory: u64, streams: [u64; 3], connections: [u64; 3]) -> Increase {
    Increase {
        memory,
        streams_inbound: streams[0],
        streams_outbound: streams[1],
        streams: streams[2],
        connections_inbound: connections[0],
        connections_outbound: connections[1],
        connections: connections[2],
        file_descriptors: None,
    }
}
