//! Replays what the fuzzer has found to be worth trying.

#[path = "../fuzz/src/lib.rs"]
mod target;

use std::fs;

use rcmgr_config::Format;

/// Tries every text of a target's corpus.
fn replay(target: &str, run: impl Fn(&str)) {
    let folder = format!("{}/fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
    let mut texts = 0;
    for entry in fs::read_dir(&folder).expect(&folder) {
        let path = entry.expect(&folder).path();
        let text = fs::read_to_string(&path).unwrap_or_else(|why| panic!("{path:?}: {why}"));
        run(&text);
        texts += 1;
    }
    assert!(texts > 10, "{folder} has {texts} texts");
}

#[test]
fn native() {
    replay("native", |text| target::read(Format::Native, text));
}

#[test]
fn libp2p() {
    replay("libp2p", |text| target::read(Format::Libp2p, text));
}

#[test]
fn kubo() {
    replay("kubo", |text| target::read(Format::Kubo, text));
}

#[test]
fn flow() {
    replay("flow", |text| target::read(Format::Flow, text));
}

#[test]
fn greenfield() {
    replay("greenfield", |text| target::read(Format::Greenfield, text));
}

#[test]
fn variables() {
    replay("variables", target::variables);
}
