//! Limits that are or were in force, and what a change of them comes to.

use core::fmt;
use std::io;
use std::sync::Arc;

use crate::{Change, Diagnostic, Effective, Layers, LayersError, Over, contradictions};

/// How many versions are kept, the one in force among them.
pub const KEPT_VERSIONS: usize = 16;

/// What brought a version about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The node started with it.
    Start,
    /// The file changed, or was read again.
    File,
    /// It was put while the node ran.
    Request,
    /// It is what this version was.
    Rollback(u64),
    /// The free memory changed, which the limits follow.
    Machine,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Start => f.write_str("start"),
            Cause::File => f.write_str("file"),
            Cause::Request => f.write_str("request"),
            Cause::Rollback(to) => write!(f, "rollback to {to}"),
            Cause::Machine => f.write_str("free memory"),
        }
    }
}

/// Limits that are, or were, in force.
#[derive(Clone, Debug)]
pub struct Version {
    /// Counted from 1 since the node started.
    pub number: u64,
    /// What brought it about.
    pub cause: Cause,
    /// The limits.
    pub effective: Effective,
    pub(super) layers: Layers,
    /// The number of the version that first had these limits: another one after a rollback, and
    /// where they only followed the machine.
    pub(super) origin: u64,
}

impl Version {
    /// What in it contradicts itself.
    pub fn warnings(&self) -> Vec<Diagnostic> {
        contradictions(&self.effective)
    }
}

/// What a change would do, or has done.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// The version in force: the new one; for a trial and where nothing changes, the old one.
    pub version: Arc<Version>,
    /// What changes.
    pub changes: Vec<Change>,
    /// Which scopes hold more than they may then.
    pub over: Vec<Over>,
    /// What contradicts itself in the limits that were proposed, and what of them would not last.
    pub warnings: Vec<Diagnostic>,
}

/// Whether a change is meant.
pub enum Intent<'a> {
    /// It is only asked what it would do.
    Try,
    /// It is to take effect.
    Apply,
    /// It is to take effect, if this can first write it to the file.
    Persist(&'a dyn Fn() -> io::Result<()>),
}

/// Why a change did not take effect. Nothing of it has.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// It was made for another version.
    #[error(
        "version {current} is in force, not {expected}: read the limits again, and change those"
    )]
    Stale {
        /// The version in force.
        current: u64,
        /// The version that the change was made for.
        expected: u64,
    },
    /// It comes to nothing that could be in effect.
    #[error(transparent)]
    Layers(#[from] LayersError),
    /// The file cannot be written.
    #[error("the limits were not written, and are as they were: {0}")]
    Unwritable(io::Error),
    /// There is no such version any more, or there is none before.
    #[error("there is no version {0} to go back to; these are kept: {1}")]
    Forgotten(u64, String),
    /// None from before the one in force is kept.
    #[error("no version from before the one in force is kept; ask for one by its number")]
    Oldest,
}

/// What came of reading the file.
#[derive(Clone, Debug)]
pub enum FileOutcome {
    /// It is in force as a new version.
    Applied(Arc<Version>),
    /// It says what it said before, or changes nothing that is in force.
    Unchanged,
    /// It is bad for this reason, in many lines, and the old limits stay. It is the first time that
    /// this reason is given.
    Refused(String),
    /// It is bad for the same reason as the last time.
    StillRefused,
}

/// How the limits are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// The version in force.
    pub version: u64,
    /// Why the file as it is now is not in force, in many lines.
    pub problem: Option<String>,
}
