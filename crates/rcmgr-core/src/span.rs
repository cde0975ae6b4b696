//! Spans: a scope of its own under any other, which gives back all that it holds at once.
//!
//! A span charges its owner and commits to its own words last. It may outlive its owner, which
//! then is closed and answers so; what the span held of it was taken out by the owner's close.

use std::sync::Arc;

use crate::account::{Account, account_methods};
use crate::counters::{Counters, Request, Stop, Untaken};
use crate::manager::Core;
use crate::node;
use crate::owner::{Owner, OwnerRef};
use crate::path::{Look, Pinned};
use crate::snapshot::Snapshot;
use crate::sync::{AtomicWord, Ordering, faults};
use crate::word::Kind;
use crate::{Amount, Error, Ledger, Priority, Reservation, ScopeId, ScopeLimit};

/// How deep spans nest: a span under a connection, stream or shared scope has depth 1.
///
/// Each operation on a span visits all spans that it is under.
pub const MAX_SPAN_DEPTH: u32 = 128;

/// The state of a span, or of a ledger.
#[derive(Debug)]
pub struct SpanState {
    counters: Counters<true>,
    owner: Owner,
    number: u64,
    depth: u32,
    memory_only: bool,
    /// A ledger has no limit of its own.
    bounded: bool,
    /// 1 while a limit is set on this span alone.
    limited: AtomicWord,
}

impl SpanState {
    pub fn new(owner: Owner, bounded: bool) -> Result<SpanState, Error> {
        let depth = owner.by_ref().depth() + 1;
        if depth > MAX_SPAN_DEPTH {
            return Err(Error::TooDeep { scope: owner.by_ref().id() });
        }
        Ok(SpanState {
            counters: Counters::new(),
            number: crate::sync::unique_id(),
            depth,
            memory_only: owner.by_ref().is_memory_only(),
            bounded,
            limited: AtomicWord::new(0),
            owner,
        })
    }

    pub fn id(&self) -> ScopeId {
        ScopeId::Span(self.number)
    }

    pub fn depth(&self) -> u32 {
        self.depth
    }

    pub fn is_memory_only(&self) -> bool {
        self.memory_only
    }

    pub fn number(&self) -> u64 {
        self.number
    }

    pub fn held(&self) -> Amount {
        self.counters.held()
    }

    /// The limit set on this span, or its owner's.
    pub fn limit<'s>(&self, snapshot: &'s Snapshot) -> &'s ScopeLimit {
        // Relaxed: set before the limit is published, and the snapshot was read with Acquire.
        if self.limited.load(Ordering::Relaxed) != 0
            && let Some(limit) = snapshot.set_on_handle(self.number)
        {
            return limit;
        }
        if self.bounded { self.owner.by_ref().limit(snapshot) } else { &ScopeLimit::UNLIMITED }
    }

    /// Notes that a limit of its own is about to be published, or is no more.
    pub fn set_limited(&self, limited: bool) {
        // Relaxed: as in `limit`.
        self.limited.store(limited.into(), Ordering::Relaxed);
    }

    pub fn is_limited(&self) -> bool {
        // Relaxed: asked by the owner of the handle.
        self.limited.load(Ordering::Relaxed) != 0
    }

    /// The error of this span, or of what it is under, where one of them is closed.
    pub fn closed(&self) -> Option<Error> {
        if self.counters.is_closed() {
            return Some(Error::Closed { scope: self.id() });
        }
        self.owner.by_ref().closed()
    }

    #[cold]
    fn error(&self, stop: Stop, request: &Request<'_>) -> Error {
        node::error(self.id(), stop, request)
    }

    /// R0: whether the span and all that it is under would take the request at this moment.
    pub fn look(&self, request: &Request<'_>, look: &mut Look) -> Result<(), Error> {
        let found = self.counters.look(request, self.limit(request.snapshot));
        // What is closed for good is the better answer than a limit that may have room again.
        look.note(found, |stop| self.error(stop, request))
            .map_err(|error| self.closed().unwrap_or(error))?;
        self.owner.by_ref().look(request, look)
    }

    /// R5: charges the owner, then commits to the span's own words.
    pub fn charge(&self, request: &Request<'_>) -> Result<(), Error> {
        self.owner.by_ref().charge(request)?;
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

    /// Gives the owner back what is not in a closer's hands: a word that was committed and is
    /// closed by now was taken out, and given back, by who closed it.
    #[cold]
    fn undo(&self, committed: usize, request: &Request<'_>) {
        let mut back = request.amount;
        for kind in Kind::ALL.into_iter().take(committed) {
            let part = kind.part(&request.amount);
            if request.asks(kind) && self.counters.take(kind, part) == Err(Untaken::Closed) {
                kind.put(&mut back, [0; 3]);
            }
        }
        self.owner.by_ref().release(&back);
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
        self.owner.by_ref().release(&back);
    }

    /// Takes an amount out if all of it is held, else nothing; for callers that keep their own
    /// book and may be wrong.
    pub fn release_checked(&self, amount: &Amount) -> Result<(), Error> {
        for (at, kind) in Kind::ALL.into_iter().enumerate() {
            match self.counters.take(kind, kind.part(amount)) {
                Ok(()) => {}
                Err(untaken) => {
                    self.put_back(at, amount);
                    return Err(match untaken {
                        Untaken::Short => Error::NotHeld { scope: self.id() },
                        Untaken::Closed => Error::Closed { scope: self.id() },
                    });
                }
            }
        }
        self.owner.by_ref().release(amount);
        Ok(())
    }

    /// Puts the parts that were taken out back; a part whose word was closed meanwhile is no
    /// longer the span's and goes to the owner.
    fn put_back(&self, taken: usize, amount: &Amount) {
        for kind in Kind::ALL.into_iter().take(taken) {
            if !self.counters.put_back(kind, kind.part(amount)) {
                let mut back = Amount::ZERO;
                kind.put(&mut back, kind.part(amount));
                self.owner.by_ref().release(&back);
            }
        }
    }

    /// Closes the words one by one, and gives back to the owner what was in them.
    pub fn close(&self) {
        self.owner.by_ref().release(&self.counters.close());
    }
}

