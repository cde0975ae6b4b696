//! The reader of go-libp2p's format: what go-libp2p makes of recorded files, and what is refused.

mod common;

use common::{any, in_json, in_short, mended, parse, silent, text};
use proptest::prelude::*;
use rcmgr_config::libp2p::{self, PartialLimits, defaults};
use rcmgr_config::{Effective, Format, Given, Read, Settings, Subject, peer};

const GIB: u64 = 1 << 30;

fn read(text: &str) -> Result<Read, Vec<rcmgr_config::Diagnostic>> {
    let (source, tree) = parse("limits.json", text);
    libp2p::read(&source, &tree)
}

/// What settings come to over the defaults of 1 GiB and 2,048 descriptors.
fn over_one_gib(settings: Settings) -> Effective {
    Effective::of(settings, Given::exactly(GIB, 2048))
}

#[test]
fn recorded_files_come_to_what_go_libp2p_makes_of_them() {
    for name in ["limit_config_test", "readme-example"] {
        let file = text(&format!("libp2p/{name}.json"));
        let (source, tree) = parse("limits.json", &file);
        assert_eq!(Format::recognise(&source, &tree).expect(name), Format::Libp2p);
        let effective = over_one_gib(silent(read(&file)));
        let expected = mended(&format!("libp2p/{name}.over-1GiB-2048.expected.json"), GIB);
        assert_eq!(in_json(&effective), expected, "{name}");
    }
}

#[test]
fn every_spelling_of_a_value_is_read() {
    // What go-libp2p takes and few would mean is refused; the rest of the file is as there.
    let file = text("libp2p/values.json");
    let errors = read(&file).expect_err("it says what few would mean");
    assert_eq!(errors.len(), 3);
    let file = file
        .replace("\"FD\": null", "\"FD\": \"blockAll\"")
        .replace("-3", "1")
        .replace(", \"Nonsense\": 1", "");
    let mut expected = mended("libp2p/values.over-1GiB-2048.expected.json", GIB);
    assert_eq!(expected["Transient"]["FD"], -3);
    expected["Transient"]["FD"] = 1.into();
    assert_eq!(in_json(&over_one_gib(silent(read(&file)))), expected);
}

#[test]
fn a_complete_result_reads_back_as_itself() {
    let name = "libp2p/scaled-8GiB-16384.expected.json";
    let settings = silent(read(&text(name)));
    let effective = Effective::of(settings, Given::exactly(0, 0));
    let mut of_classes = in_json(&effective);
    let fields = of_classes.as_object_mut().expect("it is a map");
    fields.retain(|field, _| text(name).contains(&format!("\"{field}\"")));
    assert_eq!(of_classes, common::read::<serde_json::Value>(name));
}

#[test]
fn all_errors_are_told_at_once() {
    let errors = read(
        r#"{
  "Sytem": {},
  "System": {"Streams": -3, "Steams": 1, "Conns": "all", "FD": 1.5, "Memory": null},
  "Transient": [],
  "system": {"FD": 1},
  "Service": {"a": {"Memory": 18446744073709551616, "Streams": true}},
  "Peer": {"ann": {}, "12D3KooWPFH2Bx2tPfw6RLxN8k2wh47GRXgkt9yrAHU37zFwHWzS": {"Bytes": 1}}
}"#,
    );
    let expected = r#""default", "unlimited", "blockAll", -1, -2 or a number from 0 to 2^64-1"#;
    let limits = "Streams, StreamsInbound, StreamsOutbound, Conns, ConnsInbound, ConnsOutbound, \
                  FD, Memory, Tasks, TasksHigh, TasksMedium, TasksLow";
    assert_eq!(
        in_short(&errors.expect_err("nothing is right")),
        [
            "2:3 unknown key \"Sytem\"; did you mean \"System\"?".to_owned(),
            format!("3:25 \"Streams\" cannot be the number -3; write {expected}"),
            "3:29 unknown key \"Steams\"; did you mean \"Streams\"?".to_owned(),
            format!("3:51 \"Conns\" cannot be the text \"all\"; write {expected}"),
            format!("3:64 \"FD\" cannot be the number 1.5; write {expected}"),
            "3:79 \"Memory\" cannot be null; write \"blockAll\", which go-libp2p takes it for, or \
             leave the key out to keep the default"
                .to_owned(),
            "4:16 \"Transient\" cannot be a list; write a map of keys and values".to_owned(),
            "5:3 \"system\" says again what stands elsewhere; leave one of them out".to_owned(),
            format!("6:31 \"Memory\" cannot be the number 18446744073709551616; write {expected}"),
            format!("6:64 \"Streams\" cannot be true; write {expected}"),
            "7:12 \"ann\" names no peer; write a peer id, such as 12D3KooW… or Qm…".to_owned(),
            format!("7:80 unknown key \"Bytes\"; the keys here are {limits}"),
        ]
    );
}

#[test]
fn what_is_null_says_nothing_where_go_says_so() {
    let settings = silent(read(r#"{"System": null, "Service": null, "Protocol": {"/a": null}}"#));
    let subjects: Vec<_> = settings.scopes.keys().map(Subject::to_string).collect();
    assert_eq!(subjects, [r#"protocols."/a""#]);
    let effective = over_one_gib(settings);
    let limits = &effective.limits;
    assert_eq!(limits.protocols["/a"], limits.protocol);
    assert_eq!(limits.system, defaults().scale(GIB, 2048).system);
}

#[test]
fn one_peer_under_two_spellings_is_an_error() {
    let id = "QmVvtzcZgCkMnSFf2dnrBPXrWuNFWNM9J3MpZQCvWPuVZf";
    let key = peer::key(id).expect("it is a peer id");
    let bytes = key.iter().fold("0x".to_owned(), |text, byte| format!("{text}{byte:02x}"));
    let twice = format!(r#"{{"Peer": {{"{id}": {{"FD": 1}}, "{bytes}": {{"FD": 1}}}}}}"#);
    let errors = read(&twice).expect_err("it is one peer");
    assert!(errors[0].message().contains("another spelling"), "{}", errors[0]);
}

#[test]
fn a_file_of_mistakes_is_told_quickly_and_in_part() {
    let mistakes: Vec<String> = (0..50_000).map(|at| format!("\"k{at}\": 1")).collect();
    let errors = read(&format!("{{{}}}", mistakes.join(","))).expect_err("no key is known");
    assert_eq!(errors.len(), 1000);
}

proptest! {
    #[test]
    fn what_is_read_is_what_the_types_say(config in any::config()) {
        let text = serde_json::to_string_pretty(&config).expect("it is JSON");
        let by_types: PartialLimits = serde_json::from_str(&text).expect("it was written so");
        let base = defaults().scale(GIB, 2048);
        let expected = by_types.over(&base, |text| peer::key(text).expect("it is a key"));
        prop_assert_eq!(over_one_gib(silent(read(&text))).limits, expected);
    }
}
