//! Measures what the engine is tuned by: granules, backoff, padding, maps and hashers, each variant
//! against the others in turns, and writes the tables into the book's chapter on tuning.
//!
//! What is between the marks of a table in `docs/src/tuning.md` is replaced; the rest of the chapter
//! stays as it is.

#![allow(clippy::print_stdout)]

mod backoff;
mod clusters;
mod contest;
mod granules;
mod hashers;
mod idle;
mod maps;
mod near;
mod on_keys;
mod padding;
mod page;
mod words;

use std::path::{Path, PathBuf};
use std::time::Instant;
use std::{env, fs, io};

use clap::Parser;
use rcmgr_benches::allocator::CountingAllocator;
use rcmgr_benches::machine::Machine;

use contest::Scale;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// Measures what the engine is tuned by, and writes the tables into the book's chapter on tuning.
///
/// Run it with `--release` on a machine that does nothing else; it takes a minute or two and up to 1 GiB
/// of memory.
#[derive(Debug, Parser)]
struct Options {
    /// Runs everything shortly and with few peers: a smoke test whose numbers mean nothing.
    #[arg(long)]
    quick: bool,
    /// Where the chapter goes: the book's folder, or with `--quick` the folder for temporary files.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// What makes tables: for each the name of its place in the chapter, and its text.
type Part = fn(Scale) -> Vec<(&'static str, String)>;

/// Bytes are counted first, before anything is left behind that could be freed meanwhile.
const PARTS: [(&str, Part); 8] = [
    ("bytes of maps", maps::bytes),
    ("clusters of keys", clusters::tables),
    ("granules", granules::tables),
    ("what is idle", idle::tables),
    ("refusals near a limit", near::tables),
    ("backoff", backoff::tables),
    ("padding", padding::tables),
    ("hashers and maps", |scale| [hashers::tables(scale), maps::times(scale)].concat()),
];

fn main() -> io::Result<()> {
    let Options { quick, out } = Options::parse();
    let book = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/src");
    let out = out.unwrap_or_else(|| if quick { env::temp_dir() } else { book.clone() });
    sweep(Scale { quick }, &book, &out)
}

/// Measures everything, and writes the chapter of the book into another folder, or the same.
fn sweep(scale: Scale, book: &Path, out: &Path) -> io::Result<()> {
    const CHAPTER: &str = "tuning.md";
    let chapter = fs::read_to_string(book.join(CHAPTER))?;
    // Counts are wanted where they are taken, and would be in the way of times.
    CountingAllocator::count(false);
    let (start, machine) = (Instant::now(), Machine::now());
    let mut tables = Vec::new();
    for (what, part) in PARTS {
        println!("{:>4} s  {what}", start.elapsed().as_secs());
        tables.extend(part(scale));
    }
    tables.push(("machine", head(&machine, scale, start.elapsed().as_secs())));
    fs::create_dir_all(out)?;
    fs::write(out.join(CHAPTER), page::fill(&chapter, &tables)?)?;
    println!("{:>4} s  written to {}", start.elapsed().as_secs(), out.display());
    Ok(())
}

fn head(machine: &Machine, scale: Scale, seconds: u64) -> String {
    let Machine { processor, cores, rustc, commit, load, date } = machine;
    let smoke = if scale.quick { "**A smoke run: its numbers mean nothing.** " } else { "" };
    format!(
        "{smoke}{processor}, {cores} cores; {rustc}; commit {commit}; {date}; {seconds} s, load {load} \
         when it began.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quick_run_fills_every_table_of_the_chapter() {
        let out = tempfile::tempdir().unwrap();
        let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/src");
        sweep(Scale { quick: true }, &book, &out.path().join("new")).unwrap();
        let chapter = fs::read_to_string(out.path().join("new/tuning.md")).unwrap();
        assert!(chapter.contains("A smoke run"));
        let tables = page::tables(&chapter);
        assert_eq!(tables.len(), 11);
        for (name, text) in tables {
            assert!(name == "machine" || text.lines().count() > 2, "{name}: {text}");
            assert!(!text.contains("NaN") && !text.contains("inf"), "{name}: {text}");
        }
    }
}
