//! The record of rounds.

use super::*;
use crate::{
    Score,
    round::{Aim, Candidate, Plan, Policy, dry_run},
    trigger::Cause,
};

const NOW: Duration = Duration::from_secs(90);

/// A round that closes so many of ten.
fn round(room: u32) -> Report {
    let row = |key: u32| {
        let tally = Score::new(key.into());
        Candidate { tally, streams: 1, network: key, ..Candidate::new(key, Duration::ZERO) }
    };
    let rows: Vec<_> = (0..10).map(row).collect();
    let policy = Policy { close: 5000, ..Policy::default() };
    dry_run(&rows, &Plan { policy, ..Plan::new(NOW, Aim::Room(room)) })
}

fn made(report: &Report) -> Made<'_> {
    let causes = Causes::NONE.with(Cause::Manual);
    let (took, pressure) = (Duration::from_millis(3), Pressure::new(8500));
    Made { at: NOW, causes, took, level: Level::High, pressure, report }
}

fn who(key: u32) -> Option<(Peer, ConnectionId)> {
    Some((Peer::new(&[b'a' + key as u8]).ok()?, ConnectionId(key.into())))
}

fn value(samples: &[Sample], name: &str, label: &str) -> Option<u64> {
    let labelled = |sample: &&Sample| match sample.labels.first() {
        Some((_, of)) => &**of == label,
        None => label.is_empty(),
    };
    samples.iter().filter(|sample| sample.name == name).find(labelled).map(|sample| sample.value)
}

#[test]
fn the_last_decisions_are_kept_and_the_others_counted() {
    let mut journal = Journal::new(3);
    let report = round(2);
    let _ = journal.note(&made(&report), who);
    let report = round(9);
    let summary = journal.note(&made(&report), who);
    assert_eq!((summary.round, summary.wanted, summary.closed), (2, 9, 5));
    let kept: Vec<_> = journal.decisions().map(|decision| decision.connection).collect();
    let all: Vec<_> =
        report.closed.iter().map(|closing| ConnectionId(closing.key.into())).collect();
    assert!(kept.iter().eq(all.iter().rev().take(3)));
    assert!(journal.decisions().all(|decision| decision.round == 2));
    assert_eq!(value(&journal.samples(), "decisions_forgotten_total", ""), Some(4));
}

#[test]
fn a_decision_is_found_by_its_peer_while_it_is_known() {
    let mut journal = Journal::default();
    let report = round(1);
    let _ = journal.note(&made(&report), who);
    let (peer, connection) = who(report.closed[0].key).unwrap();
    let found = journal.last_about(&peer).unwrap();
    assert_eq!((found.connection, found.at), (connection, NOW));
    assert_eq!(journal.last_about(&Peer::new(b"nobody").unwrap()), None);
}

#[test]
fn connections_that_nobody_knows_any_more_are_counted_alone() {
    let mut journal = Journal::default();
    let report = round(2);
    let _ = journal.note(&made(&report), |_| None);
    assert_eq!(journal.decisions().count(), 0);
    assert_eq!(value(&journal.samples(), "closed_total", "worst"), Some(2));
}

#[test]
fn sums_go_over_all_rounds() {
    let mut journal = Journal::default();
    for room in [1, 2, 9] {
        let report = round(room);
        let _ = journal.note(&made(&report), who);
    }
    let samples = journal.samples();
    assert_eq!(value(&samples, "rounds_total", "batch"), Some(3));
    assert_eq!(value(&samples, "round_causes_total", "manual"), Some(3));
    assert_eq!(value(&samples, "closed_total", "worst"), Some(8));
    assert_eq!(value(&samples, "unmet_total", "budget"), Some(4));
    assert_eq!(value(&samples, "round_seconds_bucket", "0.002"), Some(0));
    assert_eq!(value(&samples, "round_seconds_bucket", "0.005"), Some(3));
    assert_eq!(value(&samples, "round_seconds_bucket", "+Inf"), Some(3));
    assert_eq!(value(&samples, "round_microseconds_total", ""), Some(9000));
}

#[test]
fn a_snapshot_is_written_as_json() {
    let mut journal = Journal::default();
    let report = round(7);
    let _ = journal.note(&made(&report), who);
    let told = serde_json::to_value(journal.snapshot(1)).unwrap();
    let last = serde_json::json!({
        "at": 90.0, "round": 1, "causes": ["manual"], "mode": "batch", "live": 10, "wanted": 7,
        "closed": 5, "unmet": {"budget": 2}, "took": 0.003, "level": "high", "pressure": 0.85,
    });
    assert_eq!(told["last"], last);
    assert_eq!(told["decisions"].as_array().unwrap().len(), 1);
    assert_eq!(told["decisions"][0]["staleness"], 300);
    assert_eq!(told["sums"]["closed_total"]["worst"], 5);
    assert_eq!(
        serde_json::to_value(Journal::new(0).snapshot(9)).unwrap()["last"],
        serde_json::Value::Null
    );
}

#[test]
fn a_journal_for_no_decisions_keeps_none() {
    let mut journal = Journal::new(0);
    let report = round(2);
    let _ = journal.note(&made(&report), who);
    assert_eq!(journal.decisions().count(), 0);
    assert_eq!(value(&journal.samples(), "decisions_forgotten_total", ""), Some(2));
}
