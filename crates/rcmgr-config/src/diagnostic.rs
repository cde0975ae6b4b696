//! What is wrong with a text, where, and what would be right.

mod render;

use core::fmt;
use std::sync::Arc;

use crate::{At, Position, Source, Span};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is applied.
    Error,
    /// It is applied, and does something else than its writer seems to mean.
    Warning,
}

/// One thing that is wrong.
///
/// As text it shows the line, as compilers do, without a line break at its end:
///
/// ```
/// use std::sync::Arc;
/// use rcmgr_config::{Diagnostic, Source};
///
/// let source = Arc::new(Source::new("limits.yaml", "system:\n  stream: 1\n")?);
/// let key = source.span(10..16);
/// let unknown = Diagnostic::error(&source, key, r#"unknown key "stream""#)
///     .help(r#"did you mean "streams"?"#);
/// assert_eq!(unknown.to_string(), r#"error: unknown key "stream"
///  --> limits.yaml:2:3
///   |
/// 2 |   stream: 1
///   |   ^^^^^^
///   |
///   = help: did you mean "streams"?"#);
/// # Ok::<(), rcmgr_config::SourceError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Diagnostic {
    severity: Severity,
    message: String,
    at: Option<(Arc<Source>, Span)>,
    related: Vec<(Span, String)>,
    help: Option<String>,
}

impl Diagnostic {
    /// The longest that a message, a label or a help is, in bytes. What is longer is cut: it has a
    /// name of the text in it, which may be as long as the text.
    pub const LONGEST: usize = 1024;

    /// What nothing may be applied with.
    pub fn error(source: &Arc<Source>, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::unplaced(Severity::Error, message).at(source, span)
    }

    /// What can be applied, and surprises.
    pub fn warning(source: &Arc<Source>, span: Span, message: impl Into<String>) -> Diagnostic {
        Diagnostic::unplaced(Severity::Warning, message).at(source, span)
    }

    /// What no text can be pointed at for, such as flags that contradict each other.
    pub fn unplaced(severity: Severity, message: impl Into<String>) -> Diagnostic {
        let message = cut(message.into());
        Diagnostic { severity, message, at: None, related: Vec::new(), help: None }
    }

    /// What is wrong with something that was said, wherever that is: in a text it is shown, and any
    /// other place is told first.
    pub fn of_said(severity: Severity, said: &At, message: impl fmt::Display) -> Diagnostic {
        match said {
            At::Text(source, span) => {
                Diagnostic::unplaced(severity, message.to_string()).at(source, *span)
            }
            elsewhere => Diagnostic::unplaced(severity, format!("{elsewhere}: {message}")),
        }
    }

    /// The same, at a place.
    #[must_use]
    pub fn at(self, source: &Arc<Source>, span: Span) -> Diagnostic {
        Diagnostic { at: Some((Arc::clone(source), span)), ..self }
    }

    /// The same, with what would be right.
    #[must_use]
    pub fn help(self, help: impl Into<String>) -> Diagnostic {
        Diagnostic { help: Some(cut(help.into())), ..self }
    }

    /// The same, with another place of the same text that it has to do with, and what is there.
    #[must_use]
    pub fn related(mut self, span: Span, label: impl Into<String>) -> Diagnostic {
        self.related.push((span, cut(label.into())));
        self
    }

    /// The same, as a warning: it is asked what would be, and nothing is to be applied.
    #[must_use]
    pub fn as_warning(self) -> Diagnostic {
        Diagnostic { severity: Severity::Warning, ..self }
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// What is wrong, in one sentence.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What would be right, if that can be said.
    pub fn help_text(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// The text that it is about and where in it.
    pub fn place(&self) -> Option<(&Arc<Source>, Span)> {
        self.at.as_ref().map(|(source, span)| (source, *span))
    }

    /// The line and column that it is about.
    pub fn position(&self) -> Option<Position> {
        self.place().map(|(source, span)| source.position(span))
    }
}

impl core::error::Error for Diagnostic {}

/// The text without what is beyond [`Diagnostic::LONGEST`].
fn cut(mut text: String) -> String {
    const SIGN: &str = "…";
    if text.len() > Diagnostic::LONGEST {
        let fits = |(at, _): &(usize, char)| *at <= Diagnostic::LONGEST - SIGN.len();
        let end = text.char_indices().take_while(fits).last().map_or(0, |(at, _)| at);
        text.truncate(end);
        text.push_str(SIGN);
    }
    text
}

#[cfg(test)]
mod tests;
