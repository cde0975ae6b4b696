//! The manager of connections at work in real swarms.

// Helpers outside of test functions fail the test just as well.
#![allow(clippy::unwrap_used)]

mod common;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use common::{config, is_clear, over_tcp, until, until_equal, within};
use libp2p::{
    Multiaddr, PeerId, Swarm, SwarmBuilder,
    futures::StreamExt,
    ping,
    swarm::{DialError, NetworkBehaviour, SwarmEvent, dial_opts::DialOpts},
};
use rcmgr_connmgr::{
    Regulator, RegulatorSettings, ShareSettings,
    lock::{LockRequest, LockState},
    quota::{Amount, Answer, Matcher, QuotaSpec},
    round::{Aim, Mode},
    sense::Level,
};
use rcmgr_core::{Limit, Limits, ResourceManager};
use rcmgr_libp2p::{
    AccountedTransport, ConnectionManager, Gate, Regulated, Regulation, find_refusal, peer_of,
};
use rcmgr_machine::{Readings, Root};
use tokio::{sync::mpsc as events, task::JoinHandle};

#[derive(NetworkBehaviour)]
struct Behaviour {
    regulation: Regulation,
    ping: ping::Behaviour,
}

/// What a node tells, as far as it matters here.
#[derive(Debug, PartialEq)]
enum Told {
    Opened(PeerId),
    Closed(PeerId),
    Decided(PeerId),
    NoDial { refused: bool, gate: bool },
    NoInbound { gate: bool },
}

impl Told {
    fn no_dial(error: &DialError) -> Told {
        let gate = format!("{error:?}").contains("GateClosed");
        Told::NoDial { refused: find_refusal(error).is_some(), gate }
    }
}

/// A node that runs, with a manager of its connections.
struct Node {
    limits: ResourceManager,
    connections: ConnectionManager,
    address: Multiaddr,
    told: events::UnboundedReceiver<Told>,
    dials: events::UnboundedSender<DialOpts>,
    running: JoinHandle<()>,
}

/// Settings by which who came just now may go.
fn settings() -> RegulatorSettings {
    let mut settings = RegulatorSettings::default();
    settings.manager.grace = Duration::ZERO;
    settings.manager.seed = Some(7);
    settings.policy.idle_after = Duration::ZERO;
    settings
}

impl Node {
    async fn start(limits: Limits, settings: RegulatorSettings) -> Node {
        let connections = Regulator::new(settings, &limits).unwrap();
        let connections = ConnectionManager::new(connections);
        let limits = ResourceManager::new(limits);
        let mut swarm = swarm(&limits, &connections);
        swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse().unwrap()).unwrap();
        let address = loop {
            let event = within(swarm.select_next_some()).await;
            if let SwarmEvent::NewListenAddr { address, .. } = event {
                break address;
            }
        };
        let (tell, told) = events::unbounded_channel();
        let (dials, to_dial) = events::unbounded_channel();
        let running = tokio::spawn(run(swarm, tell, to_dial));
        Node { limits, connections, address, told, dials, running }
    }

    /// The next that is told and wanted; what is not is passed over.
    async fn until(&mut self, wanted: impl Fn(&Told) -> bool) -> Told {
        within(async {
            loop {
                let told = self.told.recv().await.unwrap();
                if wanted(&told) {
                    return told;
                }
            }
        })
        .await
    }

    /// Whether that was told since it was asked last.
    fn has_told(&mut self, wanted: impl Fn(&Told) -> bool) -> bool {
        std::iter::from_fn(|| self.told.try_recv().ok()).any(|told| wanted(&told))
    }

    fn dial(&self, peer: &Peer) {
        let opts = DialOpts::peer_id(peer.id).addresses(vec![peer.address.clone()]).build();
        self.dials.send(opts).unwrap();
    }

    fn tag(&self, peer: PeerId, value: i64) {
        let tags = self.connections.regulator().manager();
        tags.tag(self.connections.now(), &peer_of(&peer), "useful", value).unwrap();
    }

    fn live(&self) -> u64 {
        self.limits.system().stats().get(rcmgr_core::Resource::Connections)
    }

    async fn stop(self) {
        self.running.abort();
        until(|| self.running.is_finished()).await;
        until(|| is_clear(&self.limits)).await;
    }
}

