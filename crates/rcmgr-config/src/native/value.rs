//! One value, read in one of the forms that it may have.

use std::collections::BTreeSet;

use rcmgr_core::AllowlistEntry;

use super::form::{Form, Part, PartName, Word, example, expected, sets, words};
use super::report::Report;
use super::scalar::{self, Number};
use crate::allowlist::{self, InvalidEntry};
use crate::document::{Entry, Node, Value};
use crate::{Span, nearest, quoted};

/// A value that was read.
#[derive(Clone, Debug, PartialEq)]
pub enum Parsed {
    /// A word.
    Word(Word),
    /// A number.
    Number(Number),
    /// Several numbers together.
    Parts(Parts),
    /// The entries of an allowlist.
    Entries(BTreeSet<AllowlistEntry>),
}

/// The parts of a value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parts(Vec<(PartName, Number)>);

impl Parts {
    /// A part, if it is there.
    pub fn get(&self, name: PartName) -> Option<Number> {
        self.0.iter().find(|(given, _)| *given == name).map(|(_, number)| *number)
    }
}

/// Reads what stands under a key; takes down what is wrong with it.
pub fn read(
    key: &str,
    forms: &'static [Form],
    node: &Node,
    report: &mut Report<'_>,
) -> Option<Parsed> {
    let wrong = match &node.value {
        Value::Number(text) | Value::Text(text) => {
            return of_text(key, forms, text, node.span, report);
        }
        Value::Map(entries) if sets(forms).next().is_some() => {
            return of_parts(key, forms, entries, node.span, report);
        }
        Value::List(nodes) if takes_entries(forms) => {
            return of_entries(nodes, report);
        }
        Value::Null => {
            let remedy = if words(forms).any(|word| word == Word::Default) {
                "leave the key out, or write default"
            } else if takes_entries(forms) {
                "leave the key out, or write [] for nobody"
            } else {
                "leave the key out"
            };
            report.error(node.span, format!("{key} has no value"), Some(remedy.to_owned()));
            return None;
        }
        Value::Bool(_) => "a truth value",
        Value::List(_) => "a list",
        Value::Map(_) => "a set of keys",
    };
    let help = format!("write {}", expected(forms));
    report.error(node.span, format!("{key} cannot be {wrong}"), Some(help));
    None
}

/// Whether a list of entries is one of the forms.
pub fn takes_entries(forms: &[Form]) -> bool {
    forms.iter().any(|form| matches!(form, Form::Entries))
}

fn of_text(
    key: &str,
    forms: &'static [Form],
    text: &str,
    span: Span,
    report: &mut Report<'_>,
) -> Option<Parsed> {
    if let Some(word) = words(forms).find(|word| word.text() == text) {
        return Some(Parsed::Word(word));
    }
    let scalar = forms.iter().find_map(|form| match form {
        Form::Scalar(scalar) => Some(*scalar),
        _ => None,
    });
    let why = match scalar.map(|scalar| scalar::parse(scalar, text)) {
        Some(Ok(number)) => return Some(Parsed::Number(number)),
        Some(Err(why)) => format!(": {why}"),
        None => String::new(),
    };
    if let Some(word) = nearest(text, words(forms).map(Word::text)) {
        let help = format!("did you mean {word}?");
        report.error(span, format!("{key} cannot be {}", quoted(text)), Some(help));
        return None;
    }
    let unlimited = words(forms).any(|word| word == Word::Unlimited);
    let help = match text {
        "-1" if unlimited => "for no limit write unlimited".to_owned(),
        "-2" if unlimited => "to admit nothing write block".to_owned(),
        _ => format!("write {}", expected(forms)),
    };
    report.error(span, format!("{key} cannot be {}{why}", quoted(text)), Some(help));
    None
}

