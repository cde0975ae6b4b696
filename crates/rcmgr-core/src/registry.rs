//! The named scopes of a manager, by name, and the paths of streams through them.
//!
//! Remote parties make entries appear. That is bounded in two ways: connections and streams make
//! one only when the limits would admit its first use at that moment, and once there are more than
//! a set number of entries, whoever makes one looks at a few others and closes those that nobody
//! uses.

use std::borrow::Borrow;
use std::hash::{BuildHasher, Hash, RandomState};

use crate::leaf::Admitted;
use crate::lifecycle::Lifecycle;
use crate::node::{Node, SharedNode};
use crate::path::{Path, PathKind, Pinned, StreamScopes, Way};
use crate::recent;
use crate::shared_path::SharedPath;
use crate::sync::{AtomicWord, Map, Ordering, Queue, block_of};
use crate::{Name, PeerKey, ScopeId};

/// How many entries the creation of one looks at while there are too many. The longest chain of
/// entries that are made of each other, a path with a service, then a pair, then a peer, needs
/// three visits to go, so fewer than three would let idle entries outrun the sweep.
const SWEPT: usize = 4;

/// Numbers of nodes are ours, so the hash need not withstand chosen ones. It has to spread numbers that
/// follow each other over its low bits all the same: papaya makes another table for a key that finds no
/// place, and where the old one is not half full the new one is no larger, so keys that crowd one place
/// cost all memory. They do under some seeds of `foldhash::fast`; the quality variant mixes once more.
type ByNumber = Map<(u64, u64), SharedPath, foldhash::quality::RandomState>;
/// Names come from remote parties, so the hash must withstand chosen ones.
type ByName<K> = Map<K, SharedPath, RandomState>;

/// Protocols, or services, by name.
struct Names {
    map: ByName<Name>,
    /// Which map this is, of all that there are in the process.
    which: u64,
}

impl Names {
    fn new() -> Self {
        Names { map: Map::new(), which: crate::sync::unique_id() }
    }

    /// The number of a scope; perhaps of one that is gone, while there is another.
    fn number(&self, name: &str) -> Option<u64> {
        recent::number(self.which, name).or_else(|| {
            let number = self.map.with(name, |path| path.first().number())?;
            recent::remember(self.which, name, number);
            Some(number)
        })
    }

    fn pin(&self, name: &str) -> Option<Pinned> {
        let path = pin(&self.map, name, |path| path)?;
        // Whoever comes here has found nothing by a number that may have been outdated.
        recent::remember(self.which, name, path.first().number());
        Some(path)
    }
}

/// The fixed scopes and the paths through them alone.
#[derive(Debug)]
pub struct Fixed {
    /// System.
    pub system: SharedPath,
    /// Transient, system.
    pub transient: SharedPath,
    /// The allowlisted twin of system.
    pub allowlisted_system: SharedPath,
    /// The allowlisted twins of transient and system.
    pub allowlisted_transient: SharedPath,
    /// `transient` and `allowlisted_transient` once more, for connections to begin on.
    first: [Copies; 2],
}

/// A path and copies of it. All connections of a node begin on one path, and each counts a reference to it:
/// with one path for all threads that count would be written by all of them, beside what they read.
#[derive(Debug)]
struct Copies([SharedPath; COPIES]);

/// More than threads that open connections at once, most of the time.
const COPIES: usize = 16;

impl Copies {
    fn of(path: &SharedPath, outer: &SharedPath) -> Self {
        let copy = |_| SharedPath::new(Way::Fixed, [path.first(), outer.first()]);
        Copies(core::array::from_fn(copy))
    }

    /// The copy for a leaf. Threads take the numbers of leaves in blocks, so one thread has the same copy
    /// for long.
    fn for_leaf(&self, number: u64) -> &SharedPath {
        &self.0[block_of(number) as usize % COPIES]
    }
}

impl Fixed {
    fn new() -> Self {
        let path =
            |inner: &SharedNode, outer: &SharedNode| SharedPath::new(Way::Fixed, [inner, outer]);
        let alone = |node: &SharedNode| SharedPath::new(Way::Fixed, [node]);
        let node = SharedNode::padded;
        let (system, twin) = (node(ScopeId::System), node(ScopeId::AllowlistedSystem));
        let (allowlisted_system, system) = (alone(&twin), alone(&system));
        let transient = path(&node(ScopeId::Transient), system.first());
        let allowlisted_transient =
            path(&node(ScopeId::AllowlistedTransient), allowlisted_system.first());
        let first = [
            Copies::of(&transient, &system),
            Copies::of(&allowlisted_transient, &allowlisted_system),
        ];
        Fixed { system, transient, allowlisted_system, allowlisted_transient, first }
    }

