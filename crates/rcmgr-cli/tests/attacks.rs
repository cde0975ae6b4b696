//! Runs every attack for a second, and ends the program in the middle of one: its processes end with
//! it. What the numbers are is not asked here.

#![cfg(target_os = "linux")]

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::process::CommandExt as _,
    process::{Child, ChildStdout, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// The program in a group of its own, by which its processes are found.
fn rcmgr(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rcmgr"));
    command.args(arguments).process_group(0);
    command
}

/// How many processes a group has; those that ended and wait to be asked are not among them.
fn processes_of(group: u32) -> usize {
    let of_group = |stat: &str| {
        let (_, fields) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        Some(fields[0] != "Z" && fields[2] == group.to_string())
    };
    let processes = fs::read_dir("/proc").expect("there is a /proc");
    let stats =
        processes.filter_map(|entry| fs::read_to_string(entry.ok()?.path().join("stat")).ok());
    stats.filter(|stat| of_group(stat) == Some(true)).count()
}

/// Waits, for a bounded time, until a group has so many processes.
fn await_processes(group: u32, enough: impl Fn(usize) -> bool) -> bool {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(20) {
        if enough(processes_of(group)) {
            return true;
        }
        thread::sleep(Duration::from_millis(20));
    }
    false
}

/// A long attack that has begun.
fn under_attack() -> (Child, BufReader<ChildStdout>) {
    let mut command =
        rcmgr(&["demo", "--attack", "rapid-reset", "--duration", "600", "--honest", "2"]);
    let mut child = command.stdout(Stdio::piped()).spawn().expect("the program starts");
    let mut reader = BufReader::new(child.stdout.take().expect("it is a pipe"));
    reader.read_line(&mut String::new()).expect("it says something");
    assert!(await_processes(child.id(), |processes| processes >= 3), "nobody was started");
    (child, reader)
}

#[test]
fn every_attack_is_refused_where_it_is_meant_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("attacks.md");
    let mut command = rcmgr(&[
        "demo",
        "--attack",
        "all",
        "--duration",
        "1",
        "--honest",
        "4",
        "--json",
        "--report",
    ]);
    let child = command.arg(&page).stdout(Stdio::piped()).spawn().expect("the program starts");
    let group = child.id();
    let output = child.wait_with_output().unwrap();
    assert_eq!(processes_of(group), 0);
    let text = String::from_utf8(output.stdout).unwrap();
    let last = text.lines().last().unwrap_or_default();
    let report: Value =
        serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {text}"));
    let page = fs::read_to_string(page).unwrap();

    let attacks = report["attacks"].as_array().unwrap();
    assert_eq!(attacks.len(), 7, "{text}");
    for attack in attacks {
        let name = attack["attack"].as_str().unwrap();
        let limited = &attack["with_limits"];
        assert_eq!(limited["over_limit"], 0, "{name}: {text}");
        assert_eq!(limited["leaked"], 0, "{name}: {text}");
        assert!(limited["offered"].as_u64() > Some(0), "{name}: {text}");
        assert!(limited["attack"]["attempts"].as_u64() > Some(0), "{name}: {text}");
        let missed = attack["missed"].as_array().unwrap();
        assert!(!missed.contains(&"refused where it is meant".into()), "{name}: {text}");
        assert_eq!(attack["without_limits"]["refused"], serde_json::json!({}), "{name}");
        assert!(page.contains(&format!("\n## {name}\n")), "{page}");
    }
    let missed = attacks.iter().any(|attack| attack["missed"] != serde_json::json!([]));
    assert_eq!(output.status.code(), Some(i32::from(missed)), "{text}");
}

#[test]
fn an_interrupted_attack_leaves_no_process() {
    let (mut child, _reader) = under_attack();
    let group = child.id();
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    assert!(await_processes(group, |processes| processes == 0));
}

#[test]
fn a_killed_attack_leaves_no_process() {
    let (mut child, _reader) = under_attack();
    let group = child.id();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(await_processes(group, |processes| processes == 0));
}

#[test]
fn a_single_run_without_limits_has_no_aims() {
    let output = rcmgr(&[
        "demo",
        "--attack",
        "protocol-spray",
        "--no-limits",
        "--duration",
        "1",
        "--honest",
        "2",
        "--json",
    ])
    .output()
    .expect("the program starts");
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    let report: Value = serde_json::from_str(text.lines().last().unwrap_or_default()).unwrap();
    let attack = &report["attacks"][0];
    assert_eq!((&attack["with_limits"], &attack["missed"]), (&Value::Null, &Value::Null), "{text}");
    assert!(attack["without_limits"]["attack"]["attempts"].as_u64() > Some(0), "{text}");
}

#[test]
fn what_means_nothing_is_refused_in_one_sentence() {
    for arguments in [
        &["demo", "--attack"] as &[&str],
        &["demo", "--attack", "nothing"],
        &["demo", "--no-limits"],
        &["demo", "--report", "page.md"],
        &["demo", "--attack", "all", "--abusers", "none"],
        &["demo", "--attack", "all", "--inject", "leak"],
        &["demo", "--attack", "all", "--no-limits", "--report", "page.md"],
    ] {
        let output = rcmgr(arguments).output().expect("the program starts");
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert_eq!(output.stdout, b"", "{arguments:?}");
        assert_eq!(said.lines().count(), 1, "{arguments:?}: {said}");
    }
}
