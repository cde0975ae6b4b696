//! Triggers, as a node would live through them.

use proptest::prelude::*;

use super::*;
use crate::{Score, quota::Slot, round::Short};

const CALM: Signals = Signals {
    live: 700,
    share: 800,
    low: 720,
    level: Level::Normal,
    dials: None,
    descriptors: None,
    memory: None,
    stalls: None,
    overuse: 0,
    over: Slots::EMPTY,
};

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Triggers that have looked for the first time.
fn triggers() -> Triggers {
    let mut triggers = Triggers::new(Rules::default()).unwrap();
    assert!(triggers.poll(at(0), &CALM).unwrap().expire);
    triggers
}

fn pressure(points: u16) -> Option<Pressure> {
    Some(Pressure::new(points).unwrap())
}

fn newcomer(points: i64) -> Newcomer {
    Newcomer { tally: Score::new(points), network: 1, short: Short::Connections }
}

fn causes(request: &Request) -> Vec<Cause> {
    request.causes.iter().collect()
}

#[test]
fn rules_that_contradict_themselves_are_refused() {
    let exit = Rule { exit: 10_002, ..Rules::default().connections };
    let rules = Rules { connections: exit, ..Rules::default() };
    let error = Triggers::new(rules).unwrap_err();
    assert_eq!(
        error.to_string(),
        "rounds for connections begin at 10001 and end below 10002; let them end no higher"
    );
    let rules = Rules { quota: Rule { enter: 0, exit: 0, ..exit }, ..Rules::default() };
    assert_eq!(rules.check(), Err(RuleError::Always { cause: "quota" }));
    let rules = Rules { every: Duration::ZERO, ..Rules::default() };
    assert_eq!(rules.check(), Err(RuleError::NoPeriod));
}

#[test]
fn at_its_share_a_node_is_left_alone_and_above_it_goes_to_the_low_mark() {
    let mut triggers = triggers();
    assert_eq!(triggers.poll(at(1), &Signals { live: 800, ..CALM }), None);
    let request = triggers.poll(at(1), &Signals { live: 801, ..CALM }).unwrap();
    assert_eq!((request.aim, request.mode), (Some(Aim::Leave(720)), Mode::Batch));
    assert_eq!(causes(&request), [Cause::Connections]);
}

#[test]
fn a_round_that_left_all_since_they_were_of_use_is_not_followed_by_another_at_once() {
    let mut triggers = triggers();
    let above = Signals { live: 850, ..CALM };
    let _ = triggers.poll(at(1), &above).unwrap();
    triggers.settled(850, CALM.share);
    triggers.finished();
    assert_eq!(triggers.poll(at(20), &above), None);
    let more = Signals { live: 851, ..CALM };
    assert_eq!(causes(&triggers.poll(at(21), &more).unwrap()), [Cause::Connections]);
    triggers.settled(851, CALM.share);
    triggers.finished();
    let narrower = Signals { live: 851, share: 790, ..CALM };
    assert_eq!(causes(&triggers.poll(at(32), &narrower).unwrap()), [Cause::Connections]);
    triggers.settled(851, 790);
    triggers.finished();
    let looked = triggers.poll(at(61), &narrower).unwrap();
    assert_eq!((looked.aim, causes(&looked)), (None, vec![Cause::Periodic]));
    assert_eq!(causes(&triggers.poll(at(62), &narrower).unwrap()), [Cause::Connections]);
}

#[test]
fn a_round_that_did_not_suffice_is_followed_by_another_after_its_cooldown() {
    let mut triggers = triggers();
    let above = Signals { live: 900, ..CALM };
    let _ = triggers.poll(at(1), &above).unwrap();
    assert_eq!(triggers.poll(at(30), &above), None, "the first is not finished");
    triggers.finished();
    // Below the share, but not by the hysteresis.
    let nearly = Signals { live: 790, ..CALM };
    assert_eq!(triggers.poll(at(30), &nearly).unwrap().aim, Some(Aim::Leave(720)));
    triggers.finished();
    assert_eq!(triggers.poll(at(39), &nearly), None);
    assert_eq!(triggers.next_due(), at(40));
    assert_eq!(triggers.poll(at(40), &Signals { live: 760, ..CALM }), None);
    assert_eq!(triggers.poll(at(50), &nearly), None);
}

