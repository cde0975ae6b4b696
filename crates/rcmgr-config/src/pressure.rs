//! Pressure: how short of memory a process is, decided from samples of what it takes.
//!
//! Nothing here reads a clock or a file: who runs it samples the process ([`resident`]) from time to
//! time, and lets its manager [require the priority](rcmgr_core::ResourceManager::require_priority)
//! of the level.
//!
//! [`resident`]: crate::machine::resident

use core::fmt;
use core::time::Duration;

use rcmgr_core::Priority;

use crate::Ratio;

/// How short of memory a process is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PressureLevel {
    /// It is not: reservations of any priority are admitted.
    #[default]
    Normal,
    /// Reservations need [`Priority::MEDIUM`].
    Elevated,
    /// Reservations need [`Priority::HIGH`].
    High,
    /// Reservations need [`Priority::ALWAYS`].
    Critical,
}

impl PressureLevel {
    /// Every level, the lowest first.
    pub const ALL: [PressureLevel; 4] = [
        PressureLevel::Normal,
        PressureLevel::Elevated,
        PressureLevel::High,
        PressureLevel::Critical,
    ];

    /// The priority that a reservation of memory needs at this level.
    pub const fn required_priority(self) -> Priority {
        match self {
            PressureLevel::Normal => Priority::LOWEST,
            PressureLevel::Elevated => Priority::MEDIUM,
            PressureLevel::High => Priority::HIGH,
            PressureLevel::Critical => Priority::ALWAYS,
        }
    }

    /// The lowest level that requires this priority, or a higher one.
    ///
    /// ```
    /// use rcmgr_config::PressureLevel;
    /// use rcmgr_core::Priority;
    ///
    /// assert_eq!(PressureLevel::requiring(Priority::LOWEST), PressureLevel::Normal);
    /// assert_eq!(PressureLevel::requiring(Priority::LOW), PressureLevel::Elevated);
    /// ```
    pub fn requiring(priority: Priority) -> PressureLevel {
        let requires = |level: &PressureLevel| level.required_priority() >= priority;
        PressureLevel::ALL.into_iter().find(requires).unwrap_or(PressureLevel::Critical)
    }

    const fn above(self) -> Option<PressureLevel> {
        match self {
            PressureLevel::Normal => Some(PressureLevel::Elevated),
            PressureLevel::Elevated => Some(PressureLevel::High),
            PressureLevel::High => Some(PressureLevel::Critical),
            PressureLevel::Critical => None,
        }
    }

    const fn below(self) -> Option<PressureLevel> {
        match self {
            PressureLevel::Normal => None,
            PressureLevel::Elevated => Some(PressureLevel::Normal),
            PressureLevel::High => Some(PressureLevel::Elevated),
            PressureLevel::Critical => Some(PressureLevel::High),
        }
    }
}

/// A stable name for machines and people: `normal`, `elevated`, `high`, `critical`.
impl fmt::Display for PressureLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PressureLevel::Normal => "normal",
            PressureLevel::Elevated => "elevated",
            PressureLevel::High => "high",
            PressureLevel::Critical => "critical",
        })
    }
}

/// When a level of pressure begins and ends. The parts are of a budget: what the process may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PressureRules {
    /// From this part on, the pressure is elevated.
    pub elevated: Ratio,
    /// From this part on, it is high. Above `elevated`.
    pub high: Ratio,
    /// From this part on, it is critical. Above `high`.
    pub critical: Ratio,
    /// A level ends only so far below where it begins. Below `elevated`.
    pub margin: Ratio,
    /// So many samples in a row have to be where the next level begins, 2 at least.
    pub rise_after: u32,
    /// So many samples in a row have to be below where the level ends, `rise_after` at least.
    pub fall_after: u32,
    /// The time between two samples: [`PressureRules::SHORTEST`] to [`PressureRules::LONGEST`].
    pub every: Duration,
}

