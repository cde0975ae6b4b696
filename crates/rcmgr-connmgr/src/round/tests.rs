//! Rounds, by the stories that they are made for.

mod properties;

use std::{
    collections::BTreeMap,
    num::{NonZeroU16, NonZeroU32},
    time::Duration,
};

use super::{candidate::UNATTACHED, *};
use crate::{Score, quota::Quota};

const NOW: Duration = Duration::from_secs(100_000);

fn ago(seconds: u64) -> Duration {
    NOW.saturating_sub(Duration::from_secs(seconds))
}

fn slots(numbers: &[u8]) -> Slots {
    numbers.iter().filter_map(|number| Slot::new(*number)).fold(Slots::EMPTY, Slots::with)
}

/// A connection that is used, and was useful a minute ago, of a network of its own.
fn peer(key: u32) -> Candidate {
    Candidate {
        network: key,
        slots: slots(&[0]),
        useful: Some(ago(59)),
        streams: 1,
        ..Candidate::new(key, ago(3600))
    }
}

fn worth_points(key: u32, points: i64) -> Candidate {
    Candidate { tally: Score::new(points), ..peer(key) }
}

/// Without shields, so that a test sees the order alone.
fn bare(aim: Aim) -> Plan {
    let policy = Policy { shields: Shields::NONE, close: 10_000, ..Policy::default() };
    Plan { policy, ..Plan::new(NOW, aim) }
}

fn closed(report: &Report) -> Vec<u32> {
    report.closed.iter().map(|closing| closing.key).collect()
}

fn phases(report: &Report) -> Vec<Phase> {
    report.closed.iter().map(|closing| closing.phase).collect()
}

#[test]
fn nothing_is_done_where_there_is_nothing_to_do() {
    let rows = [peer(0), peer(1)];
    for aim in [Aim::Leave(2), Aim::Room(0), Aim::Offenders(Slots::EMPTY)] {
        let report = dry_run(&rows, &bare(aim));
        assert_eq!((report.wanted, report.closed.len(), report.unmet.total()), (0, 0, 0));
    }
    assert_eq!(dry_run(&[], &bare(Aim::Room(3))).unmet.total(), 3);
}

#[test]
fn idle_connections_go_first_then_residue_then_offenders_then_whoever_is_worth_least() {
    let rows = [
        worth_points(0, 10),
        Candidate { slots: slots(&[7]), ..worth_points(1, 700) },
        Candidate { residue: NonZeroU16::new(2), ..worth_points(2, 5) },
        Candidate { residue: NonZeroU16::new(1), ..worth_points(3, 6) },
        Candidate {
            slots: Slots::EMPTY,
            streams: 0,
            useful: None,
            tally: Score::new(-200),
            ..peer(4)
        },
        worth_points(5, -500),
    ];
    let offender = Slot::new(7).unwrap();
    let plan = bare(Aim::Leave(0)).with(offender, Quota { min: 0, max: 0 });
    let report = dry_run(&rows, &plan);
    assert_eq!(closed(&report), [4, 3, 2, 1, 5, 0]);
    use Phase::*;
    assert_eq!(phases(&report), [Idle, Residue, Residue, Offender, Worst, Worst]);
}

#[test]
fn a_connection_that_was_useful_lately_or_that_tags_speak_for_is_not_idle() {
    let idle =
        Candidate { slots: Slots::EMPTY, streams: 0, useful: None, tally: UNATTACHED, ..peer(0) };
    let rows = [
        idle,
        Candidate { key: 1, useful: Some(ago(599)), ..idle },
        Candidate { key: 2, tally: Score::new(-199), ..idle },
        Candidate { key: 3, streams: 1, ..idle },
        Candidate { key: 4, slots: slots(&[1]), ..idle },
        Candidate { key: 5, useful: Some(ago(600)), ..idle },
    ];
    let report = dry_run(&rows, &bare(Aim::Leave(0)));
    assert_eq!(report.closed_in(Phase::Idle), 2);
    assert_eq!(closed(&report)[..2], [0, 5]);
}

#[test]
fn a_protocol_keeps_its_minimum_and_the_report_says_so() {
    let rows = [worth_points(0, 1), worth_points(1, 2), worth_points(2, 3)];
    let plan = bare(Aim::Leave(0)).with(Slot::new(0).unwrap(), Quota { min: 2, max: 9 });
    let report = dry_run(&rows, &plan);
    assert_eq!(closed(&report), [0]);
    assert_eq!((report.spared(Spared::Minimum), report.unmet.exhausted), (2, 2));
}