#[test]
fn pressure_takes_the_share_down_step_by_step() {
    let target = |points| {
        let mut triggers = triggers();
        let signals = Signals { live: 800, descriptors: pressure(points), ..CALM };
        assert_eq!(triggers.poll(at(1), &signals), None, "not before the dwell");
        triggers.poll(at(2), &signals).map(|request| request.aim.unwrap())
    };
    assert_eq!(target(7999), None);
    assert_eq!(target(8750), Some(Aim::Leave(760)));
    assert_eq!(target(9500), Some(Aim::Leave(720)));
    assert_eq!(target(10_000), Some(Aim::Leave(720)), "one signal makes no emergency");
}

#[test]
fn a_critical_state_makes_an_emergency_at_once_and_only_with_a_fresh_signal() {
    let mut triggers = triggers();
    let critical = Signals { level: Level::Critical, memory: pressure(9600), ..CALM };
    assert_eq!(triggers.poll(at(1), &Signals { memory: None, ..critical }), None);
    let request = triggers.poll(at(1), &critical).unwrap();
    assert_eq!((request.aim, request.mode), (Some(Aim::Leave(525)), Mode::Emergency));
    triggers.finished();
    assert_eq!(triggers.poll(at(5), &critical), None, "not before its cooldown");
    let few = Signals { live: 20, ..critical };
    assert_eq!(triggers.poll(at(6), &few).unwrap().aim, Some(Aim::Leave(16)));
    triggers.finished();
    assert_eq!(triggers.poll(at(16), &Signals { live: 16, ..critical }), None);
}

#[test]
fn what_holds_together_asks_for_one_round() {
    let over = Slots::EMPTY.with(Slot::new(3).unwrap());
    let memory = pressure(9000);
    let signals = Signals { live: 900, memory, overuse: 20_000, over, ..CALM };
    let mut triggers = Triggers::new(Rules::default()).unwrap();
    triggers.denied(newcomer(5));
    triggers.ask(Mode::Emergency, 730);
    triggers.ask(Mode::Batch, 710);
    let request = triggers.poll(at(0), &signals).unwrap();
    assert_eq!((request.aim, request.mode), (Some(Aim::Leave(710)), Mode::Emergency));
    assert_eq!(
        causes(&request),
        [Cause::Connections, Cause::Quota, Cause::Periodic, Cause::Manual]
    );
    assert_eq!(request.newcomer, None);
    // The room that this makes serves who was refused as well.
    triggers.finished();
    assert_eq!(triggers.poll(at(1), &CALM), None);
}

#[test]
fn what_somebody_asks_for_in_vain_is_told() {
    let mut triggers = triggers();
    triggers.ask(Mode::Emergency, 700);
    let request = triggers.poll(at(1), &CALM).unwrap();
    assert_eq!(
        (request.aim, request.mode, causes(&request)),
        (None, Mode::Flux, vec![Cause::Manual])
    );
}

#[test]
fn offenders_are_asked_for_before_room_and_nothing_is_forgotten() {
    let mut triggers = triggers();
    let over = Slots::EMPTY.with(Slot::new(3).unwrap());
    let signals = Signals { overuse: 13_000, over, ..CALM };
    triggers.denied(newcomer(5));
    let request = triggers.poll(at(1), &signals).unwrap();
    assert_eq!((request.aim, request.mode), (Some(Aim::Offenders(over)), Mode::Batch));
    triggers.finished();
    assert_eq!(triggers.next_due(), at(1));
    let request = triggers.poll(at(1), &signals).unwrap();
    assert_eq!((request.aim, request.mode), (Some(Aim::Room(1)), Mode::Flux));
    assert_eq!(request.newcomer, Some(newcomer(5)));
}

#[test]
fn of_those_refused_room_is_made_for_the_best_alone() {
    let mut triggers = triggers();
    for points in [5, 90, 7, 90] {
        triggers.denied(newcomer(points));
    }
    let request = triggers.poll(at(1), &CALM).unwrap();
    assert_eq!((request.newcomer, request.aim), (Some(newcomer(90)), Some(Aim::Room(1))));
    triggers.finished();
    assert_eq!(triggers.poll(at(2), &CALM), None);
}

