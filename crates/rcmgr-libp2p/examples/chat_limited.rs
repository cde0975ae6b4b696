//! A chat over gossipsub, with limits: `chat.rs` with its transport exchanged, and nothing else.
//!
//! `cargo run -p rcmgr-libp2p --example chat_limited` prints the address that it listens on; a second one
//! with this address as its argument joins it. What is typed on either is printed on the other.

#![allow(clippy::print_stdout)]

use std::error::Error;

use libp2p::{
    Multiaddr, SwarmBuilder, futures::StreamExt, gossipsub, identify, ping,
    swarm::NetworkBehaviour, swarm::SwarmEvent,
};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

#[derive(NetworkBehaviour)]
struct Chat {
    gossipsub: gossipsub::Behaviour,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut swarm = SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_other_transport(|key| {
            let mut limits = rcmgr_core::Limits::default();
            limits.system.connections = rcmgr_core::Limit::new(256);
            limits.transient.connections_inbound = rcmgr_core::Limit::new(32);
            limits.peer.streams_inbound = rcmgr_core::Limit::new(64);
            limits.peer.memory = rcmgr_core::Limit::new(32 << 20);
            Ok(rcmgr_libp2p::Stack::new(key)
                .with_tcp(libp2p::tcp::Config::default())
                .with_noise()
                .limited_by(rcmgr_core::ResourceManager::new(limits), Default::default())?)
        })?
        .with_behaviour(|key| {
            let signed = gossipsub::MessageAuthenticity::Signed(key.clone());
            Ok(Chat {
                gossipsub: gossipsub::Behaviour::new(signed, gossipsub::Config::default())?,
                identify: identify::Behaviour::new(identify::Config::new(
                    "/chat/1".into(),
                    key.public(),
                )),
                ping: ping::Behaviour::default(),
            })
        })?
        .build();

    let topic = gossipsub::IdentTopic::new("chat");
    swarm.behaviour_mut().gossipsub.subscribe(&topic)?;
    swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse()?)?;
    if let Some(address) = std::env::args().nth(1) {
        swarm.dial(address.parse::<Multiaddr>()?)?;
    }

    let mut lines = BufReader::new(stdin()).lines();
    loop {
        tokio::select! {
            line = lines.next_line() => {
                let Some(line) = line? else { return Ok(()) };
                if let Err(error) = swarm.behaviour_mut().gossipsub.publish(topic.clone(), line) {
                    println!("not sent: {error}");
                }
            }
            event = swarm.select_next_some() => match event {
                SwarmEvent::NewListenAddr { address, .. } => println!("listening on {address}"),
                SwarmEvent::Behaviour(ChatEvent::Gossipsub(gossipsub::Event::Subscribed {
                    peer_id, ..
                })) => println!("{peer_id} is here"),
                SwarmEvent::Behaviour(ChatEvent::Gossipsub(gossipsub::Event::Message {
                    message, ..
                })) => println!("> {}", String::from_utf8_lossy(&message.data)),
                _ => {}
            },
        }
    }
}
