//! What can be wrong with a script, and where.

use std::{fmt, io, path::Path, sync::Arc};

use crate::Id;

/// A file that cannot be run or compared: which, the line, and what is wrong with it.
#[derive(Debug, thiserror::Error)]
#[error("{place}: {fault}")]
pub struct ScriptError {
    /// Where it is.
    pub place: Place,
    /// What is wrong.
    #[source]
    pub fault: Fault,
}

/// A file, and a line in it, counted from 1; none where the file as a whole is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The path of the file as it was given.
    pub file: Arc<str>,
    /// The line.
    pub line: Option<u64>,
}

impl Place {
    /// A file as a whole.
    pub fn file(path: &Path) -> Place {
        Place { file: path.display().to_string().into(), line: None }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}", self.file),
            None => f.write_str(&self.file),
        }
    }
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// It cannot be read.
    #[error("{0}")]
    Io(#[source] io::Error),
    /// A line is longer than any that means something.
    #[error("a line is longer than {0} bytes")]
    LineTooLong(usize),
    /// The whole, unpacked, is longer than is read.
    #[error("the file is longer than {0} bytes when unpacked")]
    FileTooLong(u64),
    /// Bytes that are no text.
    #[error("the line is not UTF-8")]
    NotText,
    /// Something else than an object.
    #[error("each line is an object in braces, such as {{\"op\":\"stat\"}}")]
    NotAnObject,
    /// Not JSON, or not of the form that this line should have.
    #[error("{}", Explained(.0))]
    Json(#[source] serde_json::Error),
    /// Nothing, where at least a header should be.
    #[error(
        "the file is empty; a script begins with its header, an object with \"base\", or that of \
         a connection manager with \"low\""
    )]
    NoHeader,
    /// A version of the format that is not known.
    #[error("the format has version {0}; 1 is the one that is known")]
    Version(u64),
    /// A header that is JSON and cannot mean anything.
    #[error("{field}: {why}")]
    Header {
        /// The field of the header.
        field: &'static str,
        /// What is wrong with it, and what would be right.
        why: String,
    },
    /// An identifier that an earlier operation introduced.
    #[error("{0:?} is taken; each operation that makes something gives it an id of its own")]
    DuplicateId(Id),
    /// An identifier of something that the operation does not work on.
    #[error("{id:?} is a {is}; this operation takes a {wanted}")]
    WrongKind {
        /// The identifier.
        id: Id,
        /// What it names.
        is: &'static str,
        /// What the operation works on.
        wanted: &'static str,
    },
    /// More operations than are run.
    #[error("a script has at most {0} operations")]
    TooManyOperations(u64),
    /// More scopes at once than are watched.
    #[error("a script has at most {0} connections, streams, spans and names at a time")]
    TooManyScopes(usize),
    /// More peers than a connection manager is asked about.
    #[error("a script names at most {0} peers")]
    TooManyPeers(usize),
    /// More ticks than are waited for.
    #[error("the clock would tick more than {0} times; advance less, or make the periods longer")]
    TooManyTicks(u64),
    /// Operations times scopes, each of which is looked at after each operation.
    #[error(
        "the script takes too long: its operations, times what they look at, are above {0}; make \
         several of it"
    )]
    TooMuchWork(u64),
    /// A time that is out of reach.
    #[error("the clock would pass {0} days; a script is shorter")]
    ClockTooFar(u64),
    /// A verdict that answers another operation than it should.
    #[error("\"i\" is {found}, but the verdict stands where that of operation {expected} should")]
    VerdictOutOfOrder {
        /// The operation that is answered here.
        expected: u64,
        /// The operation that the verdict names.
        found: u64,
    },
    /// A script and its verdicts do not have the same length.
    #[error("there are {verdicts} verdicts for the {operations} operations of the script")]
    VerdictCount {
        /// How many operations the script has.
        operations: u64,
        /// How many verdicts there are.
        verdicts: u64,
    },
    /// Nothing was recorded for the script.
    #[error("there is no {0}.verdicts.jsonl or {0}.verdicts.jsonl.gz beside the script")]
    NoVerdicts(String),
    /// A file that is not named as scripts are.
    #[error("a script is named NAME.jsonl or NAME.jsonl.gz")]
    NotAScript,
    /// A folder without scripts.
    #[error("there is no script NAME.jsonl or NAME.jsonl.gz in this folder")]
    NoScripts,
    /// One operation has one known difference.
    #[error("operation {op} of the script {script:?} has a known difference already")]
    KnownTwice {
        /// The script.
        script: String,
        /// The operation.
        op: u64,
    },
}

/// The parser counts lines from the beginning of what it was given, which is one line of ours.
struct Explained<'a>(&'a serde_json::Error);

impl fmt::Display for Explained<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = self.0.to_string();
        let place = format!(" at line {} column {}", self.0.line(), self.0.column());
        match told.strip_suffix(&place) {
            Some(told) => write!(f, "{told} (column {})", self.0.column()),
            None => f.write_str(&told),
        }
    }
}
