//! Scripts that are wrong: each is an error that says where, and what would be right.

use std::io::{BufReader, Cursor, Read, Write as _};

use flate2::{Compression, write::GzEncoder};
use rcmgr_script::{Script, ScriptError};

const HEADER: &str = concat!(
    r#"{"base":{"System":{"Memory":9223372036854775807},"Transient":{},"AllowlistedSystem":{},"#,
    r#""AllowlistedTransient":{},"ServiceDefault":{},"ServicePeerDefault":{},"#,
    r#""ProtocolDefault":{},"ProtocolPeerDefault":{},"PeerDefault":{},"Conn":{},"Stream":{}}}"#,
);

/// Runs all of a script.
fn run(text: impl Into<Vec<u8>>) -> Result<u64, ScriptError> {
    finish(Script::read("it.jsonl", Cursor::new(text.into()))?)
}

fn finish(mut script: Script) -> Result<u64, ScriptError> {
    let mut runner = script.runner()?;
    let mut done = 0;
    while let Some(op) = script.next()? {
        runner.apply(&op).map_err(|fault| script.error(fault))?;
        done += 1;
    }
    Ok(done)
}

fn error(lines: &[&str]) -> String {
    let text = lines.join("\n");
    run(text.clone()).expect_err(&text).to_string()
}

