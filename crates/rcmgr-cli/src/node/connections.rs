//! The manager of the node's connections: its settings, what it is told of the machine and of the
//! limits, and its log.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use rcmgr_admin::Regulated;
use rcmgr_config::{
    Diagnostic, Diagnostics, Effective, Key, LiveLimits, ManagerType, Protocols, Version, changes,
    machine, quoted,
};
use rcmgr_connmgr::{Regulator, RegulatorEvent, RegulatorSettings, Tuning};
use rcmgr_libp2p::ConnectionManager;
use rcmgr_machine::{Readings, Root};
use tokio::{task::spawn_blocking, time::interval};

mod quotas;
mod refusal;

use quotas::Quotas;
use refusal::refusal;

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

/// What is told of a node without a manager of connections.
///
/// Returns nothing where there is to be one.
pub fn none(effective: &Effective) -> Option<String> {
    let is_none = effective.connection_manager().kind == ManagerType::None;
    is_none.then(|| {
        let origin = effective.origin(&Key::ManagerType);
        format!(
            "this node has no manager of connections: {} is none ({origin}); say {}, and start it \
             again",
            Key::ManagerType,
            ManagerType::Regulator
        )
    })
}

/// Says in the log that a manager is wanted, or not any more, which takes a start of the node.
fn warn_of_start(before: &Effective, now: &Effective) {
    let kind = |of: &Effective| of.connection_manager().kind;
    if kind(before) != kind(now) {
        let (key, origin) = (Key::ManagerType, now.origin(&Key::ManagerType));
        tracing::warn!("{key} is {} ({origin}), when the node is started again", kind(now));
    }
}

/// Follows the configuration of a node without a manager of connections, as long as it is polled.
pub async fn watch_none(live: Arc<LiveLimits>, mut version: Arc<Version>) {
    let mut ticks = interval(EVERY);
    loop {
        ticks.tick().await;
        let current = live.current();
        warn_of_start(&version.effective, &current.effective);
        version = current;
    }
}

/// A manager with the protocols that the configuration gave quotas in it.
pub struct Managed {
    /// The manager.
    pub connections: ConnectionManager,
    quotas: Quotas,
    /// The protocols that have not the quota that is said: the share may be too small for now.
    lacking: BTreeSet<Protocols>,
}

impl Managed {
    /// A manager of connections for a node with these limits.
    ///
    /// # Errors
    /// What is said of it contradicts the limits or itself.
    pub fn of(effective: &Effective) -> Result<Managed, Diagnostics> {
        let regulator = Regulator::new(settings(effective), &effective.limits)
            .map_err(|error| refusal(error, effective))?;
        let connections = ConnectionManager::new(regulator);
        let mut quotas = Quotas::default();
        let now = connections.now();
        let mut wrong = Diagnostics::default();
        wrong.extend(quotas.follow(connections.regulator(), now, effective).into_values());
        if wrong.has_errors() {
            Err(wrong)
        } else {
            Ok(Managed { connections, quotas, lacking: BTreeSet::new() })
        }
    }
}

/// Which quotas no node with these limits starts with, as warnings, for a node elsewhere may have
/// others; or why there is no share for them. Nothing where there are no quotas or no manager.
pub fn misfits(effective: &Effective) -> Vec<Diagnostic> {
    let said = effective.connection_manager();
    if said.kind == ManagerType::None || said.quotas.is_empty() {
        return Vec::new();
    }
    let wrong = Managed::of(effective).err().unwrap_or_default();
    wrong.errors().iter().cloned().map(Diagnostic::as_warning).collect()
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

impl Managed {
    /// Tells the manager of the machine and of limits that follow those of a version, and logs what it
    /// tells, as long as it is polled.
    pub async fn watch(mut self, live: Arc<LiveLimits>, mut version: Arc<Version>) {
        let connections = self.connections.clone();
        let mut ticks = interval(EVERY);
        loop {
            ticks.tick().await;
            let regulator = connections.regulator();
            let with_open = regulator.wants_open_descriptors(connections.now());
            // Reading what the kernel tells may take a millisecond.
            let read = spawn_blocking(move || Readings::read(&Root::default(), with_open)).await;
            if let Ok(readings) = read {
                let counted = live.manager().system().stats().file_descriptors;
                regulator.sensed(connections.now(), Some(counted.into()), &readings);
            }
            let current = live.current();
            if !Arc::ptr_eq(&current, &version) {
                self.follow(&version.effective, &current.effective);
                version = current;
            }
            let mut try_again = !self.lacking.is_empty();
            while let Some(event) = regulator.events().take() {
                // Which minima yield is told by their keys.
                try_again |= matches!(event, RegulatorEvent::FloorsYield(_));
                log(&event);
            }
            if try_again {
                let before = self.lacking.clone();
                self.give_quotas(&version.effective, |protocols| !before.contains(protocols));
            }
        }
    }

    /// Takes another configuration, as far as it can.
    fn follow(&mut self, before: &Effective, effective: &Effective) {
        warn_of_start(before, effective);
        let (regulator, now) = (self.connections.regulator(), self.connections.now());
        let tuning = Tuning::from(&settings(effective));
        if let Err(error) = regulator.retune(now, &effective.limits, &tuning) {
            let problem = refusal(error.into(), effective);
            tracing::warn!("the manager of connections stays as it was: {problem}");
            return;
        }
        self.give_quotas(effective, |_| true);
        let is_followed = |key: &Key| match key {
            Key::ManagerType => false,
            Key::Quota(protocols, _) => !self.lacking.contains(protocols),
            key => key.is_carried(),
        };
        let changes = changes(before, effective).into_iter();
        for change in changes.filter(|change| is_followed(&change.key)) {
            tracing::info!("the manager of connections follows: {change}");
        }
    }

    /// Gives protocols the quotas that are said. Logs which of those to be told of lack theirs, and
    /// which do no longer.
    fn give_quotas(&mut self, effective: &Effective, is_told: impl Fn(&Protocols) -> bool) {
        let (regulator, now) = (self.connections.regulator(), self.connections.now());
        let lacking = self.quotas.follow(regulator, now, effective);
        for (_, problem) in lacking.iter().filter(|(protocols, _)| is_told(protocols)) {
            tracing::warn!("a protocol has not the quota that is said: {problem}");
        }
        let said = effective.connection_manager().quotas;
        for protocols in &self.lacking {
            if said.contains_key(protocols) && !lacking.contains_key(protocols) {
                let name = protocols.to_string();
                tracing::info!("{} has the quota that is said", quoted(&name));
            }
        }
        self.lacking = lacking.into_keys().collect();
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
