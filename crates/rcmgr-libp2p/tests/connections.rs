//! The account of a connection by its id.

// Helpers outside of test functions fail the test just as well.
#![allow(clippy::unwrap_used)]

mod common;

use std::{collections::HashMap, net::IpAddr, sync::OnceLock, time::Duration};

use common::{config, is_clear, memory, over_memory, over_tcp, until, within};
use libp2p::{
    Multiaddr, PeerId, Swarm, SwarmBuilder,
    futures::StreamExt,
    ping,
    swarm::{ConnectionId, NetworkBehaviour, SwarmEvent, dial_opts::DialOpts},
};
use rcmgr_core::{
    Accounting, ConnectionAccount, ConnectionRequest, Direction, Disabled, Error, Limits,
    MemoryAccount, Priority, ResourceManager,
};
use rcmgr_libp2p::{AccountedTransport, Connections, Known};

/// Knows what each connection was asked for and whose it has become.
#[derive(Clone, Default)]
struct Book;

struct Entry {
    inbound: bool,
    ip: Option<IpAddr>,
    peer: OnceLock<Vec<u8>>,
}

impl Accounting for Book {
    type Connection = Entry;
    type Stream = <Disabled as Accounting>::Stream;

    fn open_connection(&self, request: ConnectionRequest) -> Result<Entry, Error> {
        let inbound = request.direction() == Direction::Inbound;
        Ok(Entry { inbound, ip: request.ip(), peer: OnceLock::new() })
    }

    fn open_stream(&self, peer: &[u8], direction: Direction) -> Result<Self::Stream, Error> {
        Disabled.open_stream(peer, direction)
    }
}

impl MemoryAccount for Entry {
    type Memory = ();

    fn reserve_memory(&self, _: u64, _: Priority) -> Result<(), Error> {
        Ok(())
    }
}

impl ConnectionAccount for Entry {
    fn set_peer(&self, peer: &[u8]) -> Result<(), Error> {
        self.peer.set(peer.to_vec()).expect("a connection has one peer");
        Ok(())
    }
}

#[derive(NetworkBehaviour)]
struct Behaviour<A: Accounting> {
    connections: Connections<A>,
    ping: ping::Behaviour,
}

type Event<A> = SwarmEvent<<Behaviour<A> as NetworkBehaviour>::ToSwarm>;

fn swarm<A: Accounting>(accounting: &A) -> Swarm<Behaviour<A>> {
    SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_other_transport(|key| {
            AccountedTransport::new(over_tcp(key), accounting.clone(), config())
        })
        .unwrap()
        .with_behaviour(|_| Behaviour {
            connections: Connections::new(),
            // So that connections are polled again and again.
            ping: ping::Behaviour::new(ping::Config::new().with_interval(Duration::from_millis(5))),
        })
        .unwrap()
        .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(60)))
        .build()
}

async fn listen<A: Accounting>(swarm: &mut Swarm<Behaviour<A>>) -> Multiaddr {
    swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse().unwrap()).unwrap();
    loop {
        if let SwarmEvent::NewListenAddr { address, .. } = within(swarm.select_next_some()).await {
            return address;
        }
    }
}

fn dial<A: Accounting>(swarm: &mut Swarm<Behaviour<A>>, to: &Multiaddr) {
    let opts = DialOpts::unknown_peer_id().address(to.clone()).allocate_new_port().build();
    swarm.dial(opts).unwrap();
}

async fn run<A: Accounting>(mut swarm: Swarm<Behaviour<A>>) {
    loop {
        swarm.select_next_some().await;
    }
}

