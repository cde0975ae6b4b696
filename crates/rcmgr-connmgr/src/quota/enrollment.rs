//! What the ledger of quotas hands out.

use std::time::Duration;

use rcmgr_core::Name;

use crate::quota::{Quota, Slot};

/// A protocol that is enrolled, until it is released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Enrollment {
    pub(crate) slot: Slot,
    pub(crate) serial: u64,
}

impl Enrollment {
    /// Its place. Another protocol gets it only after [`Quotas::drained`](super::Quotas::drained).
    pub const fn slot(self) -> Slot {
        self.slot
    }
}

/// Other terms than those asked for. The minimum is set aside until the offer is answered or
/// lapses, whichever comes first.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "accept or decline it, else its minimum is set aside until it lapses"]
pub struct Offer {
    pub(crate) slot: Slot,
    pub(crate) serial: u64,
    pub(crate) quota: Quota,
    pub(crate) expires: Duration,
}

impl Offer {
    /// What is offered.
    pub const fn quota(&self) -> Quota {
        self.quota
    }

    /// When it lapses.
    pub const fn expires(&self) -> Duration {
        self.expires
    }
}

/// What a protocol that asks for a quota is told.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "an offer has to be answered"]
pub enum Answer {
    /// It has what it asked for.
    Granted(Enrollment),
    /// It may have this. Until it accepts it has what it had before, if anything.
    Counter(Offer),
}

/// The place of a protocol that was released, while connections still name it.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the place stays taken until `Quotas::drained` is told that no connection names it"]
pub struct Draining(pub(crate) Slot);

impl Draining {
    /// The place to be taken out of all connections.
    pub const fn slot(&self) -> Slot {
        self.0
    }
}

/// A protocol that is enrolled, with what it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enrolled<'a> {
    /// Itself.
    pub enrollment: Enrollment,
    /// Its name.
    pub name: &'a Name,
    /// Its quota.
    pub quota: Quota,
    /// Its floor in the present share. The minimum is below it only where floors yield.
    pub floor: u32,
    /// How many connections are no offence: the maximum, or one that it was lowered from and has
    /// still time to adjust to.
    pub tolerated: u32,
    /// By when it has to adjust to its maximum; `None` if it had the time.
    pub adjust_by: Option<Duration>,
    /// Its weight, 1 to 1000.
    pub weight: u16,
}

/// A quota that became another one without being asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuotaChanged {
    /// Whose.
    pub enrollment: Enrollment,
    /// What it was when last told of.
    pub old: Quota,
    /// What it is.
    pub new: Quota,
    /// By when the protocol has to adjust to its maximum; `None` if that was not lowered lately.
    pub adjust_by: Option<Duration>,
}

/// What becomes of floors that do not fit in a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Floors {
    /// Such a share is refused.
    Hold,
    /// They are shared out by weight. For a critical environment.
    Yield,
}
