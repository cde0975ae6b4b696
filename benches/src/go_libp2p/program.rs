//! The program that is measured, built once.

use std::env::{self, consts::EXE_EXTENSION};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::peers;

const MODULE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/go-libp2p");

/// The program, built once, or what this machine lacks for it. The build stays beside the program that
/// asks for it.
///
/// # Panics
/// If the program does not compile, or its modules are not what `go.sum` says.
pub fn built() -> Result<&'static Path, &'static str> {
    static PROGRAM: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    PROGRAM.get_or_init(build).as_deref().map_err(String::as_str)
}

fn build() -> Result<PathBuf, String> {
    let own = env::current_exe().map_err(|error| format!("no place for a build: {error}"))?;
    let program = own.with_file_name("peer-go-libp2p").with_extension(EXE_EXTENSION);
    peers::build(MODULE, &program)?;
    Ok(program)
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
            let checked = peers::go(MODULE, &[check, "."]).output().unwrap();
            let stdout = String::from_utf8_lossy(&checked.stdout);
            assert!(checked.status.success(), "go {check}:\n{stdout}{}", peers::said(&checked));
        }
    }
}
