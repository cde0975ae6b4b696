//! The one command runs, and writes what it promises.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use rcmgr_benches::aims::AIMS;
use rcmgr_benches::{Scenario, contenders};

fn run(arguments: &[&str], out: &Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_rcmgr-benches"))
        .args(arguments)
        .arg("--out")
        .arg(out)
        .output()
        .expect("the command starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::read_to_string(out.join("table.md")).expect("the table is written")
}

/// The cells of the table under a heading, without its head.
fn rows<'t>(table: &'t str, heading: &str) -> Vec<Vec<&'t str>> {
    let (_, rest) = table.split_once(heading).expect("the heading is there");
    let (part, _) = rest.split_once("\n## ").unwrap_or((rest, ""));
    let lines = part.lines().filter(|line| line.starts_with('|')).skip(2);
    lines.map(|line| line.split('|').map(str::trim).collect()).collect()
}

#[test]
fn a_quick_run_writes_the_table_and_all_plots() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("new/folder");
    let table = run(&["--quick"], &out);
    assert!(table.contains("A smoke run"));
    for scenario in Scenario::ALL {
        let heading = format!("## `{}`", scenario.name());
        assert!(!rows(&table, &heading).is_empty(), "{}", scenario.name());
    }

    let aims = rows(&table, "## The aims");
    assert_eq!(aims.len(), AIMS.len());
    for (row, aim) in aims.iter().zip(AIMS) {
        let is_there = contenders().iter().any(|contender| contender.name == aim.contender());
        let took = row[3];
        assert_eq!(took.starts_with(|first: char| first.is_ascii_digit()), is_there, "{row:?}");
    }

    let files = fs::read_dir(&out).unwrap().map(|file| file.unwrap().file_name());
    let files: BTreeSet<_> = files.map(|name| name.into_string().unwrap()).collect();
    let expected = [
        "latency-reserve.svg",
        "latency-stream.svg",
        "lives.svg",
        "refusals.svg",
        "reservations.svg",
        "table.md",
        "threads-distinct.svg",
        "threads-shared.svg",
        "threads-streams.svg",
    ];
    assert_eq!(files, expected.map(String::from).into());
    for plot in files.iter().filter(|file| file.ends_with(".svg")) {
        assert!(table.contains(&format!("]({plot})")), "{plot} is not in the table");
        let picture = fs::read_to_string(out.join(plot)).unwrap();
        assert!(picture.starts_with("<svg") && picture.trim_end().ends_with("</svg>"), "{plot}");
    }
}

#[test]
fn one_scenario_is_measured_alone() {
    let folder = tempfile::tempdir().unwrap();
    let table = run(&["--quick", "--only", "span"], folder.path());
    assert_eq!(table.matches("## `").count(), 1);
    assert!(rows(&table, "## The aims").iter().all(|row| row[1].starts_with("span")));
}
