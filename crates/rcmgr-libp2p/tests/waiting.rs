//! Streams that wait for room: who is let in, when, and who is not.

// Helpers outside of test functions fail the test just as well.
#![allow(clippy::unwrap_used)]

mod common;

use std::{
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use common::{
    config, is_clear,
    scripted::{Muxer, Scripted, Wakes, connected},
    system, until, within,
};
use libp2p::{
    core::muxing::StreamMuxer,
    futures::{AsyncReadExt, FutureExt, io::Cursor},
};
use rcmgr_core::{Error, Limits, Resource, ResourceManager, ScopeId, StreamScope};
use rcmgr_libp2p::{AccountedStream, Config, StreamWait, find_refusal};

type Stream = AccountedStream<Cursor<Vec<u8>>, StreamScope>;

/// Longer than any test.
const LONG: Duration = Duration::from_secs(600);

fn waiting(time: Duration, queue: usize) -> Config {
    Config { stream_wait: StreamWait { inbound: time, outbound: time, queue }, ..config() }
}

/// A connection for whose streams of one direction there is room for one.
struct Connection {
    manager: ResourceManager,
    scripted: Scripted,
    muxer: Muxer,
    wakes: Arc<Wakes>,
}

impl Connection {
    fn new(resource: Resource, time: Duration, queue: usize) -> Connection {
        let manager = ResourceManager::new(system(resource, 1));
        let scripted = Scripted::default();
        scripted.announced.set(0);
        scripted.has_room.set(true);
        let muxer = connected(&manager, &scripted, waiting(time, queue));
        Connection { manager, scripted, muxer, wakes: Arc::default() }
    }

    fn announce(&self, streams: usize) {
        self.scripted.announced.set(self.scripted.announced.get() + streams);
    }

    fn inbound(&mut self) -> Option<Stream> {
        let waker = Waker::from(self.wakes.clone());
        match Pin::new(&mut self.muxer).poll_inbound(&mut Context::from_waker(&waker)) {
            Poll::Ready(stream) => Some(stream.unwrap()),
            Poll::Pending => None,
        }
    }

    async fn next_inbound(&mut self) -> Stream {
        within(poll_fn(|cx| Pin::new(&mut self.muxer).poll_inbound(cx))).await.unwrap()
    }

    fn outbound(&mut self) -> Option<Stream> {
        let waker = Waker::from(self.wakes.clone());
        match Pin::new(&mut self.muxer).poll_outbound(&mut Context::from_waker(&waker)) {
            Poll::Ready(stream) => Some(stream.unwrap()),
            Poll::Pending => None,
        }
    }

    async fn next_outbound(&mut self) -> Stream {
        within(poll_fn(|cx| Pin::new(&mut self.muxer).poll_outbound(cx))).await.unwrap()
    }
}

fn number(mut stream: Stream) -> usize {
    let mut bytes = [0; size_of::<usize>()];
    stream.read_exact(&mut bytes).now_or_never().unwrap().unwrap();
    usize::from_be_bytes(bytes)
}

fn refused_by(mut stream: Stream) -> Option<ScopeId> {
    let error = stream.read(&mut [0]).now_or_never().unwrap().err()?;
    find_refusal(&error).map(Error::scope).cloned()
}

#[test]
fn those_who_wait_are_let_in_when_a_stream_has_gone_in_the_order_in_which_they_came() {
    let mut connection = Connection::new(Resource::StreamsInbound, LONG, 2);
    connection.announce(3);
    let mut admitted = connection.inbound().unwrap();
    for expected in 0..3 {
        assert!(connection.inbound().is_none());
        assert_eq!(connection.scripted.inbound.get(), 3, "nothing was refused");
        let wakes = connection.wakes.count();
        assert_eq!(number(admitted), expected);
        if expected == 2 {
            break;
        }
        assert_eq!(connection.wakes.count(), wakes + 1);
        admitted = connection.inbound().unwrap();
    }
    assert!(connection.inbound().is_none());
    drop(connection.muxer);
    assert!(is_clear(&connection.manager));
}

#[test]
fn all_are_let_in_at_once_when_there_is_room_for_all() {
    let mut connection = Connection::new(Resource::StreamsInbound, LONG, 3);
    connection.announce(4);
    let admitted = connection.inbound().unwrap();
    assert!(connection.inbound().is_none());
    connection.manager.set_limits(Limits::default());
    assert_eq!(number(admitted), 0);
    let rest = [(); 3].map(|()| connection.inbound().unwrap());
    assert_eq!(rest.map(number), [1, 2, 3]);
}

#[test]
fn nobody_passes_those_who_wait() {
    let mut connection = Connection::new(Resource::StreamsInbound, LONG, 2);
    connection.announce(2);
    let admitted = connection.inbound().unwrap();
    assert!(connection.inbound().is_none());
    drop(admitted);
    connection.announce(1);
    assert_eq!(connection.inbound().map(number), Some(1));
    assert_eq!(connection.inbound().map(number), Some(2));
}

#[test]
fn no_more_wait_than_may() {
    let mut connection = Connection::new(Resource::StreamsInbound, LONG, 2);
    connection.announce(5);
    let mut admitted = connection.inbound();
    assert!(connection.inbound().is_none());
    for expected in [0, 1, 2] {
        assert_eq!(admitted.map(number), Some(expected));
        admitted = connection.inbound();
    }
    assert!(admitted.is_none(), "two were refused");
}

#[tokio::test]
async fn room_that_others_make_is_found() {
    let mut connection = Connection::new(Resource::StreamsInbound, LONG, 1);
    connection.announce(2);
    let admitted = connection.inbound().unwrap();
    assert!(connection.inbound().is_none());
    connection.manager.set_limits(Limits::default());
    assert_eq!(number(connection.next_inbound().await), 1);
    assert_eq!(number(admitted), 0);
}

#[tokio::test]
async fn who_has_waited_too_long_is_refused() {
    let wait = Duration::from_millis(150);
    let mut connection = Connection::new(Resource::StreamsInbound, wait, 2);
    connection.announce(3);
    let admitted = connection.inbound().unwrap();
    let start = Instant::now();
    assert!(connection.inbound().is_none());
    let wakes = connection.wakes.clone();
    while start.elapsed() < wait {
        let before = wakes.count();
        until(|| wakes.count() > before || start.elapsed() >= wait).await;
        assert!(connection.inbound().is_none());
    }
    drop(admitted);
    connection.announce(1);
    assert_eq!(connection.inbound().map(number), Some(3));
}

#[test]
fn closing_waits_for_nobody() {
    let mut connection = Connection::new(Resource::StreamsInbound, LONG, 2);
    connection.announce(2);
    let admitted = connection.inbound();
    assert!(connection.inbound().is_none());
    let mut context = Context::from_waker(Waker::noop());
    assert!(Pin::new(&mut connection.muxer).poll_close(&mut context).is_ready());
    drop(admitted);
    assert!(connection.inbound().is_none());
}

#[test]
fn an_outbound_stream_waits_until_another_has_gone() {
    let mut connection = Connection::new(Resource::StreamsOutbound, LONG, 0);
    let admitted = connection.outbound().unwrap();
    assert!(connection.outbound().is_none());
    assert!(connection.outbound().is_none());
    assert_eq!(connection.wakes.count(), 0);
    drop(admitted);
    assert_eq!(connection.wakes.count(), 1);
    assert_eq!(refused_by(connection.outbound().unwrap()), None);
}

#[tokio::test]
async fn an_outbound_stream_finds_room_that_others_make() {
    let mut connection = Connection::new(Resource::StreamsOutbound, LONG, 0);
    let _admitted = connection.outbound().unwrap();
    assert!(connection.outbound().is_none());
    connection.manager.set_limits(Limits::default());
    assert_eq!(refused_by(connection.next_outbound().await), None);
}

#[tokio::test]
async fn an_outbound_stream_that_has_waited_too_long_says_who_refused() {
    let wait = Duration::from_millis(50);
    let mut connection = Connection::new(Resource::StreamsOutbound, wait, 0);
    let _admitted = connection.outbound().unwrap();
    for _ in 0..2 {
        let start = Instant::now();
        assert!(connection.outbound().is_none(), "each waits");
        assert_eq!(refused_by(connection.next_outbound().await), Some(ScopeId::System));
        assert!(start.elapsed() >= wait);
    }
}

#[test]
fn a_wait_without_end_is_one() {
    let mut connection = Connection::new(Resource::StreamsInbound, Duration::MAX, 1);
    connection.announce(2);
    let _admitted = connection.inbound().unwrap();
    assert!(connection.inbound().is_none());
    assert_eq!(connection.scripted.inbound.get(), 2, "it waits");

    let mut connection = Connection::new(Resource::StreamsOutbound, Duration::MAX, 0);
    let _admitted = connection.outbound().unwrap();
    assert!(connection.outbound().is_none());
}

#[tokio::test]
async fn a_request_after_an_abandoned_one_has_a_wait_of_its_own() {
    let wait = Duration::from_millis(20);
    let mut connection = Connection::new(Resource::StreamsOutbound, wait, 0);
    let _admitted = connection.outbound().unwrap();
    assert!(connection.outbound().is_none());
    // Nobody asks for so long that it has to be another who does.
    let asked = Instant::now();
    until(|| asked.elapsed() > wait + Duration::from_millis(250)).await;
    assert!(connection.outbound().is_none());
    assert_eq!(refused_by(connection.next_outbound().await), Some(ScopeId::System));
}
