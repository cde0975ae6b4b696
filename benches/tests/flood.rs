//! What a flood from ever new addresses makes a manager keep, meanwhile and afterwards: entries,
//! buckets and memory. The example `flood` makes larger ones, and takes the time.

use std::net::IpAddr;

use rcmgr_benches::allocator::CountingAllocator;
use rcmgr_benches::flood::{EACH_48, Family, PACE, collect};
use rcmgr_core::{ConnectionRequest, Limits, ResourceManager};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

const CONNECTIONS: u32 = 50_000;
const MAX_BUCKETS: usize = 1_000;

fn manager() -> ResourceManager {
    let mut limits = Limits::default();
    limits.rates.max_buckets = MAX_BUCKETS;
    ResourceManager::new(limits)
}

/// One test, since the other threads of a test program would count as well.
#[test]
fn a_flood_leaves_nothing_and_locks_out_nobody() {
    for family in [Family::V4, Family::V6] {
        let manager = manager();
        drop(manager.open_connection(family.request(0)));
        collect(&manager, 1);
        let before = CountingAllocator::live_bytes();
        held(&manager, family);
        dropped(&manager, family);
        let stays = CountingAllocator::live_bytes() - before;
        assert!(stays < 1 << 20, "{stays} bytes stay of a flood of {family:?}");
    }
}

fn held(manager: &ResourceManager, family: Family) {
    let open = |number| {
        let request = ConnectionRequest::inbound().with_ip(family.address(number));
        manager.open_connection(request).expect("each subnet has room")
    };
    let held: Vec<_> = (0..CONNECTIONS).map(open).collect();
    let subnets = match family {
        Family::V4 => CONNECTIONS,
        Family::V6 => CONNECTIONS + CONNECTIONS / EACH_48,
    };
    assert_eq!(manager.connections_by_network().len(), subnets as usize);
    drop(held);
    assert_eq!(manager.connections_by_network(), []);
}

fn dropped(manager: &ResourceManager, family: Family) {
    let honest = IpAddr::from([192, 0, 2, 1]);
    for number in 0..CONNECTIONS {
        drop(manager.open_connection(family.request(number)).expect("each subnet has its burst"));
        assert!(manager.rate_buckets() <= MAX_BUCKETS);
        // Ten times, which is less than its burst.
        if number % 5_000 == 0 {
            let request = ConnectionRequest::inbound().with_ip(honest).at(PACE * number);
            drop(manager.open_connection(request).expect("the honest one is not locked out"));
        }
    }
    collect(manager, CONNECTIONS);
    assert_eq!(manager.rate_buckets(), 0);
    assert_eq!(manager.connections_by_network(), []);
}
