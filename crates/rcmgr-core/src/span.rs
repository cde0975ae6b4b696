//! The handle of one span.

use std::sync::Arc;

use crate::account::{Account, account_methods};
use crate::engine::Core;
use crate::owned_span::OwnedSpan;
use crate::span_state::SpanState;
use crate::{Amount, Error, Ledger, Priority, Reservation, ScopeId};

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
pub struct Span(OwnedSpan);

impl Span {
    /// Takes over a pin of the span's owner.
    pub(crate) fn new(core: Arc<Core>, state: SpanState) -> Self {
        Span(OwnedSpan::new(core, state))
    }

    fn account(&self) -> Account<'_> {
        self.0.account()
    }

    /// Which scope this is.
    pub fn id(&self) -> ScopeId {
        self.0.state().id()
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
    /// [`Error::TooDeep`] beyond [`MAX_SPAN_DEPTH`](crate::MAX_SPAN_DEPTH).
    pub fn begin_span(&self) -> Result<Span, Error> {
        self.account().begin_span()
    }

    /// Begins a ledger, for callers that keep their own book of what they reserved.
    ///
    /// # Errors
    /// [`Error::TooDeep`] beyond [`MAX_SPAN_DEPTH`](crate::MAX_SPAN_DEPTH).
    pub fn ledger(&self) -> Result<Ledger, Error> {
        self.account().ledger()
    }
}
