//! Runs `rcmgr node`, asks it, changes its limits and ends it.
#![cfg(unix)]

use std::{
    collections::VecDeque,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Long enough for a slow machine; only a test that fails takes it.
const PATIENCE: Duration = Duration::from_secs(60);

const TOKEN: &str = "0123456789abcdef";

/// The program, which nothing in the environment of the tests tells about limits.
fn rcmgr() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rcmgr"));
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("RCMGR_") {
            command.env_remove(name);
        }
    }
    command
}

/// A program that is ended with the test, and a file of what it says on the other output.
struct Running {
    child: Child,
    said: tempfile::NamedTempFile,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    fn start(command: &mut Command) -> Running {
        let said = tempfile::NamedTempFile::new().expect("there is room");
        command.stderr(said.reopen().expect("it is there"));
        Running { child: command.spawn().expect("the program starts"), said }
    }

    fn said(&self) -> String {
        fs::read_to_string(self.said.path()).expect("it is UTF-8")
    }

    /// Its exit code, and what it has said on the other output.
    fn end(mut self) -> (Option<i32>, String) {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("it is a child") {
                break status;
            }
            assert!(start.elapsed() < PATIENCE, "it does not end");
            thread::sleep(Duration::from_millis(10));
        };
        (status.code(), self.said())
    }
}

/// What `rcmgr node` says that ends by itself.
fn refused(command: &mut Command) -> (Option<i32>, String) {
    Running::start(command.stdout(Stdio::null())).end()
}

/// A node that runs, with a folder of its own.
struct Node {
    running: Running,
    told: Value,
    folder: tempfile::TempDir,
}

impl Node {
    /// Starts a node with a file of limits and these arguments.
    fn start(limits: &str, arguments: &[&str]) -> Node {
        let folder = tempfile::tempdir().expect("there is room");
        fs::write(folder.path().join("limits.yaml"), limits).expect("it can be written");
        let mut command = rcmgr();
        command.args(["node", "--json", "--config", "limits.yaml"]).args(arguments);
        Node::of(command, folder)
    }

