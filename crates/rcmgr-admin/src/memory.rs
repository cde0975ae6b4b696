//! Lets limits follow the free memory of the machine.

use std::sync::Arc;
use std::time::Duration;

use rcmgr_config::{LiveLimits, Size};
use tokio::time::{Instant, sleep};

/// How often it is looked whether the limits follow, and how: what is followed once in an hour may
/// be changed to be followed each second.
const LOOK: Duration = Duration::from_secs(1);

/// Follows the free memory of the machine, while the limits do. It never returns.
///
/// When the machine does not tell what is free, the limits stay as they are; it is logged once,
/// until it tells again.
pub async fn follow_memory(live: Arc<LiveLimits>) {
    let mut failed = false;
    let mut last = (live.follows(), Instant::now());
    loop {
        let follow = live.follows();
        if follow != last.0 {
            last = (follow, Instant::now());
        }
        let left = follow.map(|follow| follow.every.saturating_sub(last.1.elapsed()));
        if left != Some(Duration::ZERO) {
            sleep(left.unwrap_or(LOOK).min(LOOK)).await;
            continue;
        }
        last.1 = Instant::now();
        let node = live.clone();
        match tokio::task::spawn_blocking(move || node.sample()).await {
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
