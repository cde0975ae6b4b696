//! What of a regulator's settings can be changed while it works.

use std::time::Duration;

use rcmgr_core::Limits;

use super::{Regulator, RegulatorSettings, unpoisoned};
use crate::{ShareError, ShareSettings};

/// Settings that can be changed while a regulator works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuning {
    /// How the share follows from the limits.
    pub share: ShareSettings,
    /// For how long a connection is new. The regulator's manager goes on telling the
    /// [grace](crate::Settings::grace) that it was made with; it makes no trims here.
    pub grace: Duration,
    /// For how long no round for too many connections follows another: the cooldown of
    /// [`Rules::connections`](crate::trigger::Rules::connections).
    pub silence: Duration,
}

impl From<&RegulatorSettings> for Tuning {
    fn from(settings: &RegulatorSettings) -> Tuning {
        Tuning {
            share: settings.share,
            grace: settings.manager.grace,
            silence: settings.rules.connections.cooldown,
        }
    }
}

impl Regulator {
    /// Takes other settings together with the limits that they are for, which may be those that it
    /// has. Connections that are open already have the new grace from when they were opened on; a
    /// silence that goes on ends no later than a new one would. Quotas that no longer fit shrink, as
    /// after [`Regulator::limits_changed`].
    ///
    /// ```
    /// use std::time::Duration;
    /// use rcmgr_connmgr::{Regulator, RegulatorSettings, Tuning};
    /// use rcmgr_core::{Limit, Limits};
    ///
    /// let mut limits = Limits::default();
    /// limits.system.connections = Limit::new(100);
    /// let mut settings = RegulatorSettings::default();
    /// let regulator = Regulator::new(settings.clone(), &limits)?;
    /// assert_eq!(regulator.share().soft(), 80);
    /// settings.share.soft = Some(60);
    /// regulator.retune(Duration::from_secs(1), &limits, &Tuning::from(&settings))?;
    /// assert_eq!(regulator.share().soft(), 60);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The share contradicts the limits or itself. All stays as it was.
    pub fn retune(
        &self,
        now: Duration,
        limits: &Limits,
        tuning: &Tuning,
    ) -> Result<(), ShareError> {
        let now = self.pass(now);
        let mut events = Vec::new();
        let mut steering = unpoisoned(&self.steering);
        steering.set_limits(now, limits, tuning.share, &mut events)?;
        steering.triggers.set_silence(now, tuning.silence);
        self.grace.set(tuning.grace);
        self.follow(&steering, now);
        drop(steering);
        self.tell(events);
        self.wake.wake();
        Ok(())
    }
}
