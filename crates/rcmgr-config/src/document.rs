//! What a text says in YAML, TOML or JSON, as one tree that knows where everything stands.
//!
//! Nothing here knows of limits: what a key means, the reader of a format says.
//!
//! ```
//! use std::sync::Arc;
//! use rcmgr_config::document::{self, Syntax, Value};
//! use rcmgr_config::{Diagnostics, Source};
//!
//! let source = Arc::new(Source::new("limits.yaml", "streams: 1_000\n")?);
//! let mut diagnostics = Diagnostics::default();
//! let root = document::parse(Syntax::of(&source), &source, &mut diagnostics);
//! let Some(Value::Map(entries)) = root.map(|root| root.value) else { panic!("{diagnostics}") };
//! assert_eq!(entries[0].key, "streams");
//! assert_eq!(entries[0].value.value, Value::Number("1000".to_owned()));
//! assert_eq!(source.position(entries[0].value.span).to_string(), "1:10");
//! # Ok::<(), rcmgr_config::SourceError>(())
//! ```

mod bounds;
mod json;
mod number;
mod syntax;
mod toml;
mod yaml;

use core::ops::Range;
use std::collections::HashMap;
use std::collections::hash_map;
use std::sync::Arc;

pub use bounds::{MAX_DEPTH, MAX_SIZE};
pub use syntax::Syntax;

use crate::{Diagnostic, Diagnostics, Source, Span, quoted};

/// A value and where it stands.
///
/// The span of a table of TOML is its header or, without one, the key that it is made by. The span
/// of a value that YAML leaves out is that of its key, and what an alias stands for has the span of
/// the alias, while what lies in it has those of the anchor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// What it is.
    pub value: Value,
    /// Where it stands.
    pub span: Span,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// Nothing, which TOML cannot say.
    Null,
    /// A truth value.
    Bool(bool),
    /// A number in decimal, without underscores, a plus or leading zeros. A fraction or a power of
    /// ten is as it was written; what is no finite number is `NaN`, `inf` or `-inf`.
    Number(String),
    /// A text: what is quoted, what YAML takes for nothing else, and the dates of TOML.
    Text(String),
    /// Values in order.
    List(Vec<Node>),
    /// Values by key, in order of place. No key stands twice.
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key. One that YAML takes for a number is kept as it was written.
    pub key: String,
    /// Where the key stands.
    pub key_span: Span,
    /// What it has.
    pub value: Node,
}

/// Reads a text. All that is wrong with its syntax is added to `diagnostics`.
///
/// Without a tree there is an error. If no more is wrong than keys that stand twice, there are
/// errors and a tree, with the first of them, so that more can be found in it that is wrong.
///
/// Hostile texts cost no more than others: a text is at most [`Source::MAX_LEN`] long, no deeper
/// than [`MAX_DEPTH`], and holds no more than [`MAX_SIZE`], with what the aliases of YAML repeat.
pub fn parse(syntax: Syntax, source: &Arc<Source>, diagnostics: &mut Diagnostics) -> Option<Node> {
    let mut report = Report { source, diagnostics, is_broken: false };
    let root = match syntax {
        Syntax::Yaml => yaml::read(&mut report),
        Syntax::Toml => toml::read(&mut report),
        Syntax::Json => json::read(&mut report),
    };
    root.filter(|_| !report.is_broken)
}

/// What is wrong with one text.
struct Report<'a> {
    source: &'a Arc<Source>,
    diagnostics: &'a mut Diagnostics,
    /// Whether something is wrong that leaves no tree to read on in.
    is_broken: bool,
}

impl Report<'_> {
    fn text(&self) -> &str {
        self.source.text()
    }

    fn span(&self, range: Range<usize>) -> Span {
        self.source.span(range)
    }

    /// Adds an error, after which there is no tree.
    fn error(&mut self, span: Span, message: impl Into<String>) {
        self.push(Diagnostic::error(self.source, span, message));
    }

    /// Adds an error with what would be right, after which there is no tree.
    fn error_with_help(&mut self, span: Span, message: impl Into<String>, help: &str) {
        self.push(Diagnostic::error(self.source, span, message).help(help));
    }

    fn push(&mut self, diagnostic: Diagnostic) {
        self.is_broken = true;
        self.diagnostics.push(diagnostic);
    }

    /// Adds that nothing is written.
    fn empty(&mut self, help: &str) {
        self.error_with_help(Span::default(), "nothing is written here", help);
    }

    /// Adds that a key stands twice, with where it stands first if that is known. The tree has the
    /// first.
    fn duplicate(&mut self, key: &str, again: Span, first: Option<Span>) {
        let message = format!("the key {} stands twice", quoted(key));
        let duplicate = Diagnostic::error(self.source, again, message)
            .help("leave one of them out, or put what belongs to both under one");
        self.diagnostics.push(match first {
            Some(first) => duplicate.related(first, "here first"),
            None => duplicate,
        });
    }

    /// The entries of a map without those of which the key stood before.
    fn unique(&mut self, mut entries: Vec<Entry>) -> Vec<Entry> {
        let mut first: HashMap<&str, Span> = HashMap::with_capacity(entries.len());
        let stood = entries.iter().map(|entry| match first.entry(&entry.key) {
            hash_map::Entry::Vacant(vacant) => {
                vacant.insert(entry.key_span);
                None
            }
            hash_map::Entry::Occupied(first) => Some(*first.get()),
        });
        let mut stood = stood.collect::<Vec<_>>().into_iter();
        entries.retain(|entry| match stood.next().flatten() {
            Some(first) => {
                self.duplicate(&entry.key, entry.key_span, Some(first));
                false
            }
            None => true,
        });
        entries
    }
}

#[cfg(test)]
mod tests;
