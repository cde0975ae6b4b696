//! Shows that the models can fail: breaks a copy of the engine, and of the connection manager's
//! locks, in one way after another, runs the models on each, and prints which model caught which.
//!
//! `cargo run -p rcmgr-loom-tests --bin mutations [NAME…]`; exits with 1 if one is not caught.
//! The copy lies under the target directory.

mod engine;
mod locks;
mod mutation;

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use mutation::SOURCES;

fn main() -> ExitCode {
    match run(&std::env::args().skip(1).collect::<Vec<_>>()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(io::stderr(), "mutations: {error}");
            ExitCode::from(2)
        }
    }
}

/// Whether all were caught.
fn run(wanted: &[String]) -> Result<bool, Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize()?;
    let copy = root.join("target/mutations");
    prepare(&root, &copy)?;
    // All of them now: the models take long.
    let all = || SOURCES.iter().flat_map(|from| from.mutations.iter().map(move |it| (from, it)));
    for (sources, mutation) in all() {
        sources.read(&copy, mutation)?;
    }
    let mut out = io::stdout().lock();

    let untouched = failures(&copy)?;
    if !matches!(&untouched, Outcome::Ran(failed) if failed.is_empty()) {
        return Err(format!("the models fail on the engine as it is: {untouched:?}").into());
    }
    writeln!(out, "| mutation | file | caught by |\n|---|---|---|")?;
    let mut all_caught = true;
    for (sources, mutation) in all() {
        if !wanted.is_empty() && !wanted.iter().any(|name| mutation.name.contains(name.as_str())) {
            continue;
        }
        let (file, source) = sources.read(&copy, mutation)?;
        fs::write(&file, source.replace(mutation.find, mutation.put))?;
        let outcome = failures(&copy);
        fs::write(&file, source)?;
        let caught = match outcome? {
            Outcome::DoesNotCompile(why) => {
                return Err(format!("`{}` does not compile:\n{why}", mutation.name).into());
            }
            Outcome::Ran(failed) if failed.is_empty() => {
                all_caught = false;
                "**nothing**".to_owned()
            }
            Outcome::Ran(failed) => failed.into_iter().collect::<Vec<_>>().join(", "),
        };
        writeln!(out, "| {} | `{}` | {caught} |", mutation.name, mutation.file)?;
        out.flush()?;
    }
    Ok(all_caught)
}

#[derive(Debug)]
enum Outcome {
    DoesNotCompile(String),
    /// The files of the models that failed.
    Ran(BTreeSet<String>),
}

/// Runs all models of the copy; not what tests this program, which knows the engine as it is.
fn failures(copy: &Path) -> Result<Outcome, Box<dyn Error>> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let build = |arguments: &[&str]| {
        Command::new(&cargo)
            .args(["test", "--quiet", "--offline", "-p", "rcmgr-loom-tests", "--test", "*"])
            .args(arguments)
            .current_dir(copy)
            .env("CARGO_TARGET_DIR", copy.join("target"))
            .env("RUSTFLAGS", "-Awarnings")
            .env("RUST_BACKTRACE", "0")
            .output()
    };
    let built = build(&["--no-run"])?;
    if !built.status.success() {
        return Ok(Outcome::DoesNotCompile(String::from_utf8_lossy(&built.stderr).into_owned()));
    }
    let ran = build(&["--no-fail-fast"])?;
    let told = String::from_utf8_lossy(&ran.stderr);
    // Cargo ends with a line for each test binary that failed: `-p rcmgr-loom-tests --test NAME`.
    let named = told.lines().filter_map(|line| line.trim().strip_prefix('`'));
    let failed: BTreeSet<String> = named
        .filter_map(|line| line.split("--test ").nth(1))
        .map(|name| name.trim_end_matches('`').to_owned())
        .collect();
    if ran.status.success() != failed.is_empty() {
        return Err(format!("cargo's answer was not understood:\n{told}").into());
    }
    Ok(Outcome::Ran(failed))
}

/// Copies what the models are made of into a workspace of its own.
fn prepare(root: &Path, copy: &Path) -> Result<(), Box<dyn Error>> {
    for directory in SOURCES
        .map(|sources| sources.directory)
        .into_iter()
        .chain(["loom-tests/src", "loom-tests/tests"])
    {
        copy_directory(&root.join(directory), &copy.join(directory))?;
    }
    let files = [
        "Cargo.lock",
        "rust-toolchain.toml",
        "crates/rcmgr-core/Cargo.toml",
        "loom-tests/Cargo.toml",
        "loom-tests/build.rs",
    ];
    for file in files {
        fs::copy(root.join(file), copy.join(file))?;
    }
    let manifest = fs::read_to_string(root.join("Cargo.toml"))?;
    let lines = manifest.lines().map(|line| match line.split(" = ").next() {
        Some("members") => "members = [\"crates/rcmgr-core\", \"loom-tests\"]",
        Some("default-members") => "",
        _ => line,
    });
    fs::write(copy.join("Cargo.toml"), lines.collect::<Vec<_>>().join("\n"))?;
    Ok(())
}

fn copy_directory(from: &Path, to: &PathBuf) -> io::Result<()> {
    if to.exists() {
        fs::remove_dir_all(to)?;
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_directory(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
