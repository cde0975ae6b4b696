//! Limits from configuration files.
//!
//! The same number means different things in different formats: 0 is "block all" in go-libp2p's
//! JSON and "inherit" elsewhere. So each format has its own types, which keep what was written
//! apart from what it means, and which become [`rcmgr_core::Limits`] over a base.
//!
//! The base of most is [`libp2p::defaults`], scaled to what a node is given of its machine.

mod follow;
mod diagnostic;
mod diagnostics;
pub mod document;
pub mod libp2p;
pub mod machine;
mod nearest;
mod quoted;
mod ratio;
mod scaling;
mod share;
mod size;
mod source;

pub use follow::{Follow, Follower, InvalidFollow};
pub use diagnostic::{Diagnostic, Severity};
pub use diagnostics::Diagnostics;
pub use nearest::nearest;
pub use quoted::{Quoted, quoted};
pub use ratio::{InvalidRatio, Ratio};
pub use scaling::{Increase, Scaling, ScopeScaling};
pub use share::Share;
pub use size::{InvalidSize, Size};
pub use source::{Position, Source, SourceError, Span};
