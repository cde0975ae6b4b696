//! How the program of a module beside this file is built. What runs one has this as a module of its
//! own: the benchmarks, and the tests against go-libp2p in `rcmgr-libp2p`.

use std::io;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// What Go says when a module cannot be had, as opposed to one that is wrong.
const UNREACHABLE: [&str; 6] =
    ["dial tcp", "no such host", "i/o timeout", "TLS handshake", "reading http", "GOPROXY=off"];

/// Go names the version that it would need.
const TOO_OLD: &str = "requires go >=";

/// Downloading the modules takes this long at most.
const DOWNLOAD: Duration = Duration::from_secs(300);

/// Builds the program of the module in a folder, or says what this machine lacks for it. Where it was
/// built before, there is little to do.
///
/// # Panics
/// If the program does not compile, or its modules are not what `go.sum` says.
pub fn build(module: &'static str, program: &Path) -> Result<(), String> {
    // Loading the packages downloads their modules, and compiles nothing.
    let (sender, loading) = mpsc::channel();
    thread::spawn(move || sender.send(go(module, &["list", "-deps", "."]).output()));
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

    let built = go(module, &["build", "-buildvcs=false", "-o"]).arg(program).arg(".").output();
    let built = built.map_err(|error| format!("go cannot be run: {error}"))?;
    assert!(built.status.success(), "go build failed:\n{}", said(&built));
    Ok(())
}

/// A command of Go, in the folder of a module.
pub fn go(module: &str, args: &[&str]) -> Command {
    let mut go = Command::new("go");
    go.args(args)
        .current_dir(module)
        // Nothing here downloads a toolchain, or changes the versions.
        .env("GOTOOLCHAIN", "local")
        .env("GOWORK", "off")
        .env("GOFLAGS", "-mod=readonly")
        .stdin(Stdio::null());
    go
}

/// What a command said on its standard error.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The line that says that this machine lacks something, if there is one.
fn why_not_here(loaded: &Output) -> Option<String> {
    let stderr = said(loaded);
    let is_lack =
        |line: &&str| UNREACHABLE.iter().chain([&TOO_OLD]).any(|lack| line.contains(lack));
    stderr.lines().find(is_lack).filter(|_| !loaded.status.success()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

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
