//! yamux whose windows stay within a budget, and which closes no connection for one stream.

use std::{
    collections::VecDeque,
    convert::Infallible,
    future::{self, Ready},
    io::{self, IoSlice, IoSliceMut},
    iter,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};

use futures_io::{AsyncRead, AsyncWrite};
use libp2p_core::{
    muxing::{StreamMuxer, StreamMuxerEvent},
    upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade, UpgradeInfo},
};
use yamux::{Connection, ConnectionError, DEFAULT_CREDIT, Mode};

mod places;

use places::{Place, Places};

/// The muxer of all transports but QUIC, with a budget for its receive windows.
///
/// What the remote party may make this node hold on streams that nobody reads is their receive
/// windows. Each is 256 KiB at first, which is what a stream has as its own
/// [base memory](crate::BaseMemory). When a stream is read fast over a long way, `yamux` grows its
/// window, to 1 GiB in all with libp2p's own configuration. It tells nobody, and so cannot be held
/// to an old window when memory is short. So a connection has a fixed budget for growth,
/// [`growth`], which [`Stack`](crate::Stack) reserves when the connection has its peer.
///
/// Unlike libp2p's own, this muxer closes no connection because it has [`max_streams`]: what the
/// remote party opens beyond is reset, and what this node opens waits. But `yamux` keeps what has
/// come on a dropped stream until the remote party is told, which it may prevent by not reading.
/// These and the streams that are in use are [`max_streams`] and [`max_ending`] together at most:
/// then this node reads no more either, and the connection ends when the remote party reads, or
/// when this node opens another stream. So it never holds more than so many windows, whatever was
/// dropped, and one frame, of 1 MiB at most.
///
/// It upgrades connections as `libp2p::yamux::Config` does, so a stack that is put together by
/// hand may use it too, with [`growth`] in [`Config::window_growth`](crate::Config::window_growth).
///
/// ```
/// use rcmgr_libp2p::Yamux;
///
/// // Few connections, far away and fast: 16 MiB fill 1 Gbit/s over 130 ms.
/// let yamux = Yamux { growth: 16 << 20, ..Yamux::default() };
/// # let _ = yamux;
/// ```
///
/// [`growth`]: Yamux::growth
/// [`max_streams`]: Yamux::max_streams
/// [`max_ending`]: Yamux::max_ending
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Yamux {
    /// Streams of one connection at once, of both directions. The default is 256: as many as
    /// rust-libp2p and go-libp2p open before the first of them is answered.
    pub max_streams: u32,
    /// Streams that the remote party has opened and that this node does not accept yet; more are
    /// reset. A node stops accepting when its limits have no room, and these then wait.
    ///
    /// No account has them yet, so each may hold a window of 256 KiB that is reserved nowhere. The
    /// default of 32 allows 8 MiB; libp2p's own muxer has 256.
    pub max_waiting: u32,
    /// Streams that were dropped here and of which the remote party has yet to be told, on top of
    /// [`max_streams`](Yamux::max_streams); at least 1.
    ///
    /// Somebody who reads is told at once, so few are ever left. Somebody who does not read may fill
    /// the windows of these, and of the places that are free, with nothing reserved for them: 320
    /// windows or 80 MiB by default. The default is 64. A node that has few streams with each peer
    /// sets both lower.
    pub max_ending: u32,
    /// Bytes by which the windows of all streams of a connection together may grow beyond 256 KiB
    /// each.
    ///
    /// The default, 1 MiB, lets one stream have 1.25 MiB, which fills 100 Mbit/s over 100 ms, and
    /// lets a node reserve 1,000 connections in about 1 GiB. Zero keeps all windows as they are.
    pub growth: u64,
}

impl Default for Yamux {
    fn default() -> Self {
        Yamux { max_streams: 256, max_waiting: 32, max_ending: 64, growth: 1 << 20 }
    }
}

impl Yamux {
    fn muxer<C>(self, socket: C, mode: Mode) -> YamuxMuxer<C>
    where
        C: AsyncRead + AsyncWrite + Unpin,
    {
        YamuxMuxer {
            connection: Connection::new(socket, self.limits(), mode),
            waiting: VecDeque::new(),
            max_waiting: index(self.max_waiting),
            acceptor: None,
            places: Places::new(index(self.max_streams)),
        }
    }

