//! Changes the limits of a running node: watches their file, and serves an interface over HTTP.
//!
//! - [`LimitsFile`] follows the file of the limits: whenever that changes, or the process was told
//!   to read it again, what it says takes effect, or the reason why not is logged.
//! - [`routes`] is the interface: what is in effect and why, a change of it, the versions before,
//!   and what every scope holds. [`Server`] serves it on a loopback address or a Unix socket, and
//!   anywhere else only to those who have the [`Token`].
//! - [`connection_routes`] are the same for connections: which there are, which would go and why, and
//!   a trim.
//! - [`follow_memory`] lets limits follow what is free on the machine.
//! - [`watch_pressure`] lets memory require a priority while the process takes nearly all that it may.
//! - [`Client`] asks such a server. [`FileWatcher`] and [`replace_file`] are what the others are
//!   made of.
//!
//! All that change limits change one [`LiveLimits`](rcmgr_config::LiveLimits), which takes one change at a
//! time, and each whole or not at all.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use rcmgr_admin::{LimitsFile, Server, follow_memory, routes};
//! use rcmgr_config::{Layers, LiveLimits, ThisMachine};
//! use rcmgr_core::ResourceManager;
//!
//! # async fn node() -> Result<(), Box<dyn std::error::Error>> {
//! let manager = ResourceManager::default();
//! let file = Arc::new(LimitsFile::new("limits.yaml", None));
//! // Watched before it is read, so that no change is missed.
//! let watcher = file.watch()?;
//! let layers = Layers { file: file.load()?.settings, ..Layers::default() };
//! let live = Arc::new(LiveLimits::start(manager.clone(), ThisMachine, layers)?);
//! tokio::spawn(file.clone().follow(watcher, live.clone()));
//! tokio::spawn(follow_memory(live.clone()));
//!
//! let server = Server::bind(&"127.0.0.1:5090".parse()?, None).await?;
//! server.serve(routes(live, Some(file)), std::future::pending()).await;
//! # Ok(())
//! # }
//! ```
//!
//! # Guarantees
//! - Nothing takes effect unless all of it is valid, and then all of it does at once.
//! - What a remote party can make grow is bounded: connections, headers, bodies, and the time for
//!   each; see [`Bounds`].
//! - A web page that someone looks at on the node's machine cannot change the node; see [`Server`].
//! - The token is not shown by `Debug`, is compared in constant time, and is never logged.

mod answer;
mod body;
mod bounds;
mod client;
mod connection;
mod connections;
mod file;
mod gate;
mod listen;
mod listener;
mod memory;
mod node_url;
mod pressure;
mod refused;
mod routes;
mod server;
mod stat;
mod stream;
mod token;
mod views;
mod watch;
mod wishes;
mod write;

pub use answer::refusal;
pub use bounds::{Bounds, MAX_BODY};
pub use client::{Answer, Client, ClientError};
pub use connections::{Regulated, connection_routes, no_connection_routes};
pub use file::{LimitsFile, PersistError};
pub use listen::{InvalidListen, Listen};
pub use listener::BindError;
pub use memory::follow_memory;
pub use node_url::{InvalidNodeUrl, NodeUrl};
pub use pressure::watch_pressure;
pub use routes::routes;
pub use server::Server;
pub use stat::{Held, OfNetwork, ScopeName, Stat};
pub use token::{InvalidToken, TOKEN_VARIABLE, Token, TokenError};
pub use watch::{Cause, FileWatcher, WatchError};
pub use write::{WriteError, replace_file};
