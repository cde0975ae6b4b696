//! Encryption and a muxer for transports of plain byte streams.

use futures_io::{AsyncRead, AsyncWrite};
use libp2p_core::{Transport, muxing::StreamMuxerBox, transport::Boxed, upgrade::Version};

use super::{
    Authenticated,
    security::{Security, Socket},
};
use crate::Yamux;

/// Connections of bytes, not yet secured.
pub(super) type Plain = Boxed<Box<dyn Socket>>;

/// Any transport of bytes.
pub(super) fn plain<T>(transport: T) -> Plain
where
    T: Transport + Send + Unpin + 'static,
    T::Output: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    T::Error: Send + Sync,
    T::Dial: Send + 'static,
    T::ListenerUpgrade: Send + 'static,
{
    transport.map(|socket, _| Box::new(socket) as Box<dyn Socket>).boxed()
}

/// Its connections with their peer and their muxer, negotiated as `SwarmBuilder` does it.
pub(super) fn upgraded(transport: Plain, security: Security, yamux: Yamux) -> Authenticated {
    transport
        .upgrade(Version::V1Lazy)
        .authenticate(security)
        .multiplex(yamux)
        .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)))
        .boxed()
}
