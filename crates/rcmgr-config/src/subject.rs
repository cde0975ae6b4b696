//! Whose limits: a class of scope, or a name in it.

use core::fmt;

use rcmgr_core::{Limits, Name, PeerKey, ScopeId, ScopeLimit};

use crate::peer;

/// A class of scopes that have one limit in common, unless a name has its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// The whole node.
    System,
    /// The whole of what the allowlist admitted.
    AllowlistedSystem,
    /// Connections without a peer and streams without a protocol.
    Transient,
    /// What the allowlist admitted and is still without a peer.
    AllowlistedTransient,
    /// Each service.
    Service,
    /// Each peer's use of each service.
    ServicePeer,
    /// Each protocol.
    Protocol,
    /// Each peer's use of each protocol.
    ProtocolPeer,
    /// Each peer.
    Peer,
    /// Each connection.
    Connection,
    /// Each stream.
    Stream,
}

impl Class {
    /// Every class.
    pub const ALL: [Class; 11] = [
        Class::System,
        Class::AllowlistedSystem,
        Class::Transient,
        Class::AllowlistedTransient,
        Class::Service,
        Class::ServicePeer,
        Class::Protocol,
        Class::ProtocolPeer,
        Class::Peer,
        Class::Connection,
        Class::Stream,
    ];

    /// The name of the class in the native format: `allowlisted-system`, `service-peer`.
    pub const fn key(self) -> &'static str {
        match self {
            Class::System => "system",
            Class::AllowlistedSystem => "allowlisted-system",
            Class::Transient => "transient",
            Class::AllowlistedTransient => "allowlisted-transient",
            Class::Service => "service",
            Class::ServicePeer => "service-peer",
            Class::Protocol => "protocol",
            Class::ProtocolPeer => "protocol-peer",
            Class::Peer => "peer",
            Class::Connection => "connection",
            Class::Stream => "stream",
        }
    }

    /// The limits of the class.
    pub const fn limit(self, limits: &Limits) -> &ScopeLimit {
        match self {
            Class::System => &limits.system,
            Class::AllowlistedSystem => &limits.allowlisted_system,
            Class::Transient => &limits.transient,
            Class::AllowlistedTransient => &limits.allowlisted_transient,
            Class::Service => &limits.service,
            Class::ServicePeer => &limits.service_peer,
            Class::Protocol => &limits.protocol,
            Class::ProtocolPeer => &limits.protocol_peer,
            Class::Peer => &limits.peer,
            Class::Connection => &limits.connection,
            Class::Stream => &limits.stream,
        }
    }

    fn limit_mut(self, limits: &mut Limits) -> &mut ScopeLimit {
        match self {
            Class::System => &mut limits.system,
            Class::AllowlistedSystem => &mut limits.allowlisted_system,
            Class::Transient => &mut limits.transient,
            Class::AllowlistedTransient => &mut limits.allowlisted_transient,
            Class::Service => &mut limits.service,
            Class::ServicePeer => &mut limits.service_peer,
            Class::Protocol => &mut limits.protocol,
            Class::ProtocolPeer => &mut limits.protocol_peer,
            Class::Peer => &mut limits.peer,
            Class::Connection => &mut limits.connection,
            Class::Stream => &mut limits.stream,
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.key())
    }
}

/// A class of scopes, or a name in one that has limits of its own.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// Every scope of a class that has no limits of its own.
    Class(Class),
    /// One service.
    Service(Name),
    /// Each peer's use of one service.
    ServicePeer(Name),
    /// One protocol.
    Protocol(Name),
    /// Each peer's use of one protocol.
    ProtocolPeer(Name),
    /// One peer.
    Peer(PeerKey),
}

impl Subject {
    /// The class that it is, or is in.
    pub const fn class(&self) -> Class {
        match self {
            Subject::Class(class) => *class,
            Subject::Service(_) => Class::Service,
            Subject::ServicePeer(_) => Class::ServicePeer,
            Subject::Protocol(_) => Class::Protocol,
            Subject::ProtocolPeer(_) => Class::ProtocolPeer,
            Subject::Peer(_) => Class::Peer,
        }
    }

    /// Every subject with its limits: the classes, then the names in order.
    pub fn all(limits: &Limits) -> Vec<(Subject, ScopeLimit)> {
        let classes = Class::ALL.map(|class| (Subject::Class(class), *class.limit(limits)));
        let mut all: Vec<_> = classes.into();
        let named =
            limits.services.iter().map(|(name, limit)| (Subject::Service(name.clone()), *limit));
        let named = named
            .chain(
                limits
                    .service_peers
                    .iter()
                    .map(|(name, limit)| (Subject::ServicePeer(name.clone()), *limit)),
            )
            .chain(
                limits
                    .protocols
                    .iter()
                    .map(|(name, limit)| (Subject::Protocol(name.clone()), *limit)),
            )
            .chain(
                limits
                    .protocol_peers
                    .iter()
                    .map(|(name, limit)| (Subject::ProtocolPeer(name.clone()), *limit)),
            )
            .chain(limits.peers.iter().map(|(key, limit)| (Subject::Peer(key.clone()), *limit)));
        let of_classes = all.len();
        all.extend(named);
        all[of_classes..].sort_by(|(one, _), (other, _)| one.cmp(other));
        all
    }

