//! A client of the node: one identity, one connection, dialled again whenever it is lost.

use std::{io, time::Duration};

use futures::StreamExt as _;
use libp2p::{
    Multiaddr, PeerId,
    identity::Keypair,
    multiaddr::Protocol,
    request_response::{Message, OutboundRequestId, ProtocolSupport},
    swarm::{Swarm, SwarmEvent, dial_opts::DialOpts},
};
use rand::{RngExt as _, rngs::SmallRng};
use tokio::time::{Instant, sleep_until};

use super::{
    stack::{self, Behaviour, BehaviourEvent, Party, Transport},
    work::{self, Answer, Work},
};

/// The pause before a lost or refused connection is dialled again, with its jitter.
const REDIAL_MS: std::ops::Range<u64> = 50..150;

/// Where the node is.
#[derive(Clone, Debug)]
pub struct Target {
    pub peer: PeerId,
    pub socket: std::net::SocketAddr,
}

impl Target {
    /// The node's address.
    pub fn address(&self) -> Multiaddr {
        Multiaddr::from(self.socket.ip()).with(Protocol::Tcp(self.socket.port()))
    }
}

/// What became of a request.
pub type Outcome = (OutboundRequestId, Option<Answer>);

/// A client.
pub struct Client {
    swarm: Swarm<Behaviour>,
    target: Target,
    connected: bool,
    redial: Option<Instant>,
    rng: SmallRng,
}

impl Client {
    /// A client that will dial as soon as it is driven.
    ///
    /// # Errors
    /// The identity does not suit the handshake.
    pub fn new(target: Target, party: Party, seed: u64) -> io::Result<Client> {
        let keypair = party.keypair(seed);
        let transport = stack::transport(&keypair)?;
        Ok(Client::over(transport, &keypair, target, party.rng(seed)))
    }

    /// The same over a transport that was made with the key.
    pub fn over(transport: Transport, keypair: &Keypair, target: Target, rng: SmallRng) -> Client {
        Client {
            swarm: stack::swarm(transport, keypair, ProtocolSupport::Outbound, None),
            target,
            connected: false,
            redial: Some(Instant::now()),
            rng,
        }
    }

    pub fn is_connected(&self) -> bool {
        self.connected
    }

    /// The source of this client's jitter.
    pub fn rng(&mut self) -> &mut SmallRng {
        &mut self.rng
    }

    /// Sends a request over the connection.
    pub fn send(&mut self, work: Work) -> OutboundRequestId {
        self.swarm.behaviour_mut().work.send_request(&self.target.peer, work)
    }

    /// Drives the client until the connection comes or goes, which is `None`, or until a request
    /// has its outcome. May be dropped at any time and called again.
    pub async fn next(&mut self) -> Option<Outcome> {
        loop {
            let redial = self.redial;
            tokio::select! {
                event = self.swarm.select_next_some() => match event {
                    SwarmEvent::ConnectionEstablished { .. } => {
                        self.connected = true;
                        return None;
                    }
                    SwarmEvent::ConnectionClosed { num_established: 0, .. } => {
                        self.connected = false;
                        self.redial_later();
                        return None;
                    }
                    SwarmEvent::OutgoingConnectionError { .. } => self.redial_later(),
                    SwarmEvent::Behaviour(BehaviourEvent::Work(event)) => match event {
                        work::Event::Message {
                            message: Message::Response { request_id, response }, ..
                        } => return Some((request_id, Some(response))),
                        work::Event::OutboundFailure { request_id, .. } => {
                            return Some((request_id, None));
                        }
                        _ => {}
                    },
                    _ => {}
                },
                () = sleep_until(redial.unwrap_or_else(Instant::now)), if redial.is_some() => {
                    self.dial();
                }
            }
        }
    }

    fn dial(&mut self) {
        self.redial = None;
        let target =
            DialOpts::peer_id(self.target.peer).addresses(vec![self.target.address()]).build();
        if self.swarm.dial(target).is_err() {
            self.redial_later();
        }
    }

    fn redial_later(&mut self) {
        let pause = Duration::from_millis(self.rng.random_range(REDIAL_MS));
        self.redial = Some(Instant::now() + pause);
    }
}
