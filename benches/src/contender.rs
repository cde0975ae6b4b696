//! Who is measured.

use std::fmt;

use crate::{Cannot, Setup, Timed};

/// A way of accounting.
#[derive(Clone, Copy)]
pub struct Contender {
    /// The name in tables.
    pub name: &'static str,
    /// What it counts, and what it cannot, for the notes under the table.
    pub note: &'static str,
    /// Makes it ready for a scenario, or says why it cannot. That it admits what it has to admit
    /// and refuses what it has to refuse is checked here, once.
    pub prepare: fn(&Setup) -> Result<Timed, Cannot>,
}

impl fmt::Debug for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contender").field("name", &self.name).finish_non_exhaustive()
    }
}
