//! What refuses connections and the streams of a peer, and what each side sees of it, over TCP and
//! where QUIC differs.
//!
//! What becomes of the requests of an application when streams, protocols and services are
//! refused is shown in `swarm.rs`.

// Helpers outside of test functions fail the test just as well.
#![allow(clippy::unwrap_used)]

mod common;

use std::net::TcpStream;

use common::{
    config, held, is_clear, memory,
    node::{self, Stack},
    over_tcp, peer,
    stacks::over_quic,
    system, until, until_equal, within,
};
use libp2p::{
    Multiaddr, PeerId, Stream, StreamProtocol,
    core::upgrade::Version,
    futures::{AsyncReadExt, AsyncWriteExt, StreamExt},
    identity::Keypair,
    multiaddr::Protocol,
    swarm::{ConnectionId, SwarmEvent},
};
use libp2p_stream::{Behaviour, Control, IncomingStreams, OpenStreamError};
use rcmgr_core::{
    AllowlistEntry, ConnectionRates, Error, IpLimits, Limit, Limits, Rate, RateRule, Resource,
    ScopeId, ScopeLimit, ipnet::IpNet,
};
use rcmgr_libp2p::{Config, InboundRefusal, find_refusal};

const PROTOCOL: StreamProtocol = StreamProtocol::new("/files/1");

type Node = node::Node<Behaviour>;

#[derive(Clone, Copy)]
struct Over {
    stack: fn(&Keypair) -> Stack,
    listen: &'static str,
    descriptors: u64,
}

const TCP: Over = Over { stack: over_tcp, listen: "/ip4/127.0.0.1/tcp/0", descriptors: 1 };
const QUIC: Over =
    Over { stack: over_quic, listen: "/ip4/127.0.0.1/udp/0/quic-v1", descriptors: 0 };

impl Over {
    fn start(self, limits: Limits) -> Node {
        self.start_with(limits, Version::V1)
    }

    fn start_with(self, limits: Limits, version: Version) -> Node {
        let config = Config { inbound_refusal: InboundRefusal::Event, ..config() };
        Node::start(limits, config, version, |key| ((self.stack)(key), Behaviour::new()))
    }
}

/// The refusal that an attempt to connect ended with, if it was this node that refused.
async fn ended(node: &mut Node) -> Option<Error> {
    node.event(|event| match event {
        SwarmEvent::IncomingConnectionError { error, .. } => Some(find_refusal(error).cloned()),
        SwarmEvent::OutgoingConnectionError { error, .. } => Some(find_refusal(error).cloned()),
        _ => None,
    })
    .await
}

/// Waits until a connection that the other side refused is over, and says whether it was
/// established before.
async fn refused_there(here: &mut Node) -> bool {
    here.event(|event| match event {
        SwarmEvent::OutgoingConnectionError { error, .. } => {
            assert_eq!(find_refusal(error), None, "it was the other side that refused");
            Some(false)
        }
        SwarmEvent::ConnectionClosed { .. } => Some(true),
        _ => None,
    })
    .await
}

async fn opened(node: &mut Node) -> ConnectionId {
    node.event(|event| match event {
        SwarmEvent::ConnectionEstablished { connection_id, .. } => Some(*connection_id),
        _ => None,
    })
    .await
}

async fn connect(here: &mut Node, there: &mut Node, to: &Multiaddr) -> ConnectionId {
    here.dial(there.id, to).await;
    opened(there).await;
    opened(here).await
}

async fn end(nodes: impl IntoIterator<Item = Node>) {
    for node in nodes {
        let manager = node.stop().await;
        until(|| is_clear(&manager)).await;
    }
}

fn loopback() -> IpNet {
    "127.0.0.1/32".parse().unwrap()
}

/// One connection for each address, of this machine or not.
fn one_for_each_address() -> Limits {
    let subnets_v4 = [(32, Limit::new(1))].into();
    Limits { ip: IpLimits { subnets_v4, ..IpLimits::unlimited() }, ..Limits::default() }
}

/// One connection from each address, of this machine or not, and no other for a long time.
fn one_at_once() -> Limits {
    let subnets_v4 = [(32, Rate::new(1e-6, 1).unwrap())].into();
    let rates = ConnectionRates { subnets_v4, ..ConnectionRates::unlimited() };
    Limits { rates, ..Limits::default() }
}

