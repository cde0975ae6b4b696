//! Reading the tree of a foreign format: what is found in it, and all that is wrong.

use core::fmt;
use std::sync::Arc;

use crate::document::{Entry, Node, Value};
use crate::formats::Read;
use crate::quoted::quoted;
use crate::{At, Diagnostic, Said, Settings, Source, Span, nearest};

/// No more errors, and no more warnings, are kept of one text: it may hold millions.
const MOST: usize = 1000;

/// One text that is being read.
pub(crate) struct Reading<'s> {
    source: &'s Arc<Source>,
    errors: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
}

/// What becomes of keys that are not among those that are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Others {
    /// They are errors.
    Denied,
    /// They are none of our business.
    Ignored,
}

impl<'s> Reading<'s> {
    pub(crate) fn of(source: &'s Arc<Source>) -> Reading<'s> {
        Reading { source, errors: Vec::new(), warnings: Vec::new() }
    }

    /// What was read, with the warnings; or all errors, and then the warnings. Each in the order
    /// of the text.
    pub(crate) fn finish(self, settings: Settings) -> Result<Read, Vec<Diagnostic>> {
        let Reading { mut errors, mut warnings, .. } = self;
        let place = |diagnostic: &Diagnostic| diagnostic.place().map(|(_, span)| span);
        errors.sort_by_key(place);
        warnings.sort_by_key(place);
        if errors.is_empty() {
            return Ok(Read { settings, warnings });
        }
        errors.extend(warnings);
        Err(errors)
    }

    /// A value with the place of a node.
    pub(crate) fn said<T>(&self, value: T, node: &Node) -> Said<T> {
        Said::new(value, self.at(node.span))
    }

    pub(crate) fn at(&self, span: Span) -> At {
        At::Text(Arc::clone(self.source), span)
    }

    /// Adds an error, with what would be right.
    pub(crate) fn error(
        &mut self,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push_error(Diagnostic::error(self.source, span, message).help(help));
    }

    /// Adds a warning, with what can be done.
    pub(crate) fn warning(
        &mut self,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        if self.warnings.len() < MOST {
            self.warnings.push(Diagnostic::warning(self.source, span, message).help(help));
        }
    }

    fn push_error(&mut self, error: Diagnostic) {
        if self.errors.len() < MOST {
            self.errors.push(error);
        }
    }

    /// Adds that a value is not what its key can have.
    pub(crate) fn unfit(&mut self, node: &Node, key: &str, help: impl Into<String>) {
        self.error(node.span, format!("{} cannot be {}", quoted(key), Told(&node.value)), help);
    }

    /// The entries of a map. What is null has none: JSON and YAML write an empty one so.
    pub(crate) fn entries<'t>(&mut self, node: &'t Node, key: &str) -> &'t [Entry] {
        match &node.value {
            Value::Map(entries) => entries,
            Value::Null => &[],
            _ => {
                self.unfit(node, key, "write a map of keys and values");
                &[]
            }
        }
    }

    /// What a text has at its top, as [`Reading::fields`]; `what` says what text it is.
    pub(crate) fn top<'t, const N: usize>(
        &mut self,
        tree: &'t Node,
        what: &str,
        keys: [&str; N],
        others: Others,
    ) -> [Option<&'t Entry>; N] {
        match &tree.value {
            Value::Map(_) | Value::Null => self.fields(tree, what, keys, others),
            value => {
                let message = format!("{what} is a map, and this is {}", Told(value));
                self.error(tree.span, message, format!("its keys are {}", keys.join(", ")));
                [None; N]
            }
        }
    }

    /// What a map has under the keys that are asked for, in any case of letters, for Go takes them
    /// so. A key that stands twice in different cases is an error.
    pub(crate) fn fields<'t, const N: usize>(
        &mut self,
        node: &'t Node,
        key: &str,
        keys: [&str; N],
        others: Others,
    ) -> [Option<&'t Entry>; N] {
        let mut found = [None; N];
        for entry in self.entries(node, key) {
            match keys.iter().position(|key| key.eq_ignore_ascii_case(&entry.key)) {
                Some(at) => match found[at] {
                    None => found[at] = Some(entry),
                    Some(first) => self.twice(entry, first),
                },
                None if others == Others::Denied => self.unknown(entry, &keys),
                None => {}
            }
        }
        found
    }

    /// Adds that two entries say the same.
    pub(crate) fn twice(&mut self, entry: &Entry, first: &Entry) {
        let message = format!("{} says again what stands elsewhere", quoted(&entry.key));
        let error = Diagnostic::error(self.source, entry.key_span, message);
        self.push_error(error.related(first.key_span, "here").help("leave one of them out"));
    }

    /// Adds that a key is none of those that may stand there.
    fn unknown(&mut self, entry: &Entry, keys: &[&str]) {
        if self.errors.len() >= MOST {
            return;
        }
        let help = match nearest(&entry.key, keys.iter().copied()) {
            Some(nearest) => format!("did you mean {}?", quoted(nearest)),
            None => format!("the keys here are {}", keys.join(", ")),
        };
        self.error(entry.key_span, format!("unknown key {}", quoted(&entry.key)), help);
    }

    /// A whole number from 0 to `most`.
    pub(crate) fn number(
        &mut self,
        entry: &Entry,
        most: u64,
        help: impl Into<String>,
    ) -> Option<Said<u64>> {
        let number = whole(&entry.value).and_then(|number| u64::try_from(number).ok());
        match number.filter(|number| *number <= most) {
            Some(number) => Some(self.said(number, &entry.value)),
            None => {
                self.unfit(&entry.value, &entry.key, help);
                None
            }
        }
    }

    /// A truth value.
    pub(crate) fn truth(&mut self, entry: &Entry) -> Option<Said<bool>> {
        match entry.value.value {
            Value::Bool(truth) => Some(self.said(truth, &entry.value)),
            _ => {
                self.unfit(&entry.value, &entry.key, "write true or false");
                None
            }
        }
    }
}

/// The whole number of a node, if it is one.
pub(crate) fn whole(node: &Node) -> Option<i128> {
    match &node.value {
        Value::Number(number) => number.parse().ok(),
        _ => None,
    }
}

/// A value as a message tells it.
struct Told<'a>(&'a Value);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Null => f.write_str("null"),
            Value::Bool(truth) => truth.fmt(f),
            Value::Number(number) if number.len() <= 60 => write!(f, "the number {number}"),
            Value::Number(_) => f.write_str("a number of so many digits"),
            Value::Text(text) => write!(f, "the text {}", quoted(text)),
            Value::List(_) => f.write_str("a list"),
            Value::Map(_) => f.write_str("a map"),
        }
    }
}
