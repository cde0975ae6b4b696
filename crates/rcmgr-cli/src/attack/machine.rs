//! The machine of a run, by which its numbers can be read.

use std::{fs, process::Command, thread};

/// What is known of it; what is not known is empty.
#[derive(Clone, Debug)]
pub struct Machine {
    pub processor: String,
    pub cores: usize,
    pub kernel: String,
    pub rustc: String,
    pub commit: String,
    /// The load average of the last minute before the run: what others did beside it.
    pub load: String,
    pub release: bool,
}

impl Machine {
    pub fn this() -> Machine {
        let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpu.lines().find_map(|line| line.strip_prefix("model name"));
        let model = model.and_then(|line| line.split_once(':')).map(|(_, name)| name);
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let load = read("/proc/loadavg");
        Machine {
            processor: model.unwrap_or_default().trim().to_owned(),
            cores: thread::available_parallelism().map_or(0, |cores| cores.get()),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            rustc: told("rustc", &["--version"]),
            commit: told("git", &["describe", "--always", "--dirty", "--abbrev=12"]),
            load: load.split(' ').next().unwrap_or_default().to_owned(),
            release: !cfg!(debug_assertions),
        }
    }
}

/// What a tool says in one line, where it is there.
fn told(tool: &str, arguments: &[&str]) -> String {
    let output = Command::new(tool).args(arguments).output();
    let text = output.ok().filter(|output| output.status.success()).map(|output| output.stdout);
    text.map(|text| String::from_utf8_lossy(&text).trim().to_owned()).unwrap_or_default()
}
