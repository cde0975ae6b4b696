use super::*;
use crate::quota::InvalidSpec;

mod sequences;

const fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const NOW: Duration = at(100);

fn range(min: u32, max: u32) -> QuotaSpec {
    QuotaSpec::new(Amount::Abs(min), Amount::Abs(max))
}

fn with_floor(floor: Amount, min: Amount) -> QuotaSpec {
    QuotaSpec { floor, ..QuotaSpec::new(min, Amount::Unbounded) }
}

fn granted(quotas: &mut Quotas, name: &str, spec: QuotaSpec) -> Enrollment {
    match quotas.enroll(NOW, name, &[], spec).unwrap() {
        Answer::Granted(enrollment) => enrollment,
        Answer::Counter(offer) => panic!("{name} is offered {:?}", offer.quota()),
    }
}

fn offered(quotas: &mut Quotas, name: &str, spec: QuotaSpec) -> Offer {
    match quotas.enroll(NOW, name, &[], spec).unwrap() {
        Answer::Counter(offer) => offer,
        Answer::Granted(_) => panic!("{name} gets all that it asks for"),
    }
}

fn quota(quotas: &Quotas, enrollment: Enrollment) -> (u32, u32) {
    let quota = quotas.get(NOW, enrollment).unwrap().quota;
    (quota.min, quota.max)
}

#[test]
fn a_twentieth_of_the_share_is_kept_from_minima() {
    for (share, budget) in
        [(0, 0), (1, 0), (20, 19), (21, 19), (100, 95), (u32::MAX, 4_080_218_930)]
    {
        assert_eq!(Quotas::new(share).budget(), budget);
        assert_eq!(Quotas::new(share).available(NOW), budget);
    }
}

#[test]
fn what_there_is_is_granted_and_of_what_there_is_not_the_rest_is_offered() {
    let mut quotas = Quotas::new(1000);
    let five_percent = QuotaSpec::new(Amount::Bp(500), Amount::Bp(1000));
    let dht = granted(&mut quotas, "dht", five_percent);
    assert_eq!(quota(&quotas, dht), (50, 100));
    assert_eq!(quotas.available(NOW), 900);

    let offer = offered(&mut quotas, "bulk", range(950, 960));
    assert_eq!(offer.quota(), Quota { min: 900, max: 900 });
    assert_eq!(quotas.available(NOW), 0, "it is set aside");
    let bulk = quotas.accept(NOW, offer).unwrap();
    assert_eq!(quota(&quotas, bulk), (900, 900));
    assert_eq!(quota(&quotas, dht), (50, 50), "no more than others leave");

    let refused = quotas.enroll(NOW, "late", &[], with_floor(Amount::Abs(1), Amount::Abs(2)));
    let none = InsufficientShare { available: 0, floor: 1 };
    assert_eq!(refused, Err(EnrollError::InsufficientShare(none)));
    assert_eq!(
        none.to_string(),
        "0 connections of the share are left, fewer than the floor of 1; lower the floor, or raise \
         the share"
    );
    let guest = offered(&mut quotas, "guest", range(2, 10));
    assert_eq!(guest.quota(), Quota { min: 0, max: 1 }, "any minimum is better than none");
}

#[test]
fn an_offer_stands_for_thirty_seconds() {
    let mut quotas = Quotas::new(100);
    let offer = offered(&mut quotas, "bulk", range(96, 96));
    assert_eq!(offer.expires(), at(130));
    assert_eq!(quotas.available(at(129)), 0);
    assert_eq!(quotas.available(at(130)), 95);
    assert_eq!(quotas.accept(at(130), offer), Err(OfferLapsed));

    let offer = offered(&mut quotas, "bulk", range(96, 96));
    assert_eq!(offer.expires(), at(160), "a time before an earlier one is taken for that one");
    quotas.accept(at(159), offer).unwrap();
}

#[test]
fn an_offer_that_is_declined_or_asked_for_again_is_free() {
    let mut quotas = Quotas::new(100);
    let offer = offered(&mut quotas, "bulk", range(96, 96));
    quotas.decline(offer);
    assert_eq!(quotas.available(NOW), 95);

    let first = offered(&mut quotas, "bulk", range(96, 96));
    let second = offered(&mut quotas, "bulk", range(97, 97));
    assert_eq!(second.quota().min, 95);
    assert_eq!(quotas.accept(NOW, first), Err(OfferLapsed));
    quotas.accept(NOW, second).unwrap();
}

