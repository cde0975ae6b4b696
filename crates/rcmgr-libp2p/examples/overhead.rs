//! Prints what the wrapper costs: streams, connections and bytes per second of two libp2p nodes on
//! loopback, with limits against without.
//!
//! All run in one process and take turns. Each turn gives a ratio, and the median of the ratios
//! counts; who goes first changes, so that nobody gains by its place. Of a limited pair both nodes are
//! limited, with finite limits in every scope.
//!
//! `cargo run --release -p rcmgr-libp2p --example overhead -- [turns]`

#![allow(clippy::print_stdout)]

use std::{
    env,
    error::Error,
    time::{Duration, Instant},
};

use libp2p::{
    Multiaddr, PeerId, StreamProtocol, Swarm, SwarmBuilder, Transport,
    core::{
        muxing::{StreamMuxer, StreamMuxerBox},
        transport::{Boxed, upgrade::Version},
    },
    futures::{AsyncReadExt, AsyncWriteExt, StreamExt, future::try_join_all},
    identity::Keypair,
    noise,
    swarm::{SwarmEvent, dial_opts::DialOpts},
    tcp, yamux,
};
use libp2p_stream::{Behaviour, Control};
use rcmgr_core::{Limit, Limits, Resource, ResourceManager, ScopeLimit};
use rcmgr_libp2p::{AccountedTransport, Config, Stack};
use tokio::sync::{mpsc, oneshot};

/// Each carries one stream at a time: libp2p-stream drops those for which nobody is ready.
const ECHOES: [StreamProtocol; 4] = [
    StreamProtocol::new("/echo/1"),
    StreamProtocol::new("/echo/2"),
    StreamProtocol::new("/echo/3"),
    StreamProtocol::new("/echo/4"),
];
const SINK: StreamProtocol = StreamProtocol::new("/sink/1");

/// Streams of one sample, opened, used for one byte each way, and closed.
const STREAMS: usize = 2000;
/// Connections of one sample, dialed and closed one after the other.
const CONNECTIONS: usize = 150;
/// Bytes of one sample, over one stream.
const BYTES: usize = 96 << 20;

type Failure = Box<dyn Error + Send + Sync>;

/// Limits that are asked in every scope and refuse nothing.
fn limits() -> Limits {
    let ample = Resource::ALL.into_iter().fold(ScopeLimit::UNLIMITED, |limit, resource| {
        limit.with(
            resource,
            Limit::new(if resource == Resource::Memory { 1 << 40 } else { 1 << 20 }),
        )
    });
    Limits {
        system: ample,
        transient: ample,
        service: ample,
        protocol: ample,
        peer: ample,
        protocol_peer: ample,
        service_peer: ample,
        connection: ample,
        stream: ample,
        ..Limits::default()
    }
}

type Boxes = Boxed<(PeerId, StreamMuxerBox)>;

/// What both have in common.
fn stack(
    key: &Keypair,
) -> Result<
    impl Transport<
        Output = (PeerId, impl StreamMuxer<Substream: Send, Error: Send + Sync> + Send + use<>),
        Error: Send + Sync,
        Dial: Send,
        ListenerUpgrade: Send,
    > + Send
    + Unpin
    + use<>,
    Failure,
> {
    Ok(tcp::tokio::Transport::new(tcp::Config::default().nodelay(true))
        .upgrade(Version::V1Lazy)
        .authenticate(noise::Config::new(key)?)
        .multiplex(yamux::Config::default()))
}

fn plain(key: &Keypair) -> Result<Boxes, Failure> {
    Ok(stack(key)?.map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer))).boxed())
}

fn limited(key: &Keypair) -> Result<Boxes, Failure> {
    let manager = ResourceManager::new(limits());
    Ok(AccountedTransport::new(stack(key)?, manager, Config::default())
        .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)))
        .boxed())
}

fn built(key: &Keypair) -> Result<Boxes, Failure> {
    let manager = ResourceManager::new(limits());
    Ok(Stack::new(key)
        .with_tcp(tcp::Config::default().nodelay(true))
        .with_noise()
        .limited_by(manager, Config::default())?)
}

