//! The ledger of quotas: who is enrolled, with what, and who was offered what.

use std::{sync::Arc, time::Duration};

use super::{
    enrollment::{Answer, Draining, Enrolled, Enrollment, Floors, Offer, QuotaChanged},
    error::{
        EnrollError, FloorsDoNotFit, InsufficientShare, NotEnrolled, OfferLapsed, RenegotiateError,
    },
    fill::fill,
    routes::{Matcher, Routes},
    seat::{Member, Protocol, Seat},
    seats::Seats,
    terms::{Pending, Terms},
};
use crate::quota::{Amount, Quota, QuotaSpec, Slot, amount::WHOLE};

/// One in so many connections of the share is kept from minima.
const RESERVE: u32 = 20;

/// The quotas of all protocols that are enrolled.
///
/// A protocol asks for a [range](QuotaSpec) of the soft share. It is granted what it asks for, or
/// offered what there is, or, if that is less than its floor, refused. Its minimum is then its
/// own; its maximum is no more than what the minima of others leave, and follows them.
///
/// A connection counts once against every protocol that uses it, whole and not in parts, which
/// would change whenever another one opens a stream. So all minima that fit in the share can be
/// held at once; protocols that use the same connections only need fewer.
///
/// ```
/// use std::time::Duration;
/// use rcmgr_connmgr::quota::{Amount, Answer, Floors, Matcher, Quota, QuotaSpec, Quotas};
///
/// let now = Duration::ZERO;
/// let mut quotas = Quotas::new(100);
/// let spec = QuotaSpec::new(Amount::Abs(60), Amount::Unbounded);
/// let dht = match quotas.enroll(now, "dht", &[Matcher::Prefix("/ipfs/kad/".into())], spec)? {
///     Answer::Granted(dht) => dht,
///     Answer::Counter(_) => unreachable!("there is nobody else"),
/// };
/// assert_eq!(quotas.get(now, dht)?.quota, Quota { min: 60, max: 95 });
///
/// // 95 connections are for minima, so there are 35 left.
/// let offer = match quotas.enroll(now, "gossip", &[], spec)? {
///     Answer::Granted(_) => unreachable!("there are not that many"),
///     Answer::Counter(offer) => offer,
/// };
/// assert_eq!(offer.quota(), Quota { min: 35, max: 35 });
/// let gossip = quotas.accept(now, offer)?;
///
/// // Half of the share leaves 47 for minima.
/// quotas.set_share(now, 50, Floors::Hold)?;
/// let min = |protocol| quotas.get(now, protocol).map(|protocol| protocol.quota.min);
/// assert_eq!((min(dht)?, min(gossip)?), (24, 23));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Guarantees
/// - Minima, those offered included, never add up to more than the [budget](Quotas::budget).
/// - Each protocol can have its maximum while all others have their minima; only the least
///   maximum, 1, may be beyond that.
/// - A minimum shrinks only when the share changes, or when its protocol renegotiates. It is below
///   its floor only in a share that was set with [`Floors::Yield`] and is too small for all floors.
/// - Minima follow from the share and from what was agreed on: once the share is as before, so are
///   they.
/// - All follows from the calls and their times: there is no clock and no chance in it. A time
///   before that of an earlier call is taken for that one.
#[derive(Debug)]
pub struct Quotas {
    share: u32,
    seats: Seats,
    routes: Arc<Routes>,
    serials: u64,
    latest: Duration,
}

impl Quotas {
    /// How long an offer stands.
    pub const OFFER_STANDS: Duration = Duration::from_secs(30);
    /// How long a protocol has to adjust to a maximum that was lowered.
    pub const ADJUST_WITHIN: Duration = Duration::from_secs(30);
    /// The most bytes of a name or a matcher.
    pub const MAX_NAME: usize = 256;
    /// The most matchers of a protocol.
    pub const MAX_MATCHERS: usize = 32;

