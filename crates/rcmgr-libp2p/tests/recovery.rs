//! Ping and gossipsub while there is no room for their streams, and once there is room again.

// Helpers outside of test functions fail the test just as well.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::{Duration, Instant};

use common::{config, is_clear, node, over_tcp, system, until};
use libp2p::{
    PeerId,
    core::{upgrade::DeniedUpgrade, upgrade::Version},
    gossipsub,
    identity::Keypair,
    ping,
    swarm::{NetworkBehaviour, SubstreamProtocol, SwarmEvent},
};
use rcmgr_core::{Limit, Limits, Resource, ScopeLimit};
use rcmgr_libp2p::{Config, StreamWait, find_refusal};

const ADDRESS: &str = "/ip4/127.0.0.1/tcp/0";
const GOSSIP: &str = "/meshsub/1.3.0";
const PING: &str = "/ipfs/ping/1.0.0";
const PING_INTERVAL: Duration = Duration::from_millis(100);
const TOPIC: &str = "news";

#[derive(NetworkBehaviour)]
struct Behaviour {
    ping: ping::Behaviour,
    gossipsub: gossipsub::Behaviour,
}

type Node = node::Node<Behaviour>;
type Event = node::Event<Behaviour>;

fn behaviour(key: &Keypair) -> Behaviour {
    let signed = gossipsub::MessageAuthenticity::Signed(key.clone());
    Behaviour {
        ping: ping::Behaviour::new(ping::Config::new().with_interval(PING_INTERVAL)),
        gossipsub: gossipsub::Behaviour::new(signed, gossipsub::Config::default()).unwrap(),
    }
}

fn start(limits: Limits, stream_wait: StreamWait) -> Node {
    let config = Config { stream_wait, ..config() };
    Node::start(limits, config, Version::V1, |key| (over_tcp(key), behaviour(key)))
}

/// Two nodes, under these limits and with a connection.
async fn connected(limits: [Limits; 2], wait: StreamWait) -> [Node; 2] {
    let [mut here, mut there] = limits.map(|limits| start(limits, wait));
    let to = there.listen(ADDRESS).await;
    here.connect(there.id, &to).await;
    [here, there]
}

fn is_closed(event: &Event) -> bool {
    matches!(event, SwarmEvent::ConnectionClosed { .. })
}

/// Ends the nodes, whose connections have stayed, and whereupon nothing may be held.
async fn end(nodes: impl IntoIterator<Item = Node>) {
    let mut nodes = Vec::from_iter(nodes);
    for node in &mut nodes {
        assert!(!node.has_seen(is_closed), "a connection was lost");
    }
    for node in nodes {
        let manager = node.stop().await;
        until(|| is_clear(&manager)).await;
    }
}

/// Limits under which there is no room for streams, here or at the other side.
fn without_room() -> Vec<[Limits; 2]> {
    let mut peer = Limits::default();
    peer.peer.streams_inbound = Limit::BLOCK_ALL;
    vec![
        [system(Resource::StreamsOutbound, 0), Limits::default()],
        [Limits::default(), system(Resource::StreamsInbound, 0)],
        [Limits::default(), peer],
    ]
}

fn without_room_for(protocol: &str) -> [[Limits; 2]; 2] {
    let limits = |resource| {
        let mut limits = Limits::default();
        let none = ScopeLimit::UNLIMITED.with(resource, Limit::BLOCK_ALL);
        limits.protocols.insert(protocol.into(), none);
        limits
    };
    [
        [limits(Resource::StreamsOutbound), Limits::default()],
        [Limits::default(), limits(Resource::StreamsInbound)],
    ]
}

fn make_room<'a>(nodes: impl IntoIterator<Item = &'a Node>) {
    for node in nodes {
        node.manager.set_limits(Limits::default());
    }
}

fn ping(event: &Event) -> Option<Result<(), &ping::Failure>> {
    match event {
        SwarmEvent::Behaviour(BehaviourEvent::Ping(ping)) => Some(ping.result.as_ref().map(drop)),
        _ => None,
    }
}

async fn pinged(node: &mut Node) {
    node.event(|event| ping(event)?.ok()).await;
}

async fn subscribe(node: &Node) {
    let topic = gossipsub::IdentTopic::new(TOPIC);
    node.act(move |swarm| swarm.behaviour_mut().gossipsub.subscribe(&topic)).await.unwrap();
}

/// Waits until a node has heard of the subscription of another.
async fn subscribed(node: &mut Node, other: PeerId) {
    node.event(|event| match event {
        SwarmEvent::Behaviour(BehaviourEvent::Gossipsub(gossipsub::Event::Subscribed {
            peer_id,
            ..
        })) => (*peer_id == other).then_some(()),
        _ => None,
    })
    .await;
}

