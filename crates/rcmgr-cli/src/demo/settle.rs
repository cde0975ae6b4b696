//! What everybody leaves behind: every counter is zero once the clients have gone.

use std::time::Duration;

use rcmgr_core::{Resource, ResourceManager, Stats};
use tokio::time::{Instant, sleep};

/// How long the node may take to notice that everybody has left.
const SETTLING: Duration = Duration::from_secs(5);

/// How the counters ended.
pub struct Settled {
    /// How long it took, after the last client had gone, until they were all zero; the time
    /// that they were given, if they never were.
    pub after: Duration,
    /// The sum of all counters of all scopes then.
    pub left: u64,
}

/// Waits, for a bounded time, until every counter is zero.
pub async fn settle(manager: &ResourceManager) -> Settled {
    let start = Instant::now();
    loop {
        let left = sum(&manager.stats());
        let after = start.elapsed();
        if left == 0 || after >= SETTLING {
            return Settled { after, left };
        }
        sleep(Duration::from_millis(10)).await;
    }
}

/// The sum of all counters of all scopes.
fn sum(stats: &Stats) -> u64 {
    const COUNTERS: [Resource; 9] = [
        Resource::Memory,
        Resource::StreamsInbound,
        Resource::StreamsOutbound,
        Resource::ConnectionsInbound,
        Resource::ConnectionsOutbound,
        Resource::FileDescriptors,
        Resource::TasksHigh,
        Resource::TasksMedium,
        Resource::TasksLow,
    ];
    let single =
        [&stats.system, &stats.transient, &stats.allowlisted_system, &stats.allowlisted_transient];
    single
        .into_iter()
        .chain(stats.services.values())
        .chain(stats.protocols.values())
        .chain(stats.peers.values())
        .chain(stats.peer_protocols.values())
        .chain(stats.peer_services.values())
        .flat_map(|held| COUNTERS.map(|resource| held.get(resource)))
        .fold(0, u64::saturating_add)
}
