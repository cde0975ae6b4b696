//! How the node's environment is: descriptors, memory and dials.
//!
//! [`Senses`] takes what was read of the machine and how dials ended, and tells the [`Level`];
//! [`Aimd`] tells how much of the soft share to use at that level. Neither reads anything itself:
//! once a second, say, read [`rcmgr_machine::Readings`], where that may take a millisecond.
//!
//! ```
//! use std::time::Duration;
//! use rcmgr_connmgr::sense::{Aimd, AimdRules, Level, SenseRules, Senses};
//! use rcmgr_machine::{Readings, Root};
//!
//! let mut senses = Senses::new(SenseRules::default())?;
//! let mut aimd = Aimd::new(AimdRules::default())?;
//! let now = Duration::from_secs(1);
//!
//! let readings = Readings::read(&Root::default(), senses.wants_open(now));
//! let counted = 12; // The descriptors that the engine has in its system scope.
//! senses.take(now, Some(counted), &readings);
//! let seen = senses.assess(now);
//! let connections = aimd.step(now, &seen, 800, 40);
//! assert!((40..=800).contains(&connections));
//! # Ok::<(), rcmgr_connmgr::sense::InvalidSense>(())
//! ```
//!
//! # What calls for a level
//!
//! | resource | sensors |
//! |---|---|
//! | descriptors | counted by the engine, really open, an error that none is left |
//! | memory | the fullest control group or the machine, the process and its budget, stalls |
//! | dials | failures of the machine itself, and unusual silence of known good peers |
//!
//! The pressure of a resource is that of its worst sensor. It is critical only if two of its sensors
//! agree: the second one is high at least. Of memory the first two count as one, and that a limit was
//! reached lately agrees with them too. So a machine that tells neither stalls nor limits that were
//! reached is never critical for want of memory, and dials alone never are.
//!
//! A sensor that cannot be read counts neither way: see [`Quality`].

mod aimd;
mod dials;
mod level;
mod pressure;
mod rules;
mod sensor;
mod signal;
mod stalls;

pub use aimd::{Aimd, AimdRules};
pub use dials::{DialCounts, DialFailure, DialRules};
pub use level::{Level, LevelRules};
pub use pressure::Pressure;
pub use rules::{InvalidSense, SenseRules};
pub use sensor::{Sensed, Sensor};
pub use signal::Quality;
pub use stalls::StallRules;

use std::time::Duration;

use rcmgr_machine::{MemoryBound, MemoryUse, Readings};

use dials::Dials;
use level::{Claim, LevelMachine};
use signal::Signal;
use stalls::StallWindow;

/// How the environment is.
#[must_use]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Assessment {
    /// How bad it is.
    pub level: Level,
    /// How bad it was when it was last assessed.
    pub before: Level,
    /// The level that fresh signals call for at this moment; none if there is no fresh signal. It may
    /// be below the level, which falls late.
    pub called: Option<Level>,
    /// The highest pressure that a fresh signal tells; none if there is none.
    pub pressure: Option<Pressure>,
}

/// Descriptors that are open and that the engine has not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uncounted {
    /// How many are open.
    pub open: u64,
    /// How many the engine had counted at that moment.
    pub counted: u64,
}

/// Senses the environment. See [the module](self).
///
/// A time before an earlier one is taken for that one. It keeps some 10 KiB, whatever happens.
#[derive(Clone, Debug)]
pub struct Senses {
    rules: SenseRules,
    latest: Duration,
    machine: LevelMachine,
    counted: Signal,
    open: Signal,
    used: Signal,
    resident: Signal,
    stalls: Signal,
    window: StallWindow,
    dials: Dials,
    opened_at: Option<Duration>,
    uncounted: Option<Uncounted>,
    exhausted_at: Option<Duration>,
    /// How often limits of memory had been reached.
    reached: Option<u64>,
    /// When that had last grown.
    reached_at: Option<Duration>,
    descriptor_limit: Option<u64>,
}