/// A message of one node reaches the other.
async fn gossips(from: &Node, to: &mut Node, text: &'static str) {
    from.act(move |swarm| {
        swarm.behaviour_mut().gossipsub.publish(gossipsub::IdentTopic::new(TOPIC), text)
    })
    .await
    .unwrap();
    to.event(|event| match event {
        SwarmEvent::Behaviour(BehaviourEvent::Gossipsub(gossipsub::Event::Message {
            message,
            ..
        })) => (message.data == text.as_bytes()).then_some(()),
        _ => None,
    })
    .await;
}

/// Ping and gossip both ways, after `blocked` without room for the streams of the first node.
async fn recovers(limits: [Limits; 2], wait: StreamWait, blocked: Duration) {
    let [mut here, mut there] = connected(limits, wait).await;
    subscribe(&here).await;
    subscribe(&there).await;
    subscribed(&mut here, there.id).await;
    pinged(&mut there).await;
    tokio::time::sleep(blocked).await;
    pinged(&mut there).await;
    assert!(!here.has_seen(|event| ping(event).is_some_and(|ping| ping.is_ok())));

    make_room([&here, &there]);
    pinged(&mut here).await;
    subscribed(&mut there, here.id).await;
    gossips(&here, &mut there, "from here").await;
    gossips(&there, &mut here, "from there").await;
    end([here, there]).await;
}

#[tokio::test]
async fn ping_and_gossip_wait_for_room() {
    for limits in without_room() {
        recovers(limits, StreamWait::default(), Duration::ZERO).await;
    }
}

#[tokio::test]
async fn ping_and_gossip_outlive_a_wait_of_the_other_side_that_is_longer_than_theirs() {
    let timeout = *SubstreamProtocol::new(DeniedUpgrade, ()).timeout();
    let limits = [Limits::default(), system(Resource::StreamsInbound, 0)];
    recovers(limits, StreamWait::default(), timeout + Duration::from_secs(1)).await;
}

/// Waits for failures of ping, which come at least `apart`, and then for it to succeed.
async fn ping_fails_and_recovers(limits: [Limits; 2], wait: StreamWait, apart: Duration) {
    const FAILURES: u32 = 5;
    let refused_here = limits[1] == Limits::default();
    let begun = Instant::now();
    let [mut here, there] = connected(limits, wait).await;
    for _ in 0..FAILURES {
        let refused = here
            .event(|event| match ping(event)?.expect_err("there is no room") {
                ping::Failure::Other { error } => Some(find_refusal(&**error).is_some()),
                failure => panic!("{failure}"),
            })
            .await;
        assert_eq!(refused, refused_here);
    }
    assert!(begun.elapsed() >= apart * FAILURES, "ping spins");

    make_room([&here, &there]);
    here.event(|event| Some(ping(event)?.is_ok()).filter(|succeeded| *succeeded)).await;
    end([here, there]).await;
}

#[tokio::test]
async fn ping_does_not_spin_without_room_for_its_stream() {
    let outbound = Duration::from_millis(100);
    let wait = StreamWait { outbound, ..StreamWait::default() };
    let limits = [system(Resource::StreamsOutbound, 0), Limits::default()];
    ping_fails_and_recovers(limits, wait, outbound).await;
}

#[tokio::test]
async fn ping_does_not_spin_without_room_for_its_protocol() {
    for limits in without_room_for(PING) {
        ping_fails_and_recovers(limits, StreamWait::default(), PING_INTERVAL).await;
    }
}

#[tokio::test]
async fn gossip_without_room_for_its_protocol_leaves_the_others_and_recovers_by_a_new_connection() {
    for limits in without_room_for(GOSSIP) {
        let [mut here, mut there] = connected(limits, StreamWait::default()).await;
        subscribe(&here).await;
        subscribe(&there).await;
        for node in [&mut here, &mut there] {
            pinged(node).await;
            pinged(node).await;
        }
        assert!(![&mut here, &mut there].into_iter().any(|node| node.has_seen(is_closed)));

        make_room([&here, &there]);
        let peer = there.id;
        let to = there.listen(ADDRESS).await;
        here.act(move |swarm| swarm.disconnect_peer_id(peer)).await.unwrap();
        for node in [&mut here, &mut there] {
            node.take(is_closed).await;
        }
        here.connect(peer, &to).await;
        subscribed(&mut there, here.id).await;
        gossips(&here, &mut there, "from here").await;
        gossips(&there, &mut here, "from there").await;
        end([here, there]).await;
    }
}
