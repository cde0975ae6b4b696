use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use std::task::Wake;

use libp2p::futures::io::BufWriter;
use rcmgr_core::{
    Limit, Limits, Name, PeerKey, Priority, ResourceManager, ScopeId, ScopeLimit, StreamScope,
};

use super::*;
use crate::{find_refusal, scope_of};

const GREETING: &[u8] = b"\x13/multistream/1.0.0\n";
const AGREEMENT: &[u8] = b"\x05/a/1\n";

/// Reads what it was given, takes at most `room` bytes, and waits otherwise.
struct Inner {
    incoming: Vec<u8>,
    room: usize,
    flushes: bool,
}

impl AsyncRead for Inner {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let count = buffer.len().min(self.incoming.len());
        if count == 0 {
            return Poll::Pending;
        }
        for (to, from) in buffer.iter_mut().zip(self.incoming.drain(..count)) {
            *to = from;
        }
        Poll::Ready(Ok(count))
    }

    fn poll_read_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut total = 0;
        for buffer in buffers {
            match self.as_mut().poll_read(cx, buffer)? {
                Poll::Ready(count) => total += count,
                Poll::Pending => break,
            }
        }
        if total == 0 { Poll::Pending } else { Poll::Ready(Ok(total)) }
    }
}

impl AsyncWrite for Inner {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        let count = buffer.len().min(self.room);
        self.room -= count;
        if count == 0 { Poll::Pending } else { Poll::Ready(Ok(count)) }
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let length: usize = buffers.iter().map(|buffer| buffer.len()).sum();
        let count = length.min(self.room);
        self.room -= count;
        if count == 0 { Poll::Pending } else { Poll::Ready(Ok(count)) }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.flushes { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

type Stream = AccountedStream<Inner, StreamScope>;

/// A stream over `inner` whose protocol, if it is `/a/1`, belongs to the service `a`.
fn open(inner: Inner, direction: Direction, limits: Limits) -> (ResourceManager, Stream) {
    let manager = ResourceManager::new(limits);
    let account = manager.open_stream(b"peer", direction).unwrap();
    let held = Held::reserve(account, 10, Priority::ALWAYS).unwrap();
    let services = Services::default().with_protocol("/a/1", "a");
    let config = Arc::new(Config { services, ..Config::default() });
    (manager, AccountedStream::new(inner, direction, held, config, Arc::default(), None))
}

const NONE: ScopeLimit = ScopeLimit::all(Limit::BLOCK_ALL);

fn no_protocol() -> Limits {
    Limits { protocols: [("/a/1".into(), NONE)].into(), ..Limits::default() }
}

/// Limits under which a stream of `/a/1` is refused, each with the scope that refuses it.
fn refusing() -> [(Limits, ScopeId); 4] {
    let [protocol, service] = ["/a/1", "a"].map(Name::from);
    let peer = PeerKey::from(*b"peer");
    let of_protocol = [(protocol.clone(), NONE)];
    let of_service = [(service.clone(), NONE)];
    let unlimited = Limits::default;
    [
        (no_protocol(), ScopeId::Protocol(protocol.clone())),
        (
            Limits { protocol_peers: of_protocol.into(), ..unlimited() },
            ScopeId::PeerProtocol { peer: peer.clone(), protocol },
        ),
        (
            Limits { services: of_service.clone().into(), ..unlimited() },
            ScopeId::Service(service.clone()),
        ),
        (
            Limits { service_peers: of_service.into(), ..unlimited() },
            ScopeId::PeerService { peer, service },
        ),
    ]
}

fn inner(incoming: &[&[u8]], room: usize) -> Inner {
    Inner { incoming: incoming.concat(), room, flushes: true }
}

fn read(stream: &mut Stream, waker: &Waker) -> Poll<io::Result<usize>> {
    Pin::new(stream).poll_read(&mut Context::from_waker(waker), &mut [0; 100])
}

fn write(stream: &mut Stream, bytes: &[u8], waker: &Waker) -> Poll<io::Result<usize>> {
    Pin::new(stream).poll_write(&mut Context::from_waker(waker), bytes)
}

fn assert_refused<T: std::fmt::Debug>(poll: Poll<io::Result<T>>, by: &ScopeId) {
    let Poll::Ready(Err(error)) = poll else { panic!("it should be refused: {poll:?}") };
    let refusal = find_refusal(&error).expect("a refusal has its reason");
    assert_eq!(refusal.scope(), by);
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn vectored_operations_are_watched() {
    let (manager, mut stream) =
        open(inner(&[GREETING, AGREEMENT, b"data"], 100), Direction::Inbound, Limits::default());
    let mut context = Context::from_waker(Waker::noop());
    let mut parts = [[0; 7]; 6];
    let mut slices = parts.each_mut().map(|part| IoSliceMut::new(part));
    let read = Pin::new(&mut stream).poll_read_vectored(&mut context, &mut slices);
    assert!(matches!(read, Poll::Ready(Ok(30))));
    assert_eq!(manager.transient().stats().memory, 10);

    let answer = [GREETING, AGREEMENT].concat();
    let (first, last) = answer.split_at(9);
    let slices = [IoSlice::new(first), IoSlice::new(&[]), IoSlice::new(last)];
    let wrote = Pin::new(&mut stream).poll_write_vectored(&mut context, &slices);
    assert!(matches!(wrote, Poll::Ready(Ok(26))));
    assert_eq!(manager.stats().protocols["/a/1"].memory, 10);
    assert_eq!(manager.stats().services["a"].memory, 10);
    assert_eq!(manager.transient().stats().memory, 0);
}

#[test]
fn only_what_was_taken_is_watched() {
    let (manager, mut stream) =
        open(inner(&[GREETING, AGREEMENT], 21), Direction::Inbound, Limits::default());
    let answer = [GREETING, AGREEMENT].concat();
    assert!(read(&mut stream, Waker::noop()).is_ready());
    let slices = [IoSlice::new(&answer)];
    let mut context = Context::from_waker(Waker::noop());
    let wrote = Pin::new(&mut stream).poll_write_vectored(&mut context, &slices);
    assert!(matches!(wrote, Poll::Ready(Ok(21))));
    assert!(manager.stats().protocols.is_empty());
}

#[test]
fn the_answer_goes_out_before_a_stream_without_room_is_reset() {
    for (limits, by) in refusing() {
        let (manager, mut stream) =
            open(inner(&[GREETING, AGREEMENT, b"data"], 100), Direction::Inbound, limits);
        assert!(matches!(read(&mut stream, Waker::noop()), Poll::Ready(Ok(_))));
        let answer = [GREETING, AGREEMENT].concat();
        assert!(matches!(write(&mut stream, &answer, Waker::noop()), Poll::Ready(Ok(26))));
        let mut context = Context::from_waker(Waker::noop());
        assert!(matches!(Pin::new(&mut stream).poll_flush(&mut context), Poll::Ready(Ok(()))));
        assert!(scope_of::<ResourceManager>(&mut stream).is_none());
        assert!(matches!(stream.0, State::Open(_)), "it is reset too early");
        assert_eq!(manager.system().stats().memory, 10);

        assert_refused(read(&mut stream, Waker::noop()), &by);
        assert!(matches!(stream.0, State::Refused(_)));
        assert!(scope_of::<ResourceManager>(&mut stream).is_none());
        assert!(manager.stats().amounts().all(rcmgr_core::Amount::is_zero));
        assert_refused(write(&mut stream, b"more", Waker::noop()), &by);
        assert_refused(Pin::new(&mut stream).poll_flush(&mut context), &by);
        assert_refused(Pin::new(&mut stream).poll_close(&mut context), &by);
    }
}

#[test]
fn a_stream_of_another_protocol_has_no_service() {
    let other = b"\x05/b/1\n";
    let (manager, mut stream) =
        open(inner(&[GREETING, other], 100), Direction::Inbound, Limits::default());
    assert!(read(&mut stream, Waker::noop()).is_ready());
    assert!(write(&mut stream, &[GREETING, other].concat(), Waker::noop()).is_ready());
    assert_eq!(manager.stats().protocols["/b/1"].memory, 10);
    assert!(manager.stats().services.is_empty());
}

#[test]
fn who_waits_is_woken_to_come_for_the_refusal() {
    let says = [GREETING, AGREEMENT].concat();
    let (_manager, mut stream) =
        open(inner(&[GREETING, AGREEMENT], says.len()), Direction::Outbound, no_protocol());
    let by = ScopeId::Protocol("/a/1".into());
    let wakes = Arc::new(Wakes::default());
    let writer = Waker::from(wakes.clone());
    // A lazy dialer: data behind the proposal, by a task other than the one that reads.
    assert!(matches!(write(&mut stream, &says, &writer), Poll::Ready(Ok(_))));
    assert!(write(&mut stream, b"data", &writer).is_pending());
    assert!(matches!(read(&mut stream, Waker::noop()), Poll::Ready(Ok(_))));
    assert_eq!(wakes.0.load(Ordering::Relaxed), 1);

    // It comes to flush, which is still allowed, and waits again when the reader resets.
    let State::Open(open) = &mut stream.0 else { panic!("it is reset too early") };
    open.inner.flushes = false;
    let flush = Pin::new(&mut stream).poll_flush(&mut Context::from_waker(&writer));
    assert!(flush.is_pending());
    assert_refused(read(&mut stream, Waker::noop()), &by);
    assert_eq!(wakes.0.load(Ordering::Relaxed), 2);
    assert_refused(write(&mut stream, b"data", &writer), &by);
}

/// Passes everything on, and keeps the waker of the last flush.
struct Keeps<'s>(&'s mut Stream, Option<Waker>);

impl AsyncWrite for Keeps<'_> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_write(cx, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.1 = Some(cx.waker().clone());
        Pin::new(&mut *self.0).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_close(cx)
    }
}

