//! Transports with all that they need, as applications combine them by hand.

use libp2p::{
    Transport,
    core::{muxing::StreamMuxerBox, transport::upgrade::Version},
    identity::Keypair,
    noise, quic, relay, tcp, tls, websocket, yamux,
};

use super::{node::Stack, over_tcp};

pub fn over_tls(key: &Keypair) -> Stack {
    let tls = tls::Config::new(key).expect("a key pair signs");
    tcp::tokio::Transport::new(tcp::Config::default())
        .upgrade(Version::V1)
        .authenticate(tls)
        .multiplex(yamux::Config::default())
        .boxed()
}

pub fn over_quic(key: &Keypair) -> Stack {
    quic::tokio::Transport::new(quic::Config::new(key))
        .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)))
        .boxed()
}

pub fn over_websocket(key: &Keypair) -> Stack {
    let noise = noise::Config::new(key).expect("a key pair signs");
    let tcp = tcp::tokio::Transport::new(tcp::Config::default());
    websocket::Config::new(tcp)
        .upgrade(Version::V1)
        .authenticate(noise)
        .multiplex(yamux::Config::default())
        .boxed()
}

/// TCP, and circuits over it.
pub fn over_circuits(key: &Keypair) -> (Stack, relay::client::Behaviour) {
    let noise = noise::Config::new(key).expect("a key pair signs");
    let (circuits, behaviour) = relay::client::new(key.public().to_peer_id());
    let stack = circuits
        .upgrade(Version::V1)
        .authenticate(noise)
        .multiplex(yamux::Config::default())
        .boxed()
        .or_transport(over_tcp(key))
        .map(|either, _| either.into_inner())
        .boxed();
    (stack, behaviour)
}