#[test]
fn offenders_lose_what_is_worth_least_until_they_are_within_their_maximum() {
    let dht = |key, points| Candidate { slots: slots(&[3]), ..worth_points(key, points) };
    let rows = [dht(0, 800), dht(1, 100), dht(2, 950), dht(3, 300), worth_points(4, -900)];
    let slot = Slot::new(3).unwrap();
    let plan = |max| bare(Aim::Offenders(slots(&[3]))).with(slot, Quota { min: 0, max });
    assert_eq!(closed(&dry_run(&rows, &plan(2))), [1, 3]);
    // One of great worth does not go for it.
    let report = dry_run(&rows, &plan(0));
    assert_eq!((closed(&report), report.unmet.exhausted), (vec![1, 3, 0], 1));
    assert_eq!(dry_run(&rows, &plan(4)).wanted, 0);
}

#[test]
fn a_connection_of_two_offenders_serves_both() {
    let rows = [0, 1].map(|key| Candidate { slots: slots(&[3, 4]), ..peer(key) });
    let one = Quota { min: 0, max: 1 };
    let plan = bare(Aim::Offenders(slots(&[3, 4])));
    let plan = plan.with(Slot::new(3).unwrap(), one).with(Slot::new(4).unwrap(), one);
    let report = dry_run(&rows, &plan);
    assert_eq!((report.wanted, report.closed.len(), report.unmet.total()), (2, 1, 0));
}

#[test]
fn a_newcomer_displaces_only_who_is_worth_less_by_the_margin() {
    let rows = [worth_points(0, -100), worth_points(1, -49), worth_points(2, -51)];
    let newcomer = |points, network| {
        let newcomer = Newcomer { tally: Score::new(points), network, short: Short::Connections };
        Plan { mode: Mode::Flux, newcomer: Some(newcomer), ..bare(Aim::Room(3)) }
    };
    // Of its 300 points it pays all for not having been useful.
    let report = dry_run(&rows, &newcomer(300, 9));
    assert_eq!(closed(&report), [0, 2]);
    assert_eq!((report.spared(Spared::WorthMore), report.unmet.exhausted), (1, 1));
    assert_eq!(dry_run(&rows, &newcomer(200, 9)).closed, []);
    assert_eq!(dry_run(&rows, &newcomer(250, 9)).closed.len(), 1);
}

#[test]
fn newcomers_of_a_crowded_network_displace_nobody() {
    let crowd = |key| Candidate { network: 77, ..worth_points(key, 100) };
    let mut rows: Vec<_> = (0..30).map(crowd).collect();
    rows.push(worth_points(30, -500));
    let newcomer = |network| {
        let newcomer = Newcomer { tally: Score::new(390), network, short: Short::Connections };
        Plan { newcomer: Some(newcomer), ..bare(Aim::Room(1)) }
    };
    assert!(dry_run(&rows[..30], &newcomer(77)).closed.is_empty());
    let plan = newcomer(78);
    let report = dry_run(&rows, &plan);
    assert_eq!(closed(&report), [30]);
    assert_eq!(closed(&dry_run(&rows[..30], &plan)).len(), 1, "one of the crowd");
}

#[test]
fn one_round_closes_no_more_than_its_share_and_the_report_says_so() {
    let rows: Vec<_> = (0..40).map(peer).collect();
    let plan = Plan::new(NOW, Aim::Leave(10));
    let report = dry_run(&rows, &plan);
    assert_eq!((report.closed.len(), report.unmet.budget), (10, 20));
    let policy = Policy { keep: 35, ..plan.policy };
    let report = dry_run(&rows, &Plan { policy, ..plan });
    assert_eq!((report.closed.len(), report.unmet.budget, report.unmet.keep), (5, 20, 5));
}