/// What makes no rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPressure {
    /// There is nothing to have a part of.
    #[error("the budget is 0 bytes; give the memory that the process may take")]
    NoBudget,
    /// A level would begin where a lower one does, or before.
    #[error("a level that begins at {higher} is not above one that begins at {lower}; raise it")]
    NotIncreasing {
        /// Where the lower level begins.
        lower: Ratio,
        /// Where the next one should begin later.
        higher: Ratio,
    },
    /// The pressure would never be normal again.
    #[error("a margin of {margin} is not below {elevated}, where pressure begins; write 0.05, say")]
    Margin {
        /// The margin.
        margin: Ratio,
        /// Where the lowest level with pressure begins.
        elevated: Ratio,
    },
    /// One sample would raise the level.
    #[error("{0} samples in a row are too few to raise the level; take 2 at least")]
    RiseAfter(u32),
    /// The level would fall sooner than it rises.
    #[error(
        "{fall_after} samples in a row are too few to lower a level that takes {rise_after} to \
         rise; take as many at least"
    )]
    FallAfter {
        /// How many samples raise the level.
        rise_after: u32,
        /// How many lower it.
        fall_after: u32,
    },
    /// Samples too close together or too far apart.
    #[error("{0:?} between samples is not from 100ms to 1min; write 1s, say")]
    Interval(Duration),
}

/// [`PressureRules::DEFAULT`].
impl Default for PressureRules {
    fn default() -> PressureRules {
        PressureRules::DEFAULT
    }
}

const fn percent(number: u8) -> Ratio {
    match Ratio::new(number as f64 / 100.0) {
        Ok(ratio) => ratio,
        Err(_) => panic!("only the numbers below are given, while this is compiled"),
    }
}

impl PressureRules {
    /// A sample each second; pressure from 85, 92 and 97 percent on, with a margin of 5; two samples
    /// raise the level and ten lower it.
    ///
    /// Below 85 percent all is admitted: the rest is for what is not resident in the process, and
    /// counts in its control group all the same (sockets, the page cache, other memory of the kernel).
    /// At 97 percent it is near to being killed, so only what must not fail is admitted. The margin
    /// keeps what comes and goes from second to second from changing the level. From normal to critical
    /// it takes six seconds: a process that fills 2 percent of its budget in each of them is not
    /// stopped by this, but by limits. Falling is slower, since all that was refused may come at once.
    pub const DEFAULT: PressureRules = PressureRules {
        elevated: percent(85),
        high: percent(92),
        critical: percent(97),
        margin: percent(5),
        rise_after: 2,
        fall_after: 10,
        every: Duration::from_secs(1),
    };
    /// Sampling reads a file of the kernel, which should not become what the process is busy with.
    pub const SHORTEST: Duration = Duration::from_millis(100);
    /// In more than a minute a process can fill any memory.
    pub const LONGEST: Duration = Duration::from_secs(60);

    /// Whether they make sense.
    ///
    /// # Errors
    /// The first field that contradicts what is said of it.
    pub fn check(&self) -> Result<(), InvalidPressure> {
        let PressureRules { elevated, high, critical, margin, rise_after, fall_after, every } =
            *self;
        for (lower, higher) in [(elevated, high), (high, critical)] {
            if lower >= higher {
                return Err(InvalidPressure::NotIncreasing { lower, higher });
            }
        }
        if margin >= elevated {
            Err(InvalidPressure::Margin { margin, elevated })
        } else if rise_after < 2 {
            Err(InvalidPressure::RiseAfter(rise_after))
        } else if fall_after < rise_after {
            Err(InvalidPressure::FallAfter { rise_after, fall_after })
        } else if !(PressureRules::SHORTEST..=PressureRules::LONGEST).contains(&every) {
            Err(InvalidPressure::Interval(every))
        } else {
            Ok(())
        }
    }

    /// Where a level begins.
    const fn begins(&self, level: PressureLevel) -> Option<Ratio> {
        match level {
            PressureLevel::Normal => None,
            PressureLevel::Elevated => Some(self.elevated),
            PressureLevel::High => Some(self.high),
            PressureLevel::Critical => Some(self.critical),
        }
    }
}

