//! What a run was made on.

use std::process::Command;
use std::time::SystemTime;
use std::{fs, thread};

/// The machine, the compiler and the sources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// The processor, as it calls itself.
    pub processor: String,
    /// How many cores this process may use.
    pub cores: usize,
    /// What `rustc --version` says.
    pub rustc: String,
    /// The commit, and whether anything was changed since.
    pub commit: String,
    /// How many threads wanted to run when it began, on average of a minute: what else the machine
    /// does.
    pub load: String,
    /// The day, as in 2026-01-31, by UTC.
    pub date: String,
}

impl Machine {
    /// This machine, now. What it does not tell is "unknown".
    pub fn now() -> Self {
        let commit = output("git", &["rev-parse", "--short=12", "HEAD"]);
        let changed = output("git", &["status", "--porcelain", "--untracked-files=no"]);
        let commit = match (commit, changed) {
            (Some(commit), Some(changed)) if changed.is_empty() => commit,
            (Some(commit), _) => format!("{commit}, with changes"),
            (None, _) => UNKNOWN.into(),
        };
        let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
        Machine {
            processor: processor().unwrap_or_else(|| UNKNOWN.into()),
            cores: cores(),
            rustc: output("rustc", &["--version"]).unwrap_or_else(|| UNKNOWN.into()),
            commit,
            load: load().unwrap_or_else(|| UNKNOWN.into()),
            date: now.chars().take_while(|letter| *letter != 'T').collect(),
        }
    }
}

/// What a machine does not tell.
pub(crate) const UNKNOWN: &str = "unknown";

/// How many threads may run at once.
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, |cores| cores.get())
}

fn load() -> Option<String> {
    let loads = fs::read_to_string("/proc/loadavg").ok()?;
    loads.split_whitespace().next().map(String::from)
}

fn processor() -> Option<String> {
    let info = fs::read_to_string("/proc/cpuinfo").ok()?;
    let field = |name: &str| {
        let line = info.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let name = field("model name")?;
    // A machine that hides its name still tells its family and model.
    Some(match (field("cpu family"), field("model\t")) {
        (Some(family), Some(model)) => format!("{name} (family {family}, model {model})"),
        _ => name,
    })
}

/// What a program says, if it is there and does not fail.
pub(crate) fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
