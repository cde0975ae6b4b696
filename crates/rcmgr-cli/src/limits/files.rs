//! What files, the environment and the flags say together.

use std::{env, path::PathBuf, sync::Arc};

use rcmgr_config::{
    At, Diagnostic, Diagnostics, Effective, Factor, Format, Given, Layers, Loaded, MemoryGiven,
    Said, Settings, Severity, Share, Source, ThisMachine, flow, load, native, quoted,
};

use super::Failure;
use crate::args::limits::{From, Sources};

/// The format that the command line names.
pub const fn from(from: From) -> Format {
    match from {
        From::Native => Format::Native,
        From::Libp2p => Format::Libp2p,
        From::Kubo => Format::Kubo,
        From::Flow => Format::Flow,
        From::Greenfield => Format::Greenfield,
    }
}

/// What one file says.
pub fn file(path: &PathBuf, format: Option<From>) -> Result<Loaded, Failure> {
    let source = Arc::new(Source::read(path)?);
    load(&source, format.map(from), &ThisMachine).map_err(Failure::Input)
}

/// All sources in their order, and what is doubtful in them. All that is wrong in any of them is
/// told at once.
pub fn layers(files: &[PathBuf], sources: &Sources) -> Result<(Layers, Diagnostics), Failure> {
    let mut found = Diagnostics::default();
    let mut layers = Layers::default();
    for path in files {
        match file(path, sources.from) {
            Ok(loaded) => {
                layers.file.overlay(&loaded.settings);
                found.append(loaded.warnings);
            }
            Err(Failure::Input(wrong)) => found.append(wrong),
            Err(failure) => return Err(failure),
        }
    }
    layers.environment = native::environment(variables(), &mut found);
    layers.flags = flags(sources, &mut found);
    if found.has_errors() {
        return Err(Failure::Input(found));
    }
    Ok((layers, found))
}

/// What all sources say together, and what is doubtful in them.
pub fn settings(files: &[PathBuf], sources: &Sources) -> Result<(Settings, Diagnostics), Failure> {
    let (layers, mut found) = layers(files, sources)?;
    match layers.settings() {
        Ok(settings) => Ok((settings, found)),
        Err(wrong) => {
            found.append(wrong);
            Err(Failure::Input(found))
        }
    }
}

/// What is in effect by all sources, on this machine.
pub fn effective(
    files: &[PathBuf],
    sources: &Sources,
    multiply: Option<Factor>,
) -> Result<(Effective, Diagnostics), Failure> {
    let (mut settings, found) = settings(files, sources)?;
    if let Some(factor) = multiply {
        settings.multiply(factor);
    }
    let given = Given::of(&settings, &ThisMachine)?;
    Ok((Effective::of(settings, given), found))
}

/// The variables that are texts; no other can be meant.
fn variables() -> impl Iterator<Item = (String, String)> {
    env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

fn flags(sources: &Sources, found: &mut Diagnostics) -> Settings {
    let mut settings = Settings::default();
    for (name, value) in &sources.flow.0 {
        if let Err(wrong) = flow::flag(&mut settings, name, value) {
            found.push(Diagnostic::unplaced(Severity::Error, wrong.to_string()));
        }
    }
    for text in &sources.set {
        let at = At::Flag("--set".into());
        let parsed =
            text.split_once('=').map(|(path, value)| (native::path(path.trim_end()), value));
        match parsed {
            Some((Ok(path), value)) => {
                native::set(&mut settings, &path, value.trim_start(), at, found);
            }
            Some((Err(wrong), _)) => {
                found.push(Diagnostic::unplaced(Severity::Error, format!("--set: {wrong}")));
            }
            None => {
                let wrong = format!("--set: {} has no value", quoted(text));
                let help = "write a key and a value, such as --set limits.peer.streams=64";
                found.push(Diagnostic::unplaced(Severity::Error, wrong).help(help));
            }
        }
    }
    if let Some(memory) = sources.memory {
        let given = MemoryGiven::Share(Share::Exactly(memory));
        settings.memory = Some(Said::new(given, At::Flag("--memory".into())));
    }
    if let Some(fd) = sources.fd {
        settings.file_descriptors = Some(Said::new(Share::Exactly(fd), At::Flag("--fd".into())));
    }
    settings
}
