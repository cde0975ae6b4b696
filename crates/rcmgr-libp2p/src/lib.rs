//! Limits the connections and streams of a rust-libp2p node by wrapping its transport.
//!
//! [`Stack`] gives a node the usual transports, limited; only the transport of its `SwarmBuilder`
//! is another expression. From then on every connection and every stream of the node has an account
//! in an [`Accounting`](rcmgr_core::Accounting), most often a
//! [`ResourceManager`](rcmgr_core::ResourceManager), and what has no room there is refused. No
//! behaviour, handler or protocol of the application changes.
//!
//! ```
//! use libp2p::{SwarmBuilder, ping, tcp};
//! use rcmgr_core::{Limit, Limits, ResourceManager};
//! use rcmgr_libp2p::{Config, Stack};
//!
//! let mut limits = Limits::default();
//! limits.transient.connections_inbound = Limit::new(64);
//! limits.peer.streams_inbound = Limit::new(128);
//! let manager = ResourceManager::new(limits);
//!
//! let accounting = manager.clone();
//! let swarm = SwarmBuilder::with_new_identity()
//!     .with_tokio()
//!     .with_other_transport(|key| {
//!         let stack = Stack::new(key)
//!             .with_noise()
//!             .with_tcp(tcp::Config::default())
//!             .with_quic()
//!             .with_dns();
//!         Ok(stack.limited_by(accounting, Config::default())?)
//!     })?
//!     .with_behaviour(|_| ping::Behaviour::default())?
//!     .build();
//!
//! assert_eq!(manager.stats().system.connections_inbound, 0);
//! # drop(swarm);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Features
//!
//! None is on by default, and without them this crate depends on little of libp2p. Each brings the
//! part of [`Stack`] of its name: `tcp`, `websocket` (with `tcp`), `quic`, `relay`, `dns`, `noise`,
//! `tls`, and `yamux`, the muxer of all but QUIC, which `tcp`, `websocket` and `relay` bring along.
//! Each needs one crate of libp2p, the one that the application has for the same part. With
//! `request-response`, [`find_refusal`] looks into the failures of that protocol.
//!
//! # A stack of one's own
//!
//! [`AccountedTransport`] goes around any authenticated, multiplexed transport, and has to go around
//! everything at once. `SwarmBuilder` has no place for that, so its own `with_tcp`, `with_quic` or
//! `with_relay_client` would stay outside: combine the transports by hand, the relay client's
//! included, wrap the whole, and pass it to `with_other_transport`.
//!
//! ```
//! use libp2p::{SwarmBuilder, Transport, core::upgrade::Version, noise, ping, tcp, yamux};
//! use rcmgr_core::{Limits, ResourceManager};
//! use rcmgr_libp2p::{AccountedTransport, Config};
//!
//! let manager = ResourceManager::new(Limits::default());
//! let swarm = SwarmBuilder::with_new_identity()
//!     .with_tokio()
//!     .with_other_transport(|key| {
//!         let stack = tcp::tokio::Transport::new(tcp::Config::default())
//!             .upgrade(Version::V1Lazy)
//!             .authenticate(noise::Config::new(key)?)
//!             .multiplex(yamux::Config::default());
//!         Ok(AccountedTransport::new(stack, manager, Config::default()))
//!     })?
//!     .with_behaviour(|_| ping::Behaviour::default())?
//!     .build();
//! # drop(swarm);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is accounted
//!
//! | what | from | to | charged with |
//! |---|---|---|---|
//! | inbound connection | before its handshake | its muxer is dropped | its [base memory](BaseMemory), a descriptor |
//! | outbound connection | its dial is first polled | its muxer is dropped | the same |
//! | stream | its muxer hands it out | it is dropped | its base memory |
//!
//! A connection is attached to its peer after the handshake. A stream belongs to its peer from
//! the start, and is attached to its protocol when the multistream-select negotiation that goes
//! through it ends in an agreement, and to the service that [`Config::services`] has for this
//! protocol, if any. Protocol names over 1023 bytes are not attributed.
//!
//! The base memory of connections and streams goes by the [`Transport`] that the connection's
//! address names; [`Config::base_memory`] says how much. A [`Stack`] adds the budget for the growth
//! of yamux windows to that of connections. libp2p's own yamux has no budget: what it grows is
//! accounted nowhere.
//!
//! A file descriptor is charged for addresses with `/tcp` or `/unix` but without `/p2p-circuit`:
//! connections of QUIC share one socket, and circuits have none. An address that has yet to be
//! resolved counts as what it says, so `/dnsaddr` counts none.
//!
//! Each connection is also asked for its address: how many connections that has, how fast they
//! come, and whether it is on the allowlist. An address that has yet to be resolved is not known
//! here, and a circuit has none of its own.
//!
//! # From the application
//!
//! [`scope_of()`] gives the account of a stream that libp2p has handed out: to reserve memory for
//! what the stream makes the node do, to begin spans, and to set a service that no table of
//! protocols can tell. [`Connections`] is a behaviour that gives the account of a connection by its
//! `ConnectionId`.
//!
//! # Who has to go
//!
//! [`Regulation`] is the behaviour of a connection manager: a
//! [`Regulator`](rcmgr_connmgr::Regulator) is told of connections, streams and their protocols, and
//! closes those worth least when there are more than their share. With
//! [`AccountedTransport::regulated_by`] a connection that the system scope refuses gets the place of
//! one that is worth less. [`ConnectionManager`] is what both, and the application, have in common.
//!
//! # What a refusal looks like
//!
//! | refused | here | at the remote party |
//! |---|---|---|
//! | inbound connection | as [`InboundRefusal`] says | the connection closes before its handshake |
//! | a peer's connection | `IncomingConnectionError` or `OutgoingConnectionError` | established, then closed |
//! | dial | `OutgoingConnectionError` | nothing |
//! | outbound stream | an I/O error of the stream, after its [wait](StreamWait) | nothing |
//! | inbound stream | nothing | silence, then its own timeout; `UnsupportedProtocols`, or the end of a lazily negotiated stream, if it is more patient than the [wait](StreamWait) or too many wait |
//! | protocol or service of a stream | an I/O error of the stream | the stream is reset after the agreement |
//!
//! An inbound stream has to be reset before its protocol is answered, which the remote party
//! takes for "not supported": gossipsub and ping then give up on the connection. So it waits for
//! room before, and limits of streams are kept wide, those of protocols and services tight. With
//! yamux and QUIC, a reset reads as a plain end of the stream; protocols that end their messages
//! that way cannot tell it from an empty answer.
//!
//! [`find_refusal`] finds the reason in all of these errors.
//!
//! # Guarantees
//!
//! - A refused stream, protocol or service does not close its connection, unless the remote party
//!   does not read that it was reset: see [`Yamux`].
//! - What is held is given back when the connection, stream or pending upgrade is dropped, whatever
//!   the order: a stream that outlives its connection keeps its own account.
//! - A remote party cannot create scopes of protocols or services: the name of a protocol counts
//!   once this node has agreed to it, and services have the names that the configuration gives.
//! - Floods are refused in bounded portions, between which the task yields.
//! - Watching a negotiation keeps at most one line of each direction, of 1 KiB at most, and
//!   nothing once the protocol is settled.
//!
#![cfg_attr(
    not(any(feature = "quic", feature = "yamux")),
    doc = "[`Stack`]: #features \"Needs a feature\""
)]

