//! What was agreed with a protocol, and what follows from it in a share.

use std::time::Duration;

use super::fill::Claim;
use crate::quota::{Amount, Quota, QuotaSpec};

/// A range that was asked for, and the minimum that was agreed on if there was less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    pub spec: QuotaSpec,
    pub agreed: Option<u32>,
}

impl Terms {
    /// The minimum in a share that is not short.
    pub fn min(&self, share: u32) -> u32 {
        let asked = self.spec.min.rounded_up(share);
        self.agreed.map_or(asked, |agreed| agreed.min(asked))
    }

    /// The floor, which in another share than that of the agreement may be above the minimum.
    pub fn floor(&self, share: u32) -> u32 {
        self.spec.floor.rounded_up(share).min(self.min(share))
    }

    pub fn claim(&self, share: u32) -> Claim {
        let (floor, most) = (self.floor(share), self.min(share));
        Claim { floor, most, weight: self.spec.weight }
    }

    /// The quota with this minimum, if the minima of others leave `left`.
    pub fn quota(&self, share: u32, min: u32, left: u32) -> Quota {
        Quota { min, max: self.spec.max.rounded_down(share).min(left).max(min).max(1) }
    }

    /// Whether this quota is all that was asked for.
    pub fn is_met_by(&self, quota: Quota, share: u32) -> bool {
        let asked = self.quota(share, self.spec.min.rounded_up(share), u32::MAX);
        quota.min == asked.min && (quota.max == asked.max || self.spec.max == Amount::Unbounded)
    }
}

/// Terms that were offered and not answered yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pending {
    pub serial: u64,
    pub terms: Terms,
    pub expires: Duration,
}
