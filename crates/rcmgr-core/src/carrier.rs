//! What takes memory by itself, before anything is reserved for it: connections and streams, by
//! the way in which they come. It is a vocabulary for adapters and configurations; nothing here
//! looks at it.

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
    /// Any other.
    Other,
}

impl Transport {
    /// Every transport.
    pub const ALL: [Transport; 8] = [
        Transport::Tcp,
        Transport::Quic,
        Transport::Websocket,
        Transport::Webrtc,
        Transport::Webtransport,
        Transport::Relay,
        Transport::Memory,
        Transport::Other,
    ];

    /// A stable name for machines: `tcp`, `websocket`.
    pub const fn name(self) -> &'static str {
        match self {
            Transport::Tcp => "tcp",
            Transport::Quic => "quic",
            Transport::Websocket => "websocket",
            Transport::Webrtc => "webrtc",
            Transport::Webtransport => "webtransport",
            Transport::Relay => "relay",
            Transport::Memory => "memory",
            Transport::Other => "other",
        }
    }
}

/// What takes memory by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Carrier {
    /// A connection.
    Connection,
    /// A stream.
    Stream,
}

impl Carrier {
    /// Both of them.
    pub const ALL: [Carrier; 2] = [Carrier::Connection, Carrier::Stream];

    /// A stable name for machines: `connection`, `stream`.
    pub const fn name(self) -> &'static str {
        match self {
            Carrier::Connection => "connection",
            Carrier::Stream => "stream",
        }
    }
}
