//! Our node: it serves over TCP and QUIC at once, within limits.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use libp2p::{
    Multiaddr, PeerId, StreamProtocol, Swarm, SwarmBuilder, Transport,
    core::{muxing::StreamMuxerBox, transport::Boxed},
    futures::{StreamExt, future::Either},
    identify,
    identity::Keypair,
    ping, quic,
    swarm::{NetworkBehaviour, SwarmEvent},
};
use rcmgr_core::{Limits, ResourceManager};
use rcmgr_libp2p::{AccountedTransport, Config, InboundRefusal, StreamWait, find_refusal};
use tokio::task::JoinHandle;

use crate::{
    common::{config, is_clear, over_tcp, until, within},
    echo::Echo,
};

pub const AGENT: &str = "rcmgr-interop-node";
pub const ECHO: &str = "/interop/echo/1";
/// As the other, for limits of its own.
pub const SCARCE: &str = "/interop/scarce/1";

/// How a connection comes to the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    Tcp,
    Quic,
}

impl Over {
    pub const BOTH: [Over; 2] = [Over::Tcp, Over::Quic];
}

#[derive(NetworkBehaviour)]
struct Behaviour {
    ping: ping::Behaviour,
    identify: identify::Behaviour,
    echo: Echo,
    scarce: Echo,
}

/// What the swarm has seen, which knows nothing of accounts.
#[derive(Default)]
struct Seen {
    open: AtomicUsize,
    peak: AtomicUsize,
    refused: AtomicUsize,
}

pub struct Node {
    pub manager: ResourceManager,
    pub peer: PeerId,
    tcp: Multiaddr,
    quic: Multiaddr,
    seen: Arc<Seen>,
    serving: JoinHandle<()>,
}

/// A remote party that is not heard of for `patience` is gone, which TCP is told by the kernel.
fn over_quic(key: &Keypair, patience: Duration) -> Boxed<(PeerId, StreamMuxerBox)> {
    let mut config = quic::Config::new(key);
    config.max_idle_timeout = patience.as_millis().try_into().expect("it is a matter of seconds");
    config.keep_alive_interval = Duration::from_secs(1);
    quic::tokio::Transport::new(config)
        .map(|(peer, connection), _| (peer, StreamMuxerBox::new(connection)))
        .boxed()
}

async fn listen(swarm: &mut Swarm<Behaviour>, address: &str) -> Multiaddr {
    swarm.listen_on(address.parse().unwrap()).unwrap();
    within(async {
        loop {
            if let SwarmEvent::NewListenAddr { address, .. } = swarm.select_next_some().await {
                return address;
            }
        }
    })
    .await
}

impl Node {
    /// A node that does not lose its connections on a machine that is busy otherwise.
    pub async fn new(limits: Limits, stream_wait: StreamWait) -> Node {
        Node::with_patience(limits, stream_wait, Duration::from_secs(30)).await
    }

    /// A node that forgets silent QUIC connections after `patience`.
    pub async fn with_patience(
        limits: Limits,
        stream_wait: StreamWait,
        patience: Duration,
    ) -> Node {
        let manager = ResourceManager::new(limits);
        let accounting = manager.clone();
        let config = Config { stream_wait, inbound_refusal: InboundRefusal::Event, ..config() };
        let mut swarm = SwarmBuilder::with_new_identity()
            .with_tokio()
            .with_other_transport(|key| {
                let stack = over_tcp(key)
                    .or_transport(over_quic(key, patience))
                    .map(|either, _| match either {
                        Either::Left(output) | Either::Right(output) => output,
                    })
                    .boxed();
                AccountedTransport::new(stack, accounting, config)
            })
            .unwrap()
            .with_behaviour(|key| Behaviour {
                ping: ping::Behaviour::default(),
                identify: identify::Behaviour::new(
                    identify::Config::new("interop/1".into(), key.public())
                        .with_agent_version(AGENT.into()),
                ),
                echo: Echo(StreamProtocol::new(ECHO)),
                scarce: Echo(StreamProtocol::new(SCARCE)),
            })
            .unwrap()
            .with_swarm_config(|config| {
                config.with_idle_connection_timeout(Duration::from_secs(60))
            })
            .build();
        let tcp = listen(&mut swarm, "/ip4/127.0.0.1/tcp/0").await;
        let quic = listen(&mut swarm, "/ip4/127.0.0.1/udp/0/quic-v1").await;
        let peer = *swarm.local_peer_id();
        let seen = Arc::new(Seen::default());
        let serving = tokio::spawn(serve(swarm, seen.clone()));
        Node { manager, peer, tcp, quic, seen, serving }
    }

    pub fn address(&self, over: Over) -> Multiaddr {
        let address = match over {
            Over::Tcp => &self.tcp,
            Over::Quic => &self.quic,
        };
        address.clone().with_p2p(self.peer).unwrap()
    }

    /// The most connections that were open at the same time.
    pub fn peak(&self) -> usize {
        self.seen.peak.load(Ordering::Relaxed)
    }

    /// How many connections the accounting refused.
    pub fn refused(&self) -> usize {
        self.seen.refused.load(Ordering::Relaxed)
    }

    /// Waits until nothing is open or held, while the node runs on.
    pub async fn is_left(&self) {
        until(|| self.seen.open.load(Ordering::Relaxed) == 0 && is_clear(&self.manager)).await;
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(mut swarm: Swarm<Behaviour>, seen: Arc<Seen>) {
    loop {
        if let SwarmEvent::IncomingConnectionError { error, .. } = swarm.select_next_some().await
            && find_refusal(&error).is_some()
        {
            seen.refused.fetch_add(1, Ordering::Relaxed);
        }
        let counters = swarm.network_info();
        let open = counters.connection_counters().num_established() as usize;
        seen.open.store(open, Ordering::Relaxed);
        seen.peak.fetch_max(open, Ordering::Relaxed);
    }
}
