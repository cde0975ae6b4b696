//! Limits as values: what a configuration says and a manager enforces.

use core::fmt;
use std::collections::{BTreeSet, HashMap};

use crate::{AllowlistEntry, ConnectionRates, IpLimits, Name, PeerKey, Resource};

/// The bound of one resource in one scope, in bytes or by count.
///
/// Every number but `u64::MAX` is a bound; `u64::MAX` is [`Limit::UNLIMITED`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Limit(u64);

impl Limit {
    /// No bound. Memory priorities do not apply either.
    pub const UNLIMITED: Limit = Limit(u64::MAX);
    /// Nothing is admitted.
    pub const BLOCK_ALL: Limit = Limit(0);

    /// At most `bound`. `u64::MAX` gives [`Limit::UNLIMITED`].
    pub const fn new(bound: u64) -> Limit {
        Limit(bound)
    }

    /// The bound as a number; [`Limit::UNLIMITED`] is `u64::MAX`.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Whether this is [`Limit::UNLIMITED`].
    pub const fn is_unlimited(self) -> bool {
        self.0 == u64::MAX
    }
}

impl From<u32> for Limit {
    fn from(bound: u32) -> Limit {
        Limit(bound.into())
    }
}

/// The default is [`Limit::UNLIMITED`].
impl Default for Limit {
    fn default() -> Limit {
        Limit::UNLIMITED
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Limit::UNLIMITED => f.write_str("unlimited"),
            Limit::BLOCK_ALL => f.write_str("block all"),
            Limit(bound) => bound.fmt(f),
        }
    }
}

impl fmt::Debug for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The limits of one scope.
///
/// A scope checks inbound, outbound, then total; for connections, file descriptors follow; tasks
/// are checked in total first, then high, medium, low.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ScopeLimit {
    /// Bytes of memory.
    pub memory: Limit,
    /// Streams that remote parties opened.
    pub streams_inbound: Limit,
    /// Streams that this node opened.
    pub streams_outbound: Limit,
    /// Streams of both directions together.
    pub streams: Limit,
    /// Connections that remote parties opened.
    pub connections_inbound: Limit,
    /// Connections that this node opened.
    pub connections_outbound: Limit,
    /// Connections of both directions together.
    pub connections: Limit,
    /// Open file descriptors.
    pub file_descriptors: Limit,
    /// Tasks of all classes together.
    pub tasks: Limit,
    /// Tasks of high class.
    pub tasks_high: Limit,
    /// Tasks of medium class.
    pub tasks_medium: Limit,
    /// Tasks of low class.
    pub tasks_low: Limit,
}

impl ScopeLimit {
    /// No bound on anything.
    pub const UNLIMITED: ScopeLimit = ScopeLimit::all(Limit::UNLIMITED);
    /// Nothing of anything is admitted.
    pub const BLOCK_ALL: ScopeLimit = ScopeLimit::all(Limit::BLOCK_ALL);

    /// The same limit on every resource.
    pub const fn all(limit: Limit) -> ScopeLimit {
        ScopeLimit {
            memory: limit,
            streams_inbound: limit,
            streams_outbound: limit,
            streams: limit,
            connections_inbound: limit,
            connections_outbound: limit,
            connections: limit,
            file_descriptors: limit,
            tasks: limit,
            tasks_high: limit,
            tasks_medium: limit,
            tasks_low: limit,
        }
    }

    /// The limit of one resource.
    pub const fn get(&self, resource: Resource) -> Limit {
        match resource {
            Resource::Memory => self.memory,
            Resource::StreamsInbound => self.streams_inbound,
            Resource::StreamsOutbound => self.streams_outbound,
            Resource::Streams => self.streams,
            Resource::ConnectionsInbound => self.connections_inbound,
            Resource::ConnectionsOutbound => self.connections_outbound,
            Resource::Connections => self.connections,
            Resource::FileDescriptors => self.file_descriptors,
            Resource::Tasks => self.tasks,
            Resource::TasksHigh => self.tasks_high,
            Resource::TasksMedium => self.tasks_medium,
            Resource::TasksLow => self.tasks_low,
        }
    }

