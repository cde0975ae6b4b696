//! Reservations: so much of each resource, given back when dropped.

use std::sync::Arc;

use crate::account::Account;
use crate::counters::Request;
use crate::engine::Core;
use crate::owner::{OwnerRef, PinnedOwner};
use crate::{Amount, Error, Priority, Resource};

/// Resources that are held until this is dropped, on whatever thread that happens.
///
/// A reservation borrows the scope that it was made from, so that making one writes to nothing
/// but the counters; [`Reservation::into_owned`] gives one that lives on its own. If the
/// connection, stream or span is closed first, it takes along what its reservations held, and
/// dropping them does nothing more.
///
/// ```
/// # use rcmgr_core::*;
/// # let manager = ResourceManager::new(Limits::default());
/// let peer = manager.peer(b"peer");
/// let mut buffer = peer.reserve_memory(64, Priority::ALWAYS)?;
/// buffer.grow(Amount::memory(64), Priority::LOW)?;
/// let half = buffer.split(Amount::memory(64))?;
/// drop(buffer);
/// assert_eq!(manager.stats().system.memory, 64);
/// # drop(half);
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
#[must_use = "what is reserved is released when this is dropped"]
pub struct Reservation<'a> {
    holder: Holder<'a>,
    amount: Amount,
}

#[derive(Debug)]
enum Holder<'a> {
    Borrowed(Account<'a>),
    Owned(Arc<Core>, PinnedOwner),
}

impl<'a> Reservation<'a> {
    #[inline(always)]
    pub(crate) fn new(account: Account<'a>, amount: Amount) -> Self {
        Reservation { holder: Holder::Borrowed(account), amount }
    }

    #[inline(always)]
    fn account(&self) -> Account<'_> {
        match &self.holder {
            Holder::Borrowed(account) => *account,
            Holder::Owned(core, owner) => Account { core, owner: owner.by_ref() },
        }
    }

    #[inline(always)]
    fn owner(&self) -> OwnerRef<'_> {
        self.account().owner
    }

    /// What is reserved. A scope that was closed since does not hold it any more.
    pub fn amount(&self) -> Amount {
        self.amount
    }

    /// The same reservation, borrowing nothing. The scope's memory, and for a shared scope the
    /// scope itself, are kept until it is dropped.
    pub fn into_owned(mut self) -> Reservation<'static> {
        let amount = core::mem::take(&mut self.amount);
        let account = self.account();
        let holder = Holder::Owned(account.core.clone(), PinnedOwner::new(account.owner));
        Reservation { holder, amount }
    }

    /// Reserves more.
    ///
    /// # Errors
    /// As for a new reservation; what was held before is still held.
    pub fn grow(&mut self, more: Amount, priority: Priority) -> Result<(), Error> {
        let account = self.account();
        account.check_kind(&more)?;
        account
            .core
            .run(|snapshot| account.owner.reserve(&Request::all(snapshot, more, priority)))?;
        match self.amount.checked_add(more) {
            Some(sum) => {
                self.amount = sum;
                Ok(())
            }
            // Not to be reached: the counters hold the sum, and their fields are no wider.
            None => {
                account.owner.release(&more);
                Err(Error::Capacity { scope: account.owner.id(), resource: Resource::Memory })
            }
        }
    }

    /// Releases a part.
    ///
    /// # Errors
    /// [`Error::NotHeld`] if this holds less of anything; nothing is released.
    pub fn shrink(&mut self, less: Amount) -> Result<(), Error> {
        drop(self.split(less)?);
        Ok(())
    }

    /// Takes a part out into a reservation of its own.
    ///
    /// # Errors
    /// [`Error::NotHeld`] if this holds less of anything; nothing changes.
    pub fn split(&mut self, part: Amount) -> Result<Reservation<'a>, Error> {
        let Some(rest) = self.amount.checked_sub(part) else {
            return Err(Error::NotHeld { scope: self.owner().id() });
        };
        let holder = match &self.holder {
            Holder::Borrowed(account) => Holder::Borrowed(*account),
            Holder::Owned(core, owner) => Holder::Owned(core.clone(), owner.clone()),
        };
        self.amount = rest;
        Ok(Reservation { holder, amount: part })
    }

    /// Takes over what another reservation of the same scope holds.
    ///
    /// # Errors
    /// Gives the other back if it is of another scope, or if the sum has no place in an
    /// [`Amount`].
    pub fn merge(&mut self, mut other: Reservation<'a>) -> Result<(), Reservation<'a>> {
        match self.amount.checked_add(other.amount) {
            Some(sum) if self.owner().is_same(other.owner()) => {
                other.amount = Amount::ZERO;
                self.amount = sum;
                Ok(())
            }
            _ => Err(other),
        }
    }
}

impl Drop for Reservation<'_> {
    #[inline]
    fn drop(&mut self) {
        if !self.amount.is_zero() {
            self.owner().release(&self.amount);
        }
    }
}
