//! go-libp2p does what it says it can, and its answers make sense. Needs Go, and says so where there
//! is none.

use std::io::{self, Write};
use std::time::Duration;

use rcmgr_benches::go_libp2p::{CONTENDERS, lack};
use rcmgr_benches::{Allocations, Cannot, Contender, Peers, Remote, Scenario, Setup, Timed};

const TIMES: u64 = 20;

/// Whether it can be run here.
fn is_here() -> bool {
    let lack = lack();
    if let Some(lack) = lack {
        // The output of tests that pass is hidden, unless it goes this way.
        let _ = writeln!(io::stderr(), "go-libp2p's times: skipped: {lack}");
    }
    lack.is_none()
}

fn prepared(contender: &Contender, setup: &Setup) -> Result<Box<dyn Remote>, Cannot> {
    match (contender.prepare)(setup)? {
        Timed::Elsewhere(remote) => Ok(remote),
        Timed::Here(_) => panic!("{contender:?} is not in this process"),
    }
}

#[test]
fn every_scenario_but_the_collection_is_measured() {
    if !is_here() {
        return;
    }
    for contender in &CONTENDERS {
        for scenario in Scenario::ALL {
            let threads = if scenario.is_beside() || scenario.is_bytes() { 1 } else { 2 };
            for peers in [Peers::Shared, Peers::Distinct] {
                let setup = Setup { scenario, threads, peers, small: true };
                match prepared(contender, &setup) {
                    Ok(mut remote) if scenario.is_bytes() => {
                        let bytes = remote.bytes(10_000);
                        assert!((100.0..10_000.0).contains(&bytes), "{bytes} in {setup:?}");
                    }
                    Ok(mut remote) => answers_make_sense(&mut *remote, &setup),
                    Err(Cannot::Same) => assert!(scenario.is_bytes(), "{setup:?}"),
                    Err(Cannot::Because(why)) => {
                        assert_eq!(scenario, Scenario::Collect1m, "{contender:?}: {why}");
                    }
                }
            }
        }
    }
}

fn answers_make_sense(remote: &mut dyn Remote, setup: &Setup) {
    assert!(remote.run(TIMES) > Duration::ZERO, "{setup:?}");
    let percentiles = remote.percentiles(TIMES);
    let [p50, p99, p999] = [percentiles.p50, percentiles.p99, percentiles.p999];
    assert!(0.0 < p50 && p50 <= p99 && p99 <= p999, "{percentiles:?} in {setup:?}");
    let Allocations { count, bytes } = remote.allocations(TIMES);
    assert!(count >= 0.0 && bytes >= 8.0 * count, "{count} of {bytes} bytes in {setup:?}");
}

#[test]
fn metrics_are_on_where_they_are_said_to_be() {
    if !is_here() {
        return;
    }
    let [off, on] = CONTENDERS.each_ref().map(|contender| {
        let mut remote = prepared(contender, &Setup::alone(Scenario::ReserveService)).unwrap();
        remote.allocations(1000).count
    });
    // One for each change of a scope.
    assert!(off < 1.0 && on >= 14.0, "{off} allocations without metrics, {on} with them");
}

#[test]
fn what_it_cannot_says_why() {
    if !is_here() {
        return;
    }
    for contender in &CONTENDERS {
        let cannot = |setup| match prepared(contender, &setup) {
            Err(Cannot::Because(why)) => why,
            _ => panic!("{contender:?} can do {setup:?}"),
        };
        let why = cannot(Setup::alone(Scenario::Collect1m));
        assert!(why.contains("timer"), "{why}");
        let many =
            Setup { threads: 8, peers: Peers::Distinct, ..Setup::alone(Scenario::Stream1mPeers) };
        let why = cannot(many);
        assert!(why.contains("8000000"), "{why}");
    }
}
