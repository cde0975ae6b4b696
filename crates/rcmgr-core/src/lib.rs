//! The engine of rcmgr: accounts memory, streams, connections, file descriptors and tasks in a DAG
//! of scopes, and refuses a reservation at the moment it is asked for when any scope that it
//! touches would pass its limit.
//!
//! It has no lock on any charge, move, release or close of scopes; limits are replaced while it
//! runs. It does no I/O, has no clock and no thread, and knows nothing of any network library: keys are
//! bytes and strings.
//!
//! # Scopes
//!
//! | scope | is charged with |
//! |---|---|
//! | system | everything |
//! | transient | connections without a peer, streams without a protocol |
//! | service, protocol, peer | the streams (of a peer, the connections too) that are attached to it |
//! | peer-protocol, peer-service | what one peer uses of one protocol or service |
//! | connection, stream | one of them and the memory that is reserved from it |
//! | span | a part of any of these, given back at once |
//!
//! Connections that an allowlist admitted are charged to twins of system and transient.
//!
//! # A guide
//!
//! Make a [`ResourceManager`] of [`Limits`]. For each connection call
//! [`ResourceManager::open_connection`] before the handshake and
//! [`ConnectionScope::set_peer`] after it. For each stream call [`ResourceManager::open_stream`],
//! then [`StreamScope::set_protocol`] and, if the application divides itself into services,
//! [`StreamScope::set_service`]. Reserve memory from either; drop what you were given, and
//! everything is released. A call that fails has left no trace; its [`Error`] says which scope
//! had no room for what, and whether trying again later makes sense.
//!
//! ```
//! use rcmgr_core::*;
//!
//! let mut limits = Limits::default();
//! limits.transient.connections_inbound = Limit::new(64);
//! limits.peer.memory = Limit::new(16 << 20);
//! let manager = ResourceManager::new(limits);
//!
//! let connection = manager.open_connection(ConnectionRequest::inbound().with_file_descriptor())?;
//! // … the handshake tells who it is …
//! connection.set_peer(b"peer")?;
//! let window = connection.reserve_memory(256 << 10, Priority::HIGH)?;
//!
//! let stream = manager.open_stream(b"peer", Direction::Inbound)?;
//! stream.set_protocol("/kad/1.0.0")?;
//! stream.set_service("dht")?;
//! assert_eq!(manager.stats().services["dht"].streams_inbound, 1);
//! # drop(window);
//! # Ok::<(), Error>(())
//! ```
//!
//! Work that belongs to no stream reserves from a shared scope, several resources at once if it
//! needs them: [`ResourceManager::service`] and its kin give a [`Scope`]. [`Span`] groups
//! reservations; [`Ledger`] is for callers that release numbers instead of dropping values.
//!
//! Transports and muxers that should not depend on this manager take any [`Accounting`].

// The layers in the order of dependency; the files of one layer know each other.

// Values, and what is asked of connections by them.
mod admission;
mod carrier;
mod error;
mod granule;
mod id;
mod limits;
mod observer;
mod resource;
mod word;

// State.
mod caution;
mod counters;
mod ease;
mod lifecycle;
mod node;
mod places;
mod recent;
mod snapshot;
mod sync;

// Protocol.
mod leaf;
mod owner;
mod path;
mod route;
mod shared_path;
mod span_state;
mod spare;

// Composition.
mod account;
mod builder;
mod connection;
mod engine;
mod ledger;
mod manager;
mod owned_span;
mod prepared;
mod registry;
mod reservation;
mod scope;
mod span;
mod stats;
mod stream;

#[cfg(test)]
mod progress;
pub mod transport;

pub use admission::{AllowlistEntry, ConnectionRates, InvalidRate, IpLimits, Rate};
pub use builder::Builder;
pub use carrier::{Carrier, Transport};
pub use connection::ConnectionScope;
pub use error::{Error, RateLimited, RateRule, Refusal};
pub use granule::{Granule, InvalidGranule};
pub use id::{Name, PeerKey, ScopeId};
/// Networks of addresses, as limits and the allowlist name them.
pub use ipnet;
pub use ledger::Ledger;
pub use limits::{Limit, Limits, ScopeLimit};
pub use manager::ResourceManager;
pub use observer::Observer;
pub use prepared::PreparedLimits;
pub use reservation::Reservation;
pub use resource::{Amount, Direction, Priority, Resource, TaskClass};
pub use scope::{PeerRef, PeerScope, ProtocolScope, Scope, ServiceScope};
pub use span::Span;
pub use span_state::MAX_SPAN_DEPTH;
pub use stats::Stats;
pub use stream::{ProtocolRef, ServiceRef, StreamScope};
pub use transport::{
    Accounting, ConnectionAccount, ConnectionRequest, Disabled, MemoryAccount, StreamAccount,
};

/// How often, in this process, a counter was asked for more than it held. Anything but 0 is a
/// fault of this crate; the counter was left as it was.
pub fn underflows() -> u64 {
    sync::faults::underflows()
}

// The examples of the README and of the book's guide are compiled and run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
#[cfg(doctest)]
#[doc = include_str!("../../../docs/src/guide.md")]
struct Guide;
