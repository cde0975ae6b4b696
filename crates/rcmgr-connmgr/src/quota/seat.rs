//! What a place is taken by.

use std::time::Duration;

use rcmgr_core::Name;

use super::{
    enrollment::{Enrolled, Enrollment},
    error::EnrollError,
    ledger::Quotas,
    routes::Matcher,
    terms::{Pending, Terms},
    tolerance::Tolerance,
};
use crate::quota::{Quota, Slot};

#[derive(Debug)]
pub(crate) enum Seat {
    /// A protocol that was offered a quota and is not enrolled.
    Asking(Protocol, Pending),
    /// A protocol that is enrolled.
    Enrolled(Member),
    /// One that was released, while connections still name the place.
    Draining,
}

#[derive(Clone, Debug)]
pub(crate) struct Protocol {
    pub name: Name,
    pub matchers: Box<[Matcher]>,
}

#[derive(Debug)]
pub(crate) struct Member {
    pub protocol: Protocol,
    pub serial: u64,
    pub terms: Terms,
    pub quota: Quota,
    /// The quota that the protocol knows of.
    pub told: Quota,
    pub tolerance: Tolerance,
    /// Other terms, which it asked for.
    pub pending: Option<Pending>,
}

impl Seat {
    pub fn member(&self) -> Option<&Member> {
        if let Seat::Enrolled(member) = self { Some(member) } else { None }
    }

    pub fn member_mut(&mut self) -> Option<&mut Member> {
        if let Seat::Enrolled(member) = self { Some(member) } else { None }
    }

    /// What was offered, and how many connections of the budget the protocol has already.
    pub fn pending(&self) -> Option<(Pending, u32)> {
        match self {
            Seat::Asking(_, pending) => Some((*pending, 0)),
            Seat::Enrolled(member) => Some((member.pending?, member.quota.min)),
            Seat::Draining => None,
        }
    }
}

impl Protocol {
    pub fn new(name: &str, matchers: &[Matcher]) -> Result<Protocol, EnrollError> {
        if name.is_empty() {
            return Err(EnrollError::NoName);
        }
        let (given, most) = (matchers.len(), Quotas::MAX_MATCHERS);
        if given > most {
            return Err(EnrollError::TooManyMatchers { given, most });
        }
        let most = Quotas::MAX_NAME;
        let lengths = matchers.iter().map(|matcher| ("a matcher", matcher.text().len()));
        let mut lengths = std::iter::once(("the name", name.len())).chain(lengths);
        match lengths.find(|(_, length)| *length > most) {
            Some((what, length)) => Err(EnrollError::TooLong { what, length, most }),
            None => Ok(Protocol { name: name.into(), matchers: matchers.into() }),
        }
    }
}

impl Member {
    /// A member that has nothing yet.
    pub fn new(protocol: Protocol, serial: u64, terms: Terms) -> Member {
        let nothing = Quota { min: 0, max: 0 };
        let tolerance = Tolerance::default();
        Member { protocol, serial, terms, quota: nothing, told: nothing, tolerance, pending: None }
    }

    /// Gives it a quota. It has time until `by` to adjust to a lower maximum.
    pub fn give(&mut self, quota: Quota, now: Duration, by: Duration) {
        if quota.max < self.quota.max {
            self.tolerance.lowered(self.quota.max, now, by);
        }
        self.quota = quota;
    }

    pub fn shown(&self, slot: Slot, share: u32, now: Duration) -> Enrolled<'_> {
        let max = self.quota.max;
        Enrolled {
            enrollment: Enrollment { slot, serial: self.serial },
            name: &self.protocol.name,
            quota: self.quota,
            floor: self.terms.floor(share),
            tolerated: self.tolerance.most(max, now),
            adjust_by: self.tolerance.adjust_by(max, now),
            weight: self.terms.spec.weight,
        }
    }
}
