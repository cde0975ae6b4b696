//! What all handles of one manager share, and how it runs an operation.

use crossbeam_utils::CachePadded;

use crate::admission::Tables;
use crate::counters::{Request, Stop};
use crate::node;
use crate::path::Pinned;
use crate::places::Places;
use crate::registry::Registry;
use crate::scope::PeerName;
use crate::snapshot::{Snapshot, Store};
use crate::word::{Kind, admit};
use crate::{Error, ScopeId, ScopeLimit};

/// What all handles of one manager share.
pub struct Core {
    /// On a line of its own: it is read by every operation, while the count of references
    /// before it is written by every handle that is made or dropped.
    store: CachePadded<Store>,
    registry: Registry,
    /// What is counted of connections by their addresses.
    tables: Tables,
}

impl core::fmt::Debug for Core {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Core")
    }
}

impl Core {
    /// Sweeps named scopes when one is made while there are more than `sweep_above`.
    pub fn new(snapshot: Snapshot, sweep_above: usize) -> Core {
        Core {
            store: CachePadded::new(Store::new(snapshot)),
            registry: Registry::new(sweep_above),
            tables: Tables::new(),
        }
    }

    #[inline(always)]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Replaces all limits.
    pub fn publish(&self, prepared: &Places) {
        self.store.publish(prepared);
        self.registry.fixed.limits_changed();
    }

    /// Sets the limit of one shared scope, or clears it.
    pub fn set_limit(&self, id: &ScopeId, limit: Option<ScopeLimit>) {
        self.store.set_limit(id, limit);
        self.registry.fixed.limits_changed();
    }

    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// The path of a peer's streams, pinned. It is made if it has no scope, unless its own limit, or what `others`
    /// asks, would refuse the request: a remote party must not make scopes appear that way.
    pub fn pin_peer(
        &self,
        peer: PeerName<'_>,
        request: &Request<'_>,
        others: impl FnOnce() -> Result<(), Error>,
    ) -> Result<Pinned, Error> {
        // A handle to another manager's scope names a peer of this one.
        if let PeerName::Scope(scope) = peer
            && scope.is_of(self)
        {
            return Ok(scope.pin());
        }
        match self.registry.pin_peer(peer.key()) {
            Some(peer) => Ok(peer),
            None => self.make_peer(peer.key(), request, others),
        }
    }

    /// The same for the path of a peer's connections.
    pub fn pin_peer_of_connections(
        &self,
        peer: PeerName<'_>,
        request: &Request<'_>,
    ) -> Result<Pinned, Error> {
        if let PeerName::Scope(scope) = peer
            && scope.is_of(self)
        {
            return Ok(scope.pin_of_connections());
        }
        match self.registry.pin_peer_of_connections(peer.key()) {
            Some(peer) => Ok(peer),
            None => {
                let streams = self.make_peer(peer.key(), request, || Ok(()))?;
                Ok(streams.into_connections())
            }
        }
    }

    #[cold]
    fn make_peer(
        &self,
        key: &[u8],
        request: &Request<'_>,
        others: impl FnOnce() -> Result<(), Error>,
    ) -> Result<Pinned, Error> {
        look_at_new(request.snapshot.places().peer(key), request, || ScopeId::Peer(key.into()))?;
        others()?;
        Ok(self.registry.pin_or_make_peer(key))
    }

    /// Runs one operation under one snapshot, and tells the observer of a refusal.
    #[inline(always)]
    pub fn run<R>(
        &self,
        operation: impl FnOnce(&Snapshot) -> Result<R, Error>,
    ) -> Result<R, Error> {
        // An error is large. It leaves by a place of its own, so that success does not carry room
        // for one through every return.
        let mut failed = None;
        let done = self.store.with(|snapshot| match operation(snapshot) {
            Ok(done) => Some(done),
            Err(error) => {
                tell_of_refusal(snapshot, &error);
                failed = Some(error);
                None
            }
        });
        // One after the other: a pair of both would be copied, error and all.
        match done {
            Some(done) => Ok(done),
            None => match failed {
                Some(error) => Err(error),
                None => unreachable!("an operation is done or has failed"),
            },
        }
    }
}

#[cold]
fn tell_of_refusal(snapshot: &Snapshot, error: &Error) {
    match (snapshot.observer(), error) {
        (Some(observer), Error::Refused(refusal)) => observer.refused(refusal),
        (Some(observer), Error::RateLimited(refusal)) => observer.rate_limited(refusal),
        (Some(observer), Error::MemoryPressure { asked, required }) => {
            observer.memory_pressure(*asked, *required);
        }
        _ => {}
    }
}

/// Asks the limit of a scope that does not exist yet, and so holds nothing: one that it refuses
/// must not make it appear.
pub fn look_at_new(
    limit: &ScopeLimit,
    request: &Request<'_>,
    id: impl FnOnce() -> ScopeId,
) -> Result<(), Error> {
    for kind in Kind::ALL {
        if request.asks(kind) {
            let part = kind.part(&request.amount);
            if let Err(verdict) = admit(kind, [0; 3], part, limit, request.priority) {
                return Err(node::error(id(), Stop::Refused(verdict), request));
            }
        }
    }
    Ok(())
}
