//! Runs `rcmgr limits` on files, with flags and with variables of the environment.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use tempfile::TempDir;

/// A run of the program in a folder of its own.
struct Run {
    folder: TempDir,
    variables: Vec<(&'static str, &'static str)>,
}

/// What the program says on its output, on the other, and with its exit code.
type Said = (String, String, Option<i32>);

impl Run {
    fn new() -> Run {
        Run { folder: tempfile::tempdir().expect("there is room"), variables: Vec::new() }
    }

    fn file(self, name: &str, text: &str) -> Run {
        fs::write(self.folder.path().join(name), text).expect("there is room");
        self
    }

    fn variable(mut self, name: &'static str, value: &'static str) -> Run {
        self.variables.push((name, value));
        self
    }

    fn limits(&self, arguments: &[&str]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rcmgr"));
        command.current_dir(self.folder.path()).arg("limits").args(arguments);
        let command = command.envs(self.variables.iter().copied());
        let Output { status, stdout, stderr } = command.output().expect("the program starts");
        let text = |bytes| String::from_utf8(bytes).expect("the output is UTF-8");
        (text(stdout), text(stderr), status.code())
    }

    /// The output of a command that has nothing to complain of.
    fn good(&self, arguments: &[&str]) -> String {
        let (out, err, code) = self.limits(arguments);
        assert_eq!((err.as_str(), code), ("", Some(0)), "{arguments:?}");
        out
    }

    /// The effective limits as go-libp2p has them.
    fn libp2p(&self, arguments: &[&str]) -> Value {
        let (out, _, code) = self.limits(&[arguments, &["--format", "libp2p"]].concat());
        assert_eq!(code, Some(0), "{arguments:?}");
        serde_json::from_str(&out).expect("it is JSON")
    }
}

fn data(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../rcmgr-config/tests/data").join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(data(path)).expect(path)
}

const SMALL: [&str; 4] = ["--memory", "1GiB", "--fd", "2048"];

/// The line of a key among those that explain.
fn line<'o>(out: &'o str, key: &str) -> Vec<&'o str> {
    let found = out.lines().find(|line| line.split_whitespace().next() == Some(key));
    let found = found.unwrap_or_else(|| panic!("{key} is not in\n{out}"));
    found.split("  ").map(str::trim).filter(|part| !part.is_empty()).collect()
}

#[test]
fn each_source_lies_over_those_before_and_is_named() {
    let file =
        "limits:\n  system:\n    streams: 3000\n    connections: 200\n  peer:\n    memory: 1MiB\n";
    let run = Run::new()
        .file("limits.yaml", file)
        .file("more.toml", "[limits.peer]\nstreams = 9\n")
        .variable("RCMGR_SYSTEM_CONNECTIONS", "201")
        .variable("RCMGR_TRANSIENT_STREAMS", "20")
        .variable("RCMGR_LIMITS", "{limits: {stream: {memory: 2MiB}}}");
    let flags = [
        "--libp2p-resource-manager-limits-override-transient-streams-inbound=19",
        "--libp2p-resource-manager-protocol-fd",
        "18",
        "--set",
        "limits.transient.streams=21",
        "--set",
        "limits.services.\"a.b\".streams = 22",
        "--explain",
    ];
    let files = ["show", "limits.yaml", "more.toml"];
    let out = run.good(&[&files[..], &SMALL, &flags].concat());
    for (key, value, origin) in [
        ("limits.system.streams", "3000", "limits.yaml:3"),
        ("limits.system.connections", "201", "$RCMGR_SYSTEM_CONNECTIONS"),
        ("limits.system.memory", "1.125 GiB", "default scaled from 1 GiB"),
        ("limits.system.file-descriptors", "2048", "default scaled from 2048 descriptors"),
        ("limits.peer.memory", "1 MiB", "limits.yaml:6"),
        ("limits.peer.streams", "9", "more.toml:2"),
        ("limits.stream.memory", "2 MiB", "RCMGR_LIMITS:1"),
        (
            "limits.transient.streams-inbound",
            "19",
            "--libp2p-resource-manager-limits-override-transient-streams-inbound",
        ),
        ("limits.transient.streams", "21", "--set"),
        ("limits.services.\"a.b\".streams", "22", "--set"),
        ("limits.services.\"a.b\".memory", "192 MiB", "as service: default scaled from 1 GiB"),
        ("limits.connection.memory", "32 MiB", "default"),
    ] {
        assert_eq!(line(&out, key), [key, value, origin]);
    }
    assert_eq!(line(&out, "limits.protocol.file-descriptors")[1], "18");
}

