//! A chat over gossipsub, without limits; `chat_limited.rs` is the same node with them.
//!
//! `cargo run -p rcmgr-libp2p --example chat` prints the address that it listens on; a second one
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
        .with_tcp(
            libp2p::tcp::Config::default(),
            libp2p::noise::Config::new,
            libp2p::yamux::Config::default,
        )?
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
