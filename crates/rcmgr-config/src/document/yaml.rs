//! Documents in YAML 1.2, by its core schema; and whole numbers may have underscores.

mod scalar;

use std::collections::HashMap;

use granit_parser::{ErrorKind, Event, Options, Parser, ScanError, StructureStyle, Tag};

use super::bounds::{Extent, MAX_DEPTH, MAX_SIZE};
use super::{Entry, Node, Report, Value};
use crate::Span;

const NOTHING: &str = "write a key and its value, as in key: value, or {} to set nothing";

pub(super) fn read(report: &mut Report<'_>) -> Option<Node> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    options.flow_nesting_limit = MAX_DEPTH;
    options.block_nesting_limit = MAX_DEPTH;

    let source = report.source;
    let mut tree = Tree {
        report,
        open: Vec::new(),
        root: None,
        anchors: HashMap::new(),
        size: 0,
        has_aliases: false,
    };
    let mut documents = 0;
    for event in Parser::new_from_str_with_options(source.text(), options) {
        let (event, at) = match event {
            Ok(event) => event,
            Err(error) => {
                explain(tree.report, &error);
                return None;
            }
        };
        let span = source.span(at.byte_range().unwrap_or_default());
        if let Event::DocumentStart(..) = event {
            documents += 1;
            if documents > 1 {
                let message = "a second document begins here";
                tree.report.error_with_help(span, message, "keep one document in a file");
                return None;
            }
        }
        let tag_span = at.tag_span().and_then(|tag| tag.byte_range());
        let tag_span = tag_span.map_or(span, |tag| source.span(tag));
        tree.event(event, span, tag_span).ok()?;
    }
    match tree.root {
        Some(Node { value: Value::Null, span }) if span.range().is_empty() => {
            report.empty(NOTHING);
            None
        }
        None => {
            report.empty(NOTHING);
            None
        }
        root => root,
    }
}

/// The tree as far as it is read.
struct Tree<'a, 'b> {
    report: &'a mut Report<'b>,
    /// The lists and maps that are not closed yet, from the outside in.
    open: Vec<Open>,
    root: Option<Node>,
    /// What aliases may stand for, with what it takes.
    anchors: HashMap<usize, (Node, Extent)>,
    /// The keys and values so far, with copies.
    size: usize,
    has_aliases: bool,
}

/// A list or a map that is not closed yet.
struct Open {
    parts: Parts,
    start: Span,
    /// Whether it is written in brackets.
    in_brackets: bool,
    anchor: usize,
}

enum Parts {
    List(Vec<Node>),
    /// The entries, and the key that has no value yet.
    Map(Vec<Entry>, Option<(String, Span)>),
}

/// The document goes beyond its bounds, which is reported; no more of it is read.
struct OutOfBounds;

