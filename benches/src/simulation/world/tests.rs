use super::*;
use crate::simulation::{
    algorithms::{MARKS, Manages},
    scenario,
};

fn outcome(scenario: &Scenario, manager: Manages, seed: u64) -> Outcome {
    let mut algorithm = manager.make(seed);
    run(scenario, Span::QUICK, MARKS, seed, &mut *algorithm)
}

#[test]
fn the_same_seed_gives_the_same_world_and_another_one_another() {
    let scenarios = scenario::all(Span::QUICK);
    for manager in Manages::ALL {
        let one = outcome(&scenarios[0], manager, 1);
        assert_eq!(one, outcome(&scenarios[0], manager, 1), "{manager:?}");
        assert_ne!(one, outcome(&scenarios[0], manager, 2), "{manager:?}");
    }
}

#[test]
fn every_connection_is_closed_once_or_open_at_the_end_and_the_limit_holds() {
    for scenario in scenario::all(Span::QUICK) {
        for manager in Manages::ALL {
            let outcome = outcome(&scenario, manager, 5);
            let Outcome { opened, decided, left, open, peak, .. } = outcome;
            assert_eq!(opened, decided + left + open, "{} {manager:?}", scenario.name);
            assert!(peak <= u64::from(MARKS.hard));
            assert_eq!(decided == 0, manager == Manages::Nobody, "{}", scenario.name);
        }
    }
}

#[test]
fn what_honest_peers_want_is_the_same_whoever_manages_and_attacks() {
    let wanted = |outcome: &Outcome| {
        outcome.kinds.map(|kind| (kind.useful.to_bits(), kind.exchanges, kind.bytes, kind.sessions))
    };
    let usual = |scenario: &Scenario| scenario.demand == scenario::Demand::USUAL;
    let scenarios: Vec<_> = scenario::all(Span::QUICK).into_iter().filter(usual).collect();
    let first = wanted(&outcome(&scenarios[0], Manages::Nobody, 9));
    assert!(first.iter().all(|(_, exchanges, ..)| *exchanges > 0));
    for scenario in scenarios {
        for manager in Manages::ALL {
            assert_eq!(wanted(&outcome(&scenario, manager, 9)), first, "{}", scenario.name);
        }
    }
}

#[test]
fn nothing_is_lost_where_there_is_room_for_all() {
    let calm = scenario::all(Span::QUICK)[0];
    let marks = Marks { hard: u32::MAX, ..MARKS };
    let all = run(&calm, Span::QUICK, marks, 4, &mut *Manages::Nobody.make(4)).all();
    assert_eq!((all.kept, all.served, all.carried), (all.useful, all.exchanges, all.bytes));
    assert_eq!((all.reopened, all.cut), (0, 0));
}

#[test]
fn no_more_is_kept_than_was_useful() {
    for scenario in scenario::all(Span::QUICK) {
        for kind in outcome(&scenario, Manages::Random, 6).kinds {
            assert!(kind.kept <= kind.useful && kind.carried <= kind.bytes);
            assert!(kind.served <= kind.exchanges && kind.sessions <= kind.exchanges);
        }
    }
}