#[test]
fn an_emergency_goes_beyond_shields_and_grace_and_minima_but_not_beyond_locks() {
    let held = |key, hold| Candidate { hold, ..worth_points(key, 50) };
    let rows = [
        held(0, Hold::Locked),
        held(1, Hold::Protected),
        Candidate { useful: None, ..held(2, Hold::Grace) },
        worth_points(3, -100),
        Candidate { slots: slots(&[9]), ..worth_points(4, -600) },
    ];
    let plan = bare(Aim::Leave(0)).with(Slot::new(9).unwrap(), Quota { min: 1, max: 1 });
    let calm = dry_run(&rows, &plan);
    // The new one is left beside those to be left.
    assert_eq!((closed(&calm), calm.wanted, calm.unmet.exhausted), (vec![3], 4, 3));
    assert_eq!(calm.blocked_by_locks(), 1);
    let report = dry_run(&rows, &Plan { mode: Mode::Emergency, ..plan });
    assert_eq!(closed(&report), [3, 4, 2, 1]);
    use Phase::*;
    assert_eq!(phases(&report), [Worst, Forced, Forced, Protected]);
    assert_eq!((report.unmet.exhausted, report.blocked_by_locks()), (1, 1));
}

#[test]
fn a_lock_that_comes_first_wins_and_another_connection_goes() {
    let rows = [worth_points(0, 1), worth_points(1, 2), worth_points(2, 3)];
    let report = arbitrate(&rows, &bare(Aim::Room(1)), |key| key != 0);
    assert_eq!((closed(&report), report.spared(Spared::Contended)), (vec![1], 1));
}

#[test]
fn a_flood_of_new_connections_does_not_outlast_the_old_ones_by_being_new() {
    let new = |key| Candidate { hold: Hold::Grace, useful: None, opened: ago(5), ..peer(key) };
    let flood = |key| Candidate { network: 1 << 20, ..new(key) };
    let old = (0..800).map(peer);
    // Whether from one network or from many, grace keeps a twentieth of all, beside those to be left.
    let floods: [Vec<Candidate>; 2] =
        [(800..1000).map(flood).collect(), (800..1000).map(new).collect()];
    for flood in floods {
        let rows: Vec<_> = old.clone().chain(flood).collect();
        let report = dry_run(&rows, &bare(Aim::Leave(800)));
        assert!(report.closed.iter().all(|closing| closing.key >= 800));
        assert_eq!((report.closed.len(), report.spared(Spared::Grace)), (150, 50));
        assert_eq!(report.unmet.total(), 0);
    }
}

#[test]
fn grace_keeps_nobody_who_pays_for_a_crowded_network() {
    let new = |key| Candidate { hold: Hold::Grace, network: 1 << 20, useful: None, ..peer(key) };
    let rows: Vec<_> = (0..80).map(peer).chain((80..100).map(new)).collect();
    let policy = Policy { grace: 10_000, ..bare(Aim::Leave(0)).policy };
    let report = dry_run(&rows, &Plan { policy, ..bare(Aim::Leave(0)) });
    assert_eq!(report.spared(Spared::Grace), 10);
}

#[test]
fn a_few_new_connections_have_their_grace() {
    let new = |key| Candidate { hold: Hold::Grace, useful: None, ..worth_points(key, -900) };
    let rows: Vec<_> = (0..4).map(peer).chain((4..8).map(new)).collect();
    let report = dry_run(&rows, &bare(Aim::Leave(0)));
    assert_eq!((report.closed.len(), report.spared(Spared::Grace)), (4, 4));
}

#[test]
fn of_a_network_that_floods_with_good_scores_its_share_stays() {
    let honest = (0..500).map(|key| worth_points(key, 300));
    let mimic = (500..1000).map(|key| Candidate { network: 1 << 20, ..worth_points(key, 500) });
    let rows: Vec<_> = honest.chain(mimic).collect();
    let report = dry_run(&rows, &bare(Aim::Leave(750)));
    assert!(report.closed.iter().all(|closing| closing.key >= 500));
    // Among those of one network the order is by worth alone.
    let better = Candidate { tally: Score::new(501), ..rows[777] };
    let rows: Vec<_> = rows.iter().map(|row| if row.key == 777 { better } else { *row }).collect();
    assert!(!closed(&dry_run(&rows, &bare(Aim::Leave(505)))).contains(&777));
}

#[test]
fn whoever_was_of_use_outlasts_who_only_looks_alike() {
    let honest = (0..50).map(|key| Candidate { useful: Some(ago(1000)), ..worth_points(key, 500) });
    let mimic = (50..100).map(|key| Candidate { useful: None, ..worth_points(key, 600) });
    let rows: Vec<_> = honest.chain(mimic).collect();
    let report = dry_run(&rows, &bare(Aim::Leave(50)));
    assert!(report.closed.iter().all(|closing| closing.key >= 50));
}

