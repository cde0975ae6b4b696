//! The limits of a running node: the version in force, those before it, and how one becomes the
//! next.
//!
//! Nothing here knows of files or clocks: whoever reads and writes the file does it in a function
//! that is called here, at the turn of the change, so that what is read is never older than what
//! was written.

mod restart;
mod version;

use core::fmt;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rcmgr_core::ResourceManager;

pub use version::{
    Cause, ChangeError, FileOutcome, Health, Intent, KEPT_VERSIONS, Proposal, Version,
};

use crate::machine::MachineError;
use crate::{
    At, Effective, Follow, Follower, Given, GivenError, Layers, LayersError, Machine, MemoryGiven,
    OfMemory, Said, Settings, Share, changes, contradictions, over,
};

/// The limits of a running node. They are changed by one caller at a time, and always whole.
///
/// A change waits for the one before it, and that may wait for a disk: call what changes limits
/// where blocking is allowed. What only looks waits for no disk.
pub struct LiveLimits {
    manager: ResourceManager,
    machine: Box<dyn Machine + Send + Sync>,
    /// Held by whoever changes something, from before it reads or writes the file.
    turn: Mutex<Turn>,
    /// Held for moments, and by whoever has the turn if it is to change.
    shown: Mutex<Shown>,
}

/// What only changes need.
struct Turn {
    /// What the file said when it was last read and good, or what was written to it later.
    seen: Settings,
    follower: Option<(Follow, Follower)>,
}

/// What everybody may see.
struct Shown {
    /// Oldest first; the last one is in force.
    versions: VecDeque<Arc<Version>>,
    problem: Option<String>,
}

/// Limits that may come into force.
struct Next {
    effective: Effective,
    layers: Layers,
    follower: Option<(Follow, Follower)>,
    /// [`Version::origin`], if it is not to be its own.
    origin: Option<u64>,
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
    /// The layers contradict each other, or the machine does not tell what it has; the manager keeps
    /// its limits.
    pub fn start(
        manager: ResourceManager,
        machine: impl Machine + Send + Sync + 'static,
        layers: Layers,
    ) -> Result<LiveLimits, LayersError> {
        let held = manager.stats().system.memory;
        let Next { effective, layers, follower, .. } = Next::of(layers, &machine, held, None)?;
        manager.set_limits(effective.limits.clone());
        let seen = layers.file.clone();
        let version = Version { number: 1, cause: Cause::Start, effective, layers, origin: 1 };
        let shown = Shown { versions: [Arc::new(version)].into(), problem: None };
        Ok(LiveLimits {
            manager,
            machine: Box::new(machine),
            turn: Mutex::new(Turn { seen, follower }),
            shown: Mutex::new(shown),
        })
    }

    /// The manager whose limits these are.
    pub fn manager(&self) -> &ResourceManager {
        &self.manager
    }

    /// The version in force.
    pub fn current(&self) -> Arc<Version> {
        self.shown().current()
    }

    /// The versions that are kept, oldest first; the last one is in force.
    pub fn versions(&self) -> Vec<Arc<Version>> {
        self.shown().versions.iter().cloned().collect()
    }

    /// How the limits are.
    pub fn health(&self) -> Health {
        let shown = self.shown();
        Health { version: shown.current().number, problem: shown.problem.clone() }
    }

    /// Takes what the file says now, or why it says nothing. `read` reads it; no change happens
    /// meanwhile.
    ///
    /// A file that says something else than before takes the place of what was put at run time;
    /// one that says the same does so only if `again`: somebody asked for the file by name.
    pub fn file(
        &self,
        read: impl FnOnce() -> Result<Settings, String>,
        again: bool,
    ) -> FileOutcome {
        let mut turn = self.turn();
        let settings = match read() {
            Ok(settings) => settings,
            Err(problem) => return self.refuse(problem),
        };
        let current = self.current();
        // What was put or rolled back stays while the file says the same, unless it is asked for.
        let elsewhere = current.layers.run_time.is_some() || current.layers.file != settings;
        if settings == turn.seen && elsewhere && !again {
            self.shown().problem = None;
            return FileOutcome::Unchanged;
        }
        let layers = Layers { file: settings.clone(), run_time: None, ..current.layers.clone() };
        match self.next(&turn, &current, layers) {
            Ok(next) => {
                turn.seen = settings;
                self.shown().problem = None;
                match self.publish(&mut turn, Cause::File, next) {
                    Some(version) => FileOutcome::Applied(version),
                    None => FileOutcome::Unchanged,
                }
            }
            Err(error) => self.refuse(error.to_string()),
        }
    }

