//! The libp2p stack that the node, the clients and the abusers share.

use std::{io, time::Duration};

use futures::{AsyncRead, AsyncWrite};
use libp2p::{
    PeerId,
    core::{muxing::StreamMuxerBox, transport::Boxed, upgrade::Version},
    identify,
    identity::Keypair,
    noise, ping,
    request_response::ProtocolSupport,
    swarm::{self, NetworkBehaviour, Swarm, behaviour::toggle::Toggle},
    tcp, yamux,
};
use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};
use rcmgr_libp2p::{ConnectionManager, Gate, Regulation};

use super::work;

/// How long a handshake may take; an unfinished one holds its place for that long.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(2);
/// Longer than any pause between two requests, so that a connection in use stays.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Who takes part. Identity and jitter follow from the seed and from this.
#[derive(Clone, Copy)]
pub enum Party {
    Node,
    Honest(u16),
    Abuser(u16),
}

impl Party {
    /// The source of the party's jitter.
    pub fn rng(self, seed: u64) -> SmallRng {
        let party = match self {
            Party::Node => 0,
            Party::Honest(index) => 1 << 32 | u64::from(index),
            Party::Abuser(index) => 2 << 32 | u64::from(index),
        };
        // An odd factor maps no two parties to one number.
        SmallRng::seed_from_u64(seed ^ party.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// The party's identity.
    pub fn keypair(self, seed: u64) -> Keypair {
        let secret: [u8; 32] = self.rng(seed).random();
        Keypair::ed25519_from_bytes(secret).expect("any 32 bytes are an Ed25519 secret")
    }
}

/// A peer's transport: connections come out with their peer and their muxer.
pub type Transport = Boxed<(PeerId, StreamMuxerBox)>;

/// TCP, noise, yamux.
pub fn transport(keypair: &Keypair) -> io::Result<Transport> {
    transport_over(tcp::tokio::Transport::new(tcp::Config::default().nodelay(true)), keypair)
}

/// Noise and yamux over a transport of sockets.
pub fn transport_over<T>(sockets: T, keypair: &Keypair) -> io::Result<Transport>
where
    T: libp2p::Transport<Error: Send + Sync + 'static, Dial: Send, ListenerUpgrade: Send>,
    T: Send + Unpin + 'static,
    T::Output: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let noise = noise::Config::new(keypair).map_err(io::Error::other)?;
    Ok(sockets
        .upgrade(Version::V1Lazy)
        .authenticate(noise)
        .multiplex(yamux::Config::default())
        .timeout(HANDSHAKE_TIMEOUT)
        .boxed())
}

/// What node and clients speak.
#[derive(NetworkBehaviour)]
pub struct Behaviour {
    // First, so that the others never see what it denies.
    pub regulation: Toggle<Regulation>,
    ping: ping::Behaviour,
    identify: identify::Behaviour,
    pub work: work::Behaviour,
}

/// A swarm over a transport, whose connections a manager regulates if there is one.
pub fn swarm(
    transport: Transport,
    keypair: &Keypair,
    support: ProtocolSupport,
    connections: Option<&ConnectionManager>,
) -> Swarm<Behaviour> {
    let identify = identify::Config::new("/rcmgr-demo/1".to_owned(), keypair.public());
    let regulation = connections.map(|manager| Regulation::new(manager.clone(), Gate::default()));
    let behaviour = Behaviour {
        regulation: regulation.into(),
        ping: ping::Behaviour::default(),
        identify: identify::Behaviour::new(identify),
        work: work::behaviour(support),
    };
    let config = swarm::Config::with_tokio_executor().with_idle_connection_timeout(IDLE_TIMEOUT);
    Swarm::new(transport, behaviour, keypair.public().to_peer_id(), config)
}
