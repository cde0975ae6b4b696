//! Many protocols at once over each transport: every stream is attributed to its own, every
//! descriptor counted, and nothing is left when the nodes are gone.

// Helpers outside of test functions fail the test just as well.
#![allow(clippy::unwrap_used)]

mod common;

use common::{
    config, echo, held, is_clear, memory,
    node::{self, Stack},
    over_memory, over_tcp,
    stacks::{over_circuits, over_quic, over_tls, over_websocket},
    until, until_equal, within,
};
use libp2p::{
    Multiaddr, PeerId, Stream, StreamProtocol,
    core::upgrade::Version,
    futures::{AsyncReadExt, AsyncWriteExt, StreamExt},
    gossipsub, identify,
    identity::Keypair,
    kad::{self, store::RecordStore},
    multiaddr::Protocol,
    ping, relay, request_response,
    swarm::{NetworkBehaviour, SwarmEvent, behaviour::toggle::Toggle},
};
use rcmgr_core::{Amount, Limits, Name, PeerKey, Resource, ResourceManager};

const FILES: &str = "/files/1";
const GOSSIP: &str = "/meshsub/1.3.0";
const IDENTIFY: &str = "/ipfs/id/1.0.0";
const KAD: &str = "/ipfs/kad/1.0.0";
const PING: &str = "/ipfs/ping/1.0.0";
const TOPIC: &str = "news";

#[derive(NetworkBehaviour)]
struct Behaviour {
    ping: ping::Behaviour,
    identify: identify::Behaviour,
    requests: echo::Behaviour,
    kad: kad::Behaviour<kad::store::MemoryStore>,
    gossipsub: gossipsub::Behaviour,
    streams: libp2p_stream::Behaviour,
    relay: Toggle<relay::Behaviour>,
    circuits: Toggle<relay::client::Behaviour>,
}

type Node = node::Node<Behaviour>;

fn behaviour(key: &Keypair) -> Behaviour {
    let id = key.public().to_peer_id();
    let protocols =
        [(StreamProtocol::new(echo::PROTOCOL), request_response::ProtocolSupport::Full)];
    let mut kad = kad::Behaviour::new(id, kad::store::MemoryStore::new(id));
    kad.set_mode(Some(kad::Mode::Server));
    let signed = gossipsub::MessageAuthenticity::Signed(key.clone());
    Behaviour {
        ping: ping::Behaviour::default(),
        identify: identify::Behaviour::new(identify::Config::new("/1".into(), key.public())),
        requests: echo::Behaviour::new(protocols, request_response::Config::default()),
        kad,
        gossipsub: gossipsub::Behaviour::new(signed, gossipsub::Config::default()).unwrap(),
        streams: libp2p_stream::Behaviour::new(),
        relay: None.into(),
        circuits: None.into(),
    }
}

fn start(node: impl FnOnce(&Keypair) -> (Stack, Behaviour)) -> Node {
    Node::start(Limits::default(), config(), Version::V1, node)
}

/// Waits for what a behaviour tells.
macro_rules! told {
    ($node:expr, $told:pat => $found:expr) => {
        $node
            .event(|event| match event {
                SwarmEvent::Behaviour($told) => $found,
                _ => None,
            })
            .await
    };
}

