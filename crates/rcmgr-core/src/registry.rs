//! The named scopes of a manager, by name, and the paths of streams through them.
//!
//! Remote parties make entries appear. That is bounded in two ways: connections and streams make
//! one only when the limits would admit its first use at that moment, and once there are more than
//! a set number of entries, whoever makes one looks at a few others and closes those that nobody
//! uses.

use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;

use crate::lifecycle::Lifecycle;
use crate::node::Node;
use crate::path::{Path, PathKind, Pinned, StreamScopes};
use crate::sync::{AtomicWord, Map, Ordering, Queue};
use crate::{Name, PeerKey, ScopeId};

/// How many entries the creation of one looks at while there are too many. The longest chain of
/// entries that are made of each other, a path with a service, then a pair, then a peer, needs
/// three visits to go, so fewer than three would let idle entries outrun the sweep.
const SWEPT: usize = 4;

/// Numbers of nodes are ours, so a fast hash will do.
type ByNumber<V> = Map<(u64, u64), V, foldhash::fast::RandomState>;
/// Names come from remote parties, so the hash must withstand chosen ones.
type ByName<K, V> = Map<K, V, RandomState>;

/// A peer and the paths that go through it alone.
#[derive(Debug)]
pub struct Peer {
    /// Peer, system: of connections, and of direct reservations.
    pub connection: Arc<Path>,
    /// Peer, transient, system: of streams without a protocol.
    pub stream: Arc<Path>,
}

/// What one peer uses of one service; the paths of streams are made of it.
#[derive(Debug)]
pub struct PeerService {
    pub node: Arc<Node>,
    peer: Arc<Node>,
    service: Arc<Node>,
}

/// An entry, to be looked at by a sweep.
#[derive(Clone, Debug)]
enum Entry {
    Peer(Arc<Peer>),
    Protocol(Arc<Path>),
    Service(Arc<Path>),
    PeerProtocol(Arc<Path>),
    PeerService(Arc<PeerService>),
    /// A stream's path with protocol and service.
    PeerProtocolService(Arc<Path>),
}

/// What is pinned and collected.
trait Lives {
    /// `None` for what lives as long as the manager.
    fn life(&self) -> Option<&Lifecycle>;
}

impl Lives for Path {
    fn life(&self) -> Option<&Lifecycle> {
        Path::life(self)
    }
}

impl Lives for Peer {
    fn life(&self) -> Option<&Lifecycle> {
        self.stream.life()
    }
}

impl Lives for PeerService {
    fn life(&self) -> Option<&Lifecycle> {
        Some(self.node.life())
    }
}

impl Entry {
    fn life(&self) -> Option<&Lifecycle> {
        match self {
            Entry::Peer(peer) => Lives::life(&**peer),
            Entry::PeerService(pair) => Lives::life(&**pair),
            Entry::Protocol(path)
            | Entry::Service(path)
            | Entry::PeerProtocol(path)
            | Entry::PeerProtocolService(path) => path.life(),
        }
    }
}

/// The fixed scopes and the paths through them alone.
#[derive(Debug)]
pub struct Fixed {
    /// System.
    pub system: Arc<Path>,
    /// Transient, system.
    pub transient: Arc<Path>,
    /// The allowlisted twin of system.
    pub allowlisted_system: Arc<Path>,
    /// The allowlisted twins of transient and system.
    pub allowlisted_transient: Arc<Path>,
}

impl Fixed {
    fn new() -> Self {
        let path = |inner: &Arc<Node>, outer: &Arc<Node>| {
            Arc::new(Path::new(PathKind::Fixed, inner, [outer]))
        };
        let alone = |node: &Arc<Node>| Arc::new(Path::new(PathKind::Fixed, node, []));
        let node = |id| Arc::new(Node::new(id));
        let (system, twin) = (node(ScopeId::System), node(ScopeId::AllowlistedSystem));
        Fixed {
            transient: path(&node(ScopeId::Transient), &system),
            allowlisted_transient: path(&node(ScopeId::AllowlistedTransient), &twin),
            system: alone(&system),
            allowlisted_system: alone(&twin),
        }
    }

    /// Tells the leaves, by the last scope of each path, that limits have changed.
    pub fn limits_changed(&self) {
        for last in [&self.system, &self.allowlisted_system] {
            let changes = last.first().changes();
            // Of two changes at once one may be lost, and leaves are told of the other.
            changes.set(changes.get().wrapping_add(1));
        }
    }
}

