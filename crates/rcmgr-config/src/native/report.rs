//! What is wrong with what is being read, and where it stands.

use std::sync::Arc;

use crate::document::{self, Node, Syntax};
use crate::{At, Diagnostic, Diagnostics, Severity, Source, Span, nearest, quoted};

/// What is being read.
#[derive(Clone, Debug)]
pub enum Place {
    /// A text.
    Text(Arc<Source>),
    /// The value of a flag or of a variable.
    Value(At),
    /// The same, where it is a text with places of its own.
    TextOfValue(At, Arc<Source>),
}

/// Takes down what is wrong.
#[derive(Debug)]
pub struct Report<'a> {
    place: Place,
    diagnostics: &'a mut Diagnostics,
}

impl<'a> Report<'a> {
    /// Nothing is wrong so far.
    pub fn new(place: Place, diagnostics: &'a mut Diagnostics) -> Report<'a> {
        Report { place, diagnostics }
    }

    /// Where a value is said.
    pub fn at(&self, span: Span) -> At {
        match &self.place {
            Place::Text(source) => At::Text(Arc::clone(source), span),
            Place::Value(at) | Place::TextOfValue(at, _) => at.clone(),
        }
    }

    /// Reads the text of a value as YAML. What is wrong from now on is shown in that text.
    pub fn parse(&mut self, text: &str) -> Option<Node> {
        let Place::Value(at) = &self.place else { return None };
        let source = match Source::new(at.to_string(), text) {
            Ok(source) => Arc::new(source),
            Err(error) => {
                self.push(Diagnostic::unplaced(Severity::Error, error.to_string()));
                return None;
            }
        };
        let mut found = Diagnostics::default();
        let node = document::parse(Syntax::Yaml, &source, &mut found);
        let node = node.filter(|_| !found.has_errors());
        self.diagnostics.append(found);
        self.place = Place::TextOfValue(at.clone(), source);
        node
    }

    /// Whether the messages of further errors are not kept.
    pub fn is_full(&self) -> bool {
        self.diagnostics.errors().len() >= Diagnostics::KEPT
    }

    /// Takes down an error.
    pub fn error(&mut self, span: Span, message: impl Into<String>, help: Option<String>) {
        let diagnostic = self.diagnostic(Severity::Error, span, message.into());
        self.push(with_help(diagnostic, help));
    }

    /// Takes down a warning.
    pub fn warning(&mut self, span: Span, message: impl Into<String>, help: Option<String>) {
        let diagnostic = self.diagnostic(Severity::Warning, span, message.into());
        self.push(with_help(diagnostic, help));
    }

    /// Takes down that a place says again what another one said.
    pub fn again(&mut self, span: Span, first: Span, message: impl Into<String>, help: &str) {
        let diagnostic = self.diagnostic(Severity::Error, span, message.into());
        self.push(diagnostic.related(first, "here first").help(help));
    }

    /// Takes down a key that is none of those that may stand there.
    pub fn unknown<'k>(
        &mut self,
        span: Span,
        key: &str,
        keys: impl IntoIterator<Item = &'k str>,
        elsewhere: Option<&str>,
    ) {
        let keys: Vec<&str> = keys.into_iter().collect();
        let help = match (nearest(key, keys.iter().copied()), elsewhere) {
            (_, Some(above)) => format!("it belongs under {}", quoted(above)),
            (Some(nearest), None) => format!("did you mean {}?", quoted(nearest)),
            (None, None) => format!("the keys here are {}", keys.join(", ")),
        };
        self.error(span, format!("unknown key {}", quoted(key)), Some(help));
    }

    fn diagnostic(&self, severity: Severity, span: Span, message: String) -> Diagnostic {
        match &self.place {
            Place::Text(source) | Place::TextOfValue(_, source) => {
                Diagnostic::unplaced(severity, message).at(source, span)
            }
            Place::Value(at) => Diagnostic::unplaced(severity, format!("{at}: {message}")),
        }
    }

    fn push(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }
}

fn with_help(diagnostic: Diagnostic, help: Option<String>) -> Diagnostic {
    match help {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}
