//! The accounts of streams, asked for by an application that has them from libp2p.

// Helpers outside of test functions fail the test just as well.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::{config, is_clear, memory, over_tcp, until, within};
use libp2p::{
    Multiaddr, PeerId, Stream, StreamProtocol, Swarm, SwarmBuilder,
    core::upgrade::Version,
    futures::{AsyncReadExt, AsyncWriteExt, StreamExt},
    swarm::{SwarmEvent, dial_opts::DialOpts},
};
use libp2p_stream::{Behaviour, Control, IncomingStreams};
use rcmgr_core::{Disabled, Error, Limit, Limits, Priority, ResourceManager, ScopeId, ScopeLimit};
use rcmgr_libp2p::{AccountedTransport, find_refusal, scope_of};
use tokio::task::JoinHandle;

const PROTOCOL: StreamProtocol = StreamProtocol::new("/files/1");
const SERVICE: &str = "files";

struct Node {
    id: PeerId,
    manager: ResourceManager,
    control: Control,
    incoming: IncomingStreams,
    swarm: Option<Swarm<Behaviour>>,
    running: Option<JoinHandle<()>>,
}

impl Node {
    fn new(limits: Limits, version: Version) -> Node {
        let manager = ResourceManager::new(limits);
        let accounting = manager.clone();
        let swarm = SwarmBuilder::with_new_identity()
            .with_tokio()
            .with_other_transport(|key| {
                AccountedTransport::new(over_tcp(key), accounting, config())
            })
            .unwrap()
            .with_behaviour(|_| Behaviour::new())
            .unwrap()
            .with_swarm_config(|config| {
                config
                    .with_substream_upgrade_protocol_override(version)
                    .with_idle_connection_timeout(Duration::from_secs(60))
            })
            .build();
        let mut control = swarm.behaviour().new_control();
        let incoming = control.accept(PROTOCOL).unwrap();
        let id = *swarm.local_peer_id();
        Node { id, manager, control, incoming, swarm: Some(swarm), running: None }
    }

    fn swarm(&mut self) -> &mut Swarm<Behaviour> {
        self.swarm.as_mut().expect("it is not running yet")
    }

    async fn listen(&mut self) -> Multiaddr {
        self.swarm().listen_on("/ip4/127.0.0.1/tcp/0".parse().unwrap()).unwrap();
        loop {
            if let SwarmEvent::NewListenAddr { address, .. } =
                within(self.swarm().select_next_some()).await
            {
                return address;
            }
        }
    }

    fn run(&mut self) {
        let mut swarm = self.swarm.take().expect("it is not running yet");
        self.running = Some(tokio::spawn(async move {
            loop {
                swarm.select_next_some().await;
            }
        }));
    }
}

/// Two nodes with a connection, both running.
async fn connected(here: Limits, there: Limits, version: Version) -> (Node, Node) {
    let mut here = Node::new(here, version);
    let mut there = Node::new(there, version);
    let to = there.listen().await;
    here.swarm().dial(DialOpts::peer_id(there.id).addresses(vec![to]).build()).unwrap();
    here.run();
    there.run();
    (here, there)
}

/// Ends both nodes, whereupon nothing may be held.
async fn end(nodes: [Node; 2]) {
    let managers = nodes.each_ref().map(|node| node.manager.clone());
    for node in nodes {
        node.running.expect("both were running").abort();
    }
    until(|| managers.iter().all(is_clear)).await;
}

async fn open(here: &mut Node, there: &Node) -> Stream {
    within(here.control.open_stream(there.id, PROTOCOL)).await.unwrap()
}

async fn incoming(there: &mut Node) -> Stream {
    within(there.incoming.next()).await.unwrap().1
}