fn swarm(limits: &ResourceManager, connections: &ConnectionManager) -> Swarm<Behaviour> {
    SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_other_transport(|key| {
            AccountedTransport::new(over_tcp(key), limits.clone(), config())
                .regulated_by(connections)
        })
        .unwrap()
        .with_behaviour(|_| Behaviour {
            regulation: Regulation::new(connections.clone(), Gate::default()),
            // It answers, and asks nobody.
            ping: ping::Behaviour::new(ping::Config::new().with_interval(HOUR)),
        })
        .unwrap()
        .with_swarm_config(|config| config.with_idle_connection_timeout(HOUR))
        .build()
}

const HOUR: Duration = Duration::from_secs(3600);

async fn run(
    mut swarm: Swarm<Behaviour>,
    tell: events::UnboundedSender<Told>,
    mut dials: events::UnboundedReceiver<DialOpts>,
) {
    loop {
        let event = tokio::select! {
            Some(opts) = dials.recv() => {
                // What a behaviour denies is told at once, and nowhere else.
                if let Err(error) = swarm.dial(opts) {
                    let _ = tell.send(Told::no_dial(&error));
                }
                continue;
            }
            event = swarm.select_next_some() => event,
        };
        let told = match event {
            SwarmEvent::ConnectionEstablished { peer_id, .. } => Told::Opened(peer_id),
            SwarmEvent::ConnectionClosed { peer_id, .. } => Told::Closed(peer_id),
            SwarmEvent::Behaviour(BehaviourEvent::Regulation(Regulated::Closing {
                eviction,
                ..
            })) => Told::Decided(PeerId::from_bytes(eviction.peer.as_bytes()).unwrap()),
            SwarmEvent::OutgoingConnectionError { error, .. } => Told::no_dial(&error),
            SwarmEvent::IncomingConnectionError { error, .. } => {
                let text = format!("{error:?}");
                Told::NoInbound { gate: text.contains("GateClosed") }
            }
            _ => continue,
        };
        // Whoever listens may be gone.
        let _ = tell.send(told);
    }
}

/// A peer without limits.
struct Peer {
    id: PeerId,
    address: Multiaddr,
    pings: events::UnboundedReceiver<()>,
    dials: events::UnboundedSender<Multiaddr>,
    /// Connections that the other side has not taken, or has closed.
    failed: Arc<AtomicUsize>,
    running: JoinHandle<()>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.running.abort();
    }
}

impl Peer {
    async fn start() -> Peer {
        Peer::pinging(HOUR).await
    }

    async fn pinging(every: Duration) -> Peer {
        let mut swarm = SwarmBuilder::with_new_identity()
            .with_tokio()
            .with_other_transport(over_tcp)
            .unwrap()
            .with_behaviour(|_| ping::Behaviour::new(ping::Config::new().with_interval(every)))
            .unwrap()
            .with_swarm_config(|config| config.with_idle_connection_timeout(HOUR))
            .build();
        swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse().unwrap()).unwrap();
        let address = loop {
            let event = within(swarm.select_next_some()).await;
            if let SwarmEvent::NewListenAddr { address, .. } = event {
                break address;
            }
        };
        let id = *swarm.local_peer_id();
        let (dials, mut to_dial) = events::unbounded_channel::<Multiaddr>();
        let (pinged, pings) = events::unbounded_channel();
        let failed = Arc::<AtomicUsize>::default();
        let to_fail = failed.clone();
        let running = tokio::spawn(async move {
            loop {
                tokio::select! {
                    Some(to) = to_dial.recv() => swarm.dial(to).unwrap(),
                    event = swarm.select_next_some() => match event {
                        SwarmEvent::Behaviour(ping::Event { result: Ok(_), .. }) => {
                            // Nobody may listen.
                            let _ = pinged.send(());
                        }
                        SwarmEvent::OutgoingConnectionError { .. }
                        | SwarmEvent::ConnectionClosed { .. } => {
                            to_fail.fetch_add(1, Ordering::Relaxed);
                        }
                        _ => {}
                    }
                }
            }
        });
        Peer { id, address, pings, dials, failed, running }
    }

    fn dial(&self, node: &Node) {
        self.dials.send(node.address.clone()).unwrap();
    }
}

/// Peers that have dialed the node, one after the other. Each has the stream that its ping opens at
/// once and keeps, so that what rounds find does not change meanwhile.
async fn fill(node: &mut Node, count: usize) -> Vec<Peer> {
    let mut peers = Vec::new();
    for _ in 0..count {
        let mut peer = Peer::start().await;
        peer.dial(node);
        node.until(|told| *told == Told::Opened(peer.id)).await;
        within(peer.pings.recv()).await.unwrap();
        peers.push(peer);
    }
    peers
}