    fn of(mut command: Command, folder: tempfile::TempDir) -> Node {
        let mut running = Running::start(command.current_dir(folder.path()).stdout(Stdio::piped()));
        let stdout = running.child.stdout.take().expect("it is a pipe");
        let (tell, told) = mpsc::channel();
        thread::spawn(move || {
            let mut line = String::new();
            let read = BufReader::new(stdout).read_line(&mut line);
            // Nobody waits any more where the test has failed.
            let _ = tell.send(read.map(|_| line));
        });
        let line = told.recv_timeout(PATIENCE).expect("it tells in time").expect("it is UTF-8");
        let told = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        Node { running, told, folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("limits.yaml")
    }

    fn url(&self) -> &str {
        self.told["admin"].as_str().expect("it has an admin interface")
    }

    /// Runs `rcmgr limits` and gives its output, the other, and the exit code.
    fn limits(&self, arguments: &[&str]) -> (String, String, Option<i32>) {
        let mut command = rcmgr();
        let command = command.arg("limits").args(arguments).args(["--node", self.url()]);
        let command = command.current_dir(self.folder.path());
        let Output { status, stdout, stderr } = command.output().expect("the program starts");
        let text = |bytes| String::from_utf8(bytes).expect("the output is UTF-8");
        (text(stdout), text(stderr), status.code())
    }

    /// What it says of its connections.
    fn connections(&self) -> Value {
        let mut command = rcmgr();
        command.args(["connections", "show", "--json", "--node", self.url()]);
        let Output { status, stdout, stderr } = command.output().expect("the program starts");
        assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
        serde_json::from_slice(&stdout).expect("it is JSON")
    }

    /// Puts a file into it.
    fn apply(&self, limits: &str, arguments: &[&str]) -> (String, String, Option<i32>) {
        fs::write(self.folder.path().join("new.yaml"), limits).expect("it can be written");
        self.limits(&[&["apply", "new.yaml"], arguments].concat())
    }

    /// The version in effect, by a trial that changes nothing.
    fn version(&self) -> u64 {
        let (out, err, code) = self.apply("{}", &["--dry-run"]);
        assert_eq!((err.as_str(), code), ("", Some(0)), "{out}");
        let version = out.rsplit_once("version ").and_then(|(_, rest)| rest.split(' ').next());
        version.and_then(|version| version.parse().ok()).unwrap_or_else(|| panic!("{out}"))
    }

    fn until_version(&self, version: u64) {
        let start = Instant::now();
        while self.version() != version {
            assert!(start.elapsed() < PATIENCE, "version {version} does not come");
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn until_log(&self, what: &str) {
        let start = Instant::now();
        while !self.running.said().contains(what) {
            assert!(start.elapsed() < PATIENCE, "{what} is not logged");
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.running.child);
        kill_process(pid, signal).expect("it runs");
    }

    /// Ends it, as a service manager does.
    fn end(self) -> (Option<i32>, String) {
        self.signal(Signal::TERM);
        self.running.end()
    }
}

fn streams(limit: u64) -> String {
    format!("limits: {{system: {{streams: {limit}}}}}\n")
}

const LOOPBACK: [&str; 2] = ["--admin", "127.0.0.1:0"];

/// Whether a log warns of nothing.
fn is_calm(said: &str) -> bool {
    !["WARN", "ERROR", "panicked"].iter().any(|word| said.contains(word))
}

#[test]
fn it_tells_where_it_is_and_ends_when_it_is_asked_to() {
    for signal in [Signal::TERM, Signal::INT] {
        let node = Node::start(&streams(100), &LOOPBACK);
        assert!(node.url().starts_with("http://127.0.0.1:"), "{}", node.url());
        let peer = node.told["peer"].as_str().expect("it has an identity");
        let address = node.told["address"].as_str().expect("it listens");
        assert!(address.starts_with("/ip4/127.0.0.1/tcp/") && address.ends_with(peer), "{address}");
        assert_eq!(node.version(), 1);
        node.signal(signal);
        let (code, said) = node.running.end();
        assert!(code == Some(0) && is_calm(&said), "{code:?} {said}");
    }
}

#[test]
fn a_socket_is_removed_when_it_ends() {
    let node = Node::start(&streams(100), &["--admin", "unix:admin.sock"]);
    let socket = node.folder.path().join("admin.sock");
    assert!(socket.exists() && node.url().starts_with("unix:"), "{}", node.url());
    assert_eq!(node.version(), 1);
    node.signal(Signal::TERM);
    let Node { running, folder, .. } = node;
    let (code, said) = running.end();
    assert!(code == Some(0) && is_calm(&said), "{code:?} {said}");
    assert!(!socket.exists());
    drop(folder);
}

#[test]
fn other_machines_are_let_in_only_with_a_token() {
    let (code, said) = refused(rcmgr().args(["node", "--admin", "0.0.0.0:0"]));
    assert_eq!((code, said.lines().count()), (Some(2), 1), "{said}");
    assert!(said.starts_with("rcmgr: 0.0.0.0:0: it can be reached from other machines"), "{said}");

    let folder = tempfile::tempdir().expect("there is room");
    let mut command = rcmgr();
    command.env("RCMGR_ADMIN_TOKEN", TOKEN).args(["node", "--json", "--admin", "0.0.0.0:0"]);
    let node = Node::of(command, folder);
    let (_, err, code) = node.apply("{}", &[]);
    assert!(err.contains("the node wants a token"), "{err}");
    assert_eq!(code, Some(1));
    let token = node.folder.path().join("token");
    fs::write(&token, TOKEN).expect("it can be written");
    restrict(&token);
    let (out, err, code) = node.apply("{}", &["--token-file", "token"]);
    assert_eq!((err.as_str(), code), ("", Some(0)), "{out}");
    assert_eq!(node.end().0, Some(0));
}

fn restrict(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("it is ours");
}

#[test]
fn what_it_cannot_start_with_is_told() {
    let folder = tempfile::tempdir().expect("there is room");
    let path = folder.path().join("limits.yaml");
    fs::write(&path, "limits:\n  sytem: {}\n  peer: {streams: many}\n").expect("it is written");
    let node = || {
        let mut command = rcmgr();
        command.current_dir(folder.path()).args(["node", "--admin", "127.0.0.1:0"]);
        command
    };
    let (code, said) = refused(node().args(["--config", "limits.yaml"]));
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("limits.yaml:2:3") && said.contains("limits.yaml:3:19"), "{said}");
    assert!(said.contains("did you mean \"system\"?"), "{said}");
    let (code, said) = refused(node().args(["--config", "none.yaml"]));
    assert_eq!((code, said.lines().count()), (Some(2), 1), "{said}");
    assert!(said.contains("none.yaml: No such file"), "{said}");
    let (code, said) = refused(node().args(["--set", "limits.peer.stream=1"]));
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("did you mean \"streams\"?"), "{said}");
    let (code, said) = refused(node().env("RCMGR_PEER_STREAMS", "many"));
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("$RCMGR_PEER_STREAMS"), "{said}");
    let (code, said) = refused(node().args(["--token-file", "none"]));
    assert_eq!((code, said.lines().count()), (Some(1), 1), "{said}");
}

