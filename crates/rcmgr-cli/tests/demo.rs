//! Runs the program: short demonstrations on the loopback interface, and command lines that
//! mean nothing.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, ChildStdout, Command, Output, Stdio},
};

use serde_json::Value;

fn rcmgr(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rcmgr"));
    command.args(arguments).output().expect("the program starts")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("the output is UTF-8")
}

/// A long run that has shown its first line.
fn running() -> (Child, BufReader<ChildStdout>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rcmgr"));
    command.args(["demo", "--duration", "60", "--honest", "2"]).stdout(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut reader = BufReader::new(child.stdout.take().expect("it is a pipe"));
    reader.read_line(&mut String::new()).expect("it says something");
    (child, reader)
}

/// The object on the last line.
fn json(output: &Output) -> Value {
    let text = stdout(output);
    let last = text.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn each_abuser_is_refused_where_it_is_meant_and_nothing_leaks() {
    let output = rcmgr(&["demo", "--duration", "6s", "--honest", "4", "--seed", "7", "--json"]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let report = json(&output);

    assert_eq!(report["over_limit"], 0);
    assert_eq!(report["leaked"], 0);
    let requests = report["honest"]["requests"].as_u64().unwrap();
    let failed = report["honest"]["failed"].as_u64().unwrap();
    assert!(requests > 50, "{text}");
    assert!(failed * 100 <= requests, "{text}");
    for (abuser, scope, resource) in [
        ("connections", "peer", "connections_inbound"),
        ("handshakes", "transient", "connections_inbound"),
        ("streams", "peer", "streams_inbound"),
        ("memory", "peer", "memory"),
    ] {
        let refused = |value: &Value| value.as_u64().unwrap_or(0);
        assert!(refused(&report["abusers"][abuser]["refused"]) > 0, "{abuser}: {text}");
        assert!(refused(&report["refused"][scope][resource]) > 0, "{abuser}: {text}");
        let peak = &report["peaks"][scope][resource];
        assert!(peak["used"].as_u64() <= peak["limit"].as_u64(), "{abuser}: {text}");
    }
    // The abusers ran into their own limits, so the system never had to refuse.
    assert_eq!(report["refused"]["system"], Value::Null, "{text}");
}

/// With others about, refusals at transient could be theirs.
#[test]
fn unfinished_handshakes_alone_are_refused_at_transient_only() {
    let output =
        rcmgr(&["demo", "--duration", "2", "--honest", "2", "--abusers", "handshakes", "--json"]);
    let report = json(&output);
    assert_eq!(output.status.code(), Some(0), "{report}");
    let refused = &report["refused"]["transient"]["connections_inbound"];
    assert!(refused.as_u64() > Some(0), "{report}");
    let expected = serde_json::json!({ "transient": { "connections_inbound": refused } });
    assert_eq!(report["refused"], expected);
    assert_eq!(report["honest"]["failed"], 0, "{report}");
}

#[test]
fn without_abusers_nothing_is_refused() {
    let output =
        rcmgr(&["demo", "--duration", "2", "--honest", "2", "--abusers", "none", "--json"]);
    let report = json(&output);
    assert_eq!(output.status.code(), Some(0), "{report}");
    assert_eq!(report["refused"], serde_json::json!({}));
    assert_eq!(report["abusers"], serde_json::json!({}));
    assert_eq!(report["honest"]["failed"], 0, "{report}");
}

#[test]
fn output_that_is_not_a_terminal_is_plain_and_fits() {
    let output = rcmgr(&["demo", "--duration", "2", "--honest", "2"]);
    let text = stdout(&output);
    assert!(!text.contains('\x1b'), "{text}");
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn an_injected_leak_is_found() {
    let output = rcmgr(&[
        "demo",
        "--duration",
        "1",
        "--honest",
        "1",
        "--abusers",
        "none",
        "--inject",
        "leak",
        "--json",
    ]);
    let report = json(&output);
    assert_eq!(output.status.code(), Some(1), "{report}");
    assert!(report["leaked"].as_u64() > Some(0), "{report}");
    assert_eq!(report["over_limit"], 0, "{report}");
}

#[test]
fn an_injected_overshoot_is_found() {
    let output = rcmgr(&[
        "demo",
        "--duration",
        "1",
        "--honest",
        "1",
        "--abusers",
        "none",
        "--inject",
        "overshoot",
        "--json",
    ]);
    let report = json(&output);
    assert_eq!(output.status.code(), Some(1), "{report}");
    assert!(report["over_limit"].as_u64() > Some(0), "{report}");
    assert_eq!(report["leaked"], 0, "{report}");
}

#[test]
#[cfg(unix)]
fn an_interrupt_ends_the_run_with_its_summary() {
    let (mut child, mut reader) = running();
    let pid = child.id().to_string();
    let sent = Command::new("kill").args(["-s", "INT", &pid]).status().expect("there is a kill");
    assert!(sent.success());
    let mut text = String::new();
    reader.read_to_string(&mut text).expect("the output is UTF-8");
    assert_eq!(child.wait().expect("it ends").code(), Some(0), "{text}");
    assert!(text.contains("every counter was zero"), "{text}");
}

#[test]
fn the_run_ends_when_nobody_reads_any_more() {
    let (mut child, reader) = running();
    drop(reader);
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
}

#[test]
fn what_means_nothing_is_refused_in_one_sentence() {
    for arguments in [
        &["demo", "--nonsense"] as &[&str],
        &["demo", "--duration", "0"],
        &["demo", "--duration", "soon"],
        &["demo", "--duration"],
        &["demo", "--duration", "5", "--duration", "6"],
        &["demo", "--honest", "0"],
        &["demo", "--honest", "65"],
        &["demo", "--honest", "-1"],
        &["demo", "--abusers", "all,none"],
        &["demo", "--abusers", ""],
        &["demo", "--seed", "x"],
        &["demo", "--inject", "nothing"],
        &["demo", "more"],
        &["dmeo"],
    ] {
        let output = rcmgr(arguments);
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert_eq!(output.stdout, b"", "{arguments:?}");
        assert_eq!(said.lines().count(), 1, "{arguments:?}: {said}");
        assert!(said.starts_with("rcmgr: "), "{arguments:?}: {said}");
    }
}

#[test]
fn alone_it_prints_help_that_leads_to_the_demonstration() {
    let output = rcmgr(&[]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stdout(&output).contains("rcmgr demo"));
}
