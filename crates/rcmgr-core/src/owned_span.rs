//! What a span's and a ledger's handle own.

use std::sync::Arc;

use crate::account::Account;
use crate::engine::Core;
use crate::owner::OwnerRef;
use crate::span_state::SpanState;
use crate::spare;
use crate::sync::StrongArc;

/// A span that ends, and gives back all that it holds, when this is dropped.
#[derive(Debug)]
pub struct OwnedSpan {
    core: Arc<Core>,
    /// There until this is dropped.
    state: Option<StrongArc<SpanState>>,
}

impl OwnedSpan {
    /// Takes over a pin of the span's owner.
    pub fn new(core: Arc<Core>, state: SpanState) -> Self {
        OwnedSpan { core, state: Some(spare::keep(state)) }
    }

    #[inline(always)]
    pub fn state(&self) -> &StrongArc<SpanState> {
        match &self.state {
            Some(state) => state,
            None => unreachable!("only dropping this takes it"),
        }
    }

    pub fn account(&self) -> Account<'_> {
        Account { core: &self.core, owner: OwnerRef::Span(self.state()) }
    }
}

impl Drop for OwnedSpan {
    fn drop(&mut self) {
        self.state().close();
        if self.state().is_limited() {
            self.account().change_limit(None);
        }
        self.state().owner().unpin();
        if let Some(state) = self.state.take() {
            spare::take_back(state);
        }
    }
}
