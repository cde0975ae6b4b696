//! A shared scope: its counters, its place among the limits, its lifecycle and its name.

use core::mem;

use triomphe::ThinArc;

use crate::caution::Caution;
use crate::counters::{Counters, Request, Stop};
use crate::lifecycle::Lifecycle;
use crate::snapshot::Snapshot;
use crate::sync::{Hint, SmallHint};
use crate::{Error, Refusal, Resource, ScopeId, ScopeLimit};

/// A shared scope.
///
/// What charges only read comes first, so far from the counters that it is never on a cache line
/// with one of them; and what lies between keeps what was allocated before off those lines.
#[derive(Debug)]
#[repr(C)]
pub struct Node {
    /// Epoch 32, place 32: where this scope's limit was found last.
    place: Hint,
    number: u64,
    /// Whether leaves below charge exactly.
    caution: Caution,
    /// How often all limits have changed; only system, and its twin, know.
    changes: SmallHint,
    id: ScopeId,
    life: Lifecycle,
    counters: Counters<false>,
}

/// The bytes of a cache line.
const LINE: usize = 64;
// With pointers of 4 bytes the name is shorter, and some of a million counters share a line with it.
#[cfg(target_pointer_width = "64")]
const _: () = assert!(
    mem::offset_of!(Node, counters) >= mem::offset_of!(Node, place) + LINE,
    "what charges read is on a line that they write"
);

/// What lies behind the counters of a scope that many threads charge.
type Padding = [u8; LINE];

/// A reference to a shared scope.
#[derive(Clone)]
pub struct SharedNode(ThinArc<Node, Padding>);

impl SharedNode {
    /// One of very many scopes: as small as it can be. What is allocated behind it may be on a
    /// line with its counters.
    pub fn compact(id: ScopeId) -> Self {
        SharedNode(ThinArc::from_header_and_slice(Node::new(id), &[]))
    }

    /// A scope that many threads charge: nothing else is on a line with its counters.
    pub fn padded(id: ScopeId) -> Self {
        SharedNode(ThinArc::from_header_and_slice(Node::new(id), &[[0; LINE]]))
    }

    /// Whether both are the same scope.
    pub fn ptr_eq(&self, other: &SharedNode) -> bool {
        core::ptr::eq(self.0.as_ptr(), other.0.as_ptr())
    }
}

impl core::ops::Deref for SharedNode {
    type Target = Node;

    #[inline(always)]
    fn deref(&self) -> &Node {
        &self.0.header.header
    }
}

impl core::fmt::Debug for SharedNode {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Debug::fmt(&**self, f)
    }
}

impl Node {
    /// A scope with one user.
    fn new(id: ScopeId) -> Self {
        Node {
            place: Hint::new(),
            number: crate::sync::unique_id(),
            caution: Caution::new(),
            changes: SmallHint::new(),
            id,
            life: Lifecycle::new(),
            counters: Counters::new(),
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
        if matches!(&stop, Stop::Refused(verdict) if verdict.resource == Resource::Memory) {
            self.caution.refused();
        }
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
