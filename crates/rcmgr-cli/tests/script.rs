//! Runs `rcmgr script` on scripts in files.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use flate2::{Compression, write::GzEncoder};

const SCRIPT: &str = concat!(
    r#"{"base":{"System":{"Memory":100},"Transient":{},"AllowlistedSystem":{},"#,
    r#""AllowlistedTransient":{},"ServiceDefault":{},"ServicePeerDefault":{},"#,
    r#""ProtocolDefault":{},"ProtocolPeerDefault":{},"PeerDefault":{},"Conn":{},"Stream":{}}}"#,
    "\n",
    r#"{"op":"reserve","scope":"system","size":60,"prio":255}"#,
    "\n",
    r#"{"op":"reserve","scope":"system","size":60,"prio":255}"#,
    "\n",
    r#"{"op":"release","scope":"system","size":60}"#,
    "\n",
);

const VERDICTS: &str = concat!(
    r#"{"i":0,"ok":true,"err_kind":null,"blocked_by":null,"changed":{"system":[60,0,0,0,0,0]}}"#,
    "\n",
    r#"{"i":1,"ok":false,"err_kind":"limit","blocked_by":"system","#,
    r#""detail":{"what":"memory","current":60,"attempted":60,"limit":100,"prio":255}}"#,
    "\n",
    r#"{"i":2,"ok":true,"err_kind":null,"blocked_by":null,"changed":{"system":[0,0,0,0,0,0]}}"#,
    "\n",
);

const CONNECTIONS: &str = concat!(
    r#"{"low":1,"high":2,"grace_ms":0,"silence_ms":10000,"resolution_ms":60000}"#,
    "\n",
    r#"{"op":"connected","conn":"c","peer":"p","dir":"in","addr":"/ip4/192.0.2.1"}"#,
    "\n",
    r#"{"op":"connected","conn":"d","peer":"q","dir":"in","addr":"/ip4/192.0.2.2","streams":3}"#,
    "\n",
    r#"{"op":"trim"}"#,
    "\n",
);

const CLOSED: &str = concat!(
    r#"{"i":0,"ok":true,"count":1,"#,
    r#""changed":{"p":{"value":0,"tags":{},"conns":1,"first_seen":0}}}"#,
    "\n",
    r#"{"i":1,"ok":true,"count":2,"#,
    r#""changed":{"q":{"value":0,"tags":{},"conns":1,"first_seen":0}}}"#,
    "\n",
    r#"{"i":2,"ok":true,"trims":[{"kind":"open","at":0,"closed":[["c"]]}],"count":1,"#,
    r#""changed":{"p":null}}"#,
    "\n",
);