#[tokio::test]
async fn a_service_and_memory_are_set_from_the_application() {
    let (mut here, mut there) = connected(Limits::default(), Limits::default(), Version::V1).await;
    let mut outbound = open(&mut here, &there).await;
    let mut inbound = incoming(&mut there).await;

    let ends = [(&here.manager, &mut outbound), (&there.manager, &mut inbound)];
    let spans = ends.map(|(manager, stream)| {
        let scope = scope_of::<ResourceManager>(stream).unwrap();
        assert_eq!(scope.protocol().as_deref(), Some(PROTOCOL.as_ref()));
        scope.set_service(SERVICE).unwrap();
        assert_eq!(manager.stats().services[SERVICE].memory, memory(0, 1));
        let room = scope.reserve_memory(500, Priority::ALWAYS).unwrap().into_owned();
        assert_eq!(manager.stats().services[SERVICE].memory, memory(0, 1) + 500);
        drop(room);
        let span = scope.begin_span().unwrap();
        drop(scope);
        drop(span.reserve_memory(500, Priority::ALWAYS).unwrap());
        let again = scope_of::<ResourceManager>(stream).unwrap();
        assert!(matches!(again.set_service(SERVICE), Err(Error::AlreadyAttached { .. })));
        assert_eq!(again.stats().memory, memory(0, 1));
        span
    });

    within(outbound.write_all(b"hello")).await.unwrap();
    within(outbound.close()).await.unwrap();
    let mut heard = Vec::new();
    within(inbound.read_to_end(&mut heard)).await.unwrap();
    assert_eq!(heard, b"hello", "nothing was lost to the questions");

    drop((outbound, inbound));
    for span in &spans {
        let reserved = span.reserve_memory(500, Priority::ALWAYS);
        assert!(matches!(reserved, Err(Error::Closed { .. })), "a span ends with its stream");
    }
    end([here, there]).await;
}

#[tokio::test]
async fn a_lazily_opened_stream_takes_its_service_after_it_has_read() {
    let (mut here, mut there) =
        connected(Limits::default(), Limits::default(), Version::V1Lazy).await;
    let mut outbound = open(&mut here, &there).await;
    let scope = scope_of::<ResourceManager>(&mut outbound).unwrap();
    assert!(matches!(scope.set_service(SERVICE), Err(Error::NoProtocol { .. })));
    let room = scope.reserve_memory(500, Priority::ALWAYS).unwrap().into_owned();
    drop(scope);

    within(outbound.write_all(b"hello")).await.unwrap();
    within(outbound.flush()).await.unwrap();
    let mut inbound = incoming(&mut there).await;
    scope_of::<ResourceManager>(&mut inbound).unwrap().set_service(SERVICE).unwrap();
    let mut heard = [0; 5];
    within(inbound.read_exact(&mut heard)).await.unwrap();
    within(inbound.write_all(&heard)).await.unwrap();
    within(inbound.flush()).await.unwrap();
    within(outbound.read_exact(&mut heard)).await.unwrap();
    assert_eq!(&heard, b"hello", "nothing was lost to the questions");

    scope_of::<ResourceManager>(&mut outbound).unwrap().set_service(SERVICE).unwrap();
    assert_eq!(here.manager.stats().services[SERVICE].memory, memory(0, 1) + 500);
    drop((outbound, inbound, room));
    end([here, there]).await;
}

#[tokio::test]
async fn a_refused_service_leaves_the_stream_to_the_application() {
    let mut limits = Limits::default();
    limits.services.insert(SERVICE.into(), ScopeLimit::all(Limit::BLOCK_ALL));
    let (mut here, mut there) = connected(limits, Limits::default(), Version::V1).await;
    let mut outbound = open(&mut here, &there).await;
    let refusal = scope_of::<ResourceManager>(&mut outbound)
        .unwrap()
        .set_service(SERVICE)
        .expect_err("it has no room");
    assert_eq!(refusal.scope(), &ScopeId::Service(SERVICE.into()));

    within(outbound.write_all(b"all the same")).await.unwrap();
    within(outbound.flush()).await.unwrap();
    let mut heard = [0; 12];
    within(incoming(&mut there).await.read_exact(&mut heard)).await.unwrap();
    assert_eq!(&heard, b"all the same");
    drop(outbound);
    end([here, there]).await;
}

#[tokio::test]
async fn a_refused_stream_has_no_account_and_another_accounting_none_of_ours() {
    let mut limits = Limits::default();
    limits.protocols.insert(PROTOCOL.as_ref().into(), ScopeLimit::all(Limit::BLOCK_ALL));
    let (mut here, mut there) = connected(Limits::default(), limits, Version::V1).await;
    let mut outbound = open(&mut here, &there).await;
    assert!(scope_of::<Disabled>(&mut outbound).is_none());

    let mut inbound = incoming(&mut there).await;
    assert!(scope_of::<ResourceManager>(&mut inbound).is_none());
    let error = within(inbound.read(&mut [0])).await.unwrap_err();
    let by = find_refusal(&error).map(Error::scope);
    assert_eq!(by, Some(&ScopeId::Protocol(PROTOCOL.as_ref().into())));
    assert!(scope_of::<ResourceManager>(&mut inbound).is_none());
    drop((outbound, inbound));
    end([here, there]).await;
}
