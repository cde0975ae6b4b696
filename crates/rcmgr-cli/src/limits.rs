//! `rcmgr limits`: limits as they are in effect, are written, and change.

mod apply;
mod check;
mod convert;
mod diff;
mod explain;
mod failure;
mod files;
mod show;
mod table;
mod write;

pub use apply::Node as Asking;
pub use failure::Failure;
pub use files::{from, layers};

use std::{
    error::Error,
    io::{self, BufWriter, Write},
    process::ExitCode,
};

use crate::args::limits::LimitsCommand;

/// What is printed on: standard output.
type Out = BufWriter<io::StdoutLock<'static>>;

/// Runs the command. The exit code is 2 for input that means nothing, and 1 where the machine or
/// a node does not tell what it has, or as the command's help says.
pub fn main(command: &LimitsCommand) -> ExitCode {
    let mut out = BufWriter::new(io::stdout().lock());
    let done = match command {
        LimitsCommand::Show(args) => show::run(args, &mut out),
        LimitsCommand::Check(args) => check::run(args, &mut out),
        LimitsCommand::Convert(args) => convert::run(args, &mut out),
        LimitsCommand::Diff(args) => diff::run(args, &mut out),
        LimitsCommand::Apply(args) => apply::run(args, &mut out),
    };
    match done.and_then(|code| out.flush().map(|()| code).map_err(Failure::Output)) {
        Ok(code) => code,
        // Whoever read has enough.
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::FAILURE
        }
        Err(failure) => {
            complain(&failure);
            failure.code()
        }
    }
}

/// Tells of something on the other output.
fn complain(what: &dyn Error) {
    // Nothing is left to be done when this cannot be told either.
    let _ = writeln!(io::stderr(), "rcmgr: {what}");
}

/// Tells what is wrong with files, each thing with its place.
fn report(found: &rcmgr_config::Diagnostics) {
    if !found.is_empty() {
        let _ = writeln!(io::stderr(), "{found}");
    }
}
