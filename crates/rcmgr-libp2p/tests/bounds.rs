//! What the wrapper does with transports and muxers at their extremes, which are scripted here.

// Helpers outside of test functions fail the test just as well.
#![allow(clippy::unwrap_used)]

mod common;

use std::{
    cell::Cell,
    convert::Infallible,
    future::{Ready, ready},
    pin::Pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
};

use common::{config, held, is_clear, memory, system};
use libp2p::{
    Multiaddr, PeerId, Transport,
    core::{
        Endpoint,
        muxing::{StreamMuxer, StreamMuxerEvent},
        transport::{DialOpts, ListenerId, PortUse, TransportError, TransportEvent},
    },
    futures::{FutureExt, io::Cursor},
};
use rcmgr_core::{Limits, Resource, ResourceManager};
use rcmgr_libp2p::{AccountedMuxer, AccountedTransport};

/// How often the task was woken.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Incoming connections without end.
#[derive(Clone, Default)]
struct Flood {
    polls: Rc<Cell<usize>>,
    muxer: Scripted,
}

impl Transport for Flood {
    type Output = (PeerId, Scripted);
    type Error = Infallible;
    type ListenerUpgrade = Ready<Result<Self::Output, Infallible>>;
    type Dial = Ready<Result<Self::Output, Infallible>>;

    fn listen_on(&mut self, _: ListenerId, _: Multiaddr) -> Result<(), TransportError<Infallible>> {
        Ok(())
    }

    fn remove_listener(&mut self, _: ListenerId) -> bool {
        true
    }

    fn dial(
        &mut self,
        _: Multiaddr,
        _: DialOpts,
    ) -> Result<Self::Dial, TransportError<Infallible>> {
        Ok(ready(Ok((PeerId::random(), self.muxer.clone()))))
    }

    fn poll(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<TransportEvent<Self::ListenerUpgrade, Infallible>> {
        self.polls.set(self.polls.get() + 1);
        Poll::Ready(TransportEvent::Incoming {
            listener_id: ListenerId::next(),
            upgrade: ready(Ok((PeerId::random(), self.muxer.clone()))),
            local_addr: Multiaddr::empty(),
            send_back_addr: Multiaddr::empty(),
        })
    }
}

/// Inbound streams without end, outbound ones when there is room.
#[derive(Clone, Default)]
struct Scripted {
    inbound: Rc<Cell<usize>>,
    has_room: Rc<Cell<bool>>,
}

impl StreamMuxer for Scripted {
    type Substream = Cursor<Vec<u8>>;
    type Error = Infallible;

    fn poll_inbound(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Result<Self::Substream, Infallible>> {
        self.inbound.set(self.inbound.get() + 1);
        Poll::Ready(Ok(Cursor::default()))
    }

    fn poll_outbound(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Result<Self::Substream, Infallible>> {
        if self.has_room.get() { Poll::Ready(Ok(Cursor::default())) } else { Poll::Pending }
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn poll(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Result<StreamMuxerEvent, Infallible>> {
        Poll::Ready(Ok(StreamMuxerEvent::AddressChange(Multiaddr::empty())))
    }
}

fn connected(
    manager: &ResourceManager,
    muxer: &Scripted,
) -> AccountedMuxer<Scripted, ResourceManager> {
    let flood = Flood { muxer: muxer.clone(), ..Flood::default() };
    let mut transport = AccountedTransport::new(flood, manager.clone(), config());
    let opts = DialOpts { role: Endpoint::Dialer, port_use: PortUse::New };
    let dial = transport.dial(Multiaddr::empty(), opts).unwrap();
    let (_, muxer) = dial.now_or_never().unwrap().unwrap();
    muxer
}

#[test]
fn a_flood_of_connections_leaves_the_task_its_turn() {
    let manager = ResourceManager::new(system(Resource::Connections, 2));
    let flood = Flood::default();
    let mut transport = AccountedTransport::new(flood.clone(), manager.clone(), config());
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(wakes.clone());
    let mut poll = || Pin::new(&mut transport).poll(&mut Context::from_waker(&waker));

    let admitted = [poll(), poll()];
    assert!(admitted.iter().all(Poll::is_ready));
    assert_eq!(flood.polls.get(), 2);
    assert!(poll().is_pending());
    assert!((3..100).contains(&flood.polls.get()));
    assert_eq!(wakes.0.load(Ordering::Relaxed), 1, "the rest must not be forgotten");

    drop(admitted);
    assert!(is_clear(&manager));
    assert!(poll().is_ready());
}

#[test]
fn a_flood_of_streams_leaves_the_task_its_turn() {
    let manager = ResourceManager::new(system(Resource::StreamsInbound, 1));
    let scripted = Scripted::default();
    let mut muxer = connected(&manager, &scripted);
    let wakes = Arc::new(Wakes::default());
    let waker = Waker::from(wakes.clone());
    let mut poll = || Pin::new(&mut muxer).poll_inbound(&mut Context::from_waker(&waker));

    let admitted = poll();
    assert!(matches!(admitted, Poll::Ready(Ok(_))));
    assert!(poll().is_pending());
    assert!((2..100).contains(&scripted.inbound.get()));
    assert_eq!(wakes.0.load(Ordering::Relaxed), 1, "the rest must not be forgotten");
    assert_eq!(held(&manager), (memory(1, 1), 1, 1, 0));

    drop(admitted);
    assert!(matches!(poll(), Poll::Ready(Ok(_))));
}

#[test]
fn a_stream_that_waits_for_room_keeps_its_account() {
    let manager = ResourceManager::new(Limits::default());
    let scripted = Scripted::default();
    let mut muxer = connected(&manager, &scripted);
    let mut context = Context::from_waker(Waker::noop());

    for _ in 0..3 {
        assert!(Pin::new(&mut muxer).poll_outbound(&mut context).is_pending());
        assert_eq!(held(&manager), (memory(1, 1), 1, 1, 0));
    }
    scripted.has_room.set(true);
    let stream = Pin::new(&mut muxer).poll_outbound(&mut context);
    assert!(matches!(stream, Poll::Ready(Ok(_))));
    assert_eq!(held(&manager), (memory(1, 1), 1, 1, 0));
    drop(stream);
    assert_eq!(held(&manager), (memory(1, 0), 0, 1, 0));

    scripted.has_room.set(false);
    assert!(Pin::new(&mut muxer).poll_outbound(&mut context).is_pending());
    assert!(Pin::new(&mut muxer).poll_close(&mut context).is_ready());
    assert_eq!(held(&manager), (memory(1, 0), 0, 1, 0), "closing waits for no stream");
    drop(muxer);
    assert!(is_clear(&manager));
}

#[test]
fn events_of_the_connection_pass() {
    let manager = ResourceManager::new(Limits::default());
    let mut muxer = connected(&manager, &Scripted::default());
    let event = Pin::new(&mut muxer).poll(&mut Context::from_waker(Waker::noop()));
    assert!(matches!(event, Poll::Ready(Ok(StreamMuxerEvent::AddressChange(_)))));
}
