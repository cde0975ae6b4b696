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
    multiaddr::Protocol,
    request_response::{self, ProtocolSupport, ResponseChannel},
    swarm::{Swarm, SwarmEvent},
};
use rcmgr_core::{Error, Priority, Reservation, ResourceManager};
use rcmgr_libp2p::{AccountedTransport, Config, InboundRefusal};
use tokio::task::{AbortHandle, JoinSet};

use super::{
    limits::{CONNECTION_MEMORY, STREAM_MEMORY},
    stack::{self, Behaviour, BehaviourEvent, Party},
    work::{Answer, Event, LONGEST_HOLD, Work},
};

/// A running node. It stops when this is dropped.
pub struct Node {
    pub peer: PeerId,
    pub socket: SocketAddr,
    task: AbortHandle,
}

impl Drop for Node {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Node {
    /// Starts a node on a free port of the loopback interface.
    ///
    /// # Errors
    /// The operating system gives no port.
    pub async fn start(manager: ResourceManager, seed: u64) -> io::Result<Node> {
        let keypair = Party::Node.keypair(seed);
        let config = Config {
            connection_memory: CONNECTION_MEMORY,
            stream_memory: STREAM_MEMORY,
            inbound_refusal: InboundRefusal::Silent,
            ..Config::default()
        };
        let transport =
            AccountedTransport::new(stack::transport(&keypair)?, manager.clone(), config)
                .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)))
                .boxed();
        let mut swarm = stack::swarm(transport, &keypair, ProtocolSupport::Inbound);
        let any_port = Multiaddr::from(Ipv4Addr::LOCALHOST).with(Protocol::Tcp(0));
        swarm.listen_on(any_port).map_err(io::Error::other)?;
        let socket = loop {
            match swarm.select_next_some().await {
                SwarmEvent::NewListenAddr { address, .. } => break socket_of(&address)?,
                SwarmEvent::ListenerError { error, .. } => return Err(error),
                SwarmEvent::ListenerClosed { reason: Err(error), .. } => return Err(error),
                _ => {}
            }
        };
        let peer = *swarm.local_peer_id();
        let task = tokio::spawn(serve(swarm, manager)).abort_handle();
        Ok(Node { peer, socket, task })
    }
}

/// The socket address in a listening address.
fn socket_of(address: &Multiaddr) -> io::Result<SocketAddr> {
    let mut parts = address.iter();
    match (parts.next(), parts.next()) {
        (Some(Protocol::Ip4(ip)), Some(Protocol::Tcp(port))) => Ok(SocketAddr::from((ip, port))),
        _ => Err(io::Error::other(format!("{address} is no TCP address"))),
    }
}

type Finished = (ResponseChannel<Answer>, Answer);

async fn serve(mut swarm: Swarm<Behaviour>, manager: ResourceManager) {
    // As many as there are requests under way, and each of these has a stream, which is limited.
    let mut under_way: JoinSet<Finished> = JoinSet::new();
    loop {
        tokio::select! {
            event = swarm.select_next_some() => {
                let SwarmEvent::Behaviour(BehaviourEvent::Work(Event::Message {
                    peer,
                    message: request_response::Message::Request { request, channel, .. },
                    ..
                })) = event else { continue };
                match admit(&manager, &peer, &request) {
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

/// Does work whose memory is reserved.
async fn perform(
    work: Work,
    reserved: Reservation<'static>,
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
