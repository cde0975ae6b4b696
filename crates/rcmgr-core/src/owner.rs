//! What a reservation or a span is charged to: a leaf, a shared scope, or another span.

use crate::counters::Request;
use crate::leaf::Leaf;
use crate::path::{Look, uncharge};
use crate::shared_path::SharedPath;
use crate::snapshot::Snapshot;
use crate::span_state::SpanState;
use crate::sync::StrongArc;
use crate::{Amount, Error, ScopeId, ScopeLimit};

/// An owner that is kept in memory. Whoever charges a shared scope pins it apart from that, by
/// [`OwnerRef::pin`] and [`OwnerRef::unpin`]. Only a [`PinnedOwner`] does so by itself.
#[derive(Clone, Debug)]
pub enum Owner {
    Leaf(StrongArc<Leaf>),
    Shared(SharedPath),
    Span(StrongArc<SpanState>),
    /// Of the memory of a span that has ended.
    Nobody,
}

/// An owner that another keeps alive, so that borrowing one writes to no shared line.
#[derive(Clone, Copy, Debug)]
pub enum OwnerRef<'o> {
    Leaf(&'o StrongArc<Leaf>),
    Shared(&'o SharedPath),
    Span(&'o StrongArc<SpanState>),
}

impl Owner {
    #[inline(always)]
    pub fn by_ref(&self) -> OwnerRef<'_> {
        match self {
            Owner::Leaf(leaf) => OwnerRef::Leaf(leaf),
            Owner::Shared(path) => OwnerRef::Shared(path),
            Owner::Span(span) => OwnerRef::Span(span),
            Owner::Nobody => unreachable!("the memory of a span that has ended is no span"),
        }
    }
}

/// An owner that is kept in memory, and pinned, for as long as this lives.
#[derive(Debug)]
pub struct PinnedOwner(Owner);

impl PinnedOwner {
    pub fn new(owner: OwnerRef<'_>) -> Self {
        owner.pin();
        PinnedOwner(owner.keep())
    }

    #[inline(always)]
    pub fn by_ref(&self) -> OwnerRef<'_> {
        self.0.by_ref()
    }
}

impl Clone for PinnedOwner {
    fn clone(&self) -> Self {
        PinnedOwner::new(self.by_ref())
    }
}

impl Drop for PinnedOwner {
    fn drop(&mut self) {
        self.by_ref().unpin();
    }
}

impl<'o> OwnerRef<'o> {
    /// Pins a shared scope once more, for as long as what is begun under it is open. Leaves and
    /// spans hold their own pins until they are closed, and what is under them needs none.
    pub fn pin(self) {
        if let OwnerRef::Shared(path) = self
            && let Some(life) = path.life()
        {
            life.pin_again();
        }
    }

    /// Takes back what [`OwnerRef::pin`] did.
    pub fn unpin(self) {
        if let OwnerRef::Shared(path) = self
            && let Some(life) = path.life()
        {
            life.unpin();
        }
    }

    /// The same owner, kept in memory.
    pub fn keep(self) -> Owner {
        match self {
            OwnerRef::Leaf(leaf) => Owner::Leaf(leaf.clone()),
            OwnerRef::Shared(path) => Owner::Shared(path.clone()),
            OwnerRef::Span(span) => Owner::Span(span.clone()),
        }
    }

    pub fn id(self) -> ScopeId {
        match self {
            OwnerRef::Leaf(leaf) => leaf.id(),
            OwnerRef::Shared(path) => path.first().id().clone(),
            OwnerRef::Span(span) => span.id(),
        }
    }

    /// Whether only memory may be reserved here.
    pub fn is_memory_only(self) -> bool {
        match self {
            OwnerRef::Leaf(_) => true,
            OwnerRef::Shared(_) => false,
            OwnerRef::Span(span) => span.is_memory_only(),
        }
    }

    /// How many spans deep this is.
    pub fn depth(self) -> u32 {
        match self {
            OwnerRef::Leaf(_) | OwnerRef::Shared(_) => 0,
            OwnerRef::Span(span) => span.depth(),
        }
    }

    /// The limit in force, which a span of this owner goes by as well.
    pub fn limit(self, snapshot: &Snapshot) -> &ScopeLimit {
        match self {
            OwnerRef::Leaf(leaf) => leaf.limit(snapshot),
            OwnerRef::Shared(path) => path.first().limit(snapshot),
            OwnerRef::Span(span) => span.limit(snapshot),
        }
    }