mod account_ref;
mod asked;
mod asker;
mod base_memory;
mod config;
mod connections;
mod error;
mod held;
mod muxer;
mod negotiation;
mod pace;
mod regulation;
mod room;
mod scope_of;
mod services;
#[cfg(any(feature = "quic", feature = "yamux"))]
mod stack;
mod stream;
mod stream_wait;
mod transport;
mod transport_of;
mod upgrade;
mod waiting;
#[cfg(feature = "yamux")]
mod yamux;

pub use account_ref::AccountRef;
pub use base_memory::BaseMemory;
pub use config::{Config, InboundRefusal};
pub use connections::{Connections, Known};
pub use error::{TransportError, find_refusal};
pub use muxer::AccountedMuxer;
/// How connections come, and what takes memory by itself.
pub use rcmgr_core::{Carrier, Transport};
pub use regulation::{ConnectionManager, Gate, GateClosed, Paused, Regulated, Regulation, peer_of};
pub use scope_of::scope_of;
pub use services::Services;
#[cfg(any(feature = "quic", feature = "yamux"))]
pub use stack::{Stack, StackError};
pub use stream::AccountedStream;
pub use stream_wait::StreamWait;
pub use transport::AccountedTransport;
pub use upgrade::AccountedUpgrade;
#[cfg(feature = "yamux")]
pub use yamux::{Yamux, YamuxMuxer, YamuxStream};

// The examples of the book's chapter are compiled and run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/src/libp2p.md")]
struct Chapter;
