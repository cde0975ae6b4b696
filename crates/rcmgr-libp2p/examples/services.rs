//! A node that takes uploads: its streams belong to a service, and the memory that an upload needs
//! is reserved before it is read.
//!
//! `cargo run -p rcmgr-libp2p --example services` runs the node and three clients.

#![allow(clippy::print_stdout)]

use std::{error::Error, io};

use libp2p::{
    Multiaddr, PeerId, Stream, StreamProtocol, Swarm, SwarmBuilder,
    futures::{AsyncReadExt, AsyncWriteExt, StreamExt, future::join_all},
    identity::Keypair,
    swarm::{SwarmEvent, dial_opts::DialOpts},
    tcp,
};
use libp2p_stream::{Behaviour, Control};
use rcmgr_core::{Limit, Limits, Priority, Resource, ResourceManager, ScopeLimit};
use rcmgr_libp2p::{Config, Services, Stack, scope_of};

const UPLOAD: StreamProtocol = StreamProtocol::new("/files/upload/1");
const SERVICE: &str = "files";

type Failure = Box<dyn Error + Send + Sync>;

/// The service may hold 3 MiB beside what its streams take by themselves.
fn limits() -> Limits {
    let mut limits = Limits::default();
    let service = ScopeLimit::UNLIMITED
        .with(Resource::Memory, Limit::new((3 << 20) + 3 * (256 << 10)))
        .with(Resource::StreamsInbound, Limit::new(16));
    limits.services.insert(SERVICE.into(), service);
    limits.peer.streams_inbound = Limit::new(4);
    limits
}

/// One upload: eight bytes that say its size, an answer of one byte, and then, if it is welcome, the
/// upload itself and another byte when it is there.
async fn receive(mut stream: Stream) -> io::Result<()> {
    let mut size = [0; 8];
    stream.read_exact(&mut size).await?;
    let size = u64::from_be_bytes(size);
    // The stream was attached to its protocol and service when they were agreed on.
    let reserved = match scope_of::<ResourceManager>(&mut stream) {
        Some(scope) => scope.reserve_memory(size, Priority::ALWAYS).map(|room| room.into_owned()),
        // Only a stream that is about to be reset has no scope.
        None => return Err(io::ErrorKind::ConnectionReset.into()),
    };
    match reserved {
        Ok(_room) => {
            stream.write_all(b"+").await?;
            let mut bytes = Vec::new();
            (&mut stream).take(size).read_to_end(&mut bytes).await?;
            stream.write_all(b"!").await?;
            // … and `_room` is given back with the bytes.
        }
        Err(error) => {
            println!("node: no room for {size} bytes: {error}");
            stream.write_all(b"-").await?;
        }
    }
    stream.close().await
}

/// Asks the node whether it has room; gives the stream, and the answer.
async fn ask(control: &mut Control, node: PeerId, size: usize) -> Result<(Stream, u8), Failure> {
    let mut stream = control.open_stream(node, UPLOAD).await?;
    stream.write_all(&(size as u64).to_be_bytes()).await?;
    let mut answer = [0];
    stream.read_exact(&mut answer).await?;
    Ok((stream, answer[0]))
}

/// Whether the node has taken it.
async fn upload(mut control: Control, node: PeerId, size: usize) -> Result<bool, Failure> {
    // libp2p-stream resets a stream that comes while its acceptor is busy with another.
    let mut again = 0..10;
    let (mut stream, mut answer) = loop {
        match ask(&mut control, node, size).await {
            Ok(asked) => break asked,
            Err(failure) if again.next().is_none() => return Err(failure),
            Err(_) => {}
        }
    };
    if answer == b'+' {
        stream.write_all(&vec![7; size]).await?;
        let mut taken = [0];
        stream.read_exact(&mut taken).await?;
        answer = taken[0];
    }
    // The node has answered, and may have closed the connection by now, since nothing is left on it.
    let _ = stream.close().await;
    Ok(answer == b'!')
}

fn node(manager: &ResourceManager) -> Result<Swarm<Behaviour>, Failure> {
    let key = Keypair::generate_ed25519();
    let services = Services::default().with_protocol(UPLOAD.as_ref(), SERVICE);
    let config = Config { services, ..Config::default() };
    let transport = Stack::new(&key)
        .with_tcp(tcp::Config::default())
        .with_noise()
        .limited_by(manager.clone(), config)?;
    Ok(SwarmBuilder::with_existing_identity(key)
        .with_tokio()
        .with_other_transport(|_| transport)?
        .with_behaviour(|_| Behaviour::new())?
        .build())
}

/// Lets a node work.
fn run(mut swarm: Swarm<Behaviour>) {
    tokio::spawn(async move {
        loop {
            swarm.select_next_some().await;
        }
    });
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let manager = ResourceManager::new(limits());
    let mut server = node(&manager)?;
    let peer = *server.local_peer_id();
    let mut uploads = server.behaviour().new_control().accept(UPLOAD)?;
    tokio::spawn(async move {
        while let Some((_, stream)) = uploads.next().await {
            // As many as the limits let in.
            tokio::spawn(receive(stream));
        }
    });
    server.listen_on("/ip4/127.0.0.1/tcp/0".parse()?)?;
    let address: Multiaddr = loop {
        if let SwarmEvent::NewListenAddr { address, .. } = server.select_next_some().await {
            break address;
        }
    };
    run(server);

    let clients = [1 << 20, 2 << 20, 8 << 20].map(|size| {
        let address = address.clone();
        async move {
            let mut client = node(&ResourceManager::new(Limits::default()))?;
            client.dial(DialOpts::peer_id(peer).addresses(vec![address]).build())?;
            let control = client.behaviour().new_control();
            run(client);
            let taken = upload(control, peer, size).await?;
            Ok::<_, Failure>((size, taken))
        }
    });
    for outcome in join_all(clients).await {
        let (size, taken) = outcome?;
        println!("client: {size} bytes were {}", if taken { "taken" } else { "refused" });
    }
    Ok(())
}
