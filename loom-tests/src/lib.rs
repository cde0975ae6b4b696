//! The sources of `rcmgr-core`, and the locks of `rcmgr-connmgr`, compiled against loom, with every
//! module in sight of the models in `tests/`.
//!
//! A feature of `rcmgr-core` would be unified over the workspace, and a flag for the whole build
//! would change other crates too; so the sources are compiled a second time, here.

#![allow(missing_docs, dead_code)]
// The engine's modules are private there, and these lints are for public ones.
#![allow(clippy::unwrap_used, clippy::new_without_default, clippy::len_without_is_empty)]

#[path = "../../crates/rcmgr-core/src/account.rs"]
pub mod account;
#[path = "../../crates/rcmgr-core/src/admission/mod.rs"]
pub mod admission;
#[path = "../../crates/rcmgr-core/src/builder.rs"]
pub mod builder;
#[path = "../../crates/rcmgr-core/src/carrier.rs"]
pub mod carrier;
#[path = "../../crates/rcmgr-core/src/caution.rs"]
pub mod caution;
#[path = "../../crates/rcmgr-core/src/connection.rs"]
pub mod connection;
#[path = "../../crates/rcmgr-core/src/counters.rs"]
pub mod counters;
#[path = "../../crates/rcmgr-core/src/ease.rs"]
pub mod ease;
#[path = "../../crates/rcmgr-core/src/engine.rs"]
pub mod engine;
#[path = "../../crates/rcmgr-core/src/error.rs"]
pub mod error;
#[path = "../../crates/rcmgr-core/src/granule.rs"]
pub mod granule;
#[path = "../../crates/rcmgr-core/src/id.rs"]
pub mod id;
#[path = "../../crates/rcmgr-core/src/leaf.rs"]
pub mod leaf;
#[path = "../../crates/rcmgr-core/src/ledger.rs"]
pub mod ledger;
#[path = "../../crates/rcmgr-core/src/lifecycle.rs"]
pub mod lifecycle;
#[path = "../../crates/rcmgr-core/src/limits.rs"]
pub mod limits;
#[path = "../../crates/rcmgr-connmgr/src/lock/mod.rs"]
pub mod lock;
#[path = "../../crates/rcmgr-core/src/manager.rs"]
pub mod manager;
#[path = "../../crates/rcmgr-core/src/node.rs"]
pub mod node;
#[path = "../../crates/rcmgr-core/src/observer.rs"]
pub mod observer;
#[path = "../../crates/rcmgr-core/src/owned_span.rs"]
pub mod owned_span;
#[path = "../../crates/rcmgr-core/src/owner.rs"]
pub mod owner;
#[path = "../../crates/rcmgr-core/src/path.rs"]
pub mod path;
#[path = "../../crates/rcmgr-core/src/places.rs"]
pub mod places;
#[path = "../../crates/rcmgr-core/src/prepared.rs"]
pub mod prepared;
#[path = "../../crates/rcmgr-core/src/recent.rs"]
pub mod recent;
#[path = "../../crates/rcmgr-core/src/registry.rs"]
pub mod registry;
#[path = "../../crates/rcmgr-core/src/reservation.rs"]
pub mod reservation;
#[path = "../../crates/rcmgr-core/src/resource.rs"]
pub mod resource;
#[path = "../../crates/rcmgr-core/src/route.rs"]
pub mod route;
#[path = "../../crates/rcmgr-core/src/scope.rs"]
pub mod scope;
#[path = "../../crates/rcmgr-core/src/shared_path.rs"]
pub mod shared_path;
#[path = "../../crates/rcmgr-connmgr/src/slot.rs"]
pub mod slot;
#[path = "../../crates/rcmgr-core/src/snapshot.rs"]
pub mod snapshot;
#[path = "../../crates/rcmgr-core/src/span.rs"]
pub mod span;
#[path = "../../crates/rcmgr-core/src/span_state.rs"]
pub mod span_state;
#[path = "../../crates/rcmgr-core/src/spare.rs"]
pub mod spare;
#[path = "../../crates/rcmgr-core/src/stats.rs"]
pub mod stats;
#[path = "../../crates/rcmgr-core/src/stream.rs"]
pub mod stream;
#[path = "../../crates/rcmgr-core/src/sync.rs"]
pub mod sync;
#[path = "../../crates/rcmgr-core/src/transport.rs"]
pub mod transport;
#[path = "../../crates/rcmgr-core/src/word.rs"]
pub mod word;

pub mod fixture;

pub use admission::{AllowlistEntry, ConnectionRates, InvalidRate, IpLimits, Rate};
pub use builder::Builder;
pub use carrier::{Carrier, Transport};
pub use connection::ConnectionScope;
pub use error::{Error, RateLimited, RateRule, Refusal};
pub use granule::{Granule, InvalidGranule};
pub use id::{Name, PeerKey, ScopeId};
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