impl Senses {
    /// Nothing is known, and the level is normal.
    ///
    /// # Errors
    /// Those of [`SenseRules::check`].
    pub fn new(rules: SenseRules) -> Result<Senses, InvalidSense> {
        rules.check()?;
        Ok(Senses {
            rules,
            latest: Duration::ZERO,
            machine: LevelMachine::new(rules.levels),
            counted: Signal::default(),
            open: Signal::default(),
            used: Signal::default(),
            resident: Signal::default(),
            stalls: Signal::default(),
            window: StallWindow::default(),
            dials: Dials::new(),
            opened_at: None,
            uncounted: None,
            exhausted_at: None,
            reached: None,
            reached_at: None,
            descriptor_limit: None,
        })
    }

    /// Whether the next readings should count the open descriptors.
    pub fn wants_open(&self, now: Duration) -> bool {
        let now = now.max(self.latest);
        self.opened_at.is_none_or(|at| now.saturating_sub(at) >= self.rules.open_every)
    }

    /// Takes readings, and how many descriptors the engine has counted in its system scope.
    pub fn take(&mut self, now: Duration, counted: Option<u64>, readings: &Readings) {
        let now = self.passed(now);
        if readings.lacked_descriptors() {
            self.exhausted_at = Some(now);
        }
        self.take_descriptors(now, counted, readings);
        self.take_memory(now, readings.memory.as_ref().ok());
        let resident = readings.resident.as_ref().ok();
        if let Some(budget) = self.rules.memory_budget {
            self.resident.take(now, resident.map(|bytes| Pressure::of(*bytes, budget.get())));
        }
        match readings.stalls {
            Ok(stalls) => {
                let rules = &self.rules;
                if let Some(pressure) = self.window.take(now, stalls, &rules.stalls, &rules.levels)
                {
                    self.stalls.take(now, Some(pressure));
                }
            }
            Err(_) => self.stalls.take(now, None),
        }
    }

    fn take_descriptors(&mut self, now: Duration, counted: Option<u64>, readings: &Readings) {
        if let Ok(limit) = readings.descriptor_limit {
            self.descriptor_limit = Some(limit);
        }
        let limit = self.descriptor_limit;
        let pressure = |used: Option<u64>| Some(Pressure::of(used?, limit?));
        self.counted.take(now, pressure(counted));
        let Some(open) = &readings.open_descriptors else { return };
        self.opened_at = Some(now);
        let open = open.as_ref().ok().copied();
        self.open.take(now, pressure(open));
        if let (Some(open), Some(counted)) = (open, counted) {
            let is_tenth = open.saturating_sub(counted) > open / 10;
            self.uncounted = is_tenth.then_some(Uncounted { open, counted });
        }
    }

    fn take_memory(&mut self, now: Duration, memory: Option<&MemoryUse>) {
        match memory {
            // What others on the machine take is no matter, as long as there is a budget.
            Some(MemoryUse { bounded_by: MemoryBound::Physical, .. })
                if self.rules.memory_budget.is_some() =>
            {
                self.used.clear();
            }
            memory => {
                self.used.take(now, memory.map(|memory| Pressure::of(memory.used, memory.limit)));
            }
        }
        if let Some(reached) = memory.and_then(|memory| memory.reached) {
            if self.reached.is_some_and(|before| reached > before) {
                self.reached_at = Some(now);
            }
            self.reached = Some(reached);
        }
    }

    /// Takes notice of how a dial ended; of a peer that was known as good, or not.
    pub fn dialed(&mut self, now: Duration, result: Result<(), DialFailure>, known_good: bool) {
        let now = self.passed(now);
        if result == Err(DialFailure::Descriptors) {
            self.exhausted_at = Some(now);
        }
        self.dials.note(now, result.err(), known_good);
    }

    /// Takes notice that something other than a dial failed for want of a descriptor
    /// ([`rcmgr_machine::Exhausted`]): to accept a connection, to open a file.
    pub fn lacked_descriptor(&mut self, now: Duration) {
        self.exhausted_at = Some(self.passed(now));
    }

