//! What an application sees of refusals, and what it can do about them.
//!
//! `cargo run -p rcmgr-libp2p --example refusals` runs two nodes and makes each kind happen.

#![allow(clippy::print_stdout)]

use std::{error::Error, time::Duration};

use libp2p::{
    Multiaddr, PeerId, StreamProtocol, Swarm, SwarmBuilder,
    futures::{AsyncReadExt, AsyncWriteExt, StreamExt},
    identity::Keypair,
    swarm::{SwarmEvent, dial_opts::DialOpts},
    tcp,
};
use libp2p_stream::{Behaviour, Control, OpenStreamError};
use rcmgr_core::{Limit, Limits, Resource, ResourceManager, ScopeLimit};
use rcmgr_libp2p::{Config, InboundRefusal, Stack, StreamWait, find_refusal};

const ECHO: StreamProtocol = StreamProtocol::new("/echo/1");

type Failure = Box<dyn Error + Send + Sync>;

fn node(manager: &ResourceManager) -> Result<Swarm<Behaviour>, Failure> {
    let key = Keypair::generate_ed25519();
    let config = Config {
        // Swarm events for refused connections; without them they close in silence.
        inbound_refusal: InboundRefusal::Event,
        // So that this example need not wait; see the docs before you copy it.
        stream_wait: StreamWait::NONE,
        ..Config::default()
    };
    let transport = Stack::new(&key)
        .with_tcp(tcp::Config::default())
        .with_noise()
        .limited_by(manager.clone(), config)?;
    Ok(SwarmBuilder::with_existing_identity(key)
        .with_tokio()
        .with_other_transport(|_| transport)?
        .with_behaviour(|_| Behaviour::new())?
        .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(60)))
        .build())
}

/// What was refused, by whom, and whether it is worth while to try again.
fn tell(what: &str, error: &(dyn Error + 'static)) {
    match find_refusal(error) {
        Some(refusal) => {
            println!("{what}: {refusal} (again later: {})", refusal.may_succeed_later())
        }
        None => println!("{what}: not by limits of this node: {error}"),
    }
}

/// The next event that says something about a refusal, told; or that a connection stands.
async fn next(swarm: &mut Swarm<Behaviour>) -> Option<PeerId> {
    loop {
        match swarm.select_next_some().await {
            SwarmEvent::ConnectionEstablished { peer_id, .. } => return Some(peer_id),
            SwarmEvent::OutgoingConnectionError { error, .. } => {
                tell("own dial", &error);
                return None;
            }
            SwarmEvent::IncomingConnectionError { error, .. } => {
                tell("connection of another", &error);
                return None;
            }
            _ => {}
        }
    }
}

async fn echo(control: &mut Control, peer: PeerId) -> Result<(), Failure> {
    let mut stream = control.open_stream(peer, ECHO).await?;
    stream.write_all(b"hello").await?;
    stream.read_exact(&mut [0; 5]).await?;
    Ok(())
}

fn limited(resource: Resource, limit: u64) -> Limits {
    let mut limits = Limits::default();
    *limits.system.get_mut(resource) = Limit::new(limit);
    limits
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let managers = [(); 2].map(|()| ResourceManager::new(Limits::default()));
    let (mut here, mut there) = (node(&managers[0])?, node(&managers[1])?);
    let peer = *there.local_peer_id();
    let mut echoes = there.behaviour().new_control().accept(ECHO)?;
    tokio::spawn(async move {
        while let Some((_, mut stream)) = echoes.next().await {
            tokio::spawn(async move {
                let mut bytes = [0; 5];
                stream.read_exact(&mut bytes).await?;
                stream.write_all(&bytes).await
            });
        }
    });
    there.listen_on("/ip4/127.0.0.1/tcp/0".parse()?)?;
    let to: Multiaddr = loop {
        if let SwarmEvent::NewListenAddr { address, .. } = there.select_next_some().await {
            break address;
        }
    };
    let dial = |swarm: &mut Swarm<Behaviour>| {
        swarm.dial(DialOpts::peer_id(peer).addresses(vec![to.clone()]).build())
    };

    managers[0].set_limits(limited(Resource::ConnectionsOutbound, 0));
    dial(&mut here)?;
    next(&mut here).await;
    managers[0].set_limits(Limits::default());

    // The dialer sees no more than that the connection closed.
    managers[1].set_limits(limited(Resource::ConnectionsInbound, 0));
    dial(&mut here)?;
    tokio::join!(next(&mut here), next(&mut there));
    managers[1].set_limits(Limits::default());

    dial(&mut here)?;
    tokio::join!(next(&mut here), next(&mut there));
    let mut control = here.behaviour().new_control();
    for swarm in [here, there] {
        tokio::spawn(swarm.for_each(|_| async {}));
    }

    managers[0].set_limits(limited(Resource::StreamsOutbound, 0));
    match control.open_stream(peer, ECHO).await {
        Err(OpenStreamError::Io(error)) => tell("own stream", &error),
        other => println!("own stream: {other:?}"),
    }

    let mut limits = Limits::default();
    let none = ScopeLimit::UNLIMITED.with(Resource::StreamsOutbound, Limit::BLOCK_ALL);
    limits.protocols.insert(ECHO.as_ref().into(), none);
    managers[0].set_limits(limits);
    if let Err(error) = echo(&mut control, peer).await {
        tell("own protocol", &*error);
    }

    // The connection has lived through all of that.
    managers[0].set_limits(Limits::default());
    echo(&mut control, peer).await?;
    println!("with room: answered");
    Ok(())
}
