//! What is read and written in the native format, as a whole.

mod arbitrary;
mod environment;
mod mistakes;
mod reading;
mod round_trip;
mod setting;

use std::sync::Arc;

use crate::document::{self, Syntax};
use crate::{Diagnostics, Settings, Source};

/// What a file says, and the warnings; or all that is wrong with it.
fn read(name: &str, text: &str) -> Result<(Settings, String), String> {
    let source = Arc::new(Source::new(name, text).expect("it is short"));
    let mut diagnostics = Diagnostics::default();
    let tree = document::parse(Syntax::of(&source), &source, &mut diagnostics);
    let settings = tree.and_then(|tree| super::read(&source, &tree, &mut diagnostics));
    match settings {
        Some(settings) => Ok((settings, diagnostics.to_string())),
        None => Err(diagnostics.to_string()),
    }
}

/// What a file in YAML says that has no fault.
fn settings(yaml: &str) -> Settings {
    let (settings, warnings) = read("limits.yaml", yaml).unwrap_or_else(|wrong| panic!("{wrong}"));
    assert_eq!(warnings, "");
    settings
}