    /// Puts settings in force that came in a request. They take the place of the file, until that
    /// changes, and lie over the environment and the flags. Settings that change nothing leave
    /// everything as it is, so that what was read from a node can be put back.
    ///
    /// `expected` is the version that they were made for, if that matters.
    ///
    /// # Errors
    /// Another version is in force; the settings contradict those that they lie over; the machine
    /// does not tell what it has; the file cannot be written. The limits stay as they were.
    pub fn put(
        &self,
        settings: Settings,
        expected: Option<u64>,
        intent: Intent<'_>,
    ) -> Result<Proposal, ChangeError> {
        let run_time = settings.clone().said_at(&At::RunTime);
        let mut turn = self.turn();
        let current = self.expect(expected)?;
        let mut layers = Layers { run_time: Some(run_time), ..current.layers.clone() };
        let persists = matches!(intent, Intent::Persist(_));
        if persists {
            layers.file = settings.clone();
        }
        let next = self.next(&turn, &current, layers)?;
        let mut proposal = self.proposal(&current, &next);
        if let Intent::Persist(write) = intent {
            proposal.warnings.extend(self.overruled(&turn, &current, &next)?);
            write().map_err(ChangeError::Unwritable)?;
            // The change of the file that will be noticed next is this one.
            turn.seen = settings;
            self.shown().problem = None;
        }
        let changes = !same(&current.effective, &next.effective);
        if persists || (changes && matches!(intent, Intent::Apply)) {
            let published = self.publish(&mut turn, Cause::Request, next);
            proposal.version = published.unwrap_or_else(|| self.current());
        }
        Ok(proposal)
    }

    /// Puts an earlier version in force again: the one of that number, or else the one before
    /// that whose limits are in force. The file stays as it is, and takes effect when it changes.
    ///
    /// Limits that follow the free memory go on to follow it: they are those of that version for
    /// what is free now.
    ///
    /// # Errors
    /// Another version is in force than expected; the one asked for is not kept; the machine does
    /// not tell what is free, which that version follows.
    pub fn rollback(
        &self,
        to: Option<u64>,
        expected: Option<u64>,
        only_try: bool,
    ) -> Result<Proposal, ChangeError> {
        let mut turn = self.turn();
        let current = self.expect(expected)?;
        let versions = self.versions();
        let target = match to {
            Some(to) => versions.iter().find(|version| version.number == to).ok_or_else(|| {
                let kept: Vec<_> = versions.iter().map(|kept| kept.number.to_string()).collect();
                ChangeError::Forgotten(to, kept.join(", "))
            }),
            None => {
                let mut latest_first = versions.iter().rev();
                latest_first
                    .find(|version| version.number < current.origin)
                    .ok_or(ChangeError::Oldest)
            }
        }?;
        let Version { effective, layers, .. } = Version::clone(target);
        let next = match followed(effective.settings()) {
            Some(_) => self.next(&turn, &current, layers)?,
            None => Next { effective, layers, follower: None, origin: None },
        };
        let next = Next { origin: Some(target.origin), ..next };
        let mut proposal = self.proposal(&current, &next);
        if !only_try && target.number != current.number {
            let published = self.publish(&mut turn, Cause::Rollback(target.origin), next);
            proposal.version = published.unwrap_or_else(|| self.current());
        }
        Ok(proposal)
    }

    /// How often the free memory is to be sampled, if the limits follow it.
    pub fn follows(&self) -> Option<Follow> {
        followed(self.current().effective.settings())
    }

    /// Asks the machine how much memory is free, if the limits follow that, and lets them.
    ///
    /// # Errors
    /// The machine does not tell; the limits stay as they are.
    pub fn sample(&self) -> Result<Option<Arc<Version>>, MachineError> {
        if self.follows().is_none() {
            return Ok(None);
        }
        let held = self.held();
        let mut turn = self.turn();
        let Some((follow, follower)) = &mut turn.follower else { return Ok(None) };
        let free = self.machine.available()?;
        let Some(memory) = follower.sample(free.bytes, held) else { return Ok(None) };
        let of_memory = Some(OfMemory::Free(follow.part, free));
        let follower = turn.follower.clone();
        let current = self.current();
        let given = Given { memory, of_memory, ..current.effective.given.clone() };
        let effective = Effective::of(current.effective.settings().clone(), given);
        let (layers, origin) = (current.layers.clone(), Some(current.origin));
        let next = Next { effective, layers, follower, origin };
        Ok(self.publish(&mut turn, Cause::Machine, next))
    }