type Build = fn(&Keypair) -> Result<Boxes, Failure>;

/// Plain nodes, against which the others are held; the same with the wrapper; those that the builder
/// makes, with its own muxer; other plain ones, whose ratio shows what chance alone makes of it.
const KINDS: [(&str, Build); 4] =
    [("plain", plain), ("wrapped", limited), ("`Stack`", built), ("plain again", plain)];

fn node(stack: Build) -> Result<Swarm<Behaviour>, Failure> {
    let swarm = SwarmBuilder::with_new_identity()
        .with_tokio()
        .with_other_transport(stack)?
        .with_behaviour(|_| Behaviour::new())?
        .with_swarm_config(|config| config.with_idle_connection_timeout(Duration::from_secs(3600)))
        .build();
    Ok(swarm)
}

/// Two nodes with a connection that stays.
struct Pair {
    control: Control,
    peer: PeerId,
    /// Asks the dialing node to dial and close so many connections, and how long that took.
    connect: mpsc::Sender<oneshot::Sender<Duration>>,
}

impl Pair {
    async fn new(stack: Build) -> Result<Pair, Failure> {
        let mut there = node(stack)?;
        serve(there.behaviour().new_control())?;
        let peer = *there.local_peer_id();
        there.listen_on("/ip4/127.0.0.1/tcp/0".parse()?)?;
        let to = loop {
            if let SwarmEvent::NewListenAddr { address, .. } = there.select_next_some().await {
                break address;
            }
        };
        tokio::spawn(async move {
            loop {
                there.select_next_some().await;
            }
        });

        let mut here = node(stack)?;
        let control = here.behaviour().new_control();
        dial(&mut here, &to).await?;
        let (connect, mut asked) = mpsc::channel::<oneshot::Sender<Duration>>(1);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = here.select_next_some() => {}
                    Some(answer) = asked.recv() => {
                        // Without an answer the run ends with an error.
                        if let Ok(took) = connections(&mut here, &to).await {
                            let _ = answer.send(took);
                        }
                    }
                }
            }
        });
        Ok(Pair { control, peer, connect })
    }

    async fn streams(&self) -> Result<Duration, Failure> {
        let start = Instant::now();
        try_join_all(ECHOES.map(|echo| {
            let mut control = self.control.clone();
            async move {
                for _ in 0..STREAMS / ECHOES.len() {
                    let mut stream = control.open_stream(self.peer, echo.clone()).await?;
                    stream.write_all(&[7]).await?;
                    stream.read_exact(&mut [0]).await?;
                    stream.close().await?;
                }
                Ok::<(), Failure>(())
            }
        }))
        .await?;
        Ok(start.elapsed())
    }

    async fn connections(&self) -> Result<Duration, Failure> {
        let (answer, took) = oneshot::channel();
        self.connect.send(answer).await?;
        Ok(took.await?)
    }

    async fn bytes(&self) -> Result<Duration, Failure> {
        let start = Instant::now();
        let mut stream = self.control.clone().open_stream(self.peer, SINK).await?;
        let chunk = vec![7; 64 << 10];
        for _ in 0..BYTES / chunk.len() {
            stream.write_all(&chunk).await?;
        }
        stream.close().await?;
        // The other side has read all of it.
        stream.read_exact(&mut [0]).await?;
        Ok(start.elapsed())
    }

    async fn sample(&self, work: Work) -> Result<Duration, Failure> {
        match work {
            Work::Streams => self.streams().await,
            Work::Connections => self.connections().await,
            Work::Bytes => self.bytes().await,
        }
    }
}

/// Answers streams.
fn serve(mut control: Control) -> Result<(), Failure> {
    for protocol in ECHOES {
        let mut echo = control.accept(protocol)?;
        tokio::spawn(async move {
            while let Some((_, mut stream)) = echo.next().await {
                tokio::spawn(async move {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).await?;
                    stream.write_all(&byte).await?;
                    stream.close().await?;
                    // Dropped before its other side is closed, it would be reset.
                    stream.read(&mut byte).await
                });
            }
        });
    }
    let mut sink = control.accept(SINK)?;
    tokio::spawn(async move {
        while let Some((_, mut stream)) = sink.next().await {
            tokio::spawn(async move {
                let mut buffer = vec![0; 64 << 10];
                while stream.read(&mut buffer).await? > 0 {}
                stream.write_all(&[7]).await?;
                stream.close().await
            });
        }
    });
    Ok(())
}

