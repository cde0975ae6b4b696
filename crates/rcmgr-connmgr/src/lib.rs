//! A connection manager: it decides which connections go when there are too many.
//!
//! - [`Manager`] is version 1: tags say what peers are worth, and those of the least worth go. What
//!   go-libp2p's connection manager does, point by point, without its defects.
//! - [`Regulator`] is version 2, after the proposal for libp2p: quotas, scores, locks, bursts and
//!   rounds, under a share that follows from the limits. Its parts can be used alone.
//!
//! Neither does I/O or has a clock: each call that needs the time is told it, as a duration since
//! any fixed start, and what has to go is a list of connections for the caller to close. Call
//! `poll` when `next_due` is reached.
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

mod amount;
mod burst;
mod bursts;
mod cached;
mod error;
mod lock;
mod manager;
pub mod observe;
mod peer;
mod quota;
mod regulator;
mod round;
mod score;
mod scorer;
mod scorers;
pub mod sense;
mod share;
mod slot;
mod stream;
mod tally;
mod time;
mod trigger;
mod unpoisoned;

pub use amount::Amount;
pub use burst::{Burst, BurstDenied, BurstId, BurstRoom, BurstSpec, EndedBurst, EnlistError};
pub use bursts::{BurstSettings, Bursts};
pub use cached::CachedScore;
pub use error::{
    AboveLimit, BumpError, EmptyPeer, Full, OpenError, RegisterError, SettingsError, TagError,
    TooLong,
};
pub use lock::{
    BudgetUse, ConnectionCell, ConnectionLook, Delivery, Kept, LiveConnection, LockBudgets,
    LockDenied, LockGuard, LockPriority, LockRequest, LockState, Locks, MAX_LEASE, Notice,
    OnRevoke, PeerLocks, RenewDenied, Revocation, RevocationPlan, TakenBy, TakenLock,
};
#[cfg(feature = "tokio")]
pub use manager::Runner;
pub use manager::{
    Bounds, Bump, Close, ConnectionInfo, Decay, Decayed, DecayingTag, DecayingValue, Event,
    GraceFrom, Idle, Info, Kind, Manager, NullManager, Order, Ranked, Row, Settings, TagInfo,
    TrimReport, Watermarks, choose, target,
};
pub use peer::{ConnectionId, Peer};
pub use quota::{
    Answer, Draining, EnrollError, Enrolled, Enrollment, Floors, FloorsDoNotFit, InsufficientShare,
    InvalidSpec, Matcher, NotEnrolled, Offer, OfferLapsed, Quota, QuotaChanged, QuotaSpec, Quotas,
    RenegotiateError, Routes,
};
pub use rcmgr_core::Direction;
pub use regulator::{
    Action, BeginError, BurstError, ConnectionTold, EnrolledProtocol, Eviction, Explained,
    ExplainedConnection, LockError, NoRoom, Opened, Regulator, RegulatorError, RegulatorEvent,
    RegulatorSettings, RegulatorSnapshot, Room, RoundReport, Said, Scoring, Tuning, Wanted,
};
pub use round::{
    Aim, Candidate, Closing, Crowding, Explanation, Hold, Mode, Newcomer, Phase, Plan, Policy,
    Report, Shields, Short, Spared, Stretch, Unmet, Verdict, Worth, arbitrate, dry_run, explain,
};
pub use score::Score;
pub use scorer::{Scorer, ScorerEnd};
pub use scorers::{ScorerAnswer, ScorerCounts, ScorerRefused, ScorerSettings, Scorers};
pub use share::{Share, ShareError, ShareSettings};
pub use slot::{Slot, Slots};
pub use stream::{StreamId, StreamView};
pub use tally::{TallyPart, Voice, Voices, Vote};
pub use trigger::{Cause, Causes, Request, Rule, RuleError, Rules, Signals, Triggers};

// The examples of the book's chapter are compiled and run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/src/connections.md")]
struct Connections;
#[cfg(doctest)]
#[doc = include_str!("../../../docs/src/regulation.md")]
struct Regulation;