impl Tree<'_, '_> {
    fn event(&mut self, event: Event<'_>, span: Span, tag_at: Span) -> Result<(), OutOfBounds> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let span = self.trimmed(span);
                self.count(1, span)?;
                if self.awaits_key() {
                    if span.range().is_empty() {
                        let help = "write key: value";
                        self.report.error_with_help(span, "this value has no key", help);
                    }
                    if text == "<<" && scalar::is_plain(style) {
                        let help = "write out the keys that it would bring in";
                        self.report.error_with_help(span, "merge keys are not supported", help);
                    }
                    return self.key(text.into_owned(), span, anchor);
                }
                let span = match (span.range().is_empty(), self.open.last().map(|o| &o.parts)) {
                    (true, Some(Parts::Map(_, Some((_, key))))) => *key,
                    _ => span,
                };
                let value = match scalar::value(&text, style, tag.as_deref()) {
                    Ok(value) => value,
                    Err(problem) => {
                        let at = if tag.is_some() { tag_at } else { span };
                        self.report.error_with_help(at, problem.message, problem.help);
                        Value::Null
                    }
                };
                self.add(Node { value, span }, anchor)
            }
            Event::SequenceStart(style, anchor, tag) => {
                self.check_tag(tag.as_deref(), "seq", "list", tag_at);
                self.open(Parts::List(Vec::new()), style, anchor, span)
            }
            Event::MappingStart(style, anchor, tag) => {
                self.check_tag(tag.as_deref(), "map", "map", tag_at);
                self.open(Parts::Map(Vec::new(), None), style, anchor, span)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Alias(anchor) => self.alias(anchor, span),
            _ => Ok(()),
        }
    }

    fn awaits_key(&self) -> bool {
        matches!(self.open.last(), Some(Open { parts: Parts::Map(_, None), .. }))
    }

    fn key(&mut self, key: String, span: Span, anchor: usize) -> Result<(), OutOfBounds> {
        if anchor != 0 {
            self.remember(anchor, &Node { value: Value::Text(key.clone()), span })?;
        }
        if let Some(Open { parts: Parts::Map(_, awaiting), .. }) = self.open.last_mut() {
            *awaiting = Some((key, span));
        }
        Ok(())
    }

    /// Puts a value where it stands.
    fn add(&mut self, node: Node, anchor: usize) -> Result<(), OutOfBounds> {
        if anchor != 0 {
            self.remember(anchor, &node)?;
        }
        match self.open.last_mut().map(|open| &mut open.parts) {
            None => self.root = Some(node),
            Some(Parts::List(items)) => items.push(node),
            Some(Parts::Map(entries, key)) => {
                let Some((key, key_span)) = key.take() else {
                    let message = "a list, a map or an alias cannot be a key";
                    self.report.error_with_help(node.span, message, "write the key as text");
                    return self.key(String::new(), node.span, 0);
                };
                entries.push(Entry { key, key_span, value: node });
            }
        }
        Ok(())
    }

    fn open(
        &mut self,
        parts: Parts,
        style: StructureStyle,
        anchor: usize,
        start: Span,
    ) -> Result<(), OutOfBounds> {
        self.count(1, start)?;
        if self.open.len() == MAX_DEPTH {
            self.report.too_deep(start);
            return Err(OutOfBounds);
        }
        self.open.push(Open { parts, start, in_brackets: style == StructureStyle::Flow, anchor });
        Ok(())
    }

    fn close(&mut self, end: Span) -> Result<(), OutOfBounds> {
        let open = self.open.pop().expect("the parser closes what it opened");
        let (value, last) = match open.parts {
            Parts::List(items) => {
                let last = items.last().map(|item| item.span);
                (Value::List(items), last)
            }
            Parts::Map(entries, _) => {
                let last = entries.last().map(|entry| entry.value.span.max(entry.key_span));
                (Value::Map(self.report.unique(entries)), last)
            }
        };
        // Without brackets the parser finds the end at what comes next, lines below.
        let end = if open.in_brackets { end } else { last.unwrap_or(open.start) };
        self.add(Node { value, span: open.start.to(end) }, open.anchor)
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), OutOfBounds> {
        let Some((node, extent)) = self.anchors.get(&anchor) else {
            let message = "this alias stands within what it stands for";
            self.report.error_with_help(span, message, "write out what it should stand for");
            self.count(1, span)?;
            return self.add(Node { value: Value::Null, span }, 0);
        };
        let extent = *extent;
        self.has_aliases = true;
        if self.open.len() + extent.depth > MAX_DEPTH {
            self.report.too_deep(span);
            return Err(OutOfBounds);
        }
        let value = node.value.clone();
        self.count(extent.size, span)?;
        self.add(Node { value, span }, 0)
    }

    /// Keeps a copy for aliases.
    fn remember(&mut self, anchor: usize, node: &Node) -> Result<(), OutOfBounds> {
        let extent = Extent::of(node);
        self.count(extent.size, node.span)?;
        self.anchors.insert(anchor, (node.clone(), extent));
        Ok(())
    }

    fn count(&mut self, size: usize, at: Span) -> Result<(), OutOfBounds> {
        self.size += size;
        if self.size > MAX_SIZE {
            match self.has_aliases {
                true => self.report.too_large_with_aliases(at),
                false => self.report.too_large(at),
            }
            return Err(OutOfBounds);
        }
        Ok(())
    }

    /// Reports a tag that is not the core schema's for a list or a map.
    fn check_tag(&mut self, tag: Option<&Tag>, core: &str, what: &str, at: Span) {
        if tag.is_some_and(|tag| !tag.is_yaml_core_schema_tag(core)) {
            let message = format!("this tag means nothing for a {what}");
            self.report.error_with_help(at, message, "remove it");
        }
    }

    /// A span without the white space at its end, which texts in block style have.
    fn trimmed(&self, span: Span) -> Span {
        let range = span.range();
        let len = self.report.text()[range.clone()].trim_end().len();
        self.report.span(range.start..range.start + len)
    }
}

