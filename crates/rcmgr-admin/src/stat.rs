//! What every scope of a node holds, as JSON.

use std::collections::BTreeMap;

use rcmgr_config::peer;
use rcmgr_core::{Amount, Resource, ResourceManager, ScopeId};
use serde::{Deserialize, Serialize};

/// How many scopes, and how many networks, are told.
const MOST: usize = 100_000;

/// The answer to `GET /stat`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stat {
    /// The version of the limits that are in effect.
    pub version: u64,
    /// What each scope holds: the first 100,000, beginning with the system, the transient scopes,
    /// services, protocols and peers.
    pub scopes: Vec<Held>,
    /// How many scopes are left out.
    #[serde(default)]
    pub more_scopes: usize,
    /// The connections of each network that has a limit, and any: of the first 100,000.
    pub networks: Vec<OfNetwork>,
    /// How many networks are left out.
    #[serde(default)]
    pub more_networks: usize,
    /// How many subnets are remembered for the rate of their connections.
    pub rate_buckets: usize,
}

/// A scope and what it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The scope.
    #[serde(flatten)]
    pub scope: ScopeName,
    /// What it holds, by [`Resource::name`]; what it holds none of is left out.
    pub held: BTreeMap<String, u64>,
}

/// A scope by its kind, and its names where the kind has many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScopeName {
    /// [`ScopeId::kind`].
    pub kind: String,
    /// The peer, as [`peer::text`] has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// The protocol.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// The service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
}

/// A network and how many connections it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfNetwork {
    /// The network, such as `192.0.2.0/24`.
    pub network: String,
    /// Its connections.
    pub connections: u64,
}

impl Stat {
    pub(crate) fn of(version: u64, manager: &ResourceManager) -> Stat {
        let stats = manager.stats();
        let held = |held: &Amount| {
            let each = Resource::ALL.map(|resource| (resource.name(), held.get(resource)));
            let some = each.into_iter().filter(|(_, held)| *held > 0);
            some.map(|(name, held)| (name.to_owned(), held)).collect()
        };
        let all = stats.amounts().count();
        let scopes = stats
            .scopes()
            .take(MOST)
            .map(|(id, amount)| Held { scope: ScopeName::of(&id), held: held(amount) });
        let networks = manager.connections_by_network();
        let all_networks = networks.len();
        let networks = networks
            .into_iter()
            .take(MOST)
            .map(|(network, connections)| OfNetwork { network: network.to_string(), connections });
        Stat {
            version,
            scopes: scopes.collect(),
            more_scopes: all.saturating_sub(MOST),
            networks: networks.collect(),
            more_networks: all_networks.saturating_sub(MOST),
            rate_buckets: manager.rate_buckets(),
        }
    }

    /// What each scope holds, as the engine has it. Scopes that this version of the program does
    /// not know are left out.
    pub fn amounts(&self) -> impl Iterator<Item = (ScopeId, Amount)> {
        self.scopes.iter().filter_map(|held| Some((held.scope.id()?, held.amount())))
    }
}

impl Held {
    fn amount(&self) -> Amount {
        let of = |resource: Resource| self.held.get(resource.name()).copied().unwrap_or_default();
        let count = |resource| u32::try_from(of(resource)).unwrap_or(u32::MAX);
        Amount {
            memory: of(Resource::Memory),
            streams_inbound: count(Resource::StreamsInbound),
            streams_outbound: count(Resource::StreamsOutbound),
            connections_inbound: count(Resource::ConnectionsInbound),
            connections_outbound: count(Resource::ConnectionsOutbound),
            file_descriptors: count(Resource::FileDescriptors),
            tasks_high: count(Resource::TasksHigh),
            tasks_medium: count(Resource::TasksMedium),
            tasks_low: count(Resource::TasksLow),
        }
    }
}

impl ScopeName {
    pub(crate) fn of(id: &ScopeId) -> ScopeName {
        let none =
            ScopeName { kind: id.kind().to_owned(), peer: None, protocol: None, service: None };
        let text = |key: &[u8]| Some(peer::text(key));
        match id {
            ScopeId::Service(name) => ScopeName { service: Some(name.to_string()), ..none },
            ScopeId::Protocol(name) => ScopeName { protocol: Some(name.to_string()), ..none },
            ScopeId::Peer(key) => ScopeName { peer: text(key), ..none },
            ScopeId::PeerService { peer, service } => {
                ScopeName { peer: text(peer), service: Some(service.to_string()), ..none }
            }
            ScopeId::PeerProtocol { peer, protocol } => {
                ScopeName { peer: text(peer), protocol: Some(protocol.to_string()), ..none }
            }
            _ => none,
        }
    }

    fn id(&self) -> Option<ScopeId> {
        let key = || peer::key(self.peer.as_deref()?).ok();
        let service = || self.service.as_deref().map(Into::into);
        let protocol = || self.protocol.as_deref().map(Into::into);
        Some(match self.kind.as_str() {
            "system" => ScopeId::System,
            "transient" => ScopeId::Transient,
            "allowlisted_system" => ScopeId::AllowlistedSystem,
            "allowlisted_transient" => ScopeId::AllowlistedTransient,
            "service" => ScopeId::Service(service()?),
            "protocol" => ScopeId::Protocol(protocol()?),
            "peer" => ScopeId::Peer(key()?),
            "peer_service" => ScopeId::PeerService { peer: key()?, service: service()? },
            "peer_protocol" => ScopeId::PeerProtocol { peer: key()?, protocol: protocol()? },
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcmgr_core::{ConnectionRequest, Direction, Limits};

    #[test]
    fn what_is_told_is_what_is_held() {
        let manager = ResourceManager::new(Limits::default());
        let request = ConnectionRequest::inbound().with_ip([192, 0, 2, 1].into());
        let connection = manager.open_connection(request).expect("there is room");
        connection.set_peer(&[1, 2]).expect("there is room");
        let stream = manager.open_stream(&[1, 2], Direction::Outbound).expect("there is room");
        stream.set_protocol("/a\"b").expect("there is room");
        stream.set_service("s").expect("there is room");
        let memory = stream.reserve_memory(1 << 40, rcmgr_core::Priority::ALWAYS);
        let stat = Stat::of(3, &manager);
        let json = serde_json::to_string(&stat).expect("it is JSON");
        let back: Stat = serde_json::from_str(&json).expect("it was written so");
        assert_eq!(back, stat);
        let stats = manager.stats();
        let held: Vec<_> = stats.scopes().map(|(id, held)| (id, *held)).collect();
        assert_eq!(back.amounts().collect::<Vec<_>>(), held);
        assert_eq!(held.len(), 9);
        assert_eq!(stat.networks[0].network, "192.0.2.1/32");
        drop(memory);
    }
}