/// See the module's text. What the functions named `pin_…` give has one more user, which the
/// caller takes over.
pub struct Registry {
    pub fixed: Fixed,
    peers: ByName<PeerKey, Arc<Peer>>,
    protocols: ByName<Name, Arc<Path>>,
    services: ByName<Name, Arc<Path>>,
    /// By the numbers of peer and protocol.
    peer_protocols: ByNumber<Arc<Path>>,
    /// By the numbers of peer and service.
    peer_services: ByNumber<Arc<PeerService>>,
    /// By the numbers of peer-protocol and service.
    with_service: ByNumber<Arc<Path>>,
    /// Every entry that is not closed, but for those that are being looked at.
    entries: Queue<Entry>,
    count: AtomicWord,
    sweep_above: usize,
}

impl Registry {
    pub fn new(sweep_above: usize) -> Self {
        Registry {
            fixed: Fixed::new(),
            peers: Map::new(),
            protocols: Map::new(),
            services: Map::new(),
            peer_protocols: Map::new(),
            peer_services: Map::new(),
            with_service: Map::new(),
            entries: Queue::new(),
            count: AtomicWord::new(0),
            sweep_above,
        }
    }

    /// The peer, if it has a scope.
    pub fn pin_peer(&self, key: &[u8]) -> Option<Arc<Peer>> {
        pin(&self.peers, key)
    }

    /// The peer; its scope is made if it has none.
    pub fn pin_or_make_peer(&self, key: &[u8]) -> Arc<Peer> {
        if let Some(peer) = self.pin_peer(key) {
            return peer;
        }
        let key = PeerKey::from(key);
        let node = Arc::new(Node::new(ScopeId::Peer(key.clone())));
        let (transient, system) = (self.fixed.transient.first(), self.fixed.system.first());
        let stream = Path::new(PathKind::StreamPeer, &node, [transient, system]);
        let connection = Path::new(PathKind::ConnectionPeer, &node, [system]);
        let peer = Peer { connection: Arc::new(connection), stream: Arc::new(stream) };
        self.insert(&self.peers, key, Arc::new(peer), Entry::Peer).0
    }

    /// The number of the protocol's scope, if it has one; not pinned, but no other scope will have
    /// that number.
    pub fn protocol_number(&self, name: &str) -> Option<u64> {
        self.protocols.with(name, |path| path.first().number())
    }

    /// The protocol, if it has a scope.
    pub fn pin_protocol(&self, name: &str) -> Option<Pinned> {
        pin(&self.protocols, name).map(Pinned::assume)
    }

    /// The protocol; its scope is made if it has none.
    pub fn pin_or_make_protocol(&self, name: &str) -> Pinned {
        self.pin_protocol(name).unwrap_or_else(|| {
            let path = self.named(ScopeId::Protocol(name.into()));
            Pinned::assume(self.insert(&self.protocols, name.into(), path, Entry::Protocol).0)
        })
    }

    /// The number of the service's scope, as [`Registry::protocol_number`].
    pub fn service_number(&self, name: &str) -> Option<u64> {
        self.services.with(name, |path| path.first().number())
    }

    /// The service, if it has a scope.
    pub fn pin_service(&self, name: &str) -> Option<Pinned> {
        pin(&self.services, name).map(Pinned::assume)
    }

    /// The service; its scope is made if it has none.
    pub fn pin_or_make_service(&self, name: &str) -> Pinned {
        self.pin_service(name).unwrap_or_else(|| {
            let path = self.named(ScopeId::Service(name.into()));
            Pinned::assume(self.insert(&self.services, name.into(), path, Entry::Service).0)
        })
    }

    /// A new scope with the system above it.
    fn named(&self, id: ScopeId) -> Arc<Path> {
        let system = self.fixed.system.first();
        Arc::new(Path::new(PathKind::Named, &Arc::new(Node::new(id)), [system]))
    }

    /// The path of the streams of a peer with a protocol, if there is one. It keeps the protocol,
    /// which therefore needs no pin, whether before or after.
    pub fn pin_peer_protocol(&self, peer: &Node, protocol: u64) -> Option<Pinned> {
        pin(&self.peer_protocols, &(peer.number(), protocol)).map(Pinned::assume)
    }

