//! The handle of one connection.

use std::net::IpAddr;
use std::sync::Arc;

use crate::account::{Account, account_methods, leaf_methods};
use crate::admission::Held;
use crate::counters::Request;
use crate::engine::Core;
use crate::leaf::{Leaf, LeafKind};
use crate::owner::OwnerRef;
use crate::path::{Path, PathKind, Pinned, Way};
use crate::shared_path::SharedPath;
use crate::sync::StrongArc;
use crate::transport::{ConnectionAccount, MemoryAccount};
use crate::{Error, PeerKey, PeerRef, Priority, Reservation, ScopeId};

/// One connection: it holds one connection, perhaps a file descriptor, and the memory that is
/// reserved from it, until it is dropped.
///
/// Until its peer is set it is charged to transient and system, afterwards to its peer and
/// system.
#[derive(Debug)]
#[must_use = "the connection is closed when this is dropped"]
pub struct ConnectionScope {
    core: Arc<Core>,
    leaf: StrongArc<Leaf>,
    /// In a place of its own, which connections without an address do without.
    origin: Option<Box<Origin>>,
}

/// Where a connection comes from.
#[derive(Debug)]
struct Origin {
    ip: IpAddr,
    /// What it holds of the networks that its address is in.
    held: Held,
}

impl ConnectionScope {
    /// Takes over what the connection holds of the networks that its address is in.
    pub(crate) fn new(
        core: Arc<Core>,
        leaf: StrongArc<Leaf>,
        ip: Option<IpAddr>,
        held: Held,
    ) -> Self {
        let origin = ip.map(|ip| Box::new(Origin { ip, held }));
        ConnectionScope { core, leaf, origin }
    }

    fn account(&self) -> Account<'_> {
        Account { core: &self.core, owner: OwnerRef::Leaf(&self.leaf) }
    }

    leaf_methods!();

    /// Whether it uses a file descriptor.
    pub fn uses_file_descriptor(&self) -> bool {
        matches!(self.leaf.kind(), LeafKind::Connection(_, true))
    }

    /// The address of the remote party.
    pub fn ip(&self) -> Option<IpAddr> {
        self.origin.as_ref().map(|origin| origin.ip)
    }

    /// The peer, once it is set.
    pub fn peer(&self) -> Option<PeerKey> {
        match self.leaf.path()?.first().id() {
            ScopeId::Peer(key) => Some(key.clone()),
            _ => None,
        }
    }

    /// Whether it is charged to the allowlisted twins.
    pub fn is_allowlisted(&self) -> bool {
        self.leaf.path().is_some_and(is_allowlisted)
    }

    /// Attaches the connection to its peer: it is charged to the peer in place of transient.
    ///
    /// An allowlisted connection whose peer is not allowed from its address first moves to the
    /// standard scopes, with all that it holds. That stands when its peer then refuses it.
    ///
    /// # Errors
    /// [`Error::Refused`] or [`Error::Capacity`] by system or transient, of a connection that has
    /// to leave the allowlist, or by the peer, and it stays where it was;
    /// [`Error::AlreadyAttached`]; [`Error::MoveUnderWay`] where another thread moves it too.
    pub fn set_peer<'p>(&self, peer: impl Into<PeerRef<'p>>) -> Result<(), Error> {
        let PeerRef(peer) = peer.into();
        let fixed = &self.core.registry().fixed;
        self.core.run(|snapshot| {
            let allowed = |ip| snapshot.rules().allows(peer.key(), ip);
            let (seen, path) = loop {
                let (seen, path) = self.leaf.load()?;
                if path.kind() == PathKind::ConnectionPeer {
                    return Err(Error::AlreadyAttached { scope: self.leaf.id() });
                }
                if !is_allowlisted(path) || self.ip().is_some_and(allowed) {
                    break (seen, path);
                }
                self.leaf.move_to(seen, Pinned::assume(fixed.transient.clone()), snapshot)?;
            };
            let held = self.leaf.kind().unit().with_memory(seen.bytes());
            let request = Request::all(snapshot, held, Priority::ALWAYS);
            let pinned = self.core.pin_peer_of_connections(peer, &request)?;
            let next = if is_allowlisted(path) {
                // The path has the peer's lifecycle, so the pin passes on to it.
                let twin = fixed.allowlisted_system.first();
                let path = SharedPath::new(Way::ConnectionPeer, [pinned.first(), twin]);
                drop(pinned.into_path());
                Pinned::assume(path)
            } else {
                pinned
            };
            self.leaf.move_to(seen, next, snapshot)
        })
    }
}

/// Whether a connection's path ends in the allowlisted twin of system.
fn is_allowlisted(path: &Path) -> bool {
    path.node(1).is_some_and(|outer| *outer.id() == ScopeId::AllowlistedSystem)
}

impl Drop for ConnectionScope {
    fn drop(&mut self) {
        self.leaf.close();
        // After its scopes: who takes the slots finds room there.
        if let Some(origin) = &self.origin {
            self.core.tables().give_back(&origin.held);
        }
        if self.leaf.is_limited() {
            self.clear_limit();
        }
    }
}

impl MemoryAccount for ConnectionScope {
    type Memory = Reservation<'static>;

    fn reserve_memory(&self, bytes: u64, priority: Priority) -> Result<Self::Memory, Error> {
        Ok(ConnectionScope::reserve_memory(self, bytes, priority)?.into_owned())
    }
}

impl ConnectionAccount for ConnectionScope {
    fn set_peer(&self, peer: &[u8]) -> Result<(), Error> {
        ConnectionScope::set_peer(self, peer)
    }
}
