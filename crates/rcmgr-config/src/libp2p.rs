//! go-libp2p's limits in JSON: the partial ones that operators write, and the complete ones that
//! they are applied over. Field names are those of Go.
//!
//! ```
//! use rcmgr_config::libp2p::PartialLimits;
//! use rcmgr_core::{Limit, Limits};
//!
//! let file = r#"{"System": {"Memory": "1073741824", "Conns": "blockAll"},
//!                "Protocol": {"/ipfs/kad/1.0.0": {"Streams": 4096}}}"#;
//! let partial: PartialLimits = serde_json::from_str(file)?;
//! let limits = partial.over(&Limits::default(), |peer| peer.as_bytes().into());
//! assert_eq!(limits.system.memory, Limit::new(1 << 30));
//! assert_eq!(limits.system.connections, Limit::BLOCK_ALL);
//! assert_eq!(limits.protocols["/ipfs/kad/1.0.0"].streams, Limit::new(4096));
//! # Ok::<(), serde_json::Error>(())
//! ```

mod base;
mod defaults;
mod partial;
mod read;
mod value;
mod write;

pub use base::{BaseLimit, BaseLimits};
pub use defaults::defaults;
pub use partial::{PartialLimit, PartialLimits};
pub(crate) use read::is_field;
pub use read::read;
pub use value::{Bound, Value};
pub use write::{Written, write, write_said};

/// Go's `math.MaxInt64`, which stands for "unlimited" wherever a limit is a plain number.
pub(crate) const MAX: u64 = i64::MAX as u64;
