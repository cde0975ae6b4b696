//! The benchmark of connection managers runs, and writes its page.

#![cfg(target_os = "linux")]

use std::fs;
use std::process::Command;

#[test]
fn a_quick_run_writes_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("connections.md");
    let command = Command::new(env!("CARGO_BIN_EXE_connections"))
        .args(["--quick", "--out"])
        .arg(&out)
        .output();
    let output = command.expect("the command starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let page = fs::read_to_string(out).expect("the page is written");
    assert!(page.contains("A smoke run"));
    let rows = |name| page.lines().filter(|line| line.starts_with(name)).count();
    // One core, two if there are, and the trims.
    assert!((2..=3).contains(&rows("| rcmgr |")), "{page}");
    assert_eq!(rows("| 256 segments |") + 1, rows("| rcmgr |"));
    let lack = page.contains("go-libp2p was not measured");
    assert_eq!(rows("| go-libp2p |"), if lack { 0 } else { rows("| rcmgr |") });
}