    /// The path that a connection begins on: transient and system, or their allowlisted twins.
    pub fn first_path(&self, leaf: &Admitted, allowlisted: bool) -> Pinned {
        let copies = &self.first[usize::from(allowlisted)];
        Pinned::assume(copies.for_leaf(leaf.number()).clone())
    }

    /// Tells the leaves, by the last scope of each path, that limits have changed.
    pub fn limits_changed(&self) {
        // Of two changes at once one may be lost, and leaves are told of the other. Both scopes are told
        // the same, since a connection may go from one to the other.
        let last = [&self.system, &self.allowlisted_system].map(|path| path.first().changes());
        let changes = last[0].get().wrapping_add(1);
        last.iter().for_each(|told| told.set(changes));
    }
}

/// See the module's text. What the functions named `pin_…` give has one more user, which the
/// caller takes over.
pub struct Registry {
    pub fixed: Fixed,
    /// The paths of their streams.
    peers: ByName<PeerKey>,
    protocols: Names,
    services: Names,
    /// By the numbers of peer and protocol.
    peer_protocols: ByNumber,
    /// By the numbers of peer and service.
    peer_services: ByNumber,
    /// By the numbers of peer-protocol and service.
    with_service: ByNumber,
    /// Every entry that is not closed, but for those that are being looked at.
    entries: Queue<SharedPath>,
    count: AtomicWord,
    sweep_above: usize,
}

impl Registry {
    pub fn new(sweep_above: usize) -> Self {
        Registry {
            fixed: Fixed::new(),
            peers: Map::new(),
            protocols: Names::new(),
            services: Names::new(),
            peer_protocols: Map::new(),
            peer_services: Map::new(),
            with_service: Map::new(),
            entries: Queue::new(),
            count: AtomicWord::new(0),
            sweep_above,
        }
    }

    /// The path of a peer's streams, if it has a scope.
    pub fn pin_peer(&self, key: &[u8]) -> Option<Pinned> {
        pin(&self.peers, key, |streams| streams)
    }

    /// The path of a peer's connections, if it has a scope.
    pub fn pin_peer_of_connections(&self, key: &[u8]) -> Option<Pinned> {
        // Only a peer's path is in that map, and it has this one.
        pin(&self.peers, key, |streams| streams.of_connections().unwrap_or(streams))
    }

    /// The path of a peer's streams; its scope is made if it has none.
    pub fn pin_or_make_peer(&self, key: &[u8]) -> Pinned {
        self.pin_peer(key).unwrap_or_else(|| {
            let key = PeerKey::from(key);
            let peer = SharedNode::compact(ScopeId::Peer(key.clone()));
            let (transient, system) = (self.fixed.transient.first(), self.fixed.system.first());
            let connections = SharedPath::new(Way::ConnectionPeer, [&peer, system]);
            let streams = SharedPath::new(Way::StreamPeer(connections), [&peer, transient, system]);
            self.insert(&self.peers, key, streams).0
        })
    }

    /// The number of the protocol's scope, if it has one; not pinned, and perhaps of one that is
    /// gone. No other scope will have that number.
    pub fn protocol_number(&self, name: &str) -> Option<u64> {
        self.protocols.number(name)
    }

    /// The protocol, if it has a scope.
    pub fn pin_protocol(&self, name: &str) -> Option<Pinned> {
        self.protocols.pin(name)
    }

    /// The protocol; its scope is made if it has none.
    pub fn pin_or_make_protocol(&self, name: &str) -> Pinned {
        self.pin_protocol(name).unwrap_or_else(|| {
            let path = self.named(ScopeId::Protocol(name.into()));
            self.insert(&self.protocols.map, name.into(), path).0
        })
    }

    /// The number of the service's scope, as [`Registry::protocol_number`].
    pub fn service_number(&self, name: &str) -> Option<u64> {
        self.services.number(name)
    }

    /// The service, if it has a scope.
    pub fn pin_service(&self, name: &str) -> Option<Pinned> {
        self.services.pin(name)
    }

    /// The service; its scope is made if it has none.
    pub fn pin_or_make_service(&self, name: &str) -> Pinned {
        self.pin_service(name).unwrap_or_else(|| {
            let path = self.named(ScopeId::Service(name.into()));
            self.insert(&self.services.map, name.into(), path).0
        })
    }

