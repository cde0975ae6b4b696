//! `rcmgr limits`: limits as they are in effect.

mod table;

use std::{
    error::Error,
    fmt,
    io::{self, BufWriter, Write},
    process::ExitCode,
};

use libp2p::PeerId;
use rcmgr_config::{
    Share, Size,
    libp2p::{PartialLimits, defaults},
    machine::{self, MachineError, MachineMemory},
};
use rcmgr_core::Limits;

use crate::args::{Format, LimitsCommand, Show};

/// Runs the command; the exit code is 1 when the machine does not tell what it has.
pub fn main(command: &LimitsCommand) -> ExitCode {
    let LimitsCommand::Show(args) = command;
    let given = match Given::of(args) {
        Ok(given) => given,
        Err(error) => return complain(&error),
    };
    let limits = defaults().scale(given.memory, given.descriptors);
    let mut out = BufWriter::new(io::stdout().lock());
    let printed = match args.format {
        Format::Table => write!(out, "{given}\n{}", table::Table(&limits)).map_err(Into::into),
        Format::Libp2p => libp2p(&limits, &mut out),
    };
    match printed.and_then(|()| Ok(out.flush()?)) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever read has enough.
        Err(error) if is_broken_pipe(&*error) => ExitCode::FAILURE,
        Err(error) => complain(&*error),
    }
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn complain(what: &dyn fmt::Display) -> ExitCode {
    // Nothing is left to be done when this cannot be told either.
    let _ = writeln!(io::stderr(), "rcmgr: {what}");
    ExitCode::FAILURE
}

/// Prints a complete configuration of go-libp2p, and on the other output what it does not say.
fn libp2p(limits: &Limits, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let peer = |key: &[u8]| PeerId::from_bytes(key).ok().map(|peer| peer.to_base58());
    let written = PartialLimits::of(limits, peer);
    serde_json::to_writer_pretty(&mut *out, &written.config)?;
    out.write_all(b"\n")?;
    for left_out in &written.left_out {
        writeln!(io::stderr(), "rcmgr: {left_out}")?;
    }
    Ok(())
}

/// What the node is given, and why so much.
struct Given {
    memory: u64,
    descriptors: u64,
    /// The machine's memory, where it was asked for.
    of_memory: Option<MachineMemory>,
    of_descriptors: Option<u64>,
}

impl Given {
    fn of(args: &Show) -> Result<Given, MachineError> {
        let (mut of_memory, mut of_descriptors) = (None, None);
        let memory = args.memory.map_or(Share::MEMORY, Share::Exactly);
        let memory = memory.of(|| Ok(of_memory.insert(MachineMemory::of_this_process()?).bytes))?;
        let descriptors = args.fd.map_or(Share::DESCRIPTORS, Share::Exactly);
        let descriptors = descriptors.of(|| Ok(*of_descriptors.insert(machine::descriptors()?)))?;
        Ok(Given { memory, descriptors, of_memory, of_descriptors })
    }
}

impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "memory       {}", Size(self.memory))?;
        if let Some(MachineMemory { bytes, bounded_by }) = &self.of_memory {
            write!(f, ", an eighth of {}, {bounded_by}", Size(*bytes))?;
        }
        write!(f, "\ndescriptors  {}", self.descriptors)?;
        if let Some(whole) = self.of_descriptors {
            write!(f, ", half of {whole}, the soft limit of open files")?;
        }
        writeln!(f)
    }
}
