//! What connections, streams, spans and peers take of memory: what they allocate, with their handles.
//! The process is this test's own, so that all that is live is counted.

use rcmgr_benches::allocator::CountingAllocator;
use rcmgr_core::{ConnectionRequest, Direction, Error, ResourceManager};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// So many that what there is once does not show.
const MANY: u32 = 100_000;

/// The bytes that each of many values takes, rounded up.
fn bytes_each<T>(mut make: impl FnMut(u32) -> Result<T, Error>) -> i64 {
    let before = CountingAllocator::live_bytes();
    let mut values = Vec::with_capacity(MANY as usize);
    for at in 0..MANY {
        values.push(make(at).expect("there is room"));
    }
    let taken = CountingAllocator::live_bytes() - before;
    (taken + i64::from(MANY) - 1) / i64::from(MANY)
}

/// The bytes of a key as long as most keys of peers in libp2p are.
fn key(number: u32) -> [u8; 38] {
    let mut key = [0; 38];
    key[..4].copy_from_slice(&number.to_be_bytes());
    key
}

fn stream(manager: &ResourceManager, peer: &[u8]) -> Result<impl Sized + use<>, Error> {
    manager.open_stream(peer, Direction::Inbound)
}

/// One test, since others would allocate beside it.
#[test]
fn connections_streams_spans_and_peers_are_small() {
    let manager = ResourceManager::builder().collect_above(usize::MAX).build();
    let of_a_peer = bytes_each(|_| stream(&manager, b"peer"));
    let attached = bytes_each(|_| {
        let stream = manager.open_stream(b"peer", Direction::Inbound)?;
        stream.set_protocol("protocol")?;
        stream.set_service("service")?;
        Ok(stream)
    });
    let connection = bytes_each(|_| {
        let connection = manager.open_connection(ConnectionRequest::inbound())?;
        connection.set_peer(b"peer")?;
        Ok(connection)
    });
    let owner = manager.open_stream(b"peer", Direction::Inbound).expect("there is room");
    let span = bytes_each(|_| owner.begin_span());
    let shared = manager.service("service");
    let span_of_a_service = bytes_each(|_| shared.begin_span());
    let with_a_peer_of_its_own = bytes_each(|at| stream(&manager, &key(at)));

    assert!(of_a_peer <= 80 && attached <= 80, "a stream takes {of_a_peer} and {attached} bytes");
    assert!(connection <= 88, "a connection takes {connection} bytes");
    assert!(span <= 64, "a span takes {span} bytes");
    assert!(span_of_a_service <= 96, "a span of a service takes {span_of_a_service} bytes");
    // The map of peers grows in steps, and takes 9 to 18 bytes for each.
    assert!(
        with_a_peer_of_its_own <= 448,
        "a stream with its peer takes {with_a_peer_of_its_own} bytes"
    );
}
