//! Partial limits: what an operator writes over the defaults.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use rcmgr_core::{Limits, Name, PeerKey, ScopeLimit};
use serde::{Deserialize, Deserializer, Serialize};

use super::Value;

/// The limits of one scope; what is absent is as in the base. Tasks are ours, not go-libp2p's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
#[allow(missing_docs, reason = "the names are the documentation, and Go's")]
pub struct PartialLimit {
    #[serde(skip_serializing_if = "Value::is_default")]
    pub streams: Value,
    #[serde(skip_serializing_if = "Value::is_default")]
    pub streams_inbound: Value,
    #[serde(skip_serializing_if = "Value::is_default")]
    pub streams_outbound: Value,
    #[serde(skip_serializing_if = "Value::is_default")]
    pub conns: Value,
    #[serde(skip_serializing_if = "Value::is_default")]
    pub conns_inbound: Value,
    #[serde(skip_serializing_if = "Value::is_default")]
    pub conns_outbound: Value,
    #[serde(rename = "FD", skip_serializing_if = "Value::is_default")]
    pub fd: Value,
    #[serde(
        skip_serializing_if = "Value::is_default",
        serialize_with = "Value::serialize_as_text"
    )]
    pub memory: Value,
    #[serde(skip_serializing_if = "Value::is_default")]
    pub tasks: Value,
    #[serde(skip_serializing_if = "Value::is_default")]
    pub tasks_high: Value,
    #[serde(skip_serializing_if = "Value::is_default")]
    pub tasks_medium: Value,
    #[serde(skip_serializing_if = "Value::is_default")]
    pub tasks_low: Value,
}

impl PartialLimit {
    /// The limits, over those of the base.
    pub fn over(&self, base: &ScopeLimit) -> ScopeLimit {
        ScopeLimit {
            memory: self.memory.over(base.memory),
            streams_inbound: self.streams_inbound.over(base.streams_inbound),
            streams_outbound: self.streams_outbound.over(base.streams_outbound),
            streams: self.streams.over(base.streams),
            connections_inbound: self.conns_inbound.over(base.connections_inbound),
            connections_outbound: self.conns_outbound.over(base.connections_outbound),
            connections: self.conns.over(base.connections),
            file_descriptors: self.fd.over(base.file_descriptors),
            tasks: self.tasks.over(base.tasks),
            tasks_high: self.tasks_high.over(base.tasks_high),
            tasks_medium: self.tasks_medium.over(base.tasks_medium),
            tasks_low: self.tasks_low.over(base.tasks_low),
        }
    }

    fn is_default(&self) -> bool {
        *self == PartialLimit::default()
    }
}

/// Every limit is set, to what a scope's limits are.
impl From<ScopeLimit> for PartialLimit {
    fn from(limit: ScopeLimit) -> PartialLimit {
        PartialLimit {
            streams: Value::Set(limit.streams),
            streams_inbound: Value::Set(limit.streams_inbound),
            streams_outbound: Value::Set(limit.streams_outbound),
            conns: Value::Set(limit.connections),
            conns_inbound: Value::Set(limit.connections_inbound),
            conns_outbound: Value::Set(limit.connections_outbound),
            fd: Value::Set(limit.file_descriptors),
            memory: Value::Set(limit.memory),
            tasks: Value::Set(limit.tasks),
            tasks_high: Value::Set(limit.tasks_high),
            tasks_medium: Value::Set(limit.tasks_medium),
            tasks_low: Value::Set(limit.tasks_low),
        }
    }
}

/// A `PartialLimitConfig`: what is absent is as in the base.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
#[allow(missing_docs, reason = "the names are the documentation, and Go's")]
pub struct PartialLimits {
    #[serde(skip_serializing_if = "PartialLimit::is_default", deserialize_with = "or_null")]
    pub system: PartialLimit,
    #[serde(skip_serializing_if = "PartialLimit::is_default", deserialize_with = "or_null")]
    pub transient: PartialLimit,
    #[serde(skip_serializing_if = "PartialLimit::is_default", deserialize_with = "or_null")]
    pub allowlisted_system: PartialLimit,
    #[serde(skip_serializing_if = "PartialLimit::is_default", deserialize_with = "or_null")]
    pub allowlisted_transient: PartialLimit,
    #[serde(skip_serializing_if = "PartialLimit::is_default", deserialize_with = "or_null")]
    pub service_default: PartialLimit,
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "or_null")]
    pub service: BTreeMap<String, PartialLimit>,
    #[serde(skip_serializing_if = "PartialLimit::is_default", deserialize_with = "or_null")]
    pub service_peer_default: PartialLimit,
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "or_null")]
    pub service_peer: BTreeMap<String, PartialLimit>,
    #[serde(skip_serializing_if = "PartialLimit::is_default", deserialize_with = "or_null")]
    pub protocol_default: PartialLimit,
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "or_null")]
    pub protocol: BTreeMap<String, PartialLimit>,
    #[serde(skip_serializing_if = "PartialLimit::is_default", deserialize_with = "or_null")]
    pub protocol_peer_default: PartialLimit,
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "or_null")]
    pub protocol_peer: BTreeMap<String, PartialLimit>,
    #[serde(skip_serializing_if = "PartialLimit::is_default", deserialize_with = "or_null")]
    pub peer_default: PartialLimit,
    /// By the text of the peer's identity.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", deserialize_with = "or_null")]
    pub peer: BTreeMap<String, PartialLimit>,
    #[serde(skip_serializing_if = "PartialLimit::is_default", deserialize_with = "or_null")]
    pub conn: PartialLimit,
    #[serde(skip_serializing_if = "PartialLimit::is_default", deserialize_with = "or_null")]
    pub stream: PartialLimit,
}