    /// A ledger of nobody, of a soft share of so many connections.
    pub fn new(share: u32) -> Quotas {
        Quotas {
            share,
            seats: Seats::default(),
            routes: Arc::default(),
            serials: 0,
            latest: Duration::ZERO,
        }
    }

    /// Asks for a quota for a protocol. Streams whose protocol a matcher fits are its own.
    ///
    /// An offer that was made under the same name and not answered is withdrawn.
    ///
    /// # Errors
    /// Nothing is enrolled: see [`EnrollError`].
    pub fn enroll(
        &mut self,
        now: Duration,
        name: &str,
        matchers: &[Matcher],
        spec: QuotaSpec,
    ) -> Result<Answer, EnrollError> {
        let now = self.advance(now);
        let protocol = Protocol::new(name, matchers)?;
        spec.check(self.share)?;
        if self.seats.members().any(|(_, member)| &*member.protocol.name == name) {
            return Err(EnrollError::Duplicate(name.into()));
        }
        self.seats.withdraw_from(name);
        let slot = self.seats.free().ok_or(EnrollError::Full)?;
        let (terms, quota) = self.negotiate(spec, 0)?;

        if terms.is_met_by(quota, self.share) {
            return Ok(Answer::Granted(self.join(now, slot, protocol, terms)));
        }
        let pending = self.pend(now, terms);
        self.seats.take(slot, Seat::Asking(protocol, pending));
        Ok(Answer::Counter(offer(slot, pending, quota)))
    }

    /// Asks for another quota for a protocol that is enrolled. What it has counts as available.
    ///
    /// An offer that was made to it and not answered is withdrawn.
    ///
    /// # Errors
    /// The quota stays as it was: see [`RenegotiateError`].
    pub fn renegotiate(
        &mut self,
        now: Duration,
        enrollment: Enrollment,
        spec: QuotaSpec,
    ) -> Result<Answer, RenegotiateError> {
        let now = self.advance(now);
        let share = self.share;
        let member = self.seats.member_mut(enrollment)?;
        spec.check(share)?;
        member.pending = None;
        let own = member.quota.min;
        let (terms, quota) = self.negotiate(spec, own)?;

        if terms.is_met_by(quota, share) {
            self.seats.member_mut(enrollment)?.terms = terms;
            self.settle_with(now, enrollment.slot);
            return Ok(Answer::Granted(enrollment));
        }
        let pending = self.pend(now, terms);
        self.seats.member_mut(enrollment)?.pending = Some(pending);
        Ok(Answer::Counter(offer(enrollment.slot, pending, quota)))
    }

    /// Takes an offer. The quota may be another one than offered if the share or other protocols
    /// changed meanwhile; [`Quotas::get`] tells.
    ///
    /// # Errors
    /// It lapsed.
    pub fn accept(&mut self, now: Duration, offer: Offer) -> Result<Enrollment, OfferLapsed> {
        let now = self.advance(now);
        let slot = offer.slot;
        let standing = |pending: &Pending| pending.serial == offer.serial;
        match self.seats.get_mut(slot) {
            Some(Seat::Asking(protocol, pending)) if standing(pending) => {
                let (protocol, terms) = (protocol.clone(), pending.terms);
                Ok(self.join(now, slot, protocol, terms))
            }
            Some(Seat::Enrolled(member)) => {
                member.terms =
                    member.pending.take_if(|pending| standing(pending)).ok_or(OfferLapsed)?.terms;
                let enrollment = Enrollment { slot, serial: member.serial };
                self.settle_with(now, slot);
                Ok(enrollment)
            }
            _ => Err(OfferLapsed),
        }
    }

    /// Leaves an offer, so that others can have what was set aside. One that lapsed is left
    /// already.
    pub fn decline(&mut self, offer: Offer) {
        self.seats.withdraw(offer.slot, offer.serial);
    }