fn known<A: Accounting>(event: &Event<A>) -> Option<Known> {
    match event {
        SwarmEvent::Behaviour(BehaviourEvent::Connections(known)) => Some(*known),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_connection_of_many_has_its_own_account() {
    const DIALERS: usize = 6;
    const EACH: usize = 10;
    let mut node = swarm(&Book);
    let to = listen(&mut node).await;
    for _ in 0..DIALERS {
        let mut dialer = swarm(&Book);
        for _ in 0..EACH {
            dial(&mut dialer, &to);
        }
        tokio::spawn(run(dialer));
    }
    let mut found: HashMap<ConnectionId, PeerId> = HashMap::new();
    while found.len() < DIALERS * EACH {
        if let Some(known) = known(&within(node.select_next_some()).await) {
            let connections = &node.behaviour().connections;
            let account = connections.scope_of(known.connection).expect("it is known and open");
            assert_eq!(account.peer.get(), Some(&known.peer.to_bytes()));
            assert!(account.inbound);
            assert_eq!(account.ip, Some(IpAddr::from([127, 0, 0, 1])));
            assert_eq!(found.insert(known.connection, known.peer), None, "each is told once");
        }
    }
    assert!(found.keys().all(|id| node.behaviour().connections.scope_of(*id).is_some()));
}

#[tokio::test]
async fn what_is_reserved_in_the_account_goes_with_the_connection() {
    let managers = [(); 2].map(|()| ResourceManager::new(Limits::default()));
    let [mut here, mut there] = [&managers[0], &managers[1]].map(swarm);
    let to = listen(&mut there).await;
    let there = tokio::spawn(run(there));
    dial(&mut here, &to);
    dial(&mut here, &to);
    let mut open = Vec::new();
    while open.len() < 2 {
        open.extend(known(&within(here.select_next_some()).await));
    }

    for (known, bytes) in open.iter().zip([1 << 20, 2 << 20]) {
        let scope = here.behaviour().connections.scope_of(known.connection).unwrap();
        let room = scope.reserve_memory(bytes, Priority::ALWAYS).unwrap().into_owned();
        drop(scope);
        // As if it were kept with the connection.
        std::mem::forget(room);
    }
    let used = || managers[0].system().stats();
    assert!(used().memory >= memory(2, 0) + (3 << 20));

    let first = open[0].connection;
    here.close_connection(first);
    loop {
        if let SwarmEvent::ConnectionClosed { connection_id, .. } =
            within(here.select_next_some()).await
        {
            assert_eq!(connection_id, first);
            break;
        }
    }
    assert!(here.behaviour().connections.scope_of(first).is_none());
    assert!(here.behaviour().connections.scope_of(open[1].connection).is_some());
    assert_eq!(used().connections_outbound, 1);
    assert!(((2 << 20)..(3 << 20)).contains(&used().memory), "it was the first one's");

    drop(here);
    until(|| is_clear(&managers[0])).await;
    there.abort();
    until(|| is_clear(&managers[1])).await;
}

#[tokio::test]
async fn another_accounting_or_none_is_not_known() {
    let manager = ResourceManager::new(Limits::default());
    let accounting = manager.clone();
    let mut node = SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_other_transport(|key| AccountedTransport::new(over_memory(key), accounting, config()))
        .unwrap()
        .with_behaviour(|_| Behaviour {
            connections: Connections::<Book>::new(),
            ping: ping::Behaviour::new(ping::Config::new().with_interval(Duration::from_millis(1))),
        })
        .unwrap()
        .build();
    node.listen_on("/memory/0".parse().unwrap()).unwrap();
    let mut pings = 0;
    let mut id = None;
    while pings < 10 {
        match within(node.select_next_some()).await {
            SwarmEvent::NewListenAddr { address, .. } => {
                let mut dialer = SwarmBuilder::with_new_identity()
                    .with_tokio()
                    .with_other_transport(over_memory)
                    .unwrap()
                    .with_behaviour(|_| ping::Behaviour::default())
                    .unwrap()
                    .build();
                dialer.dial(address).unwrap();
                tokio::spawn(async move {
                    loop {
                        dialer.select_next_some().await;
                    }
                });
            }
            SwarmEvent::ConnectionEstablished { connection_id, .. } => id = Some(connection_id),
            SwarmEvent::Behaviour(BehaviourEvent::Ping(ping)) => {
                ping.result.unwrap();
                pings += 1;
            }
            SwarmEvent::Behaviour(BehaviourEvent::Connections(known)) => {
                panic!("nothing is known of {known:?}")
            }
            _ => {}
        }
    }
    assert!(node.behaviour().connections.scope_of(id.unwrap()).is_none());
}
