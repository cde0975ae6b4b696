//! Scripts of a connection manager that mean nothing: each is an error with file, line and what is
//! wrong, in bounded time.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};
use rcmgr_script::{Recorded, ScriptError, connections};

const HEADER: &str = r#"{"low":2,"high":4,"grace_ms":0,"silence_ms":10000,"resolution_ms":1000}"#;

/// A folder that is gone with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("rcmgr-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder can be made");
        Folder(path)
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, bytes).expect("a file can be written");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn run(path: &Path) -> Result<u64, ScriptError> {
    let mut done = 0;
    connections::run(path, |_| {
        done += 1;
        Ok(())
    })
    .map(|()| done)
}

/// The error, without the folder.
fn error(folder: &Folder, bytes: impl AsRef<[u8]>) -> String {
    let path = folder.file("it.jsonl", bytes);
    let error = run(&path).expect_err("it means nothing").to_string();
    error.replace(&format!("{}/", folder.0.display()), "")
}

fn packed(text: &str) -> Vec<u8> {
    let mut writer = GzEncoder::new(Vec::new(), Compression::fast());
    writer.write_all(text.as_bytes()).expect("memory takes it");
    writer.finish().expect("memory takes it")
}

#[test]
fn what_is_wrong_with_an_operation_is_said_with_its_line() {
    let folder = Folder::new("connections-ops");
    let nested = format!(r#"{{"op":"tag","peer":{}1{}}}"#, "[".repeat(500), "]".repeat(500));
    let register = |decay: &str, bump: &str| {
        format!(
            r#"{{"op":"register_decaying","id":"d","tag":"t","interval_ms":1,"decay":{decay},"bump":{bump}}}"#
        )
    };
    let (none, unbounded) = (r#"{"kind":"none"}"#, r#"{"kind":"unbounded"}"#);
    for (op, told) in [
        ("{", "EOF while parsing an object"),
        ("[]", "each line is an object in braces"),
        ("trim", "each line is an object in braces"),
        (r#"{"op":"trim"} {"op":"trim"}"#, "trailing characters"),
        ("{}", "missing field `op`"),
        (r#"{"op":7}"#, "expected variant identifier"),
        (r#"{"op":"frob"}"#, "unknown variant `frob`, expected one of `connected`"),
        (r#"{"op":"trim","peer":"p"}"#, "unknown field `peer`"),
        (r#"{"op":"trim","op":"trim"}"#, "duplicate field `op`"),
        (r#"{"op":"disconnected"}"#, "missing field `conn`"),
        (r#"{"op":"disconnected","conn":7}"#, "expected a string"),
        (r#"{"op":"connected","conn":"c","peer":"p","dir":"in"}"#, "missing field `addr`"),
        (r#"{"op":"connected","conn":"c","dir":"in","addr":""}"#, "missing field `peer`"),
        (
            r#"{"op":"connected","conn":"c","peer":"p","dir":"sideways","addr":""}"#,
            "unknown variant `sideways`, expected `in` or `out`",
        ),
        (
            r#"{"op":"connected","conn":"c","peer":"p","dir":"in","addr":"","streams":-1}"#,
            "expected u32",
        ),
        (r#"{"op":"set_streams","conn":"c","n":4294967296}"#, "expected u32"),
        (r#"{"op":"tag","peer":"p","tag":"t","value":1.5}"#, "expected i64"),
        (r#"{"op":"tag","peer":"p","tag":"t","value":9223372036854775808}"#, "expected i64"),
        (r#"{"op":"tag","peer":"p","tag":"t","value":1e400}"#, "number out of range"),
        (r#"{"op":"tag","peer":"p","tag":"t","value":"5"}"#, "expected i64"),
        (r#"{"op":"tag","peer":null,"tag":"t"}"#, "expected a string"),
        (&nested, "recursion limit exceeded"),
        (r#"{"op":"upsert","peer":"p","tag":"t"}"#, "missing field `fn`"),
        (r#"{"op":"upsert","peer":"p","tag":"t","fn":{}}"#, "expected map with a single key"),
        (r#"{"op":"upsert","peer":"p","tag":"t","fn":{"sub":1}}"#, "unknown variant `sub`"),
        (r#"{"op":"upsert","peer":"p","tag":"t","fn":{"add":1,"set":2}}"#, "single key"),
        (r#"{"op":"advance","ms":-1}"#, "expected u64"),
        (r#"{"op":"advance","ms":1,"late":1}"#, "expected a boolean"),
        (r#"{"op":"advance","ms":18446744073709551615}"#, "the clock would pass 36500 days"),
        (&register("7", unbounded), "expected internally tagged enum"),
        (&register("{}", unbounded), "missing field `kind`"),
        (&register(r#"{"kind":"rot"}"#, unbounded), "unknown variant `rot`"),
        (&register(r#"{"kind":"fixed","coef":1}"#, unbounded), "unknown field `coef`"),
        (&register(none, r#"{"kind":"bounded","min":"a"}"#), "expected i64"),
        (r#"{"op":"batch"}"#, "missing field `cmds`"),
        (r#"{"op":"batch","cmds":{}}"#, "expected a sequence"),
        (
            r#"{"op":"batch","cmds":[{"op":"tag"}]}"#,
            "unknown variant `tag`, expected one of `bump`",
        ),
        (r#"{"op":"batch","cmds":[{"op":"bump","id":"d"}]}"#, "missing field `peer`"),
    ] {
        let error = error(&folder, [HEADER, "", r#"{"op":"trim"}"#, op].join("\n"));
        assert!(error.starts_with("it.jsonl:4: "), "{op}: {error}");
        assert!(error.contains(told), "{op}: {error}");
        assert_eq!(error.lines().count(), 1, "{op}: {error}");
    }
}

#[test]
fn what_is_wrong_with_a_header_is_said() {
    let folder = Folder::new("connections-header");
    let with = |field: &str, value: &str| {
        let mut header: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(HEADER).expect("it is an object");
        header.insert(field.into(), serde_json::from_str(value).expect("it is JSON"));
        serde_json::to_string(&header).expect("it is JSON")
    };
    for (header, told) in [
        (r#"{"low":1}"#.to_owned(), "missing field `high`"),
        (r#"{"silence_ms":1}"#.to_owned(), "missing field `low`"),
        (with("low", "-1"), "expected u64"),
        (with("low", "\"2\""), "expected u64"),
        (with("low", "5"), "low: the low mark 5 is above the high mark 4; lower it"),
        (with("silence_ms", "0"), "silence_ms: the silence period is zero; give it a length"),
        (with("resolution_ms", "0"), "resolution_ms: the resolution of decay is zero; give it"),
        (with("grace_ms", "1.5"), "expected u64"),
        (with("medium", "1"), "unknown field `medium`, expected one of `low`, `high`"),
        (with("quirks", "7"), "expected a sequence"),
        (format!("{HEADER}{HEADER}"), "trailing characters"),
    ] {
        let error = error(&folder, &header);
        assert!(error.starts_with("it.jsonl:1: "), "{header}: {error}");
        assert!(error.contains(told), "{header}: {error}");
    }
    assert!(error(&folder, "").contains("it.jsonl: the file is empty; a script begins with"));
}

#[test]
fn a_header_tells_whose_script_it_is() {
    let folder = Folder::new("connections-whose");
    for (header, connections) in [
        (HEADER, Some(true)),
        (r#"{"high":4}"#, Some(true)),
        (r#"{"base":{}}"#, Some(false)),
        (r#"{"base":{},"low":1}"#, Some(false)),
        ("{}", Some(false)),
        ("[]", None),
        ("", None),
    ] {
        let found = connections::is_script(&folder.file("it.jsonl", header));
        assert_eq!(found.ok(), connections, "{header}");
    }
}

#[test]
fn a_packed_script_is_run_and_one_that_is_cut_off_is_an_error_with_its_line() {
    let folder = Folder::new("connections-packed");
    let ops: String = (0..2_000)
        .map(|at| format!("{{\"op\":\"tag\",\"peer\":\"p{at}\",\"tag\":\"t{}\"}}\n", at * 7919))
        .collect();
    let whole = packed(&format!("{HEADER}\n{ops}"));
    assert_eq!(run(&folder.file("it.jsonl.gz", &whole)).expect("it is right"), 2_000);
    let error = run(&folder.file("cut.jsonl.gz", &whole[..whole.len() / 2]));
    let error = error.expect_err("it is cut off");
    assert!(error.place.line.is_some_and(|line| line > 1), "{error}");
    let flipped: Vec<u8> =
        whole.iter().enumerate().map(|(at, byte)| if at == 400 { !byte } else { *byte }).collect();
    run(&folder.file("flipped.jsonl.gz", flipped)).expect_err("its checksum is wrong");
}

#[test]
fn verdicts_that_answer_another_script_are_an_error() {
    let folder = Folder::new("connections-verdicts");
    let script = format!("{HEADER}\n{}\n{}\n", r#"{"op":"info"}"#, r#"{"op":"close"}"#);
    let path = folder.file("it.jsonl", script);
    let cm = r#""cm":{"low":2,"high":4,"grace_ms":0,"last_trim":null,"count":0}"#;
    let first = format!(r#"{{"i":0,"ok":true,{cm},"count":0}}"#);
    let second = r#"{"i":1,"ok":true,"count":0}"#;
    let check = |verdicts: &[&str]| {
        folder.file("it.verdicts.jsonl", verdicts.join("\n"));
        let recorded = Recorded::at(&path).expect("it is there").remove(0);
        connections::check(&recorded).map(|outcome| outcome.end)
    };
    assert_eq!(check(&[&first, second]).expect("it agrees"), connections::End::Whole);
    for (verdicts, told) in [
        (&[first.as_str()][..], "1: there are 1 verdicts for the 2 operations"),
        (&[&first, second, second], "3: there are 3 verdicts for the 2 operations"),
        (&[&first, &first], "2: \"i\" is 0, but the verdict stands where that of operation 1"),
        (&[&first, r#"{"i":1,"fine":true}"#], "2: unknown field `fine`"),
        (&[&first, r#"{"i":1,"ok":"yes"}"#], "2: invalid type: string \"yes\""),
        (&[&first, "7"], "2: each line is an object in braces"),
    ] {
        let error = check(verdicts).expect_err("they answer something else").to_string();
        assert!(error.contains(&format!("it.verdicts.jsonl:{told}")), "{error}");
    }
}

#[test]
fn what_would_take_for_ever_is_refused() {
    let folder = Folder::new("connections-time");
    let fast = r#"{"low":2,"high":4,"grace_ms":0,"silence_ms":1,"resolution_ms":1}"#;
    let day = r#"{"op":"advance","ms":86400000}"#;
    let told = error(&folder, format!("{fast}\n{day}"));
    assert!(told.contains("it.jsonl:2: the clock would tick more than 1000000 times"), "{told}");

    let register = |tag: usize| {
        format!(
            r#"{{"op":"register_decaying","id":"d","tag":"{tag}","decay":{{"kind":"none"}},"bump":{{"kind":"unbounded"}}}}"#
        )
    };
    let bumps = |from: usize| {
        let bump = |at| format!(r#"{{"op":"bump","id":"d","peer":"p{at}"}}"#);
        let bumps: Vec<String> = (from..from + 5_000).map(bump).collect();
        format!(r#"{{"op":"batch","cmds":[{}]}}"#, bumps.join(","))
    };
    let many: Vec<String> = (0..1_000).map(register).collect();
    let told = error(&folder, [fast, &many.join("\n"), &bumps(0), day].join("\n"));
    assert!(told.contains("it.jsonl:1003: the script takes too long"), "{told}");

    let register = register(0);
    let (one, other) = (bumps(0), bumps(5_000));
    let lines = [HEADER, &register, &one, &other, &bumps(10_000), r#"{"op":"info"}"#];
    let told = error(&folder, lines.join("\n"));
    assert!(told.contains("it.jsonl:6: a script names at most 10000 peers"), "{told}");

    let ops = "{\"op\":\"close\"}\n".repeat(1_000_001);
    let told = error(&folder, format!("{HEADER}\n{ops}"));
    assert!(told.contains("it.jsonl:1000002: a script has at most 1000000 operations"), "{told}");
}