#[test]
fn sources_add_up_to_a_quota_and_are_judged_together() {
    let file = "connection-manager:\n  quotas:\n    /a: {minimum: 10, maximum: 30}\n";
    let run = Run::new()
        .file("limits.yaml", file)
        .variable("RCMGR_LIMITS", "{connection-manager: {quotas: {/a: {minimum: 20}}}}");
    let set = |value: &'static str| ["limits.yaml", "--set", value];
    let key = |bound: &str| format!("connection-manager.quotas.\"/a\".{bound}");
    let flag = set("connection-manager.quotas.\"/a\".maximum=25");
    let out = run.good(&[&["show", "--explain"], &flag[..], &SMALL].concat());
    assert_eq!(line(&out, &key("minimum")), [&*key("minimum"), "20", "RCMGR_LIMITS:1"]);
    assert_eq!(line(&out, &key("maximum")), [&*key("maximum"), "25", "--set"]);

    let flag = set("connection-manager.quotas.\"/a\".maximum=15");
    let (out, err, code) = run.limits(&[&["check"], &flag[..], &SMALL].concat());
    assert_eq!((out.as_str(), code), ("limits.yaml: 1 error\n", Some(2)), "{err}");
    let told = "error: connection-manager.quotas.\"/a\".minimum is 20, above \
                connection-manager.quotas.\"/a\".maximum, which is 15 (--set)\n \
                --> RCMGR_LIMITS:1:46\n";
    assert!(err.starts_with(told), "{err}");
}

#[test]
fn minima_that_do_not_fit_in_the_share_are_told_before_a_node_starts() {
    let text = |manager: &str| {
        format!(
            "limits: {{system: {{connections: 1000, connections-inbound: 1000}}}}\n\
             connection-manager: {{{manager}}}\n"
        )
    };
    let quotas = "quotas: {/a: {minimum: 50%}, /b: {minimum: 361}}";
    let run = Run::new()
        .file("good.yaml", &text("quotas: {/a: {minimum: 50%}, /b: {minimum: 360}}"))
        .file("full.yaml", &text(quotas))
        .file("none.yaml", &text(&format!("type: none, {quotas}")));
    for name in ["good.yaml", "none.yaml"] {
        let out = run.good(&[&["check", name][..], &SMALL].concat());
        assert_eq!(out, format!("{name}: good, in the format of native\n"));
    }
    let (out, err, code) = run.limits(&[&["check", "full.yaml"][..], &SMALL].concat());
    assert_eq!((&*out, code), ("full.yaml: 1 warning, in the format of native\n", Some(0)));
    let told = "warning: connection-manager.quotas.\"/b\".minimum is 361 connections, and 360 are \
                left of the share of 800 beside the minima of others\n --> full.yaml:2:";
    assert!(err.starts_with(told), "{err}");
    assert!(err.contains("raise connection-manager.high-watermark"), "{err}");
    let flags = ["--set", "connection-manager.high-watermark=700", "--strict"];
    let (_, err, code) = run.limits(&[&["check", "good.yaml"], &flags[..], &SMALL].concat());
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("is 360 connections, and 315 are left of the share of 700"), "{err}");
}

#[test]
fn partial_limits_of_go_libp2p_are_what_its_code_makes_of_them() {
    let run = Run::new().file("partial.json", &read("partial-example.json"));
    let mut expected: Value =
        serde_json::from_str(&read("partial-example-over-1073741824-2048.json")).expect("JSON");
    // The slip of its default that is not followed.
    expected["ProtocolPeerDefault"]["Memory"] = "20971520".into();
    let shown = run.libp2p(&[&["show", "partial.json"][..], &SMALL].concat());
    assert_eq!(shown, expected);
}

#[test]
fn flows_limits_grow_by_flags_as_by_a_factor() {
    let run = Run::new().file("flow.yml", &read("flow/default-config.yml"));
    let by_factor = run.libp2p(&["show", "flow.yml", "--multiply", "1.5"]);
    for flags in ["flow/document-flags-1.5.txt", "flow/code-flags-1.5.txt"] {
        let flags = read(flags);
        let flags: Vec<&str> = flags.lines().collect();
        let by_flags = run.libp2p(&[&["show", "flow.yml"], flags.as_slice()].concat());
        assert_eq!(by_flags, by_factor);
    }
    assert_eq!(by_factor["System"]["StreamsInbound"], 22_500);
    assert_eq!(by_factor["ProtocolPeerDefault"]["StreamsOutbound"], 750);
}