#[test]
fn who_is_enrolled_may_ask_for_another_quota() {
    let mut quotas = Quotas::new(100);
    let dht = granted(&mut quotas, "dht", range(50, 60));
    let gossip = granted(&mut quotas, "gossip", range(20, 30));
    assert_eq!(quotas.available(NOW), 25);

    let answer = quotas.renegotiate(NOW, dht, range(60, 65)).unwrap();
    assert_eq!(answer, Answer::Granted(dht));
    assert_eq!(quota(&quotas, dht), (60, 65));
    assert_eq!(quotas.take_changes(), [], "it knows what it got, and nothing changed for others");

    let Answer::Counter(offer) = quotas.renegotiate(NOW, dht, range(90, 95)).unwrap() else {
        panic!("there are 75");
    };
    assert_eq!(offer.quota(), Quota { min: 75, max: 75 });
    assert_eq!(quota(&quotas, dht), (60, 65), "until it accepts");
    assert_eq!(quotas.available(NOW), 0);
    assert_eq!(quotas.accept(NOW, offer), Ok(dht));
    assert_eq!((quota(&quotas, dht), quota(&quotas, gossip)), ((75, 75), (20, 20)));
    let old = Quota { min: 20, max: 30 };
    let new = Quota { min: 20, max: 20 };
    let adjust_by = Some(at(130));
    assert_eq!(quotas.take_changes(), [QuotaChanged { enrollment: gossip, old, new, adjust_by }]);

    let high_floor = with_floor(Amount::Abs(80), Amount::Abs(90));
    let none = InsufficientShare { available: 75, floor: 80 };
    let refused = quotas.renegotiate(NOW, dht, high_floor);
    assert_eq!(refused, Err(RenegotiateError::InsufficientShare(none)));
    assert_eq!(quota(&quotas, dht), (75, 75));
}

#[test]
fn who_asks_again_gives_up_the_offer_before() {
    let mut quotas = Quotas::new(100);
    let dht = granted(&mut quotas, "dht", range(50, 60));
    let mut ask = |spec| match quotas.renegotiate(NOW, dht, spec).unwrap() {
        Answer::Counter(offer) => offer,
        Answer::Granted(_) => panic!("there are 95"),
    };
    let [first, second] = [96, 97].map(|min| ask(range(min, min)));
    assert_eq!(second.quota().min, 95, "what was set aside for it is its own");
    assert_eq!(quotas.accept(NOW, first), Err(OfferLapsed));
    let answer = quotas.renegotiate(NOW, dht, range(40, 60)).unwrap();
    assert_eq!(answer, Answer::Granted(dht));
    assert_eq!(quotas.accept(NOW, second), Err(OfferLapsed));
    assert_eq!((quota(&quotas, dht), quotas.available(NOW)), ((40, 60), 55));
}

#[test]
fn a_place_of_another_ledger_frees_nothing() {
    let [mut one, mut other] = [100, 100].map(Quotas::new);
    let [here, there] = [&mut one, &mut other].map(|each| granted(each, "dht", range(1, 2)));
    one.drained(other.release(NOW, there).unwrap());
    assert_eq!(quota(&one, here), (1, 2));
}

#[test]
fn what_is_released_is_free_at_once_but_its_place_only_when_drained() {
    let mut quotas = Quotas::new(100);
    let matcher = [Matcher::Prefix("/ipfs/kad/".into())];
    let Answer::Granted(dht) = quotas.enroll(NOW, "dht", &matcher, range(50, 60)).unwrap() else {
        panic!("there is room");
    };
    let before = quotas.routes();
    assert!(before.slots_of("/ipfs/kad/1.0.0").contains(dht.slot()));

    let place = quotas.release(NOW, dht).unwrap();
    assert_eq!(place.slot(), dht.slot());
    assert_eq!(quotas.available(NOW), 95);
    assert!(quotas.routes().slots_of("/ipfs/kad/1.0.0").is_empty());
    assert_eq!(quotas.get(NOW, dht), Err(NotEnrolled));
    assert_eq!(quotas.release(NOW, dht), Err(NotEnrolled));
    assert_eq!(
        quotas.renegotiate(NOW, dht, range(1, 2)),
        Err(RenegotiateError::NotEnrolled(NotEnrolled))
    );

    let again = granted(&mut quotas, "dht", range(50, 60));
    assert_ne!(again.slot(), dht.slot());
    quotas.drained(place);
    let other = granted(&mut quotas, "other", range(1, 2));
    assert_eq!(other.slot(), dht.slot());
    assert_eq!(quotas.release(NOW, dht), Err(NotEnrolled), "the place is another's now");
}

