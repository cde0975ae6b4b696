//! Whole nodes that know nothing of limits: what they see when a stream or a protocol is refused.

// Helpers outside of test functions fail the test just as well.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::{
    config,
    echo::{Behaviour, Event as RequestEvent, PROTOCOL},
    held, is_clear, memory, over_tcp, system, until, within,
};
use libp2p::{
    Multiaddr, PeerId, StreamProtocol, Swarm, SwarmBuilder,
    core::upgrade::Version,
    futures::StreamExt,
    request_response::{self, Message, OutboundFailure, ProtocolSupport},
    swarm::{SwarmEvent, dial_opts::DialOpts},
};
use rcmgr_core::{Error, Limit, Limits, Resource, ResourceManager, ScopeId, ScopeLimit};
use rcmgr_libp2p::{AccountedTransport, Config, Services, find_refusal};
use tokio::task::JoinHandle;

const SERVICE: &str = "echo";

type Event = SwarmEvent<RequestEvent>;

struct Node {
    manager: ResourceManager,
    swarm: Swarm<Behaviour>,
}

impl Node {
    fn new(limits: Limits, version: Version) -> Node {
        let manager = ResourceManager::new(limits);
        let accounting = manager.clone();
        let services = Services::default().with_prefix("/echo/", SERVICE);
        let config = Config { services, ..config() };
        let protocols = ["/not-spoken-by-all/1", PROTOCOL].map(StreamProtocol::new);
        let swarm = SwarmBuilder::with_new_identity()
            .with_tokio()
            .with_other_transport(|key| AccountedTransport::new(over_tcp(key), accounting, config))
            .unwrap()
            .with_behaviour(|_| {
                let protocols = protocols.map(|protocol| (protocol, ProtocolSupport::Full));
                // Lazy negotiation needs a single proposal.
                let skip = if version == Version::V1Lazy { 1 } else { 0 };
                Behaviour::new(
                    protocols.into_iter().skip(skip),
                    request_response::Config::default(),
                )
            })
            .unwrap()
            .with_swarm_config(|config| {
                config
                    .with_substream_upgrade_protocol_override(version)
                    .with_idle_connection_timeout(Duration::from_secs(60))
            })
            .build();
        Node { manager, swarm }
    }

    async fn event(&mut self) -> Event {
        within(self.swarm.select_next_some()).await
    }

    /// Waits for an event, and reports a lost connection.
    async fn find<T>(&mut self, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
        loop {
            let event = self.event().await;
            if let SwarmEvent::ConnectionClosed { cause, .. } = &event {
                panic!("the connection closed: {cause:?}");
            }
            if let Some(found) = wanted(event) {
                return found;
            }
        }
    }

    async fn listen(&mut self) -> Multiaddr {
        self.swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse().unwrap()).unwrap();
        self.find(|event| match event {
            SwarmEvent::NewListenAddr { address, .. } => Some(address),
            _ => None,
        })
        .await
    }

    /// Answers requests until it is stopped.
    fn serve(mut self) -> JoinHandle<()> {
        tokio::spawn(async move {
            loop {
                if let SwarmEvent::Behaviour(RequestEvent::Message {
                    message: Message::Request { request, channel, .. },
                    ..
                }) = self.swarm.select_next_some().await
                {
                    // Whoever asked may be gone.
                    let _ = self.swarm.behaviour_mut().send_response(channel, request);
                }
            }
        })
    }

    async fn connect(&mut self, peer: PeerId, to: &Multiaddr) {
        self.swarm.dial(DialOpts::peer_id(peer).addresses(vec![to.clone()]).build()).unwrap();
        self.find(|event| matches!(event, SwarmEvent::ConnectionEstablished { .. }).then_some(()))
            .await;
    }

    async fn ask(&mut self, peer: PeerId) -> Result<Vec<u8>, OutboundFailure> {
        let asked = self.swarm.behaviour_mut().send_request(&peer, b"hello".to_vec());
        self.find(|event| match event {
            SwarmEvent::Behaviour(RequestEvent::Message {
                message: Message::Response { request_id, response },
                ..
            }) if request_id == asked => Some(Ok(response)),
            SwarmEvent::Behaviour(RequestEvent::OutboundFailure { request_id, error, .. })
                if request_id == asked =>
            {
                Some(Err(error))
            }
            _ => None,
        })
        .await
    }
}

/// Two nodes with a connection; the second one serves.
struct Pair {
    here: Node,
    there: ResourceManager,
    peer: PeerId,
    serving: JoinHandle<()>,
}

impl Pair {
    async fn connected(here: Limits, there: Limits, version: Version) -> Pair {
        let mut here = Node::new(here, version);
        let mut there = Node::new(there, Version::V1Lazy);
        let to = there.listen().await;
        let (manager, peer) = (there.manager.clone(), *there.swarm.local_peer_id());
        let serving = there.serve();
        here.connect(peer, &to).await;
        Pair { here, there: manager, peer, serving }
    }

    /// Ends both nodes, whereupon nothing may be held.
    async fn end(self) {
        let manager = self.here.manager.clone();
        drop(self.here);
        self.serving.abort();
        until(|| is_clear(&manager) && is_clear(&self.there)).await;
    }
}