    /// The path of the streams of a peer with a protocol, made if there is none. The caller pins
    /// both.
    pub fn pin_or_make_peer_protocol(&self, peer: &Arc<Node>, protocol: &Arc<Node>) -> Pinned {
        self.pin_peer_protocol(peer, protocol.number()).unwrap_or_else(|| {
            let key = (peer.number(), protocol.number());
            let node = Arc::new(Node::new(pair_id(peer.id(), protocol.id())));
            let others = [&node, protocol, self.fixed.system.first()];
            let path = Arc::new(Path::new(PathKind::StreamProtocol, peer, others));
            Pinned::assume(self.insert_made_of(
                &self.peer_protocols,
                key,
                path,
                Entry::PeerProtocol,
                &[peer, protocol],
            ))
        })
    }

    /// What a peer uses of a service, if it has a scope; not pinned.
    pub fn find_peer_service(&self, peer: &Node, service: &Node) -> Option<Arc<PeerService>> {
        self.peer_services.get(&(peer.number(), service.number()))
    }

    fn pin_or_make_peer_service(&self, peer: &Arc<Node>, service: &Arc<Node>) -> Arc<PeerService> {
        let key = (peer.number(), service.number());
        pin(&self.peer_services, &key).unwrap_or_else(|| {
            let node = Arc::new(Node::new(pair_id(peer.id(), service.id())));
            let pair = PeerService { node, peer: peer.clone(), service: service.clone() };
            let (pair, entry) = (Arc::new(pair), Entry::PeerService);
            self.insert_made_of(&self.peer_services, key, pair, entry, &[peer, service])
        })
    }

    /// The path of the streams of a peer with a protocol and a service, if there is one. It keeps
    /// the service, as [`Registry::pin_peer_protocol`] the protocol.
    pub fn pin_with_service(&self, peer_protocol: &Node, service: u64) -> Option<Pinned> {
        pin(&self.with_service, &(peer_protocol.number(), service)).map(Pinned::assume)
    }

    /// The path of the streams of a peer with a protocol and a service, made if there is none.
    /// The caller pins the path with the protocol, and the service.
    pub fn pin_or_make_with_service(
        &self,
        before: &StreamScopes<'_>,
        service: &Arc<Node>,
    ) -> Pinned {
        let StreamScopes { peer, peer_protocol, protocol } = *before;
        self.pin_with_service(peer_protocol, service.number()).unwrap_or_else(|| {
            let peer_service = self.pin_or_make_peer_service(peer, service);
            let part = &peer_service.node;
            let others = [peer_protocol, part, protocol, service, self.fixed.system.first()];
            let path = self.insert_made_of(
                &self.with_service,
                (peer_protocol.number(), service.number()),
                Arc::new(Path::new(PathKind::StreamService, peer, others)),
                Entry::PeerProtocolService,
                &[peer_protocol, part],
            );
            part.life().unpin();
            Pinned::assume(path)
        })
    }

    /// Inserts an entry that is made of others, which are kept while it is there. The caller
    /// pins them.
    fn insert_made_of<V: Lives>(
        &self,
        map: &ByNumber<Arc<V>>,
        key: (u64, u64),
        value: Arc<V>,
        entry: fn(Arc<V>) -> Entry,
        parts: &[&Arc<Node>],
    ) -> Arc<V> {
        for part in parts {
            part.life().cache();
        }
        let (value, inserted) = self.insert(map, key, value, entry);
        if !inserted {
            for part in parts {
                part.life().uncache();
            }
        }
        value
    }

    /// Inserts an entry, or pins the one that another has inserted; tells which.
    fn insert<K, V, S>(
        &self,
        map: &Map<K, Arc<V>, S>,
        key: K,
        value: Arc<V>,
        entry: fn(Arc<V>) -> Entry,
    ) -> (Arc<V>, bool)
    where
        K: Hash + Eq + Clone,
        V: Lives,
        S: BuildHasher + Default,
    {
        loop {
            match map.insert_new(key.clone(), value.clone()) {
                Ok(()) => break,
                Err(there) => {
                    if pin_found(&there) {
                        return (there, false);
                    }
                    remove(map, &key, &there);
                }
            }
        }
        // Relaxed: a threshold.
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        self.entries.push(entry(value.clone()));
        if count > self.sweep_above as u64 {
            self.sweep(SWEPT);
        }
        (value, true)
    }

    /// Closes every entry that nobody uses; gives their number.
    pub fn collect(&self) -> usize {
        // What others are made of can be closed only after these: paths with a service, then
        // pairs, then peers, protocols and services.
        (0..3).map(|_| self.sweep(self.entries.len())).sum()
    }

    /// Looks at some entries, the oldest first, and closes those that nobody uses.
    fn sweep(&self, entries: usize) -> usize {
        let mut closed = 0;
        for _ in 0..entries {
            let Some(entry) = self.entries.pop() else {
                break;
            };
            if entry.life().is_some_and(Lifecycle::close) {
                self.forget(&entry);
                closed += 1;
            } else {
                self.entries.push(entry);
            }
        }
        closed
    }

