//! What an operation changed: everything is looked at before and after.

use core::cmp::Ordering;
use std::collections::BTreeMap;

use rcmgr_core::{Amount, Name, PeerKey, ScopeId, Stats};

use crate::{Live, Stat, name::shared_name};

/// The stats of shared scopes that differ, by the script's names. What is absent holds nothing.
pub fn changes(before: &Stats, after: &Stats, changed: &mut BTreeMap<String, Stat>) {
    let mut note = |id: ScopeId, held: Amount| {
        changed.insert(shared_name(&id), held.into());
    };
    for (id, before, after) in [
        (ScopeId::System, before.system, after.system),
        (ScopeId::Transient, before.transient, after.transient),
        (ScopeId::AllowlistedSystem, before.allowlisted_system, after.allowlisted_system),
        (ScopeId::AllowlistedTransient, before.allowlisted_transient, after.allowlisted_transient),
    ] {
        if before != after {
            note(id, after);
        }
    }
    differ(&before.services, &after.services, |name, held| note(service(name), held));
    differ(&before.protocols, &after.protocols, |name, held| note(protocol(name), held));
    differ(&before.peers, &after.peers, |key, held| note(peer(key), held));
    differ(&before.peer_protocols, &after.peer_protocols, |pair, held| {
        note(peer_protocol(pair), held)
    });
    differ(&before.peer_services, &after.peer_services, |pair, held| {
        note(peer_service(pair), held)
    });
}

/// Walks through two sorted maps at once.
fn differ<K: Ord>(
    before: &BTreeMap<K, Amount>,
    after: &BTreeMap<K, Amount>,
    mut note: impl FnMut(&K, Amount),
) {
    let (mut before, mut after) = (before.iter().peekable(), after.iter().peekable());
    loop {
        let order = match (before.peek(), after.peek()) {
            (None, None) => return,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((one, _)), Some((other, _))) => one.cmp(other),
        };
        let was = if order.is_le() { before.next() } else { None };
        let is = if order.is_ge() { after.next() } else { None };
        let held = |found: Option<(&K, &Amount)>| found.map_or(Amount::ZERO, |(_, held)| *held);
        if held(was) != held(is)
            && let Some((key, _)) = is.or(was)
        {
            note(key, held(is));
        }
    }
}

/// Every shared scope that is not empty.
pub fn full(stats: &Stats) -> BTreeMap<String, Stat> {
    let mut full = BTreeMap::new();
    changes(&Stats::default(), stats, &mut full);
    full
}

/// How many shared scopes there are.
pub fn count(stats: &Stats) -> usize {
    stats.amounts().count()
}

/// The names that have scopes.
pub fn live(stats: &Stats) -> Live {
    // Pairs are told with the service or protocol first, and so sorted.
    let pairs = |names: &mut dyn Iterator<Item = (&Name, &PeerKey)>| {
        let text = |(name, peer): (&Name, &PeerKey)| {
            format!("{name}/peer:{}", String::from_utf8_lossy(peer))
        };
        let mut names: Vec<String> = names.map(text).collect();
        names.sort_unstable();
        names
    };
    Live {
        services: stats.services.keys().map(|name| name.to_string()).collect(),
        protocols: stats.protocols.keys().map(|name| name.to_string()).collect(),
        peers: stats.peers.keys().map(|key| String::from_utf8_lossy(key).into_owned()).collect(),
        service_peers: pairs(&mut stats.peer_services.keys().map(|(peer, name)| (name, peer))),
        protocol_peers: pairs(&mut stats.peer_protocols.keys().map(|(peer, name)| (name, peer))),
    }
}

fn service(name: &Name) -> ScopeId {
    ScopeId::Service(name.clone())
}

fn protocol(name: &Name) -> ScopeId {
    ScopeId::Protocol(name.clone())
}

fn peer(key: &PeerKey) -> ScopeId {
    ScopeId::Peer(key.clone())
}

fn peer_protocol((peer, protocol): &(PeerKey, Name)) -> ScopeId {
    ScopeId::PeerProtocol { peer: peer.clone(), protocol: protocol.clone() }
}

fn peer_service((peer, service): &(PeerKey, Name)) -> ScopeId {
    ScopeId::PeerService { peer: peer.clone(), service: service.clone() }
}