fn of_parts(
    key: &str,
    forms: &'static [Form],
    entries: &[Entry],
    span: Span,
    report: &mut Report<'_>,
) -> Option<Parsed> {
    let given: Vec<&str> = entries.iter().map(|entry| &*entry.key).collect();
    let set = choose(forms, &given)?;
    let mut parts = Vec::new();
    let mut misplaced = false;
    for entry in entries {
        match set.iter().find(|part| part.name.key() == entry.key) {
            Some(part) => parts.extend(of_part(part, &entry.value, report)),
            None => {
                misplaced = true;
                not_a_part(forms, set, entry, report);
            }
        }
    }
    // Without the key that is wrong, one may seem to be missing that is only misspelt.
    if !misplaced {
        let missing = set.iter().filter(|part| part.required && !given.contains(&part.name.key()));
        let missing: Vec<&str> = missing.map(|part| part.name.key()).collect();
        if !missing.is_empty() {
            let help = match entries {
                [] => format!("write {}", expected(forms)),
                _ => format!("write {}", example(set)),
            };
            report.error(span, format!("{key} lacks {}", missing.join(" and ")), Some(help));
            return None;
        }
    }
    let whole = !misplaced && parts.len() == entries.len();
    whole.then_some(Parsed::Parts(Parts(parts)))
}

/// The set of parts that most of the keys are in.
pub fn choose(forms: &'static [Form], given: &[&str]) -> Option<&'static [Part]> {
    let known =
        |set: &&'static [Part]| set.iter().filter(|part| given.contains(&part.name.key())).count();
    // Of equals the first: `max_by_key` gives the last.
    sets(forms).rev().max_by_key(known)
}

/// Reads one part of a value; takes down what is wrong with it.
pub fn of_part(part: &Part, node: &Node, report: &mut Report<'_>) -> Option<(PartName, Number)> {
    let forms = [Form::Scalar(part.scalar)];
    let key = part.name.key();
    let wrong = match &node.value {
        Value::Number(text) | Value::Text(text) => match scalar::parse(part.scalar, text) {
            Ok(number) => return Some((part.name, number)),
            Err(why) => format!("{}: {why}", quoted(text)),
        },
        Value::Null => "nothing".to_owned(),
        Value::Bool(_) => "a truth value".to_owned(),
        Value::List(_) => "a list".to_owned(),
        Value::Map(_) => "a set of keys".to_owned(),
    };
    let help = format!("write {}", forms[0]);
    report.error(node.span, format!("{key} cannot be {wrong}"), Some(help));
    None
}

/// Takes down a key that is no part of the set, and perhaps one of another.
fn not_a_part(
    forms: &'static [Form],
    set: &'static [Part],
    entry: &Entry,
    report: &mut Report<'_>,
) {
    let is_part = |set: &[Part]| set.iter().any(|part| part.name.key() == entry.key);
    if sets(forms).any(is_part) {
        let message = format!("{} does not go with what else is said here", quoted(&entry.key));
        let either: Vec<String> = sets(forms).map(example).collect();
        report.error(entry.key_span, message, Some(format!("write {}", either.join(" or "))));
    } else {
        let keys = set.iter().map(|part| part.name.key());
        report.unknown(entry.key_span, &entry.key, keys, None);
    }
}

fn of_entries(nodes: &[Node], report: &mut Report<'_>) -> Option<Parsed> {
    let mut entries = BTreeSet::new();
    let mut complete = true;
    for node in nodes {
        let read = match &node.value {
            Value::Text(text) | Value::Number(text) => entry(text, node.span, report),
            _ => {
                let help = InvalidEntry.to_string();
                report.error(node.span, "this cannot be let past limits", Some(help));
                None
            }
        };
        match read {
            Some(entry) => drop(entries.insert(entry)),
            None => complete = false,
        }
    }
    complete.then_some(Parsed::Entries(entries))
}

/// Reads one entry of an allowlist.
pub fn entry(text: &str, span: Span, report: &mut Report<'_>) -> Option<AllowlistEntry> {
    match allowlist::entry(text) {
        Ok(entry) => {
            let network = entry.network.trunc();
            if network != entry.network {
                report.warning(span, masked(text, &network), None);
            }
            Some(AllowlistEntry { network, ..entry })
        }
        Err(error) => {
            let message = format!("{} cannot be let past limits", quoted(text));
            report.error(span, message, Some(error.to_string()));
            None
        }
    }
}

/// What is said of a network with bits beyond its prefix.
pub fn masked(text: &str, network: &rcmgr_core::ipnet::IpNet) -> String {
    format!("{} has bits beyond its prefix; it is taken for {network}", quoted(text))
}
