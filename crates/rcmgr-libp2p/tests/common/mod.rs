//! What the tests share: real transports, readings of the manager, bounded waits.
#![allow(dead_code)]

pub mod echo;
pub mod node;
pub mod scripted;
pub mod stacks;

use std::{
    fmt::Debug,
    future::Future,
    time::{Duration, Instant},
};

use libp2p::{
    PeerId, Transport,
    core::{
        muxing::StreamMuxerBox,
        transport::{Boxed, MemoryTransport, upgrade::Version},
    },
    identity::Keypair,
    noise, tcp, yamux,
};
use rcmgr_core::{Amount, Limit, Limits, Resource, ResourceManager, ScopeId};
use rcmgr_libp2p::{BaseMemory, Config, StreamWait};

pub const CONNECTION_MEMORY: u64 = 1000;
pub const STREAM_MEMORY: u64 = 10;

/// Amounts that are told apart, and refusals without a wait.
pub fn config() -> Config {
    let base_memory = BaseMemory::all(CONNECTION_MEMORY, STREAM_MEMORY);
    Config { base_memory, stream_wait: StreamWait::NONE, ..Config::default() }
}

/// What `connections` and `streams` of a [`config`] reserve.
pub fn memory(connections: u64, streams: u64) -> u64 {
    connections * CONNECTION_MEMORY + streams * STREAM_MEMORY
}

pub fn over_tcp(key: &Keypair) -> Boxed<(PeerId, StreamMuxerBox)> {
    let noise = noise::Config::new(key).expect("a key pair signs");
    tcp::tokio::Transport::new(tcp::Config::default().nodelay(true))
        .upgrade(Version::V1)
        .authenticate(noise)
        .multiplex(yamux::Config::default())
        .boxed()
}

pub fn over_memory(key: &Keypair) -> Boxed<(PeerId, StreamMuxerBox)> {
    let noise = noise::Config::new(key).expect("a key pair signs");
    MemoryTransport::default()
        .upgrade(Version::V1)
        .authenticate(noise)
        .multiplex(yamux::Config::default())
        .boxed()
}

/// Nothing here takes longer than some milliseconds; this is for a test that hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a future gives, which it does soon.
pub async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(PATIENCE, future).await.expect("it should be done by now")
}

/// Waits until a condition holds that another task brings about.
pub async fn until(mut holds: impl FnMut() -> bool) {
    within(async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

/// Waits until a value that another task changes is as expected.
pub async fn until_equal<T: PartialEq + Debug>(mut value: impl FnMut() -> T, expected: T) {
    let start = Instant::now();
    loop {
        let found = value();
        if found == expected {
            return;
        }
        assert!(start.elapsed() < PATIENCE, "it should be {expected:#?} by now: {found:#?}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

pub fn peer(id: &PeerId) -> ScopeId {
    ScopeId::Peer(id.to_bytes().into())
}

/// Limits that restrict one resource of the system.
pub fn system(resource: Resource, limit: u64) -> Limits {
    let mut limits = Limits::default();
    *limits.system.get_mut(resource) = Limit::new(limit);
    limits
}

/// Of each kind that libp2p has: memory, streams, connections, descriptors.
pub fn held(manager: &ResourceManager) -> (u64, u64, u64, u64) {
    let system = manager.system().stats();
    let get = |resource| system.get(resource);
    (
        get(Resource::Memory),
        get(Resource::Streams),
        get(Resource::Connections),
        get(Resource::FileDescriptors),
    )
}

/// Everything was given back, and nothing twice.
pub fn is_clear(manager: &ResourceManager) -> bool {
    assert_eq!(rcmgr_core::underflows(), 0);
    manager.stats().amounts().all(Amount::is_zero)
}
