//! Settings of a manager that is to be made.

use std::sync::Arc;

use crate::engine::Core;
use crate::snapshot::Snapshot;
use crate::{Granule, Limits, Observer, ResourceManager};

/// The number of named scopes above which making one sweeps a few others.
const DEFAULT_SWEEP_ABOVE: usize = 8192;

/// Settings of a manager that is to be made.
#[derive(Default)]
#[must_use]
pub struct Builder {
    limits: Limits,
    observer: Option<Arc<dyn Observer>>,
    sweep_above: Option<usize>,
    granule: Granule,
}

impl core::fmt::Debug for Builder {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Builder")
            .field("limits", &self.limits)
            .field("observer", &self.observer.is_some())
            .field("sweep_above", &self.sweep_above)
            .field("granule", &self.granule)
            .finish()
    }
}

impl Builder {
    /// The limits to begin with; the default ones if none are given.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Who is told of charges and refusals.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// How many named scopes and paths through them (peers, protocols, services, what each peer
    /// uses of these) there may be before making one closes some that nobody uses. 8192 if not
    /// given. Scopes in use and scopes with a limit of their own are never closed.
    pub fn collect_above(mut self, entries: usize) -> Self {
        self.sweep_above = Some(entries);
        self
    }

    /// In which multiples connections and streams charge memory to the scopes above them;
    /// [`Granule::EXACT`] if not given. It does not change while the manager runs.
    pub fn granule(mut self, granule: Granule) -> Self {
        self.granule = granule;
        self
    }

    /// The manager.
    pub fn build(self) -> ResourceManager {
        let snapshot = Snapshot::new(self.limits, self.observer).with_granule(self.granule);
        let sweep_above = self.sweep_above.unwrap_or(DEFAULT_SWEEP_ABOVE);
        ResourceManager::of(Core::new(snapshot, sweep_above))
    }
}
