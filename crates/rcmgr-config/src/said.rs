//! A value and where it was said.

use core::fmt;
use std::sync::Arc;

use crate::{Source, Span};

/// Where something was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum At {
    /// In a text.
    Text(Arc<Source>, Span),
    /// In this variable of the environment.
    Environment(Arc<str>),
    /// On the command line, by this flag.
    Flag(Arc<str>),
    /// In a request to the running node.
    RunTime,
    /// Nowhere: it is what the program whose format is read takes for granted.
    Default(&'static str),
}

/// In short: `limits.yaml:12`, `$RCMGR_MEMORY`, `--memory`.
impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            At::Text(source, span) => {
                write!(f, "{}:{}", source.name(), source.position(*span).line)
            }
            At::Environment(name) => write!(f, "${name}"),
            At::Flag(name) => f.write_str(name),
            At::RunTime => f.write_str("set at run time"),
            At::Default(program) => write!(f, "default of {program}"),
        }
    }
}

/// A value, and where it was said. Two are equal that say the same, wherever they do.
#[derive(Clone, Debug)]
pub struct Said<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub at: At,
}

impl<T> Said<T> {
    /// A value that was said at a place.
    pub const fn new(value: T, at: At) -> Self {
        Said { value, at }
    }
}

impl<T: PartialEq> PartialEq for Said<T> {
    fn eq(&self, other: &Said<T>) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for Said<T> {}
