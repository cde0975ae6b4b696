//! All places: what each is taken by, and what that makes together.

use std::{collections::BTreeMap, time::Duration};

use super::{
    enrollment::Enrollment,
    error::NotEnrolled,
    routes::Routes,
    seat::{Member, Seat},
    terms::Pending,
};
use crate::quota::Slot;

/// The places that are taken. Counts of connections are wide, so that no sum overflows.
#[derive(Debug, Default)]
pub(crate) struct Seats(BTreeMap<Slot, Seat>);

/// An offer that stands.
pub(crate) struct Standing {
    pub slot: Slot,
    pub pending: Pending,
    /// How many connections it sets aside: those beyond what the protocol has already.
    pub aside: u32,
}

impl Seats {
    /// The first place that is free.
    pub fn free(&self) -> Option<Slot> {
        (0..64).filter_map(Slot::new).find(|slot| !self.0.contains_key(slot))
    }

    pub fn take(&mut self, slot: Slot, seat: Seat) {
        self.0.insert(slot, seat);
    }

    pub fn get_mut(&mut self, slot: Slot) -> Option<&mut Seat> {
        self.0.get_mut(&slot)
    }

    /// Frees a place that was drained.
    pub fn drained(&mut self, slot: Slot) {
        if let Some(Seat::Draining) = self.0.get(&slot) {
            self.0.remove(&slot);
        }
    }

    pub fn members(&self) -> impl Iterator<Item = (Slot, &Member)> {
        self.0.iter().filter_map(|(slot, seat)| Some((*slot, seat.member()?)))
    }

    pub fn members_mut(&mut self) -> impl Iterator<Item = (Slot, &mut Member)> {
        self.0.iter_mut().filter_map(|(slot, seat)| Some((*slot, seat.member_mut()?)))
    }

    pub fn member(&self, enrollment: Enrollment) -> Result<&Member, NotEnrolled> {
        let member = self.0.get(&enrollment.slot).and_then(Seat::member);
        member.filter(|member| member.serial == enrollment.serial).ok_or(NotEnrolled)
    }

    pub fn member_mut(&mut self, enrollment: Enrollment) -> Result<&mut Member, NotEnrolled> {
        let member = self.0.get_mut(&enrollment.slot).and_then(Seat::member_mut);
        member.filter(|member| member.serial == enrollment.serial).ok_or(NotEnrolled)
    }

    /// The offers that stand in this share.
    pub fn offers(&self, share: u32) -> impl Iterator<Item = Standing> {
        self.0.iter().filter_map(move |(slot, seat)| {
            let (pending, own) = seat.pending()?;
            let aside = pending.terms.min(share).saturating_sub(own);
            Some(Standing { slot: *slot, pending, aside })
        })
    }

    /// Withdraws one offer, if it stands.
    pub fn withdraw(&mut self, slot: Slot, serial: u64) {
        self.keep_offers(|at, pending| at != slot || pending.serial != serial);
    }

    /// Withdraws what was offered to a protocol of this name that is not enrolled.
    pub fn withdraw_from(&mut self, name: &str) {
        self.0.retain(|_, seat| !matches!(seat, Seat::Asking(asking, _) if &*asking.name == name));
    }

    /// Withdraws the offers whose time is over.
    pub fn lapse(&mut self, now: Duration) {
        self.keep_offers(|_, pending| pending.expires > now);
    }

    fn keep_offers(&mut self, stands: impl Fn(Slot, &Pending) -> bool) {
        self.0.retain(|slot, seat| match seat {
            Seat::Asking(_, pending) => stands(*slot, pending),
            Seat::Enrolled(member) => {
                member.pending = member.pending.filter(|pending| stands(*slot, pending));
                true
            }
            Seat::Draining => true,
        });
    }

    /// What the minima add up to.
    pub fn granted(&self) -> u64 {
        self.members().map(|(_, member)| u64::from(member.quota.min)).sum()
    }

    /// What the floors add up to in this share.
    pub fn floors(&self, share: u32) -> u64 {
        self.members().map(|(_, member)| u64::from(member.terms.floor(share))).sum()
    }

    /// The table of whose streams are whose.
    pub fn routes(&self) -> Routes {
        Routes::new(self.members().flat_map(|(slot, member)| {
            member.protocol.matchers.iter().map(move |matcher| (slot, matcher))
        }))
    }
}
