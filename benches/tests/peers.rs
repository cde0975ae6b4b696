//! What ever new peers make a manager keep: nothing that grows with their number.

use rcmgr_benches::allocator::CountingAllocator;
use rcmgr_core::{ConnectionRequest, Direction, Priority, ResourceManager};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const PEERS: u32 = 20_000;

#[test]
fn peers_that_are_gone_leave_no_memory() {
    let manager = ResourceManager::builder().collect_above(100).build();
    live(&manager, 0..PEERS);
    manager.collect();
    let before = CountingAllocator::live_bytes();
    live(&manager, PEERS..2 * PEERS);
    manager.collect();
    let stays = CountingAllocator::live_bytes() - before;
    // Two words of each peer would be more.
    assert!(stays < i64::from(PEERS) * 16, "{stays} bytes stay of {PEERS} peers");
}

/// Each peer connects, opens a stream with a protocol and a service, and goes.
fn live(manager: &ResourceManager, peers: core::ops::Range<u32>) {
    for peer in peers {
        let key = peer.to_be_bytes();
        let connection = manager.open_connection(ConnectionRequest::inbound());
        let connection = connection.expect("nothing is limited");
        connection.set_peer(&key).expect("it has no peer yet");
        let stream = manager.open_stream(&key, Direction::Inbound).expect("nothing is limited");
        stream.set_protocol(if peer % 2 == 0 { "even" } else { "odd" }).expect("it has none yet");
        stream.set_service("service").expect("it has none yet");
        drop(stream.reserve_memory(1, Priority::ALWAYS).expect("nothing is limited"));
    }
}
