//! Lets limits follow the free memory of the machine.

use std::sync::Arc;
use std::time::Duration;

use rcmgr_config::machine::AvailableMemory;
use rcmgr_config::{LiveLimits, Size};
use tokio::time::sleep;

/// How often it is looked whether the limits have begun to follow.
const LOOK: Duration = Duration::from_secs(1);

/// Follows the free memory of the machine, while the limits do. It never returns.
pub async fn follow_memory(live: Arc<LiveLimits>) {
    let mut failed = false;
    loop {
        let Some(follow) = live.follows() else {
            sleep(LOOK).await;
            continue;
        };
        sleep(follow.every).await;
        let node = live.clone();
        let sampled = tokio::task::spawn_blocking(move || {
            AvailableMemory::of_this_process().map(|free| node.sample(free))
        });
        match sampled.await {
            Ok(Ok(version)) => {
                failed = false;
                if let Some(version) = version {
                    let memory = Size(version.effective.given.memory);
                    let version = version.number;
                    tracing::info!(version, %memory, "limits follow the free memory");
                }
            }
            Ok(Err(error)) => {
                if !failed {
                    tracing::warn!(%error, "free memory is not known; the limits stay as they are");
                }
                failed = true;
            }
            Err(error) => tracing::error!(%error, "the free memory could not be sampled"),
        }
    }
}
