//! Documents in JSON, as RFC 8259 has it.

use jsonc_parser::ast::Value as Ast;
use jsonc_parser::common::{Range, Ranged};
use jsonc_parser::errors::{ParseError, ParseErrorKind};
use jsonc_parser::tokens::Token;
use jsonc_parser::{ParseOptions, Scanner, ScannerOptions, parse_to_ast};

use super::bounds::{MAX_DEPTH, MAX_SIZE};
use super::{Entry, Node, Report, Value, number};

pub(super) fn read(report: &mut Report<'_>) -> Option<Node> {
    let source = report.source;
    if !is_within_bounds(report) {
        return None;
    }
    match parse_to_ast(source.text(), &Default::default(), &STRICT) {
        Ok(parsed) => match parsed.value {
            Some(root) => Some(node(report, root)),
            None => {
                report.empty("write {} to set nothing");
                None
            }
        },
        Err(error) => {
            explain(report, &error);
            None
        }
    }
}

const STRICT: ParseOptions = ParseOptions {
    allow_comments: false,
    allow_loose_object_property_names: false,
    allow_trailing_commas: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// Looks through the tokens, for the parser bounds neither what it builds nor, as we do, its depth,
/// and it takes all white space of Unicode, and control characters in texts. What is no token is
/// left to the parser to find.
fn is_within_bounds(report: &mut Report<'_>) -> bool {
    let source = report.source;
    let options = ScannerOptions {
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let mut scanner = Scanner::new(source.text(), &options);
    let text = source.text();
    let (mut depth, mut size, mut read) = (0_usize, 0, 0);
    while let Ok(token) = scanner.scan() {
        let (start, end) = match token {
            Some(_) => (scanner.token_start(), scanner.token_end()),
            None => (text.len(), text.len()),
        };
        let between = |c| !matches!(c, ' ' | '\t' | '\r' | '\n');
        let stray = text[read..start].find(between).map(|at| read + at);
        let stray = stray.or_else(|| Some(start + text[start..end].find(|c| c < ' ')?));
        if let Some(at) = stray {
            let span = report.span(at..at + 1);
            let help = "remove it, or write it in a text as an escape such as \\n";
            report.error_with_help(span, "this character cannot stand here", help);
            return false;
        }
        read = end;
        match token {
            None => break,
            Some(Token::OpenBrace | Token::OpenBracket) => (depth, size) = (depth + 1, size + 1),
            Some(Token::CloseBrace | Token::CloseBracket) => depth = depth.saturating_sub(1),
            Some(Token::Comma | Token::Colon) => {}
            Some(_) => size += 1,
        }
        let span = report.span(start..end);
        if depth > MAX_DEPTH {
            report.too_deep(span);
            return false;
        }
        if size > MAX_SIZE {
            report.too_large(span);
            return false;
        }
    }
    true
}

fn node(report: &mut Report<'_>, value: Ast<'_>) -> Node {
    let Range { start, end } = value.range();
    let span = report.span(start..end);
    let value = match value {
        Ast::NullKeyword(_) => Value::Null,
        Ast::BooleanLit(bool) => Value::Bool(bool.value),
        Ast::NumberLit(number) => Value::Number(match number.value {
            "-0" => "0".to_owned(),
            number => number::fraction(number),
        }),
        Ast::StringLit(text) => Value::Text(text.value.into_owned()),
        Ast::Array(array) => {
            Value::List(array.elements.into_iter().map(|item| node(report, item)).collect())
        }
        Ast::Object(object) => {
            let entries = object.properties.into_iter().map(|property| {
                let Range { start, end } = property.name.range();
                Entry {
                    key: property.name.into_string(),
                    key_span: report.span(start..end),
                    value: node(report, property.value),
                }
            });
            let entries = entries.collect();
            Value::Map(report.unique(entries))
        }
    };
    Node { value, span }
}

/// Adds what the parser found, in words that say what to do.
fn explain(report: &mut Report<'_>, error: &ParseError) {
    use ParseErrorKind::*;
    let Range { start, end } = error.range();
    let span = report.span(start..end);
    let (message, help) = match error.kind() {
        CommentsNotAllowed => {
            ("JSON has no comments", "remove it, or write the limits in YAML or TOML")
        }
        TrailingCommasNotAllowed => ("nothing follows this comma", "remove it"),
        ExpectedComma if begins_with_zero(report.text(), start) => {
            ("a number begins with a zero", "write it without zeros at its beginning")
        }
        ExpectedComma => ("a comma is missing here", "write , between two entries"),
        ExpectedColonAfterObjectKey => ("a colon is missing here", "write \"key\": value"),
        ExpectedObjectValue => ("this key has no value", "write \"key\": value"),
        ExpectedStringObjectProperty => {
            ("a key must stand in quotation marks", "write \"key\": value")
        }
        UnexpectedWord | UnexpectedToken => {
            ("this is no value of JSON", "text must stand in quotation marks, as \"text\"")
        }
        SingleQuotedStringsNotAllowed => {
            ("JSON has no single quotation marks", "write \"text\" instead")
        }
        MultipleRootJsonValues => {
            ("something follows the end of the document", "remove it, or a bracket too many")
        }
        UnterminatedObject => ("this { is never closed", "write } after its last entry"),
        UnterminatedArray => ("this [ is never closed", "write ] after its last entry"),
        UnexpectedCloseBrace => {
            ("this } closes nothing", "remove it, or write what should stand before it")
        }
        UnexpectedCloseBracket => {
            ("this ] closes nothing", "remove it, or write what should stand before it")
        }
        kind => return report.error(span, format!("this is not JSON: {kind}")),
    };
    report.error_with_help(span, message, help);
}

/// Whether there is a 0 before a place and another digit behind it, which are two numbers in JSON.
fn begins_with_zero(text: &str, at: usize) -> bool {
    let Some((before, behind)) = text.split_at_checked(at) else { return false };
    before.ends_with('0') && behind.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests;
