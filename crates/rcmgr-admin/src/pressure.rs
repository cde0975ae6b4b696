//! Lets the priority that memory requires follow what the process takes.

use rcmgr_config::machine::ResidentError;
use rcmgr_config::{MemoryPressure, PressureLevel, Size};
use rcmgr_core::{Priority, ResourceManager};
use tokio::time::sleep;

/// Samples the process and lets the manager require the priority of the level of pressure. It never
/// returns; when it is dropped, or its task is aborted, no priority is required any more.
///
/// `resident` tells what the process takes ([`rcmgr_config::machine::resident`]); it must not block.
/// While it does not tell, the level stays; that is logged once, until it tells again. A change of the
/// level is logged once.
///
/// Nobody else should let this manager require a priority: who does so last decides, until the level
/// changes.
pub async fn watch_pressure(
    manager: ResourceManager,
    mut pressure: MemoryPressure,
    resident: impl Fn() -> Result<u64, ResidentError> + Send,
) {
    let requirement = Requirement(manager);
    let mut failed = false;
    loop {
        let sample = match resident() {
            Ok(bytes) => Some(bytes),
            Err(error) => {
                if !failed {
                    tracing::warn!(%error, "the process's memory is not known; its pressure stays");
                }
                None
            }
        };
        failed = sample.is_none();
        let before = pressure.level();
        if let (Some(level), Some(bytes)) = (pressure.sample(sample), sample) {
            requirement.set(level);
            let (resident, budget) = (Size(bytes), Size(pressure.budget()));
            if level > before {
                tracing::warn!(%level, %resident, %budget, "memory pressure has risen");
            } else {
                tracing::info!(%level, %resident, %budget, "memory pressure has fallen");
            }
        }
        sleep(pressure.rules().every).await;
    }
}

/// What a manager requires, for as long as somebody watches: nobody else would end it.
struct Requirement(ResourceManager);

impl Requirement {
    fn set(&self, level: PressureLevel) {
        self.0.require_priority(level.required_priority());
    }
}

impl Drop for Requirement {
    fn drop(&mut self) {
        self.0.require_priority(Priority::LOWEST);
    }
}
