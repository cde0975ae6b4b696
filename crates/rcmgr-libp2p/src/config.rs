//! What the wrapper reserves, what it attaches to, and how it refuses.

use rcmgr_core::Priority;

use crate::Services;

/// What each connection and stream reserves, which services there are, and how a connection is
/// refused.
///
/// The amounts are reservations, not measurements: they say how much memory a connection or a
/// stream may be assumed to take, and nothing watches whether it does. libp2p tells nobody when a
/// muxer or a handler allocates.
///
/// ```
/// use rcmgr_libp2p::{Config, InboundRefusal};
///
/// // For a node that speaks QUIC.
/// let config = Config {
///     connection_memory: 96 << 10,
///     inbound_refusal: InboundRefusal::Event,
///     ..Config::default()
/// };
/// # let _ = config;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Bytes that each connection reserves from before its handshake until it is dropped.
    ///
    /// The default, 64 KiB, covers an idle connection with its handlers, measured at 53 KB with
    /// TCP, noise and yamux. QUIC was measured at 95 KB.
    pub connection_memory: u64,
    /// Bytes that each stream reserves until it is dropped.
    ///
    /// The default, 256 KiB, is yamux's receive window at its start: what the remote party can
    /// make this node hold on a stream that nobody reads. go-libp2p reserves the same. A node
    /// with many quiet streams may set less, and then relies on its handlers to read.
    pub stream_memory: u64,
    /// The priority of both reservations.
    ///
    /// The default, [`Priority::ALWAYS`], lets connections and streams fill the memory limits. A
    /// lower one leaves the rest to what the application reserves by itself.
    pub memory_priority: Priority,
    /// The services that streams are attached to besides their protocols; by default there is none.
    pub services: Services,
    /// How an inbound connection is refused.
    pub inbound_refusal: InboundRefusal,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            connection_memory: 64 << 10,
            stream_memory: 256 << 10,
            memory_priority: Priority::ALWAYS,
            services: Services::default(),
            inbound_refusal: InboundRefusal::Silent,
        }
    }
}

/// What the swarm sees of an inbound connection that is refused before its handshake.
///
/// Either way the socket is closed at once, and the remote party sees no difference. The refusal
/// of a peer, after the handshake, is always an error of the upgrade.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum InboundRefusal {
    /// Nothing: the cheapest under attack, and the accounting itself still tells who refused.
    #[default]
    Silent,
    /// An upgrade that fails at once, hence `SwarmEvent::IncomingConnectionError`, in which
    /// [`find_refusal`](crate::find_refusal) finds the reason.
    Event,
}
