//! `rcmgr limits check`.

use std::{io::Write, path::PathBuf, process::ExitCode};

use rcmgr_config::{
    Diagnostic, Diagnostics, Effective, Format, Given, Severity, ThisMachine, contradictions, kubo,
};

use super::{Failure, Out, complain, files, report};
use crate::{
    args::{
        BAD_INPUT,
        limits::{Check, Sources},
    },
    node::connections,
};

/// Tells what is wrong with each file.
pub fn run(args: &Check, out: &mut Out) -> Result<ExitCode, Failure> {
    let (mut errors, mut warnings) = (false, false);
    for path in &args.files {
        let shown = path.display();
        match check(path, &args.sources) {
            Ok((format, found)) => {
                report(&found);
                warnings |= !found.is_empty();
                match found.len() {
                    0 => writeln!(out, "{shown}: good, in the format of {format}")?,
                    1 => writeln!(out, "{shown}: 1 warning, in the format of {format}")?,
                    many => writeln!(out, "{shown}: {many} warnings, in the format of {format}")?,
                }
            }
            Err(Failure::Input(found)) => {
                report(&found);
                errors = true;
                match found.errors().len() {
                    1 => writeln!(out, "{shown}: 1 error")?,
                    many => writeln!(out, "{shown}: {many} errors")?,
                }
            }
            Err(failure @ Failure::Source(_)) => {
                complain(&failure);
                errors = true;
            }
            Err(failure) => return Err(failure),
        }
    }
    Ok(match (errors, warnings && args.strict) {
        (true, _) => ExitCode::from(BAD_INPUT),
        (false, true) => ExitCode::FAILURE,
        (false, false) => ExitCode::SUCCESS,
    })
}

/// What is doubtful in a file, with all that it lies over and under.
fn check(path: &PathBuf, sources: &Sources) -> Result<(Format, Diagnostics), Failure> {
    let format = files::file(path, sources.from)?.format;
    let (settings, mut found) = files::settings(std::slice::from_ref(path), sources)?;
    let given = Given::of(&settings, &ThisMachine)?;
    let effective = Effective::of(settings, given);
    found.extend(contradictions(&effective));
    found.extend(connections::misfits(&effective));
    if format == Format::Kubo {
        let refusal = kubo::Refusal::of(&effective);
        let told =
            |refusal: kubo::Refusal| Diagnostic::unplaced(Severity::Warning, refusal.to_string());
        found.extend(refusal.map(told));
    }
    Ok((format, found))
}