#[test]
fn room_is_not_made_as_often_as_remotes_are_refused() {
    let mut triggers = triggers();
    let mut rounds = 0;
    for millisecond in 1000..2000 {
        triggers.denied(newcomer(5));
        rounds += u32::from(triggers.poll(Duration::from_millis(millisecond), &CALM).is_some());
        triggers.finished();
    }
    assert_eq!(rounds, 10);
    assert_eq!(triggers.next_due(), Duration::from_millis(2000));
}

#[test]
fn a_spike_keeps_new_connections_waiting() {
    let mut triggers = triggers();
    let full = Signals { live: 730, ..CALM };
    for second in 0..10 {
        (0..50).for_each(|_| triggers.opened(at(second), 1));
    }
    assert_eq!(triggers.poll(at(10), &CALM), None, "there is room below the low mark");
    let request = triggers.poll(at(10), &full).unwrap();
    assert_eq!((request.aim, request.pause), (None, Some(at(1))));
    assert_eq!(causes(&request), [Cause::Spike]);
    assert_eq!(triggers.poll(at(11), &full), None);
}

#[test]
fn dials_that_fail_are_made_less_often() {
    let mut triggers = triggers();
    let failing = Signals { dials: pressure(8500), ..CALM };
    let request = triggers.poll(at(1), &failing).unwrap();
    assert_eq!((request.aim, request.dial_less), (None, true));
    assert_eq!(triggers.poll(at(2), &failing), None);
}

#[test]
fn it_is_time_to_look_once_in_a_while_and_no_more_after_a_jump_of_the_clock() {
    let mut triggers = triggers();
    assert_eq!(triggers.next_due(), at(60));
    assert_eq!(triggers.poll(at(59), &CALM), None);
    assert!(triggers.poll(at(100_000), &CALM).unwrap().expire);
    assert_eq!(triggers.poll(at(50), &CALM), None, "taken for the time before");
    assert_eq!(triggers.next_due(), at(100_060));
}

fn any_signals() -> impl Strategy<Value = Signals> {
    let level = prop_oneof![9 => Just(Level::High), 1 => Just(Level::Critical)];
    let points = || prop::option::of((0..=10_000_u16).prop_filter_map("", Pressure::new));
    let counts = (0..2000_u32, 0..1000_u32, 0..1000_u32, 0..20_000_u32, 0..3_u8);
    (counts, level, points(), points(), points(), points()).prop_map(
        |((live, share, low, overuse, slots), level, dials, descriptors, memory, stalls)| {
            let over = (0..slots).filter_map(Slot::new).fold(Slots::EMPTY, Slots::with);
            Signals { live, share, low, level, dials, descriptors, memory, stalls, overuse, over }
        },
    )
}

proptest! {
    #[test]
    fn whatever_happens_one_round_is_asked_for_at_a_time_and_within_its_cooldown(
        steps in prop::collection::vec((0..9_u64, any_signals(), 0..4_u8), 1..100),
    ) {
        let mut triggers = Triggers::new(Rules::default()).unwrap();
        let (mut now, mut running) = (0, false);
        let mut heard = std::collections::BTreeMap::new();
        for (passed, signals, what) in steps {
            now += passed;
            match what {
                0 => triggers.denied(newcomer(now as i64)),
                1 => triggers.opened(at(now), 1),
                2 => {
                    triggers.finished();
                    running = false;
                }
                _ => triggers.ask(Mode::Batch, signals.low),
            }
            let Some(request) = triggers.poll(at(now), &signals) else { continue };
            prop_assert!(!running && !request.causes.is_empty());
            running = request.aim.is_some();
            let emergency = request.mode == Mode::Emergency;
            prop_assert!(!emergency || signals.level == Level::Critical);
            prop_assert_eq!(request.newcomer.is_some(), matches!(request.aim, Some(Aim::Room(_))));
            if let Some(Aim::Leave(target)) = request.aim {
                prop_assert!(target < signals.live);
            }
            for (cause, rule) in Rules::default().by_number() {
                if request.causes.contains(cause) {
                    let before = heard.insert(cause, now);
                    prop_assert!(before.is_none_or(|before| now - before >= rule.cooldown.as_secs()));
                }
            }
            prop_assert!(triggers.next_due() >= at(now));
        }
    }
}
