//! The go-libp2p host: how it is built, and how it is told what to do.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};

use libp2p::Multiaddr;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::OnceCell,
};

use crate::common::within;

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../benches/peers/interop");

/// What Go says when a module cannot be had, as opposed to one that is wrong.
const UNREACHABLE: [&str; 6] =
    ["dial tcp", "no such host", "i/o timeout", "TLS handshake", "reading http", "GOPROXY=off"];

/// Go names the version that it would need.
const TOO_OLD: &str = "requires go >=";

/// Downloading the modules takes this long at most.
const DOWNLOAD: Duration = Duration::from_secs(300);

/// The program, built once for all tests, or `None` where it cannot be built. The build stays
/// where the others of this package are, and a second one has little to do.
///
/// # Panics
/// If the program does not compile, or its modules are not what `go.sum` says.
pub async fn program() -> Option<&'static Path> {
    static PROGRAM: OnceCell<Result<PathBuf, String>> = OnceCell::const_new();
    match PROGRAM.get_or_init(build_or_say_why_not).await {
        Ok(program) => Some(program),
        Err(_) => None,
    }
}

async fn build_or_say_why_not() -> Result<PathBuf, String> {
    let built = build().await;
    if let Err(reason) = &built {
        // The output of tests that pass is hidden, unless it goes this way.
        let _ = writeln!(io::stderr(), "interop with go-libp2p: skipped: {reason}");
    }
    built
}

async fn build() -> Result<PathBuf, String> {
    // Loading the packages downloads their modules, and compiles nothing.
    let loading = match go(&["list", "-deps", "."]).spawn() {
        Ok(child) => child.wait_with_output(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err("no Go toolchain in PATH".into());
        }
        Err(error) => panic!("go cannot be run: {error}"),
    };
    let Ok(loaded) = tokio::time::timeout(DOWNLOAD, loading).await else {
        return Err(format!("its modules did not come within {DOWNLOAD:?}"));
    };
    let loaded = loaded.unwrap();
    if let Some(reason) = why_not_here(&loaded) {
        return Err(reason);
    }
    assert!(loaded.status.success(), "go list failed:\n{}", said(&loaded));

    let program = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("interop")
        .with_extension(std::env::consts::EXE_EXTENSION);
    let output = program.to_str().expect("paths of Cargo are UTF-8");
    let built = go(&["build", "-buildvcs=false", "-o", output, "."]).output().await.unwrap();
    assert!(built.status.success(), "go build failed:\n{}", said(&built));
    Ok(program)
}

fn go(args: &[&str]) -> Command {
    let mut go = Command::new("go");
    go.args(args)
        .current_dir(SOURCE)
        // A test downloads no toolchain, nor changes the versions.
        .env("GOTOOLCHAIN", "local")
        .env("GOWORK", "off")
        .env("GOFLAGS", "-mod=readonly")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    go
}

/// The line that says that this machine lacks something, if there is one.
fn why_not_here(loaded: &Output) -> Option<String> {
    let stderr = said(loaded);
    let is_lack =
        |line: &&str| UNREACHABLE.iter().chain([&TOO_OLD]).any(|lack| line.contains(lack));
    stderr.lines().find(is_lack).filter(|_| !loaded.status.success()).map(str::to_owned)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A running host. It is killed when it is dropped.
pub struct Go {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Go {
    pub fn start(program: &Path, command: &str, to: &Multiaddr, args: &[&str]) -> Go {
        let mut child = Command::new(program)
            .args([command, "-to", &to.to_string()])
            .args(args)
            // Nothing here needs large buffers.
            .env("QUIC_GO_DISABLE_RECEIVE_BUFFER_WARNING", "true")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let input = child.stdin.take().expect("it is piped");
        let output = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        Go { child, input, output }
    }

    /// What it saw in the step that it has begun.
    pub async fn report(&mut self) -> Value {
        let line = within(self.output.next_line()).await.unwrap();
        let line = line.expect("it reports every step, or says on its standard error why not");
        serde_json::from_str(&line).unwrap()
    }

    /// Lets it begin the next step, and waits for what it saw.
    pub async fn next(&mut self) -> Value {
        self.input.write_all(b"\n").await.unwrap();
        self.report().await
    }

    /// Waits until it has left.
    pub async fn leave(self) {
        let Go { mut child, input, .. } = self;
        drop(input);
        let status = within(child.wait()).await.unwrap();
        assert!(status.success(), "{status}");
    }
}
