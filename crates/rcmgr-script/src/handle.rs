//! What the operations of a script make.

use core::ops::Deref;

use rcmgr_core::{
    Amount, ConnectionScope, Error, Ledger, PeerScope, Priority, ProtocolScope, Reservation,
    ResourceManager, Scope, ScopeId, ScopeLimit, ServiceScope, Span, StreamScope,
};

use crate::name::Shared;

/// What an operation made and [`Op::Done`](crate::Op::Done) closes.
pub enum Handle {
    View(View),
    Connection(ConnectionScope),
    Stream(StreamScope),
    Span(Span),
    Ledger(Ledger),
    Reservation(Reservation<'static>),
}

/// A handle to a shared scope.
#[derive(Clone)]
pub enum View {
    Fixed(Scope),
    Service(ServiceScope),
    Protocol(ProtocolScope),
    Peer(PeerScope),
}

impl View {
    pub fn new(manager: &ResourceManager, scope: &Shared) -> View {
        match scope {
            Shared::System => View::Fixed(manager.system()),
            Shared::Transient => View::Fixed(manager.transient()),
            Shared::AllowlistedSystem => View::Fixed(manager.allowlisted_system()),
            Shared::AllowlistedTransient => View::Fixed(manager.allowlisted_transient()),
            Shared::Service(name) => View::Service(manager.service(name)),
            Shared::Protocol(name) => View::Protocol(manager.protocol(name)),
            Shared::Peer(name) => View::Peer(manager.peer(name.as_bytes())),
        }
    }
}

impl Deref for View {
    type Target = Scope;

    fn deref(&self) -> &Scope {
        match self {
            View::Fixed(scope) => scope,
            View::Service(scope) => scope,
            View::Protocol(scope) => scope,
            View::Peer(scope) => scope,
        }
    }
}

/// Does something with any scope; gives nothing for what is none.
macro_rules! with_scope {
    ($handle:expr, $scope:ident => $act:expr) => {
        match $handle {
            Handle::View($scope) => Some($act),
            Handle::Connection($scope) => Some($act),
            Handle::Stream($scope) => Some($act),
            Handle::Span($scope) => Some($act),
            Handle::Ledger(_) | Handle::Reservation(_) => None,
        }
    };
}

/// What the methods give where the handle is not of a kind that they work on.
pub struct NotThat;

impl Handle {
    /// The name of its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Handle::View(_) => "view",
            Handle::Connection(_) => "connection",
            Handle::Stream(_) => "stream",
            Handle::Span(_) => "span",
            Handle::Ledger(_) => "ledger",
            Handle::Reservation(_) => "reservation",
        }
    }

    /// The manager's name of the scope that it is.
    pub fn id(&self) -> Option<ScopeId> {
        match self {
            Handle::Connection(scope) => Some(scope.id()),
            Handle::Stream(scope) => Some(scope.id()),
            Handle::Span(scope) => Some(scope.id()),
            Handle::Ledger(ledger) => Some(ledger.id()),
            Handle::View(_) | Handle::Reservation(_) => None,
        }
    }

    /// What the scope holds that it is.
    pub fn stats(&self) -> Amount {
        match self {
            Handle::Connection(scope) => scope.stats(),
            Handle::Stream(scope) => scope.stats(),
            Handle::Span(scope) => scope.stats(),
            Handle::Ledger(ledger) => ledger.stats(),
            Handle::View(_) | Handle::Reservation(_) => Amount::ZERO,
        }
    }

    pub fn reserve_memory(
        &self,
        bytes: u64,
        priority: Priority,
    ) -> Result<Result<Reservation<'static>, Error>, NotThat> {
        let reserved = with_scope!(self, scope => {
            scope.reserve_memory(bytes, priority).map(Reservation::into_owned)
        });
        reserved.ok_or(NotThat)
    }

    /// Reserves several resources, which borrow the handle.
    pub fn reserve(
        &self,
        amount: Amount,
        priority: Priority,
    ) -> Result<Result<Reservation<'_>, Error>, NotThat> {
        match self {
            Handle::View(scope) => Ok(scope.reserve(amount, priority)),
            Handle::Span(scope) => Ok(scope.reserve(amount, priority)),
            _ => Err(NotThat),
        }
    }

    pub fn begin_span(&self) -> Result<Result<Span, Error>, NotThat> {
        with_scope!(self, scope => scope.begin_span()).ok_or(NotThat)
    }

    pub fn ledger(&self) -> Result<Result<Ledger, Error>, NotThat> {
        with_scope!(self, scope => scope.ledger()).ok_or(NotThat)
    }

    pub fn set_limit(&self, limit: ScopeLimit) -> Result<(), NotThat> {
        with_scope!(self, scope => scope.set_limit(limit)).ok_or(NotThat)
    }

    pub fn clear_limit(&self) -> Result<(), NotThat> {
        with_scope!(self, scope => scope.clear_limit()).ok_or(NotThat)
    }

    pub fn limit(&self) -> Option<ScopeLimit> {
        with_scope!(self, scope => scope.limit())
    }
}