    /// What the owner holds.
    pub fn held(self) -> Amount {
        match self {
            OwnerRef::Leaf(leaf) => leaf.held(),
            OwnerRef::Shared(path) => path.first().counters().held(),
            OwnerRef::Span(span) => span.held(),
        }
    }

    /// Asks whether the priority suffices, looks, then charges: the whole of a reservation. All
    /// reservations come here, and nothing else does: openings and moves are not asked for a priority.
    #[inline(always)]
    pub fn reserve(self, request: &Request<'_>) -> Result<(), Error> {
        if request.is_for_nothing() {
            return Ok(());
        }
        request.check_priority()?;
        if let OwnerRef::Leaf(leaf) = self
            && leaf.serve(request)
        {
            return Ok(());
        }
        if !self.is_easy(request) {
            self.look_before_charge(request)?;
        }
        self.charge(request)
    }

    /// Whether the request need not be looked at.
    #[inline(always)]
    fn is_easy(self, request: &Request<'_>) -> bool {
        match self {
            OwnerRef::Leaf(leaf) => leaf.is_easy(request),
            OwnerRef::Shared(path) => request.is_for_memory_alone() && path.is_easy(request),
            OwnerRef::Span(_) => false,
        }
    }

    /// R0. Apart from the charge, which most requests come to at once.
    #[inline(never)]
    fn look_before_charge(self, request: &Request<'_>) -> Result<(), Error> {
        let mut look = Look::default();
        self.look(request, &mut look)?;
        look.finish()
    }

    #[inline(always)]
    pub fn look(self, request: &Request<'_>, look: &mut Look) -> Result<(), Error> {
        match self {
            OwnerRef::Leaf(leaf) => leaf.look(request, look),
            OwnerRef::Shared(path) => path.look(request, look),
            OwnerRef::Span(span) => span.look(request, look),
        }
    }

    #[inline(always)]
    pub fn charge(self, request: &Request<'_>) -> Result<(), Error> {
        match self {
            OwnerRef::Leaf(leaf) => leaf.charge(request),
            OwnerRef::Shared(path) => path.charge(request),
            OwnerRef::Span(span) => span.charge(request),
        }
    }

    /// Gives back what was reserved; on a closed leaf or span nothing is left of it.
    #[inline(always)]
    pub fn release(self, amount: &Amount) {
        match self {
            OwnerRef::Leaf(leaf) => leaf.release(amount.memory),
            OwnerRef::Shared(path) => uncharge(path.all(), amount),
            OwnerRef::Span(span) => span.release(amount),
        }
    }

    /// [`OwnerRef::look`] for a span that is under this owner.
    pub fn look_from_span(self, request: &Request<'_>, look: &mut Look) -> Result<(), Error> {
        match self {
            OwnerRef::Span(span) => span.look(request, look),
            owner => apart(|| owner.look(request, look)),
        }
    }

    /// [`OwnerRef::charge`] for a span that is under this owner.
    pub fn charge_from_span(self, request: &Request<'_>) -> Result<(), Error> {
        match self {
            OwnerRef::Span(span) => span.charge(request),
            owner => apart(|| owner.charge(request)),
        }
    }

    /// [`OwnerRef::release`] for a span that is under this owner.
    pub fn release_from_span(self, amount: &Amount) {
        match self {
            OwnerRef::Span(span) => span.release(amount),
            owner => apart(|| owner.release(amount)),
        }
    }

    /// Whether both are the same scope.
    pub fn is_same(self, other: OwnerRef<'_>) -> bool {
        match (self, other) {
            (OwnerRef::Leaf(one), OwnerRef::Leaf(two)) => StrongArc::ptr_eq(one, two),
            (OwnerRef::Shared(one), OwnerRef::Shared(two)) => one.first().ptr_eq(two.first()),
            (OwnerRef::Span(one), OwnerRef::Span(two)) => StrongArc::ptr_eq(one, two),
            _ => false,
        }
    }
}

/// Runs an operation in a frame of its own. Spans under spans call each other and are on the stack
/// all at once, so what is inlined for leaves and shared scopes has to stay out of their frames.
#[inline(never)]
fn apart<R>(operation: impl FnOnce() -> R) -> R {
    operation()
}
