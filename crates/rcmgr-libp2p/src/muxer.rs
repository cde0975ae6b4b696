//! The muxer: every stream has an account before it is handed out.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use libp2p_core::muxing::{StreamMuxer, StreamMuxerEvent};
use rcmgr_core::{Accounting, Direction};

use crate::{AccountedStream, Transport, held::Held, transport::Terms};

/// Refused inbound streams in one poll, so that a flood of them leaves the task its turn.
const REFUSALS_PER_POLL: usize = 32;

/// A connection that holds its account, and whose streams hold theirs.
///
/// A refused stream never fails the connection. An outbound one is given out all the same and
/// fails by itself on first use, since an error of `poll_outbound` would close the connection. An
/// inbound one is dropped, which resets it; when that happens before a protocol is agreed, the
/// remote party takes it for "protocol not supported".
#[pin_project::pin_project]
pub struct AccountedMuxer<M, A: Accounting> {
    // Before the accounts, so that the socket is closed by when they say so.
    #[pin]
    inner: M,
    /// The account of the next outbound stream, kept while the muxer has no room for it. The
    /// swarm may lose its interest meanwhile; then this one waits here for the next request.
    outbound: Option<Held<A::Stream>>,
    peer: Vec<u8>,
    transport: Transport,
    terms: Terms<A>,
    _held: Held<A::Connection>,
}

impl<M, A: Accounting> AccountedMuxer<M, A> {
    pub(crate) fn new(
        inner: M,
        peer: Vec<u8>,
        transport: Transport,
        held: Held<A::Connection>,
        terms: Terms<A>,
    ) -> Self {
        AccountedMuxer { inner, outbound: None, peer, transport, terms, _held: held }
    }
}

impl<M: StreamMuxer, A: Accounting> StreamMuxer for AccountedMuxer<M, A> {
    type Substream = AccountedStream<M::Substream, A::Stream>;
    type Error = M::Error;

    fn poll_inbound(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Self::Substream, Self::Error>> {
        let mut this = self.project();
        for _ in 0..REFUSALS_PER_POLL {
            let stream = ready!(this.inner.as_mut().poll_inbound(cx))?;
            if let Ok(held) = this.terms.open_stream(this.peer, Direction::Inbound, *this.transport)
            {
                let config = this.terms.config.clone();
                let stream = AccountedStream::new(stream, Direction::Inbound, held, config);
                return Poll::Ready(Ok(stream));
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_outbound(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Self::Substream, Self::Error>> {
        let this = self.project();
        let opened = match this.outbound.take() {
            Some(held) => Ok(held),
            None => this.terms.open_stream(this.peer, Direction::Outbound, *this.transport),
        };
        let held = match opened {
            Ok(held) => held,
            Err(error) => return Poll::Ready(Ok(AccountedStream::refused(error))),
        };
        match this.inner.poll_outbound(cx) {
            Poll::Ready(Ok(stream)) => {
                let config = this.terms.config.clone();
                Poll::Ready(Ok(AccountedStream::new(stream, Direction::Outbound, held, config)))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                *this.outbound = Some(held);
                Poll::Pending
            }
        }
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        let this = self.project();
        *this.outbound = None;
        this.inner.poll_close(cx)
    }

    fn poll(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<StreamMuxerEvent, Self::Error>> {
        self.project().inner.poll(cx)
    }
}