#[test]
fn a_question_for_the_account_moves_no_byte() {
    let (_manager, mut stream) = open(inner(&[], 100), Direction::Outbound, Limits::default());
    let mut buffered = BufWriter::new(&mut stream);
    let mut context = Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut buffered).poll_write(&mut context, b"data").is_ready());

    let scope = scope_of::<ResourceManager>(&mut buffered).expect("the stream is open");
    assert_eq!(scope.stats().memory, 10);
    drop(scope);
    assert_eq!(buffered.buffer(), b"data");
    assert!(Pin::new(&mut buffered).poll_flush(&mut context).is_ready());
    assert_eq!(buffered.buffer(), b"");
    let State::Open(open) = &stream.0 else { panic!("it is open") };
    assert_eq!(open.inner.room, 96);
}

#[test]
fn a_question_is_one_only_while_somebody_asks() {
    let (manager, mut stream) = open(inner(&[], 100), Direction::Outbound, Limits::default());
    let mut keeps = Keeps(&mut stream, None);
    assert!(scope_of::<ResourceManager>(&mut keeps).is_some());
    let waker = keeps.1.take().expect("it was flushed");
    assert!(matches!(write(&mut stream, b"data", &waker), Poll::Ready(Ok(4))));
    drop(stream);
    assert!(manager.stats().amounts().all(rcmgr_core::Amount::is_zero), "nobody has the account");
}
