//! Handles to shared scopes: to look at them, to limit them, and to reserve from them directly.

use core::ops::Deref;
use std::sync::Arc;

use crate::account::{Account, account_methods};
use crate::engine::Core;
use crate::owner::OwnerRef;
use crate::path::Pinned;
use crate::shared_path::SharedPath;
use crate::{Amount, Error, Ledger, PeerKey, Priority, Reservation, ScopeId, Span};

/// A shared scope: system, transient, their allowlisted twins, a service, a protocol or a peer.
///
/// What is reserved here is charged to the scope and to system. The scope is not collected while
/// a handle to it lives.
#[derive(Clone, Debug)]
pub struct Scope {
    core: Arc<Core>,
    path: Pinned,
}

impl Scope {
    pub(crate) fn new(core: Arc<Core>, path: Pinned) -> Self {
        Scope { core, path }
    }

    pub(crate) fn account(&self) -> Account<'_> {
        Account { core: &self.core, owner: OwnerRef::Shared(self.path.path()) }
    }

    pub(crate) fn path(&self) -> &Pinned {
        &self.path
    }

    /// Whether this is a scope of that manager.
    pub(crate) fn is_of(&self, core: &Core) -> bool {
        core::ptr::eq(&*self.core, core)
    }

    /// Which scope this is.
    pub fn id(&self) -> &ScopeId {
        self.path.first().id()
    }

    account_methods!();

    /// Reserves several resources at once, all or nothing. Resources of which `amount` has
    /// nothing are not asked for.
    ///
    /// # Errors
    /// [`Error::Refused`] by the first scope and resource that has no room;
    /// [`Error::MemoryPressure`] for memory while a higher priority is required;
    /// [`Error::Capacity`] where a counter is full.
    pub fn reserve(&self, amount: Amount, priority: Priority) -> Result<Reservation<'_>, Error> {
        self.account().reserve(amount, priority)
    }

    /// Begins a span: a scope of its own that is charged to this one as well, and that gives
    /// back all that it holds at once.
    ///
    /// # Errors
    /// None; a shared scope is never nested too deep. The type is that of the other handles.
    pub fn begin_span(&self) -> Result<Span, Error> {
        self.account().begin_span()
    }

    /// Begins a ledger, for callers that keep their own book of what they reserved.
    ///
    /// # Errors
    /// None, as for [`Scope::begin_span`].
    pub fn ledger(&self) -> Result<Ledger, Error> {
        self.account().ledger()
    }

    /// Charges without asking any limit, so that a program can prove that its checks find it.
    #[cfg(feature = "fault-injection")]
    pub fn overshoot(&self, amount: Amount) -> Reservation<'_> {
        use crate::counters::Request;

        self.core.store().with(|snapshot| {
            let request = Request::all(snapshot, amount, Priority::ALWAYS);
            for node in self.path.all() {
                node.counters().overshoot(&request, node.limit(snapshot), node.id());
            }
        });
        Reservation::new(self.account(), amount)
    }
}

macro_rules! named_scope {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Clone, Debug)]
        pub struct $name(Scope);

        impl $name {
            pub(crate) fn new(scope: Scope) -> Self {
                $name(scope)
            }
        }

        impl Deref for $name {
            type Target = Scope;

            fn deref(&self) -> &Scope {
                &self.0
            }
        }
    };
}

/// A peer. Opening its streams and attaching its connections by this saves the look-up of the key.
#[derive(Clone, Debug)]
pub struct PeerScope {
    scope: Scope,
    /// The path of its streams; that of the scope is the one of its connections.
    streams: SharedPath,
}

impl PeerScope {
    /// Of the pinned path of a peer's streams.
    pub(crate) fn new(core: Arc<Core>, peer: Pinned) -> Self {
        let streams = peer.path().clone();
        let path = peer.into_connections();
        PeerScope { scope: Scope::new(core, path), streams }
    }

    /// The key of the peer.
    pub fn key(&self) -> &[u8] {
        match self.id() {
            ScopeId::Peer(key) => key,
            // Only peers have this handle.
            _ => &[],
        }
    }

    /// The path of the peer's streams, pinned once more.
    pub(crate) fn pin(&self) -> Pinned {
        Pinned::again(&self.streams)
    }

    /// The path of the peer's connections, pinned once more.
    pub(crate) fn pin_of_connections(&self) -> Pinned {
        self.scope.path.clone()
    }
}

impl Deref for PeerScope {
    type Target = Scope;

    fn deref(&self) -> &Scope {
        &self.scope
    }
}

/// A peer, by its key or by a handle to its scope, which saves the look-up.
#[derive(Clone, Copy, Debug)]
pub struct PeerRef<'a>(pub(crate) PeerName<'a>);

#[derive(Clone, Copy, Debug)]
pub enum PeerName<'a> {
    Key(&'a [u8]),
    Scope(&'a PeerScope),
}

impl<'a> PeerName<'a> {
    pub fn key(&self) -> &'a [u8] {
        match *self {
            PeerName::Key(key) => key,
            PeerName::Scope(scope) => scope.key(),
        }
    }
}

impl<'a> From<&'a [u8]> for PeerRef<'a> {
    fn from(key: &'a [u8]) -> Self {
        PeerRef(PeerName::Key(key))
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for PeerRef<'a> {
    fn from(key: &'a [u8; N]) -> Self {
        PeerRef(PeerName::Key(key))
    }
}

impl<'a> From<&'a Vec<u8>> for PeerRef<'a> {
    fn from(key: &'a Vec<u8>) -> Self {
        PeerRef(PeerName::Key(key))
    }
}

impl<'a> From<&'a PeerKey> for PeerRef<'a> {
    fn from(key: &'a PeerKey) -> Self {
        PeerRef(PeerName::Key(key))
    }
}

impl<'a> From<&'a PeerScope> for PeerRef<'a> {
    fn from(scope: &'a PeerScope) -> Self {
        PeerRef(PeerName::Scope(scope))
    }
}

named_scope! {
    /// A protocol. Attaching streams by it saves the look-up of the name.
    ProtocolScope
}

named_scope! {
    /// A service. Attaching streams by it saves the look-up of the name.
    ServiceScope
}