impl PartialLimits {
    /// The limits, over those of the base. A name that the base does not have goes by its class;
    /// `peer` makes keys of the texts that name peers.
    pub fn over(&self, base: &Limits, peer: impl Fn(&str) -> PeerKey) -> Limits {
        let service = self.service_default.over(&base.service);
        let service_peer = self.service_peer_default.over(&base.service_peer);
        let protocol = self.protocol_default.over(&base.protocol);
        let protocol_peer = self.protocol_peer_default.over(&base.protocol_peer);
        let of_peer = self.peer_default.over(&base.peer);
        Limits {
            system: self.system.over(&base.system),
            transient: self.transient.over(&base.transient),
            allowlisted_system: self.allowlisted_system.over(&base.allowlisted_system),
            allowlisted_transient: self.allowlisted_transient.over(&base.allowlisted_transient),
            service,
            services: named(&self.service, &base.services, &service, name),
            service_peer,
            service_peers: named(&self.service_peer, &base.service_peers, &service_peer, name),
            protocol,
            protocols: named(&self.protocol, &base.protocols, &protocol, name),
            protocol_peer,
            protocol_peers: named(&self.protocol_peer, &base.protocol_peers, &protocol_peer, name),
            peer: of_peer,
            peers: named(&self.peer, &base.peers, &of_peer, peer),
            connection: self.conn.over(&base.connection),
            stream: self.stream.over(&base.stream),
            ..base.clone()
        }
    }
}

/// A value, or null where it is absent: Go writes a map that nothing was put into so.
fn or_null<'de, T: Default + Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
) -> Result<T, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

fn name(text: &str) -> Name {
    text.into()
}

fn named<K: Clone + Eq + Hash>(
    partial: &BTreeMap<String, PartialLimit>,
    base: &HashMap<K, ScopeLimit>,
    class: &ScopeLimit,
    key: impl Fn(&str) -> K,
) -> HashMap<K, ScopeLimit> {
    let mut all = base.clone();
    for (text, limit) in partial {
        let key = key(text);
        let below = base.get(&key).unwrap_or(class);
        all.insert(key, limit.over(below));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcmgr_core::Limit;

    fn over(json: &str, base: &Limits) -> Limits {
        let partial: PartialLimits = serde_json::from_str(json).expect("it is a configuration");
        partial.over(base, |peer| peer.as_bytes().into())
    }

    #[test]
    fn null_is_absent() {
        let json = r#"{"System": null, "Service": null, "Peer": null}"#;
        let read: PartialLimits = serde_json::from_str(json).expect("it is a configuration");
        assert_eq!(read, PartialLimits::default());
        let of_one: PartialLimits =
            serde_json::from_str(r#"{"Peer": {"p1": {"FD": 1}}}"#).expect("it is a configuration");
        assert_eq!(of_one.peer.len(), 1);
    }

    #[test]
    fn a_name_goes_by_its_entry_in_the_base_then_by_its_class() {
        let mut base = Limits { service: ScopeLimit::all(Limit::new(1)), ..Limits::default() };
        base.services.insert("old".into(), ScopeLimit::all(Limit::new(2)));
        let json = r#"{"ServiceDefault": {"Conns": 3},
                       "Service": {"old": {"Streams": 4}, "new": {"Streams": 5}}}"#;
        let limits = over(json, &base);
        let of = |name: &str| {
            let limit = limits.services[name];
            (limit.streams.get(), limit.connections.get(), limit.memory.get())
        };
        assert_eq!(of("old"), (4, 2, 2));
        assert_eq!(of("new"), (5, 3, 1));
    }

    #[test]
    fn each_field_reaches_its_scope() {
        let json = r#"{"System": {"FD": 1}, "Transient": {"FD": 2}, "AllowlistedSystem": {"FD": 3},
            "AllowlistedTransient": {"FD": 4}, "ServiceDefault": {"FD": 5}, "Service": {"a": {"FD": 6}},
            "ServicePeerDefault": {"FD": 7}, "ServicePeer": {"a": {"FD": 8}},
            "ProtocolDefault": {"FD": 9}, "Protocol": {"a": {"FD": 10}},
            "ProtocolPeerDefault": {"FD": 11}, "ProtocolPeer": {"a": {"FD": 12}},
            "PeerDefault": {"FD": 13}, "Peer": {"a": {"FD": 14}}, "Conn": {"FD": 15},
            "Stream": {"FD": 16}}"#;
        let limits = over(json, &Limits::default());
        let all = [
            limits.system,
            limits.transient,
            limits.allowlisted_system,
            limits.allowlisted_transient,
            limits.service,
            limits.services["a"],
            limits.service_peer,
            limits.service_peers["a"],
            limits.protocol,
            limits.protocols["a"],
            limits.protocol_peer,
            limits.protocol_peers["a"],
            limits.peer,
            limits.peers[b"a".as_slice()],
            limits.connection,
            limits.stream,
        ];
        let descriptors = all.map(|limit| limit.file_descriptors.get());
        assert_eq!(descriptors, core::array::from_fn(|at| at as u64 + 1));
        assert!(all.iter().all(|limit| limit.memory.is_unlimited()));
    }

    #[test]
    fn a_misspelt_field_is_an_error() {
        for json in [r#"{"system": {}}"#, r#"{"System": {"Conn": 1}}"#] {
            let error = serde_json::from_str::<PartialLimits>(json).expect_err("it is misspelt");
            assert!(error.to_string().contains("expected one of"), "{error}");
        }
    }
}
