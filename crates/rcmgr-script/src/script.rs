//! Reading a script and its verdicts.

use std::{io::BufRead, path::Path};

use crate::{Fault, Header, Op, Place, Runner, ScriptError, Verdict, lines::Lines};

/// The most operations of a script.
const MOST_OPERATIONS: u64 = 1_000_000;

/// A script that is being read: its header, then one operation at a time.
#[derive(Debug)]
pub struct Script {
    lines: Lines,
    header: Header,
    read: u64,
}

impl Script {
    /// Opens a script, packed by gzip or not.
    ///
    /// # Errors
    /// It cannot be read, or has no header.
    pub fn open(path: &Path) -> Result<Script, ScriptError> {
        Script::begin(Lines::open(path)?)
    }

    /// Reads a script that is not packed from anywhere; errors name it `file`.
    ///
    /// # Errors
    /// As [`Script::open`].
    pub fn read(file: &str, reader: impl BufRead + 'static) -> Result<Script, ScriptError> {
        Script::begin(Lines::new(file, reader))
    }

    fn begin(mut lines: Lines) -> Result<Script, ScriptError> {
        match lines.advance()? {
            true => Ok(Script { header: lines.parse()?, lines, read: 0 }),
            false => Err(lines.error(Fault::NoHeader)),
        }
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// A manager under the limits of the header.
    ///
    /// # Errors
    /// A header that cannot be meant.
    pub fn runner(&self) -> Result<Runner, ScriptError> {
        Runner::new(&self.header).map_err(|fault| self.error(fault))
    }

    /// The next operation.
    ///
    /// # Errors
    /// A line that is none; more operations than are run.
    #[allow(clippy::should_implement_trait, reason = "who reads on after an error reads nonsense")]
    pub fn next(&mut self) -> Result<Option<Op>, ScriptError> {
        if !self.lines.advance()? {
            return Ok(None);
        }
        self.read += 1;
        if self.read > MOST_OPERATIONS {
            return Err(self.error(Fault::TooManyOperations(MOST_OPERATIONS)));
        }
        self.lines.parse().map(Some)
    }

    /// The line of the header, or of the operation that was read last.
    pub fn place(&self) -> Place {
        self.lines.place()
    }

    /// The text of that line.
    ///
    /// # Errors
    /// It is no text; then it was no operation either.
    pub fn text(&self) -> Result<&str, ScriptError> {
        self.lines.text()
    }

    /// An error on that line.
    pub fn error(&self, fault: Fault) -> ScriptError {
        self.lines.error(fault)
    }
}

/// Recorded verdicts that are being read.
#[derive(Debug)]
pub struct Verdicts {
    lines: Lines,
    read: u64,
}

impl Verdicts {
    /// Opens recorded verdicts, packed by gzip or not.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn open(path: &Path) -> Result<Verdicts, ScriptError> {
        Ok(Verdicts { lines: Lines::open(path)?, read: 0 })
    }

    /// The next verdict.
    ///
    /// # Errors
    /// A line that is none, or that answers another operation.
    #[allow(clippy::should_implement_trait, reason = "who reads on after an error reads nonsense")]
    pub fn next(&mut self) -> Result<Option<Verdict>, ScriptError> {
        if !self.lines.advance()? {
            return Ok(None);
        }
        let verdict: Verdict = self.lines.parse()?;
        if verdict.i != self.read {
            let fault = Fault::VerdictOutOfOrder { expected: self.read, found: verdict.i };
            return Err(self.lines.error(fault));
        }
        self.read += 1;
        Ok(Some(verdict))
    }

    /// An error on the line that was read last.
    pub fn error(&self, fault: Fault) -> ScriptError {
        self.lines.error(fault)
    }
}
