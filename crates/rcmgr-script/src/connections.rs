//! Scripts of a connection manager: connections and tags come and go, time passes, and trims say
//! what they close. They replay what go-libp2p's connection manager was recorded with.
//!
//! ```
//! use rcmgr_script::connections::{Header, Runner, Verdict};
//!
//! let header = r#"{"low":1,"high":2,"grace_ms":0,"silence_ms":10000,"resolution_ms":60000}"#;
//! let header: Header = serde_json::from_str(header)?;
//! let mut runner = Runner::new(&header)?;
//! let mut answer = |op: &str| -> Result<Verdict, Box<dyn std::error::Error>> {
//!     Ok(runner.apply(&serde_json::from_str(op)?)?)
//! };
//!
//! answer(r#"{"op":"connected","conn":"c","peer":"p","dir":"in","addr":"/ip4/192.0.2.1"}"#)?;
//! answer(r#"{"op":"connected","conn":"d","peer":"q","dir":"in","addr":"/ip4/192.0.2.2"}"#)?;
//! answer(r#"{"op":"tag","peer":"p","tag":"useful","value":5}"#)?;
//! let trims = answer(r#"{"op":"trim"}"#)?.trims;
//! assert_eq!(trims[0].closed, [["d"]]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
#![doc = include_str!("../CONNECTIONS.md")]

mod check;
mod op;
mod runner;
mod state;
mod tie;
mod verdict;

pub use check::{Difference, End, Outcome, check};
pub use op::{BumpFn, DecayFn, Dir, Header, Op, QueueOp, Upsert, is_script};
pub use runner::{Runner, run};
pub use verdict::{Info, Marks, PeerState, Ties, Trim, Verdict};
