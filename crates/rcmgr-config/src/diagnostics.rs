//! All that is wrong, of one text or of several.

use core::fmt;

use crate::{Diagnostic, Severity};

/// What is wrong with what limits are read from: all of it at once, so that whoever mends it need
/// not run into one error after the other.
///
/// Only the first [`Diagnostics::KEPT`] errors, and as many warnings, are kept, for a text may hold
/// millions; the rest is counted. As text it is the first [`Diagnostics::SHOWN`] in order of place,
/// errors before warnings if there are more, and the number of those left out.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    errors: Kept,
    warnings: Kept,
}

#[derive(Clone, Debug, Default)]
struct Kept {
    first: Vec<Diagnostic>,
    left_out: usize,
}

impl Diagnostics {
    /// How many errors, and how many warnings, are kept.
    pub const KEPT: usize = 1000;

    /// How many are shown.
    pub const SHOWN: usize = 100;

    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        match diagnostic.severity() {
            Severity::Error => self.errors.push(diagnostic),
            Severity::Warning => self.warnings.push(diagnostic),
        }
    }

    /// Adds all of others.
    pub fn append(&mut self, others: Diagnostics) {
        self.errors.append(others.errors);
        self.warnings.append(others.warnings);
    }

    /// Whether there is an error: nothing may be applied.
    pub fn has_errors(&self) -> bool {
        !self.errors.first.is_empty()
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many there are, with those that are not kept.
    pub fn len(&self) -> usize {
        self.errors.len() + self.warnings.len()
    }

    /// The errors that are kept, in the order in which they were found.
    pub fn errors(&self) -> &[Diagnostic] {
        &self.errors.first
    }

    /// The warnings that are kept, in the order in which they were found.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings.first
    }
}

impl Kept {
    fn push(&mut self, diagnostic: Diagnostic) {
        match self.first.len() < Diagnostics::KEPT {
            true => self.first.push(diagnostic),
            false => self.left_out += 1,
        }
    }

    fn append(&mut self, others: Kept) {
        others.first.into_iter().for_each(|other| self.push(other));
        self.left_out += others.left_out;
    }

    fn len(&self) -> usize {
        self.first.len() + self.left_out
    }

    fn in_order(&self) -> Vec<&Diagnostic> {
        let mut in_order: Vec<_> = self.first.iter().collect();
        in_order.sort_by_key(|diagnostic| place(diagnostic));
        in_order
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Diagnostics {
        let mut diagnostics = Diagnostics::default();
        diagnostics.push(diagnostic);
        diagnostics
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<T: IntoIterator<Item = Diagnostic>>(&mut self, diagnostics: T) {
        diagnostics.into_iter().for_each(|diagnostic| self.push(diagnostic));
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.errors.in_order();
        shown.extend(self.warnings.in_order());
        shown.truncate(Diagnostics::SHOWN);
        shown.sort_by_key(|diagnostic| place(diagnostic));
        for (nth, diagnostic) in shown.iter().enumerate() {
            let between = if nth == 0 { "" } else { "\n\n" };
            write!(f, "{between}{diagnostic}")?;
        }
        match self.len() - shown.len() {
            0 => Ok(()),
            more => write!(f, "\n\nand {more} more"),
        }
    }
}

impl core::error::Error for Diagnostics {}

/// What diagnostics are ordered by: those without a place last.
fn place(diagnostic: &Diagnostic) -> (bool, &str, usize) {
    match diagnostic.place() {
        Some((source, span)) => (false, source.name(), span.range().start),
        None => (true, "", 0),
    }
}

#[cfg(test)]
mod tests;
