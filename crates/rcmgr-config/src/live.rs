//! The limits of a running node: the version in force, those before it, and how one becomes the
//! next.
//!
//! Nothing here reads a file or a clock or waits for anything but its own lock, which no charge
//! takes: whoever does those things calls this.

use core::fmt;
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rcmgr_core::ResourceManager;

use crate::machine::AvailableMemory;
use crate::{
    At, Change, Diagnostic, Effective, Follow, Follower, Given, GivenError, Layers, Machine,
    MemoryGiven, OfMemory, Over, Settings, changes, contradictions, over,
};

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
    layers: Layers,
}

impl Version {
    /// What in it contradicts itself.
    pub fn warnings(&self) -> Vec<Diagnostic> {
        contradictions(&self.effective)
    }

    /// The number of the version that first had these limits.
    fn origin(&self) -> u64 {
        match self.cause {
            Cause::Rollback(to) => to,
            _ => self.number,
        }
    }
}

/// What a change would do, or has done.
#[derive(Clone, Debug)]
pub struct Proposal {
    /// The version in force: the new one, or for a trial and where nothing changes, the old one.
    pub version: Arc<Version>,
    /// What changes.
    pub changes: Vec<Change>,
    /// Which scopes hold more than they may then.
    pub over: Vec<Over>,
    /// What contradicts itself in the limits that were proposed.
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
    /// It cannot be told what the node is given.
    #[error(transparent)]
    Given(#[from] GivenError),
    /// The file cannot be written.
    #[error("the limits were not written, and are as they were: {0}")]
    Unwritable(io::Error),
    /// There is no such version any more, or there is none before.
    #[error("there is no version {0} to go back to; these are kept: {1}")]
    Forgotten(u64, String),
    /// There is none before the one in force.
    #[error("there is no version before the one in force")]
    Oldest,
}

/// What came of reading the file.
#[derive(Clone, Debug)]
pub enum FileOutcome {
    /// It is in force as a new version.
    Applied(Arc<Version>),
    /// It says what it said before, or changes nothing.
    Unchanged,
    /// It is bad, and the old limits stay. The first time that this reason is given.
    Refused,
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

/// The limits of a running node. They are changed by one caller at a time, and always whole.
pub struct LiveLimits {
    manager: ResourceManager,
    machine: Box<dyn Machine + Send + Sync>,
    state: Mutex<State>,
}

struct State {
    /// Oldest first; the last one is in force.
    versions: VecDeque<Arc<Version>>,
    /// What the file said when it was last read and good.
    seen: Settings,
    problem: Option<String>,
    follower: Option<(Follow, Follower)>,
}

impl fmt::Debug for LiveLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveLimits")
            .field("version", &self.current().number)
            .finish_non_exhaustive()
    }
}

impl LiveLimits {
    /// Puts the limits of these layers in force, as version 1.
    ///
    /// # Errors
    /// The machine does not tell what it has; the manager keeps its limits.
    pub fn start(
        manager: ResourceManager,
        machine: impl Machine + Send + Sync + 'static,
        layers: Layers,
    ) -> Result<LiveLimits, GivenError> {
        let settings = layers.settings();
        let given = Given::of(&settings, &machine)?;
        let follower = follower(&settings, &given);
        let seen = layers.file.clone();
        let effective = Effective::of(settings, given);
        manager.set_limits(effective.limits.clone());
        let version = Version { number: 1, cause: Cause::Start, effective, layers };
        let versions = [Arc::new(version)].into();
        let state = State { versions, seen, problem: None, follower };
        Ok(LiveLimits { manager, machine: Box::new(machine), state: Mutex::new(state) })
    }

    /// The manager whose limits these are.
    pub fn manager(&self) -> &ResourceManager {
        &self.manager
    }

    /// The version in force.
    pub fn current(&self) -> Arc<Version> {
        self.lock().current()
    }

    /// The versions that are kept, oldest first; the last one is in force.
    pub fn versions(&self) -> Vec<Arc<Version>> {
        self.lock().versions.iter().cloned().collect()
    }

    /// How the limits are.
    pub fn health(&self) -> Health {
        let state = self.lock();
        Health { version: state.current().number, problem: state.problem.clone() }
    }

