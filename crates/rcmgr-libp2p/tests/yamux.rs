//! The muxer of the builder: its windows, its places for streams, and what comes beyond.

// Helpers outside of test functions fail the test just as well.
#![allow(clippy::unwrap_used)]

mod common;

use std::{
    cell::Cell,
    fmt::Debug,
    future::poll_fn,
    io,
    pin::Pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker, ready},
    time::Duration,
};

use common::within;
use libp2p::{
    Transport,
    core::{
        Endpoint, UpgradeInfo,
        muxing::{StreamMuxer, StreamMuxerExt},
        transport::{DialOpts, ListenerId, MemoryTransport, PortUse, TransportEvent},
        upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade},
    },
    futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, future::join},
    yamux,
};
use rcmgr_libp2p::{Yamux, YamuxMuxer, YamuxStream};

const KIB: u64 = 1 << 10;
const WINDOW: u64 = 256 * KIB;
/// In-memory connections stand still when that many turns moved nothing.
const TURNS: u32 = 100;

/// How often somebody was woken.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

type Socket = <MemoryTransport as Transport>::Output;

/// The two ends of a connection of bytes.
async fn sockets() -> (Socket, Socket) {
    let mut transport = MemoryTransport::default();
    transport.listen_on(ListenerId::next(), "/memory/0".parse().unwrap()).unwrap();
    let mut event = async || poll_fn(|cx| Pin::new(&mut transport).poll(cx)).await;
    let TransportEvent::NewAddress { listen_addr, .. } = event().await else {
        panic!("a listener says its address first")
    };
    let opts = DialOpts { role: Endpoint::Dialer, port_use: PortUse::New };
    let dial = MemoryTransport::default().dial(listen_addr, opts).unwrap();
    let accept = async {
        match event().await {
            TransportEvent::Incoming { upgrade, .. } => upgrade.await,
            event => panic!("{event:?}"),
        }
    };
    let (here, there) = within(join(dial, accept)).await;
    (here.unwrap(), there.unwrap())
}

/// A connection between who opens streams and who accepts them.
struct Pair<M> {
    opener: M,
    acceptor: M,
}

impl<M: StreamMuxer + Unpin> Pair<M> {
    async fn new<U, E>(opener: U, acceptor: U) -> Self
    where
        U: InboundConnectionUpgrade<Socket, Output = M, Error = E>
            + OutboundConnectionUpgrade<Socket, Output = M, Error = E>
            + UpgradeInfo<Info = &'static str>,
        E: Debug,
    {
        let (here, there) = sockets().await;
        Pair {
            opener: opener.upgrade_outbound(here, "/yamux/1.0.0").await.unwrap(),
            acceptor: acceptor.upgrade_inbound(there, "/yamux/1.0.0").await.unwrap(),
        }
    }

    fn turn(&mut self, cx: &mut Context<'_>) {
        for muxer in [&mut self.opener, &mut self.acceptor] {
            if let Poll::Ready(Err(error)) = muxer.poll_unpin(cx) {
                panic!("the connection closed: {error:?}");
            }
        }
    }

    /// Until nothing moves any more.
    fn rest(&mut self) {
        for _ in 0..TURNS {
            self.turn(&mut Context::from_waker(Waker::noop()));
        }
    }

    fn try_open(&mut self) -> Option<M::Substream> {
        let mut cx = Context::from_waker(Waker::noop());
        match self.opener.poll_outbound_unpin(&mut cx) {
            Poll::Ready(stream) => Some(stream.unwrap()),
            Poll::Pending => None,
        }
    }

    fn try_accept(&mut self) -> Option<M::Substream> {
        let mut cx = Context::from_waker(Waker::noop());
        (0..TURNS).find_map(|_| match self.acceptor.poll_inbound_unpin(&mut cx) {
            Poll::Ready(stream) => Some(stream.unwrap()),
            Poll::Pending => {
                self.turn(&mut cx);
                None
            }
        })
    }

