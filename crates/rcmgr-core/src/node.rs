//! A shared scope: its counters, its place among the limits, its lifecycle and its name.

use crate::caution::Caution;
use crate::counters::{Counters, Request, Stop};
use crate::lifecycle::Lifecycle;
use crate::snapshot::Snapshot;
use crate::sync::{Hint, SmallHint};
use crate::{Error, Refusal, ScopeId, ScopeLimit};

/// A shared scope. What every charge touches comes first, on a cache line that no other scope has
/// a part of.
#[derive(Debug)]
#[repr(C, align(64))]
pub struct Node {
    counters: Counters<false>,
    /// Epoch 32, place 32: where this scope's limit was found last.
    place: Hint,
    life: Lifecycle,
    number: u64,
    id: ScopeId,
    /// Whether leaves below charge exactly.
    caution: Caution,
    /// How often all limits have changed; only system, and its twin, know.
    changes: SmallHint,
}

impl Node {
    /// A scope with one user.
    pub fn new(id: ScopeId) -> Self {
        Node {
            counters: Counters::new(),
            place: Hint::new(),
            life: Lifecycle::new(),
            number: crate::sync::unique_id(),
            id,
            caution: Caution::new(),
            changes: SmallHint::new(),
        }
    }

    pub fn id(&self) -> &ScopeId {
        &self.id
    }

    /// A number that no other scope has, to make keys of.
    pub fn number(&self) -> u64 {
        self.number
    }

    pub fn life(&self) -> &Lifecycle {
        &self.life
    }

    pub fn counters(&self) -> &Counters<false> {
        &self.counters
    }

    pub fn caution(&self) -> &Caution {
        &self.caution
    }

    /// How often all limits have changed, as far as this scope was told.
    pub fn changes(&self) -> &SmallHint {
        &self.changes
    }

    /// The limit of this scope in a snapshot.
    #[inline(always)]
    pub fn limit<'s>(&self, snapshot: &'s Snapshot) -> &'s ScopeLimit {
        // The place is right or of another epoch, whenever it was found.
        let (found, places) = (self.place.get(), snapshot.places());
        if (found >> 32) as u32 == places.epoch() {
            places.at(found as u32)
        } else {
            self.find_limit(snapshot)
        }
    }

    #[cold]
    fn find_limit<'s>(&self, snapshot: &'s Snapshot) -> &'s ScopeLimit {
        let places = snapshot.places();
        let place = places.place(&self.id);
        self.place.set(u64::from(places.epoch()) << 32 | u64::from(place));
        places.at(place)
    }

    /// The error of a scope that did not take a charge.
    #[cold]
    pub fn error(&self, stop: Stop, request: &Request<'_>) -> Error {
        self.caution.refused();
        error(self.id.clone(), stop, request)
    }
}

/// The error of a scope that did not take a charge.
#[cold]
pub fn error(scope: ScopeId, stop: Stop, request: &Request<'_>) -> Error {
    match stop {
        Stop::Refused(verdict) => Error::Refused(Refusal {
            scope,
            resource: verdict.resource,
            used: verdict.used,
            requested: verdict.requested,
            limit: verdict.limit,
            priority: request.priority,
        }),
        Stop::Full(resource) => Error::Capacity { scope, resource },
        Stop::Closed => Error::Closed { scope },
    }
}
