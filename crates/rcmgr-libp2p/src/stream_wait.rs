//! How long streams wait for room instead of being refused at once.

use std::time::Duration;

/// How long the streams of a connection wait for room, and how many of them.
///
/// A stream that is refused is taken for more than it is. The remote party of an inbound one sees
/// its negotiation end, which reads as "protocol not supported": gossipsub and ping then give up
/// on the connection. A behaviour that opens an outbound one may try again at once, as ping does,
/// and without end. So a stream for which there is no room waits for some time first, in which
/// its remote party sees nothing but delay.
///
/// Inbound streams wait in the order in which they came, at most [`inbound`](Self::inbound) of
/// each connection; those that come on top are refused at once. Outbound ones wait as with a muxer
/// that is full: the first of the connection until its [`time`](Self::time) is over, the others
/// behind it. libp2p itself gives up after the timeout of the protocol, 10 seconds most often.
///
/// Who waits holds no account. Over yamux, the remote party can make this node hold a window of
/// 256 KiB for each inbound stream that waits, so `inbound` bounds the memory that the limits do
/// not see: 2 MiB for each connection by default.
///
/// ```
/// use rcmgr_libp2p::{Config, StreamWait};
///
/// // An application that prefers to be told at once, and does not use ping:
/// let config = Config { stream_wait: StreamWait::NONE, ..Config::default() };
/// # let _ = config;
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamWait {
    /// How long a stream may wait. The default is 5 seconds.
    pub time: Duration,
    /// The inbound streams of one connection that may wait at the same time. The default is 8.
    pub inbound: usize,
}

impl StreamWait {
    /// Streams are refused at once.
    pub const NONE: StreamWait = StreamWait { time: Duration::ZERO, inbound: 0 };
}

impl Default for StreamWait {
    fn default() -> Self {
        StreamWait { time: Duration::from_secs(5), inbound: 8 }
    }
}
