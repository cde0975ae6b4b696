use std::time::Duration;

use super::*;
use crate::machine::Machine;
use crate::results::LeftOut;
use crate::watch::Pace;
use crate::{Allocations, Percentiles};

const SHARED: Setup = Setup { threads: 2, ..Setup::alone(Scenario::ReserveService) };

fn results() -> Results {
    let alone = Setup::alone(Scenario::ReserveService);
    let time = |contender, setup, ns| Measured { ns: Some(ns), ..Measured::new(contender, setup) };
    let percentiles = Percentiles { p50: 100.0, p99: 120.0, p999: 1234.0 };
    let allocations = Allocations { count: 0.0, bytes: 0.0 };
    let pace = |rate, p999| Pace { rate, p999 };
    Results {
        machine: Machine {
            processor: "A processor".into(),
            cores: 2,
            rustc: "rustc 1.95.0".into(),
            commit: "0123456789ab, with changes".into(),
            load: "0.04".into(),
            date: "2026-01-31".into(),
        },
        took: Duration::from_secs(90),
        clock: 25.2,
        fewest_rounds: 7,
        contenders: vec![("floor", "It adds."), ("rcmgr", "The engine."), (PEER, "Go's.")],
        measured: vec![
            time("floor", alone, 80.0),
            Measured {
                percentiles: Some(percentiles),
                allocations: Some(allocations),
                ..time("rcmgr", alone, 100.2)
            },
            time(PEER, alone, 400.8),
            time("rcmgr", SHARED, 250.5),
            Measured {
                charging: Some([pace(8e6, 200.0), pace(7.6e6, 300.0)]),
                ..time("rcmgr", Setup::alone(Scenario::Stats10k), 1.5e6)
            },
            Measured {
                bytes: Some(88.0),
                ..Measured::new("rcmgr", Setup::alone(Scenario::BytesStream))
            },
        ],
        left_out: [Scenario::Stats10k, Scenario::BytesStream]
            .map(|scenario| LeftOut {
                contender: "floor",
                setup: Setup::alone(scenario),
                why: "it has no names".into(),
            })
            .into(),
    }
}

#[track_caller]
fn has(text: &str, line: &str) {
    assert!(text.lines().any(|other| other == line), "no line {line:?} in\n{text}");
}

#[test]
fn the_head_says_what_it_was_measured_on() {
    let text = render(&results(), &[]);
    assert!(text.contains(
        "A processor, 2 cores; rustc 1.95.0; commit 0123456789ab, with changes; 2026-01-31; 90 s, load 0.04"
    ));
    assert!(text.contains("in 7 rounds at least") && text.contains("takes 25.2 ns"), "{text}");
    assert!(!text.contains("smoke"));
}

#[test]
fn a_time_has_its_ratios_and_what_is_missing_a_dash() {
    let text = render(&results(), &[]);
    has(&text, "| rcmgr | 1 | 100 | 1.25 | 0.25 | 100 | 120 | 1234 | 0 |");
    has(&text, "| floor | 1 | 80 | 1 | 0.20 | – | – | – | – |");
    has(&text, "| rcmgr | 2, one peer | 250 | – | – | – | – | – | – |");
    has(&text, "| rcmgr | 1.50 | – | 8 million | 7.60 million | 200 | 300 |");
    has(&text, "| rcmgr | 88 | – |");
}

#[test]
fn an_aim_has_what_was_got_and_whether_it_is_met() {
    let text = render(&results(), &[]);
    has(
        &text,
        "| reserve in 7 scopes, exact | at most 1.25 times floor | 100 ns | 80 ns | 1.252 | **missed** |",
    );
    has(
        &text,
        "| reserve in 7 scopes, exact | 3 times as fast as go-libp2p, metrics off | 100 ns | 401 ns \
         | 4.000 | met |",
    );
    has(
        &text,
        "| two threads, exact | at least 0.6 times the throughput of one thread | 7.98 million/s \
         | 9.98 million/s | 0.800 | met |",
    );
    has(
        &text,
        "| charging beside these stats | at least 0.9 of its rate alone | 7.60 million/s | 8 million/s \
         | 0.950 | met |",
    );
    has(&text, "| stream | at most 96 bytes | 88 | – | 88 | met |");
    // Nobody measured it, and its scenario was.
    assert!(text.contains("| – | – | – | not measured |"));
    // Its scenario was not run.
    assert!(!text.contains("a new peer each time"));
}

#[test]
fn who_left_something_out_has_it_in_the_notes_once() {
    let text = render(&results(), &[]);
    has(&text, "- **floor.** It adds. Not stats-10k, bytes-stream: it has no names.");
    has(&text, "- **rcmgr.** The engine.");
}

#[test]
fn pictures_are_shown() {
    let plots = [Plot { file: "lives.svg", title: "Lives" }];
    has(&render(&results(), &plots), "![Lives](lives.svg)");
}
