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
/// Inbound streams wait in the order in which they came, at most [`queue`](Self::queue) of each
/// connection; those that come on top are refused at once. They wait for longer than remote
/// parties do: whoever has given up by itself tries again, on the same connection. Outbound ones
/// wait as with a muxer that is full: the first of the connection until its
/// [time](Self::outbound) is over, the others behind it. libp2p itself gives up after the timeout
/// of the protocol, 10 seconds most often, and does not tell why.
///
/// An observer of the manager is told of every try, ten a second for each connection at most and one
/// more whenever a stream of the connection has gone; of those that came on top it is told nothing.
/// Streams that wait keep no connection alive that is idle otherwise.
///
/// Even so there is an end to the patience of gossipsub: it is done with a connection at its fifth
/// stream there, even if that one is admitted. So it survives three that fail: 40 seconds without
/// room at the remote party, and 20 without room here.
///
/// Who waits holds no account. Over yamux, the remote party can make this node hold a window of
/// 256 KiB for each inbound stream that waits, so `queue` bounds the memory that the limits do
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
    /// How long an inbound stream may wait. The default is 15 seconds: longer than a dialer of
    /// rust-libp2p or go-libp2p waits for the negotiation, which is 10 seconds.
    pub inbound: Duration,
    /// How long an outbound stream may wait. The default is 5 seconds: shorter than that, so that
    /// it says who refused it.
    pub outbound: Duration,
    /// The inbound streams of one connection that may wait at the same time. The default is 8.
    pub queue: usize,
}

impl StreamWait {
    /// Streams are refused at once.
    pub const NONE: StreamWait =
        StreamWait { inbound: Duration::ZERO, outbound: Duration::ZERO, queue: 0 };
}

impl Default for StreamWait {
    fn default() -> Self {
        StreamWait { inbound: Duration::from_secs(15), outbound: Duration::from_secs(5), queue: 8 }
    }
}

#[cfg(test)]
mod tests {
    use libp2p_core::upgrade::DeniedUpgrade;
    use libp2p_swarm::SubstreamProtocol;

    use super::*;

    #[test]
    fn who_dials_gives_up_before_an_inbound_stream_and_after_an_outbound_one() {
        let protocol = SubstreamProtocol::new(DeniedUpgrade, ());
        let wait = StreamWait::default();
        assert!(wait.inbound > *protocol.timeout());
        assert!(wait.outbound < *protocol.timeout());
    }
}
