//! Transports and muxers that do as they are told.

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
    task::{Context, Poll, Wake},
};

use libp2p::{
    Multiaddr, PeerId, Transport,
    core::{
        Endpoint,
        muxing::{StreamMuxer, StreamMuxerEvent},
        transport::{DialOpts, ListenerId, PortUse, TransportError, TransportEvent},
    },
    futures::{FutureExt, io::Cursor},
};
use rcmgr_core::ResourceManager;
use rcmgr_libp2p::{AccountedMuxer, AccountedTransport, Config};

/// How often the task was woken.
#[derive(Default)]
pub struct Wakes(AtomicUsize);

impl Wakes {
    pub fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Incoming connections without end.
#[derive(Clone, Default)]
pub struct Flood {
    pub polls: Rc<Cell<usize>>,
    pub muxer: Scripted,
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

/// As many inbound streams as are announced, and outbound ones when there is room.
#[derive(Clone)]
pub struct Scripted {
    /// How many there were, each of which holds its number.
    pub inbound: Rc<Cell<usize>>,
    /// How many there will be, without end at first.
    pub announced: Rc<Cell<usize>>,
    pub has_room: Rc<Cell<bool>>,
}

impl Default for Scripted {
    fn default() -> Self {
        Scripted {
            inbound: Rc::default(),
            announced: Rc::new(Cell::new(usize::MAX)),
            has_room: Rc::default(),
        }
    }
}

impl StreamMuxer for Scripted {
    type Substream = Cursor<Vec<u8>>;
    type Error = Infallible;

    fn poll_inbound(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Result<Self::Substream, Infallible>> {
        let number = self.inbound.get();
        if number == self.announced.get() {
            return Poll::Pending;
        }
        self.inbound.set(number + 1);
        Poll::Ready(Ok(Cursor::new(number.to_be_bytes().into())))
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

pub type Muxer = AccountedMuxer<Scripted, ResourceManager>;

/// A connection of an accounted transport.
pub fn connected(manager: &ResourceManager, muxer: &Scripted, config: Config) -> Muxer {
    let flood = Flood { muxer: muxer.clone(), ..Flood::default() };
    let mut transport = AccountedTransport::new(flood, manager.clone(), config);
    let opts = DialOpts { role: Endpoint::Dialer, port_use: PortUse::New };
    let dial = transport.dial(Multiaddr::empty(), opts).expect("it dials anything");
    let (_, muxer) = dial.now_or_never().expect("it is ready").expect("it is admitted");
    muxer
}
