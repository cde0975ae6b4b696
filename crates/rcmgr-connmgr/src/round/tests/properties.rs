//! What holds of rounds over any rows.

use std::{cell::RefCell, collections::BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::round::worth::share;

fn any_row() -> impl Strategy<Value = Candidate> {
    let hold = prop_oneof![
        6 => Just(Hold::Free),
        2 => Just(Hold::Grace),
        1 => Just(Hold::Protected),
        1 => Just(Hold::Locked),
    ];
    let times = (0..200_000_u64, prop::option::of(0..200_000_u64));
    let slot = prop::collection::vec(0..6_u8, 0..3);
    let numbers = (0..6_u32, 0..3_u32, -1000..=1000_i64, 0..3_u16, 0..5_u32);
    (hold, times, slot, numbers, any::<(bool, bool)>()).prop_map(
        |(hold, (opened, useful), numbers, (network, streams, tally, residue, rtt), flags)| {
            Candidate {
                network,
                slots: slots(&numbers),
                useful: useful.map(Duration::from_secs),
                rtt: NonZeroU32::new(rtt),
                streams,
                // Some alike, so that the other keys are met.
                tally: Score::new(tally / 200 * 200),
                residue: NonZeroU16::new(residue),
                hold,
                direction: if flags.0 { Direction::Inbound } else { Direction::Outbound },
                bursting: flags.1 && streams == 0,
                ..Candidate::new(0, Duration::from_secs(opened))
            }
        },
    )
}

fn any_rows() -> impl Strategy<Value = Vec<Candidate>> {
    prop::collection::vec(any_row(), 0..120).prop_map(|mut rows| {
        rows.iter_mut().zip(0..).for_each(|(row, key)| row.key = key);
        rows
    })
}

fn any_plan() -> impl Strategy<Value = Plan> {
    let aim = prop_oneof![
        (0..100_u32).prop_map(Aim::Leave),
        (0..40_u32).prop_map(Aim::Room),
        prop::collection::vec(0..6_u8, 0..4).prop_map(|numbers| Aim::Offenders(slots(&numbers))),
    ];
    let mode = prop_oneof![Just(Mode::Flux), Just(Mode::Batch), Just(Mode::Emergency)];
    let newcomer = prop::option::of((-1000..=1000_i64, 0..6_u32));
    let allotted = prop::array::uniform6((0..20_u32, 0..20_u32));
    let policy = (any::<u16>(), any::<u16>(), 0..30_u32, any::<u16>(), any::<u16>(), any::<bool>());
    (aim, mode, newcomer, allotted, policy, any::<u64>()).prop_map(
        |(aim, mode, newcomer, allotted, (close, grace, keep, margin, points, bare), seed)| {
            let newcomer = newcomer.map(|(tally, network)| {
                let tally = Score::new(tally);
                Newcomer { tally, network, short: Short::Connections }
            });
            let shields = if bare { Shields::NONE } else { Shields::default() };
            let crowding = Crowding { points, ..Crowding::default() };
            let policy =
                Policy { shields, crowding, close, grace, keep, margin, ..Policy::default() };
            let plan = Plan { mode, newcomer, policy, seed, ..Plan::new(NOW, aim) };
            (0..6).filter_map(Slot::new).zip(allotted).fold(plan, |plan, (slot, (min, more))| {
                plan.with(slot, Quota { min, max: min + more })
            })
        },
    )
}

/// How many connections each protocol is charged with.
fn used<'r>(rows: impl Iterator<Item = &'r Candidate>) -> BTreeMap<usize, u32> {
    let mut used = BTreeMap::new();
    for slot in rows.flat_map(|row| row.charged().iter()) {
        *used.entry(slot.index()).or_default() += 1;
    }
    used
}

