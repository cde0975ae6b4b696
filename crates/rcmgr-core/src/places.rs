//! Which limit each scope has: a table of limits, and the place of each name in it.
//!
//! A hash look-up for each scope of each charge would cost more than the charge. So a node
//! remembers its place in the table together with the epoch of the set of names that the place was
//! found in. Within one epoch a place never changes, so a remembered place is either right or seen
//! to be of another epoch, and looked up again; whoever changes limits has no nodes to walk.

use std::collections::HashMap;
use std::sync::Arc;

use crate::{Limits, Name, PeerKey, ScopeId, ScopeLimit};

/// The first places of the table: the fixed scopes, and the defaults of the classes.
#[derive(Clone, Copy)]
#[repr(u32)]
enum Class {
    System,
    Transient,
    AllowlistedSystem,
    AllowlistedTransient,
    Service,
    ServicePeer,
    Protocol,
    ProtocolPeer,
    Peer,
    Connection,
    Stream,
}

/// The number of classes.
const CLASSES: usize = Class::Stream as usize + 1;

/// Limits that were set on single shared scopes.
pub type Set = HashMap<ScopeId, ScopeLimit>;

/// What may have a limit of its own.
enum Named<'n> {
    Service(&'n Name),
    ServicePeer(&'n Name),
    Protocol(&'n Name),
    ProtocolPeer(&'n Name),
    Peer(&'n PeerKey),
    /// A single peer-protocol or peer-service scope, whose limit was set while running.
    Pair(&'n ScopeId),
}

impl<'n> Named<'n> {
    /// What a limit that was set on one shared scope is of; `None` for the fixed ones.
    fn of(id: &'n ScopeId) -> Option<Self> {
        match id {
            ScopeId::Service(name) => Some(Named::Service(name)),
            ScopeId::Protocol(name) => Some(Named::Protocol(name)),
            ScopeId::Peer(key) => Some(Named::Peer(key)),
            ScopeId::PeerService { .. } | ScopeId::PeerProtocol { .. } => Some(Named::Pair(id)),
            _ => None,
        }
    }
}

/// Where in the table the limits of names are.
#[derive(Debug, Default)]
struct Names {
    services: HashMap<Name, u32>,
    service_peers: HashMap<Name, u32>,
    protocols: HashMap<Name, u32>,
    protocol_peers: HashMap<Name, u32>,
    peers: HashMap<PeerKey, u32>,
    pairs: HashMap<ScopeId, u32>,
}

impl Names {
    fn get(&self, named: Named<'_>) -> Option<u32> {
        let place = match named {
            Named::Service(name) => self.services.get(name),
            Named::ServicePeer(name) => self.service_peers.get(name),
            Named::Protocol(name) => self.protocols.get(name),
            Named::ProtocolPeer(name) => self.protocol_peers.get(name),
            Named::Peer(key) => self.peers.get(key),
            Named::Pair(id) => self.pairs.get(id),
        };
        place.copied()
    }

    /// The place of a name, which is `next` if it has had none.
    fn get_or_insert(&mut self, named: Named<'_>, next: u32) -> u32 {
        *match named {
            Named::Service(name) => self.services.entry(name.clone()).or_insert(next),
            Named::ServicePeer(name) => self.service_peers.entry(name.clone()).or_insert(next),
            Named::Protocol(name) => self.protocols.entry(name.clone()).or_insert(next),
            Named::ProtocolPeer(name) => self.protocol_peers.entry(name.clone()).or_insert(next),
            Named::Peer(key) => self.peers.entry(key.clone()).or_insert(next),
            Named::Pair(id) => self.pairs.entry(id.clone()).or_insert(next),
        }
    }
}

/// The limits of all scopes, but for those of single connections, streams and spans.
#[derive(Clone)]
pub struct Places {
    table: Arc<[ScopeLimit]>,
    /// Of `names`: no other set of names in the process has it, until 2^32 of them have been.
    epoch: u32,
    names: Arc<Names>,
    /// As configured.
    limits: Arc<Limits>,
    set: Arc<Set>,
}

impl Places {
    /// The places of configured limits, and of those that were set on single scopes. If the same
    /// names have had limits before, they keep their places, and the epoch stays.
    pub fn new(limits: Arc<Limits>, set: Arc<Set>, before: Option<&Places>) -> Self {
        if let Some(before) = before
            && let Some(table) = fill(&before.names, before.table.len(), &limits, &set)
        {
            return Places { table, epoch: before.epoch, names: before.names.clone(), limits, set };
        }
        let mut names = Names::default();
        let mut table = by_class(&limits, &set).to_vec();
        for (named, limit) in named(&limits, &set) {
            // A table of 2^32 limits would need 400 GiB, so the length fits.
            let place = names.get_or_insert(named, table.len() as u32);
            match table.get_mut(place as usize) {
                Some(there) => *there = *limit,
                None => table.push(*limit),
            }
        }
        let epoch = crate::sync::unique_epoch();
        Places { table: table.into(), epoch, names: Arc::new(names), limits, set }
    }

    /// The same with those limits that were set on single scopes.
    pub fn with_set(&self, set: &Arc<Set>) -> Self {
        match Arc::ptr_eq(&self.set, set) {
            true => self.clone(),
            false => Self::new(self.limits.clone(), set.clone(), Some(self)),
        }
    }

    pub fn limits(&self) -> &Arc<Limits> {
        &self.limits
    }

    pub fn set(&self) -> &Arc<Set> {
        &self.set
    }

    /// What a node remembers its place by.
    #[inline(always)]
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The limit at a place that was found under this epoch.
    #[inline(always)]
    pub fn at(&self, place: u32) -> &ScopeLimit {
        &self.table[place as usize]
    }

    /// The limit of connections that have none of their own.
    pub fn connection(&self) -> &ScopeLimit {
        self.at(Class::Connection as u32)
    }

    /// The limit of streams that have none of their own.
    pub fn stream(&self) -> &ScopeLimit {
        self.at(Class::Stream as u32)
    }

    /// The limit of all that the allowlist admits.
    pub fn allowlisted_system(&self) -> &ScopeLimit {
        self.at(Class::AllowlistedSystem as u32)
    }

    /// Whether a limit was set on one shared scope.
    pub fn is_set(&self, id: &ScopeId) -> bool {
        self.set.contains_key(id)
    }

    /// The place of a shared scope in the table.
    pub fn place(&self, id: &ScopeId) -> u32 {
        let names = &self.names;
        match id {
            ScopeId::System => Class::System as u32,
            ScopeId::Transient => Class::Transient as u32,
            ScopeId::AllowlistedSystem => Class::AllowlistedSystem as u32,
            ScopeId::AllowlistedTransient => Class::AllowlistedTransient as u32,
            ScopeId::Service(name) => or(names.services.get(name), Class::Service),
            ScopeId::Protocol(name) => or(names.protocols.get(name), Class::Protocol),
            ScopeId::Peer(key) => or(names.peers.get(key), Class::Peer),
            ScopeId::PeerService { service, .. } => {
                let own = names.pairs.get(id).or_else(|| names.service_peers.get(service));
                or(own, Class::ServicePeer)
            }
            ScopeId::PeerProtocol { protocol, .. } => {
                let own = names.pairs.get(id).or_else(|| names.protocol_peers.get(protocol));
                or(own, Class::ProtocolPeer)
            }
            // Networks are limited by the rules, spans by their owner; neither is looked up.
            ScopeId::Connection(_) | ScopeId::Network(_) => Class::Connection as u32,
            ScopeId::Stream(_) | ScopeId::Span(_) => Class::Stream as u32,
        }
    }

    /// The limit of a peer that may have no scope yet.
    pub fn peer(&self, key: &[u8]) -> &ScopeLimit {
        self.at(or(self.names.peers.get(key), Class::Peer))
    }
}

fn or(own: Option<&u32>, class: Class) -> u32 {
    own.copied().unwrap_or(class as u32)
}

/// The first limits of the table.
fn by_class(limits: &Limits, set: &Set) -> [ScopeLimit; CLASSES] {
    let fixed = |id: ScopeId, configured| set.get(&id).copied().unwrap_or(configured);
    // In the order of `Class`.
    [
        fixed(ScopeId::System, limits.system),
        fixed(ScopeId::Transient, limits.transient),
        fixed(ScopeId::AllowlistedSystem, limits.allowlisted_system),
        fixed(ScopeId::AllowlistedTransient, limits.allowlisted_transient),
        limits.service,
        limits.service_peer,
        limits.protocol,
        limits.protocol_peer,
        limits.peer,
        limits.connection,
        limits.stream,
    ]
}

/// The table of the same names with other limits, if the names are the same.
fn fill(names: &Names, len: usize, limits: &Limits, set: &Set) -> Option<Arc<[ScopeLimit]>> {
    let mut table = vec![None; len];
    for (place, limit) in table.iter_mut().zip(by_class(limits, set)) {
        *place = Some(limit);
    }
    for (named, limit) in named(limits, set) {
        *table.get_mut(names.get(named)? as usize)? = Some(*limit);
    }
    // What is still `None` is the place of a name that has no limit any more.
    table.into_iter().collect()
}

/// Each name that has a limit; what was set comes after what was configured for the same name.
fn named<'l>(
    limits: &'l Limits,
    set: &'l Set,
) -> impl Iterator<Item = (Named<'l>, &'l ScopeLimit)> {
    let services = limits.services.iter().map(|(name, limit)| (Named::Service(name), limit));
    let service_peers = limits.service_peers.iter();
    let service_peers = service_peers.map(|(name, limit)| (Named::ServicePeer(name), limit));
    let protocols = limits.protocols.iter().map(|(name, limit)| (Named::Protocol(name), limit));
    let protocol_peers = limits.protocol_peers.iter();
    let protocol_peers = protocol_peers.map(|(name, limit)| (Named::ProtocolPeer(name), limit));
    let peers = limits.peers.iter().map(|(key, limit)| (Named::Peer(key), limit));
    let set = set.iter().filter_map(|(id, limit)| Some((Named::of(id)?, limit)));
    services.chain(service_peers).chain(protocols).chain(protocol_peers).chain(peers).chain(set)
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;

    use super::*;
    use crate::Limit;

    /// The names that limits are given to.
    const NAMES: [&str; 3] = ["a", "b", "c"];

    fn bound(bound: u64) -> ScopeLimit {
        ScopeLimit::all(Limit::new(bound))
    }

    fn pair(peer: &str, protocol: &str) -> ScopeId {
        ScopeId::PeerProtocol { peer: peer.as_bytes().into(), protocol: protocol.into() }
    }

    /// All scopes that may have a limit of their own here.
    fn ids() -> Vec<ScopeId> {
        let of_name = |name: &str| {
            let service =
                ScopeId::PeerService { peer: name.as_bytes().into(), service: name.into() };
            let peer = ScopeId::Peer(name.as_bytes().into());
            [ScopeId::Service(name.into()), ScopeId::Protocol(name.into()), peer, service]
        };
        let pairs = NAMES.map(|peer| NAMES.map(|protocol| pair(peer, protocol)));
        let named = NAMES.into_iter().flat_map(of_name).chain(pairs.into_iter().flatten());
        named.chain([ScopeId::System, ScopeId::Transient]).collect()
    }

    /// Limits of each class and of some names, and of some single scopes.
    fn any_limits() -> impl Strategy<Value = (Limits, Set)> {
        let named = || btree_map(0..NAMES.len(), any::<u64>(), 0..=NAMES.len());
        let set = btree_map(0..ids().len(), any::<u64>(), 0..4);
        (any::<[u64; 7]>(), [named(), named(), named(), named(), named()], set).prop_map(
            |(of_classes, of_names, set)| {
                let [system, service, service_peer, protocol, protocol_peer, peer, stream] =
                    of_classes.map(bound);
                let mut limits = Limits {
                    system,
                    service,
                    service_peer,
                    protocol,
                    protocol_peer,
                    peer,
                    stream,
                    ..Limits::default()
                };
                let [services, service_peers, protocols, protocol_peers, peers] = of_names
                    .map(|named| named.into_iter().map(|(at, limit)| (NAMES[at], bound(limit))));
                limits.services.extend(services.map(|(name, limit)| (name.into(), limit)));
                limits
                    .service_peers
                    .extend(service_peers.map(|(name, limit)| (name.into(), limit)));
                limits.protocols.extend(protocols.map(|(name, limit)| (name.into(), limit)));
                limits
                    .protocol_peers
                    .extend(protocol_peers.map(|(name, limit)| (name.into(), limit)));
                limits.peers.extend(peers.map(|(name, limit)| (name.as_bytes().into(), limit)));
                let ids = ids();
                (
                    limits,
                    set.into_iter().map(|(at, limit)| (ids[at].clone(), bound(limit))).collect(),
                )
            },
        )
    }

    proptest! {
        #[test]
        fn limits_made_of_others_are_as_if_made_anew(chain in vec(any_limits(), 2..5)) {
            let mut before: Option<Places> = None;
            for (limits, set) in chain {
                let (limits, set) = (Arc::new(limits), Arc::new(set));
                let alone = Places::new(limits.clone(), set.clone(), None);
                let next = Places::new(limits, set, before.as_ref());
                prop_assert_eq!(next.stream(), alone.stream());
                for id in ids() {
                    prop_assert_eq!(next.at(next.place(&id)), alone.at(alone.place(&id)), "{}", id);
                    if let Some(before) = &before && before.epoch() == next.epoch() {
                        prop_assert_eq!(next.place(&id), before.place(&id), "{}", id);
                    }
                }
                before = Some(next);
            }
        }
    }

    #[test]
    fn the_epoch_stays_as_long_as_the_names_do() {
        let limits = |names: &[&str], limit| {
            let mut limits = Limits::default();
            limits.protocols.extend(names.iter().map(|name| (Arc::from(*name), bound(limit))));
            Arc::new(limits)
        };
        let set = |ids: &[ScopeId]| Arc::new(ids.iter().map(|id| (id.clone(), bound(9))).collect());
        let named = |name: &str| ScopeId::Protocol(name.into());
        let first = Places::new(limits(&["a", "b"], 1), set(&[]), None);
        let keeps = |names: &[&str], ids: &[ScopeId]| {
            Places::new(limits(names, 2), set(ids), Some(&first)).epoch() == first.epoch()
        };
        assert!(keeps(&["b", "a"], &[]), "other limits");
        assert!(keeps(&["b", "a"], &[ScopeId::System, named("a")]), "another limit is set");
        assert!(keeps(&["b"], &[named("a")]), "it is set where it was configured");
        assert!(!keeps(&["a"], &[]), "a name is gone");
        assert!(!keeps(&["a", "c"], &[]), "another name");
        assert!(!keeps(&["a", "b", "c"], &[]), "one more");
        assert!(!keeps(&["a", "b"], &[pair("a", "b")]), "a pair");
    }
}
