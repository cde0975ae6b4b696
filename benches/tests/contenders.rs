//! Every contender does what it says it can: a few operations of each scenario.

use rcmgr_benches::{Cannot, Peers, Scenario, Setup, Timed, contenders};

const TIMES: u64 = 20;

#[test]
fn what_is_prepared_runs() {
    for scenario in Scenario::ALL {
        let threads = if scenario.is_beside() || scenario.is_bytes() { 1 } else { 2 };
        for peers in [Peers::Shared, Peers::Distinct] {
            let setup = Setup { scenario, threads, peers, small: true };
            for contender in contenders() {
                if let Ok(Timed::Here(mut works)) = (contender.prepare)(&setup) {
                    let pieces = if scenario.is_beside() { 2 } else { threads };
                    assert_eq!(works.len(), pieces, "{contender:?} in {setup:?}");
                    for work in &mut works {
                        work.ready(TIMES);
                        work.run(TIMES);
                    }
                }
            }
        }
    }
}

#[test]
fn the_engine_does_every_scenario() {
    for scenario in Scenario::ALL {
        let setup = Setup { small: true, ..Setup::alone(scenario) };
        let engine = contenders().into_iter().find(|contender| contender.name == "rcmgr");
        let prepared = (engine.expect("it is a contender").prepare)(&setup);
        assert!(matches!(prepared, Ok(Timed::Here(_))), "{prepared:?}");
    }
}

#[test]
fn who_cannot_says_why() {
    for contender in contenders() {
        for scenario in Scenario::ALL {
            let setup = Setup { small: true, ..Setup::alone(scenario) };
            match (contender.prepare)(&setup) {
                Err(Cannot::Because(why)) => assert!(!why.is_empty(), "{contender:?}"),
                Err(Cannot::Same) | Ok(_) => {}
            }
        }
    }
}