    /// Takes what the file says now, or why it says nothing.
    ///
    /// A file that says something else than before takes the place of what was put at run time;
    /// one that says the same does so only if `again`: somebody asked for the file by name.
    pub fn file(&self, read: Result<Settings, String>, again: bool) -> FileOutcome {
        let mut state = self.lock();
        let settings = match read {
            Ok(settings) => settings,
            Err(problem) => return state.refuse(problem),
        };
        let current = state.current();
        // What was put or rolled back stays while the file says the same, unless it is asked for.
        let elsewhere = current.layers.run_time.is_some() || current.layers.file != settings;
        if settings == state.seen && elsewhere && !again {
            state.problem = None;
            return FileOutcome::Unchanged;
        }
        let layers = Layers { file: settings.clone(), run_time: None, ..current.layers.clone() };
        match self.effective(&state, &layers) {
            Ok(effective) => {
                state.seen = settings;
                state.problem = None;
                match self.publish(&mut state, Cause::File, effective, layers) {
                    Some(version) => FileOutcome::Applied(version),
                    None => FileOutcome::Unchanged,
                }
            }
            Err(error) => state.refuse(error.to_string()),
        }
    }

    /// Puts settings in force that came in a request. They take the place of the file, until that
    /// changes, and lie over the environment and the flags.
    ///
    /// `expected` is the version that they were made for, if that matters.
    ///
    /// # Errors
    /// Another version is in force; the machine does not tell what it has; the file cannot be
    /// written. The limits stay as they were.
    pub fn put(
        &self,
        settings: Settings,
        expected: Option<u64>,
        intent: Intent<'_>,
    ) -> Result<Proposal, ChangeError> {
        let run_time = settings.clone().said_at(&At::RunTime);
        let mut state = self.lock();
        let current = state.expect(expected)?;
        let mut layers = Layers { run_time: Some(run_time), ..current.layers.clone() };
        let effective = self.effective(&state, &layers)?;
        if let Intent::Persist(write) = &intent {
            write().map_err(ChangeError::Unwritable)?;
            layers.file = settings.clone();
            // The change of the file that will be noticed next is this one.
            state.seen = settings;
            state.problem = None;
        }
        let only_try = matches!(intent, Intent::Try);
        Ok(self.conclude(&mut state, Cause::Request, effective, layers, only_try))
    }

    /// Puts an earlier version in force again: the one of that number, or else the one before
    /// that whose limits are in force. The file stays as it is, and takes effect when it changes.
    ///
    /// # Errors
    /// Another version is in force than expected; the one asked for is not kept.
    pub fn rollback(
        &self,
        to: Option<u64>,
        expected: Option<u64>,
        only_try: bool,
    ) -> Result<Proposal, ChangeError> {
        let mut state = self.lock();
        let current = state.expect(expected)?;
        let number = |version: &Arc<Version>| version.number;
        let target = match to {
            Some(to) => state.versions.iter().find(|version| version.number == to),
            None => state.versions.iter().rev().find(|version| version.number < current.origin()),
        };
        let target = target.cloned().ok_or_else(|| match to {
            Some(to) => {
                let kept: Vec<_> =
                    state.versions.iter().map(number).map(|n| n.to_string()).collect();
                ChangeError::Forgotten(to, kept.join(", "))
            }
            None => ChangeError::Oldest,
        })?;
        let Version { effective, layers, .. } = Version::clone(&target);
        let cause = Cause::Rollback(target.origin());
        Ok(self.conclude(&mut state, cause, effective, layers, only_try))
    }

    /// How often the free memory is to be sampled, if the limits follow it.
    pub fn follows(&self) -> Option<Follow> {
        self.lock().follower.as_ref().map(|(follow, _)| *follow)
    }

