//! A connection without a swarm: finished handshake, bare muxer, no manners.

use std::{
    future::poll_fn,
    io,
    task::{Context, Poll},
};

use libp2p::{
    Multiaddr, Transport as _,
    core::{
        Endpoint,
        muxing::{StreamMuxerBox, StreamMuxerExt as _, SubstreamBox},
        transport::{DialOpts, PortUse},
    },
};

use crate::demo::stack::Transport;

/// A connection to the node.
pub struct Connection(StreamMuxerBox);

impl Connection {
    /// Dials and finishes the handshake.
    ///
    /// # Errors
    /// The node refuses the connection or hangs up.
    pub async fn dial(transport: &mut Transport, address: Multiaddr) -> io::Result<Connection> {
        let options = DialOpts { role: Endpoint::Dialer, port_use: PortUse::New };
        let dial = transport.dial(address, options).map_err(io::Error::other)?;
        let (_, muxer) = dial.await?;
        Ok(Connection(muxer))
    }

    /// Drives the connection until the node closes it.
    pub async fn closed(&mut self) {
        poll_fn(|cx| self.poll_drive(cx)).await;
    }

    /// Opens a stream, which the node sees once something is written to it.
    ///
    /// # Errors
    /// The connection is closed.
    pub async fn open(&mut self) -> io::Result<SubstreamBox> {
        poll_fn(|cx| {
            if let Poll::Ready(opened) = self.0.poll_outbound_unpin(cx) {
                return Poll::Ready(opened);
            }
            self.poll_drive(cx).map(|()| Err(io::ErrorKind::ConnectionReset.into()))
        })
        .await
    }

    /// Ready when the connection is closed. Streams that the node opens are dropped.
    fn poll_drive(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match self.0.poll_inbound_unpin(cx) {
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => break,
            }
        }
        loop {
            match self.0.poll_unpin(cx) {
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(_)) => return Poll::Ready(()),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}
