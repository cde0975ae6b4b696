//! What holds after any sequence of calls.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Call {
    Enroll(u8, QuotaSpec),
    Renegotiate(usize, QuotaSpec),
    Accept(usize),
    Decline(usize),
    /// Drops the offer unanswered.
    Forget(usize),
    Release(usize),
    Drained(usize),
    SetShare(u32, Floors),
    Wait(u64),
}

/// A ledger, and what its callers hold.
struct Node {
    quotas: Quotas,
    now: Duration,
    floors: Floors,
    enrolled: Vec<Enrollment>,
    offers: Vec<Offer>,
    places: Vec<Draining>,
}

fn pick<T>(from: &mut Vec<T>, at: usize) -> Option<T> {
    let at = at.checked_rem(from.len())?;
    Some(from.swap_remove(at))
}

impl Node {
    fn new(share: u32) -> Node {
        let (enrolled, offers, places) = (vec![], vec![], vec![]);
        let (quotas, floors) = (Quotas::new(share), Floors::Hold);
        Node { quotas, now: Duration::ZERO, floors, enrolled, offers, places }
    }

    fn minima(&self) -> Vec<(Enrollment, u32)> {
        let all = self.quotas.enrolled(self.now);
        all.map(|each| (each.enrollment, each.quota.min)).collect()
    }

    /// Makes the call; gives whose minimum it may lower, or `None` for all.
    fn call(&mut self, call: &Call) -> Option<Vec<Enrollment>> {
        let now = self.now;
        match *call {
            Call::Enroll(name, spec) => {
                let available = self.quotas.available(now);
                let answer = self.quotas.enroll(now, &name.to_string(), &[], spec);
                match answer {
                    Ok(Answer::Granted(enrollment)) => {
                        let min = self.quotas.get(now, enrollment).unwrap().quota.min;
                        assert_eq!(min, spec.min.rounded_up(self.quotas.share()));
                        self.enrolled.push(enrollment);
                    }
                    Ok(Answer::Counter(offer)) => {
                        assert!(offer.quota().min >= spec.floor.rounded_up(self.quotas.share()));
                        assert!(offer.quota().min <= offer.quota().max);
                        self.offers.push(offer);
                    }
                    Err(EnrollError::InsufficientShare(short)) => {
                        assert!(short.available < short.floor);
                        assert!(short.available >= available, "an offer may have been withdrawn");
                    }
                    Err(_) => {}
                }
                Some(vec![])
            }
            Call::Renegotiate(at, spec) => {
                let Some(at) = at.checked_rem(self.enrolled.len()) else { return Some(vec![]) };
                let enrollment = self.enrolled[at];
                if let Ok(Answer::Counter(offer)) = self.quotas.renegotiate(now, enrollment, spec) {
                    self.offers.push(offer);
                }
                Some(vec![enrollment])
            }
            Call::Accept(at) => {
                let Some(offer) = pick(&mut self.offers, at) else { return Some(vec![]) };
                let Ok(enrollment) = self.quotas.accept(now, offer) else { return Some(vec![]) };
                if !self.enrolled.contains(&enrollment) {
                    self.enrolled.push(enrollment);
                }
                Some(vec![enrollment])
            }
            Call::Decline(at) => {
                if let Some(offer) = pick(&mut self.offers, at) {
                    self.quotas.decline(offer);
                }
                Some(vec![])
            }
            Call::Forget(at) => {
                let _forgotten = pick(&mut self.offers, at);
                Some(vec![])
            }
            Call::Release(at) => {
                if let Some(enrollment) = pick(&mut self.enrolled, at) {
                    self.places.push(self.quotas.release(now, enrollment).unwrap());
                }
                Some(vec![])
            }
            Call::Drained(at) => {
                if let Some(place) = pick(&mut self.places, at) {
                    self.quotas.drained(place);
                }
                Some(vec![])
            }
            Call::SetShare(share, floors) => {
                if self.quotas.set_share(now, share, floors).is_ok() {
                    self.floors = floors;
                }
                None
            }
            Call::Wait(seconds) => {
                self.now += at(seconds);
                Some(vec![])
            }
        }
    }

    fn make(&mut self, calls: &[Call]) {
        for call in calls {
            self.call(call);
        }
    }

    fn check(&self) {
        let (quotas, budget) = (&self.quotas, self.quotas.budget());
        let all: Vec<_> = quotas.enrolled(self.now).collect();
        assert!(all.iter().map(|each| each.enrollment).eq({
            let mut enrolled = self.enrolled.clone();
            enrolled.sort_by_key(|each| each.slot());
            enrolled
        }));
        let granted: u32 = all.iter().map(|each| each.quota.min).sum();
        let offers = quotas.seats.offers(quotas.share());
        let standing = offers.filter(|offer| offer.pending.expires > self.now);
        let aside: u32 = standing.map(|offer| offer.aside).sum();
        assert_eq!(granted + aside + quotas.available(self.now), budget);
        for each in &all {
            let Quota { min, max } = each.quota;
            assert!(min <= max && (max == 1 || max + (granted - min) <= budget));
            assert!(each.tolerated >= max);
            assert_eq!(each.adjust_by.is_some(), each.tolerated > max);
            assert!(each.adjust_by.is_none_or(|by| by <= self.now + Quotas::ADJUST_WITHIN));
        }
        let held =
            |(_, member): (Slot, &Member)| member.quota.min >= member.terms.floor(quotas.share());
        let fit = quotas.seats.floors(quotas.share()) <= u64::from(budget);
        assert!(fit || self.floors == Floors::Yield);
        assert_eq!(quotas.seats.members().all(held), fit);
    }
}

