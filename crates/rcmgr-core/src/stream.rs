//! The handle of one stream.

use std::sync::Arc;

use crate::account::{Account, account_methods, leaf_methods};
use crate::counters::Request;
use crate::engine::{Core, look_at_new};
use crate::leaf::Leaf;
use crate::node::{Node, SharedNode};
use crate::owner::OwnerRef;
use crate::path::{Look, Path, PathKind, Pinned, StreamScopes};
use crate::registry::pair_id;
use crate::snapshot::Snapshot;
use crate::sync::StrongArc;
use crate::transport::{MemoryAccount, StreamAccount};
use crate::word::LeafWord;
use crate::{
    Error, Name, PeerKey, Priority, ProtocolScope, Reservation, Scope, ScopeId, ServiceScope,
};

/// One stream: it holds one stream, and the memory that is reserved from it, until it is dropped.
///
/// It is charged to its peer, transient and system; once its protocol is set, to the protocol and
/// the peer's use of it in place of transient; and once its service is set, to the service and
/// the peer's use of it as well.
#[derive(Debug)]
#[must_use = "the stream is closed when this is dropped"]
pub struct StreamScope {
    core: Arc<Core>,
    leaf: StrongArc<Leaf>,
}

/// A protocol, by its name or by a handle to its scope, which saves the look-up.
#[derive(Clone, Copy, Debug)]
pub struct ProtocolRef<'a>(Named<'a>);

/// A service, by its name or by a handle to its scope, which saves the look-up.
#[derive(Clone, Copy, Debug)]
pub struct ServiceRef<'a>(Named<'a>);

#[derive(Clone, Copy, Debug)]
enum Named<'a> {
    Name(&'a str),
    Scope(&'a Scope),
}

impl<'a> From<&'a str> for ProtocolRef<'a> {
    fn from(name: &'a str) -> Self {
        ProtocolRef(Named::Name(name))
    }
}

impl<'a> From<&'a Name> for ProtocolRef<'a> {
    fn from(name: &'a Name) -> Self {
        ProtocolRef(Named::Name(name))
    }
}

impl<'a> From<&'a String> for ProtocolRef<'a> {
    fn from(name: &'a String) -> Self {
        ProtocolRef(Named::Name(name))
    }
}

impl<'a> From<&'a ProtocolScope> for ProtocolRef<'a> {
    fn from(scope: &'a ProtocolScope) -> Self {
        ProtocolRef(Named::Scope(scope))
    }
}

impl<'a> From<&'a str> for ServiceRef<'a> {
    fn from(name: &'a str) -> Self {
        ServiceRef(Named::Name(name))
    }
}

impl<'a> From<&'a Name> for ServiceRef<'a> {
    fn from(name: &'a Name) -> Self {
        ServiceRef(Named::Name(name))
    }
}

impl<'a> From<&'a String> for ServiceRef<'a> {
    fn from(name: &'a String) -> Self {
        ServiceRef(Named::Name(name))
    }
}

impl<'a> From<&'a ServiceScope> for ServiceRef<'a> {
    fn from(scope: &'a ServiceScope) -> Self {
        ServiceRef(Named::Scope(scope))
    }
}

impl StreamScope {
    pub(crate) fn new(core: Arc<Core>, leaf: StrongArc<Leaf>) -> Self {
        StreamScope { core, leaf }
    }