/// Makes both ends of a connection use every protocol once.
///
/// Gives the ends of a stream that is still open. So are those of ping and gossipsub, both of
/// which each end has opened for itself.
async fn use_every_protocol(here: &mut Node, there: &mut Node, to: &Multiaddr) -> [Stream; 2] {
    let (from, peer) = (here.id, there.id);
    for (node, other) in [(&mut *here, peer), (&mut *there, from)] {
        told!(node, BehaviourEvent::Ping(ping::Event { peer, result: Ok(_), .. }) =>
            (*peer == other).then_some(()));
        told!(node, BehaviourEvent::Identify(identify::Event::Received { peer_id, .. }) =>
            (*peer_id == other).then_some(()));
    }

    here.act(move |swarm| swarm.behaviour_mut().requests.send_request(&peer, b"hello".into()))
        .await;
    let event = there.take(is_request).await;
    let SwarmEvent::Behaviour(BehaviourEvent::Requests(echo::Event::Message {
        message: request_response::Message::Request { request, channel, .. },
        ..
    })) = event
    else {
        unreachable!("it is a request");
    };
    assert_eq!(request, b"hello");
    there
        .act(|swarm| swarm.behaviour_mut().requests.send_response(channel, b"hello too".into()))
        .await
        .unwrap();
    let response = told!(here, BehaviourEvent::Requests(echo::Event::Message {
        message: request_response::Message::Response { response, .. }, ..
    }) => Some(response.clone()));
    assert_eq!(response, b"hello too");

    let key = kad::RecordKey::new(b"key");
    let record = kad::Record::new(key.clone(), b"value".into());
    there.act(|swarm| swarm.behaviour_mut().kad.store_mut().put(record)).await.unwrap();
    let to = to.clone();
    here.act(move |swarm| {
        swarm.behaviour_mut().kad.add_address(&peer, to);
        swarm.behaviour_mut().kad.get_record(key)
    })
    .await;
    let found = told!(here, BehaviourEvent::Kad(kad::Event::OutboundQueryProgressed {
        result: kad::QueryResult::GetRecord(Ok(kad::GetRecordOk::FoundRecord(found))), ..
    }) => Some(found.clone()));
    assert_eq!((found.peer, &found.record.value[..]), (Some(peer), &b"value"[..]));

    subscribe(here).await;
    subscribe(there).await;
    told!(here, BehaviourEvent::Gossipsub(gossipsub::Event::Subscribed { peer_id, .. }) =>
        (*peer_id == peer).then_some(()));
    here.act(|swarm| {
        swarm.behaviour_mut().gossipsub.publish(gossipsub::IdentTopic::new(TOPIC), b"news")
    })
    .await
    .unwrap();
    let message = told!(there, BehaviourEvent::Gossipsub(gossipsub::Event::Message {
        message, ..
    }) => Some(message.clone()));
    assert_eq!((message.source, &message.data[..]), (Some(from), &b"news"[..]));

    let mut incoming = there
        .act(|swarm| swarm.behaviour().streams.new_control().accept(StreamProtocol::new(FILES)))
        .await
        .unwrap();
    let mut control = here.act(|swarm| swarm.behaviour().streams.new_control()).await;
    let mut outbound = within(control.open_stream(peer, StreamProtocol::new(FILES))).await.unwrap();
    let (_, mut inbound) = within(incoming.next()).await.unwrap();
    let mut heard = [0; 5];
    within(outbound.write_all(b"hello")).await.unwrap();
    within(outbound.flush()).await.unwrap();
    within(inbound.read_exact(&mut heard)).await.unwrap();
    within(inbound.write_all(&heard)).await.unwrap();
    within(inbound.flush()).await.unwrap();
    within(outbound.read_exact(&mut heard)).await.unwrap();
    assert_eq!(&heard, b"hello");

    for node in [here, there] {
        let spoken = node.manager.stats().protocols;
        for protocol in [PING, IDENTIFY, echo::PROTOCOL, KAD, GOSSIP, FILES] {
            assert!(spoken.contains_key(protocol), "streams of {protocol} were attributed");
        }
    }
    [outbound, inbound]
}

async fn subscribe(node: &Node) {
    let topic = gossipsub::IdentTopic::new(TOPIC);
    node.act(move |swarm| swarm.behaviour_mut().gossipsub.subscribe(&topic)).await.unwrap();
}

fn is_request(event: &node::Event<Behaviour>) -> bool {
    matches!(
        event,
        SwarmEvent::Behaviour(BehaviourEvent::Requests(echo::Event::Message {
            message: request_response::Message::Request { .. },
            ..
        }))
    )
}

/// The streams of a peer and a protocol that stay open: how many are inbound and outbound.
type Open = (PeerId, &'static str, [u32; 2]);

/// Those that a node has with a peer which has used every protocol with it.
fn with(peer: PeerId, files: [u32; 2]) -> Vec<Open> {
    vec![(peer, PING, [1, 1]), (peer, GOSSIP, [1, 1]), (peer, FILES, files)]
}

/// The streams of every peer and protocol that have any, sorted.
fn in_use(manager: &ResourceManager) -> Vec<(PeerId, Name, [u32; 2])> {
    let of_scope = |((peer, protocol), held): ((PeerKey, Name), Amount)| {
        let peer = PeerId::from_bytes(&peer).expect("it is the key of a peer");
        let streams = [held.streams_inbound, held.streams_outbound];
        (streams != [0, 0]).then_some((peer, protocol, streams))
    };
    manager.stats().peer_protocols.into_iter().filter_map(of_scope).collect()
}

/// Waits until a node has so many connections and descriptors, and these streams, all of them
/// attributed.
async fn holds(manager: &ResourceManager, [connections, descriptors]: [u64; 2], open: &[Open]) {
    let open = open.iter().filter(|(_, _, streams)| *streams != [0, 0]);
    let mut open: Vec<_> =
        open.map(|(peer, protocol, streams)| (*peer, Name::from(*protocol), *streams)).collect();
    open.sort();
    let streams = open.iter().flat_map(|(_, _, streams)| streams).sum::<u32>().into();
    let all = (memory(connections, streams), streams, connections, descriptors);
    until_equal(|| (in_use(manager), held(manager)), (open, all)).await;

    let used = manager.stats();
    assert!(used.transient.is_zero(), "a stream has no protocol: {used:#?}");
    for (protocol, whole) in &used.protocols {
        let of_peers = used.peer_protocols.iter().filter(|((_, name), _)| name == protocol);
        assert_adds_up(of_peers.map(|(_, held)| held), whole);
    }
    assert_adds_up(used.peers.values(), &used.system);
}

fn assert_adds_up<'a>(parts: impl Iterator<Item = &'a Amount> + Clone, whole: &Amount) {
    for resource in Resource::ALL {
        let sum: u64 = parts.clone().map(|part| part.get(resource)).sum();
        assert_eq!(sum, whole.get(resource), "{resource}");
    }
}