#[test]
fn a_script_that_is_right_is_run() {
    let ops = [r#"{"op":"stat"}"#, "", r#"{"op":"reserve","scope":"system","size":5,"prio":0}"#];
    assert_eq!(run(format!("{HEADER}\n{}\n\n", ops.join("\r\n"))).expect("it is right"), 2);
}

#[test]
fn what_go_leaves_out_or_writes_as_null_is_absent() {
    let with = |fields: &str| HEADER.replacen('{', &format!("{{{fields},"), 1);
    for fields in [
        r#""tags":null,"limits":null,"allowlist":null,"rate":null"#,
        r#""limits":{"System":null,"Service":null,"Peer":null}"#,
        r#""rate":{"SubnetV4":null,"Prefixes":null}"#,
        r#""rate":{"Global":{"RPS":1,"Burst":9223372036854775807}}"#,
    ] {
        assert_eq!(run(with(fields)).expect(fields), 0);
    }
}

/// go-libp2p's allowlist is a list, in which an address may stand twice; ours takes an address
/// that is mapped into IPv6 for the IPv4 address that it is.
#[test]
fn an_entry_that_was_added_in_two_spellings_is_removed_by_two() {
    let limits = concat!(
        r#"{"limits":{"Conn":{"Conns":1,"ConnsInbound":1},"#,
        r#""AllowlistedSystem":{"Conns":9,"ConnsInbound":9},"#,
        r#""AllowlistedTransient":{"Conns":9,"ConnsInbound":9}},"#,
    );
    let header = HEADER.replacen('{', limits, 1);
    let add = |addr: &str| format!(r#"{{"op":"allow_add","addr":"{addr}"}}"#);
    let remove = |addr: &str| format!(r#"{{"op":"allow_remove","addr":"{addr}"}}"#);
    let open = |id: &str| {
        let endpoint = "/ip4/1.2.3.4/tcp/1";
        format!(
            r#"{{"op":"open_conn","id":"{id}","dir":"in","usefd":false,"endpoint":"{endpoint}"}}"#
        )
    };
    let (short, mapped) = ("/ip4/1.2.3.4", "/ip6/::ffff:1.2.3.4");
    let lines =
        [header, add(short), add(mapped), remove(mapped), open("a"), remove(short), open("b")];
    let mut script = Script::read("it.jsonl", Cursor::new(lines.join("\n"))).expect("a header");
    let mut runner = script.runner().expect("the header means something");
    let mut answers = Vec::new();
    while let Some(op) = script.next().expect("an operation") {
        answers.push(runner.apply(&op).expect("it means something").ok);
    }
    assert_eq!(answers, [true, true, true, true, true, false]);
}

#[test]
fn what_is_wrong_with_an_operation_is_said_with_its_line() {
    let open = r#"{"op":"begin_span","id":"a","of":"system"}"#;
    let mut other = Vec::new();
    for (op, told) in [
        ("{", "EOF while parsing an object (column 1)"),
        ("[]", "each line is an object in braces"),
        (r#"["stat"]"#, "each line is an object in braces"),
        ("stat", "each line is an object in braces"),
        ("{}", "missing field `op`"),
        (r#"{"op":"frob"}"#, "unknown variant `frob`, expected one of `open_conn`"),
        (r#"{"op":"done"}"#, "missing field `id`"),
        (r#"{"op":"done","id":7}"#, "expected a string"),
        (r#"{"op":"done","id":""}"#, "an id is not empty"),
        (r#"{"op":"done","id":"b","why":1}"#, "unknown field `why`, expected `id`"),
        (r#"{"op":"done","id":"b","id":"c"}"#, "duplicate field `id`"),
        (r#"{"op":"stat","op":"gc"}"#, "duplicate field `op`"),
        (r#"{"op":"stat","id":"b"}"#, "unknown field `id`"),
        (r#"{"op":"stat"} {"op":"stat"}"#, "trailing characters"),
        (r#"{"op":"begin_span","id":"a","of":"system"}"#, "\"a\" is taken"),
        (r#"{"op":"begin_span","id":"system","of":"system"}"#, "the name of a shared scope"),
        (r#"{"op":"begin_span","id":"peer:x","of":"system"}"#, "the name of a shared scope"),
        (
            r#"{"op":"set_peer","id":"a","peer":"p"}"#,
            "\"a\" is a span; this operation takes a connection",
        ),
        (r#"{"op":"set_protocol","id":"a","proto":"p"}"#, "takes a stream"),
        (r#"{"op":"grow","id":"a","amount":{},"prio":0}"#, "takes a reservation or ledger"),
        (r#"{"op":"split","id":"b","from":"a","amount":{}}"#, "takes a reservation"),
        (
            r#"{"op":"reserve","scope":"system","size":1.5,"prio":0}"#,
            "a whole number from -2^63 to 2^64-1",
        ),
        (r#"{"op":"reserve","scope":"system","size":1e400,"prio":0}"#, "number out of range"),
        (
            r#"{"op":"reserve","scope":"system","size":18446744073709551616,"prio":0}"#,
            "a whole number",
        ),
        (r#"{"op":"reserve","scope":"system","size":"5","prio":0}"#, "a whole number"),
        (r#"{"op":"reserve","scope":"system","size":5,"prio":256}"#, "expected u8"),
        (r#"{"op":"reserve","scope":"system","size":5}"#, "missing field `prio`"),
        (r#"{"op":"reserve","scope":"","size":5,"prio":0}"#, "not empty"),
        (
            r#"{"op":"set_limit","scope":"system","limit":{"Memory":-1}}"#,
            "a number from 0 to 2^64-1",
        ),
        (r#"{"op":"set_limit","scope":"system","limit":{"memory":1}}"#, "unknown field `memory`"),
        (r#"{"op":"open_stream","id":"b","peer":"p","dir":"up"}"#, "expected `in` or `out`"),
        (
            r#"{"op":"open_conn","id":"b","dir":"in","usefd":1,"endpoint":"/memory/1"}"#,
            "expected a boolean",
        ),
        (
            r#"{"op":"open_conn","id":"b","dir":"in","usefd":true,"endpoint":"/ip4/1.2.3"}"#,
            "is no endpoint such as /ip4/1.2.3.4/tcp/1",
        ),
        (r#"{"op":"allow_add","addr":"1.2.3.4"}"#, "is no entry such as /ip4/1.2.3.4"),
        (r#"{"op":"verify_source","addr":"1.2.3.4"}"#, "is no source such as 1.2.3.4:5"),
        (r#"{"op":"advance","ms":-1}"#, "expected u64"),
        (r#"{"op":"advance","ms":18446744073709551615}"#, "the clock would pass 36500 days"),
        (&format!(r#"{{"op":"done","id":"{}"}}"#, "x".repeat(1025)), "at most 1024 bytes"),
    ] {
        let error = error(&[HEADER, open, op]);
        if !error.starts_with("it.jsonl:3: ") || !error.contains(told) {
            other.push(format!("{op}: {error}"));
        }
    }
    assert_eq!(other, Vec::<String>::new());
}

#[test]
fn a_reservation_does_not_merge_with_itself() {
    let hold = r#"{"op":"hold","id":"a","scope":"system","size":5,"prio":255}"#;
    let error = error(&[HEADER, hold, r#"{"op":"merge","into":"a","from":"a"}"#]);
    assert!(
        error.contains("\"a\" is a reservation itself; this operation takes a second"),
        "{error}"
    );
}

#[test]
fn what_is_wrong_with_a_header_is_said() {
    let with = |field: &str| HEADER.replacen('{', &format!("{{{field},"), 1);
    for (header, told) in [
        ("{}".to_owned(), "missing field `base`"),
        (HEADER.replace("\"Conn\":{},", ""), "missing field `Conn`"),
        (with(r#""v":2"#), "version 2; 1 is the one"),
        (with(r#""limit":{}"#), "unknown field `limit`"),
        (with(r#""limits":{"System":{"Memory":-3}}"#), r#""blockAll", -1, -2 or a number"#),
        (with(r#""allowlist":["/dns4/x"]"#), "is no entry such as"),
        (with(r#""prefix_v4":[{"Network":"10.0.0.0/33","ConnCount":1}]"#), "invalid"),
        (with(r#""prefix_v4":[{"Network":"::/8","ConnCount":1}]"#), "invalid"),
        (
            with(r#""subnet_v4":[{"PrefixLength":33,"ConnCount":1}]"#),
            "subnet_v4: PrefixLength is 33; it is at most 32",
        ),
        (
            with(
                r#""subnet_v6":[{"PrefixLength":8,"ConnCount":1},{"PrefixLength":8,"ConnCount":2}]"#,
            ),
            "subnet_v6: /8 has two entries",
        ),
        (with(r#""rate":{"Global":{"RPS":-1,"Burst":1}}"#), "rate.Global: "),
        (with(r#""rate":{"Global":{"RPS":1,"Burst":-1}}"#), "expected u64"),
    ] {
        let error = error(&[&header]);
        assert!(error.starts_with("it.jsonl:1: "), "{header}: {error}");
        assert!(error.contains(told), "{header}: {error}");
    }
    assert!(error(&[""]).contains("it.jsonl: the file is empty; a script begins with its header"));
}

#[test]
fn what_is_no_text_is_an_error() {
    let mut text = format!("{HEADER}\n").into_bytes();
    text.extend(b"{\"op\":\"done\",\"id\":\"\xff\"}");
    let error = run(text).expect_err("it is no text").to_string();
    assert_eq!(error, "it.jsonl:2: the line is not UTF-8");
}

#[test]
fn a_packed_file_that_is_huge_is_left() {
    let folder = std::env::temp_dir().join(format!("rcmgr-script-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let pack = |text: &[u8]| {
        let mut writer = GzEncoder::new(Vec::new(), Compression::fast());
        writer.write_all(text).unwrap();
        writer.finish().unwrap()
    };
    let header = pack(format!("{HEADER}\n").as_bytes());
    let mut blank = vec![b' '; 1 << 20];
    let one_line = [header.clone(), pack(&blank).repeat(1 << 10)].concat();
    blank.iter_mut().step_by(1 << 16).for_each(|byte| *byte = b'\n');
    let many_lines = [header, pack(&blank).repeat(1 << 10)].concat();
    let errors = [one_line, many_lines].map(|packed| {
        let path = folder.join("it.jsonl.gz");
        std::fs::write(&path, packed).unwrap();
        Script::open(&path).and_then(finish).expect_err("it is huge").fault.to_string()
    });
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(errors[0], "a line is longer than 1048576 bytes");
    assert_eq!(errors[1], "the file is longer than 268435456 bytes when unpacked");
}

/// The same operation again and again, without an end.
struct Endless(&'static [u8], usize);

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        for byte in buffer.iter_mut() {
            *byte = self.0[self.1 % self.0.len()];
            self.1 += 1;
        }
        Ok(buffer.len())
    }
}

#[test]
fn a_script_without_end_ends() {
    let header = Cursor::new(format!("{HEADER}\n"));
    let reader = BufReader::new(header.chain(Endless(b"{\"op\":\"stat\"}\n", 0)));
    let error = Script::read("it.jsonl", reader).and_then(finish).expect_err("it has no end");
    assert_eq!(error.to_string(), "it.jsonl:1000002: a script has at most 1000000 operations");
}

#[test]
fn scopes_without_number_are_counted() {
    let mut text = format!("{HEADER}\n");
    for at in 0..20_000 {
        text += &format!("{{\"op\":\"begin_span\",\"id\":\"x{at}\",\"of\":\"system\"}}\n");
    }
    let error = run(text).expect_err("they are too many").to_string();
    assert!(error.contains("at most 10000 connections, streams, spans and names"), "{error}");
}

#[test]
fn a_thousand_spans_deep_is_answered() {
    let mut text = format!("{HEADER}\n{}\n", r#"{"op":"begin_span","id":"x0","of":"system"}"#);
    for at in 1..1000 {
        text += &format!("{{\"op\":\"begin_span\",\"id\":\"x{at}\",\"of\":\"x{}\"}}\n", at - 1);
    }
    assert_eq!(run(text).expect("each has an answer"), 1000);
}