    fn account(&self) -> Account<'_> {
        Account { core: &self.core, owner: OwnerRef::Leaf(&self.leaf) }
    }

    leaf_methods!();

    /// The peer.
    pub fn peer(&self) -> Option<PeerKey> {
        match self.leaf.path()?.first().id() {
            ScopeId::Peer(key) => Some(key.clone()),
            _ => None,
        }
    }

    /// The protocol, once it is set.
    pub fn protocol(&self) -> Option<Name> {
        match self.leaf.path()?.stream_scopes()?.protocol.id() {
            ScopeId::Protocol(name) => Some(name.clone()),
            _ => None,
        }
    }

    /// The service, once it is set.
    pub fn service(&self) -> Option<Name> {
        match self.leaf.path()?.service_scopes()?.service.id() {
            ScopeId::Service(name) => Some(name.clone()),
            _ => None,
        }
    }

    /// Attaches the stream to its protocol: it is charged to the protocol and to the peer's use
    /// of it, in place of transient.
    ///
    /// # Errors
    /// [`Error::Refused`] or [`Error::Capacity`] by one of the two, and the stream stays as it
    /// was; [`Error::AlreadyAttached`]; [`Error::MoveUnderWay`] where another thread attaches it too.
    pub fn set_protocol<'p>(&self, protocol: impl Into<ProtocolRef<'p>>) -> Result<(), Error> {
        let ProtocolRef(named) = protocol.into();
        let named = named.within(&self.core);
        let registry = self.core.registry();
        self.core.run(|snapshot| {
            let (seen, path) = self.leaf.load()?;
            if path.kind() != PathKind::StreamPeer {
                return Err(Error::AlreadyAttached { scope: self.leaf.id() });
            }
            let peer = path.first();
            let number = named.number(|name| registry.protocol_number(name));
            let known = number.and_then(|number| registry.pin_peer_protocol(peer, number));
            let next = match known {
                Some(next) => next,
                None => self.make_with_protocol(peer, named, seen, snapshot)?,
            };
            self.leaf.move_to(seen, next, snapshot)
        })
    }

    /// Attaches the stream to a service, after its protocol: it is charged to the service and to
    /// the peer's use of it as well.
    ///
    /// # Errors
    /// [`Error::Refused`] or [`Error::Capacity`] by one of the two, and the stream stays as it
    /// was; [`Error::NoProtocol`]; [`Error::AlreadyAttached`]; [`Error::MoveUnderWay`] where
    /// another thread attaches it too.
    pub fn set_service<'s>(&self, service: impl Into<ServiceRef<'s>>) -> Result<(), Error> {
        let ServiceRef(named) = service.into();
        let named = named.within(&self.core);
        let registry = self.core.registry();
        self.core.run(|snapshot| {
            let (seen, path) = self.leaf.load()?;
            if path.service_scopes().is_some() {
                return Err(Error::AlreadyAttached { scope: self.leaf.id() });
            }
            let Some(scopes) = path.stream_scopes() else {
                return Err(Error::NoProtocol { scope: self.leaf.id() });
            };
            let number = named.number(|name| registry.service_number(name));
            let known =
                number.and_then(|number| registry.pin_with_service(scopes.peer_protocol, number));
            let next = match known {
                Some(next) => next,
                None => self.make_with_service(&scopes, named, seen, snapshot)?,
            };
            self.leaf.move_to(seen, next, snapshot)
        })
    }

    /// The path with a protocol, made if the scopes that it needs would take the stream.
    #[cold]
    fn make_with_protocol(
        &self,
        peer: &SharedNode,
        named: Named<'_>,
        seen: LeafWord,
        snapshot: &Snapshot,
    ) -> Result<Pinned, Error> {
        let registry = self.core.registry();
        let protocol = named.find(|name| registry.pin_protocol(name));
        let request = self.request(seen, snapshot);
        let id = named.id(protocol.as_ref(), ScopeId::Protocol);
        look_before_making(&request, protocol.as_deref(), &id, peer, None)?;
        let protocol = named.make(protocol, |name| registry.pin_or_make_protocol(name));
        Ok(registry.pin_or_make_peer_protocol(peer, protocol.first()))
    }

    /// The path with a service, made if the scopes that it needs would take the stream.
    #[cold]
    fn make_with_service(
        &self,
        scopes: &StreamScopes<'_>,
        named: Named<'_>,
        seen: LeafWord,
        snapshot: &Snapshot,
    ) -> Result<Pinned, Error> {
        let registry = self.core.registry();
        let service = named.find(|name| registry.pin_service(name));
        let request = self.request(seen, snapshot);
        let id = named.id(service.as_ref(), ScopeId::Service);
        let pair = service
            .as_ref()
            .and_then(|service| registry.find_peer_service(scopes.peer, service.first()));
        let pair = pair.as_deref();
        look_before_making(&request, service.as_deref(), &id, scopes.peer, pair)?;
        let service = named.make(service, |name| registry.pin_or_make_service(name));
        Ok(registry.pin_or_make_with_service(scopes, service.first()))
    }

    /// A request for all that the stream was seen to hold.
    fn request<'s>(&self, seen: LeafWord, snapshot: &'s Snapshot) -> Request<'s> {
        let held = self.leaf.kind().unit().with_memory(seen.bytes());
        Request::all(snapshot, held, Priority::ALWAYS)
    }
}

