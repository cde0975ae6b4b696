//! What takes memory by itself: connections and streams, by the way in which they come.

/// A way in which connections come; the memory that one takes by itself depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// TCP, with a security protocol and a muxer.
    Tcp,
    /// QUIC.
    Quic,
    /// WebSocket.
    Websocket,
    /// WebRTC.
    Webrtc,
    /// WebTransport.
    Webtransport,
    /// A relayed connection.
    Relay,
    /// Within the process.
    Memory,
}

impl Transport {
    /// Every transport.
    pub const ALL: [Transport; 7] = [
        Transport::Tcp,
        Transport::Quic,
        Transport::Websocket,
        Transport::Webrtc,
        Transport::Webtransport,
        Transport::Relay,
        Transport::Memory,
    ];

    /// The name in the native format.
    pub const fn key(self) -> &'static str {
        match self {
            Transport::Tcp => "tcp",
            Transport::Quic => "quic",
            Transport::Websocket => "websocket",
            Transport::Webrtc => "webrtc",
            Transport::Webtransport => "webtransport",
            Transport::Relay => "relay",
            Transport::Memory => "memory",
        }
    }
}

/// What takes memory by itself, before anything is reserved for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Carrier {
    /// A connection.
    Connection,
    /// A stream.
    Stream,
}

impl Carrier {
    /// The name in the native format.
    pub const fn key(self) -> &'static str {
        match self {
            Carrier::Connection => "connection",
            Carrier::Stream => "stream",
        }
    }
}
