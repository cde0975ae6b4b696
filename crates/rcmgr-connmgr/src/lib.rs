//! A connection manager: it decides which connections go when there are too many.
//!
//! - [`Manager`] is version 1: tags say what peers are worth, and those of the least worth go. What
//!   go-libp2p's connection manager does, point by point, without its defects.
//! - [`Regulator`] is version 2, after the proposal for libp2p: quotas, scores, locks, bursts and
//!   rounds, under a share that follows from the limits.
//!
//! Neither does I/O or has a clock: each call that needs the time is told it, as a duration since
//! any fixed start, and what has to go is a list of connections for the caller to close. Call
//! `poll` when `next_due` is reached.
//!
//! What a node begins with is here. In modules are the parts of the regulator, of which each can be
//! used alone: who may have how many connections ([`quota`]), what these are worth ([`scoring`]),
//! what keeps them ([`lock`]) or lets them go first ([`burst`]), which go ([`round`]) and when
//! ([`trigger`]), how the environment is ([`sense`]) and what is told of it all ([`observe`]). So are
//! parts of the manager that few programs name: [`decay`] and [`trim`].
//!
//! An example of version 1; [`Regulator`] has one of its own:
//!
//! ```
//! use std::{sync::Arc, time::Duration};
//! use rcmgr_connmgr::{ConnectionId, Direction, Manager, Peer, Settings, Watermarks};
//!
//! let marks = Watermarks::new(1, 2)?;
//! let manager = Manager::new(Settings { marks, grace: Duration::ZERO, ..Settings::default() })?;
//! let now = Duration::from_secs(1);
//! for (id, value) in [(1, 5), (2, 3)] {
//!     let peer = Peer::new(&[id])?;
//!     let connection = ConnectionId(id.into());
//!     manager.connection_opened(now, &peer, connection, Direction::Inbound, Arc::from("/ip4/192.0.2.1"), 1)?;
//!     manager.tag(now, &peer, "useful", value)?;
//! }
//! let report = manager.trim(now);
//! assert_eq!(report.close.len(), 1);
//! assert_eq!(report.close[0].connection, ConnectionId(2));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is deliberately not as in go-libp2p, in version 1
//! - Marks that contradict each other are refused.
//! - Among peers of equal worth the youngest go first, then a hash keyed by
//!   [`Settings::seed`] decides; there it is chance.
//! - The background trim notes its time.
//! - A forced trim goes on to protected peers whenever the others are not enough, and counts each
//!   connection once. With trims turned off it does nothing.
//! - Peers with tags and no connection are dropped after [`Settings::temporary`].
//! - Functions of the caller's run with no lock held.
//! - Calls take effect before they return: no queue of bumps can be full, and closing a decaying
//!   tag cannot fail half-way.
//! - A late tick makes up for the intervals that were missed.
//! - Negative values fade towards 0 like positive ones.
//! - Expire-when-inactive removes the tag, counted from its last bump, by the caller's clock.
//! - Removing a decaying tag from an unknown peer makes no entry for it.
//! - A bump after the manager was closed is refused.
//! - Sums saturate, and everything that other parties can make grow is bounded by [`Bounds`].

pub mod burst;
pub mod decay;
mod error;
pub mod lock;
mod manager;
pub mod observe;
mod peer;
pub mod quota;
mod regulator;
pub mod round;
mod score;
mod scorer;
pub mod scoring;
pub mod sense;
mod share;
mod slot;
mod stream;
mod time;
pub mod trigger;
pub mod trim;
mod unpoisoned;

pub use error::{AboveLimit, EmptyPeer, Full, OpenError, SettingsError, TagError, TooLong};
#[cfg(feature = "tokio")]
pub use manager::Runner;
pub use manager::{
    Bounds, Close, ConnectionInfo, Event, GraceFrom, Info, Manager, NullManager, Settings, TagInfo,
    TrimReport, Watermarks,
};
pub use peer::{ConnectionId, Peer};
pub use rcmgr_core::Direction;
pub use regulator::{
    Action, BeginError, BurstError, Eviction, LockError, NoRoom, Opened, Regulator, RegulatorError,
    RegulatorEvent, RegulatorSettings, Room, RoundReport, Scoring, Tuning, Wanted,
};
pub use score::Score;
pub use scorer::Scorer;
pub use share::{Share, ShareError, ShareSettings};
pub use stream::{StreamId, StreamView};

// The examples of the book's chapter are compiled and run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/src/connections.md")]
struct Connections;
#[cfg(doctest)]
#[doc = include_str!("../../../docs/src/regulation.md")]
struct Regulation;
