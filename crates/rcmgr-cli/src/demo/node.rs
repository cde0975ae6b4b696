//! The node: an ordinary libp2p swarm whose transport is accounted, and whose handler of
//! requests reserves the memory that they need.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use futures::StreamExt as _;
use libp2p::{
    Multiaddr, PeerId, Transport as _,
    core::muxing::StreamMuxerBox,
    identity::Keypair,
    multiaddr::Protocol,
    ping,
    request_response::{self, ProtocolSupport, ResponseChannel},
    swarm::{Swarm, SwarmEvent},
};
use rcmgr_core::{Error, Priority, Reservation, ResourceManager};
use rcmgr_libp2p::{AccountedTransport, BaseMemory, Config, ConnectionManager, InboundRefusal};
use tokio::task::{AbortHandle, JoinSet};

use super::{
    limits::{CONNECTION_MEMORY, STREAM_MEMORY},
    stack::{self, Behaviour, BehaviourEvent, Party, Transport},
    work::{Answer, Event, LONGEST_HOLD, Work},
};

/// A running node. It stops when this is dropped.
pub struct Node {
    pub peer: PeerId,
    pub address: Multiaddr,
    task: AbortHandle,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Node {
    /// What its connections and streams take by themselves, as it was measured.
    pub const fn base_memory() -> BaseMemory {
        BaseMemory::all(CONNECTION_MEMORY, STREAM_MEMORY)
    }

    /// A free port of the loopback interface.
    pub fn any_port() -> Multiaddr {
        Multiaddr::from(Ipv4Addr::LOCALHOST).with(Protocol::Tcp(0))
    }

    /// The socket that it listens at.
    ///
    /// # Errors
    /// Its address is not one of IPv4 and TCP.
    pub fn socket(&self) -> io::Result<SocketAddr> {
        let mut parts = self.address.iter();
        match (parts.next(), parts.next()) {
            (Some(Protocol::Ip4(ip)), Some(Protocol::Tcp(port))) => Ok((ip, port).into()),
            _ => Err(io::Error::other(format!("{} is no address of TCP", self.address))),
        }
    }

    /// Starts a node that listens at an address of TCP, and whose connections a manager regulates if
    /// there is one.
    ///
    /// # Errors
    /// The operating system does not give the address.
    pub async fn start(
        manager: ResourceManager,
        seed: u64,
        listen: Multiaddr,
        base_memory: BaseMemory,
        connections: Option<ConnectionManager>,
    ) -> io::Result<Node> {
        let keypair = Party::Node.keypair(seed);
        let config =
            Config { base_memory, inbound_refusal: InboundRefusal::Silent, ..Config::default() };
        let mut transport =
            AccountedTransport::new(stack::transport(&keypair)?, manager.clone(), config);
        if let Some(connections) = &connections {
            transport = transport.regulated_by(connections);
        }
        let transport =
            transport.map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer))).boxed();
        Node::run(transport, &keypair, Some(manager), listen, connections.as_ref()).await
    }

    /// Starts a node without the wrapper and without any limits of ours.
    ///
    /// # Errors
    /// The operating system does not give the address.
    pub async fn start_unlimited(seed: u64, listen: Multiaddr) -> io::Result<Node> {
        let keypair = Party::Node.keypair(seed);
        Node::start_over(stack::transport(&keypair)?, &keypair, None, listen).await
    }

    /// Starts a node over a transport that was made with its key, under limits if it has a manager.
    ///
    /// # Errors
    /// The operating system does not give the address.
    pub async fn start_over(
        transport: Transport,
        keypair: &Keypair,
        manager: Option<ResourceManager>,
        listen: Multiaddr,
    ) -> io::Result<Node> {
        Node::run(transport, keypair, manager, listen, None).await
    }

    async fn run(
        transport: Transport,
        keypair: &Keypair,
        manager: Option<ResourceManager>,
        listen: Multiaddr,
        connections: Option<&ConnectionManager>,
    ) -> io::Result<Node> {
        let mut swarm = stack::swarm(transport, keypair, ProtocolSupport::Inbound, connections);
        swarm.listen_on(listen).map_err(io::Error::other)?;
        let address = loop {
            match swarm.select_next_some().await {
                SwarmEvent::NewListenAddr { address, .. } => break address,
                SwarmEvent::ListenerError { error, .. } => return Err(error),
                SwarmEvent::ListenerClosed { reason: Err(error), .. } => return Err(error),
                _ => {}
            }
        };
        let peer = *swarm.local_peer_id();
        let task = tokio::spawn(serve(swarm, manager)).abort_handle();
        Ok(Node { peer, address, task })
    }
}

type Finished = (ResponseChannel<Answer>, Answer);

async fn serve(mut swarm: Swarm<Behaviour>, manager: Option<ResourceManager>) {
    // As many as there are requests under way, and each of these has a stream, which is limited.
    let mut under_way: JoinSet<Finished> = JoinSet::new();
    loop {
        tokio::select! {
            event = swarm.select_next_some() => {
                let SwarmEvent::Behaviour(event) = event else { continue };
                let (peer, request, channel) = match event {
                    BehaviourEvent::Work(Event::Message {
                        peer,
                        connection_id,
                        message: request_response::Message::Request { request, channel, .. },
                    }) => {
                        if let Some(regulation) = swarm.behaviour().regulation.as_ref() {
                            regulation.used(connection_id);
                        }
                        (peer, request, channel)
                    }
                    BehaviourEvent::Ping(ping::Event { connection, result: Ok(rtt), .. }) => {
                        if let Some(regulation) = swarm.behaviour().regulation.as_ref() {
                            regulation.measured_rtt(connection, rtt);
                        }
                        continue;
                    }
                    _ => continue,
                };
                let admitted = match &manager {
                    Some(manager) => admit(manager, &peer, &request).map(Some),
                    None => Ok(None),
                };
                match admitted {
                    Ok(memory) => { under_way.spawn(perform(request, memory, channel)); }
                    Err(_) => answer(&mut swarm, channel, Answer::NoRoom),
                }
            }
            Some(Ok((channel, done))) = under_way.join_next() => answer(&mut swarm, channel, done),
        }
    }
}

/// Reserves what the work needs in its peer's scope. The last fifth of the peer's memory is
/// left to its connections and streams, without which it could not even be told that there is
/// no room.
fn admit(
    manager: &ResourceManager,
    peer: &PeerId,
    work: &Work,
) -> Result<Reservation<'static>, Error> {
    let scope = manager.peer(&peer.to_bytes());
    let memory = scope.reserve_memory(work.memory, Priority::HIGH)?;
    Ok(memory.into_owned())
}

/// Does work whose memory is reserved, where there are limits.
async fn perform(
    work: Work,
    reserved: Option<Reservation<'static>>,
    channel: ResponseChannel<Answer>,
) -> Finished {
    // A size that was admitted under the peer's limit fits in memory.
    let buffer = vec![0u8; usize::try_from(work.memory).unwrap_or_default()];
    tokio::time::sleep(Duration::from_millis(work.hold_ms).min(LONGEST_HOLD)).await;
    drop(buffer);
    drop(reserved);
    (channel, Answer::Done { id: work.id })
}

/// A client that has gone takes no answer, and misses none.
fn answer(swarm: &mut Swarm<Behaviour>, channel: ResponseChannel<Answer>, answer: Answer) {
    let _ = swarm.behaviour_mut().work.send_response(channel, answer);
}