async fn end(nodes: impl IntoIterator<Item = Node>) {
    for node in nodes {
        let manager = node.stop().await;
        until(|| is_clear(&manager)).await;
    }
}

async fn attributed_over(stack: fn(&Keypair) -> Stack, on: &str, descriptors: u64) {
    let [mut here, mut there] = [(); 2].map(|()| start(|key| (stack(key), behaviour(key))));
    let to = there.listen(on).await;
    here.connect(there.id, &to).await;
    let open = use_every_protocol(&mut here, &mut there, &to).await;
    holds(&here.manager, [1, descriptors], &with(there.id, [0, 1])).await;
    holds(&there.manager, [1, descriptors], &with(here.id, [1, 0])).await;

    drop(open);
    holds(&here.manager, [1, descriptors], &with(there.id, [0, 0])).await;
    holds(&there.manager, [1, descriptors], &with(here.id, [0, 0])).await;
    end([here, there]).await;
}

#[tokio::test]
async fn every_protocol_is_attributed_over_tcp_with_noise() {
    attributed_over(over_tcp, "/ip4/127.0.0.1/tcp/0", 1).await;
}

#[tokio::test]
async fn every_protocol_is_attributed_over_tcp_with_tls() {
    attributed_over(over_tls, "/ip4/127.0.0.1/tcp/0", 1).await;
}

#[tokio::test]
async fn every_protocol_is_attributed_over_quic() {
    attributed_over(over_quic, "/ip4/127.0.0.1/udp/0/quic-v1", 0).await;
}

#[tokio::test]
async fn every_protocol_is_attributed_over_websocket() {
    attributed_over(over_websocket, "/ip4/127.0.0.1/tcp/0/ws", 1).await;
}

#[tokio::test]
async fn every_protocol_is_attributed_over_memory() {
    attributed_over(over_memory, "/memory/0", 0).await;
}

fn with_circuits(key: &Keypair) -> (Stack, Behaviour) {
    let (stack, circuits) = over_circuits(key);
    (stack, Behaviour { circuits: Some(circuits).into(), ..behaviour(key) })
}

fn relaying(key: &Keypair) -> (Stack, Behaviour) {
    let relay = relay::Behaviour::new(key.public().to_peer_id(), relay::Config::default());
    (over_tcp(key), Behaviour { relay: Some(relay).into(), ..behaviour(key) })
}

/// The streams between a relay and an end of a circuit.
fn with_relay(peer: PeerId, protocol: &'static str, streams: [u32; 2]) -> Vec<Open> {
    vec![(peer, PING, [1, 1]), (peer, GOSSIP, [1, 1]), (peer, protocol, streams)]
}

#[tokio::test]
async fn every_protocol_is_attributed_over_a_circuit() {
    let mut relay = start(relaying);
    subscribe(&relay).await;
    let [mut here, mut there] = [(); 2].map(|()| start(with_circuits));
    let address = relay.listen("/ip4/127.0.0.1/tcp/0").await;
    let external = address.clone();
    relay.act(move |swarm| swarm.add_external_address(external)).await;
    let through = address.with(Protocol::P2p(relay.id)).with(Protocol::P2pCircuit);
    let to = there.listen(&through.to_string()).await;
    here.connect(there.id, &to).await;
    let open = use_every_protocol(&mut here, &mut there, &to).await;

    let (hop, stop) = ("/libp2p/circuit/relay/0.2.0/hop", "/libp2p/circuit/relay/0.2.0/stop");
    let streams = [with(there.id, [0, 1]), with_relay(relay.id, hop, [0, 1])].concat();
    holds(&here.manager, [2, 1], &streams).await;
    let streams = [with(here.id, [1, 0]), with_relay(relay.id, stop, [1, 0])].concat();
    holds(&there.manager, [2, 1], &streams).await;
    let streams = [with_relay(here.id, hop, [1, 0]), with_relay(there.id, stop, [0, 1])].concat();
    holds(&relay.manager, [2, 2], &streams).await;

    drop(open);
    end([here, there, relay]).await;
}