    /// Takes a closed entry out of its map.
    fn forget(&self, entry: &Entry) {
        // Relaxed: a threshold.
        self.count.fetch_sub(1, Ordering::Relaxed);
        match entry {
            Entry::Peer(peer) => {
                if let ScopeId::Peer(key) = peer.stream.first().id() {
                    remove(&self.peers, key, peer);
                }
            }
            Entry::Protocol(path) | Entry::Service(path) => match path.first().id() {
                ScopeId::Protocol(name) => remove(&self.protocols, name, path),
                ScopeId::Service(name) => remove(&self.services, name, path),
                _ => {}
            },
            Entry::PeerProtocol(path) => {
                if let Some(StreamScopes { peer, protocol, .. }) = path.stream_scopes() {
                    remove(&self.peer_protocols, &(peer.number(), protocol.number()), path);
                    peer.life().uncache();
                    protocol.life().uncache();
                }
            }
            Entry::PeerService(pair) => {
                let key = (pair.peer.number(), pair.service.number());
                remove(&self.peer_services, &key, pair);
                pair.peer.life().uncache();
                pair.service.life().uncache();
            }
            Entry::PeerProtocolService(path) => {
                if let (Some(stream), Some(scopes)) = (path.stream_scopes(), path.service_scopes())
                {
                    let key = (stream.peer_protocol.number(), scopes.service.number());
                    remove(&self.with_service, &key, path);
                    stream.peer_protocol.life().uncache();
                    scopes.peer_service.life().uncache();
                }
            }
        }
    }

    /// What every peer holds.
    pub fn peers(&self) -> impl Iterator<Item = Arc<Node>> {
        self.peers.values().into_iter().map(|peer| peer.stream.first().clone())
    }

    /// What every protocol holds.
    pub fn protocols(&self) -> impl Iterator<Item = Arc<Node>> {
        self.protocols.values().into_iter().map(|path| path.first().clone())
    }

    /// What every service holds.
    pub fn services(&self) -> impl Iterator<Item = Arc<Node>> {
        self.services.values().into_iter().map(|path| path.first().clone())
    }

    /// What every peer holds of every protocol.
    pub fn peer_protocols(&self) -> impl Iterator<Item = Arc<Node>> {
        let paths = self.peer_protocols.values().into_iter();
        paths.filter_map(|path| path.stream_scopes().map(|scopes| scopes.peer_protocol.clone()))
    }

    /// What every peer holds of every service.
    pub fn peer_services(&self) -> impl Iterator<Item = Arc<Node>> {
        self.peer_services.values().into_iter().map(|pair| pair.node.clone())
    }
}

/// Adds a user to an entry that was found; `false` where it is closed.
fn pin_found<V: Lives>(entry: &Arc<V>) -> bool {
    entry.life().is_none_or(Lifecycle::pin)
}

/// Finds an entry and adds a user. One that is found closed is helped out of the map.
fn pin<K, V, S, Q>(map: &Map<K, Arc<V>, S>, key: &Q) -> Option<Arc<V>>
where
    K: Hash + Eq + Borrow<Q>,
    V: Lives,
    S: BuildHasher + Default,
    Q: Hash + Eq + ?Sized,
{
    loop {
        let found = map.get(key)?;
        if pin_found(&found) {
            return Some(found);
        }
        remove(map, key, &found);
    }
}

/// Takes this very entry out of a map, and no other with its key.
fn remove<K, V, S, Q>(map: &Map<K, Arc<V>, S>, key: &Q, entry: &Arc<V>)
where
    K: Hash + Eq + Borrow<Q>,
    S: BuildHasher + Default,
    Q: Hash + Eq + ?Sized,
{
    map.remove_if(key, |found| Arc::ptr_eq(found, entry));
}

/// The name of what a peer uses of a protocol or service.
pub fn pair_id(peer: &ScopeId, other: &ScopeId) -> ScopeId {
    match (peer, other) {
        (ScopeId::Peer(peer), ScopeId::Protocol(protocol)) => {
            ScopeId::PeerProtocol { peer: peer.clone(), protocol: protocol.clone() }
        }
        (ScopeId::Peer(peer), ScopeId::Service(service)) => {
            ScopeId::PeerService { peer: peer.clone(), service: service.clone() }
        }
        // Only peers are paired, and only with these.
        _ => peer.clone(),
    }
}
