//! What the wrapper reserves, what it attaches to, and how it refuses.

use rcmgr_core::{Priority, Rate};

use crate::{BaseMemory, Services, StreamWait};

/// What each connection and stream reserves, which services there are, and how a connection is
/// refused.
///
/// ```
/// use rcmgr_libp2p::{BaseMemory, Carrier, Config, InboundRefusal, Transport};
///
/// let base_memory = BaseMemory::default();
/// let config = Config {
///     base_memory: base_memory.with(Transport::Quic, Carrier::Connection, 128 << 10),
///     inbound_refusal: InboundRefusal::Event,
///     ..Config::default()
/// };
/// # let _ = config;
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Bytes that each connection reserves from before its handshake, and each stream from when it
    /// is opened, until it is dropped. The address of the connection says its transport.
    pub base_memory: BaseMemory,
    /// Bytes that each connection reserves beside these as soon as it has its peer, for what its
    /// muxer may let windows grow by. QUIC, WebRTC and WebTransport have windows of another kind, and
    /// reserve none.
    ///
    /// [`Stack`](crate::Stack) adds [`Yamux::growth`](crate::Yamux::growth) to it. The default is 0,
    /// which is right for a muxer whose windows stay as they are; no amount is right for one whose
    /// windows grow without a bound, as those of `libp2p::yamux`.
    pub window_growth: u64,
    /// The priority of these reservations.
    ///
    /// The default, [`Priority::ALWAYS`], lets connections and streams fill the memory limits. A
    /// lower one leaves the rest to what the application reserves by itself.
    pub memory_priority: Priority,
    /// The services that streams are attached to besides their protocols; by default there is none.
    pub services: Services,
    /// How fast the remote party of a connection may open streams; by default, as fast as it likes.
    ///
    /// Limits are on what is open at once, so they do not see streams that are opened and reset at
    /// once, each of which still costs a negotiation. What comes too fast is not taken from the muxer:
    /// it waits there, and is reset there where too much waits
    /// ([`Yamux::max_waiting`](crate::Yamux::max_waiting)); no scope is asked, and no observer told.
    /// Over QUIC the remote party cannot open more than 256 until they are taken.
    pub inbound_streams: Rate,
    /// How long streams wait for room before they are refused.
    pub stream_wait: StreamWait,
    /// How an inbound connection is refused.
    pub inbound_refusal: InboundRefusal,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            base_memory: BaseMemory::default(),
            window_growth: 0,
            memory_priority: Priority::ALWAYS,
            services: Services::default(),
            inbound_streams: Rate::UNLIMITED,
            stream_wait: StreamWait::default(),
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