    /// Its own limits, if it has any.
    pub fn limit<'l>(&self, limits: &'l Limits) -> Option<&'l ScopeLimit> {
        match self {
            Subject::Class(class) => Some(class.limit(limits)),
            Subject::Service(name) => limits.services.get(name),
            Subject::ServicePeer(name) => limits.service_peers.get(name),
            Subject::Protocol(name) => limits.protocols.get(name),
            Subject::ProtocolPeer(name) => limits.protocol_peers.get(name),
            Subject::Peer(key) => limits.peers.get(key),
        }
    }

    /// The limits that apply to it: its own, else those of its class.
    pub fn limit_in_force<'l>(&self, limits: &'l Limits) -> &'l ScopeLimit {
        self.limit(limits).unwrap_or_else(|| self.class().limit(limits))
    }

    /// Gives it limits of its own.
    pub fn set(&self, limits: &mut Limits, limit: ScopeLimit) {
        match self.clone() {
            Subject::Class(class) => *class.limit_mut(limits) = limit,
            Subject::Service(name) => drop(limits.services.insert(name, limit)),
            Subject::ServicePeer(name) => drop(limits.service_peers.insert(name, limit)),
            Subject::Protocol(name) => drop(limits.protocols.insert(name, limit)),
            Subject::ProtocolPeer(name) => drop(limits.protocol_peers.insert(name, limit)),
            Subject::Peer(key) => drop(limits.peers.insert(key, limit)),
        }
    }

    /// The key of the class's names in the native format, and the name.
    pub fn named(&self) -> Option<(&'static str, String)> {
        match self {
            Subject::Class(_) => None,
            Subject::Service(name) => Some(("services", name.to_string())),
            Subject::ServicePeer(name) => Some(("service-peers", name.to_string())),
            Subject::Protocol(name) => Some(("protocols", name.to_string())),
            Subject::ProtocolPeer(name) => Some(("protocol-peers", name.to_string())),
            Subject::Peer(key) => Some(("peers", peer::text(key))),
        }
    }

    /// The subject whose limits a scope goes by; none for what has no limit in a configuration.
    pub fn of(scope: &ScopeId) -> Option<Subject> {
        Some(match scope {
            ScopeId::System => Subject::Class(Class::System),
            ScopeId::Transient => Subject::Class(Class::Transient),
            ScopeId::AllowlistedSystem => Subject::Class(Class::AllowlistedSystem),
            ScopeId::AllowlistedTransient => Subject::Class(Class::AllowlistedTransient),
            ScopeId::Service(name) => Subject::Service(name.clone()),
            ScopeId::Protocol(name) => Subject::Protocol(name.clone()),
            ScopeId::Peer(key) => Subject::Peer(key.clone()),
            ScopeId::PeerService { service, .. } => Subject::ServicePeer(service.clone()),
            ScopeId::PeerProtocol { protocol, .. } => Subject::ProtocolPeer(protocol.clone()),
            _ => return None,
        })
    }
}

/// As a path of the native format: `system`, `services."libp2p.ping"`. Names are escaped.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.named() {
            None => self.class().fmt(f),
            Some((class, name)) => write!(f, "{class}.{name:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcmgr_core::Limit;

    fn subjects() -> Vec<Subject> {
        let classes = Class::ALL.map(Subject::Class);
        let name = || Name::from("a.\"b");
        let named = [
            Subject::Service(name()),
            Subject::ServicePeer(name()),
            Subject::Protocol(name()),
            Subject::ProtocolPeer(name()),
            Subject::Peer([1, 2].as_slice().into()),
        ];
        classes.into_iter().chain(named).collect()
    }

    #[test]
    fn each_subject_has_limits_of_its_own() {
        let mut limits = Limits::default();
        let limit = |at: usize| ScopeLimit::all(Limit::new(at as u64));
        for (at, subject) in subjects().iter().enumerate() {
            subject.set(&mut limits, limit(at));
        }
        for (at, subject) in subjects().iter().enumerate() {
            assert_eq!(subject.limit(&limits), Some(&limit(at)), "{subject}");
            assert_eq!(subject.limit_in_force(&limits), &limit(at), "{subject}");
        }
        let all: Vec<_> = Subject::all(&limits).into_iter().map(|(subject, _)| subject).collect();
        assert_eq!(all, subjects());
        let other = Subject::Protocol("other".into());
        assert_eq!(other.limit(&limits), None);
        assert_eq!(other.limit_in_force(&limits), &limits.protocol);
    }

    #[test]
    fn subjects_are_told_as_paths() {
        let told: Vec<_> = subjects().iter().map(Subject::to_string).collect();
        assert_eq!(told[1], "allowlisted-system");
        assert_eq!(told[11], r#"services."a.\"b""#);
        assert_eq!(told[15], r#"peers."0x0102""#);
    }
}
