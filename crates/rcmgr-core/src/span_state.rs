//! Spans: a scope of its own under any other, which gives back all that it holds at once.
//!
//! A span charges its owner and commits to its own words last. It may outlive its owner, which
//! then is closed and answers so; what the span held of it was taken out by the owner's close.

use crate::counters::{Counters, Request, SpanWords, Stop, Untaken};
use crate::node;
use crate::owner::{Owner, OwnerRef};
use crate::path::Look;
use crate::snapshot::Snapshot;
use crate::sync::{AtomicWord, Ordering, faults};
use crate::word::Kind;
use crate::{Amount, Error, ScopeId, ScopeLimit};

/// How deep spans nest: a span under a connection, stream or shared scope has depth 1.
///
/// Each operation on a span visits all spans that it is under, one within the other: compiled
/// without optimization, 16 levels need a tenth of the 2 MiB of stack that threads usually have.
pub const MAX_SPAN_DEPTH: u32 = 16;

/// The state of a span, or of a ledger.
#[derive(Debug)]
pub struct SpanState {
    counters: Counters<true, SpanWords>,
    owner: Owner,
    /// Number 57, [`BOUNDED`], depth 5, [`LIMITED`].
    name: AtomicWord,
}

/// Set once a limit was set on this span alone.
const LIMITED: u64 = 1;
const DEPTH_SHIFT: u32 = 1;
/// A ledger has no limit of its own.
const BOUNDED: u64 = 1 << 6;
const NUMBER_SHIFT: u32 = 7;
const DEPTHS: u64 = (BOUNDED >> DEPTH_SHIFT) - 1;
const _: () = assert!(MAX_SPAN_DEPTH as u64 <= DEPTHS);

impl SpanState {
    pub fn new(owner: Owner, bounded: bool) -> Result<SpanState, Error> {
        let depth = owner.by_ref().depth() + 1;
        if depth > MAX_SPAN_DEPTH {
            return Err(Error::TooDeep { scope: owner.by_ref().id() });
        }
        Ok(SpanState {
            counters: Counters::of_span(owner.by_ref().is_memory_only()),
            name: AtomicWord::new(
                crate::sync::unique_id() << NUMBER_SHIFT
                    | if bounded { BOUNDED } else { 0 }
                    | u64::from(depth) << DEPTH_SHIFT,
            ),
            owner,
        })
    }

    pub fn id(&self) -> ScopeId {
        ScopeId::Span(self.number())
    }

