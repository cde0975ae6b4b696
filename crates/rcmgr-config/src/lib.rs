//! Limits as operators write them: from files of several formats, the environment, flags and the
//! machine.
//!
//! # From a text to limits
//!
//! 1. A [`Source`] is a text with a name. [`load`] reads it in whatever syntax and [`Format`] it is:
//!    [`native`], or that of [`libp2p`], [`kubo`], [`flow`] or [`greenfield`]. The same number means
//!    different things in them (0 is "block all" in go-libp2p's JSON and "inherit" in Flow's YAML),
//!    so each has a reader of its own.
//! 2. All of them come to the same [`Settings`], which say a part, each value with the place
//!    [where](At) it stands. [`Layers`] are those of all sources, in their order of precedence; a
//!    file that is the only source is one of them, too, for some values are right only together.
//! 3. [`Given`] is what the node gets of its [`Machine`], and [`Effective`] what the settings come
//!    to for it: [`rcmgr_core::Limits`], and the [`Origin`] of each of them.
//! 4. [`contradictions`] tells which limits can have no effect, [`changes`] what differs between two
//!    sets of them, and [`over`] which scopes hold more than they may.
//! 5. [`LiveLimits`] are those of a running node, in versions; [`MemoryPressure`] tells how short of
//!    memory it is.
//!
//! ```
//! use std::sync::Arc;
//! use rcmgr_config::{Effective, Given, Source, ThisMachine, contradictions, load};
//!
//! let text = "limits:\n  peer:\n    streams: 64\n    memory: 16MiB\n";
//! let source = Arc::new(Source::new("limits.yaml", text)?);
//! let loaded = load(&source, None, &ThisMachine)?;
//!
//! let given = Given::exactly(4 << 30, 65_536);
//! let effective = Effective::of(loaded.settings, given);
//! assert_eq!(effective.limits.peer.streams.get(), 64);
//! assert!(contradictions(&effective).is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What is wrong with a text is told as [`Diagnostics`]: all of it at once, each with its place and
//! what would be right.
//!
//! # Guarantees
//!
//! - No text makes a reader panic, or takes more than some hundred MiB and a second: see
//!   [`document::parse`].
//! - What one format is written as reads back the same, or what does not is told: [`LeftOut`].
//! - Nothing takes effect unless all of it is valid, and then all of it does at once.

// The layers in the order of dependency; the files of one layer know each other.

// Values.
pub mod allowlist;
mod factor;
pub mod peer;
mod portion;
mod quota;
mod ratio;
mod share;
mod size;
mod subject;

// Texts, and what is wrong with them.
mod diagnostic;
mod diagnostics;
pub mod document;
mod nearest;
mod quoted;
mod source;

// What is said, and what it comes to.
mod changes;
mod conflicts;
mod contradictions;
mod effective;
mod follow;
mod given;
mod layers;
mod said;
mod scaling;
mod settings;

// Formats.
pub mod flow;
mod formats;
mod go;
pub mod greenfield;
pub mod kubo;
mod left_out;
pub mod libp2p;
mod load;
pub mod native;
mod reading;

// While a node runs.
mod live;
mod pressure;

pub use changes::{Change, Over, Value, changes, over};
pub use contradictions::contradictions;
pub use diagnostic::{Diagnostic, Severity};
pub use diagnostics::Diagnostics;
pub use effective::{ConnectionManager, Effective, Key, Origin};
pub use factor::{Factor, InvalidFactor};
pub use follow::{Follow, Follower, InvalidFollow};
pub use formats::{Format, InvalidFormat, Read};
pub use given::{Given, GivenError, Machine, NoMachine, OfMemory, ThisMachine};
pub use layers::{Layers, LayersError};
pub use left_out::{Instead, LeftOut, What};
pub use live::{
    Cause, ChangeError, FileOutcome, Health, Intent, KEPT_VERSIONS, LiveLimits, Proposal, Version,
};
pub use load::{Loaded, load};
pub use nearest::nearest;
pub use portion::{InvalidPortion, Portion};
pub use pressure::{InvalidPressure, MemoryPressure, PressureLevel, PressureRules};
pub use quota::{Bound, InvalidProtocols, InvalidQuota, Protocols, Quota};
pub use quoted::{Quoted, quoted};
pub use ratio::{InvalidRatio, Ratio};
/// How connections come, and what takes memory by itself.
pub use rcmgr_core::{Carrier, Transport};
/// What this process may use of the machine that it runs on.
pub use rcmgr_machine as machine;
pub use said::{At, Said};
pub use scaling::{Increase, Scaling, ScopeScaling};
pub use settings::{
    AddressRule, Base, Choice, ConnectionManagerSettings, ManagerType, MemoryGiven, Setting,
    Settings,
};
pub use share::Share;
pub use size::{InvalidSize, Size};
pub use source::{Position, Source, SourceError, Span};
pub use subject::{Class, Subject};

// The example of the book's chapter is compiled and run as a test.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/src/limits.md")]
struct Chapter;