#[test]
fn a_file_is_put_into_it() {
    let node = Node::start(&streams(100), &LOOPBACK);
    let change = "limits.system.streams: 100 -> 200\n";
    let (out, err, code) = node.apply(&streams(200), &["--dry-run"]);
    assert_eq!(out, format!("{change}nothing was changed; version 1 is in effect\n"));
    assert_eq!((err.as_str(), code), ("", Some(0)));
    let (out, ..) = node.apply(&streams(200), &["--if-version", "1"]);
    assert_eq!(out, format!("{change}version 2 is in effect\n"));
    assert_eq!(fs::read_to_string(node.file()).ok(), Some(streams(100)));

    let (out, err, code) = node.apply(&streams(300), &["--if-version", "1"]);
    assert_eq!((out.as_str(), code), ("", Some(1)));
    assert!(err.contains("the node refuses: version 2 is in force, not 1"), "{err}");
    let (out, err, code) = node.apply("limits: {peer: {stream: 1}}", &[]);
    assert_eq!((out.as_str(), code), ("", Some(2)));
    assert!(err.contains("new.yaml:1:17"), "{err}");

    let (out, ..) = node.apply(&streams(200), &["--persist"]);
    assert_eq!(out, "nothing changes; version 2 is in effect\n");
    let (out, ..) = node.apply(&streams(300), &["--persist"]);
    assert_eq!(out, "limits.system.streams: 200 -> 300\nversion 3 is in effect\n");
    let written = fs::read_to_string(node.file()).ok();
    assert_eq!(written.as_deref(), Some("limits:\n  system:\n    streams: 300\n"));
    assert_eq!(node.end().0, Some(0));
}

#[test]
fn a_signal_makes_it_read_the_file_again() {
    let node = Node::start(&streams(100), &LOOPBACK);
    node.apply(&streams(200), &[]);
    assert_eq!(node.version(), 2);
    node.signal(Signal::HUP);
    node.until_version(3);
    fs::write(node.file(), streams(400)).expect("it can be written");
    node.until_version(4);
    fs::write(node.file(), "limits: {sytem: {}}").expect("it can be written");
    node.signal(Signal::HUP);
    node.until_log("is not in effect");
    assert_eq!(node.version(), 4);
    let (code, said) = node.end();
    assert_eq!(code, Some(0), "{said}");
    assert_eq!(said.matches("is not in effect, and the limits stay as they are").count(), 1);
    assert_eq!(said.matches("limits changed").count(), 3, "{said}");
}

#[test]
fn watermarks_and_quotas_that_change_in_the_file_take_effect() {
    let text = |high: u32, min: u32| {
        format!(
            "limits: {{system: {{connections: 100, connections-inbound: 100}}}}\n\
             connection-manager: {{high-watermark: {high}, quotas: {{/work/1: {{minimum: {min}}}}}}}\n"
        )
    };
    let node = Node::start(&text(40, 10), &LOOPBACK);
    let told = |node: &Node| {
        let told = node.connections();
        (told["share"].as_u64(), told["protocols"][0]["min"].as_u64())
    };
    assert_eq!(told(&node), (Some(40), Some(10)));
    fs::write(node.file(), text(60, 20)).expect("it can be written");
    node.until_log("follows: connection-manager.high-watermark: 40 -> 60");
    node.until_log("follows: connection-manager.quotas.\"/work/1\".minimum: 10 -> 20");
    assert_eq!(told(&node), (Some(60), Some(20)));
    fs::write(node.file(), text(100, 20)).expect("it can be written");
    node.until_log("stays as it was: error: connection-manager.high-watermark is 100");
    assert_eq!(told(&node), (Some(60), Some(20)));
    assert_eq!(node.end().0, Some(0));
}

#[test]
fn what_becomes_of_each_quota_is_told_by_its_key() {
    let text = |high: u32, of_a: u32, of_b: u32| {
        format!(
            "limits: {{system: {{connections: 100, connections-inbound: 100}}}}\n\
             connection-manager:\n  high-watermark: {high}\n  quotas:\n    \
             /a: {{minimum: {of_a}}}\n    /b: {{minimum: {of_b}}}\n"
        )
    };
    let node = Node::start(&text(60, 20, 20), &LOOPBACK);
    let key = |name: &str| format!("connection-manager.quotas.\"{name}\".minimum");
    fs::write(node.file(), text(60, 50, 10)).expect("it can be written");
    node.until_log(&format!("{} is 50 connections, and 47 are left", key("/a")));
    node.until_log(&format!("follows: {}: 20 -> 10", key("/b")));
    fs::write(node.file(), text(60, 20, 20)).expect("it can be written");
    node.until_log("\"/a\" has the quota that is said");
    fs::write(node.file(), text(30, 20, 20)).expect("it can be written");
    node.until_log(&format!("{} is 20 connections, and 14 are kept", key("/a")));
    node.until_log(&format!("{} is 20 connections, and 14 are kept", key("/b")));
    fs::write(node.file(), text(60, 20, 20)).expect("it can be written");
    node.until_log("\"/b\" has the quota that is said");
    assert_eq!(node.end().0, Some(0));
}

