//! Nodes whose transport the builder makes: every transport works, and all of it is accounted.

// Helpers outside of test functions fail the test just as well.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::{held, is_clear, peer, until, within};
use libp2p::{
    Multiaddr, PeerId, Swarm, SwarmBuilder,
    futures::StreamExt,
    identity::Keypair,
    multiaddr::Protocol,
    ping, relay,
    swarm::{NetworkBehaviour, SwarmEvent, behaviour::toggle::Toggle},
    tcp,
};
use rcmgr_core::{Limit, Limits, Resource, ResourceManager};
use rcmgr_libp2p::{Config, Stack, StackError, find_refusal};
use tokio::{net::TcpStream, task::JoinHandle};

const KIB: u64 = 1 << 10;

#[derive(NetworkBehaviour)]
struct Behaviour {
    ping: ping::Behaviour,
    circuits: relay::client::Behaviour,
    relay: Toggle<relay::Behaviour>,
}

type Event = SwarmEvent<BehaviourEvent>;

struct Node {
    id: PeerId,
    manager: ResourceManager,
    swarm: Swarm<Behaviour>,
}

fn noise(stack: Stack) -> Stack {
    stack.with_noise()
}

fn tls(stack: Stack) -> Stack {
    stack.with_tls()
}

fn both(stack: Stack) -> Stack {
    stack.with_tls().with_noise()
}

impl Node {
    fn new(security: fn(Stack) -> Stack) -> Node {
        Node::with(security, Limits::default())
    }

    /// Every transport there is, named in an order of no help.
    fn with(security: fn(Stack) -> Stack, limits: Limits) -> Node {
        let manager = ResourceManager::new(limits);
        let key = Keypair::generate_ed25519();
        let id = key.public().to_peer_id();
        let (stack, circuits) = Stack::new(&key).with_dns().with_relay_client();
        let stack = security(stack.with_quic().with_websocket().with_memory())
            .with_tcp(tcp::Config::default());
        let accounting = manager.clone();
        let swarm = SwarmBuilder::with_existing_identity(key)
            .with_tokio()
            .with_other_transport(|_| Ok(stack.limited_by(accounting, Config::default())?))
            .unwrap()
            .with_behaviour(|_| Behaviour {
                ping: ping::Behaviour::default(),
                circuits,
                relay: Some(relay::Behaviour::new(id, relay::Config::default())).into(),
            })
            .unwrap()
            .with_swarm_config(|config| {
                config.with_idle_connection_timeout(Duration::from_secs(60))
            })
            .build();
        Node { id, manager, swarm }
    }

    async fn listen(&mut self, on: &str) -> Multiaddr {
        self.swarm.listen_on(on.parse().unwrap()).unwrap();
        self.until(|event| match event {
            SwarmEvent::NewListenAddr { address, .. } => Some(address),
            _ => None,
        })
        .await
    }

    /// The first event that `want` makes something of.
    async fn until<T>(&mut self, mut want: impl FnMut(Event) -> Option<T>) -> T {
        within(async {
            loop {
                if let Some(found) = want(self.swarm.select_next_some().await) {
                    return found;
                }
            }
        })
        .await
    }

    async fn pinged(&mut self, other: PeerId) {
        self.until(|event| match event {
            SwarmEvent::Behaviour(BehaviourEvent::Ping(event)) if event.peer == other => {
                Some(event.result.unwrap())
            }
            SwarmEvent::OutgoingConnectionError { error, .. } => panic!("{error:?}"),
            _ => None,
        })
        .await;
    }

    /// Lets the node run by itself.
    fn spawn(mut self) -> JoinHandle<()> {
        tokio::spawn(async move { while self.swarm.next().await.is_some() {} })
    }
}

