//! The examples run, and the limited chat is the other one but for its transport.

// Helpers outside of test functions fail the test just as well.
#![allow(clippy::unwrap_used)]

use std::{
    env,
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, ChildStdin, Command, Output, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

/// For an example that hangs.
const LONG: Duration = Duration::from_secs(20);

/// Where cargo puts the examples that it builds for a whole run of tests.
fn example(name: &str) -> PathBuf {
    let test = env::current_exe().unwrap();
    let profile = test.parent().and_then(|deps| deps.parent()).unwrap();
    let example = profile.join("examples").join(name).with_extension(env::consts::EXE_EXTENSION);
    assert!(example.exists(), "not built; `cargo build -p rcmgr-libp2p --examples` does");
    example
}

/// What an example prints, from start to end.
fn output(name: &str) -> String {
    let running = Command::new(example(name)).stdout(Stdio::piped()).spawn().unwrap();
    let (ended, outcome) = mpsc::channel();
    thread::spawn(move || ended.send(running.wait_with_output()));
    let Output { status, stdout, .. } = outcome.recv_timeout(LONG).unwrap().unwrap();
    assert!(status.success(), "{status}");
    String::from_utf8(stdout).unwrap()
}

#[test]
fn uploads_are_taken_while_their_service_has_room() {
    let output = output("services");
    for line in [
        "client: 1048576 bytes were taken",
        "client: 2097152 bytes were taken",
        "client: 8388608 bytes were refused",
    ] {
        assert!(output.contains(line), "{output}");
    }
    assert!(output.contains(r#"service "files" has no room for 8388608 more bytes"#), "{output}");
}

#[test]
fn each_refusal_is_told() {
    let output = output("refusals");
    let beginnings = [
        "own dial: the system has no room",
        "own dial: not by limits of this node",
        "connection of another: the system has no room",
        "own stream: the system has no room",
        r#"own protocol: protocol "/echo/1" has no room"#,
        "with room: answered",
    ];
    for beginning in beginnings {
        assert!(output.lines().any(|line| line.starts_with(beginning)), "{beginning}: {output}");
    }
}

/// Somebody who chats.
struct Chat {
    process: Child,
    keyboard: ChildStdin,
    lines: Receiver<String>,
}

impl Drop for Chat {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Chat {
    fn start(name: &str, to: Option<&str>) -> Chat {
        let mut command = Command::new(example(name));
        command.args(to).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let keyboard = process.stdin.take().unwrap();
        let screen = BufReader::new(process.stdout.take().unwrap());
        let (print, lines) = mpsc::channel();
        thread::spawn(move || screen.lines().try_for_each(|line| print.send(line.unwrap())));
        Chat { process, keyboard, lines }
    }

    fn type_in(&mut self, line: &str) {
        writeln!(self.keyboard, "{line}").unwrap();
    }

    /// The next line of a kind.
    fn find<T>(&self, kind: impl Fn(&str) -> Option<T>) -> T {
        loop {
            if let Some(found) = kind(&self.lines.recv_timeout(LONG).unwrap()) {
                return found;
            }
        }
    }

    fn hears(&self, text: &str) {
        self.find(|line| (line.strip_prefix("> ")? == text).then_some(()));
    }
}

#[test]
fn those_who_chat_with_limits_and_without_hear_each_other() {
    let mut limited = Chat::start("chat_limited", None);
    let address = limited.find(|line| Some(line.strip_prefix("listening on ")?.to_owned()));
    let mut other = Chat::start("chat", Some(&address));
    for chat in [&limited, &other] {
        chat.find(|line| line.ends_with(" is here").then_some(()));
    }
    limited.type_in("hello");
    other.hears("hello");
    other.type_in("hello to you");
    limited.hears("hello to you");
}

#[test]
fn the_limited_chat_differs_in_one_expression() {
    let code = |source: &'static str| {
        source.lines().skip_while(|line| line.starts_with("//!")).collect::<Vec<_>>()
    };
    let before = code(include_str!("../examples/chat.rs"));
    let after = code(include_str!("../examples/chat_limited.rs"));
    let same = |a: &mut dyn Iterator<Item = (&&str, &&str)>| a.take_while(|(a, b)| a == b).count();
    let start = same(&mut before.iter().zip(&after));
    let end = same(&mut before.iter().rev().zip(after.iter().rev()));
    let differs = |lines: &[&str]| {
        let lines = &lines[start..lines.len() - end];
        lines.iter().map(|line| line.trim()).collect::<String>()
    };
    // The end of the call, `)?`, is the same in both.
    let (before, after) = (differs(&before), differs(&after));
    assert!(before.starts_with(".with_tcp("), "{before}");
    assert!(after.starts_with(".with_other_transport(|key| {"), "{after}");
    let calls = |text: &str| text.matches(".with_").count();
    assert_eq!(calls(&before), 1, "{before}");
    assert!(!after.contains(".with_behaviour"), "{after}");
}
