//! Counting by valgrind's callgrind, in a process for each count.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, io};

use thiserror::Error;

use super::TIMES;

/// The function within which is counted, as callgrind knows it, whichever way its name is mangled.
const FUNCTION: &str = "*counted_operations*";

/// What the counting process still has of the environment. The rest would move its stack.
const KEPT: [&str; 2] = ["PATH", "VALGRIND_LIB"];

/// Why nothing was counted.
#[derive(Debug, Error)]
pub enum NotCounted {
    /// Valgrind, or the place for its file, is not there.
    #[error("callgrind cannot be run: {0}")]
    NotRun(#[from] io::Error),
    /// The program or valgrind itself gave up.
    #[error("the operations under callgrind failed:\n{0}")]
    Failed(String),
    /// The file says nothing of the function.
    #[error("callgrind saw no function {FUNCTION}: were the program's symbols stripped?")]
    NoFunction,
}

/// The instructions of one operation, as the mean of [`TIMES`]. `program` makes the operations when
/// it is given `arguments`.
///
/// Valgrind puts everything at the same addresses each time, whatever the system does.
///
/// # Errors
/// See [`NotCounted`].
pub fn count(program: &Path, arguments: &[&str]) -> Result<f64, NotCounted> {
    let file = tempfile::NamedTempFile::new()?;
    let mut out = OsString::from("--callgrind-out-file=");
    out.push(file.path());
    let output = Command::new("valgrind")
        .args(["--command-line-only=yes", "--tool=callgrind"])
        .arg(format!("--toggle-collect={FUNCTION}"))
        .arg(out)
        .arg(program)
        .args(arguments)
        .env_clear()
        .envs(KEPT.into_iter().filter_map(|name| Some((name, env::var_os(name)?))))
        .stdin(Stdio::null())
        .output()?;
    if !output.status.success() {
        return Err(NotCounted::Failed(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    let total = total(&io::read_to_string(file)?).filter(|total| *total > 0);
    Ok(total.ok_or(NotCounted::NoFunction)? as f64 / TIMES as f64)
}

/// The total of a file of callgrind's.
fn total(file: &str) -> Option<u64> {
    file.lines().find_map(|line| line.strip_prefix("totals:"))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_is_read_from_a_file() {
        assert_eq!(total("events: Ir\nsummary: 12\n\nfn=(1)\n+1 12\n\ntotals: 12\n"), Some(12));
        assert_eq!(total("events: Ir\n"), None);
    }
}