fn refusal_of(failure: &Result<Vec<u8>, OutboundFailure>) -> Option<&Error> {
    match failure {
        Err(OutboundFailure::Io(error)) => find_refusal(error),
        other => panic!("it should fail by I/O: {other:?}"),
    }
}

/// Limits under which a stream of the protocol gets no further than the agreement, each with the
/// scope that refuses it.
fn refusing_the_protocol(resource: Resource) -> [(Limits, ScopeId); 2] {
    let none = ScopeLimit::UNLIMITED.with(resource, Limit::BLOCK_ALL);
    let mut limits = [Limits::default(), Limits::default()];
    limits[0].protocols.insert(PROTOCOL.into(), none);
    limits[1].services.insert(SERVICE.into(), none);
    let [protocol, service] = limits;
    [(protocol, ScopeId::Protocol(PROTOCOL.into())), (service, ScopeId::Service(SERVICE.into()))]
}

#[tokio::test]
async fn an_unlimited_node_does_not_notice() {
    for version in [Version::V1, Version::V1Lazy] {
        let mut pair = Pair::connected(Limits::default(), Limits::default(), version).await;
        for _ in 0..3 {
            assert_eq!(pair.here.ask(pair.peer).await.unwrap(), b"hello");
        }
        for manager in [&pair.here.manager, &pair.there] {
            let used = manager.stats();
            assert!(used.protocols.contains_key(PROTOCOL), "the streams were attributed");
            assert!(used.services.contains_key(SERVICE), "the streams were attributed");
            until(|| held(manager) == (memory(1, 0), 0, 1, 1)).await;
        }
        pair.end().await;
    }
}

#[tokio::test]
async fn a_refused_outbound_stream_keeps_the_connection() {
    for version in [Version::V1, Version::V1Lazy] {
        let limits = system(Resource::StreamsOutbound, 0);
        let mut pair = Pair::connected(limits, Limits::default(), version).await;
        let refused = pair.here.ask(pair.peer).await;
        assert_eq!(refusal_of(&refused).map(Error::scope), Some(&ScopeId::System));

        pair.here.manager.set_limits(Limits::default());
        assert_eq!(pair.here.ask(pair.peer).await.unwrap(), b"hello");
        pair.end().await;
    }
}

#[tokio::test]
async fn a_refused_inbound_stream_keeps_the_connection() {
    for version in [Version::V1, Version::V1Lazy] {
        let limits = system(Resource::StreamsInbound, 0);
        let mut pair = Pair::connected(Limits::default(), limits, version).await;
        let failure = pair.here.ask(pair.peer).await.unwrap_err();
        match version {
            Version::V1 => assert!(matches!(failure, OutboundFailure::UnsupportedProtocols)),
            // It had settled on the protocol already.
            Version::V1Lazy => assert!(matches!(failure, OutboundFailure::Io(_))),
        }

        pair.there.set_limits(Limits::default());
        assert_eq!(pair.here.ask(pair.peer).await.unwrap(), b"hello");
        pair.end().await;
    }
}

#[tokio::test]
async fn the_memory_of_a_stream_is_a_condition_of_the_stream() {
    let limits = system(Resource::Memory, memory(1, 1) - 1);
    let mut pair = Pair::connected(limits, Limits::default(), Version::V1).await;
    let refused = pair.here.ask(pair.peer).await;
    let refusal = refusal_of(&refused).and_then(Error::refusal).unwrap();
    assert_eq!((refusal.resource, refusal.used), (Resource::Memory, memory(1, 0)));
    pair.end().await;
}

#[tokio::test]
async fn a_protocol_or_service_refused_here_fails_the_stream() {
    for version in [Version::V1, Version::V1Lazy] {
        for (limits, by) in refusing_the_protocol(Resource::StreamsOutbound) {
            let mut pair = Pair::connected(limits, Limits::default(), version).await;
            let refused = pair.here.ask(pair.peer).await;
            assert_eq!(refusal_of(&refused).map(Error::scope), Some(&by));

            pair.here.manager.set_limits(Limits::default());
            assert_eq!(pair.here.ask(pair.peer).await.unwrap(), b"hello");
            pair.end().await;
        }
    }
}

#[tokio::test]
async fn a_protocol_or_service_refused_there_is_not_taken_for_unsupported() {
    for version in [Version::V1, Version::V1Lazy] {
        for (limits, _) in refusing_the_protocol(Resource::StreamsInbound) {
            let mut pair = Pair::connected(Limits::default(), limits, version).await;
            let refused = pair.here.ask(pair.peer).await;
            // A lazy dialer has no error here: yamux shows a reset to its readers as an end.
            match version {
                Version::V1 => {
                    assert!(matches!(refused, Err(OutboundFailure::Io(_))), "{refused:?}");
                }
                Version::V1Lazy => assert!(
                    !matches!(refused, Err(OutboundFailure::UnsupportedProtocols)),
                    "{refused:?}"
                ),
            }

            pair.there.set_limits(Limits::default());
            assert_eq!(pair.here.ask(pair.peer).await.unwrap(), b"hello");
            pair.end().await;
        }
    }
}
