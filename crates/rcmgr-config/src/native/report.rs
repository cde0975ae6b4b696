//! What is wrong with what is being read, and where it stands.

use std::sync::Arc;

use crate::{At, Diagnostic, Diagnostics, Severity, Source, Span, nearest, quoted};

/// Takes down what is wrong.
#[derive(Debug)]
pub struct Report<'a> {
    source: &'a Arc<Source>,
    diagnostics: &'a mut Diagnostics,
}

impl<'a> Report<'a> {
    /// Nothing is wrong so far.
    pub fn new(source: &'a Arc<Source>, diagnostics: &'a mut Diagnostics) -> Report<'a> {
        Report { source, diagnostics }
    }

    /// Where a value is said.
    pub fn at(&self, span: Span) -> At {
        At::Text(Arc::clone(self.source), span)
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
        Diagnostic::unplaced(severity, message).at(self.source, span)
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