    /// Decides the level from what was taken.
    pub fn assess(&mut self, now: Duration) -> Assessment {
        let now = self.passed(now);
        let fresh = self.claims(now, |signal| signal.fresh(now, &self.rules));
        let known = self.claims(now, |signal| signal.known(now, &self.rules));
        let before = self.machine.level();
        let called = self.machine.called(fresh.into_iter().flatten());
        let known = self.machine.called(known.into_iter().flatten());
        self.machine.take(now, called, known);
        let pressure = fresh.into_iter().flatten().map(|claim| claim.pressure).max();
        Assessment { level: self.machine.level(), before, called, pressure }
    }

    /// The level that was assessed last.
    pub fn level(&self) -> Level {
        self.machine.level()
    }

    /// What each sensor says.
    pub fn sensed(&self, now: Duration) -> [Sensed; 7] {
        let now = now.max(self.latest);
        let rules = &self.rules;
        let passing = |pressure: Option<Pressure>| {
            (pressure, pressure.map_or(Quality::Unavailable, |_| Quality::Fresh))
        };
        Sensor::ALL.map(|sensor| {
            let signal = match sensor {
                Sensor::CountedDescriptors => Some(&self.counted),
                Sensor::OpenDescriptors => Some(&self.open),
                Sensor::Memory => Some(&self.used),
                Sensor::Resident => Some(&self.resident),
                Sensor::Stalls => Some(&self.stalls),
                Sensor::NoDescriptor | Sensor::Dials => None,
            };
            let (pressure, quality) = match signal {
                Some(signal) => (signal.known(now, rules), signal.quality(now, rules)),
                None if sensor == Sensor::Dials => passing(self.of_dials(now)),
                None => passing(self.exhausted(now)),
            };
            Sensed { sensor, pressure, quality }
        })
    }

    /// How the dials of the last 30 s ended.
    pub fn dials(&self, now: Duration) -> DialCounts {
        self.dials.recent(now.max(self.latest))
    }

    /// The open descriptors and those that the engine had counted, if at the last count more than a
    /// tenth of the open ones had not been: something opens descriptors past the engine.
    pub fn uncounted(&self) -> Option<Uncounted> {
        self.uncounted
    }

    /// What the signals of each resource say; none if nothing is known of it.
    fn claims(
        &self,
        now: Duration,
        value: impl Fn(&Signal) -> Option<Pressure>,
    ) -> [Option<Claim>; 3] {
        let high = self.rules.levels.high;
        let descriptors = {
            let mut all = [value(&self.counted), value(&self.open), self.exhausted(now)];
            all.sort_unstable();
            let [_, second, first] = all;
            first.map(|pressure| Claim { pressure, confirmed: second >= Some(high) })
        };
        let memory = {
            let (used, stalls) =
                (value(&self.used).max(value(&self.resident)), value(&self.stalls));
            let confirmed = used.min(stalls) >= Some(high)
                || used > stalls && self.is_recent(now, self.reached_at, self.rules.reached_for);
            used.max(stalls).map(|pressure| Claim { pressure, confirmed })
        };
        let dials = self.of_dials(now).map(|pressure| Claim { pressure, confirmed: false });
        [descriptors, memory, dials]
    }

    fn of_dials(&self, now: Duration) -> Option<Pressure> {
        self.dials.pressure(now, &self.rules.dials, &self.rules.levels)
    }

    fn exhausted(&self, now: Duration) -> Option<Pressure> {
        self.is_recent(now, self.exhausted_at, self.rules.exhausted_for).then_some(Pressure::FULL)
    }

    fn is_recent(&self, now: Duration, at: Option<Duration>, within: Duration) -> bool {
        at.is_some_and(|at| now.saturating_sub(at) <= within)
    }

    fn passed(&mut self, now: Duration) -> Duration {
        self.latest = self.latest.max(now);
        self.latest
    }
}

#[cfg(test)]
mod tests;
