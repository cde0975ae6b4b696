//! An account together with the memory reserved in it.

use std::sync::Arc;

use rcmgr_core::{Error, MemoryAccount, Priority};

/// An open account and what it reserves for as long as it is open.
#[derive(Debug)]
pub(crate) struct Held<A: MemoryAccount> {
    // Dropped first: the account should not have to take the reservation along.
    _memory: A::Memory,
    /// Shared only while somebody has asked for it with `scope_of`.
    account: Arc<A>,
}

impl<A: MemoryAccount> Held<A> {
    /// Reserves in a new account; a refusal closes it again.
    pub(crate) fn reserve(account: A, bytes: u64, priority: Priority) -> Result<Self, Error> {
        let memory = account.reserve_memory(bytes, priority)?;
        Ok(Held { _memory: memory, account: Arc::new(account) })
    }

    pub(crate) fn account(&self) -> &Arc<A> {
        &self.account
    }
}