fn amount(most: u32) -> impl Strategy<Value = Amount> {
    prop_oneof![(0..=most).prop_map(Amount::Abs), (0u16..=4000).prop_map(Amount::Bp)]
}

fn any_spec() -> impl Strategy<Value = QuotaSpec> {
    let max = prop_oneof![amount(200), Just(Amount::Unbounded)];
    let weight = prop_oneof![Just(100), 1u16..=1000];
    (amount(20), amount(60), max, weight).prop_map(|(floor, min, max, weight)| QuotaSpec {
        min,
        max,
        floor,
        weight,
    })
}

fn any_call() -> impl Strategy<Value = Call> {
    let floors = prop_oneof![Just(Floors::Hold), Just(Floors::Yield)];
    prop_oneof![
        6 => (0u8..12, any_spec()).prop_map(|(name, spec)| Call::Enroll(name, spec)),
        3 => (any::<usize>(), any_spec()).prop_map(|(at, spec)| Call::Renegotiate(at, spec)),
        4 => any::<usize>().prop_map(Call::Accept),
        1 => any::<usize>().prop_map(Call::Decline),
        1 => any::<usize>().prop_map(Call::Forget),
        1 => any::<usize>().prop_map(Call::Release),
        1 => any::<usize>().prop_map(Call::Drained),
        3 => (0u32..300, floors).prop_map(|(share, floors)| Call::SetShare(share, floors)),
        1 => (0u64..40).prop_map(Call::Wait),
    ]
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    prop::collection::vec(any_call(), 0..60)
}

proptest! {
    #[test]
    fn minima_fit_in_the_budget_and_floors_hold(share in 0u32..300, calls in calls()) {
        let mut node = Node::new(share);
        for call in &calls {
            let before = node.minima();
            let may_shrink = node.call(call);
            node.check();
            let Some(may_shrink) = may_shrink else { continue };
            for (enrollment, min) in before {
                let now = node.quotas.get(node.now, enrollment);
                let held = now.is_err_and(|NotEnrolled| true) || now.unwrap().quota.min >= min;
                prop_assert!(held || may_shrink.contains(&enrollment), "{call:?} lowers {enrollment:?}");
            }
        }
    }

    #[test]
    fn the_same_calls_give_the_same_quotas(share in 0u32..300, calls in calls()) {
        let run = || {
            let mut node = Node::new(share);
            node.make(&calls);
            (node.quotas.take_changes(), format!("{:?}", node.quotas))
        };
        prop_assert_eq!(run(), run());
    }

    #[test]
    fn once_the_share_is_as_before_so_are_quotas(
        share in 0u32..300,
        calls in calls(),
        detour in prop::collection::vec(0u32..400, 1..6),
    ) {
        let mut node = Node::new(share);
        node.make(&calls);
        let (before, share) = (node.minima(), node.quotas.share());
        for through in detour.into_iter().chain([share]) {
            prop_assert!(node.quotas.set_share(node.now, through, Floors::Yield).is_ok());
        }
        prop_assert_eq!(node.minima(), before);
    }

    #[test]
    fn floors_fit_in_every_share_down_to_the_least(share in 0u32..300, calls in calls()) {
        let mut node = Node::new(share);
        node.make(&calls);
        let least = node.quotas.least_share();
        for share in least..node.quotas.share() {
            prop_assert!(node.quotas.set_share(node.now, share, Floors::Hold).is_ok());
        }
    }

    #[test]
    fn changes_lead_from_what_was_told_to_what_is(share in 0u32..300, calls in calls()) {
        let mut node = Node::new(share);
        let mut known: Vec<(Enrollment, Quota)> = vec![];
        for call in &calls {
            let asked = node.call(call).unwrap_or_default();
            for change in node.quotas.take_changes() {
                let told = known.iter_mut().find(|(enrollment, _)| *enrollment == change.enrollment);
                let (_, quota) = told.expect("who asks for a quota is not told of it");
                prop_assert_eq!(*quota, change.old);
                prop_assert_ne!(change.old, change.new);
                *quota = change.new;
            }
            let all: Vec<_> =
                node.quotas.enrolled(node.now).map(|each| (each.enrollment, each.quota)).collect();
            for (enrollment, quota) in &all {
                let told = known.iter().find(|(known, _)| known == enrollment);
                let knows = told.is_some_and(|(_, known)| known == quota);
                prop_assert!(knows || told.is_none() || asked.contains(enrollment));
            }
            known = all;
        }
    }

    #[test]
    fn no_numbers_overflow(share: u32, specs in prop::collection::vec((any::<[u32; 3]>(), 1u16..=1000), 0..64)) {
        let mut quotas = Quotas::new(share);
        for (at, (mut numbers, weight)) in specs.into_iter().enumerate() {
            numbers.sort_unstable();
            let [floor, min, max] = numbers.map(Amount::Abs);
            match quotas.enroll(Duration::MAX, &at.to_string(), &[], QuotaSpec { min, max, floor, weight }) {
                Ok(Answer::Counter(offer)) => drop(quotas.accept(Duration::MAX, offer)),
                Ok(Answer::Granted(_)) | Err(_) => {}
            }
        }
        for share in [u32::MAX, 1, share / 2] {
            prop_assert!(quotas.set_share(Duration::MAX, share, Floors::Yield).is_ok());
            let least = quotas.least_share();
            prop_assert!(least >= 2 || share < 2);
        }
    }
}
