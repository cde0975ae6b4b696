//! The page of the book that shows broken files with what is said of each.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use rcmgr_config::{Diagnostics, Effective, Given, Layers, Source, contradictions, load};

use crate::common::MACHINE;

const HEAD: &str = "\
# Mistakes and their messages

<!-- Made from the files in crates/rcmgr-config/tests/data/broken by the tests of rcmgr-config: do
     not edit. -->

Files with mistakes, one kind to a file, and what `rcmgr limits check` says of each. A file with an
error changes nothing, wherever it comes from: a node does not start with it, and one that runs
keeps the limits that it has. A warning stops nothing; `--strict` makes it the exit code 1.
";

/// The files in the order of the page, with what is wrong in each.
const FILES: [(&str, &str, &str); 15] = [
    (
        "unknown-key.yaml",
        "Keys that are not known",
        "The nearest key is named, or the key that it belongs under.",
    ),
    (
        "wrong-values.toml",
        "Several values that cannot be",
        "All errors of a file are told at once, in its order.",
    ),
    (
        "ratios.yml",
        "Ratios and numbers out of range, in Flow's format",
        "A ratio is a part of the machine, not a percentage.",
    ),
    (
        "duplicate-key.json",
        "A key that stands twice, in go-libp2p's format",
        "go-libp2p takes the last of the two in silence.",
    ),
    ("syntax.yaml", "Broken syntax: a tab in YAML", ""),
    ("syntax.json", "Broken syntax: a comma that is missing in JSON", ""),
    (
        "alias-bomb.yaml",
        "Aliases that grow without bound",
        "Eight lines that stand for ten million values. It is found after a million.",
    ),
    (
        "empty.yaml",
        "An empty file",
        "An empty file is mostly one that was cut off as it was written.",
    ),
    (
        "missing-keys.toml",
        "Keys that are missing, in Greenfield's format",
        "There, what is missing is 0, which admits nothing.",
    ),
    (
        "removed-limits.json",
        "What Kubo itself refuses",
        "Kubo does not start with limits in its configuration.",
    ),
    ("two-formats.yaml", "Keys of two formats", "What is not clear is not guessed."),
    (
        "never-binds.yaml",
        "Limits that can never bind",
        "They are enforced as they stand. Only what a source says is looked at, not the defaults.",
    ),
    (
        "watermarks.yml",
        "Watermarks above hard limits, in Flow's format",
        "Connections would be refused before any is closed.",
    ),
    (
        "quotas.yaml",
        "What is no quota",
        "A protocol that is to have no connections is blocked by a limit of its streams.",
    ),
    (
        "quota-range.yaml",
        "A minimum above its maximum",
        "They may stand in different sources, and are compared as all sources together have them.",
    ),
];

/// The page. What depends on the machine is that of one with 16 GiB and 65,536 descriptors.
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    for (name, title, remark) in FILES {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/broken").join(name);
        let text = std::fs::read_to_string(&path).expect("the file is there");
        let syntax = name.rsplit('.').next().map(|ending| ending.replace("yml", "yaml"));
        let syntax = syntax.unwrap_or_default();
        let remark = if remark.is_empty() { String::new() } else { format!("{remark}\n\n") };
        write!(page, "\n## {title}\n\n{remark}`{name}`:\n\n```{syntax}\n{text}```\n\n")
            .and_then(|()| write!(page, "```text\n{}```\n", told(name, &text)))
            .expect("a text can be written to");
    }
    page
}

/// What `rcmgr limits check` prints.
fn told(name: &str, text: &str) -> String {
    let source = Arc::new(Source::new(name, text).expect("it is short"));
    match load(&source, None, &MACHINE) {
        Ok(loaded) => {
            let layers = Layers { file: loaded.settings, ..Layers::default() };
            let settings = match layers.settings() {
                Ok(settings) => settings,
                Err(found) => return refused(name, &found),
            };
            let given = Given::of(&settings, &MACHINE).expect("the machine tells");
            let mut found = loaded.warnings;
            found.extend(contradictions(&Effective::of(settings, given)));
            let count = counted(found.len(), "warning");
            format!("{found}\n{name}: {count}, in the format of {}\n", loaded.format)
        }
        Err(found) => refused(name, &found),
    }
}

fn refused(name: &str, found: &Diagnostics) -> String {
    format!("{found}\n{name}: {}\n", counted(found.errors().len(), "error"))
}

fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}
