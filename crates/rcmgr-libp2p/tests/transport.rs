//! Connections and their streams, at the level of transports and muxers.

// Helpers outside of test functions fail the test just as well.
#![allow(clippy::unwrap_used)]

mod common;

use std::{future::poll_fn, pin::Pin};

use common::{config, held, is_clear, memory, over_memory, over_tcp, peer, system, within};
use libp2p::{
    Multiaddr, PeerId, Transport,
    core::{
        Endpoint,
        muxing::{StreamMuxerBox, StreamMuxerExt},
        transport::{
            self, Boxed, DialOpts, ListenerId, PortUse, TransportError as CoreError, TransportEvent,
        },
    },
    futures::{AsyncReadExt, AsyncWriteExt, future::join},
    identity::Keypair,
};
use rcmgr_core::{Error, Limit, Limits, Resource, ResourceManager, ScopeId};
use rcmgr_libp2p::{
    AccountedMuxer, AccountedTransport, AccountedUpgrade, BaseMemory, Carrier, Config,
    InboundRefusal, TransportError, find_refusal,
};

type Stack = Boxed<(PeerId, StreamMuxerBox)>;
type Wrapped = AccountedTransport<Stack, ResourceManager>;
type Muxer = AccountedMuxer<StreamMuxerBox, ResourceManager>;
type Connected = Result<(PeerId, Muxer), TransportError<std::io::Error>>;
type Upgrade = AccountedUpgrade<<Stack as Transport>::ListenerUpgrade, ResourceManager>;

struct Node {
    id: PeerId,
    manager: ResourceManager,
    transport: Wrapped,
}

impl Node {
    fn new(stack: fn(&Keypair) -> Stack, limits: Limits) -> Node {
        Node::refusing(stack, limits, InboundRefusal::Event)
    }

    fn refusing(
        stack: fn(&Keypair) -> Stack,
        limits: Limits,
        inbound_refusal: InboundRefusal,
    ) -> Node {
        Node::with(stack, limits, Config { inbound_refusal, ..config() })
    }

    fn with(stack: fn(&Keypair) -> Stack, limits: Limits, config: Config) -> Node {
        let key = Keypair::generate_ed25519();
        let manager = ResourceManager::new(limits);
        let transport = AccountedTransport::new(stack(&key), manager.clone(), config);
        Node { id: key.public().to_peer_id(), manager, transport }
    }

    async fn listen(&mut self, on: &str) -> Multiaddr {
        self.transport.listen_on(ListenerId::next(), on.parse().unwrap()).unwrap();
        loop {
            if let TransportEvent::NewAddress { listen_addr, .. } = self.event().await {
                return listen_addr;
            }
        }
    }

    async fn event(&mut self) -> TransportEvent<Upgrade, TransportError<std::io::Error>> {
        within(poll_fn(|cx| Pin::new(&mut self.transport).poll(cx))).await
    }

    async fn incoming(&mut self) -> Upgrade {
        loop {
            if let TransportEvent::Incoming { upgrade, .. } = self.event().await {
                return upgrade;
            }
        }
    }

    fn dial(&mut self, to: &Multiaddr) -> <Wrapped as Transport>::Dial {
        let opts = DialOpts { role: Endpoint::Dialer, port_use: PortUse::New };
        self.transport.dial(to.clone(), opts).unwrap()
    }
}

/// What each end makes of a connection, the dialer's first.
async fn connect(dialer: &mut Node, listener: &mut Node, to: &Multiaddr) -> (Connected, Connected) {
    let dial = dialer.dial(to);
    let accept = async { listener.incoming().await.await };
    within(join(dial, accept)).await
}

fn refusal_of(connected: &Connected) -> &Error {
    let error = connected.as_ref().err().expect("it should be refused");
    assert!(matches!(error, TransportError::Refused(_)));
    find_refusal(error).expect("a refusal has its reason")
}

async fn accounted_from_before_its_handshake(
    stack: fn(&Keypair) -> Stack,
    on: &str,
    descriptors: u64,
) {
    let mut dialer = Node::new(stack, Limits::default());
    let mut listener = Node::new(stack, Limits::default());
    let to = listener.listen(on).await;
    let manager = listener.manager.clone();

    let dial = dialer.dial(&to);
    assert!(is_clear(&dialer.manager), "a dial that nobody polls is not accounted");
    let accept = async {
        let upgrade = listener.incoming().await;
        assert_eq!(held(&manager), (memory(1, 0), 0, 1, descriptors));
        assert_eq!(manager.transient().stats(), manager.system().stats());
        upgrade.await
    };
    let (here, there) = within(join(dial, accept)).await;
    let ((_, here), (_, there)) = (here.unwrap(), there.unwrap());
    for (manager, other) in [(&dialer.manager, listener.id), (&listener.manager, dialer.id)] {
        assert_eq!(held(manager), (memory(1, 0), 0, 1, descriptors));
        assert_eq!(manager.peer(&other.to_bytes()).stats(), manager.system().stats());
        assert!(manager.transient().stats().is_zero());
    }

    drop((here, there));
    assert!(is_clear(&dialer.manager));
    assert!(is_clear(&listener.manager));
}