    /// Tells how much memory is free, and lets the limits follow.
    pub fn sample(&self, free: AvailableMemory) -> Option<Arc<Version>> {
        let held = self.manager.stats().system.memory;
        let mut state = self.lock();
        let (follow, follower) = state.follower.as_mut()?;
        let part = follow.part;
        let memory = follower.sample(free.bytes, held)?;
        let current = state.current();
        let of_memory = Some(OfMemory::Free(part, free));
        let given = Given { memory, of_memory, ..current.effective.given.clone() };
        let effective = Effective::of(current.effective.settings().clone(), given);
        self.publish(&mut state, Cause::Machine, effective, current.layers.clone())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Whoever panicked had not begun to change the state, or had changed all of it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn effective(&self, state: &State, layers: &Layers) -> Result<Effective, GivenError> {
        let settings = layers.settings();
        let mut given = Given::of(&settings, &*self.machine)?;
        let follow = match settings.memory.as_ref().map(|said| said.value) {
            Some(MemoryGiven::Follow(follow)) => Some(follow),
            _ => None,
        };
        if follow.is_some() && follow == state.follower.as_ref().map(|(follow, _)| *follow) {
            // What is followed is sampled apart, and changes when that says so.
            let current = &state.current().effective.given;
            (given.memory, given.of_memory) = (current.memory, current.of_memory.clone());
        }
        Ok(Effective::of(settings, given))
    }

    fn conclude(
        &self,
        state: &mut State,
        cause: Cause,
        effective: Effective,
        layers: Layers,
        only_try: bool,
    ) -> Proposal {
        let current = state.current();
        let stats = self.manager.stats();
        let changes = changes(&current.effective, &effective);
        let over = over(&effective.limits, stats.scopes());
        let warnings = contradictions(&effective);
        let published = match only_try {
            true => None,
            false => self.publish(state, cause, effective, layers),
        };
        Proposal { version: published.unwrap_or(current), changes, over, warnings }
    }

    /// Puts limits in force, unless they and all that is said of them are so already.
    fn publish(
        &self,
        state: &mut State,
        cause: Cause,
        effective: Effective,
        layers: Layers,
    ) -> Option<Arc<Version>> {
        let current = state.current();
        if effective == current.effective && layers == current.layers {
            // The same is said, perhaps in other places.
            let Version { number, cause, .. } = *current;
            state.versions.pop_back();
            state.versions.push_back(Arc::new(Version { number, cause, effective, layers }));
            return None;
        }
        if effective.limits != current.effective.limits {
            self.manager.set_limits(effective.limits.clone());
        }
        state.follower = follower(effective.settings(), &effective.given).map(|(follow, fresh)| {
            match state.follower.take() {
                Some((same, follower)) if same == follow => (same, follower),
                _ => (follow, fresh),
            }
        });
        let number = current.number + 1;
        let version = Arc::new(Version { number, cause, effective, layers });
        // The versions that only follow the machine would soon leave room for no other.
        let follows = |version: &Arc<Version>| version.cause == Cause::Machine;
        if cause == Cause::Machine && state.versions.back().is_some_and(follows) {
            state.versions.pop_back();
        }
        state.versions.push_back(version.clone());
        if state.versions.len() > KEPT_VERSIONS {
            state.versions.pop_front();
        }
        Some(version)
    }
}

impl State {
    fn current(&self) -> Arc<Version> {
        self.versions.back().cloned().expect("the version in force is always kept")
    }

    fn expect(&self, expected: Option<u64>) -> Result<Arc<Version>, ChangeError> {
        let current = self.current();
        match expected {
            Some(expected) if expected != current.number => {
                Err(ChangeError::Stale { current: current.number, expected })
            }
            _ => Ok(current),
        }
    }

    fn refuse(&mut self, problem: String) -> FileOutcome {
        let again = self.problem.as_ref() == Some(&problem);
        self.problem = Some(problem);
        if again { FileOutcome::StillRefused } else { FileOutcome::Refused }
    }
}

/// What follows the machine from what it was when the node was given its memory.
fn follower(settings: &Settings, given: &Given) -> Option<(Follow, Follower)> {
    let MemoryGiven::Follow(follow) = settings.memory.as_ref()?.value else { return None };
    let mut follower = Follower::new(follow).ok()?;
    if let Some(OfMemory::Free(_, free)) = &given.of_memory {
        follower.sample(free.bytes, 0);
    }
    Some((follow, follower))
}

#[cfg(test)]
mod tests;
