//! The pages of the book that are made by the code are those that are committed.
//!
//! After a change of the format or of a message:
//! `UPDATE=1 cargo test -p rcmgr-config --test generated_docs`.

mod common;
mod mistakes;

use std::path::Path;

fn check(name: &str, made: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src").join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, made).expect("the page can be written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == made,
        "docs/src/{name} is not what the code makes; run\n\
         UPDATE=1 cargo test -p rcmgr-config --test generated_docs"
    );
}

#[test]
fn the_reference_page_is_up_to_date() {
    check("limits-reference.md", &rcmgr_config::native::reference());
}

#[test]
fn the_json_schema_is_up_to_date() {
    check("limits.schema.json", &rcmgr_config::native::json_schema());
}

#[test]
fn the_page_of_mistakes_is_up_to_date() {
    check("limits-mistakes.md", &mistakes::page());
}