    /// Ends an enrollment: its quota is free, and no stream is its own any more. Its place stays
    /// taken until all connections forgot it and [`Quotas::drained`] is told.
    ///
    /// # Errors
    /// It ended before.
    pub fn release(
        &mut self,
        now: Duration,
        enrollment: Enrollment,
    ) -> Result<Draining, NotEnrolled> {
        let now = self.advance(now);
        self.seats.member_mut(enrollment)?;
        self.seats.take(enrollment.slot, Seat::Draining);
        self.settle(now);
        self.routes = Arc::new(self.seats.routes());
        Ok(Draining(enrollment.slot))
    }

    /// No connection names the place any more; another protocol may have it.
    pub fn drained(&mut self, place: Draining) {
        self.seats.drained(place.0);
    }

    /// Takes a soft share of so many connections: relative amounts are resolved again, and if the
    /// minima do not fit, they shrink. Each keeps its weight times the same number, though no less
    /// than its floor and no more than it had agreed on. Offers that do not fit beside them are
    /// withdrawn, the latest first.
    ///
    /// # Errors
    /// With [`Floors::Hold`], the floors do not fit. The share stays as it was.
    pub fn set_share(
        &mut self,
        now: Duration,
        share: u32,
        floors: Floors,
    ) -> Result<(), FloorsDoNotFit> {
        let now = self.advance(now);
        let (budget, needed) = (budget(share), self.seats.floors(share));
        if floors == Floors::Hold && needed > u64::from(budget) {
            return Err(FloorsDoNotFit { share, budget, floors: needed });
        }
        self.share = share;
        self.settle(now);
        Ok(())
    }

    /// The quotas that changed since this was called last, by place; each once, however often it
    /// changed. A protocol that renegotiates knows what it got.
    pub fn take_changes(&mut self) -> Vec<QuotaChanged> {
        let now = self.latest;
        let changed = self.seats.members_mut().filter(|(_, member)| member.told != member.quota);
        changed
            .map(|(slot, member)| {
                let new = member.quota;
                let old = std::mem::replace(&mut member.told, new);
                let adjust_by = member.tolerance.adjust_by(new.max, now);
                let enrollment = Enrollment { slot, serial: member.serial };
                QuotaChanged { enrollment, old, new, adjust_by }
            })
            .collect()
    }

    /// The soft share.
    pub fn share(&self) -> u32 {
        self.share
    }

    /// What minima may add up to: the share without a twentieth, rounded up, which is left to
    /// connections that no protocol enrolled for, and to newcomers.
    pub fn budget(&self) -> u32 {
        budget(self.share)
    }

    /// What minima may still be asked for.
    pub fn available(&self, now: Duration) -> u32 {
        let now = now.max(self.latest);
        let offers = self.seats.offers(self.share).filter(|offer| offer.pending.expires > now);
        let aside: u64 = offers.map(|offer| u64::from(offer.aside)).sum();
        // At most the budget.
        u64::from(self.budget()).saturating_sub(self.seats.granted() + aside) as u32
    }

    /// A share to which it may shrink while floors hold: they fit in it, and in every one between
    /// it and the present share. It need not be the least. If they do not fit at present it is one
    /// from which on they do, or `u32::MAX`.
    pub fn least_share(&self) -> u32 {
        // The reserve is rounded up, and so is each relative floor: each by less than one.
        let (mut connections, mut points) = (1, 0);
        for (_, member) in self.seats.members() {
            let floor = member.terms.spec.floor;
            let (fixed, relative) = match floor {
                Amount::Bp(part) => (1, u64::from(part)),
                _ => (u64::from(floor.rounded_up(self.share)), 0),
            };
            (connections, points) = (connections + fixed, points + relative);
        }
        let whole = u64::from(WHOLE);
        let enough = match (whole - whole / u64::from(RESERVE)).saturating_sub(points) {
            0 => u32::MAX,
            left => u32::try_from((connections * whole).div_ceil(left)).unwrap_or(u32::MAX),
        };
        let fit = self.seats.floors(self.share) <= u64::from(self.budget());
        if fit { enough.min(self.share) } else { enough }
    }

    /// Whom streams belong to at present. The table does not change; ask again after protocols were
    /// enrolled or released.
    pub fn routes(&self) -> Arc<Routes> {
        self.routes.clone()
    }