impl<'a> Named<'a> {
    /// The same in one manager: a handle to another manager's scope is a name here.
    fn within(self, core: &Core) -> Named<'a> {
        match self {
            Named::Scope(scope) if !scope.is_of(core) => match scope.id() {
                ScopeId::Protocol(name) | ScopeId::Service(name) => Named::Name(name),
                _ => self,
            },
            _ => self,
        }
    }

    /// The number of the scope, if there is one.
    fn number(&self, by_name: impl FnOnce(&str) -> Option<u64>) -> Option<u64> {
        match self {
            Named::Name(name) => by_name(name),
            Named::Scope(scope) => Some(scope.path().first().number()),
        }
    }

    /// The pinned scope, if there is one.
    fn find(&self, by_name: impl FnOnce(&str) -> Option<Pinned>) -> Option<Pinned> {
        match self {
            Named::Name(name) => by_name(name),
            Named::Scope(scope) => Some(scope.path().clone()),
        }
    }

    /// The name of the scope, copied only if it was not found.
    fn id(&self, found: Option<&Pinned>, of_name: fn(Name) -> ScopeId) -> ScopeId {
        match (found, self) {
            (Some(found), _) => found.first().id().clone(),
            (None, Named::Name(name)) => of_name((*name).into()),
            (None, Named::Scope(scope)) => scope.id().clone(),
        }
    }

    /// The scope that was found, or a new one.
    fn make(&self, found: Option<Pinned>, by_name: impl FnOnce(&str) -> Pinned) -> Pinned {
        match (found, self) {
            (Some(found), _) => found,
            (None, Named::Name(name)) => by_name(name),
            (None, Named::Scope(scope)) => scope.path().clone(),
        }
    }
}

/// Asks the two scopes that an attachment enters, some of which do not exist yet: what would be
/// refused must not make them appear.
fn look_before_making(
    request: &Request<'_>,
    named: Option<&Path>,
    id: &ScopeId,
    peer: &Node,
    pair: Option<&Node>,
) -> Result<(), Error> {
    let mut look = Look::default();
    let mut ask = |node: Option<&Node>, id: &ScopeId| match node {
        Some(node) => look.at(core::iter::once(node), request),
        None => {
            let places = request.snapshot.places();
            let limit = places.at(places.place(id));
            look_at_new(limit, request, || id.clone())
        }
    };
    ask(named.map(|path| &**path.first()), id)?;
    ask(pair, &pair_id(peer.id(), id))?;
    look.finish()
}

impl Drop for StreamScope {
    fn drop(&mut self) {
        self.leaf.close();
        if self.leaf.is_limited() {
            self.clear_limit();
        }
    }
}

impl MemoryAccount for StreamScope {
    type Memory = Reservation<'static>;

    fn reserve_memory(&self, bytes: u64, priority: Priority) -> Result<Self::Memory, Error> {
        Ok(StreamScope::reserve_memory(self, bytes, priority)?.into_owned())
    }
}

impl StreamAccount for StreamScope {
    fn set_protocol(&self, protocol: &str) -> Result<(), Error> {
        StreamScope::set_protocol(self, protocol)
    }

    fn set_service(&self, service: &str) -> Result<(), Error> {
        StreamScope::set_service(self, service)
    }
}
