//! Protocols: what they ask of the share and what they are given.

use std::{sync::Arc, time::Duration};

use rcmgr_core::Name;

use super::{Regulator, RegulatorEvent, unpoisoned};
use crate::{
    Scorer,
    lock::{BudgetUse, TakenLock},
    quota::{
        Answer, EnrollError, Enrollment, Matcher, NotEnrolled, Offer, OfferLapsed, Quota,
        QuotaSpec, RenegotiateError,
    },
    scoring::ScorerCounts,
};

/// A protocol that is enrolled, with what it has and what it uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrolledProtocol {
    /// Itself.
    pub enrollment: Enrollment,
    /// Its name.
    pub name: Name,
    /// Its quota.
    pub quota: Quota,
    /// Its floor in the present share. The minimum is below it only where floors yield.
    pub floor: u32,
    /// By when it has to adjust to its maximum; `None` if it had the time.
    pub adjust_by: Option<Duration>,
    /// Its weight, 1 to 1000.
    pub weight: u16,
    /// How many connections count for it.
    pub used: u32,
    /// The locks that it holds, and may hold.
    pub locks: BudgetUse,
    /// How its scorer fares.
    pub scorer: ScorerCounts,
}

impl Regulator {
    /// Asks for a quota for a protocol. Streams whose protocol a matcher fits are its own from here
    /// on.
    ///
    /// # Errors
    /// Nothing is enrolled: see [`EnrollError`].
    pub fn enroll(
        &self,
        now: Duration,
        name: &str,
        matchers: &[Matcher],
        spec: QuotaSpec,
    ) -> Result<Answer, EnrollError> {
        let now = self.pass(now);
        let mut steering = unpoisoned(&self.steering);
        let answer = steering.quotas.enroll(now, name, matchers, spec)?;
        self.follow(&steering, now);
        drop(steering);
        self.wake.wake();
        Ok(answer)
    }

    /// Takes an offer.
    ///
    /// # Errors
    /// It lapsed.
    pub fn accept(&self, now: Duration, offer: Offer) -> Result<Enrollment, OfferLapsed> {
        let now = self.pass(now);
        let mut steering = unpoisoned(&self.steering);
        let enrollment = steering.quotas.accept(now, offer)?;
        self.follow(&steering, now);
        drop(steering);
        self.wake.wake();
        Ok(enrollment)
    }

    /// Leaves an offer.
    pub fn decline(&self, now: Duration, offer: Offer) {
        self.pass(now);
        unpoisoned(&self.steering).quotas.decline(offer);
    }

    /// Asks for another quota.
    ///
    /// # Errors
    /// The quota stays as it was: see [`RenegotiateError`].
    pub fn renegotiate(
        &self,
        now: Duration,
        protocol: Enrollment,
        spec: QuotaSpec,
    ) -> Result<Answer, RenegotiateError> {
        let now = self.pass(now);
        let mut steering = unpoisoned(&self.steering);
        let answer = steering.quotas.renegotiate(now, protocol, spec)?;
        self.follow(&steering, now);
        drop(steering);
        self.wake.wake();
        Ok(answer)
    }

    /// Ends an enrollment: its quota is free, its locks are void, its bursts are over, its scorer is
    /// dropped, and no stream is its own any more.
    ///
    /// # Errors
    /// It ended before.
    pub fn release(&self, now: Duration, protocol: Enrollment) -> Result<(), NotEnrolled> {
        let now = self.pass(now);
        let draining = {
            let mut steering = unpoisoned(&self.steering);
            let draining = steering.quotas.release(now, protocol)?;
            self.follow(&steering, now);
            draining
        };
        // From here on nothing new names the place: whoever is about to looks at the directory under a
        // lock that is taken below.
        let slot = draining.slot();
        self.taken(self.locks.withdraw(slot));
        let ended = unpoisoned(&self.bursts).end_all(now, slot);
        ended.iter().for_each(|ended| self.settle(ended));
        self.scorings.remove(slot);
        self.table.change_all(|held| held.detach(slot));
        unpoisoned(&self.steering).quotas.drained(draining);
        self.wake.wake();
        Ok(())
    }

    /// Protocols that are enrolled, by place.
    pub fn enrolled(&self, now: Duration) -> Vec<EnrolledProtocol> {
        let now = self.pass(now);
        let steering = unpoisoned(&self.steering);
        let enrolled = steering.quotas.enrolled(now).map(|enrolled| {
            let slot = enrolled.enrollment.slot();
            EnrolledProtocol {
                enrollment: enrolled.enrollment,
                name: enrolled.name.clone(),
                quota: enrolled.quota,
                floor: enrolled.floor,
                adjust_by: enrolled.adjust_by,
                weight: enrolled.weight,
                used: self.table.usage(slot),
                locks: self.locks.protocol_usage(slot),
                scorer: ScorerCounts::default(),
            }
        });
        let mut enrolled: Vec<_> = enrolled.collect();
        drop(steering);
        for protocol in &mut enrolled {
            protocol.scorer = self.scorings.counts(protocol.enrollment.slot());
        }
        enrolled
    }

    /// Sets what says what the streams of a protocol are worth, in place of what did before.
    ///
    /// # Errors
    /// The protocol was released.
    pub fn set_scorer(
        &self,
        protocol: Enrollment,
        scorer: Arc<dyn Scorer>,
    ) -> Result<(), NotEnrolled> {
        self.scorings.set(protocol.slot(), scorer, || self.directory.load().has(protocol))?;
        self.wake.wake();
        Ok(())
    }

    pub(super) fn taken(&self, locks: Vec<TakenLock>) {
        for TakenLock { slot, reason, by, .. } in locks {
            self.counts.taken(by);
            self.events.send(RegulatorEvent::LockTaken { slot, reason, by });
        }
    }
}
