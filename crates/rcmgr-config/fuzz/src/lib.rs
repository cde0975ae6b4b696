//! What is tried on each text, by the fuzz targets and by the test that replays their corpus.

mod settings;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use rcmgr_config::libp2p::PartialLimits;
use rcmgr_config::{
    At, Diagnostic, Diagnostics, Format, Loaded, Settings, Source, load, native, peer,
};
use rcmgr_core::Limits;

use self::settings::{MACHINE, over_nothing};

/// Reads a text as if it were in a format. Whatever it is, that ends without a panic: in settings
/// that hold together, or in errors that can be shown.
pub fn read(format: Format, text: &str) {
    let Some(settings) = loaded(load_named("limits", Some(format), text)) else { return };
    if format == Format::Libp2p {
        as_serde_reads_it(text, &settings);
    }
    settings::hold_together(&settings);
}

/// The paths of variables that have a value.
static PATHS: LazyLock<HashMap<String, String>> =
    LazyLock::new(|| native::variables().into_iter().collect());

/// Reads lines `NAME=VALUE`: those with the name of a variable as the environment, the others as
/// what flags set, one after the other.
pub fn variables(text: &str) {
    let lines: Vec<_> = text.lines().filter_map(|line| line.split_once('=')).collect();
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let mut found = Diagnostics::default();
    let mut settings = native::environment(lines.iter().map(owned), &mut found);
    shown(&found);
    for (name, value) in &lines {
        let path_of_variable = PATHS.get(*name);
        let path = path_of_variable.map_or(*name, String::as_str);
        let Ok(path) = native::path(path) else { continue };
        let before = settings.clone();
        let (mut alone, mut found) = (Settings::default(), Diagnostics::default());
        native::set(&mut settings, &path, value, At::Flag("--set".into()), &mut found);
        shown(&found);
        if found.has_errors() {
            assert_eq!(settings, before, "{name}={value} is wrong, and sets something");
        }
        native::set(&mut alone, &path, value, At::RunTime, &mut Diagnostics::default());
        let mut above = before;
        above.overlay(&alone);
        assert_eq!(settings, above, "{name}={value} changes more than it says");
        if path_of_variable.is_some() && lines.len() == 1 {
            let mut of_variable = Diagnostics::default();
            let variable = [((*name).to_owned(), (*value).to_owned())];
            assert_eq!(native::environment(variable, &mut of_variable), alone, "{name}={value}");
            assert_eq!(of_variable.has_errors(), found.has_errors(), "{name}={value}");
        }
    }
    settings::read_back(&settings);
}

/// Reads a text that is told by a name.
fn load_named(name: &str, from: Option<Format>, text: &str) -> Result<Loaded, Diagnostics> {
    let source = Source::new(name, text).expect("a fuzzer's text is short");
    load(&Arc::new(source), from, &MACHINE)
}

/// The settings that were read, if they were. What is wrong can be shown either way.
fn loaded(loaded: Result<Loaded, Diagnostics>) -> Option<Settings> {
    match loaded {
        Ok(loaded) => {
            assert!(!loaded.warnings.has_errors());
            shown(&loaded.warnings);
            Some(loaded.settings)
        }
        Err(found) => {
            assert!(found.has_errors());
            shown(&found);
            None
        }
    }
}

/// Shows what was found.
fn shown(found: &Diagnostics) {
    assert_eq!(found.to_string().is_empty(), found.is_empty());
    found.errors().iter().chain(found.warnings()).for_each(shown_one);
}

/// Shows one that was found, on lines that a terminal prints as they are. What it takes to keep and
/// to show does not grow with the text.
fn shown_one(found: &Diagnostic) {
    /// The most that is shown, in bytes.
    const LONGEST: usize = 8 << 10;
    for kept in [found.message(), found.help_text().unwrap_or_default()] {
        assert!(kept.len() <= 1 << 10, "{} bytes: {kept}", kept.len());
    }
    let text = found.to_string();
    assert!(text.len() <= LONGEST, "{} bytes: {text}", text.len());
    assert!(!text.contains(|c: char| c.is_control() && c != '\n' && c != '\t'), "{text:?}");
    assert!(!found.message().is_empty());
}

/// Where serde reads the same text, it reads the same limits.
fn as_serde_reads_it(text: &str, settings: &Settings) {
    let Ok(config) = serde_json::from_str::<PartialLimits>(text) else { return };
    let key = |text: &str| peer::key(text).expect("the reader took every peer");
    let limits = config.over(&Limits::default(), key);
    assert_eq!(over_nothing(settings).limits, limits);
}
