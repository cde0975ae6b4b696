//! What is sensed, by name.

use super::{Pressure, Quality};

/// What is sensed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sensor {
    /// The descriptors that the engine has counted, of those that the process may have open.
    CountedDescriptors,
    /// Those that are really open.
    OpenDescriptors,
    /// Lately there was an error that none was left.
    NoDescriptor,
    /// The memory that is used of the fullest control group's, or of the machine's.
    Memory,
    /// The memory that the process takes of its budget.
    Resident,
    /// The time that tasks stood still for want of memory.
    Stalls,
    /// Dials that failed.
    Dials,
}

impl Sensor {
    /// All of them.
    pub const ALL: [Sensor; 7] = [
        Sensor::CountedDescriptors,
        Sensor::OpenDescriptors,
        Sensor::NoDescriptor,
        Sensor::Memory,
        Sensor::Resident,
        Sensor::Stalls,
        Sensor::Dials,
    ];

    /// A stable name, for the label of a metric.
    pub const fn name(self) -> &'static str {
        match self {
            Sensor::CountedDescriptors => "counted_descriptors",
            Sensor::OpenDescriptors => "open_descriptors",
            Sensor::NoDescriptor => "no_descriptor",
            Sensor::Memory => "memory",
            Sensor::Resident => "resident",
            Sensor::Stalls => "stalls",
            Sensor::Dials => "dials",
        }
    }
}

/// What one sensor says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sensed {
    /// Which.
    pub sensor: Sensor,
    /// What it said last; none if it said nothing, or that was too long ago.
    pub pressure: Option<Pressure>,
    /// What that is worth.
    pub quality: Quality,
}
