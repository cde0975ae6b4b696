//! `rcmgr node`: the demonstration's node as a command that runs until it is stopped, with limits
//! that change while it runs.

use std::{
    error::Error,
    io::{self, Write as _},
    process::ExitCode,
    sync::Arc,
};

use libp2p::Multiaddr;
use rcmgr_admin::{
    BindError, LimitsFile, Listen, NodeUrl, Server, Token, connection_routes, follow_memory,
    no_connection_routes, routes, watch_pressure,
};
use rcmgr_config::{
    Carrier, Effective, LiveLimits, MemoryPressure, PressureRules, ThisMachine, Transport,
    contradictions,
    machine::{MachineMemory, resident},
};
use rcmgr_core::ResourceManager;
use rcmgr_libp2p::BaseMemory;
use serde_json::json;
use tokio::{
    runtime::Runtime,
    signal,
    sync::watch,
    task::{JoinHandle, JoinSet},
};

pub mod connections;

use crate::{
    args::{BAD_INPUT, node::Node as Args},
    demo::node::Node,
    limits::{self, Failure},
};

/// Runs the node. The exit code is 2 for input that means nothing, and 1 where the system does not
/// let it run.
pub fn main(args: &Args) -> ExitCode {
    log_to_standard_error();
    let outcome =
        Runtime::new().map_err(Problem::from).and_then(|runtime| runtime.block_on(run(args)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            // Nothing is left to be done when this cannot be told either.
            let _ = writeln!(io::stderr(), "rcmgr: {problem}");
            match problem {
                Problem::Limits(failure) => failure.code(),
                Problem::Bind(BindError::TokenNeeded(_)) => ExitCode::from(BAD_INPUT),
                _ => ExitCode::FAILURE,
            }
        }
    }
}