/// Honest peers against many of better scores, from networks of their own: what shields are for.
#[test]
fn scores_alone_do_not_win_all_places() {
    let honest = (0..100).map(|key| {
        let fast = NonZeroU32::new(if key < 8 { 900 } else { 80_000 });
        let direction = if key % 4 == 0 { Direction::Outbound } else { Direction::Inbound };
        Candidate { rtt: fast, direction, opened: ago(9000), ..worth_points(key, 100) }
    });
    let mimic = (100..1000).map(|key| {
        let rtt = NonZeroU32::new(40_000);
        Candidate { rtt, useful: Some(ago(70)), opened: ago(100), ..worth_points(key, 1000) }
    });
    let rows: Vec<_> = honest.chain(mimic).collect();
    let mut plan =
        Plan { policy: Policy { close: 10_000, ..Policy::default() }, ..bare(Aim::Leave(0)) };
    plan.aim = Aim::Leave(250);
    let report = dry_run(&rows, &plan);
    let kept = 100 - report.closed.iter().filter(|closing| closing.key < 100).count();
    assert!(kept >= 95, "{kept} of 100 kept");
    assert_eq!(report.spared(Spared::Network), 16);
    let fast_or_outbound = report.spared(Spared::Latency) + report.spared(Spared::Outbound);
    assert!(fast_or_outbound >= 25, "{fast_or_outbound}");
    let shielded =
        [Spared::Network, Spared::Latency, Spared::Usefulness, Spared::Outbound, Spared::Service];
    assert_eq!(shielded.map(|why| report.spared(why)).iter().sum::<u32>(), 250);
}

#[test]
fn one_network_gets_few_places_by_latency_or_service() {
    let near = |key| {
        let rtt = NonZeroU32::new(10);
        Candidate { network: 5, rtt, opened: ago(90_000), tally: Score::new(1), ..peer(key) }
    };
    let rows: Vec<_> = (0..100).map(near).chain((100..200).map(peer)).collect();
    let policy =
        Policy { crowding: Crowding { points: 0, ..Crowding::default() }, ..Policy::default() };
    let plan = Plan { policy, ..Plan::new(NOW, Aim::Leave(0)) };
    let report = dry_run(&rows, &Plan { mode: Mode::Batch, ..plan });
    assert_eq!(report.spared(Spared::Latency), 2);
    let spared: BTreeMap<_, _> = (0..100)
        .filter_map(|key| explain(&rows, &plan, key))
        .filter_map(|told| match told.verdict {
            Verdict::Stays { why: Spared::Service, .. } => Some((told.key, told)),
            _ => None,
        })
        .collect();
    // Three quarters of 200 are shielded.
    assert!((1..=38).contains(&spared.len()), "{}", spared.len());
}

#[test]
fn service_spares_no_more_of_a_protocol_than_it_may_have() {
    let older = |key| Candidate { opened: ago(90_000), slots: slots(&[7]), ..peer(key) };
    let rows: Vec<_> = (0..50).map(older).chain((50..100).map(peer)).collect();
    let policy = Policy { shields: Shields { share: 6000, ..Shields::NONE }, ..Policy::default() };
    let plan = Plan { policy, ..Plan::new(NOW, Aim::Leave(90)) };
    let plan = plan.with(Slot::new(7).unwrap(), Quota { min: 0, max: 20 });
    let spared = |key| {
        let told = explain(&rows, &plan, key).map(|told| told.verdict);
        matches!(told, Some(Verdict::Stays { why: Spared::Service, .. }))
    };
    assert_eq!((0..50).filter(|key| spared(*key)).count(), 20);
    assert_eq!((50..100).filter(|key| spared(*key)).count(), 40);
}

#[test]
fn who_comes_later_in_numbers_does_not_displace_who_serves_a_protocol() {
    let of = |key, worth, since| Candidate {
        opened: ago(since),
        slots: slots(&[7]),
        ..worth_points(key, worth)
    };
    let serves = (0..20).map(|key| of(key, 100, 90_000));
    let rows: Vec<_> = serves.chain((20..60).map(|key| of(key, 300, 100))).collect();
    let bare = bare(Aim::Offenders(slots(&[7])));
    let policy = Policy { shields: Shields { share: 10_000, ..Shields::NONE }, ..bare.policy };
    let plan = Plan { policy, ..bare }.with(Slot::new(7).unwrap(), Quota { min: 0, max: 20 });
    let report = dry_run(&rows, &plan);
    assert_eq!((report.closed.len(), report.spared(Spared::Service)), (40, 20));
    assert!(closed(&report).iter().all(|key| *key >= 20));
}