#[test]
fn there_are_sixty_four_places() {
    let mut quotas = Quotas::new(1000);
    for at in 0..64 {
        let _ = granted(&mut quotas, &at.to_string(), range(1, 2));
    }
    assert_eq!(quotas.enroll(NOW, "64", &[], range(1, 2)), Err(EnrollError::Full));
    let first = quotas.enrolled(NOW).next().unwrap().enrollment;
    let place = quotas.release(NOW, first).unwrap();
    assert_eq!(quotas.enroll(NOW, "64", &[], range(1, 2)), Err(EnrollError::Full));
    quotas.drained(place);
    let _ = granted(&mut quotas, "64", range(1, 2));
}

#[test]
fn requests_that_make_no_sense_say_why() {
    let mut quotas = Quotas::new(100);
    let _ = granted(&mut quotas, "dht", range(1, 2));
    let matcher = Matcher::Exact("x".repeat(257).into());
    let refusals = [
        quotas.enroll(NOW, "dht", &[], range(1, 2)),
        quotas.enroll(NOW, "", &[], range(1, 2)),
        quotas.enroll(NOW, &"x".repeat(257), &[], range(1, 2)),
        quotas.enroll(NOW, "new", std::slice::from_ref(&matcher), range(1, 2)),
        quotas.enroll(NOW, "new", &vec![matcher; 33], range(1, 2)),
        quotas.enroll(NOW, "new", &[], range(3, 2)),
    ];
    let says = refusals.map(|refusal| refusal.unwrap_err().to_string());
    assert_eq!(
        says,
        [
            "a protocol \"dht\" is enrolled; release it first, or take another name",
            "the protocol has no name; give it one",
            "the name has 257 bytes; shorten it to 256 at most",
            "a matcher has 257 bytes; shorten it to 256 at most",
            "33 matchers are more than 32; match by prefixes",
            "of a share of 100 connections the minimum is more than the maximum; lower it",
        ]
    );
    assert_eq!(quotas.enrolled(NOW).count(), 1);
    let dht = quotas.enrolled(NOW).next().unwrap().enrollment;
    let refused = quotas.renegotiate(NOW, dht, range(3, 2));
    let invalid = InvalidSpec::MinAboveMax { share: 100 };
    assert_eq!(refused, Err(RenegotiateError::Invalid(invalid)));
}

#[test]
fn relative_quotas_follow_the_share() {
    let mut quotas = Quotas::new(1000);
    let dht = granted(&mut quotas, "dht", QuotaSpec::new(Amount::Bp(500), Amount::Bp(1000)));
    let fixed = granted(&mut quotas, "fixed", range(10, 20));
    quotas.set_share(NOW, 500, Floors::Hold).unwrap();
    assert_eq!((quota(&quotas, dht), quota(&quotas, fixed)), ((25, 50), (10, 20)));
    quotas.set_share(NOW, 2000, Floors::Hold).unwrap();
    assert_eq!((quota(&quotas, dht), quota(&quotas, fixed)), ((100, 200), (10, 20)));
    let (old, new) = (Quota { min: 50, max: 100 }, Quota { min: 100, max: 200 });
    let changed = QuotaChanged { enrollment: dht, old, new, adjust_by: None };
    assert_eq!(quotas.take_changes(), [changed], "once, from what it knew");
    assert_eq!(quotas.take_changes(), []);
}

#[test]
fn a_minimum_that_was_offered_is_not_raised_unasked() {
    let mut quotas = Quotas::new(1000);
    let first = granted(&mut quotas, "first", range(900, 900));
    let offer = offered(&mut quotas, "second", QuotaSpec::new(Amount::Bp(1000), Amount::Unbounded));
    assert_eq!(offer.quota().min, 50);
    let second = quotas.accept(NOW, offer).unwrap();
    let place = quotas.release(NOW, first).unwrap();
    quotas.drained(place);
    assert_eq!(quota(&quotas, second), (50, 950));
    quotas.set_share(NOW, 300, Floors::Hold).unwrap();
    assert_eq!(quota(&quotas, second), (30, 285), "a tenth is what it asked for at most");
}