/// Adds what the parser found, in words that say what to do.
fn explain(report: &mut Report<'_>, error: &ScanError) {
    let at = error.marker().byte_offset().unwrap_or_default();
    let at = match error.kind() {
        kind if is_about_a_tab(kind) => tab_near(report.text(), at),
        _ => at,
    };
    let span = report.span(at..at);
    let (message, help) = match error.kind() {
        ErrorKind::RecursionLimitExceeded => return report.too_deep(span),
        kind if is_about_a_tab(kind) => {
            ("a tab stands where YAML allows none", "indent with spaces")
        }
        ErrorKind::InvalidIndentation => (
            "this line is indented as none above it is",
            "indent all keys of one map by the same number of spaces",
        ),
        ErrorKind::SimpleKeyExpected | ErrorKind::ExpectedBlockMappingKey => (
            "a key with a colon and its value should stand here",
            "write key: value, and indent all keys of one map by the same number of spaces",
        ),
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => (
            "no key and value can stand here",
            "put a text with a colon in quotation marks, or look above for a missing colon, a bracket \
             that is not closed, or a wrong indentation",
        ),
        ErrorKind::UnclosedFlowCollection { open: '[' }
        | ErrorKind::UnexpectedEofFlowSequence
        | ErrorKind::ExpectedFlowSequenceSeparator => (
            "the list in brackets is not closed here",
            "write , between its items and ] at its end",
        ),
        ErrorKind::UnclosedFlowCollection { .. }
        | ErrorKind::UnexpectedEofFlowMapping
        | ErrorKind::ExpectedFlowMappingSeparator => {
            ("the map in braces is not closed here", "write , between its entries and } at its end")
        }
        ErrorKind::ExpectedBlockSequenceEntry => (
            "this does not belong to the list above",
            "write - before it, or indent it as the key that has the list",
        ),
        ErrorKind::InvalidQuotedScalarIndent => (
            "the text in quotation marks does not end before this line",
            "write the quotation mark at its end, or indent its further lines",
        ),
        ErrorKind::UnclosedQuotedScalar => {
            ("the text in quotation marks never ends", "write the quotation mark at its end")
        }
        ErrorKind::UnknownAnchor => (
            "no anchor of this name stands above",
            "write & and the name before what it stands for",
        ),
        ErrorKind::UnexpectedCharacter { .. } => {
            ("nothing can begin with this character", "put the text in quotation marks")
        }
        ErrorKind::UnknownQuotedScalarEscape => {
            ("this backslash means nothing", "write \\\\ for a backslash, or use 'single quotes'")
        }
        kind => return report.error(span, format!("this is not YAML: {kind}")),
    };
    report.error_with_help(span, message, help);
}

fn is_about_a_tab(kind: &ErrorKind) -> bool {
    use ErrorKind::*;
    matches!(kind, TabNotAllowed | TabInBlockIndentation | TabInIndentation | TabInPlainScalar)
}

/// Where the tab is that the parser means, which tells of what stands before or behind it: one
/// before on the same line, or else the next one.
fn tab_near(text: &str, at: usize) -> usize {
    let Some((before, behind)) = text.split_at_checked(at) else { return at };
    let line = before.rfind('\n').map_or(0, |end| end + 1);
    let on_the_line = before[line..].find('\t').map(|tab| line + tab);
    on_the_line.or_else(|| Some(at + behind.find('\t')?)).unwrap_or(at)
}

#[cfg(test)]
mod tests;