/// Decides from samples of what a process takes how short of memory it is.
///
/// The level rises, and falls, by one at a time: when enough samples in a row are where the next level
/// begins, or are below where the present one ends; then counting begins anew. So no single sample
/// changes it, and memory that goes up and down within the margin never lowers a level that it has
/// raised. A sample that could not be taken counts neither way: what was counted before it goes on
/// after it.
///
/// Of two processes with the same budget, the one that never takes less is never at a lower level.
///
/// ```
/// use rcmgr_config::{MemoryPressure, PressureLevel, PressureRules};
///
/// const GIB: u64 = 1 << 30;
/// let mut pressure = MemoryPressure::new(100 * GIB, PressureRules::default())?;
/// assert_eq!(pressure.sample(Some(90 * GIB)), None);
/// assert_eq!(pressure.sample(None), None);
/// assert_eq!(pressure.sample(Some(88 * GIB)), Some(PressureLevel::Elevated));
/// // Within the margin, for however long.
/// assert_eq!(pressure.sample(Some(80 * GIB)), None);
/// // Below it, ten times in a row.
/// let levels: Vec<_> = (0..10).filter_map(|_| pressure.sample(Some(70 * GIB))).collect();
/// assert_eq!(levels, [PressureLevel::Normal]);
/// # Ok::<(), rcmgr_config::InvalidPressure>(())
/// ```
#[derive(Clone, Debug)]
pub struct MemoryPressure {
    budget: u64,
    rules: PressureRules,
    level: PressureLevel,
    /// How many samples in a row were where the level above begins; less than `rise_after`.
    rising: u32,
    /// How many were below where the level ends; less than `fall_after`.
    falling: u32,
}

impl MemoryPressure {
    /// No pressure, in a process that may take so many bytes.
    ///
    /// # Errors
    /// There is no budget; else those of [`PressureRules::check`].
    pub fn new(budget: u64, rules: PressureRules) -> Result<MemoryPressure, InvalidPressure> {
        if budget == 0 {
            return Err(InvalidPressure::NoBudget);
        }
        rules.check()?;
        let level = PressureLevel::Normal;
        Ok(MemoryPressure { budget, rules, level, rising: 0, falling: 0 })
    }

    /// What the process may take, in bytes.
    pub fn budget(&self) -> u64 {
        self.budget
    }

    /// When levels begin and end.
    pub fn rules(&self) -> &PressureRules {
        &self.rules
    }

    /// How short of memory the process is: what [`MemoryPressure::sample`] returned last.
    pub fn level(&self) -> PressureLevel {
        self.level
    }

    /// Takes notice of a process that takes so many bytes, or of which this is not known. Returns the
    /// level if it changes.
    pub fn sample(&mut self, resident: Option<u64>) -> Option<PressureLevel> {
        let resident = resident?;
        let above = self.level.above().filter(|above| resident >= self.begins(*above));
        let below = self.level.below().filter(|_| resident < self.ends());
        self.rising = if above.is_some() { self.rising + 1 } else { 0 };
        self.falling = if below.is_some() { self.falling + 1 } else { 0 };
        let risen = above.filter(|_| self.rising >= self.rules.rise_after);
        let fallen = below.filter(|_| self.falling >= self.rules.fall_after);
        self.level = risen.or(fallen)?;
        (self.rising, self.falling) = (0, 0);
        Some(self.level)
    }

    /// From how many bytes on a level holds.
    fn begins(&self, level: PressureLevel) -> u64 {
        self.rules.begins(level).map_or(0, |part| part.of(self.budget))
    }

    /// Below how many bytes the present level ends; 0 for the normal one, which does not. The margin is
    /// below where all others begin.
    fn ends(&self) -> u64 {
        self.begins(self.level).saturating_sub(self.rules.margin.of(self.budget))
    }
}

#[cfg(test)]
mod tests;
