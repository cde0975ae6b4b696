//! Limits from configuration files.
//!
//! The same number means different things in different formats: 0 is "block all" in go-libp2p's
//! JSON and "inherit" elsewhere. So each format has its own types, which keep what was written
//! apart from what it means, and which become [`rcmgr_core::Limits`] over a base.
//!
//! The base of most is [`libp2p::defaults`], scaled to what a node is given of its machine.

pub mod allowlist;
mod changes;
mod contradictions;
mod diagnostic;
mod diagnostics;
pub mod document;
mod effective;
pub mod flow;
mod follow;
mod formats;
mod given;
mod go;
pub mod greenfield;
pub mod kubo;
mod layers;
mod left_out;
pub mod libp2p;
mod live;
mod load;
pub mod machine;
pub mod native;
mod nearest;
pub mod peer;
mod quoted;
mod ratio;
mod reading;
mod scaling;
mod settings;
mod share;
mod size;
mod source;
mod subject;

pub use changes::{Change, Over, Value, changes, over};
pub use contradictions::contradictions;
pub use diagnostic::{Diagnostic, Severity};
pub use diagnostics::Diagnostics;
pub use effective::{ConnectionManager, Effective, Key, Origin};
pub use follow::{Follow, Follower, InvalidFollow};
pub use formats::{Format, InvalidFormat, Read};
pub use given::{Given, GivenError, Machine, OfMemory, ThisMachine};
pub use layers::Layers;
pub use left_out::{Instead, LeftOut, What};
pub use live::{
    Cause, ChangeError, FileOutcome, Health, Intent, KEPT_VERSIONS, LiveLimits, Proposal, Version,
};
pub use load::{Loaded, load};
pub use nearest::nearest;
pub use quoted::{Quoted, quoted};
pub use ratio::{InvalidRatio, Ratio};
pub use scaling::{Increase, Scaling, ScopeScaling};
pub use settings::{
    AddressRule, At, Base, Carrier, Choice, ConnectionManagerSettings, Factor, InvalidFactor,
    MemoryGiven, Said, Setting, Settings, Transport,
};
pub use share::Share;
pub use size::{InvalidSize, Size};
pub use source::{Position, Source, SourceError, Span};
pub use subject::{Class, Subject};
