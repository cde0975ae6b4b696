//! `rcmgr limits convert`.

use std::process::ExitCode;

use super::{Failure, Out, files, report, write};
use crate::args::limits::Convert;

/// Prints a file in another format.
pub fn run(args: &Convert, out: &mut Out) -> Result<ExitCode, Failure> {
    let file = std::slice::from_ref(&args.file);
    let (effective, found) = files::effective(file, &args.sources, args.multiply)?;
    report(&found);
    write::said(&effective, args.to, out)?;
    Ok(ExitCode::SUCCESS)
}