    /// A new scope with the system above it.
    fn named(&self, id: ScopeId) -> SharedPath {
        SharedPath::new(Way::Named, [&SharedNode::padded(id), self.fixed.system.first()])
    }

    /// The path of the streams of a peer with a protocol, if there is one. It keeps the protocol,
    /// which therefore needs no pin, whether before or after.
    pub fn pin_peer_protocol(&self, peer: &Node, protocol: u64) -> Option<Pinned> {
        pin(&self.peer_protocols, &(peer.number(), protocol), |path| path)
    }

    /// The path of the streams of a peer with a protocol, made if there is none. The caller pins
    /// both.
    pub fn pin_or_make_peer_protocol(&self, peer: &SharedNode, protocol: &SharedNode) -> Pinned {
        self.pin_peer_protocol(peer, protocol.number()).unwrap_or_else(|| {
            let key = (peer.number(), protocol.number());
            let pair = SharedNode::compact(pair_id(peer.id(), protocol.id()));
            let nodes = [peer, &pair, protocol, self.fixed.system.first()];
            let path = SharedPath::new(Way::StreamProtocol, nodes);
            self.insert_made_of(&self.peer_protocols, key, path, &[peer, protocol])
        })
    }

    /// What a peer uses of a service, if it has a scope; not pinned.
    pub fn find_peer_service(&self, peer: &Node, service: &Node) -> Option<SharedNode> {
        let key = (peer.number(), service.number());
        self.peer_services.with(&key, |path| path.first().clone())
    }

    /// What a peer uses of a service, made if it has no scope.
    fn pin_or_make_peer_service(&self, peer: &SharedNode, service: &SharedNode) -> Pinned {
        let key = (peer.number(), service.number());
        pin(&self.peer_services, &key, |path| path).unwrap_or_else(|| {
            let pair = SharedNode::compact(pair_id(peer.id(), service.id()));
            let path = SharedPath::new(Way::PeerService, [&pair, peer, service]);
            self.insert_made_of(&self.peer_services, key, path, &[peer, service])
        })
    }

    /// The path of the streams of a peer with a protocol and a service, if there is one. It keeps
    /// the service, as [`Registry::pin_peer_protocol`] the protocol.
    pub fn pin_with_service(&self, peer_protocol: &Node, service: u64) -> Option<Pinned> {
        pin(&self.with_service, &(peer_protocol.number(), service), |path| path)
    }

    /// The path of the streams of a peer with a protocol and a service, made if there is none.
    /// The caller pins the path with the protocol, and the service.
    pub fn pin_or_make_with_service(
        &self,
        before: &StreamScopes<'_>,
        service: &SharedNode,
    ) -> Pinned {
        let StreamScopes { peer, peer_protocol, protocol } = *before;
        self.pin_with_service(peer_protocol, service.number()).unwrap_or_else(|| {
            let peer_service = self.pin_or_make_peer_service(peer, service);
            let part = peer_service.first();
            let nodes = [peer, peer_protocol, part, protocol, service, self.fixed.system.first()];
            self.insert_made_of(
                &self.with_service,
                (peer_protocol.number(), service.number()),
                SharedPath::new(Way::StreamService(Lifecycle::new()), nodes),
                &[peer_protocol, part],
            )
        })
    }

    /// Inserts an entry that is made of others, which are kept while it is there. The caller
    /// pins them.
    fn insert_made_of(
        &self,
        map: &ByNumber,
        key: (u64, u64),
        path: SharedPath,
        parts: &[&SharedNode],
    ) -> Pinned {
        for part in parts {
            part.life().cache();
        }
        let (path, inserted) = self.insert(map, key, path);
        if !inserted {
            for part in parts {
                part.life().uncache();
            }
        }
        path
    }