    fn limits(self) -> yamux::Config {
        // Halves of the address space, so that no sum overflows on any machine.
        let most = usize::MAX / 2;
        let stream = DEFAULT_CREDIT as usize;
        // It counts streams until it has told that they were dropped, and says goodbye at its limit.
        let streams = index(self.max_streams).saturating_add(index(self.max_ending).max(1));
        let streams = streams.min(most / stream);
        let growth = usize::try_from(self.growth).unwrap_or(most).min(most);
        let mut config = yamux::Config::default();
        // It checks each number against the other one.
        config
            .set_max_connection_receive_window(None)
            .set_max_num_streams(streams)
            .set_max_connection_receive_window(Some(streams * stream + growth));
        config
    }
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl UpgradeInfo for Yamux {
    type Info = &'static str;
    type InfoIter = iter::Once<Self::Info>;

    fn protocol_info(&self) -> Self::InfoIter {
        iter::once("/yamux/1.0.0")
    }
}

impl<C> InboundConnectionUpgrade<C> for Yamux
where
    C: AsyncRead + AsyncWrite + Unpin,
{
    type Output = YamuxMuxer<C>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_inbound(self, socket: C, _: Self::Info) -> Self::Future {
        future::ready(Ok(self.muxer(socket, Mode::Server)))
    }
}

impl<C> OutboundConnectionUpgrade<C> for Yamux
where
    C: AsyncRead + AsyncWrite + Unpin,
{
    type Output = YamuxMuxer<C>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_outbound(self, socket: C, _: Self::Info) -> Self::Future {
        future::ready(Ok(self.muxer(socket, Mode::Client)))
    }
}

/// A connection of [`Yamux`].
#[derive(Debug)]
pub struct YamuxMuxer<C> {
    connection: Connection<C>,
    /// `yamux` moves nothing at all unless it is asked for inbound streams, so these come also when
    /// nobody accepts any.
    waiting: VecDeque<YamuxStream>,
    max_waiting: usize,
    /// Whoever is to be told of a stream that has begun to wait.
    acceptor: Option<Waker>,
    places: Places,
}

impl<C: AsyncRead + AsyncWrite + Unpin> YamuxMuxer<C> {
    /// Moves everything that can move until the remote party opens a stream; `None` for one that
    /// has no place and is reset.
    fn poll_opened(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Option<YamuxStream>, ConnectionError>> {
        let inner = ready!(self.connection.poll_next_inbound(cx));
        let inner = inner.unwrap_or(Err(ConnectionError::Closed))?;
        Poll::Ready(Ok(self.places.take().map(|place| YamuxStream { inner, _place: place })))
    }
}

impl<C: AsyncRead + AsyncWrite + Unpin> StreamMuxer for YamuxMuxer<C> {
    type Substream = YamuxStream;
    type Error = ConnectionError;

    fn poll_inbound(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Self::Substream, Self::Error>> {
        if let Some(stream) = self.waiting.pop_front() {
            return Poll::Ready(Ok(stream));
        }
        match self.poll_opened(cx)? {
            Poll::Ready(Some(stream)) => return Poll::Ready(Ok(stream)),
            // The task has its turn before the next one of a flood.
            Poll::Ready(None) => cx.waker().wake_by_ref(),
            Poll::Pending => self.acceptor = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    fn poll_outbound(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Self::Substream, Self::Error>> {
        ready!(self.places.poll_free(cx));
        let inner = ready!(self.connection.poll_new_outbound(cx))?;
        let place = self.places.take().expect("nobody else takes the place that was free");
        Poll::Ready(Ok(YamuxStream { inner, _place: place }))
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.connection.poll_close(cx)
    }

    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<StreamMuxerEvent, Self::Error>> {
        if let Some(stream) = ready!(self.poll_opened(cx))?
            && self.waiting.len() < self.max_waiting
        {
            self.waiting.push_back(stream);
            if let Some(acceptor) = self.acceptor.take() {
                acceptor.wake();
            }
        }
        // The task has its turn before the next one.
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// A stream of [`Yamux`].
#[derive(Debug)]
pub struct YamuxStream {
    // Before its place, so that it is gone by when the place is free.
    inner: yamux::Stream,
    _place: Place,
}

impl AsyncRead for YamuxStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }

    fn poll_read_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_read_vectored(cx, buffers)
    }
}

impl AsyncWrite for YamuxStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buffer)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, buffers)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_close(cx)
    }
}
