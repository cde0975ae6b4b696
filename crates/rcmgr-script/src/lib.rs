//! Scripts of resource management: what happens to a manager, one operation at a time, and what it
//! answers. They replay what go-libp2p's resource manager was recorded with, they are what a failed
//! property test prints, and anyone can write one.
//!
//! [`Script`] reads, [`Runner`] does, [`Recorded`] compares. A script comes from anywhere: whatever
//! is wrong with one is a [`ScriptError`] with file and line, and what is read is bounded.
//!
//! ```
//! use rcmgr_script::{Header, Op, Runner, Verdict};
//! use rcmgr_core::Limits;
//!
//! let mut limits = Limits::default();
//! limits.stream.memory = 100u32.into();
//! let mut runner = Runner::new(&Header::of(&limits))?;
//! let mut answer = |op: &str| -> Result<Verdict, Box<dyn std::error::Error>> {
//!     Ok(runner.apply(&serde_json::from_str(op)?)?)
//! };
//!
//! assert!(answer(r#"{"op":"open_stream","id":"s","peer":"p","dir":"in"}"#)?.ok);
//! let refused = answer(r#"{"op":"reserve","scope":"s","size":101,"prio":255}"#)?;
//! assert_eq!(refused.blocked_by.as_deref(), Some("s"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
#![doc = include_str!("../FORMAT.md")]

mod address;
mod check;
pub mod connections;
mod effects;
mod error;
mod handle;
mod header;
mod known;
mod lines;
mod name;
mod numbers;
mod op;
mod runner;
mod script;
mod verdict;
pub use address::{Allowed, BadAddress, Endpoint, Source};
pub use check::{Difference, Differing, End, Outcome, Recorded};
pub use error::{Fault, Place, ScriptError};
pub use header::{Header, NetworkLimit, NetworkRate, Rates, SubnetLimit, SubnetRate, TokenRate};
pub use known::{Known, KnownDifference};
pub use name::{BadName, Id, ScopeName, Shared, shared_name};
pub use numbers::{Dir, Much, Size};
pub use op::Op;
pub use runner::Runner;
pub use script::{Script, Verdicts};
pub use verdict::{Detail, ErrKind, Live, Stat, Verdict, What};
