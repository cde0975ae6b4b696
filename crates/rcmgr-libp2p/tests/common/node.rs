//! A node that runs in a task of its own, is told what to do, and whose events are kept until they
//! are asked for.

use std::{fmt::Debug, time::Duration};

use libp2p::{
    Multiaddr, PeerId, Swarm, Transport,
    core::{
        muxing::StreamMuxerBox,
        transport::{Boxed, upgrade::Version},
    },
    futures::{
        StreamExt,
        channel::{
            mpsc::{self, UnboundedReceiver, UnboundedSender},
            oneshot,
        },
    },
    identity::Keypair,
    swarm::{self, NetworkBehaviour, SwarmEvent, dial_opts::DialOpts},
};
use rcmgr_core::{Limits, ResourceManager};
use rcmgr_libp2p::{AccountedTransport, Config};
use tokio::task::JoinHandle;

use super::{until, within};

pub type Event<B> = SwarmEvent<<B as NetworkBehaviour>::ToSwarm>;
pub type Stack = Boxed<(PeerId, StreamMuxerBox)>;

type Act<B> = Box<dyn FnOnce(&mut Swarm<B>) + Send>;

pub struct Node<B: NetworkBehaviour> {
    pub id: PeerId,
    pub manager: ResourceManager,
    acts: UnboundedSender<Act<B>>,
    events: UnboundedReceiver<Event<B>>,
    /// What nobody has asked for yet, in the order in which it came.
    kept: Vec<Event<B>>,
    running: JoinHandle<()>,
}

impl<B> Node<B>
where
    B: NetworkBehaviour<ToSwarm: Debug + Send> + Send,
{
    /// Runs a node whose transport is limited.
    pub fn start(
        limits: Limits,
        config: Config,
        version: Version,
        node: impl FnOnce(&Keypair) -> (Stack, B),
    ) -> Node<B> {
        let key = Keypair::generate_ed25519();
        let id = key.public().to_peer_id();
        let manager = ResourceManager::new(limits);
        let (stack, behaviour) = node(&key);
        let transport = AccountedTransport::new(stack, manager.clone(), config)
            .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)))
            .boxed();
        let config = swarm::Config::with_tokio_executor()
            .with_substream_upgrade_protocol_override(version)
            .with_idle_connection_timeout(Duration::from_secs(60));
        let swarm = Swarm::new(transport, behaviour, id, config);
        let (acts, to_act) = mpsc::unbounded();
        let (to_tell, events) = mpsc::unbounded();
        let running = tokio::spawn(run(swarm, to_act, to_tell));
        Node { id, manager, acts, events, kept: Vec::new(), running }
    }

    /// What the swarm answers.
    pub async fn act<R: Send + 'static>(
        &self,
        act: impl FnOnce(&mut Swarm<B>) -> R + Send + 'static,
    ) -> R {
        let (answer, answered) = oneshot::channel();
        let act: Act<B> = Box::new(|swarm| {
            // Whoever asked may have given up.
            let _ = answer.send(act(swarm));
        });
        self.acts.unbounded_send(act).expect("the node runs");
        within(answered).await.expect("the node runs")
    }

    /// Waits for an event, and gives what is `wanted` of it. Others are kept.
    pub async fn event<T>(&mut self, wanted: impl FnMut(&Event<B>) -> Option<T>) -> T {
        self.find(wanted).await.1
    }

    /// Waits for an event that is `wanted`. Others are kept.
    pub async fn take(&mut self, wanted: impl Fn(&Event<B>) -> bool) -> Event<B> {
        self.find(|event| wanted(event).then_some(())).await.0
    }

    /// The next event of all.
    pub async fn next(&mut self) -> Event<B> {
        match self.kept.is_empty() {
            true => self.events.next().await.expect("the node runs"),
            false => self.kept.remove(0),
        }
    }

    async fn find<T>(&mut self, mut wanted: impl FnMut(&Event<B>) -> Option<T>) -> (Event<B>, T) {
        within(async {
            let mut at = 0;
            loop {
                if at == self.kept.len() {
                    self.kept.push(self.events.next().await.expect("the node runs"));
                }
                if let Some(found) = wanted(&self.kept[at]) {
                    return (self.kept.remove(at), found);
                }
                at += 1;
            }
        })
        .await
    }

    /// Whether such an event has come and was not asked for.
    pub fn has_seen(&mut self, wanted: impl Fn(&Event<B>) -> bool) -> bool {
        while let Ok(event) = self.events.try_recv() {
            self.kept.push(event);
        }
        self.kept.iter().any(wanted)
    }

    pub async fn listen(&mut self, on: &str) -> Multiaddr {
        let on: Multiaddr = on.parse().expect("it is an address");
        self.act(|swarm| swarm.listen_on(on)).await.expect("the stack listens there");
        self.event(|event| match event {
            SwarmEvent::NewListenAddr { address, .. } => Some(address.clone()),
            _ => None,
        })
        .await
    }

    /// Begins a connection, beside others if there are.
    pub async fn dial(&self, peer: PeerId, to: &Multiaddr) {
        let opts = DialOpts::peer_id(peer)
            .addresses(vec![to.clone()])
            .condition(swarm::dial_opts::PeerCondition::Always)
            .build();
        self.act(|swarm| swarm.dial(opts)).await.expect("the address can be dialed");
    }

    pub async fn connect(&mut self, peer: PeerId, to: &Multiaddr) {
        self.dial(peer, to).await;
        self.take(|event| {
            matches!(event, SwarmEvent::ConnectionEstablished { peer_id, .. } if *peer_id == peer)
        })
        .await;
    }

    /// Ends the node.
    pub async fn stop(self) -> ResourceManager {
        self.running.abort();
        until(|| self.running.is_finished()).await;
        self.manager
    }
}

async fn run<B: NetworkBehaviour>(
    mut swarm: Swarm<B>,
    mut acts: UnboundedReceiver<Act<B>>,
    events: UnboundedSender<Event<B>>,
) {
    loop {
        tokio::select! {
            act = acts.next() => match act {
                Some(act) => act(&mut swarm),
                None => return,
            },
            event = swarm.select_next_some() => {
                // Whoever looks at events may be gone.
                let _ = events.unbounded_send(event);
            }
        }
    }
}
