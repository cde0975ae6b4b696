//! Documents in TOML.

mod keys;

use ::toml::Spanned;
use ::toml::de::{DeFloat, DeTable, DeValue, Error};
use toml_parser::parser::{Event, EventKind, RecursionGuard, parse_document};
use toml_parser::{ErrorSink, ParseError, Source};

use super::bounds::{MAX_DEPTH, MAX_SIZE};
use super::{Entry, Node, Report, Value, number};
use crate::{Diagnostics, Span};

/// How many tokens are read: with fewer than two to each key and value there is no more than may be.
const MAX_TOKENS: usize = 2 * MAX_SIZE;

pub(super) fn read(report: &mut Report<'_>) -> Option<Node> {
    let text = report.source.text();
    let events = events(report, Source::new(text))?;
    let (root, errors) = DeTable::parse_recoverable(text);
    let mut firsts = None;
    for error in errors {
        let at = error.span().unwrap_or_default();
        match error.message() {
            "duplicate key" => {
                let firsts = firsts.get_or_insert_with(|| keys::firsts(Source::new(text), &events));
                let first = firsts.get(&at.start).map(|first| report.span(first.clone()));
                let key = text.get(at.clone()).unwrap_or_default().trim_matches(['"', '\'']);
                report.duplicate(key, report.span(at), first);
            }
            _ => explain(report, &error),
        }
    }
    if root.get_ref().is_empty() && !report.is_broken {
        report.empty("write a key and its value, as in key = value");
        return None;
    }
    let span = report.span(0..text.len());
    let value = Tree { report, size: 0 }.table(root.into_inner(), span, 0)?;
    Some(Node { value, span })
}

/// What the text is made of, unless there is too much of it, or too much wrong with it: the parser
/// that builds the tree keeps all that it reads and every error, of which one text can have
/// millions.
fn events(report: &mut Report<'_>, source: Source<'_>) -> Option<Vec<Event>> {
    if let Some(token) = source.lex().nth(MAX_TOKENS) {
        let at = report.span(token.span().start()..token.span().end());
        report.too_large(at);
        return None;
    }
    let mut first = FirstErrors { errors: Vec::new(), more: 0 };
    let mut events = Vec::new();
    let tokens = source.lex().into_vec();
    let depth = u32::try_from(MAX_DEPTH).expect("64 is a small number");
    parse_document(&tokens, &mut RecursionGuard::new(&mut events, depth), &mut first);
    let too_deep = |error: &&ParseError| error.description().contains("recurse");
    if let Some(at) = first.errors.iter().find(too_deep).and_then(ParseError::unexpected) {
        report.too_deep(report.span(at.start()..at.end()));
        return None;
    }
    for event in &events {
        let Some(raw) = source.get(event) else { continue };
        match event.kind() {
            EventKind::SimpleKey => raw.decode_key(&mut (), &mut first),
            EventKind::Scalar => _ = raw.decode_scalar(&mut (), &mut first),
            EventKind::Comment => raw.decode_comment(&mut first),
            EventKind::Newline => raw.decode_newline(&mut first),
            _ => {}
        }
    }
    if first.more == 0 {
        return Some(events);
    }
    for error in first.errors {
        let at = error.unexpected().map_or(0..0, |at| at.start()..at.end());
        report.error(report.span(at), format!("this is not TOML: {}", error.description()));
    }
    let message = format!("{} more errors are not shown", first.more);
    report.error_with_help(Span::default(), message, "is this a file in TOML?");
    None
}

/// As many errors as are shown, and the number of the rest.
struct FirstErrors {
    errors: Vec<ParseError>,
    more: usize,
}

impl ErrorSink for FirstErrors {
    fn report_error(&mut self, error: ParseError) {
        match self.errors.len() < Diagnostics::SHOWN {
            true => self.errors.push(error),
            false => self.more += 1,
        }
    }
}

/// The tree as it is taken over from the parser.
struct Tree<'a, 'b> {
    report: &'a mut Report<'b>,
    /// The keys and values so far.
    size: usize,
}

/// Each is given the number of tables and arrays around it, and nothing once a bound is reported.
impl Tree<'_, '_> {
    fn table(&mut self, table: DeTable<'_>, span: Span, around: usize) -> Option<Value> {
        self.check_depth(span, around)?;
        let mut entries = Vec::with_capacity(table.len());
        for (key, value) in table {
            let key_span = self.report.span(key.span());
            self.count(key_span)?;
            let value = self.node(value, around + 1)?;
            entries.push(Entry { key: key.into_inner().into_owned(), key_span, value });
        }
        entries.sort_by_key(|entry| entry.key_span);
        Some(Value::Map(entries))
    }

    fn node(&mut self, value: Spanned<DeValue<'_>>, around: usize) -> Option<Node> {
        let span = self.report.span(value.span());
        self.count(span)?;
        let value = match value.into_inner() {
            DeValue::Boolean(bool) => Value::Bool(bool),
            DeValue::Integer(number) => match number::decimal(number.as_str(), number.radix()) {
                Some(number) => Value::Number(number),
                None => {
                    let message = "this number has more than 128 bits";
                    self.report.error_with_help(span, message, "write it in decimal, and smaller");
                    Value::Null
                }
            },
            DeValue::Float(number) => Value::Number(float(&number)),
            DeValue::String(text) => Value::Text(text.into_owned()),
            DeValue::Datetime(date) => Value::Text(date.to_string()),
            DeValue::Array(array) => {
                self.check_depth(span, around)?;
                let items = array.into_iter().map(|item| self.node(item, around + 1));
                Value::List(items.collect::<Option<_>>()?)
            }
            DeValue::Table(table) => self.table(table, span, around)?,
        };
        Some(Node { value, span })
    }

    fn check_depth(&mut self, at: Span, around: usize) -> Option<()> {
        if around >= MAX_DEPTH {
            self.report.too_deep(at);
            return None;
        }
        Some(())
    }

    fn count(&mut self, at: Span) -> Option<()> {
        self.size += 1;
        if self.size > MAX_SIZE {
            self.report.too_large(at);
            return None;
        }
        Some(())
    }
}

fn float(number: &DeFloat<'_>) -> String {
    match number.as_str().trim_start_matches(['+', '-']) {
        "nan" => "NaN".to_owned(),
        _ => number::fraction(number.as_str()),
    }
}

/// Adds what the parser found, in words that say what to do.
fn explain(report: &mut Report<'_>, error: &Error) {
    let span = report.span(error.span().unwrap_or_default());
    let message = error.message();
    let what = message.split_once(", expected").map_or(message, |(what, _)| what);
    let (words, help) = match what {
        "recursion limit" => return report.too_deep(span),
        "string values must be quoted" if !span.range().is_empty() => {
            ("a text must stand in quotation marks", "write key = \"text\"")
        }
        "string values must be quoted" | "key with no value" | "missing value for key" => {
            ("this key has no value", "write key = value")
        }
        "unclosed array" => ("the array is not closed here", "write ] after its last item"),
        "unclosed table" | "unclosed array table" => {
            ("the header is not closed here", "write [name], or [[name]] for one of several")
        }
        "unexpected leading zero" => ("a number has no leading zeros", "leave them out"),
        _ => return report.error(span, format!("this is not TOML: {message}")),
    };
    report.error_with_help(span, words, help);
}

#[cfg(test)]
mod tests;