async fn connections(swarm: &mut Swarm<Behaviour>, to: &Multiaddr) -> Result<Duration, Failure> {
    let start = Instant::now();
    for _ in 0..CONNECTIONS {
        let id = dial(swarm, to).await?;
        swarm.close_connection(id);
        loop {
            match swarm.select_next_some().await {
                SwarmEvent::ConnectionClosed { connection_id, .. } if connection_id == id => break,
                _ => {}
            }
        }
    }
    Ok(start.elapsed())
}

async fn dial(
    swarm: &mut Swarm<Behaviour>,
    to: &Multiaddr,
) -> Result<libp2p::swarm::ConnectionId, Failure> {
    let opts = DialOpts::unknown_peer_id().address(to.clone()).allocate_new_port().build();
    let id = opts.connection_id();
    swarm.dial(opts)?;
    loop {
        match swarm.select_next_some().await {
            SwarmEvent::ConnectionEstablished { connection_id, .. } if connection_id == id => {
                return Ok(id);
            }
            SwarmEvent::OutgoingConnectionError { error, .. } => return Err(error.into()),
            _ => {}
        }
    }
}

#[derive(Clone, Copy)]
enum Work {
    Streams,
    Connections,
    Bytes,
}

impl Work {
    const ALL: [Work; 3] = [Work::Streams, Work::Connections, Work::Bytes];

    /// What one sample does, and in which unit the table counts it.
    fn amount(self) -> (f64, &'static str) {
        match self {
            Work::Streams => (STREAMS as f64, "streams per second"),
            Work::Connections => (CONNECTIONS as f64, "connections per second"),
            Work::Bytes => ((BYTES >> 20) as f64, "MiB per second, one stream"),
        }
    }
}

fn quantile(sorted: &[f64], part: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * part).round() as usize]
}

/// What a sample takes in seconds, of each kind.
async fn turn(pairs: &[Pair], work: Work, turn: usize) -> Result<[f64; KINDS.len()], Failure> {
    let mut took = [0.0; KINDS.len()];
    for place in 0..pairs.len() {
        // Each comes to each place, behind each of its neighbours.
        let rounds = turn / pairs.len();
        let step = if rounds.is_multiple_of(2) { place } else { pairs.len() - place };
        let which = (turn + step) % pairs.len();
        took[which] = pairs[which].sample(work).await?.as_secs_f64();
    }
    Ok(took)
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Failure> {
    let turns = env::args().nth(1).map_or(Ok(40), |turns| turns.parse())?;
    let mut pairs = Vec::new();
    for (_, build) in KINDS {
        pairs.push(Pair::new(build).await?);
    }
    println!("{turns} samples of each; ratio to plain (quartiles): above 1 is faster\n");
    let names = KINDS.map(|(name, _)| name).join(" | ");
    println!("| work | {names} |\n|---|{}", "---:|".repeat(KINDS.len()));
    for work in Work::ALL {
        // Unmeasured: it fills caches and lets windows grow.
        turn(&pairs, work, 0).await?;
        let (amount, name) = work.amount();
        let mut speeds = Vec::new();
        let mut ratios = [const { Vec::new() }; KINDS.len() - 1];
        for number in 0..turns {
            let [plain, others @ ..] = turn(&pairs, work, number).await?;
            speeds.push(amount / plain);
            for (ratios, other) in ratios.iter_mut().zip(others) {
                ratios.push(plain / other);
            }
        }
        speeds.sort_by(f64::total_cmp);
        print!("| {name} | {:.0} |", quantile(&speeds, 0.5));
        for mut ratios in ratios {
            ratios.sort_by(f64::total_cmp);
            let [low, middle, high] = [0.25, 0.5, 0.75].map(|part| quantile(&ratios, part));
            print!(" {middle:.3} ({low:.3} to {high:.3}) |");
        }
        println!();
    }
    Ok(())
}