    /// What comes of this while the connection moves.
    async fn during<F: Future>(&mut self, future: F) -> F::Output {
        let mut future = std::pin::pin!(future);
        within(poll_fn(|cx| {
            self.turn(cx);
            future.as_mut().poll(cx)
        }))
        .await
    }
}

/// An opened stream that the other side knows of.
fn announced<M>(pair: &mut Pair<M>) -> M::Substream
where
    M: StreamMuxer<Substream: AsyncWrite + Unpin> + Unpin,
{
    let mut stream = pair.try_open().expect("there is room");
    let mut cx = Context::from_waker(Waker::noop());
    assert!(matches!(Pin::new(&mut stream).poll_write(&mut cx, b"!"), Poll::Ready(Ok(1))));
    stream
}

/// Bytes that the acceptor has to hold on `streams` that it reads no more, after it has read much,
/// quickly and from afar.
async fn held_unread<M, U, E>(upgrade: U, streams: usize) -> u64
where
    M: StreamMuxer<Substream: AsyncRead + AsyncWrite + Unpin> + Unpin,
    U: InboundConnectionUpgrade<Socket, Output = M, Error = E>
        + OutboundConnectionUpgrade<Socket, Output = M, Error = E>
        + UpgradeInfo<Info = &'static str>
        + Clone,
    E: Debug,
{
    let mut pair = Pair::new(upgrade.clone(), upgrade).await;
    let mut cx = Context::from_waker(Waker::noop());
    // The acceptor measures how far away the opener is when it is first polled.
    assert!(pair.acceptor.poll_unpin(&mut cx).is_pending());
    std::thread::sleep(Duration::from_millis(200));
    pair.rest();
    let mut opened: Vec<_> = (0..streams).map(|_| announced(&mut pair)).collect();
    let mut accepted: Vec<_> = (0..streams).map(|_| pair.try_accept().unwrap()).collect();

    let mut buffer = vec![0; 64 << 10];
    let (mut written, mut read) = (streams as u64, 0);
    for reads in [true, true, true, true, true, true, false] {
        let mut idle = 0;
        while idle < TURNS {
            idle += 1;
            for stream in &mut opened {
                if let Poll::Ready(count) = Pin::new(stream).poll_write(&mut cx, &buffer) {
                    written += count.unwrap() as u64;
                    idle = 0;
                }
            }
            pair.turn(&mut cx);
            if written - read > 64 << 20 {
                break;
            }
        }
        for stream in accepted.iter_mut().filter(|_| reads) {
            while let Poll::Ready(count) = Pin::new(&mut *stream).poll_read(&mut cx, &mut buffer) {
                read += count.unwrap() as u64;
                pair.turn(&mut cx);
            }
        }
    }
    written - read
}

#[tokio::test]
async fn the_windows_of_a_connection_stay_within_their_budget() {
    let growth = 700 * KIB;
    let held = held_unread(Yamux { growth, ..Yamux::default() }, 4).await;
    assert!(held <= 4 * WINDOW + growth, "{held} bytes are over the budget");
    assert!(held > 4 * WINDOW, "{held} bytes are no growth");
    let held = held_unread(Yamux { growth: 0, ..Yamux::default() }, 4).await;
    assert_eq!(held, 4 * WINDOW);
}

#[tokio::test]
async fn the_muxer_of_libp2p_has_no_such_budget() {
    let held = held_unread(yamux::Config::default(), 4).await;
    assert!(held > 4 * WINDOW + Yamux::default().growth, "{held} bytes");
}

async fn with_streams(max_streams: u32) -> Pair<YamuxMuxer<Socket>> {
    let yamux = Yamux { max_streams, ..Yamux::default() };
    Pair::new(Yamux::default(), yamux).await
}

