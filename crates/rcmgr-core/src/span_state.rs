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
use crate::word::{Kind, is_nothing};
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

    /// Forgets the owner of a span that has ended, of which only the memory is left.
    pub fn forget_owner(&mut self) {
        self.owner = Owner::Nobody;
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
        self.commit(request)
    }

    /// Apart from `charge`, so that it is not on the stack while the owner charges.
    #[inline(never)]
    fn commit(&self, request: &Request<'_>) -> Result<(), Error> {
        let limit = self.limit(request.snapshot);
        let id = self.id();
        self.commit_part(Kind::Memory, request, limit, &id)?;
        if self.is_memory_only() {
            return Ok(());
        }
        self.commit_part(Kind::Streams, request, limit, &id)?;
        self.commit_part(Kind::Connections, request, limit, &id)?;
        self.commit_part(Kind::Tasks, request, limit, &id)
    }

    /// Commits to one word, if it is asked for; on an error nothing of the request is left.
    #[inline(always)]
    fn commit_part(
        &self,
        kind: Kind,
        request: &Request<'_>,
        limit: &ScopeLimit,
        id: &ScopeId,
    ) -> Result<(), Error> {
        if !request.asks(kind) {
            return Ok(());
        }
        self.counters.charge_word(kind, request, limit, id).map_err(|stop| {
            self.undo(kind, request);
            self.error(stop, request)
        })
    }

    /// Gives the owner back what is still here: what was committed to a word that is closed by now
    /// was taken out, and given back, by who closed it; and where a ledger's word is short, by
    /// someone who released more than they had reserved.
    #[cold]
    fn undo(&self, stopped_at: Kind, request: &Request<'_>) {
        let mut back = request.amount;
        for kind in Kind::ALL.into_iter().take_while(|kind| *kind != stopped_at) {
            let part = kind.part(&request.amount);
            if request.asks(kind) && self.counters.take(kind, part).is_err() {
                kind.put(&mut back, [0; 3]);
            }
        }
        self.owner.by_ref().release_from_span(&back);
    }

    /// Takes an amount out of the words that are not closed, then gives that back to the owner.
    pub fn release(&self, amount: &Amount) {
        self.give_back(&self.take_out(amount));
    }

    /// Takes an amount out of the words that are not closed; gives what was taken. Apart from
    /// `release`, as `commit` from `charge`.
    #[inline(never)]
    fn take_out(&self, amount: &Amount) -> Amount {
        let mut taken = *amount;
        self.take_out_part(Kind::Memory, &mut taken);
        if !self.is_memory_only() {
            self.take_out_part(Kind::Streams, &mut taken);
            self.take_out_part(Kind::Connections, &mut taken);
            self.take_out_part(Kind::Tasks, &mut taken);
        }
        taken
    }

    /// Takes its part of an amount out of one word, or the part out of the amount.
    #[inline(always)]
    fn take_out_part(&self, kind: Kind, amount: &mut Amount) {
        let part = kind.part(amount);
        if is_nothing(part) {
            return;
        }
        if let Err(untaken) = self.counters.take(kind, part) {
            kind.put(amount, [0; 3]);
            if untaken == Untaken::Short {
                underflow(kind);
            }
        }
    }

    /// Gives back to the owner what was taken out of the words, if it is anything.
    fn give_back(&self, taken: &Amount) {
        if !taken.is_zero() {
            self.owner.by_ref().release_from_span(taken);
        }
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
        self.give_back(&self.counters.close());
    }
}

#[cold]
fn underflow(kind: Kind) {
    faults::count_underflow();
    debug_assert!(std::thread::panicking(), "more {kind:?} was released than the span holds");
}