#[tokio::test]
async fn a_connection_is_accounted_over_tcp() {
    accounted_from_before_its_handshake(over_tcp, "/ip4/127.0.0.1/tcp/0", 1).await;
}

#[tokio::test]
async fn a_connection_is_accounted_over_memory() {
    accounted_from_before_its_handshake(over_memory, "/memory/0", 0).await;
}

async fn reserves(stack: fn(&Keypair) -> Stack, on: &str, connection: u64, stream: u64) {
    let base_memory = BaseMemory::all(0, 0)
        .with(rcmgr_libp2p::Transport::Tcp, Carrier::Connection, 5000)
        .with(rcmgr_libp2p::Transport::Tcp, Carrier::Stream, 500)
        .with(rcmgr_libp2p::Transport::Memory, Carrier::Connection, 7000)
        .with(rcmgr_libp2p::Transport::Memory, Carrier::Stream, 700);
    let node = || Node::with(stack, Limits::default(), Config { base_memory, ..config() });
    let (mut dialer, mut listener) = (node(), node());
    let reserved = |node: &Node| node.manager.system().stats().memory;
    let to = listener.listen(on).await;
    let (here, there) = connect(&mut dialer, &mut listener, &to).await;
    let ((_, mut here), (_, mut there)) = (here.unwrap(), there.unwrap());
    assert_eq!([reserved(&dialer), reserved(&listener)], [connection; 2]);

    let mut outbound = within(poll_fn(|cx| here.poll_outbound_unpin(cx))).await.unwrap();
    within(outbound.write_all(b"hello")).await.unwrap();
    let inbound = poll_fn(|cx| {
        // The muxer sends when it is polled.
        let _ = here.poll_unpin(cx);
        there.poll_inbound_unpin(cx)
    });
    let _inbound = within(inbound).await.unwrap();
    assert_eq!([reserved(&dialer), reserved(&listener)], [connection + stream; 2]);
}

#[tokio::test]
async fn the_base_memory_goes_by_the_transport() {
    reserves(over_tcp, "/ip4/127.0.0.1/tcp/0", 5000, 500).await;
    reserves(over_memory, "/memory/0", 7000, 700).await;
}

#[tokio::test]
async fn an_inbound_connection_is_refused_before_its_handshake() {
    let limits = [
        system(Resource::ConnectionsInbound, 0),
        system(Resource::FileDescriptors, 0),
        system(Resource::Memory, memory(1, 0) - 1),
    ];
    for limits in limits {
        let mut dialer = Node::new(over_tcp, Limits::default());
        let mut listener = Node::new(over_tcp, limits);
        let to = listener.listen("/ip4/127.0.0.1/tcp/0").await;
        let (here, there) = connect(&mut dialer, &mut listener, &to).await;
        assert!(matches!(here, Err(TransportError::Transport(_))));
        assert_eq!(refusal_of(&there).scope(), &ScopeId::System);
        assert!(is_clear(&dialer.manager));
        assert!(is_clear(&listener.manager));
    }
}

#[tokio::test]
async fn a_silent_refusal_gives_no_event() {
    let mut dialer = Node::new(over_tcp, Limits::default());
    let limits = system(Resource::ConnectionsInbound, 1);
    let mut listener = Node::refusing(over_tcp, limits, InboundRefusal::Silent);
    let to = listener.listen("/ip4/127.0.0.1/tcp/0").await;

    let (_here, there) = connect(&mut dialer, &mut listener, &to).await;
    let there = there.unwrap();
    let refused = dialer.dial(&to);
    let events = async {
        drop(listener.incoming().await);
    };
    let outcome = tokio::select! {
        outcome = within(refused) => outcome,
        () = events => panic!("a silent refusal gave an event"),
    };
    assert!(matches!(outcome, Err(TransportError::Transport(_))));

    drop(there);
    let (_here, there) = connect(&mut dialer, &mut listener, &to).await;
    there.expect("there is room again");
}

