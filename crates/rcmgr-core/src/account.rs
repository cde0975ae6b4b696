//! What all handles have in common: they reserve, begin spans, and have a limit.

use std::sync::Arc;

use crate::counters::Request;
use crate::engine::Core;
use crate::owner::OwnerRef;
use crate::span_state::SpanState;
use crate::{Amount, Error, Ledger, Priority, Reservation, ScopeLimit, Span};

/// A scope that a handle keeps alive, in its manager.
#[derive(Clone, Copy, Debug)]
pub struct Account<'a> {
    pub core: &'a Arc<Core>,
    pub owner: OwnerRef<'a>,
}

impl<'a> Account<'a> {
    /// That the scope may hold what is asked for at all.
    pub fn check_kind(self, amount: &Amount) -> Result<(), Error> {
        let memory = Amount::memory(amount.memory);
        if self.owner.is_memory_only() && *amount != memory {
            return Err(Error::MemoryOnly { scope: self.owner.id() });
        }
        Ok(())
    }

    #[inline(always)]
    pub fn reserve_memory(self, bytes: u64, priority: Priority) -> Result<Reservation<'a>, Error> {
        self.core
            .run(|snapshot| self.owner.reserve(&Request::memory(snapshot, bytes, priority)))?;
        Ok(Reservation::new(self, Amount::memory(bytes)))
    }

    pub fn reserve(self, amount: Amount, priority: Priority) -> Result<Reservation<'a>, Error> {
        self.check_kind(&amount)?;
        self.core.run(|snapshot| self.owner.reserve(&Request::all(snapshot, amount, priority)))?;
        Ok(Reservation::new(self, amount))
    }

    pub fn begin_span(self) -> Result<Span, Error> {
        let state = SpanState::new(self.owner.keep(), true)?;
        self.owner.pin();
        Ok(Span::new(self.core.clone(), state))
    }

    pub fn ledger(self) -> Result<Ledger, Error> {
        let state = SpanState::new(self.owner.keep(), false)?;
        self.owner.pin();
        Ok(Ledger::new(self.core.clone(), state))
    }

    pub fn limit(self) -> ScopeLimit {
        self.core.store().with(|snapshot| *self.owner.limit(snapshot))
    }

    /// Sets the limit of this scope alone, or clears it.
    pub fn change_limit(self, limit: Option<ScopeLimit>) {
        let store = self.core.store();
        match self.owner {
            OwnerRef::Leaf(leaf) => {
                // Noted before it is published: who reads the new limits looks for it.
                leaf.set_limited();
                store.set_limit_of_handle(leaf.number(), limit);
            }
            OwnerRef::Span(span) => {
                span.set_limited();
                store.set_limit_of_handle(span.number(), limit);
            }
            OwnerRef::Shared(path) => {
                let id = path.first().id();
                self.core.set_limit(id, limit);
                if let Some(life) = path.life() {
                    // Sticky while a limit is set. Whoever writes this last has seen, after
                    // writing, that it is so: a later change of the limit writes later.
                    let mut sticky = limit.is_some();
                    life.set_sticky(sticky);
                    while store.with(|snapshot| snapshot.places().is_set(id)) != sticky {
                        sticky = !sticky;
                        life.set_sticky(sticky);
                    }
                }
            }
        }
    }
}

/// The methods of every handle, in terms of its `account()`.
macro_rules! account_methods {
    () => {
        /// What this holds now. Each of the four words (memory, streams, connections, tasks) is
        /// read at one moment, not all four.
        pub fn stats(&self) -> crate::Amount {
            self.account().owner.held()
        }

        /// The limit in force.
        pub fn limit(&self) -> crate::ScopeLimit {
            self.account().limit()
        }

        /// Sets the limit of this one scope. It survives
        /// [`ResourceManager::set_limits`](crate::ResourceManager::set_limits) until it is
        /// cleared. What is held already stays, be it more than the limit.
        pub fn set_limit(&self, limit: crate::ScopeLimit) {
            self.account().change_limit(Some(limit));
        }

        /// Clears the limit set on this one scope, which goes by the configured one again.
        pub fn clear_limit(&self) {
            self.account().change_limit(None);
        }

        /// Reserves `bytes` of memory, 0 included: a scope over its threshold refuses even 0.
        ///
        /// # Errors
        /// [`Error::Refused`](crate::Error::Refused) by the first scope that has no room;
        /// [`Error::MemoryPressure`](crate::Error::MemoryPressure) while a higher priority is
        /// required;
        /// [`Error::Capacity`](crate::Error::Capacity) where a counter is full;
        /// [`Error::Closed`](crate::Error::Closed) if this, or what it is a span of, is closed.
        #[inline]
        pub fn reserve_memory(
            &self,
            bytes: u64,
            priority: crate::Priority,
        ) -> Result<crate::Reservation<'_>, crate::Error> {
            self.account().reserve_memory(bytes, priority)
        }
    };
}
pub(crate) use account_methods;

/// The methods of a connection's and a stream's handle, in terms of its `leaf` and `account()`.
macro_rules! leaf_methods {
    () => {
        account_methods!();

        /// Which scope this is.
        pub fn id(&self) -> crate::ScopeId {
            self.leaf.id()
        }

        /// Who opened it.
        pub fn direction(&self) -> crate::Direction {
            self.leaf.kind().direction()
        }

        /// How much memory this has charged to the scopes above it, which is what it uses and,
        /// where charges are made in granules, at most
        /// [`Granule::most_idle`](crate::Granule::most_idle) bytes more.
        pub fn charged_memory(&self) -> u64 {
            self.leaf.charged()
        }

        /// Begins a span: a scope of its own that is charged to this one as well, and that gives
        /// back all that it holds at once.
        ///
        /// # Errors
        /// None today; the type is that of the other handles.
        pub fn begin_span(&self) -> Result<crate::Span, crate::Error> {
            self.account().begin_span()
        }

        /// Begins a ledger, for callers that keep their own book of what they reserved.
        ///
        /// # Errors
        /// None today, as for `begin_span`.
        pub fn ledger(&self) -> Result<crate::Ledger, crate::Error> {
            self.account().ledger()
        }
    };
}
pub(crate) use leaf_methods;
