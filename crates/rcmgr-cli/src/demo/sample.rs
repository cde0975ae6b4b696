//! What the live view shows of one moment.

use std::time::Duration;

use rcmgr_core::{Limits, Resource, ResourceManager, ScopeLimit};

use super::{
    honest::{Counts, Quantiles, Tally},
    observe::Watch,
};

/// The scopes that have limits, by [kind](rcmgr_core::ScopeId::kind), in the order shown.
pub const SCOPES: [&str; 3] = ["system", "transient", "peer"];
/// The resources that have limits, in the order shown.
pub const RESOURCES: [Resource; 5] = [
    Resource::ConnectionsInbound,
    Resource::FileDescriptors,
    Resource::StreamsInbound,
    Resource::StreamsOutbound,
    Resource::Memory,
];

/// One number for each resource of each scope.
pub type Grid<T> = [[T; SCOPES.len()]; RESOURCES.len()];

/// A grid from what each field is.
pub fn grid<T>(mut field: impl FnMut(usize, Resource) -> T) -> Grid<T> {
    RESOURCES.map(|resource| std::array::from_fn(|scope| field(scope, resource)))
}

/// Use of a resource against its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    pub used: u64,
    pub limit: u64,
}

impl Use {
    /// How full it is, rounded down, so that only a full one is 100 percent.
    pub fn percent(self) -> u64 {
        (self.used * 100).checked_div(self.limit).unwrap_or(0)
    }
}

/// One moment.
pub struct Sample {
    pub elapsed: Duration,
    /// Of the system, of transient, and the highest of all peers.
    pub in_use: Grid<Use>,
    pub refused: Grid<u64>,
    /// Refusals since the last sample.
    pub refused_lately: Grid<u64>,
    pub honest: Counts,
    /// Requests served since the last sample.
    pub served_lately: u64,
    pub latency: Option<Quantiles>,
}

/// Takes samples of a run.
pub struct Sampler<'a> {
    manager: &'a ResourceManager,
    limits: &'a Limits,
    watch: &'a Watch,
    tally: &'a Tally,
    last_refused: Grid<u64>,
    last_served: u64,
}

impl<'a> Sampler<'a> {
    pub fn new(
        manager: &'a ResourceManager,
        limits: &'a Limits,
        watch: &'a Watch,
        tally: &'a Tally,
    ) -> Sampler<'a> {
        let last_refused = refused(watch);
        Sampler { manager, limits, watch, tally, last_refused, last_served: tally.counts().served }
    }

    pub fn take(&mut self, elapsed: Duration) -> Sample {
        let stats = self.manager.stats();
        let in_use = grid(|scope, resource| {
            let used = match scope {
                0 => stats.system.get(resource),
                1 => stats.transient.get(resource),
                _ => stats.peers.values().map(|held| held.get(resource)).max().unwrap_or(0),
            };
            Use { used, limit: scope_limit(self.limits, scope).get(resource).get() }
        });
        let refused = refused(self.watch);
        let mut refused_lately = refused;
        for (now, before) in
            refused_lately.iter_mut().flatten().zip(self.last_refused.iter().flatten())
        {
            *now -= before;
        }
        self.last_refused = refused;
        let honest = self.tally.counts();
        let served_lately = honest.served - self.last_served;
        self.last_served = honest.served;
        let latency = self.tally.recent_latency();
        Sample { elapsed, in_use, refused, refused_lately, honest, served_lately, latency }
    }
}

/// Refusals so far.
pub fn refused(watch: &Watch) -> Grid<u64> {
    grid(|scope, resource| watch.refusals(SCOPES[scope], resource))
}

/// The highest that each counter reached.
pub fn peaks(watch: &Watch, limits: &Limits) -> Grid<Use> {
    let mut peaks = grid(|scope, resource| Use {
        used: 0,
        limit: scope_limit(limits, scope).get(resource).get(),
    });
    for seen in watch.seen() {
        let row = RESOURCES.iter().position(|resource| *resource == seen.resource);
        let column = SCOPES.iter().position(|scope| *scope == seen.kind);
        if let (Some(row), Some(column)) = (row, column) {
            peaks[row][column].used = seen.peak;
        }
    }
    peaks
}

fn scope_limit(limits: &Limits, scope: usize) -> &ScopeLimit {
    [&limits.system, &limits.transient, &limits.peer][scope]
}