#[tokio::test]
async fn the_limit_of_a_peer_bites_after_the_handshake() {
    let mut limits = Limits::default();
    limits.peer.connections = Limit::new(1);
    let mut dialer = Node::new(over_tcp, Limits::default());
    let mut listener = Node::new(over_tcp, limits);
    let to = listener.listen("/ip4/127.0.0.1/tcp/0").await;

    let first = connect(&mut dialer, &mut listener, &to).await;
    let (here, there) = connect(&mut dialer, &mut listener, &to).await;
    here.expect("the dialer sees an established connection, then its end");
    assert_eq!(refusal_of(&there).scope(), &peer(&dialer.id));
    assert_eq!(held(&listener.manager), (memory(1, 0), 0, 1, 1));

    drop((first, there));
    assert!(is_clear(&listener.manager));
    assert!(is_clear(&dialer.manager));
}

#[tokio::test]
async fn a_dial_is_refused_without_being_made() {
    let mut dialer = Node::new(over_tcp, system(Resource::ConnectionsOutbound, 1));
    let mut listener = Node::new(over_tcp, Limits::default());
    let to = listener.listen("/ip4/127.0.0.1/tcp/0").await;

    let mut pending = Box::pin(dialer.dial(&to));
    assert!(libp2p::futures::poll!(&mut pending).is_pending());
    assert_eq!(held(&dialer.manager), (memory(1, 0), 0, 1, 1), "a pending dial holds its account");
    let refused = within(dialer.dial(&to)).await;
    assert_eq!(refusal_of(&refused).scope(), &ScopeId::System);

    drop(pending);
    assert!(is_clear(&dialer.manager));
    let (here, _there) = within(join(dialer.dial(&to), async {
        // The connection of the abandoned dial may come first.
        loop {
            if let Ok(connected) = listener.incoming().await.await {
                break connected;
            }
        }
    }))
    .await;
    here.expect("there is room again");
}

#[tokio::test]
async fn addresses_that_are_not_supported_pass_to_the_next_transport() {
    let mut node = Node::new(over_tcp, system(Resource::Connections, 0));
    let address: Multiaddr = "/memory/1".parse().unwrap();
    let opts = DialOpts { role: Endpoint::Dialer, port_use: PortUse::New };
    let dial = node.transport.dial(address.clone(), opts);
    assert!(matches!(dial, Err(CoreError::MultiaddrNotSupported(back)) if back == address));
    let listen = node.transport.listen_on(ListenerId::next(), address);
    assert!(matches!(listen, Err(transport::TransportError::MultiaddrNotSupported(_))));
}

#[tokio::test]
async fn a_stream_outlives_its_connection() {
    let mut dialer = Node::new(over_tcp, Limits::default());
    let mut listener = Node::new(over_tcp, Limits::default());
    let to = listener.listen("/ip4/127.0.0.1/tcp/0").await;
    let (here, _there) = connect(&mut dialer, &mut listener, &to).await;
    let (_, mut muxer) = here.unwrap();
    let stream = within(poll_fn(|cx| muxer.poll_outbound_unpin(cx))).await.unwrap();
    assert_eq!(held(&dialer.manager), (memory(1, 1), 1, 1, 1));
    drop(muxer);
    assert_eq!(held(&dialer.manager), (memory(0, 1), 1, 0, 0));
    drop(stream);
    assert!(is_clear(&dialer.manager));
}

#[tokio::test]
async fn a_refused_outbound_stream_fails_by_itself() {
    let mut dialer = Node::new(over_tcp, system(Resource::StreamsOutbound, 1));
    let mut listener = Node::new(over_tcp, Limits::default());
    let to = listener.listen("/ip4/127.0.0.1/tcp/0").await;
    let (here, _there) = connect(&mut dialer, &mut listener, &to).await;
    let (_, mut muxer) = here.unwrap();

    let first = within(poll_fn(|cx| muxer.poll_outbound_unpin(cx))).await.unwrap();
    let mut refused = within(poll_fn(|cx| muxer.poll_outbound_unpin(cx))).await.unwrap();
    assert_eq!(held(&dialer.manager), (memory(1, 1), 1, 1, 1));
    let errors = [
        refused.read(&mut [0]).await.unwrap_err(),
        refused.write(&[0]).await.unwrap_err(),
        refused.flush().await.unwrap_err(),
        refused.close().await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), std::io::ErrorKind::QuotaExceeded);
        assert_eq!(find_refusal(&error).map(Error::scope), Some(&ScopeId::System));
    }

    drop(first);
    let mut later = within(poll_fn(|cx| muxer.poll_outbound_unpin(cx))).await.unwrap();
    within(later.write_all(b"there is room again")).await.unwrap();
}
