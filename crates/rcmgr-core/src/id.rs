//! The names of scopes.

use core::fmt;
use std::sync::Arc;

use ipnet::IpNet;

/// The opaque bytes of a remote party's identity. Core knows nothing of their format.
pub type PeerKey = Arc<[u8]>;
/// The name of a protocol or of a service.
pub type Name = Arc<str>;

/// Which scope: its kind, and its key where the kind has many. Cloning one allocates nothing.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ScopeId {
    /// The whole node.
    System,
    /// Connections without a peer and streams without a protocol.
    Transient,
    /// [`ScopeId::System`] for connections admitted by the allowlist.
    AllowlistedSystem,
    /// [`ScopeId::Transient`] for connections admitted by the allowlist.
    AllowlistedTransient,
    /// A service of the application.
    Service(Name),
    /// A protocol.
    Protocol(Name),
    /// A remote peer.
    Peer(PeerKey),
    /// What one peer uses of one service.
    PeerService {
        /// The peer.
        peer: PeerKey,
        /// The service.
        service: Name,
    },
    /// What one peer uses of one protocol.
    PeerProtocol {
        /// The peer.
        peer: PeerKey,
        /// The protocol.
        protocol: Name,
    },
    /// The connections of a network of addresses, which are limited beside the scopes.
    Network(IpNet),
    /// One connection, by a number that is unique in the process.
    Connection(u64),
    /// One stream, by a number that is unique in the process.
    Stream(u64),
    /// One span or ledger, by a number that is unique in the process.
    Span(u64),
}

impl ScopeId {
    /// A stable name of the kind for machines: `system`, `peer_protocol`.
    pub const fn kind(&self) -> &'static str {
        match self {
            ScopeId::System => "system",
            ScopeId::Transient => "transient",
            ScopeId::AllowlistedSystem => "allowlisted_system",
            ScopeId::AllowlistedTransient => "allowlisted_transient",
            ScopeId::Service(_) => "service",
            ScopeId::Protocol(_) => "protocol",
            ScopeId::Peer(_) => "peer",
            ScopeId::PeerService { .. } => "peer_service",
            ScopeId::PeerProtocol { .. } => "peer_protocol",
            ScopeId::Network(_) => "network",
            ScopeId::Connection(_) => "connection",
            ScopeId::Stream(_) => "stream",
            ScopeId::Span(_) => "span",
        }
    }
}

/// The scope in words: `protocol "/ping/1.0.0"`, `peer 0x0024…`. Keys are escaped, since remote
/// parties choose them, and long ones are cut.
impl fmt::Display for ScopeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ScopeId::System => f.write_str("the system"),
            ScopeId::Transient => f.write_str("the transient scope"),
            ScopeId::AllowlistedSystem => f.write_str("the allowlisted system"),
            ScopeId::AllowlistedTransient => f.write_str("the allowlisted transient scope"),
            ScopeId::Service(name) => write!(f, "service {}", Quoted(name)),
            ScopeId::Protocol(name) => write!(f, "protocol {}", Quoted(name)),
            ScopeId::Peer(key) => write!(f, "peer {}", Hex(key)),
            ScopeId::PeerService { peer, service } => {
                write!(f, "service {} of peer {}", Quoted(service), Hex(peer))
            }
            ScopeId::PeerProtocol { peer, protocol } => {
                write!(f, "protocol {} of peer {}", Quoted(protocol), Hex(peer))
            }
            ScopeId::Network(network) => write!(f, "network {network}"),
            ScopeId::Connection(id) => write!(f, "connection {id}"),
            ScopeId::Stream(id) => write!(f, "stream {id}"),
            ScopeId::Span(id) => write!(f, "span {id}"),
        }
    }
}

/// The longest part of a name or key that a message shows.
const SHOWN: usize = 64;

struct Quoted<'a>(&'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.0.char_indices().nth(SHOWN).map(|(at, _)| at);
        match end {
            Some(end) => write!(f, "{:?}…", &self.0[..end]),
            None => write!(f, "{:?}", self.0),
        }
    }
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        for byte in self.0.iter().take(SHOWN) {
            write!(f, "{byte:02x}")?;
        }
        if self.0.len() > SHOWN { f.write_str("…") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_remote_parties_are_escaped_and_cut() {
        let id = ScopeId::Protocol("a\n\u{1b}[31m".into());
        assert_eq!(id.to_string(), "protocol \"a\\n\\u{1b}[31m\"");
        let long = ScopeId::Protocol("é".repeat(1000).into());
        assert_eq!(long.to_string(), format!("protocol \"{}\"…", "é".repeat(64)));
        let peer =
            ScopeId::PeerService { peer: [0xabu8; 65].as_slice().into(), service: "s".into() };
        assert_eq!(peer.to_string(), format!("service \"s\" of peer 0x{}…", "ab".repeat(64)));
    }
}
