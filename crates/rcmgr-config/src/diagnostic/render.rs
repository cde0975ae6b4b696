//! A diagnostic as text, as rustc writes it.

use core::fmt;
use core::ops::Range;

use unicode_width::UnicodeWidthStr;

use super::{Diagnostic, Severity};
use crate::quoted::printable;
use crate::{Source, Span};

/// How much of a long line is shown before the place, of it, and after it, in bytes.
const AROUND: usize = 60;

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}: {}", printable(&self.message))?;
        let mut gutter = 0;
        if let Some((source, span)) = &self.at {
            let related = self.related.iter().map(|(span, label)| (*span, "::: ", '-', &**label));
            let places = [(*span, "--> ", '^', "")].into_iter().chain(related);
            let last = places.clone().map(|(span, ..)| source.position(span).line).max();
            gutter = last.unwrap_or_default().to_string().len();
            for (span, arrow, mark, label) in places {
                let at = source.position(span);
                write!(f, "\n{:gutter$}{arrow}{}:{at}", "", printable(source.name()))?;
                if let Some(line) = Line::of(source, span) {
                    let (text, indent, marks) = (line.text, line.indent, line.marked);
                    write!(f, "\n{:gutter$} |\n{:gutter$} | {text}", "", at.line)?;
                    let marks = mark.to_string().repeat(marks);
                    let under = format!("{:indent$}{marks} {}", "", printable(label));
                    write!(f, "\n{:gutter$} | {}", "", under.trim_end())?;
                }
            }
            if self.help.is_some() {
                write!(f, "\n{:gutter$} |", "")?;
            }
        }
        match &self.help {
            Some(help) => write!(f, "\n{:gutter$} = help: {}", "", printable(help)),
            None => Ok(()),
        }
    }
}

/// The line in which a span begins, or its part around the span, as a terminal shows it.
struct Line {
    text: String,
    /// How wide it is up to the span.
    indent: usize,
    /// How wide what lies in the span is, at least 1.
    marked: usize,
}

impl Line {
    /// The line, unless there is nothing to see in it.
    fn of(source: &Source, span: Span) -> Option<Line> {
        let line = source.line(span);
        let text = |range: Range<usize>| printable(&source.text()[range]).replace('\t', "    ");
        let part = |range: Range<usize>| source.span(range).range();

        let within = |at: usize| at.clamp(line.start, line.end);
        let Range { start, end } = span.range();
        let marked = part(within(start)..within(end).min(start + AROUND));
        let before = part(marked.start.saturating_sub(AROUND).max(line.start)..marked.start);
        let after = part(marked.end..line.end.min(marked.end + AROUND));
        if source.text()[before.start..after.end].trim().is_empty() {
            return None;
        }
        let cut = |cut: bool| if cut { "…" } else { "" };
        let (left, right) = (cut(before.start > line.start), cut(after.end < line.end));
        let (before, marked, after) = (text(before), text(marked), text(after));
        Some(Line {
            indent: left.width() + before.width(),
            marked: marked.width().max(1),
            text: format!("{left}{before}{marked}{after}{right}").trim_end().to_owned(),
        })
    }
}