/// The transports of the two nodes may differ in their security; the connection is of the kind
/// that `connection` says, in what it reserves and in descriptors.
async fn connects(
    [here, there]: [fn(Stack) -> Stack; 2],
    on: &str,
    to: impl Fn(Multiaddr) -> Multiaddr,
    connection: (u64, u64),
) {
    let (mut here, mut there) = (Node::new(here), Node::new(there));
    let address = to(there.listen(on).await);
    here.swarm.dial(address.with(Protocol::P2p(there.id))).unwrap();
    let (first, second) = (here.id, there.id);
    tokio::join!(here.pinged(second), there.pinged(first));

    let managers = [here.manager.clone(), there.manager.clone()];
    for (manager, other) in managers.iter().zip([second, first]) {
        let (memory, streams, connections, descriptors) = held(manager);
        assert!(streams > 0, "pings have streams");
        assert_eq!(memory - streams * 256 * KIB, connection.0);
        assert_eq!((connections, descriptors), (1, connection.1));
        assert_eq!(manager.peer(&other.to_bytes()).stats(), manager.system().stats());
    }
    drop((here, there));
    until(|| managers.iter().all(is_clear)).await;
}

const OVER_YAMUX: u64 = (64 + 1024) * KIB;

#[tokio::test]
async fn tcp_with_noise() {
    connects([noise, noise], "/ip4/127.0.0.1/tcp/0", |to| to, (OVER_YAMUX, 1)).await;
}

#[tokio::test]
async fn tcp_with_tls() {
    connects([tls, tls], "/ip4/127.0.0.1/tcp/0", |to| to, (OVER_YAMUX, 1)).await;
}

#[tokio::test]
async fn tcp_with_what_both_sides_have() {
    connects([both, noise], "/ip4/127.0.0.1/tcp/0", |to| to, (OVER_YAMUX, 1)).await;
    connects([tls, both], "/ip4/127.0.0.1/tcp/0", |to| to, (OVER_YAMUX, 1)).await;
}

/// The same address with a name for the machine.
fn localhost(address: Multiaddr) -> Multiaddr {
    address.replace(0, |_| Some(Protocol::Dns4("localhost".into()))).unwrap()
}

#[tokio::test]
async fn tcp_by_name() {
    connects([noise, noise], "/ip4/127.0.0.1/tcp/0", localhost, (OVER_YAMUX, 1)).await;
}

#[tokio::test]
async fn websocket() {
    connects([both, both], "/ip4/127.0.0.1/tcp/0/ws", |to| to, (OVER_YAMUX, 1)).await;
}

#[tokio::test]
async fn websocket_by_name() {
    connects([noise, noise], "/ip4/127.0.0.1/tcp/0/ws", localhost, (OVER_YAMUX, 1)).await;
}

#[tokio::test]
async fn quic() {
    connects([noise, tls], "/ip4/127.0.0.1/udp/0/quic-v1", |to| to, (96 * KIB, 0)).await;
}

#[tokio::test]
async fn quic_by_name() {
    connects([noise, noise], "/ip4/127.0.0.1/udp/0/quic-v1", localhost, (96 * KIB, 0)).await;
}

#[tokio::test]
async fn memory() {
    connects([noise, noise], "/memory/0", |to| to, (OVER_YAMUX, 0)).await;
}

#[tokio::test]
async fn a_circuit_is_a_connection_of_its_own() {
    let (mut here, mut there, mut relay) = (Node::new(noise), Node::new(noise), Node::new(noise));
    let managers = [here.manager.clone(), there.manager.clone(), relay.manager.clone()];
    let address = relay.listen("/ip4/127.0.0.1/tcp/0").await.with(Protocol::P2p(relay.id));
    // It tells its clients the addresses that it is known by.
    relay.swarm.add_external_address(address.clone());
    let relay_id = relay.id;
    let relay = relay.spawn();

    let circuit = there.listen(&format!("{address}/p2p-circuit")).await;
    let (first, second) = (here.id, there.id);
    here.swarm.dial(circuit).unwrap();
    tokio::join!(here.pinged(second), there.pinged(first));
    for (manager, other) in managers.iter().zip([second, first]) {
        let circuit = manager.peer(&other.to_bytes()).stats();
        let (memory, streams) = (circuit.get(Resource::Memory), circuit.get(Resource::Streams));
        assert!(streams > 0, "pings have streams");
        assert_eq!(memory - streams * 256 * KIB, OVER_YAMUX);
        assert_eq!(circuit.get(Resource::Connections), 1);
        assert_eq!(circuit.get(Resource::FileDescriptors), 0);
        let to_relay = manager.peer(&relay_id.to_bytes()).stats();
        assert_eq!(to_relay.get(Resource::Connections), 1);
        assert_eq!(to_relay.get(Resource::FileDescriptors), 1);
    }

    relay.abort();
    drop((here, there));
    until(|| managers.iter().all(is_clear)).await;
}

