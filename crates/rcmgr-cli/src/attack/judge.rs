//! What an attack was to show, and whether it did.

use std::{collections::BTreeMap, time::Duration};

use super::{
    kind::Attack,
    limits::{BUDGET, MARGIN},
    run::Seen,
};

/// The share of what honest clients offer that is to be served under limits.
pub const SERVED: f64 = 0.95;
/// The share of what the node serves alone that honest clients offer.
pub const LOAD: f64 = 0.3;
/// A p99 of so many times the one without an attack is a visible harm.
const SLOWER: u64 = 3;

/// What the node does alone.
#[derive(Clone, Debug)]
pub struct Alone {
    /// Requests a second in a closed loop, and how much of a core the node took for them.
    pub capacity: f64,
    pub busy: f64,
    /// The load that all runs have: without any attack, with limits.
    pub quiet: Seen,
}

impl Alone {
    /// What a request costs the node at that load, idling included.
    pub fn per_request(&self) -> Duration {
        self.quiet.cpu.div_f64(self.quiet.served.served.max(1) as f64)
    }
}

/// An attack with limits and without.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub attack: Attack,
    /// Not there if only the run without limits was asked for.
    pub limited: Option<Seen>,
    pub unlimited: Seen,
}

/// Whether an aim was met.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Aims {
    /// Honest clients are served [`SERVED`] of what they offer.
    pub served: bool,
    /// Memory stays in budget and margin.
    pub memory: bool,
    /// A refusal takes the node less than an accepted request.
    pub cheap: bool,
    /// The kinds of scopes that are meant for it have refused.
    pub refused: bool,
    /// No charge passed its limit, and every counter was zero in the end.
    pub sound: bool,
}

impl Aims {
    pub fn are_met(self) -> bool {
        let Aims { served, memory, cheap, refused, sound } = self;
        served && memory && cheap && refused && sound
    }

    /// The aims that were missed, in words.
    pub fn missed(self) -> Vec<&'static str> {
        let all = [
            (self.served, "served"),
            (self.memory, "memory"),
            (self.cheap, "cost of a refusal"),
            (self.refused, "refused where it is meant"),
            (self.sound, "counters"),
        ];
        all.into_iter().filter_map(|(met, name)| (!met).then_some(name)).collect()
    }
}

/// What of an attack is refused that opens streams, whoever refuses them.
pub const STREAMS: &str = "streams";

/// Refusals by what refused what, of streams those of attackers that were not let in: since they
/// waited in vain, or because they came too fast, without a scope having been asked. The streams of
/// honest clients, those of ping and identify included, are as many for each request as without an
/// attack.
pub fn refused(seen: &Seen, alone: &Alone) -> BTreeMap<String, BTreeMap<String, u64>> {
    let mut refused = seen.counts.refused.clone();
    let quiet = &alone.quiet;
    let per_request = quiet.counts.streams as f64 / quiet.served.offered.max(1) as f64;
    let honest = (per_request * seen.served.offered as f64) as u64;
    let let_in = seen.counts.streams.saturating_sub(honest);
    let streams = seen.streams.map_or(0, |opened| opened.saturating_sub(let_in));
    if streams > 0 {
        refused.insert(STREAMS.to_owned(), [("not let in".to_owned(), streams)].into());
    }
    refused
}

/// All that was refused, each once.
pub fn refusals(seen: &Seen, alone: &Alone) -> u64 {
    refused(seen, alone).values().flat_map(BTreeMap::values).sum()
}

/// What a refusal cost the node, as far as it can be told: what it took beyond what the honest
/// requests would have taken, by the number of refusals. All that the attack costs is in it, also
/// what was not refused. Nothing, when nothing was refused.
pub fn per_refusal(seen: &Seen, alone: &Alone) -> Option<Duration> {
    let honest = alone.per_request().mul_f64(seen.served.served as f64);
    let refused = refusals(seen, alone);
    (refused > 0).then(|| seen.cpu.saturating_sub(honest).div_f64(refused as f64))
}

impl Outcome {
    /// How the aims were met with limits.
    pub fn aims(&self, alone: &Alone) -> Option<Aims> {
        let seen = self.limited.as_ref()?;
        let refused = refused(seen, alone);
        let refused_by =
            |kind: &&str| refused.contains_key(*kind) || seen.counts.tries.contains_key(*kind);
        Some(Aims {
            served: seen.served.ratio() >= SERVED,
            memory: seen.peak <= BUDGET + MARGIN,
            cheap: per_refusal(seen, alone).is_some_and(|cost| cost < alone.per_request()),
            refused: self.attack.answered_by().iter().any(refused_by),
            sound: seen.counts.over_limit == 0 && seen.counts.left == 0,
        })
    }
}

/// What is visibly harmed: fewer served than are to be, a p99 far above the one without an attack,
/// memory beyond budget and margin.
pub fn harms(seen: &Seen, alone: &Alone) -> Vec<&'static str> {
    let served = &seen.served;
    let late = served.served == 0 || served.p99_us >= SLOWER * alone.quiet.served.p99_us;
    let all = [
        (served.ratio() < SERVED, "served"),
        (late, "p99"),
        (seen.peak > BUDGET + MARGIN, "memory"),
    ];
    all.into_iter().filter_map(|(harmed, name)| harmed.then_some(name)).collect()
}
