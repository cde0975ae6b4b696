//! The muxer: every stream has an account before it is handed out.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

use libp2p_core::muxing::{StreamMuxer, StreamMuxerEvent};
use rcmgr_core::{Accounting, Direction, Error, MemoryAccount};

use crate::{
    AccountedStream, Transport, asked, connections,
    held::Held,
    pace::Pace,
    regulation::Streams,
    transport::Terms,
    waiting::{CENTURY, Departures, Queue, RETRY, Retry},
};

/// Inbound streams that do not come to anything in one poll, so that a flood of them leaves the
/// task its turn.
const REFUSALS_PER_POLL: usize = 32;

/// Memory that is reserved with a connection.
pub(crate) type ConnectionMemory<A> = <<A as Accounting>::Connection as MemoryAccount>::Memory;

/// A connection that holds its account, and whose streams hold theirs.
///
/// A stream for which there is no room [waits](crate::StreamWait), and is refused when there is
/// none in time, which does not fail the connection. An outbound stream is given out all the same and
/// fails by itself on first use, since an error of `poll_outbound` would close the connection. An
/// inbound one is dropped, which resets it; when that happens before a protocol is agreed, the
/// remote party takes it for "protocol not supported".
#[pin_project::pin_project(project = Projection)]
pub struct AccountedMuxer<M: StreamMuxer, A: Accounting> {
    // Before the accounts, so that the socket is closed by when they say so.
    #[pin]
    inner: M,
    /// The account of the next outbound stream, kept while the muxer has no room for it. The
    /// swarm may lose its interest meanwhile; then this one waits here for the next request.
    outbound: Option<Held<A::Stream>>,
    /// Until when the next outbound stream waits for room, if it does.
    outbound_wait: Option<(Instant, Retry)>,
    inbound: Queue<M::Substream>,
    pace: Pace,
    /// An inbound stream that came too fast. The muxer has to be asked all the same: some tell of
    /// the connection's end nowhere else.
    early: Option<M::Substream>,
    departures: Arc<Departures>,
    peer: Vec<u8>,
    transport: Transport,
    terms: Terms<A>,
    /// Whether the account was given to the behaviour that asks for it.
    is_known: bool,
    /// Who is told of the streams, once the handler has said so.
    streams: Option<Arc<Streams>>,
    // Before the account, which should not have to take the reservation along.
    _growth: Option<ConnectionMemory<A>>,
    held: Held<A::Connection>,
}

impl<M: StreamMuxer, A: Accounting> AccountedMuxer<M, A> {
    pub(crate) fn new(
        inner: M,
        peer: Vec<u8>,
        transport: Transport,
        held: Held<A::Connection>,
        growth: Option<ConnectionMemory<A>>,
        terms: Terms<A>,
    ) -> Self {
        AccountedMuxer {
            inner,
            outbound: None,
            outbound_wait: None,
            inbound: Queue::new(),
            pace: Pace::new(terms.config.inbound_streams),
            early: None,
            departures: Arc::default(),
            peer,
            transport,
            terms,
            is_known: false,
            streams: None,
            _growth: growth,
            held,
        }
    }
}

impl<M: StreamMuxer, A: Accounting> Projection<'_, M, A> {
    fn admitted(
        &self,
        stream: M::Substream,
        direction: Direction,
        held: Held<A::Stream>,
    ) -> AccountedStream<M::Substream, A::Stream> {
        let config = self.terms.config.clone();
        let told = self.streams.as_ref().map(|streams| streams.opened(direction));
        AccountedStream::new(stream, direction, held, config, self.departures.clone(), told)
    }

    /// The account of the next outbound stream, or why there will be none.
    fn poll_outbound_account(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Held<A::Stream>, Error>> {
        // Nobody has asked since, so whoever asks now begins to wait now.
        if self.outbound_wait.as_ref().is_some_and(|(until, _)| Instant::now() > *until + 2 * RETRY)
        {
            *self.outbound_wait = None;
        }
        loop {
            if let Some((_, retry)) = self.outbound_wait
                && !retry.is_due(self.departures, cx)
            {
                return Poll::Pending;
            }
            let opened = self.terms.open_stream(self.peer, Direction::Outbound, *self.transport);
            let time = self.terms.config.stream_wait.outbound.min(CENTURY);
            match (&opened, &self.outbound_wait) {
                (Err(_), None) if !time.is_zero() => {
                    *self.outbound_wait = Some((Instant::now() + time, Retry::new()));
                }
                (Err(_), Some((until, _))) if Instant::now() < *until => {}
                _ => {
                    *self.outbound_wait = None;
                    return Poll::Ready(opened);
                }
            }
        }
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
        let wait = this.terms.config.stream_wait;
        let open = || this.terms.open_stream(this.peer, Direction::Inbound, *this.transport);
        for _ in 0..REFUSALS_PER_POLL {
            if let Poll::Ready((stream, held)) = this.inbound.poll_next(this.departures, cx, open) {
                return Poll::Ready(Ok(this.admitted(stream, Direction::Inbound, held)));
            }
            let stream = match this.early.take() {
                Some(stream) => stream,
                None => ready!(this.inner.as_mut().poll_inbound(cx))?,
            };
            if this.pace.is_never() {
                continue;
            }
            if this.pace.poll_ready(cx).is_pending() {
                *this.early = Some(stream);
                return Poll::Pending;
            }
            this.pace.take();
            // Nobody passes those who wait.
            if this.inbound.len() == 0
                && let Ok(held) = open()
            {
                return Poll::Ready(Ok(this.admitted(stream, Direction::Inbound, held)));
            }
            if this.inbound.len() < wait.queue {
                this.inbound.push(stream, Instant::now() + wait.inbound.min(CENTURY));
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_outbound(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Self::Substream, Self::Error>> {
        let mut this = self.project();
        let opened = match this.outbound.take() {
            Some(held) => Ok(held),
            None => ready!(this.poll_outbound_account(cx)),
        };
        let held = match opened {
            Ok(held) => held,
            Err(error) => return Poll::Ready(Ok(AccountedStream::refused(error))),
        };
        match this.inner.as_mut().poll_outbound(cx) {
            Poll::Ready(Ok(stream)) => {
                Poll::Ready(Ok(this.admitted(stream, Direction::Outbound, held)))
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
        *this.inbound = Queue::new();
        *this.early = None;
        this.inner.poll_close(cx)
    }

    fn poll(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<StreamMuxerEvent, Self::Error>> {
        let this = self.project();
        if !*this.is_known {
            *this.is_known = connections::answer::<A>(this.held.account(), cx);
        }
        if this.streams.is_none()
            && let Some((streams, _)) = asked::take::<Streams>(cx)
        {
            streams.take();
            *this.streams = Some(streams);
        }
        this.inner.poll(cx)
    }
}
