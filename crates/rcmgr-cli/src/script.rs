//! `rcmgr script`: runs scripts, and compares the answers with recorded ones.

use std::{
    io::{self, BufWriter, Write},
    path::Path,
    process::ExitCode,
};

use rcmgr_script::{End, Known, Recorded, Script, ScriptError, connections};

use crate::args::{BAD_INPUT, Check, Run, ScriptCommand};

/// Why a command ends early.
enum Stop {
    /// What was to be read is not what it should be.
    Input(ScriptError),
    /// Nobody reads what is written.
    Output(io::Error),
}

impl From<ScriptError> for Stop {
    fn from(error: ScriptError) -> Stop {
        Stop::Input(error)
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Stop {
        Stop::Output(error)
    }
}

/// Runs the command; the exit code is 1 when verdicts differ, 2 when a file is malformed.
pub fn main(command: &ScriptCommand) -> ExitCode {
    let mut out = BufWriter::new(io::stdout().lock());
    let done = match command {
        ScriptCommand::Run(Run { script }) => run(script, &mut out).map(|()| true),
        ScriptCommand::Check(args) => check(args, &mut out),
    };
    // What was said before an error belongs before it.
    let done = out.flush().map_err(Stop::Output).and(done);
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(Stop::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        Err(Stop::Output(error)) => complain(&error),
        Err(Stop::Input(error)) => complain(&error),
    }
}

fn complain(error: &dyn std::error::Error) -> ExitCode {
    // Nothing is left to be done when this cannot be told either.
    let _ = writeln!(io::stderr(), "rcmgr: {error}");
    ExitCode::from(BAD_INPUT)
}

/// Prints a verdict for each operation.
fn run(script: &Path, out: &mut impl Write) -> Result<(), Stop> {
    if connections::is_script(script)? {
        return connections::run(script, |verdict| print(verdict, out));
    }
    let mut script = Script::open(script)?;
    let mut runner = script.runner()?;
    while let Some(op) = script.next()? {
        let verdict = runner.apply(&op).map_err(|fault| script.error(fault))?;
        print(&verdict, out)?;
    }
    Ok(())
}

fn print(verdict: &impl serde::Serialize, out: &mut impl Write) -> Result<(), Stop> {
    serde_json::to_writer(&mut *out, verdict).map_err(io::Error::from)?;
    Ok(out.write_all(b"\n")?)
}

/// Prints the first difference of each script, and whether there was none.
fn check(args: &Check, out: &mut impl Write) -> Result<bool, Stop> {
    let known = args.known.as_deref().map(Known::open).transpose()?.unwrap_or_default();
    let (mut scripts, mut compared, mut total) = (0u64, 0, 0);
    let (mut differ, mut known_ones) = (0u64, 0);
    for path in &args.paths {
        for recorded in Recorded::at(path)? {
            scripts += 1;
            if connections::is_script(&recorded.script)? {
                let outcome = connections::check(&recorded)?;
                compared += outcome.compared;
                total += outcome.total;
                if let connections::End::Differs(difference) = outcome.end {
                    differ += 1;
                    writeln!(out, "{difference}")?;
                }
                continue;
            }
            let outcome = recorded.check(&known)?;
            compared += outcome.compared;
            total += outcome.total;
            known_ones += outcome.known;
            if outcome.stale > 0 {
                let (name, stale) = (&recorded.name, outcome.stale);
                writeln!(out, "{name}: {stale} known differences are none any more")?;
            }
            if let End::Differs(difference) = outcome.end {
                differ += 1;
                writeln!(out, "{difference}")?;
            }
        }
    }
    if known_ones > 0 {
        writeln!(out, "{known_ones} known differences")?;
    }
    writeln!(out, "{scripts} scripts, {compared} of {total} verdicts compared, {differ} differ")?;
    Ok(differ == 0)
}
