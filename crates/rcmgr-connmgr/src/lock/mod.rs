//! Locks: for a time, within budgets, no round closes a connection that a protocol needs.
//!
//! A [`LockRequest`] says for how long and what for, and a [`LockGuard`] is the lock.
//! [`Regulator::lock`](crate::Regulator::lock) grants it in a node; alone, begin with [`Locks`] and
//! a [`ConnectionCell`] for each connection.
//!
//! The rules are K1 to K3 and L1 to L7 of the book's chapter on invariants. What decides between a
//! lock and a prune is one exchange of one word; what ends a lock once is one exchange of another.

mod budget;
mod connection;
mod denied;
mod guard;
mod index;
mod lease;
mod lease_word;
mod locks;
mod moment;
mod request;
mod revocation;
mod sync;
mod victims;
mod word;

#[cfg(test)]
mod tests;

pub use budget::{BudgetUse, LockBudgets, PeerLocks};
pub use connection::{ConnectionCell, ConnectionLook, LiveConnection};
pub use denied::{Kept, LockDenied, RenewDenied};
pub use guard::{LockGuard, LockState};
pub use lease::TakenBy;
pub use locks::{Locks, TakenLock};
pub use request::{LockPriority, LockRequest, MAX_LEASE, OnRevoke};
pub use revocation::{Delivery, Notice, Revocation, RevocationPlan};
