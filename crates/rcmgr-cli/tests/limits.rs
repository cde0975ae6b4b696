//! Runs `rcmgr limits`.

use std::process::{Command, Output};

use serde_json::{Value, json};

/// What `rcmgr limits` says: on its output, on the other, and with its exit code.
fn rcmgr(arguments: &[&str]) -> (String, String, Option<i32>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rcmgr"));
    let Output { status, stdout, stderr } =
        command.arg("limits").args(arguments).output().expect("the program starts");
    let text = |bytes| String::from_utf8(bytes).expect("the output is UTF-8");
    (text(stdout), text(stderr), status.code())
}

fn show(arguments: &[&str]) -> String {
    let (out, err, code) = rcmgr(&[&["show"], arguments].concat());
    assert_eq!((err.as_str(), code), ("", Some(0)));
    out
}

fn expected(memory: u64, descriptors: u64) -> Value {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../rcmgr-config/tests/data");
    let path = format!("{data}/go-libp2p-scaled-{memory}-{descriptors}.json");
    let text = std::fs::read_to_string(&path).expect(&path);
    serde_json::from_str(&text).expect(&path)
}

#[test]
fn the_defaults_are_those_of_go_libp2p_but_for_its_slip() {
    for (memory, descriptors, given, of_protocol_peer) in [
        (134217728, 256, "128MiB", "16777216"),
        (1073741824, 2048, "1.0_0GiB", "20971520"),
        (3221225472, 512, "3_221_225_472", "29360128"),
    ] {
        let fd = descriptors.to_string();
        let out = show(&["--memory", given, "--fd", &fd, "--format", "libp2p"]);
        let mut expected = expected(memory, descriptors);
        expected["ProtocolPeerDefault"]["Memory"] = json!(of_protocol_peer);
        let out: Value = serde_json::from_str(&out).expect("it is one JSON object");
        assert_eq!(out, expected, "{given}");
    }
}

#[test]
fn a_node_that_is_given_nothing_has_the_base() {
    let nothing = show(&["--memory", "0", "--fd", "0", "--format", "libp2p"]);
    let small = show(&["--memory", "128MiB", "--fd", "256", "--format=libp2p"]);
    assert_eq!(nothing, small);
}

#[test]
fn the_table_has_every_scope() {
    let out = show(&["--memory", "1GiB", "--fd", "2048"]);
    let head = "memory            1 GiB\nfile-descriptors  2048\n\n";
    assert!(out.starts_with(head), "{out}");
    for line in [
        "scope                    memory  streams   in  out  conns  in out    fd",
        "system                1.125 GiB     4096 2048 4096    256 128 256  2048",
        "  libp2p.ping             8 MiB      128  128  128      0   0   0     0",
        "  /libp2p/circuit/relay/0.2.0/hop",
        "each IPv6 /48                64              80              0.5",
    ] {
        assert!(out.lines().any(|shown| shown == line), "{line}\n{out}");
    }
    assert_eq!(out, show(&["--memory", "1GiB", "--fd", "2048", "--format", "table"]));
}

#[test]
fn the_machine_is_asked_for_what_is_not_said() {
    let out = show(&["--memory", "1GiB"]);
    assert!(out.contains(", half of ") && !out.contains(", an eighth of "), "{out}");
    let out = show(&["--fd", "7"]);
    assert!(!out.contains(", half of ") && out.contains(", an eighth of "), "{out}");
    let json: Value = serde_json::from_str(&show(&["--format", "libp2p"])).expect("it is JSON");
    assert_eq!(json.as_object().map(|object| object.len()), Some(15));
}

#[test]
fn the_greatest_machine_has_limits_too() {
    let greatest = u64::MAX.to_string();
    let arguments = ["show", "--memory", &greatest, "--fd", &greatest];
    let (out, err, code) = rcmgr(&[&arguments[..], &["--format", "libp2p"]].concat());
    let json: Value = serde_json::from_str(&out).expect("it is JSON");
    assert_eq!(json["System"]["Memory"], json!("unlimited"));
    assert_eq!((err.as_str(), code), ("", Some(0)));
    assert!(rcmgr(&arguments).0.contains("unlimited"));
}

#[test]
fn a_command_line_that_means_nothing_is_one_sentence() {
    for (arguments, told) in [
        (&[][..], "`rcmgr limits` takes a command, show, check, convert, diff or apply; see"),
        (&["shw"], "unrecognized subcommand 'shw'"),
        (&["show", "--memory", "17EiB"], "'17EiB' for '--memory <SIZE>': it is 2^64 bytes (16EiB)"),
        (&["show", "--memory", "-1"], "'-1' for '--memory <SIZE>': it is not a size such as 64MiB"),
        (&["show", "--memory", "-1GiB"], "it is not a size such as 64MiB"),
        (&["show", "--memory", "NaN"], "it is not a size such as 64MiB"),
        (&["show", "--memory", ""], "--memory <SIZE>"),
        (&["show", "--memory", "1 parsec"], "its unit is none of B, kB"),
        (&["show", "--memory"], "a value is required for '--memory <SIZE>'"),
        (&["show", "--fd", "-1"], "'-1' for '--fd <NUMBER>': it is not a number of descriptors"),
        (&["show", "--fd", "0.5"], "it is not a number of descriptors, 0 or more"),
        (&["show", "--fd", "18446744073709551616"], "it is not a number of descriptors"),
        (
            &["show", "--format", "go"],
            "'go' for '--format <FORMAT>', possible values: table, native, libp2p, kubo, flow, greenfield",
        ),
        (&["show", "here"], "here: No such file or directory"),
        (&["show", "--multiply", "0"], "it is not a number above 0, such as 1.5"),
        (&["show", "--explain", "--format", "native"], "cannot be used with"),
        (
            &["show", "--fd=1", "--libp2p-resource-manager-file-descriptors-ratio=0.5"],
            "'--fd <NUMBER>' cannot be used with",
        ),
        (&["convert", "here"], "--to <FORMAT>"),
        (&["apply", "here", "--node", "https://a"], "https is not supported; use a tunnel"),
    ] {
        let (out, err, code) = rcmgr(arguments);
        assert!(err.contains(told), "{err}");
        assert_eq!((out.as_str(), err.lines().count(), code), ("", 1, Some(2)), "{err}");
    }
}