    /// Inserts an entry, or pins the one that another has inserted; tells which.
    fn insert<K, S>(&self, map: &Map<K, SharedPath, S>, key: K, path: SharedPath) -> (Pinned, bool)
    where
        K: Hash + Eq + Clone,
        S: BuildHasher + Default,
    {
        loop {
            match map.insert_new(key.clone(), path.clone()) {
                Ok(()) => break,
                Err(there) => {
                    if pin_found(&there) {
                        return (Pinned::assume(there), false);
                    }
                    remove(map, &key, &there);
                }
            }
        }
        // Relaxed: a threshold.
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        self.entries.push(path.clone());
        let path = Pinned::assume(path);
        if count > self.sweep_above as u64 {
            self.sweep(SWEPT);
        }
        (path, true)
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
    fn forget(&self, entry: &SharedPath) {
        // Relaxed: a threshold.
        self.count.fetch_sub(1, Ordering::Relaxed);
        match entry.kind() {
            PathKind::Named | PathKind::StreamPeer => match entry.first().id() {
                ScopeId::Peer(key) => remove(&self.peers, key, entry),
                ScopeId::Protocol(name) => remove(&self.protocols.map, name, entry),
                ScopeId::Service(name) => remove(&self.services.map, name, entry),
                _ => {}
            },
            PathKind::StreamProtocol => {
                if let Some(StreamScopes { peer, protocol, .. }) = entry.stream_scopes() {
                    self.forget_made_of(&self.peer_protocols, entry, peer, protocol);
                    protocol.life().uncache();
                }
            }
            PathKind::PeerService => {
                if let (Some(peer), Some(service)) = (entry.node(1), entry.node(2)) {
                    self.forget_made_of(&self.peer_services, entry, peer, service);
                    service.life().uncache();
                }
            }
            PathKind::StreamService => {
                if let (Some(stream), Some(scopes)) =
                    (entry.stream_scopes(), entry.service_scopes())
                {
                    let (map, service) = (&self.with_service, scopes.service);
                    self.forget_made_of(map, entry, stream.peer_protocol, service);
                    scopes.peer_service.life().uncache();
                }
            }
            // No entries.
            PathKind::Fixed | PathKind::ConnectionPeer => {}
        }
    }

    /// Takes a closed entry out of a map, and from the first of the two that its key names.
    fn forget_made_of(&self, map: &ByNumber, entry: &SharedPath, one: &Node, other: &Node) {
        remove(map, &(one.number(), other.number()), entry);
        one.life().uncache();
    }

    /// Visits every peer, in no order.
    pub fn each_peer(&self, mut visit: impl FnMut(&Node)) {
        self.peers.for_each(|path| visit(path.first()));
    }

    /// Visits every protocol, in no order.
    pub fn each_protocol(&self, mut visit: impl FnMut(&Node)) {
        self.protocols.map.for_each(|path| visit(path.first()));
    }

    /// Visits every service, in no order.
    pub fn each_service(&self, mut visit: impl FnMut(&Node)) {
        self.services.map.for_each(|path| visit(path.first()));
    }

    /// Visits every scope: the fixed ones, then services, protocols and peers, then what peers use of
    /// protocols and services; each kind in no order.
    pub fn each(&self, mut visit: impl FnMut(&Node)) {
        let fixed = &self.fixed;
        for path in [
            &fixed.system,
            &fixed.transient,
            &fixed.allowlisted_system,
            &fixed.allowlisted_transient,
        ] {
            visit(path.first());
        }
        self.each_service(&mut visit);
        self.each_protocol(&mut visit);
        self.each_peer(&mut visit);
        self.peer_protocols.for_each(|path| {
            if let Some(scopes) = path.stream_scopes() {
                visit(scopes.peer_protocol);
            }
        });
        self.peer_services.for_each(|path| visit(path.first()));
    }
}

/// Adds a user to an entry that was found; `false` where it is closed.
fn pin_found(entry: &Path) -> bool {
    entry.life().is_none_or(Lifecycle::pin)
}

/// Finds an entry, adds a user, and gives the path that `pick` names of it, which is under the
/// same lifecycle. An entry that is found closed is helped out of the map.
#[inline(always)]
fn pin<K, S, Q>(
    map: &Map<K, SharedPath, S>,
    key: &Q,
    pick: impl Fn(&SharedPath) -> &SharedPath,
) -> Option<Pinned>
where
    K: Hash + Eq + Borrow<Q>,
    S: BuildHasher + Default,
    Q: Hash + Eq + ?Sized,
{
    loop {
        let found = map.with(key, |entry| match pin_found(entry) {
            true => Ok(Pinned::assume(pick(entry).clone())),
            false => Err(entry.clone()),
        });
        match found? {
            Ok(pinned) => return Some(pinned),
            Err(closed) => remove(map, key, &closed),
        }
    }
}

/// Takes this very entry out of a map, and no other with its key.
#[cold]
fn remove<K, S, Q>(map: &Map<K, SharedPath, S>, key: &Q, entry: &SharedPath)
where
    K: Hash + Eq + Borrow<Q>,
    S: BuildHasher + Default,
    Q: Hash + Eq + ?Sized,
{
    map.remove_if(key, |found| found.ptr_eq(entry));
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