    /// What this is a span of.
    pub fn owner(&self) -> OwnerRef<'_> {
        self.owner.by_ref()
    }

    /// What does not change of the name, and what did once.
    #[inline(always)]
    fn name(&self) -> u64 {
        // Relaxed: a limit is set before it is published, and who looks for it has read the
        // snapshot with Acquire.
        self.name.load(Ordering::Relaxed)
    }

    pub fn depth(&self) -> u32 {
        (self.name() >> DEPTH_SHIFT & DEPTHS) as u32
    }

    pub fn is_memory_only(&self) -> bool {
        self.counters.is_memory_only()
    }

    pub fn number(&self) -> u64 {
        self.name() >> NUMBER_SHIFT
    }

    pub fn held(&self) -> Amount {
        self.counters.held()
    }

    /// The limit set on this span, or its owner's.
    pub fn limit<'s>(&self, snapshot: &'s Snapshot) -> &'s ScopeLimit {
        let name = self.name();
        if name & LIMITED != 0
            && let Some(limit) = snapshot.set_on_handle(name >> NUMBER_SHIFT)
        {
            return limit;
        }
        if name & BOUNDED != 0 {
            self.owner.by_ref().limit(snapshot)
        } else {
            &ScopeLimit::UNLIMITED
        }
    }

    /// Notes that a limit of its own is about to be published, for good; as `Leaf::set_limited`.
    pub fn set_limited(&self) {
        // Relaxed: as in `name`.
        self.name.fetch_or(LIMITED, Ordering::Relaxed);
    }

    pub fn is_limited(&self) -> bool {
        self.name() & LIMITED != 0
    }

    #[cold]
    fn error(&self, stop: Stop, request: &Request<'_>) -> Error {
        node::error(self.id(), stop, request)
    }

    /// R0: whether the span and all that it is under would take the request at this moment.
    pub fn look(&self, request: &Request<'_>, look: &mut Look) -> Result<(), Error> {
        let found = self.counters.look(request, self.limit(request.snapshot));
        look.note(found, |stop| self.error(stop, request))?;
        self.owner.by_ref().look_from_span(request, look)
    }

    /// R5: charges the owner, then commits to the span's own words.
    pub fn charge(&self, request: &Request<'_>) -> Result<(), Error> {
        self.owner.by_ref().charge_from_span(request)?;
        let limit = self.limit(request.snapshot);
        let id = self.id();
        for (at, kind) in Kind::ALL.into_iter().enumerate() {
            if !request.asks(kind) {
                continue;
            }
            if let Err(stop) = self.counters.charge_word(kind, request, limit, &id) {
                self.undo(at, request);
                return Err(self.error(stop, request));
            }
        }
        Ok(())
    }

    /// Gives the owner back what is still here: what was committed to a word that is closed by now
    /// was taken out, and given back, by who closed it; and where a ledger's word is short, by
    /// someone who released more than they had reserved.
    #[cold]
    fn undo(&self, committed: usize, request: &Request<'_>) {
        let mut back = request.amount;
        for kind in Kind::ALL.into_iter().take(committed) {
            let part = kind.part(&request.amount);
            if request.asks(kind) && self.counters.take(kind, part).is_err() {
                kind.put(&mut back, [0; 3]);
            }
        }
        self.owner.by_ref().release_from_span(&back);
    }

    /// Takes an amount out of the words that are not closed, then gives that back to the owner.
    pub fn release(&self, amount: &Amount) {
        let mut back = *amount;
        for kind in Kind::ALL {
            let part = kind.part(amount);
            if part == [0; 3] {
                continue;
            }
            match self.counters.take(kind, part) {
                Ok(()) => {}
                Err(Untaken::Closed) => kind.put(&mut back, [0; 3]),
                Err(Untaken::Short) => {
                    kind.put(&mut back, [0; 3]);
                    underflow(kind);
                }
            }
        }
        self.owner.by_ref().release_from_span(&back);
    }

    /// Takes an amount out if all of it is held, else nothing; for callers that keep their own
    /// book and may be wrong.
    ///
    /// All words are looked at before any is taken from, so that a release that is wrong by itself
    /// does not make another's fail for a moment.
    pub fn release_checked(&self, amount: &Amount) -> Result<(), Error> {
        let kinds = Kind::ALL.into_iter().filter(|kind| kind.part(amount) != [0; 3]);
        for kind in kinds.clone() {
            let held = self.counters.holds(kind, kind.part(amount));
            held.map_err(|untaken| self.untaken(untaken))?;
        }
        for (taken, kind) in kinds.clone().enumerate() {
            if let Err(untaken) = self.counters.take(kind, kind.part(amount)) {
                self.put_back(kinds.take(taken), amount);
                return Err(self.untaken(untaken));
            }
        }
        self.owner.by_ref().release_from_span(amount);
        Ok(())
    }

    #[cold]
    fn untaken(&self, untaken: Untaken) -> Error {
        match untaken {
            Untaken::Short => Error::NotHeld { scope: self.id() },
            Untaken::Closed => Error::Closed { scope: self.id() },
        }
    }

    /// Puts the parts that were taken out back; a part whose word was closed or filled meanwhile
    /// has no place here any more and goes to the owner.
    fn put_back(&self, taken: impl Iterator<Item = Kind>, amount: &Amount) {
        for kind in taken {
            if !self.counters.put_back(kind, kind.part(amount)) {
                let mut back = Amount::ZERO;
                kind.put(&mut back, kind.part(amount));
                self.owner.by_ref().release_from_span(&back);
            }
        }
    }

    /// Closes the words one by one, and gives back to the owner what was in them.
    pub fn close(&self) {
        self.owner.by_ref().release_from_span(&self.counters.close());
    }
}

#[cold]
fn underflow(kind: Kind) {
    faults::count_underflow();
    debug_assert!(std::thread::panicking(), "more {kind:?} was released than the span holds");
}
