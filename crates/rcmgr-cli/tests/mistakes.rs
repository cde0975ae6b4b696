//! `rcmgr limits check` says of broken files what the book shows.

use std::path::Path;
use std::process::{Command, Output};

/// What the program prints for a file of that folder, as the book has it.
fn check(folder: &Path, name: &str) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rcmgr"));
    command.args(["limits", "check", name]).current_dir(folder);
    if name == "watermarks.yml" {
        // It goes by parts of the machine, which is that of the book here.
        command.args(["--memory", "8GiB", "--fd", "13107"]);
    }
    let Output { stdout, stderr, .. } = command.output().expect("the program starts");
    let text = |bytes| String::from_utf8(bytes).expect("the output is UTF-8");
    text(stderr) + &text(stdout)
}

#[test]
fn the_book_shows_what_the_program_prints() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = root.join("docs/src/limits-mistakes.md");
    let page = std::fs::read_to_string(page).expect("the page is there");
    let folder = root.join("crates/rcmgr-config/tests/data/broken");
    let files = std::fs::read_dir(&folder).expect("the folder is there");
    let mut shown = 0;
    for file in files {
        let name = file.expect("the folder can be read").file_name();
        let name = name.to_str().expect("names are UTF-8");
        let printed = check(&folder, name);
        assert!(page.contains(&format!("```text\n{printed}```\n")), "{name}:\n{printed}");
        shown += 1;
    }
    assert!(shown >= 10, "{shown}");
}