    fn turn(&self) -> MutexGuard<'_, Turn> {
        // Whoever panicked had not begun to change it, or had changed all of it.
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        // As above.
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn held(&self) -> u64 {
        self.manager.stats().system.memory
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

    fn refuse(&self, problem: String) -> FileOutcome {
        let mut shown = self.shown();
        match shown.problem.replace(problem.clone()) {
            Some(before) if before == problem => FileOutcome::StillRefused,
            _ => FileOutcome::Refused(problem),
        }
    }

    fn next(&self, turn: &Turn, current: &Version, layers: Layers) -> Result<Next, LayersError> {
        let kept = turn.follower.as_ref().map(|follower| (follower, &current.effective.given));
        Next::of(layers, &*self.machine, self.held(), kept)
    }

    fn proposal(&self, current: &Arc<Version>, next: &Next) -> Proposal {
        Proposal {
            version: current.clone(),
            changes: changes(&current.effective, &next.effective),
            over: over(&next.effective.limits, self.manager.stats().scopes()),
            warnings: contradictions(&next.effective),
        }
    }

    /// Puts limits in force as a new version. If they are so already, then only what is known of
    /// where they come from is replaced.
    fn publish(&self, turn: &mut Turn, cause: Cause, next: Next) -> Option<Arc<Version>> {
        let Next { effective, layers, follower, origin } = next;
        turn.follower = follower;
        let mut shown = self.shown();
        let current = shown.current();
        if same(&effective, &current.effective) {
            let Version { number, cause, origin, .. } = *current;
            shown.versions.pop_back();
            let version = Version { number, cause, effective, layers, origin };
            shown.versions.push_back(Arc::new(version));
            return None;
        }
        if effective.limits != current.effective.limits {
            self.manager.set_limits(effective.limits.clone());
        }
        let number = current.number + 1;
        let origin = origin.unwrap_or(number);
        let version = Arc::new(Version { number, cause, effective, layers, origin });
        // The versions that only follow the machine would soon leave room for no other.
        if cause == Cause::Machine && current.cause == Cause::Machine {
            shown.versions.pop_back();
        }
        shown.versions.push_back(version.clone());
        if shown.versions.len() > KEPT_VERSIONS {
            shown.versions.pop_front();
        }
        Some(version)
    }
}

impl Shown {
    fn current(&self) -> Arc<Version> {
        self.versions.back().cloned().expect("the version in force is always kept")
    }
}

impl Next {
    /// What layers come to. Who follows the free memory already is `kept`, with what that has given
    /// the node: it is sampled apart, and changes when that says so.
    fn of(
        layers: Layers,
        machine: &dyn Machine,
        held: u64,
        kept: Option<(&(Follow, Follower), &Given)>,
    ) -> Result<Next, LayersError> {
        let settings = layers.settings().map_err(|found| LayersError::Conflict(Box::new(found)))?;
        let Some(follow) = followed(&settings) else {
            let effective = Effective::of(settings.clone(), Given::of(&settings, machine)?);
            return Ok(Next { effective, layers, follower: None, origin: None });
        };
        let (memory, of_memory, follower) = match kept.filter(|((kept, _), _)| *kept == follow) {
            Some(((_, follower), given)) => {
                (given.memory, given.of_memory.clone(), follower.clone())
            }
            None => {
                let mut follower = Follower::new(follow).map_err(GivenError::from)?;
                let free = machine.available().map_err(GivenError::from)?;
                let memory = follower.sample(free.bytes, held).unwrap_or(follow.least);
                (memory, Some(OfMemory::Free(follow.part, free)), follower)
            }
        };
        let exactly = MemoryGiven::Share(Share::Exactly(memory));
        let asked = Settings {
            memory: Some(Said::new(exactly, At::RunTime)),
            file_descriptors: settings.file_descriptors.clone(),
            ..Settings::default()
        };
        let given = Given { of_memory, ..Given::of(&asked, machine)? };
        let effective = Effective::of(settings, given);
        Ok(Next { effective, layers, follower: Some((follow, follower)), origin: None })
    }
}

/// How settings follow the free memory, if they do.
fn followed(settings: &Settings) -> Option<Follow> {
    match settings.memory.as_ref()?.value {
        MemoryGiven::Follow(follow) => Some(follow),
        MemoryGiven::Share(_) => None,
    }
}

/// Whether the same is in effect.
fn same(one: &Effective, other: &Effective) -> bool {
    let given = |of: &Effective| (of.given.memory, of.given.file_descriptors);
    let said = |of: &Effective| followed(of.settings());
    // One that is said is told, and one that is not is not.
    let manager = |of: &Effective| of.settings().connection_manager.kind.is_some();
    one.limits == other.limits
        && given(one) == given(other)
        && said(one) == said(other)
        && one.settings().base_memory == other.settings().base_memory
        && one.connection_manager() == other.connection_manager()
        && manager(one) == manager(other)
}

#[cfg(test)]
mod tests;
