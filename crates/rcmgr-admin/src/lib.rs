//! Changes the limits of a running node: watches their file, and serves an interface over HTTP.
//!
//! - [`FileWatcher`] tells when the file of the limits may have changed, or when the process was
//!   told to read it again.
//! - [`Server`] serves a [`Router`](axum::Router) on a loopback address or a Unix socket, and
//!   anywhere else only to those who have the [`Token`].
//! - [`Client`] asks such a server.
//! - [`replace_file`] writes a file so that readers see the old text or the new, never a part.
//!
//! # Guarantees
//! - What a remote party can make grow is bounded: connections, headers, bodies, and the time for
//!   each; see [`Bounds`].
//! - A web page that someone looks at on the node's machine cannot change the node; see [`Server`].
//! - The token is not shown by `Debug`, is compared in constant time, and is never logged.

mod answer;
mod body;
mod bounds;
mod client;
mod connection;
mod gate;
mod listen;
mod listener;
mod node_url;
mod server;
mod stream;
mod token;
mod watch;
mod write;

pub use answer::refusal;
pub use bounds::{Bounds, MAX_BODY};
pub use client::{Answer, Client, ClientError};
pub use listen::{InvalidListen, Listen};
pub use listener::BindError;
pub use node_url::{InvalidNodeUrl, NodeUrl};
pub use server::Server;
pub use token::{InvalidToken, TOKEN_VARIABLE, Token, TokenError};
pub use watch::{Cause, FileWatcher, WatchError};
pub use write::{WriteError, replace_file};