/// A folder with a script and verdicts, gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, script: &str, verdicts: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("rcmgr-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder can be made");
        fs::write(path.join("it.jsonl"), script).expect("a file can be written");
        fs::write(path.join("it.verdicts.jsonl"), verdicts).expect("a file can be written");
        Folder(path)
    }

    fn script(&self) -> PathBuf {
        self.0.join("it.jsonl")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What `rcmgr script` says: on its output, on the other, and with its exit code.
fn rcmgr(arguments: &[&str], paths: &[&Path]) -> (String, String, Option<i32>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rcmgr"));
    command.arg("script").args(arguments).args(paths);
    let Output { status, stdout, stderr } = command.output().expect("the program starts");
    let text = |bytes| String::from_utf8(bytes).expect("the output is UTF-8");
    (text(stdout), text(stderr), status.code())
}

#[test]
fn run_prints_a_verdict_a_line() {
    let folder = Folder::new("run", SCRIPT, "");
    let said = rcmgr(&["run"], &[&folder.script()]);
    assert_eq!(said, (VERDICTS.to_owned(), String::new(), Some(0)));
}

#[test]
fn check_is_content_with_what_was_recorded() {
    let folder = Folder::new("same", SCRIPT, VERDICTS);
    let (out, err, code) = rcmgr(&["check"], &[&folder.0, &folder.script()]);
    assert_eq!(out, "2 scripts, 6 of 6 verdicts compared, 0 differ\n");
    assert_eq!((err.as_str(), code), ("", Some(0)));
}

#[test]
fn run_prints_the_verdicts_of_a_connection_manager() {
    let folder = Folder::new("connections", CONNECTIONS, "");
    let said = rcmgr(&["run"], &[&folder.script()]);
    assert_eq!(said, (CLOSED.to_owned(), String::new(), Some(0)));
}

#[test]
fn a_folder_may_have_scripts_of_both_kinds_packed_or_not() {
    let folder = Folder::new("both", SCRIPT, VERDICTS);
    for (name, text) in [("other.jsonl.gz", CONNECTIONS), ("other.verdicts.jsonl.gz", CLOSED)] {
        let file = fs::File::create(folder.0.join(name)).expect("a file can be made");
        let mut writer = GzEncoder::new(file, Compression::fast());
        writer.write_all(text.as_bytes()).and_then(|()| writer.finish()).expect("it is written");
    }
    let (out, err, code) = rcmgr(&["check"], &[&folder.0]);
    assert_eq!(out, "2 scripts, 6 of 6 verdicts compared, 0 differ\n");
    assert_eq!((err.as_str(), code), ("", Some(0)));
}

#[test]
fn check_shows_the_first_difference_of_a_connection_manager() {
    let wrong = CLOSED.replace(r#"[["c"]]"#, r#"[["d"]]"#).replace(r#""p":null"#, r#""q":null"#);
    let folder = Folder::new("wrong-connections", CONNECTIONS, &wrong);
    let (out, err, code) = rcmgr(&["check"], &[&folder.0]);
    let lines = |text: &str| text.lines().nth(2).expect("there are three").to_owned();
    let expected = [
        format!("{}:4: operation 2 differs", folder.script().display()),
        r#"  operation: {"op":"trim"}"#.to_owned(),
        format!("  expected:  {}", lines(&wrong)),
        format!("  answered:  {}", lines(CLOSED)),
        "  differing: trims, changed".to_owned(),
        "1 scripts, 3 of 3 verdicts compared, 1 differ\n".to_owned(),
    ];
    assert_eq!(out, expected.join("\n"));
    assert_eq!((err.as_str(), code), ("", Some(1)));
}

#[test]
fn a_malformed_script_of_a_connection_manager_is_an_error_with_file_and_line() {
    for (script, told) in [
        (CONNECTIONS.replace("trim", "trin"), "it.jsonl:4: unknown variant `trin`"),
        (CONNECTIONS.replace("\"high\":2", "\"high\":0.5"), "it.jsonl:1: invalid type"),
        (CONNECTIONS.replace("\"low\":1", "\"low\":3"), "it.jsonl:1: low: the low mark 3 is above"),
    ] {
        let folder = Folder::new("malformed-connections", &script, CLOSED);
        for command in ["run", "check"] {
            let (_, err, code) = rcmgr(&[command], &[&folder.script()]);
            assert!(err.starts_with("rcmgr: ") && err.contains(told), "{err}");
            assert_eq!((err.lines().count(), code), (1, Some(2)));
        }
    }
}

#[test]
fn check_shows_the_first_difference() {
    let wrong = VERDICTS.replace("\"limit\":100", "\"limit\":99").replace("[0,0,", "[7,0,");
    let folder = Folder::new("wrong", SCRIPT, &wrong);
    let (out, err, code) = rcmgr(&["check"], &[&folder.0]);
    let script = folder.script();
    let expected = [
        format!("{}:3: operation 1 differs", script.display()),
        r#"  operation: {"op":"reserve","scope":"system","size":60,"prio":255}"#.to_owned(),
        format!("  expected:  limit by system {}", detail(99)),
        format!("  answered:  limit by system {}", detail(100)),
        "1 scripts, 2 of 3 verdicts compared, 1 differ\n".to_owned(),
    ];
    assert_eq!(out, expected.join("\n"));
    assert_eq!((err.as_str(), code), ("", Some(1)));
}

fn detail(limit: u64) -> String {
    format!(r#"{{"what":"memory","current":60,"attempted":60,"limit":{limit},"prio":255}}"#)
}

#[test]
fn check_names_the_scopes_that_differ() {
    let wrong = VERDICTS.replace(r#""system":[60"#, r#""peer:p":[60"#);
    let folder = Folder::new("scopes", SCRIPT, &wrong);
    let (out, _, code) = rcmgr(&["check"], &[&folder.script()]);
    assert!(out.contains("\n  peer:p: expected [60,0,0,0,0,0], got no change\n"), "{out}");
    assert!(out.contains("\n  system: expected no change, got [60,0,0,0,0,0]\n"), "{out}");
    assert_eq!(code, Some(1));
}

#[test]
fn a_comparison_ends_at_a_known_difference() {
    let wrong = VERDICTS.replace("\"limit\":100", "\"limit\":99").replace("[0,0,", "[7,0,");
    let folder = Folder::new("known", SCRIPT, &wrong);
    let known = folder.0.join("known");
    fs::write(&known, r#"{"script":"it","op":1,"reason":"on purpose"}"#).expect("it is written");
    let known = known.display().to_string();
    let (out, err, code) = rcmgr(&["check", "--known", &known], &[&folder.0]);
    assert_eq!(out, "1 known differences\n1 scripts, 1 of 3 verdicts compared, 0 differ\n");
    assert_eq!((err.as_str(), code), ("", Some(0)));
}

#[test]
fn a_comparison_ends_at_a_quirk() {
    let wrong = VERDICTS.replace("\"prio\":255}", "\"prio\":9},\"quirk\":[\"over_release\"]");
    let folder = Folder::new("quirk", SCRIPT, &wrong);
    let (out, _, code) = rcmgr(&["check"], &[&folder.0]);
    assert_eq!(out, "1 scripts, 1 of 3 verdicts compared, 0 differ\n");
    assert_eq!(code, Some(0));
}

#[test]
fn malformed_files_are_errors_with_file_and_line() {
    let shorter = VERDICTS.lines().next().expect("there are some").to_owned();
    let other = VERDICTS.replace("\"i\":1", "\"i\":2");
    let not_json = VERDICTS.replacen("{\"i\":1", "\"i\":1", 1);
    for (script, verdicts, told) in [
        (SCRIPT.replace("release", "relase"), VERDICTS.to_owned(), "it.jsonl:4: unknown variant"),
        (
            SCRIPT.to_owned(),
            shorter,
            "it.verdicts.jsonl:1: there are 1 verdicts for the 3 operations",
        ),
        (SCRIPT.to_owned(), other, "it.verdicts.jsonl:2: \"i\" is 2"),
        (SCRIPT.to_owned(), not_json, "it.verdicts.jsonl:2: each line is an object"),
    ] {
        let folder = Folder::new("malformed", &script, &verdicts);
        let (out, err, code) = rcmgr(&["check"], &[&folder.0]);
        assert!(err.starts_with("rcmgr: ") && err.contains(told), "{err}");
        assert_eq!((out.as_str(), err.lines().count(), code), ("", 1, Some(2)));
    }
}

#[test]
fn what_is_not_there_is_an_error() {
    let folder = Folder::new("absent", SCRIPT, VERDICTS);
    fs::remove_file(folder.0.join("it.verdicts.jsonl")).expect("it was there");
    let known = ["check", "--known", "/does/not/exist"];
    for (arguments, path, told) in [
        (&["run"][..], folder.0.join("other.jsonl"), "other.jsonl: "),
        (&["check"][..], folder.0.join("other.jsonl"), "other.jsonl: "),
        (&["check"][..], folder.script(), "there is no it.verdicts.jsonl or it.verdicts.jsonl.gz"),
        (&known[..], folder.script(), "/does/not/exist: "),
    ] {
        let (_, err, code) = rcmgr(arguments, &[&path]);
        assert!(err.contains(told), "{err}");
        assert_eq!(code, Some(2), "{err}");
    }
    fs::remove_file(folder.script()).expect("it was there");
    let (_, err, code) = rcmgr(&["check"], &[&folder.0]);
    assert!(err.contains("there is no script NAME.jsonl or NAME.jsonl.gz in this folder"), "{err}");
    assert_eq!(code, Some(2));
}

#[test]
fn a_script_is_printed_up_to_the_operation_that_means_nothing() {
    let script = format!("{SCRIPT}{}\n", r#"{"op":"advance","ms":18446744073709551615}"#);
    let folder = Folder::new("meaningless", &script, "");
    let (out, err, code) = rcmgr(&["run"], &[&folder.script()]);
    assert_eq!(out, VERDICTS);
    assert!(err.contains("it.jsonl:5: the clock would pass"), "{err}");
    assert_eq!(code, Some(2));
}

#[test]
fn a_command_line_that_means_nothing_is_one_sentence() {
    for (arguments, told) in [
        (&[][..], "`rcmgr script` takes a command, run or check"),
        (&["run"][..], "were not provided: <SCRIPT>; see"),
        (&["check"][..], "were not provided: <PATH>...; see"),
    ] {
        let (out, err, code) = rcmgr(arguments, &[]);
        assert!(err.contains(told), "{err}");
        assert_eq!((out.as_str(), err.lines().count(), code), ("", 1, Some(2)));
    }
}
