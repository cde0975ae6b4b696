//! The native format of limits: one schema for YAML, TOML and JSON.
//!
//! ```
//! use std::sync::Arc;
//! use rcmgr_config::document::{self, Syntax};
//! use rcmgr_config::{Diagnostics, Effective, Given, Source, native};
//!
//! let text = "\
//! memory: 1GiB
//! limits:
//!   system:
//!     streams: {base: 1_000, per-gib: 500}
//!   protocols:
//!     /ping/1.0.0: {streams: 64, connections: unlimited}
//! ";
//! let source = Arc::new(Source::new("limits.yaml", text)?);
//! let mut diagnostics = Diagnostics::default();
//! let tree = document::parse(Syntax::of(&source), &source, &mut diagnostics);
//! let settings = tree.and_then(|tree| native::read(&source, &tree, &mut diagnostics));
//! let settings = settings.ok_or(diagnostics)?;
//!
//! let effective = Effective::of(settings, Given::exactly(1 << 30, 1024));
//! assert_eq!(effective.limits.system.streams.get(), 1500);
//! assert_eq!(effective.limits.protocols["/ping/1.0.0"].streams.get(), 64);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What the keys are is declared once, in `schema` and `form`. From there the reader knows what to
//! take and what to say of what is wrong, the writer what there is to write, [`set()`] and
//! [`environment()`] which paths and variables there are, and the [`reference()`] and the
//! [`json_schema()`] are made.

mod complete;
mod environment;
mod form;
mod json_schema;
mod keep;
mod path;
mod read;
mod reference;
mod report;
mod say;
mod scalar;
mod schema;
mod set;
mod time;
mod value;
mod write;
mod written;
mod yaml;

pub use complete::complete;
pub use environment::{environment, variables};
pub use json_schema::json_schema;
pub use path::{InvalidPath, path};
pub use read::read;
pub use reference::reference;
pub use set::set;
pub(crate) use time::LONGEST as LONGEST_TIME;
pub use write::{to_json, write};

#[cfg(test)]
mod tests;