#[test]
fn a_share_that_is_short_is_shared_out_by_weight_between_floors_and_minima() {
    let mut quotas = Quotas::new(200);
    let spec = |floor, min, weight| QuotaSpec {
        weight,
        ..with_floor(Amount::Abs(floor), Amount::Abs(min))
    };
    let heavy = granted(&mut quotas, "heavy", spec(0, 90, 300));
    let light = granted(&mut quotas, "light", spec(0, 60, 100));
    let stiff = granted(&mut quotas, "stiff", spec(30, 40, 1));
    let minima = |quotas: &Quotas| [heavy, light, stiff].map(|each| quota(quotas, each).0);
    assert_eq!(minima(&quotas), [90, 60, 40]);
    quotas.set_share(NOW, 100, Floors::Hold).unwrap();
    assert_eq!(minima(&quotas), [49, 16, 30]);
    assert_eq!(quotas.available(NOW), 0);

    let refused = quotas.set_share(NOW, 31, Floors::Hold).unwrap_err();
    assert_eq!(refused, FloorsDoNotFit { share: 31, budget: 29, floors: 30 });
    assert_eq!(minima(&quotas), [49, 16, 30], "as they were");
    assert_eq!(quotas.share(), 100);
    quotas.set_share(NOW, 31, Floors::Yield).unwrap();
    assert_eq!(minima(&quotas), [0, 0, 29]);
    quotas.set_share(NOW, 200, Floors::Hold).unwrap();
    assert_eq!(minima(&quotas), [90, 60, 40], "as before");
}

#[test]
fn floors_say_how_far_the_share_may_shrink() {
    let mut quotas = Quotas::new(1000);
    assert_eq!(quotas.least_share(), 2);
    let _ = granted(&mut quotas, "fixed", with_floor(Amount::Abs(50), Amount::Abs(60)));
    assert_eq!(quotas.least_share(), 54);
    let _ = granted(&mut quotas, "half", with_floor(Amount::Bp(5000), Amount::Bp(5000)));
    assert_eq!(quotas.least_share(), 116);
    quotas.set_share(NOW, 116, Floors::Hold).unwrap();
    quotas.set_share(NOW, 100, Floors::Yield).unwrap();
    assert_eq!(quotas.least_share(), 116);
    let mut all = Quotas::new(100);
    let _ = granted(&mut all, "all", with_floor(Amount::Bp(9500), Amount::Bp(9500)));
    assert_eq!(all.least_share(), 100);
}

#[test]
fn a_lower_maximum_counts_after_thirty_seconds() {
    let mut quotas = Quotas::new(1000);
    let dht = granted(&mut quotas, "dht", QuotaSpec::new(Amount::Bp(500), Amount::Bp(1000)));
    quotas.set_share(at(200), 900, Floors::Hold).unwrap();
    quotas.set_share(at(210), 800, Floors::Hold).unwrap();
    let tolerated = |quotas: &Quotas, now| {
        let shown = quotas.get(at(now), dht).unwrap();
        assert_eq!(shown.quota, Quota { min: 40, max: 80 });
        (shown.tolerated, shown.adjust_by)
    };
    assert_eq!(tolerated(&quotas, 229), (100, Some(at(240))));
    assert_eq!(tolerated(&quotas, 230), (90, Some(at(240))));
    assert_eq!(tolerated(&quotas, 240), (80, None));
    assert_eq!(quotas.take_changes()[0].adjust_by, Some(at(240)));

    quotas.set_share(at(210), 850, Floors::Hold).unwrap();
    let [raised] = quotas.take_changes().try_into().unwrap();
    assert_eq!((raised.old.max, raised.new.max), (80, 85));
    assert_eq!(raised.adjust_by, Some(at(240)), "it is still lower than it was");
    quotas.set_share(at(210), 1000, Floors::Hold).unwrap();
    assert_eq!(quotas.take_changes()[0].adjust_by, None);
}

#[test]
fn offers_make_way_for_who_is_enrolled_when_the_share_shrinks() {
    let mut quotas = Quotas::new(200);
    let dht = granted(&mut quotas, "dht", range(100, 100));
    let minima = [("a", 40), ("b", 40), ("c", 0)];
    let offers = minima.map(|(name, min)| offered(&mut quotas, name, range(min, 1000)));
    assert_eq!(quotas.available(NOW), 10);
    quotas.set_share(NOW, 190, Floors::Hold).unwrap();
    assert_eq!(quotas.available(NOW), 0, "both fit");
    quotas.set_share(NOW, 189, Floors::Hold).unwrap();
    assert_eq!(quota(&quotas, dht), (100, 100));
    assert_eq!(quotas.available(NOW), 39, "one was missing for the later offer");
    let [first, latest, nothing] = offers.map(|offer| quotas.accept(NOW, offer));
    assert_eq!(latest, Err(OfferLapsed));
    assert_eq!(quota(&quotas, first.unwrap()), (40, 79));
    assert_eq!(quota(&quotas, nothing.unwrap()), (0, 39), "it takes nothing from others");
}