/// Limits under which a node has no room for a second connection, and who says so.
fn room_for_one(over: Over) -> Vec<(Limits, ScopeId, Resource)> {
    let of_system = |resource, limit| (system(resource, limit), ScopeId::System, resource);
    let mut all = vec![
        of_system(Resource::ConnectionsInbound, 1),
        of_system(Resource::Connections, 1),
        of_system(Resource::Memory, memory(2, 0) - 1),
        (one_for_each_address(), ScopeId::Network(loopback()), Resource::Connections),
    ];
    if over.descriptors > 0 {
        all.push(of_system(Resource::FileDescriptors, 1));
    }
    all
}

async fn accept(node: &Node) -> IncomingStreams {
    node.act(|swarm| swarm.behaviour().new_control().accept(PROTOCOL)).await.unwrap()
}

async fn control(node: &Node) -> Control {
    node.act(|swarm| swarm.behaviour().new_control()).await
}

async fn open(node: &Node, peer: PeerId) -> Result<Stream, OpenStreamError> {
    let mut control = control(node).await;
    within(control.open_stream(peer, PROTOCOL)).await
}

/// A stream that carries bytes both ways.
async fn exchange(here: &Node, peer: PeerId, incoming: &mut IncomingStreams) -> [Stream; 2] {
    let mut outbound = open(here, peer).await.unwrap();
    within(outbound.write_all(b"hello")).await.unwrap();
    within(outbound.flush()).await.unwrap();
    let (_, mut inbound) = within(incoming.next()).await.unwrap();
    let mut heard = [0; 5];
    within(inbound.read_exact(&mut heard)).await.unwrap();
    within(inbound.write_all(&heard)).await.unwrap();
    within(inbound.flush()).await.unwrap();
    within(outbound.read_exact(&mut heard)).await.unwrap();
    assert_eq!(&heard, b"hello");
    [outbound, inbound]
}

/// Both ends of the only connection work.
async fn assert_undisturbed(here: &Node, there: &Node) {
    until_equal(|| [here, there].map(|node| held(&node.manager).2), [1, 1]).await;
    let mut incoming = accept(there).await;
    exchange(here, there.id, &mut incoming).await;
}

#[tokio::test]
async fn a_connection_is_refused_before_its_handshake() {
    for over in [TCP, QUIC] {
        for (limits, scope, resource) in room_for_one(over) {
            let [mut here, mut there] =
                [Limits::default(), limits].map(|limits| over.start(limits));
            let to = there.listen(over.listen).await;
            let first = connect(&mut here, &mut there, &to).await;

            here.dial(there.id, &to).await;
            let refused = ended(&mut there).await;
            let refusal = refused.as_ref().and_then(Error::refusal).unwrap();
            assert_eq!((&refusal.scope, refusal.resource), (&scope, resource));
            let established = refused_there(&mut here).await;
            // Who dials over QUIC may have finished the handshake before it hears of the end.
            assert!(!established || over.descriptors == 0);
            assert_undisturbed(&here, &there).await;

            here.act(move |swarm| swarm.close_connection(first)).await;
            until(|| is_clear(&there.manager)).await;
            connect(&mut here, &mut there, &to).await;
            end([here, there]).await;
        }
    }
}

#[tokio::test]
async fn a_dial_is_refused_and_says_so_at_once() {
    for over in [TCP, QUIC] {
        let limits = system(Resource::ConnectionsOutbound, 0);
        let [mut here, mut there] = [limits, Limits::default()].map(|limits| over.start(limits));
        let to = there.listen(over.listen).await;
        here.dial(there.id, &to).await;
        let refused = ended(&mut here).await;
        let refusal = refused.as_ref().and_then(Error::refusal).unwrap();
        assert_eq!(refusal.scope, ScopeId::System);
        assert_eq!(refusal.resource, Resource::ConnectionsOutbound);

        here.manager.set_limits(Limits::default());
        connect(&mut here, &mut there, &to).await;
        let comes = |event: &_| matches!(event, SwarmEvent::IncomingConnection { .. });
        there.take(comes).await;
        assert!(!there.has_seen(comes), "the refused dial was made");
        end([here, there]).await;
    }
}