#[test]
fn all_that_is_wrong_is_told_at_once_with_its_place() {
    let run = Run::new()
        .file("wrong.yaml", "limits:\n  system: {stream: 1, memory: 64MiBB}\n  peers: {me: {}}\n")
        .file("good.yaml", "limits: {system: {streams: 9}}\n")
        .file("doubtful.yaml", "limits: {peer: {memory: 1EiB}}\n")
        .variable("RCMGR_SYSTEM_STREEMS", "1");
    let (out, err, code) = run.limits(&["check", "wrong.yaml", "doubtful.yaml"]);
    assert_eq!(code, Some(2));
    assert_eq!(out.lines().next(), Some("wrong.yaml: 3 errors"), "{out}");
    for place in ["wrong.yaml:2:12", "wrong.yaml:2:31", "wrong.yaml:3:11", "doubtful.yaml:1:25"] {
        assert!(err.contains(place), "{place} is not in\n{err}");
    }
    assert!(err.contains("did you mean \"streams\"?"), "{err}");
    assert!(err.contains("RCMGR_SYSTEM_STREEMS"), "{err}");

    let run = Run { variables: Vec::new(), ..run };
    assert_eq!(run.good(&["check", "good.yaml"]), "good.yaml: good, in the format of native\n");
    let told = "doubtful.yaml: 1 warning, in the format of native\n";
    for (arguments, code) in [(&["check"][..], 0), (&["check", "--strict"], 1)] {
        let (out, err, ended) = run.limits(&[arguments, &["doubtful.yaml"]].concat());
        assert_eq!((out.as_str(), ended), (told, Some(code)), "{err}");
        assert!(err.contains("and can never bind"), "{err}");
    }
    let (out, err, code) = run.limits(&["show", "wrong.yaml", "--set", "limits.system", "--fd=1"]);
    assert_eq!((out.as_str(), code), ("", Some(2)));
    assert!(err.contains("wrong.yaml:2:12") && err.contains("--set"), "{err}");
}

#[test]
fn what_is_converted_says_the_same() {
    let file =
        "limits:\n  system: {streams: 3000, tasks: 5}\n  protocols: {/a: {memory: 1.5KiB}}\n";
    let run = Run::new().file("limits.yaml", file);
    let native = run.good(&["convert", "limits.yaml", "--to", "native"]);
    for to in ["toml", "json", "yaml"] {
        let text = run.good(&["convert", "limits.yaml", "--to", to]);
        fs::write(run.folder.path().join("again"), text).expect("there is room");
        assert_eq!(run.good(&["convert", "again", "--to", "native"]), native);
        assert_eq!(run.good(&[&["diff", "limits.yaml", "again"][..], &SMALL].concat()), "");
    }
    let (out, err, code) = run.limits(&["convert", "limits.yaml", "--to", "libp2p"]);
    let json: Value = serde_json::from_str(&out).expect("it is JSON");
    let expected = serde_json::json!({
        "System": {"Streams": 3000}, "Protocol": {"/a": {"Memory": "1536"}},
    });
    assert_eq!((json, code), (expected, Some(0)));
    assert!(err.contains("system: go-libp2p cannot say 5 tasks"), "{err}");
    let by_half = run.good(&["convert", "limits.yaml", "--to", "json", "--multiply", "0.5"]);
    assert!(by_half.contains("\"streams\": 1500"), "{by_half}");
}

#[test]
fn what_changes_is_told_by_effect() {
    let run = Run::new()
        .file("a.yaml", "limits: {peer: {streams: 10}}")
        .file("b.json", r#"{"PeerDefault": {"Streams": 20}, "Protocol": {"/a": {"FD": 0}}}"#);
    let (out, err, code) = run.limits(&[&["diff", "a.yaml", "b.json"][..], &SMALL].concat());
    assert_eq!((err.as_str(), code), ("", Some(1)));
    assert_eq!(out, "limits.peer.streams: 10 -> 20\n");
    let (_, err, code) = run.limits(&["diff", "a.yaml", "c.yaml"]);
    assert_eq!(
        (err.as_str(), code),
        ("rcmgr: c.yaml: No such file or directory (os error 2)\n", Some(2))
    );
}

#[test]
fn limits_in_the_native_format_are_the_same_on_any_machine() {
    let run = Run::new().file("limits.yaml", "limits: {peer: {streams: 10}}");
    let native = run.good(&[&["show", "limits.yaml", "--format", "native"][..], &SMALL].concat());
    fs::write(run.folder.path().join("all.yaml"), native).expect("there is room");
    let here = run.libp2p(&[&["show", "limits.yaml"][..], &SMALL].concat());
    assert_eq!(run.libp2p(&["show", "all.yaml", "--memory", "64GiB", "--fd", "1"]), here);
}

#[test]
fn shells_complete_the_commands() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rcmgr"));
        let output = command.args(["completions", shell]).output().expect("the program starts");
        let script = String::from_utf8(output.stdout).expect("the output is UTF-8");
        assert!(output.status.success() && script.contains("explain"), "{shell}");
    }
}