/// Limits that no share is derived from, and so many descriptors.
fn descriptors(most: u64) -> Limits {
    let mut limits = Limits::default();
    limits.system.connections = Limit::new(1000);
    limits.system.file_descriptors = Limit::new(most);
    limits
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_valuable_peer_gets_into_a_full_node_and_one_that_is_worth_less_goes() {
    let mut node = Node::start(descriptors(4), settings()).await;
    let others = fill(&mut node, 4).await;
    let valuable = Peer::start().await;
    node.tag(valuable.id, 300);

    node.dial(&valuable);
    let gone = node.until(|told| matches!(told, Told::Decided(_))).await;
    let Told::Decided(gone) = gone else { unreachable!() };
    assert!(others.iter().any(|other| other.id == gone));
    node.until(|told| *told == Told::Opened(valuable.id)).await;
    assert_eq!(node.live(), 4);

    let explained = node.connections.explain(&peer_of(&gone));
    assert!(format!("{explained}").contains("went at"), "{explained}");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_dials_are_limited_one_that_was_dialed_goes() {
    let mut limits = Limits::default();
    limits.system.connections = Limit::new(1000);
    limits.system.connections_outbound = Limit::new(1);
    let mut node = Node::start(limits, settings()).await;
    let _came = fill(&mut node, 3).await;
    let (dialed, valuable) = (Peer::start().await, Peer::start().await);
    node.tag(dialed.id, 10);
    node.tag(valuable.id, 30);
    node.dial(&dialed);
    node.until(|told| *told == Told::Opened(dialed.id)).await;

    // Those who came are worth less, and no help.
    node.dial(&valuable);
    let gone = node.until(|told| matches!(told, Told::Decided(_))).await;
    assert_eq!(gone, Told::Decided(dialed.id));
    node.until(|told| *told == Told::Opened(valuable.id)).await;
    assert_eq!(node.live(), 4);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_gets_no_room_where_nobody_is_worth_less() {
    let mut node = Node::start(descriptors(3), settings()).await;
    let others = fill(&mut node, 3).await;
    for other in &others {
        node.tag(other.id, 100);
    }
    let stranger = Peer::start().await;
    node.dial(&stranger);
    node.until(|told| *told == Told::NoDial { refused: true, gate: false }).await;
    assert_eq!(node.live(), 3);
    assert!(node.told.try_recv().is_err(), "nobody went");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn above_the_share_those_worth_least_go() {
    let share = ShareSettings { soft: Some(5), low: Some(4), ..ShareSettings::default() };
    let mut limits = Limits::default();
    limits.system.connections = Limit::new(100);
    let mut node = Node::start(limits, RegulatorSettings { share, ..settings() }).await;
    let valuable = Peer::start().await;
    node.tag(valuable.id, 300);
    let _others = fill(&mut node, 5).await;
    assert_eq!(node.live(), 5);

    valuable.dial(&node);
    node.until(|told| *told == Told::Opened(valuable.id)).await;
    let gone = node.until(|told| matches!(told, Told::Closed(_))).await;
    assert_ne!(gone, Told::Closed(valuable.id));
    until_equal(|| node.live(), 5).await;
    let round = node.connections.regulator().last_round().unwrap();
    assert_eq!((round.live, round.closed), (6, 1), "a quarter at most: {round:?}");
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_count_for_the_protocol_that_was_enrolled() {
    let mut node = Node::start(descriptors(10), settings()).await;
    let name = "/ipfs/ping/1.0.0";
    let matcher = [Matcher::Exact(name.into())];
    let now = node.connections.now();
    let regulator = node.connections.regulator().clone();
    let answer = regulator
        .enroll(now, "ping", &matcher, QuotaSpec::new(Amount::Abs(0), Amount::Unbounded))
        .unwrap();
    assert!(matches!(answer, Answer::Granted(..)), "{answer:?}");
    let mut peer = Peer::pinging(Duration::from_millis(5)).await;
    peer.dial(&node);
    node.until(|told| *told == Told::Opened(peer.id)).await;
    within(peer.pings.recv()).await.unwrap();
    let usage = || regulator.enrolled(node.connections.now()).first().map(|ping| ping.used);
    until_equal(usage, Some(1)).await;
    drop(peer);
    until_equal(usage, Some(0)).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_round_by_hand_closes_and_a_dry_run_does_not() {
    let mut node = Node::start(descriptors(10), settings()).await;
    let _others = fill(&mut node, 4).await;
    let tried = node.connections.dry_run(Aim::Leave(3), Mode::Batch);
    assert_eq!(tried.evictions.len(), 1);
    assert_eq!(node.live(), 4);
    let made = node.connections.regulate(Aim::Leave(3), Mode::Batch);
    assert_eq!(made.evictions, tried.evictions);
    let gone = PeerId::from_bytes(made.evictions[0].peer.as_bytes()).unwrap();
    node.until(|told| *told == Told::Closed(gone)).await;
    until_equal(|| node.live(), 3).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn holders_of_locks_that_are_in_the_way_are_told_and_then_connections_go() {
    let share = ShareSettings { soft: Some(5), low: Some(4), ..ShareSettings::default() };
    let mut settings = RegulatorSettings { share, ..settings() };
    settings.rules.connections.cooldown = Duration::from_millis(50);
    let mut limits = Limits::default();
    limits.system.connections = Limit::new(100);
    let mut node = Node::start(limits, settings).await;
    let regulator = node.connections.regulator().clone();
    let quota = QuotaSpec::new(Amount::Abs(2), Amount::Unbounded);
    let answer = regulator.enroll(node.connections.now(), "bulk", &[], quota).unwrap();
    let Answer::Granted(bulk) = answer else { panic!("{answer:?}") };

    let peers = fill(&mut node, 5).await;
    let now = node.connections.now();
    let ids = regulator.connections(now, 0, 9).into_iter().map(|told| told.connection);
    let ids: Vec<_> = ids.map(rcmgr_connmgr::ConnectionId).collect();
    let (tell, mut told) = events::unbounded_channel();
    let lock = |at: usize| {
        let tell = tell.clone();
        let request = LockRequest {
            lease: HOUR,
            on_revoke: Some(Box::new(move |notice| tell.send((at, notice)).unwrap())),
            ..LockRequest::default()
        };
        regulator.lock(now, ids[at], bulk, request).unwrap()
    };
    // One that does not heed what it is told, and one that does.
    let (stubborn, heeding) = (lock(0), lock(1));
    let protect = |id| regulator.manager().protect(&peer_of(&id), "mine").unwrap();
    peers[2..].iter().for_each(|peer| protect(peer.id));
    let one_more = async |node: &Node| {
        let peer = Peer::start().await;
        protect(peer.id);
        peer.dial(node);
        peer
    };

    let _sixth = one_more(&node).await;
    let (at, notice) = within(told.recv()).await.unwrap();
    assert_eq!((at, notice.why), (0, "room is short"));
    node.until(|told| *told == Told::Closed(peers[0].id)).await;
    assert!(node.connections.now() >= notice.until);
    assert_eq!(stubborn.state(node.connections.now()), LockState::Over);
    assert!(told.try_recv().is_err(), "there is room again");
    let _seventh = one_more(&node).await;
    let (at, _) = within(told.recv()).await.unwrap();
    assert_eq!(at, 1);
    drop(heeding);
    node.until(|told| *told == Told::Closed(peers[1].id)).await;
    until_equal(|| node.live(), 5).await;
    assert_eq!(regulator.locked().used, 0);
    node.stop().await;
}

/// What a machine tells that has no descriptor left.
fn exhausted() -> Readings {
    let mut readings = Readings::read(&Root::default(), false);
    readings.descriptor_limit = Ok(100);
    readings.open_descriptors = Some(Ok(100));
    readings
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_gets_in_while_the_node_is_about_to_fail() {
    let mut node = Node::start(descriptors(10), settings()).await;
    let regulator = node.connections.regulator();
    regulator.sensed(node.connections.now(), Some(100), &exhausted());
    until_equal(|| regulator.level(), Level::Critical).await;

    let peer = Peer::start().await;
    peer.dial(&node);
    node.until(|told| *told == Told::NoInbound { gate: true }).await;
    node.dial(&peer);
    node.until(|told| *told == Told::NoDial { refused: false, gate: true }).await;
    let tags = node.connections.regulator().manager();
    tags.protect(&peer_of(&peer.id), "friend").unwrap();
    node.dial(&peer);
    node.until(|told| *told == Told::Opened(peer.id)).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_of_strangers_before_a_full_node_moves_nobody() {
    let mut node = Node::start(descriptors(3), settings()).await;
    let friends = fill(&mut node, 3).await;
    for friend in &friends {
        node.tag(friend.id, 100);
    }
    let stranger = Peer::start().await;
    for _ in 0..100 {
        stranger.dial(&node);
    }
    until_equal(|| stranger.failed.load(Ordering::Relaxed), 100).await;
    assert_eq!(node.live(), 3);
    assert!(!node.has_told(|told| matches!(told, Told::Closed(_))));
    node.stop().await;
}