/// Why the node does not run.
#[derive(Debug, thiserror::Error)]
enum Problem {
    #[error(transparent)]
    Limits(#[from] Failure),
    #[error(transparent)]
    Watch(#[from] rcmgr_admin::WatchError),
    #[error(transparent)]
    Token(#[from] rcmgr_admin::TokenError),
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error("{0}")]
    System(#[from] io::Error),
}

async fn run(args: &Args) -> Result<(), Problem> {
    // Taken before anybody is told that the node runs: who knows may ask it to end.
    let ended = Ended::taken()?;
    let format = args.sources.from.map(limits::from);
    let file = args.config.as_ref().map(|path| Arc::new(LimitsFile::new(path, format)));
    // Watched before it is read, so that no change is missed.
    let watcher = file.as_ref().map(|file| file.watch()).transpose()?;
    let (layers, found) = limits::layers(args.config.as_slice(), &args.sources)?;
    for warning in found.warnings() {
        tracing::warn!("{warning}");
    }
    let manager = ResourceManager::default();
    let live = LiveLimits::start(manager.clone(), ThisMachine, layers).map_err(Failure::from)?;
    let live = Arc::new(live);
    let version = live.current();
    for warning in contradictions(&version.effective) {
        tracing::warn!("{warning}");
    }

    let none = connections::none(&version.effective);
    let managed = match &none {
        Some(_) => None,
        None => Some(connections::Managed::of(&version.effective).map_err(Failure::Input)?),
    };
    let connections = managed.as_ref().map(|managed| managed.connections.clone());
    let server = match args.no_admin {
        true => None,
        false => {
            let token = match &args.token_file {
                Some(path) => Some(Token::from_file(path)?),
                None => Token::from_environment()?,
            };
            Some(Server::bind(&args.admin, token).await?)
        }
    };
    let seed = args.seed.unwrap_or_else(rand::random);
    let base_memory = base_memory(&version.effective);
    let node =
        Node::start(manager, seed, args.listen.clone(), base_memory, connections.clone()).await?;
    announce(args, &node, server.as_ref().map(Server::local))?;

    let mut tasks = JoinSet::new();
    match managed {
        Some(managed) => tasks.spawn(managed.watch(live.clone(), version)),
        None => tasks.spawn(connections::watch_none(live.clone(), version)),
    };
    tasks.spawn(follow_memory(live.clone()));
    if let Some(pressure) = pressure() {
        tasks.spawn(watch_pressure(live.manager().clone(), pressure, resident));
    }
    if let (Some(file), Some(watcher)) = (&file, watcher) {
        tasks.spawn(file.clone().follow(watcher, live.clone()));
    }
    let (stop, stopped) = watch::channel(false);
    let served: Option<JoinHandle<()>> = server.map(|server| {
        let mut stopped = stopped.clone();
        let stop = async move {
            // An error means that nobody can say stop any more, which is a stop as well.
            let _ = stopped.wait_for(|stop| *stop).await;
        };
        let of_connections = match connections {
            Some(connections) => connection_routes(Arc::new(connections::Admin(connections))),
            None => no_connection_routes(none.unwrap_or_default()),
        };
        let routes = routes(live.clone(), file).merge(of_connections);
        tokio::spawn(server.serve(routes, stop))
    });
    ended.wait().await;
    stop.send_replace(true);
    if let Some(served) = served {
        // What the server could not finish, it has cut off by itself.
        let _ = served.await;
    }
    tasks.shutdown().await;
    drop(node);
    Ok(())
}

/// What connections and streams take by themselves: what is said, or else what was measured.
fn base_memory(effective: &Effective) -> BaseMemory {
    let mut base_memory = Node::base_memory();
    for transport in Transport::ALL {
        for carrier in Carrier::ALL {
            if let Some(bytes) = effective.base_memory(transport, carrier) {
                base_memory = base_memory.with(transport, carrier, bytes);
            }
        }
    }
    base_memory
}

/// What tells how short of memory the process is, if the machine tells how much it may take.
fn pressure() -> Option<MemoryPressure> {
    let pressure = || -> Result<MemoryPressure, Box<dyn Error>> {
        let budget = MachineMemory::of_this_process()?.bytes;
        Ok(MemoryPressure::new(budget, PressureRules::DEFAULT)?)
    };
    pressure().map_err(|error| tracing::warn!(%error, "memory pressure is not watched")).ok()
}

/// Says where the node is.
fn announce(args: &Args, node: &Node, admin: Option<&Listen>) -> io::Result<()> {
    let address: Multiaddr = node.address.clone().with_p2p(node.peer).unwrap_or_else(|same| same);
    let mut out = io::stdout().lock();
    let url = admin.map(|listen| NodeUrl::from(listen).to_string());
    if args.json {
        writeln!(
            out,
            "{}",
            json!({ "address": address, "peer": node.peer.to_string(), "admin": url })
        )?;
    } else {
        writeln!(out, "node   {address}")?;
        if let Some(url) = url {
            writeln!(out, "admin  {url}")?;
        }
    }
    out.flush()
}

/// The signals that ask the process to end.
struct Ended {
    #[cfg(unix)]
    terminate: signal::unix::Signal,
    #[cfg(unix)]
    interrupt: signal::unix::Signal,
}

impl Ended {
    /// Takes them from now on.
    fn taken() -> io::Result<Ended> {
        #[cfg(unix)]
        use signal::unix::{SignalKind, signal};
        Ok(Ended {
            #[cfg(unix)]
            terminate: signal(SignalKind::terminate())?,
            #[cfg(unix)]
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Ready when one has come.
    #[cfg(unix)]
    async fn wait(mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Ready when one has come.
    #[cfg(not(unix))]
    async fn wait(self) {
        if signal::ctrl_c().await.is_err() {
            std::future::pending().await
        }
    }
}

fn log_to_standard_error() {
    tracing_subscriber::fmt().with_writer(io::stderr).with_target(false).with_ansi(false).init();
}

#[cfg(test)]
mod tests;
