//! How the process is built, by the rules of the tests against go-libp2p in `rcmgr-libp2p`.

use std::env::{self, consts::EXE_EXTENSION};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::Duration;

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/go-libp2p");

/// What Go says when a module cannot be had, as opposed to one that is wrong.
const UNREACHABLE: [&str; 6] =
    ["dial tcp", "no such host", "i/o timeout", "TLS handshake", "reading http", "GOPROXY=off"];

/// Go names the version that it would need.
const TOO_OLD: &str = "requires go >=";

/// Downloading the modules takes this long at most.
const DOWNLOAD: Duration = Duration::from_secs(300);

/// The program, built once, or what this machine lacks for it. The build stays beside the program that
/// asks for it, and a second one has little to do.
///
/// # Panics
/// If the program does not compile, or its modules are not what `go.sum` says.
pub fn built() -> Result<&'static Path, &'static str> {
    static PROGRAM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    PROGRAM.get_or_init(build).as_deref().map_err(String::as_str)
}

fn build() -> Result<PathBuf, String> {
    // Loading the packages downloads their modules, and compiles nothing.
    let (sender, loading) = mpsc::channel();
    thread::spawn(move || sender.send(go(&["list", "-deps", "."]).output()));
    // What comes later than that is there the next time.
    let Ok(loaded) = loading.recv_timeout(DOWNLOAD) else {
        return Err(format!("its modules did not come within {DOWNLOAD:?}"));
    };
    let loaded = match loaded {
        Ok(loaded) => loaded,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err("no Go toolchain in PATH".into());
        }
        Err(error) => panic!("go cannot be run: {error}"),
    };
    if let Some(reason) = why_not_here(&loaded) {
        return Err(reason);
    }
    assert!(loaded.status.success(), "go list failed:\n{}", said(&loaded));

    let own = env::current_exe().map_err(|error| format!("no place for a build: {error}"))?;
    let program = own.with_file_name("peer-go-libp2p").with_extension(EXE_EXTENSION);
    let built = go(&["build", "-buildvcs=false", "-o"]).arg(&program).arg(".").output();
    let built = built.map_err(|error| format!("go cannot be run: {error}"))?;
    assert!(built.status.success(), "go build failed:\n{}", said(&built));
    Ok(program)
}

fn go(args: &[&str]) -> Command {
    let mut go = Command::new("go");
    go.args(args)
        .current_dir(SOURCE)
        // A benchmark downloads no toolchain, nor changes the versions.
        .env("GOTOOLCHAIN", "local")
        .env("GOWORK", "off")
        .env("GOFLAGS", "-mod=readonly")
        .stdin(Stdio::null());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_module_passes_its_own_checks() {
        if built().is_err() {
            // The test of the contenders says why.
            return;
        }
        for check in ["vet", "test"] {
            let checked = go(&[check, "."]).output().unwrap();
            let stdout = String::from_utf8_lossy(&checked.stdout);
            assert!(checked.status.success(), "go {check}:\n{stdout}{}", said(&checked));
        }
    }

    #[test]
    fn what_the_machine_lacks_is_told_from_what_is_wrong() {
        let output = |code: i32, stderr: &str| Output {
            status: Command::new("sh").args(["-c", &format!("exit {code}")]).status().unwrap(),
            stdout: Vec::new(),
            stderr: stderr.into(),
        };
        let lack = "go: dial tcp: lookup proxy.golang.org: no such host";
        let old = "go: go.mod requires go >= 1.26.0 (running go 1.21.0)";
        assert_eq!(why_not_here(&output(1, &format!("go: x\n{lack}\n"))).as_deref(), Some(lack));
        assert_eq!(why_not_here(&output(1, old)).as_deref(), Some(old));
        assert_eq!(why_not_here(&output(1, "main.go:1: syntax error")), None);
        assert_eq!(why_not_here(&output(0, lack)), None);
    }
}
