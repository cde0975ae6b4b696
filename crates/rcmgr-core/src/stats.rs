//! A picture of what every scope holds.

use std::collections::BTreeMap;

use crate::registry::Registry;
use crate::{Amount, Granule, Name, PeerKey, Resource, ScopeId};

/// What every scope holds.
///
/// Memory is what connections, streams and spans have *charged*. With a [`Granule`] this may be more
/// than they use, by at most [`Granule::most_idle`] bytes for each connection and stream of a scope; what
/// one of these uses is told by its own `stats()`.
///
/// Each word of each scope is read at one moment, but not all of them at the same; while others
/// reserve and release, a sum over scopes may not add up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// The whole node.
    pub system: Amount,
    /// Connections without a peer and streams without a protocol.
    pub transient: Amount,
    /// The twin of system for what the allowlist admitted.
    pub allowlisted_system: Amount,
    /// The twin of transient for what the allowlist admitted.
    pub allowlisted_transient: Amount,
    /// Each service.
    pub services: BTreeMap<Name, Amount>,
    /// Each protocol.
    pub protocols: BTreeMap<Name, Amount>,
    /// Each peer.
    pub peers: BTreeMap<PeerKey, Amount>,
    /// What each peer uses of each protocol.
    pub peer_protocols: BTreeMap<(PeerKey, Name), Amount>,
    /// What each peer uses of each service.
    pub peer_services: BTreeMap<(PeerKey, Name), Amount>,
    /// In which multiples connections and streams charge memory.
    pub granule: Granule,
}

impl Stats {
    pub(crate) fn of(registry: &Registry, granule: Granule) -> Stats {
        // A map is made of a list at once in less time than by one insertion after the other.
        let (mut services, mut protocols, mut peers) = (vec![], vec![], vec![]);
        let (mut peer_protocols, mut peer_services) = (vec![], vec![]);
        let mut stats = Stats { granule, ..Stats::default() };
        registry.each(|node| {
            let held = node.counters().held();
            match node.id().clone() {
                ScopeId::System => stats.system = held,
                ScopeId::Transient => stats.transient = held,
                ScopeId::AllowlistedSystem => stats.allowlisted_system = held,
                ScopeId::AllowlistedTransient => stats.allowlisted_transient = held,
                ScopeId::Service(name) => services.push((name, held)),
                ScopeId::Protocol(name) => protocols.push((name, held)),
                ScopeId::Peer(key) => peers.push((key, held)),
                ScopeId::PeerProtocol { peer, protocol } => {
                    peer_protocols.push(((peer, protocol), held));
                }
                ScopeId::PeerService { peer, service } => {
                    peer_services.push(((peer, service), held));
                }
                // No shared scopes.
                ScopeId::Connection(_)
                | ScopeId::Stream(_)
                | ScopeId::Span(_)
                | ScopeId::Network(_) => {}
            }
        });
        stats.services = services.into_iter().collect();
        stats.protocols = protocols.into_iter().collect();
        stats.peers = peers.into_iter().collect();
        stats.peer_protocols = peer_protocols.into_iter().collect();
        stats.peer_services = peer_services.into_iter().collect();
        stats
    }

    /// How much of the memory of a scope that holds `held` may be idle: charged by its connections and
    /// streams, and not used by them. 0 where memory is charged exactly.
    pub fn idle_at_most(&self, held: &Amount) -> u64 {
        let leaves = held.get(Resource::Connections).saturating_add(held.get(Resource::Streams));
        leaves.saturating_mul(self.granule.most_idle()).min(held.memory)
    }

    /// Every scope of this snapshot with what it holds.
    pub fn scopes(&self) -> impl Iterator<Item = (ScopeId, &Amount)> {
        let fixed = [
            (ScopeId::System, &self.system),
            (ScopeId::Transient, &self.transient),
            (ScopeId::AllowlistedSystem, &self.allowlisted_system),
            (ScopeId::AllowlistedTransient, &self.allowlisted_transient),
        ];
        let services =
            self.services.iter().map(|(name, held)| (ScopeId::Service(name.clone()), held));
        let protocols =
            self.protocols.iter().map(|(name, held)| (ScopeId::Protocol(name.clone()), held));
        let peers = self.peers.iter().map(|(key, held)| (ScopeId::Peer(key.clone()), held));
        let peer_protocols = self.peer_protocols.iter().map(|((peer, protocol), held)| {
            let (peer, protocol) = (peer.clone(), protocol.clone());
            (ScopeId::PeerProtocol { peer, protocol }, held)
        });
        let peer_services = self.peer_services.iter().map(|((peer, service), held)| {
            let (peer, service) = (peer.clone(), service.clone());
            (ScopeId::PeerService { peer, service }, held)
        });
        let named = services.chain(protocols).chain(peers);
        fixed.into_iter().chain(named).chain(peer_protocols).chain(peer_services)
    }

    /// What all scopes of this snapshot hold.
    pub fn amounts(&self) -> impl Iterator<Item = &Amount> {
        let fixed =
            [&self.system, &self.transient, &self.allowlisted_system, &self.allowlisted_transient];
        let named = self.services.values().chain(self.protocols.values());
        let pairs = self.peer_protocols.values().chain(self.peer_services.values());
        fixed.into_iter().chain(named).chain(self.peers.values()).chain(pairs)
    }
}