#[tokio::test]
async fn connections_are_refused_that_come_too_fast() {
    for over in [TCP, QUIC] {
        let [mut here, mut there] =
            [Limits::default(), one_at_once()].map(|limits| over.start(limits));
        let to = there.listen(over.listen).await;
        connect(&mut here, &mut there, &to).await;

        here.dial(there.id, &to).await;
        let refused = ended(&mut there).await;
        let Some(Error::RateLimited(limited)) = refused else { panic!("{refused:?}") };
        assert_eq!(limited.rule, RateRule::Network(loopback()));
        assert!(!limited.retry_after.is_zero());
        refused_there(&mut here).await;
        assert_undisturbed(&here, &there).await;

        there.manager.set_limits(Limits::default());
        connect(&mut here, &mut there, &to).await;
        end([here, there]).await;
    }
}

#[tokio::test]
async fn slow_handshakes_take_the_room_of_handshakes_only() {
    const ROOM: u32 = 2;
    let mut limits = Limits::default();
    limits.transient.connections_inbound = ROOM.into();
    let [mut here, mut there] = [Limits::default(), limits].map(|limits| TCP.start(limits));
    let to = there.listen(TCP.listen).await;
    connect(&mut here, &mut there, &to).await;

    let parts: Vec<_> = to.iter().collect();
    let [Protocol::Ip4(ip), Protocol::Tcp(port)] = parts[..] else { panic!("{to}") };
    let mut silent = Vec::new();
    for count in 1..=ROOM {
        silent.push(TcpStream::connect((ip, port)).unwrap());
        until_equal(|| there.manager.transient().stats().connections_inbound, count).await;
    }
    here.dial(there.id, &to).await;
    let refused = ended(&mut there).await;
    let refusal = refused.as_ref().and_then(Error::refusal).unwrap();
    assert_eq!(refusal.scope, ScopeId::Transient);
    assert_eq!(refusal.resource, Resource::ConnectionsInbound);
    assert!(!refused_there(&mut here).await);
    let mut incoming = accept(&there).await;
    drop(exchange(&here, there.id, &mut incoming).await);

    silent.pop();
    assert_eq!(ended(&mut there).await, None, "the handshake has failed");
    connect(&mut here, &mut there, &to).await;
    end([here, there]).await;
}

#[tokio::test]
async fn a_connection_that_its_peer_has_no_room_for_is_closed_after_its_handshake() {
    let mut limits = Limits::default();
    limits.peer.connections = Limit::new(1);
    for over in [TCP, QUIC] {
        for refuses_here in [true, false] {
            let [mut here, mut there] = [refuses_here, !refuses_here]
                .map(|refuses| if refuses { limits.clone() } else { Limits::default() })
                .map(|limits| over.start(limits));
            let to = there.listen(over.listen).await;
            connect(&mut here, &mut there, &to).await;

            here.dial(there.id, &to).await;
            let [node, other] =
                if refuses_here { [&mut here, &mut there] } else { [&mut there, &mut here] };
            let refused = ended(node).await;
            assert_eq!(refused.as_ref().map(Error::scope), Some(&peer(&other.id)));
            // It is a connection for the other side, until it hears of its end.
            if !refuses_here {
                opened(other).await;
                assert!(refused_there(other).await);
            }
            assert_undisturbed(&here, &there).await;

            for node in [&here, &there] {
                node.manager.set_limits(Limits::default());
            }
            connect(&mut here, &mut there, &to).await;
            end([here, there]).await;
        }
    }
}