#[test]
fn a_node_without_a_manager_of_connections_says_so() {
    let kubo = r#"{"Swarm": {"ResourceMgr": {"MaxMemory": "1GiB", "MaxFileDescriptors": 512},
                   "ConnMgr": {"Type": "none", "HighWater": 1}}}"#;
    let node = Node::start(kubo, &[LOOPBACK.as_slice(), &["--from", "kubo"]].concat());
    let mut command = rcmgr();
    let asked = command.args(["connections", "show", "--node", node.url()]).output();
    let Output { status, stderr, .. } = asked.expect("the program starts");
    let told = String::from_utf8_lossy(&stderr);
    assert_eq!(status.code(), Some(1), "{told}");
    assert!(told.contains("connection-manager.type is none (limits.yaml:2)"), "{told}");
    fs::write(node.file(), kubo.replace("none", "basic")).expect("it can be written");
    node.until_log(
        "connection-manager.type is regulator (default), when the node is started again",
    );
    assert_eq!(node.end().0, Some(0));
}

#[test]
fn a_peer_that_cannot_be_is_not_asked_for() {
    let mut command = rcmgr();
    command.args(["connections", "explain", "12D3KooWNope", "--node", "http://127.0.0.1:1"]);
    let (code, said) = refused(&mut command);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("it is no peer: write a peer id such as 12D3KooW"), "{said}");
}

#[test]
fn what_is_over_in_it_is_told_by_a_comparison() {
    let node = Node::start("memory: 1GiB\n", &LOOPBACK);
    let _connections = Connections::to(&node);
    fs::write(node.folder.path().join("none.yaml"), "limits: {system: {connections: block}}")
        .expect("it can be written");
    let (out, err, code) = node.limits(&["diff", "limits.yaml", "none.yaml", "--fd", "2048"]);
    assert_eq!((err.as_str(), code), ("", Some(1)), "{out}");
    assert!(out.contains("limits.system.connections: 256 -> block"), "{out}");
    let is_over =
        |line: &str| line.starts_with("over: the system holds ") && line.contains(" connections, ");
    assert!(out.lines().any(is_over), "{out}");
    let (_, _, code) = node.limits(&["diff", "limits.yaml", "limits.yaml"]);
    assert_eq!(code, Some(0));
}

#[test]
fn connections_take_the_base_memory_of_the_file() {
    let base_memory = "memory: 1GiB\nbase-memory: {tcp: {connection: 24MiB}}\n";
    let node = Node::start(base_memory, &LOOPBACK);
    let _connections = Connections::to(&node);
    fs::write(node.folder.path().join("less.yaml"), "limits: {transient: {memory: 23MiB}}")
        .expect("it can be written");
    let (out, err, _) = node.limits(&["diff", "limits.yaml", "less.yaml", "--fd", "2048"]);
    assert_eq!(err, "", "{out}");
    let is_over = |line: &str| {
        // One connection has 25,165,824 bytes.
        line.starts_with("over: the transient scope holds ") && line.contains(" bytes of memory, ")
    };
    assert!(out.lines().any(is_over), "{out}");
}

/// There is always a connection to a node that does not finish its handshake. The node cuts each
/// off after a while, and gets another one before that.
struct Connections(#[expect(dead_code, reason = "its end is what stops them")] mpsc::Sender<()>);

impl Connections {
    fn to(node: &Node) -> Connections {
        const BETWEEN: Duration = Duration::from_millis(300);
        let address = node.told["address"].as_str().expect("it listens");
        let port = address.split('/').nth(4).and_then(|port| port.parse::<u16>().ok());
        let port = port.expect("it has a port");
        let (stop, stopped) = mpsc::channel();
        let mut open = VecDeque::from([connected(port)]);
        thread::spawn(move || {
            while stopped.recv_timeout(BETWEEN) == Err(RecvTimeoutError::Timeout) {
                open.push_back(connected(port));
                if open.len() > 4 {
                    open.pop_front();
                }
            }
        });
        Connections(stop)
    }
}

/// A connection that the node has taken.
fn connected(port: u16) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("it is not 0");
    stream.write_all(b"\x13/multistream/1.0.0\n").expect("it reads");
    stream.read_exact(&mut [0; 20]).expect("it speaks");
    stream
}
