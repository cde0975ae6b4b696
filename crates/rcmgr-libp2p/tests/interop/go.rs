//! The go-libp2p host: how it is built, and how it is told what to do.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    process::Stdio,
};

use libp2p::Multiaddr;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::OnceCell,
};

use crate::{common::within, peers};

const MODULE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../benches/peers/interop");

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
    let program = Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join("interop")
        .with_extension(std::env::consts::EXE_EXTENSION);
    let build = move || peers::build(MODULE, &program).map(|()| program);
    tokio::task::spawn_blocking(build).await.unwrap()
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