proptest! {
    #[test]
    fn a_round_keeps_to_its_rules_whatever_locks_come_first(
        rows in any_rows(),
        plan in any_plan(),
        refuse: u64,
    ) {
        let asked = RefCell::new(BTreeSet::new());
        let report = arbitrate(&rows, &plan, |key| {
            assert!(asked.borrow_mut().insert(key), "{key} was asked for twice");
            refuse >> (key % 64) & 1 == 0
        });
        let gone: BTreeSet<u32> = closed(&report).into_iter().collect();
        prop_assert_eq!(gone.len(), report.closed.len());
        prop_assert!(gone.is_subset(&asked.into_inner()));
        let emergency = plan.mode == Mode::Emergency;
        for closing in &report.closed {
            let row = rows[closing.key as usize];
            prop_assert!(row.hold != Hold::Locked);
            prop_assert!(row.hold != Hold::Protected || closing.phase == Phase::Protected);
            prop_assert!(emergency || closing.phase < Phase::Forced);
            prop_assert_eq!(row.tally, closing.worth.tally);
        }
        if !emergency {
            let (before, after) = (
                used(rows.iter()),
                used(rows.iter().filter(|row| !gone.contains(&row.key))),
            );
            for (slot, before) in before {
                let min = plan.allotted[slot].min.min(before);
                prop_assert!(after.get(&slot).copied().unwrap_or(0) >= min);
            }
            let most = share(rows.len() as u32, plan.policy.close).max(1);
            prop_assert!(gone.len() <= most as usize);
            prop_assert!(gone.is_empty() || report.candidates - gone.len() as u32 >= plan.policy.keep);
        }
        prop_assert!(report.closed.len() <= report.wanted as usize);
        let met = report.closed.len() as u32 + report.unmet.total();
        match plan.aim {
            Aim::Offenders(_) => prop_assert!(met <= report.wanted),
            _ => prop_assert_eq!(met, report.wanted),
        }
    }

    #[test]
    fn the_order_of_the_rows_decides_nothing(
        rows in any_rows(),
        plan in any_plan(),
        turn in 0..120_usize,
    ) {
        let told = dry_run(&rows, &plan);
        prop_assert_eq!(&told, &dry_run(&rows, &plan));
        let mut turned = rows.clone();
        turned.reverse();
        turned.rotate_left(turn.min(rows.len()));
        prop_assert_eq!(told, dry_run(&turned, &plan));
    }

    #[test]
    fn a_newcomer_is_worth_more_than_whom_it_displaces(rows in any_rows(), plan in any_plan()) {
        let plan = Plan { mode: Mode::Flux, ..plan };
        let report = dry_run(&rows, &plan);
        if let Some(newcomer) = plan.newcomer {
            let most = i32::from(newcomer.tally.get()) - 300 - i32::from(plan.policy.margin);
            let above = |closing: &&Closing| i32::from(closing.worth.total()) > most;
            prop_assert_eq!(report.closed.iter().find(above), None);
        }
    }

    #[test]
    fn shields_take_no_more_than_their_share(rows in any_rows(), plan in any_plan()) {
        let report = dry_run(&rows, &Plan { mode: Mode::Batch, ..plan });
        let axes = [
            Spared::Network,
            Spared::Latency,
            Spared::Usefulness,
            Spared::Outbound,
            Spared::Service,
        ];
        let shielded: u32 = axes.map(|why| report.spared(why)).iter().sum();
        prop_assert!(shielded * 4 <= report.candidates * 3);
    }

    #[test]
    fn shields_keep_no_round_from_its_aim(rows in any_rows(), plan in any_plan()) {
        let aim = match plan.aim {
            Aim::Offenders(_) => Aim::Leave(0),
            aim => aim,
        };
        let allotted = [Quota::ANY; 64];
        let plan = Plan { aim, mode: Mode::Batch, newcomer: None, allotted, ..plan };
        let report = dry_run(&rows, &plan);
        let missing = (report.wanted - report.unmet.budget).saturating_sub(report.candidates);
        prop_assert_eq!(report.unmet.exhausted, missing);
    }

    /// What is told of one connection is what happens to it.
    #[test]
    fn an_explanation_agrees_with_the_round(rows in any_rows(), plan in any_plan()) {
        let report = dry_run(&rows, &plan);
        for row in &rows {
            let place = report.closed.iter().position(|closing| closing.key == row.key);
            let told = explain(&rows, &plan, row.key).unwrap();
            match told.verdict {
                Verdict::Goes { place: at, phase, now } => {
                    let place = place.map(|place| place + 1);
                    prop_assert_eq!(place, now.then_some(at as usize));
                    if let Some(closing) = place.and_then(|place| report.closed.get(place - 1)) {
                        prop_assert_eq!((closing.phase, closing.worth), (phase, told.worth));
                    }
                }
                Verdict::Stays { .. } | Verdict::NotConcerned => prop_assert_eq!(place, None),
            }
        }
    }

    /// The sums of a round agree with a plain count over its rows.
    #[test]
    fn every_connection_is_closed_or_spared_where_all_are_to_go(
        rows in any_rows(),
        plan in any_plan(),
    ) {
        let policy = Policy { close: 10_000, keep: 0, ..plan.policy };
        let plan = Plan { aim: Aim::Leave(0), policy, ..plan };
        let report = dry_run(&rows, &plan);
        let spared: u32 = Spared::ALL.map(|why| report.spared(why)).iter().sum();
        prop_assert_eq!(report.closed.len() + spared as usize, rows.len());
    }
}