#[tokio::test]
async fn who_is_on_the_allowlist_is_let_past_full_scopes() {
    for over in [TCP, QUIC] {
        let full = system(Resource::ConnectionsInbound, 0);
        let [mut here, mut stranger, mut there] =
            [Limits::default(), Limits::default(), full].map(|limits| over.start(limits));
        let to = there.listen(over.listen).await;
        let friend = AllowlistEntry::peer(&here.id.to_bytes(), loopback());
        assert!(there.manager.allow(&friend));

        connect(&mut here, &mut there, &to).await;
        let used = there.manager.stats();
        assert_eq!(used.allowlisted_system.connections_inbound, 1);
        assert_eq!(used.peers[&here.id.to_bytes()[..]].connections_inbound, 1);
        assert_eq!(used.system.connections_inbound, 0);
        let mut incoming = accept(&there).await;
        let open = exchange(&here, there.id, &mut incoming).await;
        assert_eq!(there.manager.stats().system.streams_inbound, 1, "streams have no twin");
        drop(open);

        // Who it is shows after the handshake.
        stranger.dial(there.id, &to).await;
        opened(&mut stranger).await;
        let refused = ended(&mut there).await;
        assert_eq!(refused.as_ref().map(Error::scope), Some(&ScopeId::System));
        assert!(refused_there(&mut stranger).await);

        assert!(there.manager.disallow(&friend));
        here.dial(there.id, &to).await;
        let refused = ended(&mut there).await;
        assert_eq!(refused.as_ref().map(Error::scope), Some(&ScopeId::System));
        refused_there(&mut here).await;
        end([here, stranger, there]).await;
    }
}

#[tokio::test]
async fn the_streams_of_a_peer_are_limited_apart_from_those_of_others() {
    let mut inbound = Limits::default();
    inbound.peer.streams_inbound = Limit::new(1);
    let mut reserved = Limits::default();
    reserved.peer.memory = Limit::new(memory(1, 2) - 1);
    for over in [TCP, QUIC] {
        for limits in [&inbound, &reserved] {
            let [mut here, mut other, mut there] =
                [Limits::default(), Limits::default(), limits.clone()]
                    .map(|limits| over.start(limits));
            let to = there.listen(over.listen).await;
            let mut incoming = accept(&there).await;
            connect(&mut here, &mut there, &to).await;
            connect(&mut other, &mut there, &to).await;

            let first = exchange(&here, there.id, &mut incoming).await;
            let refused = open(&here, there.id).await;
            assert!(matches!(refused, Err(OpenStreamError::UnsupportedProtocol(_))));
            exchange(&other, there.id, &mut incoming).await;
            drop(first);
            until_equal(|| held(&there.manager).1, 0).await;
            exchange(&here, there.id, &mut incoming).await;
            end([here, other, there]).await;
        }

        // One that is refused here says so.
        let mut outbound = Limits::default();
        outbound.peer.streams_outbound = Limit::new(0);
        let [mut here, mut there] = [outbound, Limits::default()].map(|limits| over.start(limits));
        let to = there.listen(over.listen).await;
        connect(&mut here, &mut there, &to).await;
        let refused = open(&here, there.id).await;
        let Err(OpenStreamError::Io(error)) = refused else { panic!("{refused:?}") };
        assert_eq!(find_refusal(&error).map(Error::scope), Some(&peer(&there.id)));
        end([here, there]).await;
    }
}

#[tokio::test]
async fn a_stream_ends_after_the_agreement_when_its_protocol_has_no_room() {
    let mut limits = Limits::default();
    limits.protocols.insert(PROTOCOL.as_ref().into(), ScopeLimit::BLOCK_ALL);
    for over in [TCP, QUIC] {
        for version in [Version::V1, Version::V1Lazy] {
            let [mut here, mut there] =
                [Limits::default(), limits.clone()].map(|limits| over.start_with(limits, version));
            let to = there.listen(over.listen).await;
            let mut incoming = accept(&there).await;
            connect(&mut here, &mut there, &to).await;

            let mut outbound = open(&here, there.id).await.unwrap();
            within(outbound.write_all(b"hello")).await.unwrap();
            within(outbound.flush()).await.unwrap();
            let (_, mut inbound) = within(incoming.next()).await.unwrap();
            let error = within(inbound.read(&mut [0; 5])).await.unwrap_err();
            let by = ScopeId::Protocol(PROTOCOL.as_ref().into());
            assert_eq!(find_refusal(&error).map(Error::scope), Some(&by));
            // Neither yamux nor QUIC tells it from a stream that was closed.
            assert_eq!(within(outbound.read(&mut [0; 5])).await.unwrap(), 0);

            there.manager.set_limits(Limits::default());
            exchange(&here, there.id, &mut incoming).await;
            drop((outbound, inbound));
            end([here, there]).await;
        }
    }
}