#[tokio::test]
async fn a_limit_holds_over_every_transport() {
    let addresses = [
        "/ip4/127.0.0.1/tcp/0",
        "/ip4/127.0.0.1/tcp/0/ws",
        "/ip4/127.0.0.1/udp/0/quic-v1",
        "/memory/0",
    ];
    let mut limits = Limits::default();
    limits.peer.connections = Limit::new(0);
    let (mut here, mut there) = (Node::with(noise, limits), Node::new(noise));
    let id = there.id;
    let mut known = Vec::new();
    for on in addresses {
        known.push(there.listen(on).await);
    }
    let there = there.spawn();
    for address in known {
        here.swarm.dial(address.clone()).unwrap();
        let error = here
            .until(|event| match event {
                SwarmEvent::OutgoingConnectionError { error, .. } => Some(error),
                _ => None,
            })
            .await;
        let refusal = find_refusal(&error).expect("it was refused");
        assert_eq!(refusal.scope(), &peer(&id), "{address}");
    }
    assert!(is_clear(&here.manager));
    there.abort();
}

#[tokio::test]
async fn who_says_nothing_is_let_go() {
    let manager = ResourceManager::new(Limits::default());
    let key = Keypair::generate_ed25519();
    let transport = Stack::new(&key)
        .with_tcp(tcp::Config::default())
        .with_noise()
        .with_connection_timeout(Duration::from_millis(50))
        .limited_by(manager.clone(), Config::default())
        .unwrap();
    let config = libp2p::swarm::Config::with_tokio_executor();
    let behaviour = libp2p::swarm::dummy::Behaviour;
    let mut swarm = Swarm::new(transport, behaviour, key.public().to_peer_id(), config);
    swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse().unwrap()).unwrap();
    let port = within(async {
        loop {
            if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
                break address.iter().find_map(|part| match part {
                    Protocol::Tcp(port) => Some(port),
                    _ => None,
                });
            }
        }
    });
    let _silent = TcpStream::connect(("127.0.0.1", port.await.unwrap())).await.unwrap();
    let ended = async {
        loop {
            if let SwarmEvent::IncomingConnectionError { .. } = swarm.select_next_some().await {
                break;
            }
            // Before it has its peer nothing is reserved for windows to grow.
            assert_eq!(held(&manager), (64 << 10, 0, 1, 1));
        }
    };
    within(ended).await;
    assert!(is_clear(&manager));
}

fn error_of(stack: Stack) -> StackError {
    let manager = ResourceManager::new(Limits::default());
    stack.limited_by(manager, Config::default()).expect_err("a part is missing")
}

#[test]
fn a_stack_without_transports_says_so() {
    let stack = Stack::new(&Keypair::generate_ed25519());
    assert!(matches!(error_of(stack.with_noise().with_dns()), StackError::NoTransport));
}

#[test]
fn transports_without_encryption_ask_for_it() {
    let stack = || Stack::new(&Keypair::generate_ed25519());
    for stack in [
        stack().with_memory(),
        stack().with_tcp(tcp::Config::default()),
        stack().with_websocket(),
        stack().with_relay_client().0,
        stack().with_quic().with_memory(),
    ] {
        assert!(matches!(error_of(stack), StackError::NoSecurity));
    }
    // QUIC has its own.
    let manager = ResourceManager::new(Limits::default());
    assert!(stack().with_quic().limited_by(manager, Config::default()).is_ok());
}