    /// The limit of one resource, to be changed.
    pub const fn get_mut(&mut self, resource: Resource) -> &mut Limit {
        match resource {
            Resource::Memory => &mut self.memory,
            Resource::StreamsInbound => &mut self.streams_inbound,
            Resource::StreamsOutbound => &mut self.streams_outbound,
            Resource::Streams => &mut self.streams,
            Resource::ConnectionsInbound => &mut self.connections_inbound,
            Resource::ConnectionsOutbound => &mut self.connections_outbound,
            Resource::Connections => &mut self.connections,
            Resource::FileDescriptors => &mut self.file_descriptors,
            Resource::Tasks => &mut self.tasks,
            Resource::TasksHigh => &mut self.tasks_high,
            Resource::TasksMedium => &mut self.tasks_medium,
            Resource::TasksLow => &mut self.tasks_low,
        }
    }

    /// The same with another limit of one resource.
    #[must_use]
    pub const fn with(mut self, resource: Resource, limit: Limit) -> ScopeLimit {
        *self.get_mut(resource) = limit;
        self
    }
}

/// The limits of a whole manager: each class of scope has its limit, and single services,
/// protocols and peers may have their own. Beside the scopes, connections are limited by their
/// addresses.
///
/// By default all scopes are unlimited and nobody is on the allowlist, and an address may have as
/// many connections, and open them as fast, as the defaults of [`IpLimits`] and
/// [`ConnectionRates`] say.
///
/// ```
/// use rcmgr_core::{Limit, Limits, Resource, ScopeLimit};
///
/// let mut limits = Limits::default();
/// limits.system.memory = Limit::new(1 << 30);
/// limits.peer = ScopeLimit::UNLIMITED.with(Resource::StreamsInbound, Limit::new(64));
/// limits.protocols.insert("/ping/1.0.0".into(), ScopeLimit::all(Limit::new(128)));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// The whole node.
    pub system: ScopeLimit,
    /// Connections without a peer and streams without a protocol.
    pub transient: ScopeLimit,
    /// The whole of what the allowlist admitted.
    pub allowlisted_system: ScopeLimit,
    /// What the allowlist admitted and is still without a peer.
    pub allowlisted_transient: ScopeLimit,
    /// Each service that has no entry in `services`.
    pub service: ScopeLimit,
    /// Single services, by name.
    pub services: HashMap<Name, ScopeLimit>,
    /// Each peer's use of each service that has no entry in `service_peers`.
    pub service_peer: ScopeLimit,
    /// Each peer's use of single services, by name of the service.
    pub service_peers: HashMap<Name, ScopeLimit>,
    /// Each protocol that has no entry in `protocols`.
    pub protocol: ScopeLimit,
    /// Single protocols, by name.
    pub protocols: HashMap<Name, ScopeLimit>,
    /// Each peer's use of each protocol that has no entry in `protocol_peers`.
    pub protocol_peer: ScopeLimit,
    /// Each peer's use of single protocols, by name of the protocol.
    pub protocol_peers: HashMap<Name, ScopeLimit>,
    /// Each peer that has no entry in `peers`.
    pub peer: ScopeLimit,
    /// Single peers, by key.
    pub peers: HashMap<PeerKey, ScopeLimit>,
    /// Each connection.
    pub connection: ScopeLimit,
    /// Each stream.
    pub stream: ScopeLimit,
    /// The connections of each address and network.
    pub ip: IpLimits,
    /// How fast connections are opened.
    pub rates: ConnectionRates,
    /// Whose connections are accounted in the allowlisted scopes where the standard ones refuse
    /// them. Each network without a peer may have as many connections as the limit in force of the
    /// allowlisted system, unless `ip` has a limit for it: where both are unlimited, so are the
    /// connections of its addresses.
    pub allowlist: BTreeSet<AllowlistEntry>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_resource_has_its_own_field() {
        for (at, resource) in Resource::ALL.into_iter().enumerate() {
            let limit = ScopeLimit::BLOCK_ALL.with(resource, Limit::new(at as u64 + 1));
            for other in Resource::ALL {
                let expected = if other == resource { at as u64 + 1 } else { 0 };
                assert_eq!(limit.get(other).get(), expected);
            }
        }
    }

    #[test]
    fn limits_read_as_what_they_mean() {
        assert_eq!(Limit::default().to_string(), "unlimited");
        assert_eq!(Limit::BLOCK_ALL.to_string(), "block all");
        assert_eq!(format!("{:?}", Limit::from(7u32)), "7");
    }
}
