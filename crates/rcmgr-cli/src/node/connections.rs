//! The manager of the node's connections: its settings, what it is told of the machine and of the
//! limits, and its log.

use std::{sync::Arc, time::Duration};

use rcmgr_admin::Regulated;
use rcmgr_config::{Effective, machine};
use rcmgr_connmgr::{Regulator, RegulatorError, RegulatorEvent, RegulatorSettings};
use rcmgr_core::{Limits, ResourceManager};
use rcmgr_libp2p::ConnectionManager;
use rcmgr_machine::{Readings, Root};
use tokio::{task::spawn_blocking, time::interval};

/// How often the machine is looked at.
const EVERY: Duration = Duration::from_secs(1);

/// The manager, as the admin interface asks it.
pub struct Admin(pub ConnectionManager);

impl Regulated for Admin {
    fn regulator(&self) -> &Regulator {
        self.0.regulator()
    }

    fn now(&self) -> Duration {
        self.0.now()
    }
}

/// A manager of connections for a node with these limits.
///
/// # Errors
/// What is said of it contradicts the limits.
pub fn manager(effective: &Effective) -> Result<ConnectionManager, RegulatorError> {
    let regulator = Regulator::new(settings(effective), &effective.limits)?;
    Ok(ConnectionManager::new(regulator))
}

/// What a configuration says of the manager: the high watermark is the share, the low one its low
/// mark, and the silence period is the least time between two rounds for too many connections.
fn settings(effective: &Effective) -> RegulatorSettings {
    let said = effective.connection_manager();
    let count = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let mut settings = RegulatorSettings::default();
    settings.share.soft = said.high_watermark.map(count);
    settings.share.low = said.low_watermark.map(count);
    // Used where the limits bound no connections.
    settings.share.descriptors = machine::descriptors().ok();
    settings.share.memory = Some(effective.given.memory);
    if let Some(grace) = said.grace_period {
        settings.manager.grace = grace;
    }
    if let Some(silence) = said.silence_period {
        settings.rules.connections.cooldown = silence;
    }
    settings
}

/// Tells the manager of the machine and of new limits, and logs what it tells, as long as it is
/// polled.
pub async fn watch(connections: ConnectionManager, limits: ResourceManager) {
    let mut current = limits.limits();
    let mut ticks = interval(EVERY);
    loop {
        ticks.tick().await;
        let regulator = connections.regulator();
        let with_open = regulator.wants_open_descriptors(connections.now());
        // Reading what the kernel tells may take a millisecond.
        let read = spawn_blocking(move || Readings::read(&Root::default(), with_open)).await;
        if let Ok(readings) = read {
            let counted = limits.system().stats().file_descriptors;
            regulator.sensed(connections.now(), Some(counted.into()), &readings);
        }
        let now = limits.limits();
        if !Arc::ptr_eq(&now, &current) {
            follow(&connections, &now);
            current = now;
        }
        while let Some(event) = regulator.events().take() {
            log(&event);
        }
    }
}

fn follow(connections: &ConnectionManager, limits: &Limits) {
    if let Err(error) = connections.regulator().limits_changed(connections.now(), limits) {
        tracing::warn!(%error, "the share of connections stays as it was");
    }
}

/// One line for each thing that an operator would ask about.
fn log(event: &RegulatorEvent) {
    match event {
        RegulatorEvent::Round(round) if round.wanted > 0 => {
            let causes: Vec<_> = round.causes.iter().map(|cause| cause.name()).collect();
            let unmet = round.unmet.total();
            let (mode, closed, live) = (round.mode.name(), round.closed, round.live);
            tracing::info!(round = round.round, ?causes, mode, live, closed, unmet, "round made");
        }
        RegulatorEvent::Level { from, to } if to > from => {
            tracing::warn!(%from, %to, "the node's environment is worse");
        }
        RegulatorEvent::Level { from, to } => {
            tracing::info!(%from, %to, "the node's environment is better");
        }
        RegulatorEvent::Share(share) => {
            tracing::info!(share = share.soft(), low = share.low(), "the share has changed");
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests;
