//! Limits that are ready to be put in force.

use core::fmt;
use std::sync::Arc;

use crate::Limits;
use crate::places::Places;

/// Limits with all that takes long to make of them, so that they can be put in force at once, and
/// again and again: see [`ResourceManager::prepare`](crate::ResourceManager::prepare). Clones share
/// everything.
#[derive(Clone)]
pub struct PreparedLimits(pub(crate) Places);

impl PreparedLimits {
    /// The limits that these were made of.
    pub fn limits(&self) -> &Arc<Limits> {
        self.0.limits()
    }
}

impl fmt::Debug for PreparedLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PreparedLimits").field(self.limits()).finish()
    }
}