#[test]
fn a_round_leaves_more_where_more_were_of_use() {
    let new = |key| Candidate { useful: None, opened: ago(70), ..peer(key) };
    let stale = |key| Candidate { useful: Some(ago(16 * 60)), ..peer(key) };
    let rows = (0..70).map(peer).chain((70..85).map(new)).chain((85..100).map(stale));
    let rows: Vec<_> = rows.collect();
    let closes = |most, beside, max| {
        let plan = Plan { stretch: Stretch { most, beside }, ..bare(Aim::Leave(60)) };
        let plan = plan.with(Slot::new(0).unwrap(), Quota { min: 0, max });
        (
            dry_run(&rows, &plan).closed.len(),
            dry_run(&rows, &Plan { mode: Mode::Emergency, ..plan }),
        )
    };
    assert_eq!(closes(0, 0, 100).0, 40);
    assert_eq!(closes(90, 0, 100).0, 30);
    assert_eq!(closes(90, 5, 100).0, 25);
    assert_eq!(closes(72, 5, 100).0, 28);
    assert_eq!(closes(90, 5, 65).0, 35, "a protocol goes down to what it may have");
    assert_eq!(closes(90, 5, 100).1.closed.len(), 40, "not in an emergency");
}

#[test]
fn who_was_of_use_needs_no_grace() {
    let graced = |key| Candidate { hold: Hold::Grace, opened: ago(5), ..peer(key) };
    let new = Candidate { useful: None, ..graced(0) };
    let rows: Vec<_> = [new].into_iter().chain((1..20).map(graced)).collect();
    let report = dry_run(&rows, &bare(Aim::Leave(10)));
    assert_eq!((report.spared(Spared::Grace), report.closed.len()), (1, 9));
}

#[test]
fn long_service_counts_also_between_two_streams() {
    let between = |key| Candidate {
        slots: Slots::EMPTY,
        streams: 0,
        opened: ago(90_000),
        tally: UNATTACHED,
        ..peer(key)
    };
    let rows: Vec<_> = (0..4).map(between).chain((4..100).map(peer)).collect();
    let policy = Policy { shields: Shields { share: 1600, ..Shields::NONE }, ..Policy::default() };
    let plan = Plan { policy, ..Plan::new(NOW, Aim::Leave(90)) };
    let stays = |rows: &[Candidate]| explain(rows, &plan, 0).map(|told| told.verdict);
    assert!(matches!(stays(&rows), Some(Verdict::Stays { why: Spared::Service, .. })));
    let unwelcome = Candidate { slots: slots(&[0]), ..rows[0] };
    let rows: Vec<_> = [unwelcome].into_iter().chain(rows[1..].iter().copied()).collect();
    assert!(!matches!(stays(&rows), Some(Verdict::Stays { why: Spared::Service, .. })));
}

#[test]
fn an_explanation_says_place_worth_and_reason() {
    let mut rows: Vec<_> = (0..8).map(|key| worth_points(key, i64::from(key) * 10)).collect();
    rows[6].hold = Hold::Locked;
    rows[7].slots = slots(&[2]);
    let plan = bare(Aim::Leave(7)).with(Slot::new(2).unwrap(), Quota { min: 1, max: 1 });
    let told = |key| explain(&rows, &plan, key).unwrap().to_string();
    assert_eq!(
        told(0),
        "goes in this round, as number 1 (worst): worth 0 = 0 - 0 for no use - 0 for 1 of one network"
    );
    assert!(told(2).starts_with("would go, as number 3 (worst): worth 20"));
    assert!(told(6).starts_with("stays (locked):"));
    assert!(told(7).starts_with("stays (minimum, of protocol 2):"));
    assert_eq!(explain(&rows, &plan, 99), None);
    let plan = bare(Aim::Offenders(slots(&[5])));
    assert_eq!(explain(&rows, &plan, 1).unwrap().verdict, Verdict::NotConcerned);
}