    /// A protocol, with what it has.
    ///
    /// # Errors
    /// It was released.
    pub fn get(&self, now: Duration, enrollment: Enrollment) -> Result<Enrolled<'_>, NotEnrolled> {
        let member = self.seats.member(enrollment)?;
        Ok(member.shown(enrollment.slot, self.share, now.max(self.latest)))
    }

    /// All protocols that are enrolled, by place.
    pub fn enrolled(&self, now: Duration) -> impl Iterator<Item = Enrolled<'_>> {
        let now = now.max(self.latest);
        self.seats.members().map(move |(slot, member)| member.shown(slot, self.share, now))
    }
}

impl Quotas {
    /// The time, once offers that lapsed by then are gone.
    fn advance(&mut self, now: Duration) -> Duration {
        self.latest = self.latest.max(now);
        let now = self.latest;
        self.seats.lapse(now);
        now
    }

    /// The best terms for one that has `own` connections of the budget.
    fn negotiate(&self, spec: QuotaSpec, own: u32) -> Result<(Terms, Quota), InsufficientShare> {
        let available = self.available(self.latest) + own;
        let asked = spec.min.rounded_up(self.share);
        let floor = spec.floor.rounded_up(self.share);
        let min = asked.min(available);
        if min < floor {
            return Err(InsufficientShare { available, floor });
        }
        let terms = Terms { spec, agreed: (min < asked).then_some(min) };
        Ok((terms, terms.quota(self.share, min, available)))
    }

    fn join(&mut self, now: Duration, slot: Slot, protocol: Protocol, terms: Terms) -> Enrollment {
        let serial = self.next_serial();
        self.seats.take(slot, Seat::Enrolled(Member::new(protocol, serial, terms)));
        self.settle_with(now, slot);
        self.routes = Arc::new(self.seats.routes());
        Enrollment { slot, serial }
    }

    /// Settles after the terms of a protocol changed, which knows what it gets.
    fn settle_with(&mut self, now: Duration, slot: Slot) {
        self.settle(now);
        if let Some(member) = self.seats.get_mut(slot).and_then(Seat::member_mut) {
            member.told = member.quota;
        }
    }

    /// Makes the quotas those that follow from terms and share. Who is enrolled comes before who
    /// was offered something.
    fn settle(&mut self, now: Duration) {
        let (share, budget) = (self.share, self.budget());
        let claims: Vec<_> =
            self.seats.members().map(|(_, member)| member.terms.claim(share)).collect();
        let minima = fill(&claims, budget);
        let granted: u32 = minima.iter().sum();
        let by = now.saturating_add(Quotas::ADJUST_WITHIN);
        for ((_, member), min) in self.seats.members_mut().zip(minima) {
            member.give(member.terms.quota(share, min, budget - (granted - min)), now, by);
        }
        self.fit_offers(budget - granted);
    }

    /// Withdraws the latest offers until the others set aside no more than `left`.
    fn fit_offers(&mut self, left: u32) {
        let mut offers: Vec<_> = self.seats.offers(self.share).collect();
        offers.sort_unstable_by_key(|offer| offer.pending.serial);
        let mut aside = 0_u64;
        for offer in offers.iter().filter(|offer| offer.aside > 0) {
            aside += u64::from(offer.aside);
            if aside > u64::from(left) {
                self.seats.withdraw(offer.slot, offer.pending.serial);
            }
        }
    }

    fn pend(&mut self, now: Duration, terms: Terms) -> Pending {
        let expires = now.saturating_add(Quotas::OFFER_STANDS);
        Pending { serial: self.next_serial(), terms, expires }
    }

    fn next_serial(&mut self) -> u64 {
        self.serials += 1;
        self.serials
    }
}

fn budget(share: u32) -> u32 {
    share - share.div_ceil(RESERVE)
}

fn offer(slot: Slot, pending: Pending, quota: Quota) -> Offer {
    Offer { slot, serial: pending.serial, quota, expires: pending.expires }
}

#[cfg(test)]
mod tests;