#[cold]
fn underflow(kind: Kind) {
    faults::count_underflow();
    debug_assert!(std::thread::panicking(), "more {kind:?} was released than the span holds");
}

/// A scope of its own under any other, which gives back all that it holds when it is dropped.
///
/// Its limit is its owner's current one, unless one is set on the span itself. Under a
/// connection or stream a span holds memory only.
///
/// ```
/// # use rcmgr_core::*;
/// # let manager = ResourceManager::new(Limits::default());
/// let span = manager.service("storage").begin_span()?;
/// let upload = Amount::memory(1 << 20).with_tasks(TaskClass::High, 1);
/// let _job = span.reserve(upload, Priority::ALWAYS)?;
/// assert_eq!(manager.stats().services["storage"], upload);
/// drop(_job);
/// drop(span);
/// assert!(manager.stats().system.is_zero());
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
#[must_use = "the span gives back what it holds when this is dropped"]
pub struct Span {
    core: Arc<Core>,
    state: Arc<SpanState>,
    /// Of the shared scope that this is a span of, until it is closed.
    _pin: Option<Pinned>,
}

impl Span {
    pub(crate) fn new(core: Arc<Core>, state: SpanState, pin: Option<Pinned>) -> Self {
        Span { core, state: Arc::new(state), _pin: pin }
    }

    fn account(&self) -> Account<'_> {
        Account { core: &self.core, owner: OwnerRef::Span(&self.state) }
    }

    /// Which scope this is.
    pub fn id(&self) -> ScopeId {
        self.state.id()
    }

    account_methods!();

    /// Reserves several resources at once, all or nothing. Resources of which `amount` has
    /// nothing are not asked for.
    ///
    /// # Errors
    /// As [`Span::reserve_memory`]; [`Error::MemoryOnly`] for anything else than memory under a
    /// connection or stream.
    pub fn reserve(&self, amount: Amount, priority: Priority) -> Result<Reservation<'_>, Error> {
        self.account().reserve(amount, priority)
    }

    /// Begins a span under this one.
    ///
    /// # Errors
    /// [`Error::TooDeep`] beyond [`MAX_SPAN_DEPTH`].
    pub fn begin_span(&self) -> Result<Span, Error> {
        self.account().begin_span()
    }

    /// Begins a ledger, for callers that keep their own book of what they reserved.
    ///
    /// # Errors
    /// [`Error::TooDeep`] beyond [`MAX_SPAN_DEPTH`].
    pub fn ledger(&self) -> Result<Ledger, Error> {
        self.account().ledger()
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        self.state.close();
        if self.state.is_limited() {
            self.clear_limit();
        }
    }
}