async fn echoes(pair: &mut Pair<YamuxMuxer<Socket>>, from: &mut YamuxStream, to: &mut YamuxStream) {
    pair.during(async {
        let mut buffer = [0; 2];
        from.write_all(b"?").await.unwrap();
        from.flush().await.unwrap();
        to.read_exact(&mut buffer).await.unwrap();
        assert_eq!(&buffer, b"!?");
        to.write_all(&buffer).await.unwrap();
        to.flush().await.unwrap();
        from.read_exact(&mut buffer).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn what_the_remote_party_opens_beyond_is_reset_and_the_rest_lives_on() {
    let mut pair = with_streams(2).await;
    let mut opened: Vec<_> = (0..300).map_while(|_| pair.try_open()).collect();
    assert_eq!(opened.len(), 256, "so many it opens without an answer");
    for stream in &mut opened {
        pair.during(stream.write_all(b"!")).await.unwrap();
    }
    let mut accepted: Vec<_> = std::iter::from_fn(|| pair.try_accept()).collect();
    assert_eq!(accepted.len(), 2);
    for stream in &mut opened[2..] {
        let ended = pair.during(stream.read(&mut [0])).await;
        assert!(matches!(ended, Ok(0) | Err(_)));
    }
    for (from, to) in opened.iter_mut().zip(&mut accepted) {
        echoes(&mut pair, from, to).await;
    }
}

#[tokio::test]
async fn what_this_node_opens_waits_for_a_place() {
    let yamux = Yamux { max_streams: 2, ..Yamux::default() };
    let mut pair = Pair::new(yamux, Yamux::default()).await;
    let mut first = announced(&mut pair);
    let second = announced(&mut pair);
    assert!(pair.try_open().is_none());

    // Whoever waits is told, without anything else that happens.
    let third = poll_fn(|cx| pair.opener.poll_outbound_unpin(cx));
    let drops = async {
        tokio::task::yield_now().await;
        drop(second);
    };
    let (third, ()) = within(join(third, drops)).await;
    let _third = third.unwrap();
    assert!(pair.try_open().is_none());
    let mut accepted = pair.try_accept().unwrap();
    echoes(&mut pair, &mut first, &mut accepted).await;
}

#[tokio::test]
async fn some_streams_wait_for_who_does_not_accept_them() {
    let waiting = Yamux { max_waiting: 3, ..Yamux::default() };
    let mut pair = Pair::new(Yamux::default(), waiting).await;
    let mut opened: Vec<_> = (0..5).map(|_| announced(&mut pair)).collect();
    pair.rest();
    let mut accepted: Vec<_> = std::iter::from_fn(|| pair.try_accept()).collect();
    assert_eq!(accepted.len(), 3);
    for (from, to) in opened.iter_mut().zip(&mut accepted) {
        echoes(&mut pair, from, to).await;
    }
    let fresh = announced(&mut pair);
    assert!(pair.try_accept().is_some(), "there is room for more");
    drop(fresh);
}

#[tokio::test]
async fn a_stream_that_has_waited_wakes_who_accepts() {
    let mut pair = Pair::new(Yamux::default(), Yamux::default()).await;
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(wakes.clone());
    let mut cx = Context::from_waker(&waker);
    assert!(pair.acceptor.poll_inbound_unpin(&mut cx).is_pending());

    let _opened = announced(&mut pair);
    pair.rest();
    assert!(wakes.0.load(Ordering::Relaxed) > 0);
    assert!(matches!(pair.acceptor.poll_inbound_unpin(&mut cx), Poll::Ready(Ok(_))));
}

#[tokio::test]
async fn any_numbers_make_a_connection() {
    let none = Yamux { max_streams: 0, max_waiting: 0, max_ending: 0, growth: 0 };
    let most = Yamux {
        max_streams: u32::MAX,
        max_waiting: u32::MAX,
        max_ending: u32::MAX,
        growth: u64::MAX,
    };
    let mut pair = Pair::new(most, none).await;
    let mut stream = announced(&mut pair);
    assert!(pair.try_accept().is_none());
    let ended = pair.during(stream.read(&mut [0])).await;
    assert!(matches!(ended, Ok(0) | Err(_)));
}

#[tokio::test]
async fn a_closed_connection_says_so() {
    let mut pair = Pair::new(Yamux::default(), Yamux::default()).await;
    let Pair { opener, acceptor } = &mut pair;
    let close = poll_fn(|cx| opener.poll_close_unpin(cx));
    let ended = poll_fn(|cx| acceptor.poll_inbound_unpin(cx));
    let (closed, ended) = within(join(close, ended)).await;
    closed.unwrap();
    assert!(ended.is_err());
}

/// The first frame of a stream: data with the flag SYN.
fn opening(id: u32, data: &[u8]) -> Vec<u8> {
    let mut frame = vec![0, 0, 0, 1];
    frame.extend(id.to_be_bytes());
    frame.extend((data.len() as u32).to_be_bytes());
    frame.extend(data);
    frame
}

/// A socket whose other end takes nothing until it is told to.
struct Blocked {
    socket: Socket,
    takes: Rc<Cell<bool>>,
    /// Bytes that have come from there.
    read: Rc<Cell<usize>>,
}

impl AsyncRead for Blocked {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let count = ready!(Pin::new(&mut self.socket).poll_read(cx, buffer))?;
        self.read.set(self.read.get() + count);
        Poll::Ready(Ok(count))
    }
}

impl AsyncWrite for Blocked {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.takes.get() {
            true => Pin::new(&mut self.socket).poll_write(cx, buffer),
            false => Poll::Pending,
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_close(cx)
    }
}

/// Of a hundred streams, how many an acceptor takes in that drops them all, from somebody who takes
/// the answers or does not; and what it answers, to be taken in the end.
async fn taken_in(takes: bool) -> (usize, Vec<u8>) {
    let yamux = Yamux { max_streams: 4, max_waiting: 0, max_ending: 8, growth: 0 };
    let (mut remote, socket) = sockets().await;
    let takes = Rc::new(Cell::new(takes));
    let taken = Rc::<Cell<usize>>::default();
    let socket = Blocked { socket, takes: takes.clone(), read: taken.clone() };
    let mut acceptor = yamux.upgrade_inbound(socket, "/yamux/1.0.0").await.unwrap();
    let mut cx = Context::from_waker(Waker::noop());
    let mut answers = Vec::new();
    let mut read = |remote: &mut Socket, cx: &mut Context<'_>| {
        let mut buffer = [0; 64];
        while let Poll::Ready(count) = Pin::new(&mut *remote).poll_read(cx, &mut buffer) {
            answers.extend_from_slice(&buffer[..count.unwrap()]);
        }
    };
    let mut opened: u32 = 0;
    let mut rest = Vec::new();
    for _ in 0..100 * TURNS {
        if rest.is_empty() && opened < 100 {
            rest = opening(2 * opened + 1, &[7; 100]);
            opened += 1;
        }
        if let Poll::Ready(count) = Pin::new(&mut remote).poll_write(&mut cx, &rest) {
            rest.drain(..count.unwrap());
        }
        assert!(acceptor.poll_unpin(&mut cx).is_pending(), "it goes on");
        read(&mut remote, &mut cx);
    }
    let taken = taken.get() / opening(1, &[7; 100]).len();
    takes.set(true);
    for _ in 0..TURNS {
        let _: Poll<_> = acceptor.poll_unpin(&mut cx);
        read(&mut remote, &mut cx);
    }
    (taken, answers)
}

/// The tag of a frame of a stream, such as a reset, and of one that says goodbye.
const DATA: u8 = 0;
const GO_AWAY: u8 = 3;

#[tokio::test]
async fn nothing_more_is_taken_from_who_reads_no_resets() {
    let tags = |answers: &[u8]| answers.chunks(12).map(|header| header[1]).collect::<Vec<_>>();
    let (taken, answers) = taken_in(false).await;
    // And what one read takes on top.
    assert!((4 + 8..30).contains(&taken), "{taken}");
    assert!(tags(&answers).contains(&GO_AWAY), "{answers:?}");

    let (taken, answers) = taken_in(true).await;
    assert_eq!(taken, 100);
    let tags = tags(&answers);
    assert_eq!(tags.iter().filter(|tag| **tag == DATA).count(), 100, "each is reset: {tags:?}");
    assert!(!tags.contains(&GO_AWAY), "{tags:?}");
}
