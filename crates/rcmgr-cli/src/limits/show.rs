//! `rcmgr limits show`.

use std::{io::Write, process::ExitCode};

use rcmgr_config::{Effective, Key, Value, contradictions};

use super::{Failure, Out, explain::Explained, files, report, table::Table, write};
use crate::args::limits::{Format, Show, To};

/// Prints what is in effect.
pub fn run(args: &Show, out: &mut Out) -> Result<ExitCode, Failure> {
    let (effective, mut found) = files::effective(&args.files, &args.sources, args.multiply)?;
    found.extend(contradictions(&effective));
    report(&found);
    match args.format {
        _ if args.explain => write!(out, "{}", Explained(&effective))?,
        Format::Table => table(&effective, out)?,
        Format::Native => write::complete(&effective, To::Yaml, out)?,
        Format::Libp2p => write::complete(&effective, To::Libp2p, out)?,
        Format::Kubo => write::complete(&effective, To::Kubo, out)?,
        Format::Flow => write::complete(&effective, To::Flow, out)?,
        Format::Greenfield => write::complete(&effective, To::Greenfield, out)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn table(effective: &Effective, out: &mut Out) -> Result<(), Failure> {
    write!(out, "{}\n\n{}", effective.given, Table(&effective.limits))?;
    let values = effective.values();
    let base_memory = values.iter().filter(|(key, _)| matches!(key, Key::BaseMemory(..)));
    list("base memory", base_memory, out)?;
    list("connection manager", values.iter().filter(|(key, _)| key.is_carried()), out)
}

/// Prints values under a title, if there are any.
fn list<'v>(
    title: &str,
    values: impl Iterator<Item = (&'v Key, &'v Value)>,
    out: &mut Out,
) -> Result<(), Failure> {
    for (nth, (key, value)) in values.enumerate() {
        if nth == 0 {
            writeln!(out, "\n{title}")?;
        }
        writeln!(out, "  {key}  {value}")?;
    }
    Ok(())
}
