//! Complete limits: nothing is inherited, nothing scales with the machine.

use rcmgr_core::{Limits, ScopeLimit};
use serde::{Deserialize, Serialize};

use super::Bound;

/// The limits of one scope, complete: what is absent is 0 and admits nothing. Tasks, which
/// go-libp2p does not have, are unlimited where absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
#[allow(missing_docs, reason = "the names are the documentation, and Go's")]
pub struct BaseLimit {
    pub streams: Bound,
    pub streams_inbound: Bound,
    pub streams_outbound: Bound,
    pub conns: Bound,
    pub conns_inbound: Bound,
    pub conns_outbound: Bound,
    #[serde(rename = "FD")]
    pub fd: Bound,
    pub memory: Bound,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tasks: Option<Bound>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tasks_high: Option<Bound>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tasks_medium: Option<Bound>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tasks_low: Option<Bound>,
}

impl From<BaseLimit> for ScopeLimit {
    fn from(base: BaseLimit) -> ScopeLimit {
        let tasks = |bound: Option<Bound>| bound.map(Into::into).unwrap_or_default();
        ScopeLimit {
            memory: base.memory.into(),
            streams_inbound: base.streams_inbound.into(),
            streams_outbound: base.streams_outbound.into(),
            streams: base.streams.into(),
            connections_inbound: base.conns_inbound.into(),
            connections_outbound: base.conns_outbound.into(),
            connections: base.conns.into(),
            file_descriptors: base.fd.into(),
            tasks: tasks(base.tasks),
            tasks_high: tasks(base.tasks_high),
            tasks_medium: tasks(base.tasks_medium),
            tasks_low: tasks(base.tasks_low),
        }
    }
}

impl From<ScopeLimit> for BaseLimit {
    fn from(limit: ScopeLimit) -> BaseLimit {
        let tasks = |limit: rcmgr_core::Limit| (!limit.is_unlimited()).then(|| limit.into());
        BaseLimit {
            streams: limit.streams.into(),
            streams_inbound: limit.streams_inbound.into(),
            streams_outbound: limit.streams_outbound.into(),
            conns: limit.connections.into(),
            conns_inbound: limit.connections_inbound.into(),
            conns_outbound: limit.connections_outbound.into(),
            fd: limit.file_descriptors.into(),
            memory: limit.memory.into(),
            tasks: tasks(limit.tasks),
            tasks_high: tasks(limit.tasks_high),
            tasks_medium: tasks(limit.tasks_medium),
            tasks_low: tasks(limit.tasks_low),
        }
    }
}

/// The limit of every class of scope, complete, as go-libp2p's `ConcreteLimitConfig` is before
/// names are given limits of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
#[allow(missing_docs, reason = "the names are the documentation, and Go's")]
pub struct BaseLimits {
    pub system: BaseLimit,
    pub transient: BaseLimit,
    pub allowlisted_system: BaseLimit,
    pub allowlisted_transient: BaseLimit,
    pub service_default: BaseLimit,
    pub service_peer_default: BaseLimit,
    pub protocol_default: BaseLimit,
    pub protocol_peer_default: BaseLimit,
    pub peer_default: BaseLimit,
    pub conn: BaseLimit,
    pub stream: BaseLimit,
}

impl From<BaseLimits> for Limits {
    fn from(base: BaseLimits) -> Limits {
        Limits {
            system: base.system.into(),
            transient: base.transient.into(),
            allowlisted_system: base.allowlisted_system.into(),
            allowlisted_transient: base.allowlisted_transient.into(),
            service: base.service_default.into(),
            service_peer: base.service_peer_default.into(),
            protocol: base.protocol_default.into(),
            protocol_peer: base.protocol_peer_default.into(),
            peer: base.peer_default.into(),
            connection: base.conn.into(),
            stream: base.stream.into(),
            ..Limits::default()
        }
    }
}

impl From<&Limits> for BaseLimits {
    fn from(limits: &Limits) -> BaseLimits {
        BaseLimits {
            system: limits.system.into(),
            transient: limits.transient.into(),
            allowlisted_system: limits.allowlisted_system.into(),
            allowlisted_transient: limits.allowlisted_transient.into(),
            service_default: limits.service.into(),
            service_peer_default: limits.service_peer.into(),
            protocol_default: limits.protocol.into(),
            protocol_peer_default: limits.protocol_peer.into(),
            peer_default: limits.peer.into(),
            conn: limits.connection.into(),
            stream: limits.stream.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcmgr_core::{Limit, Resource};

    #[test]
    fn absent_is_nothing_and_the_greatest_number_is_unlimited() {
        let json = r#"{"FD": 9223372036854775807, "Memory": 5}"#;
        let limit: BaseLimit = serde_json::from_str(json).expect("it is a limit");
        let limit = ScopeLimit::from(limit);
        assert_eq!(limit.file_descriptors, Limit::UNLIMITED);
        assert_eq!(limit.memory, Limit::new(5));
        assert_eq!(limit.connections, Limit::BLOCK_ALL);
        assert_eq!(limit.tasks_low, Limit::UNLIMITED);
    }

    #[test]
    fn every_field_keeps_its_place() {
        for (at, resource) in Resource::ALL.into_iter().enumerate() {
            let limit = ScopeLimit::UNLIMITED.with(resource, Limit::new(at as u64));
            assert_eq!(ScopeLimit::from(BaseLimit::from(limit)), limit);
        }
    }
}
