//! Raw calls, for callers that keep their own book: reserve now, release some number later.

use std::sync::Arc;

use crate::counters::Request;
use crate::engine::Core;
use crate::owned_span::OwnedSpan;
use crate::span_state::SpanState;
use crate::{Amount, Error, Priority, ScopeId};

/// A book of what was reserved and not released yet. What it still holds when it is dropped is
/// released.
///
/// It has no limit of its own. Releasing more than it holds is found, is an error and changes
/// nothing.
///
/// ```
/// # use rcmgr_core::*;
/// # let manager = ResourceManager::new(Limits::default());
/// let ledger = manager.system().ledger()?;
/// ledger.reserve(Amount::memory(10), Priority::ALWAYS)?;
/// assert!(matches!(ledger.release(Amount::memory(11)), Err(Error::NotHeld { .. })));
/// ledger.release(Amount::memory(4))?;
/// assert_eq!(ledger.stats(), Amount::memory(6));
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
#[must_use = "the ledger gives back what it holds when this is dropped"]
pub struct Ledger(OwnedSpan);

impl Ledger {
    /// Takes over a pin of the ledger's owner.
    pub(crate) fn new(core: Arc<Core>, state: SpanState) -> Self {
        Ledger(OwnedSpan::new(core, state))
    }

    /// Which scope this is.
    pub fn id(&self) -> ScopeId {
        self.0.state().id()
    }

    /// What is reserved and not released yet.
    pub fn stats(&self) -> Amount {
        self.0.state().held()
    }

    /// Reserves several resources at once, all or nothing. Resources of which `amount` has
    /// nothing are not asked for.
    ///
    /// # Errors
    /// [`Error::Refused`] by the first scope that has no room; [`Error::MemoryPressure`] for memory
    /// while a higher priority is required; [`Error::Capacity`] where a counter is full;
    /// [`Error::MemoryOnly`] for anything else under a connection or stream;
    /// [`Error::Closed`] if what the ledger was begun under is closed.
    pub fn reserve(&self, amount: Amount, priority: Priority) -> Result<(), Error> {
        let account = self.0.account();
        account.check_kind(&amount)?;
        account
            .core
            .run(|snapshot| account.owner.reserve(&Request::all(snapshot, amount, priority)))
    }

    /// Releases several resources at once.
    ///
    /// # Errors
    /// [`Error::NotHeld`] if less of anything is held; nothing is released. Where several
    /// threads release at once and ask for more than is held together, it is open which of them
    /// is told so.
    pub fn release(&self, amount: Amount) -> Result<(), Error> {
        self.0.state().release_checked(&amount)
    }
}
