//! Where keys stand first, which the parser of TOML does not tell.

use core::ops::Range;
use std::collections::HashMap;

use toml_parser::Source;
use toml_parser::parser::{Event, EventKind};

/// For each key that stood before, by where it begins: where it stood first.
pub(super) fn firsts(source: Source<'_>, events: &[Event]) -> HashMap<usize, Range<usize>> {
    let mut walk = Walk { next: 1, ..Walk::default() };
    for (nth, event) in events.iter().enumerate() {
        match event.kind() {
            EventKind::StdTableOpen | EventKind::ArrayTableOpen => walk.at = 0,
            EventKind::StdTableClose => walk.table = walk.resolved(),
            EventKind::ArrayTableClose => {
                let element = walk.fresh();
                walk.elements.insert(walk.at, element);
                walk.table = element;
            }
            EventKind::SimpleKey => {
                let mut key = String::new();
                if let Some(raw) = source.get(event) {
                    raw.decode_key(&mut key, &mut ());
                }
                let mut next = events[nth + 1..].iter().map(Event::kind);
                let next = next.find(|kind| *kind != EventKind::Whitespace);
                let span = event.span().start()..event.span().end();
                walk.key(key, span, next != Some(EventKind::KeySep));
            }
            EventKind::KeyValSep => walk.of_value = Some(walk.at),
            EventKind::ArrayOpen => {
                walk.around.push((walk.table, walk.of_value));
                walk.of_value = None;
            }
            EventKind::InlineTableOpen => {
                walk.around.push((walk.table, walk.of_value));
                walk.table = walk.of_value.unwrap_or_else(|| walk.fresh());
            }
            EventKind::ArrayClose | EventKind::InlineTableClose => {
                (walk.table, walk.of_value) = walk.around.pop().unwrap_or_default();
            }
            _ => {}
        }
        if let EventKind::StdTableClose
        | EventKind::ArrayTableClose
        | EventKind::InlineTableOpen
        | EventKind::ValueSep
        | EventKind::Newline = event.kind()
        {
            walk.at = walk.table;
        }
    }
    walk.firsts
}

/// A walk over the keys. Each table and each value has a number, the root 0.
#[derive(Default)]
struct Walk {
    /// The numbers of what keys name in tables, and where they name it first, or define it first.
    known: HashMap<(usize, String), (usize, Range<usize>, bool)>,
    /// The last element of each array of tables.
    elements: HashMap<usize, usize>,
    next: usize,
    /// The table that keys are in.
    table: usize,
    /// What the part of a dotted key that is read names.
    at: usize,
    /// What an inline table that begins belongs to; none for an element of an array.
    of_value: Option<usize>,
    /// The same of the tables and arrays around.
    around: Vec<(usize, Option<usize>)>,
    firsts: HashMap<usize, Range<usize>>,
}

impl Walk {
    fn fresh(&mut self) -> usize {
        self.next += 1;
        self.next
    }

    fn resolved(&self) -> usize {
        *self.elements.get(&self.at).unwrap_or(&self.at)
    }

    /// Goes to what a key names. The last part of a dotted key defines it.
    fn key(&mut self, key: String, span: Range<usize>, defines: bool) {
        let fresh = self.fresh();
        let named = (self.resolved(), key);
        match self.known.get_mut(&named) {
            Some((number, first, is_defined)) => {
                self.at = *number;
                if defines {
                    self.firsts.insert(span.start, first.clone());
                    if !*is_defined {
                        (*first, *is_defined) = (span, true);
                    }
                }
            }
            None => {
                self.at = fresh;
                self.known.insert(named, (fresh, span, defines));
            }
        }
    }
}
