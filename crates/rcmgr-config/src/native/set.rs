//! Single values, said outside of files: by flags and by variables of the environment.

use super::form;
use super::read::{assign, below, unknown};
use super::report::{Place, Report};
use super::schema::{Record, Shape, Slot};
use super::value::{masked, takes_entries};
use crate::document::{Entry, Node, Value};
use crate::{At, Diagnostics, Settings, Span, quoted};

/// Sets one value by its path, as by a flag `--set PATH=VALUE`, on top of what settings say.
///
/// The value is written as in a file; a set of keys or a list as in YAML between brackets, and an
/// allowlist also as entries between commas. A path may also lead to the only part that a value
/// needs, `memory.ratio`, or to a set of values, of which those between the brackets are set. All
/// that is wrong is added to `diagnostics`, and tells the flag or the variable; then nothing is set.
///
/// ```
/// use rcmgr_config::{At, Diagnostics, Settings, native};
///
/// let mut settings = Settings::default();
/// let mut diagnostics = Diagnostics::default();
/// let path = native::path("limits.peer.streams")?;
/// native::set(&mut settings, &path, "64", At::Flag("--set".into()), &mut diagnostics);
/// assert!(diagnostics.is_empty() && settings.scopes.len() == 1);
///
/// let path = native::path("limits.peer.stream")?;
/// native::set(&mut settings, &path, "64", At::Flag("--set".into()), &mut diagnostics);
/// assert_eq!(
///     diagnostics.to_string(),
///     "error: --set: unknown key \"stream\"\n = help: did you mean \"streams\"?"
/// );
/// # Ok::<(), native::InvalidPath>(())
/// ```
pub fn set(
    settings: &mut Settings,
    path: &[impl AsRef<str>],
    value: &str,
    at: At,
    diagnostics: &mut Diagnostics,
) {
    let path: Vec<&str> = path.iter().map(AsRef::as_ref).collect();
    let mut found = Diagnostics::default();
    let said = said(&path, value, Report::new(Place::Value(at), &mut found));
    if let Some(said) = said.filter(|_| !found.has_errors()) {
        settings.overlay(&said);
    }
    diagnostics.append(found);
}

/// What is said by setting what a path leads to.
fn said(path: &[&str], value: &str, mut report: Report<'_>) -> Option<Settings> {
    let (shape, part) = find(path, &mut report)?;
    let help = match &shape {
        Shape::Value(slot) => {
            let node = node(slot, value, &mut report)?;
            let node = match part {
                Some(part) => parts([(part, node)]),
                None => node,
            };
            let mut said = Settings::default();
            assign(slot, &name(slot), &node, &mut said, &mut report);
            return Some(said);
        }
        shape if value.starts_with('{') => {
            let node = report.parse(value)?;
            return Some(below(shape, path.last()?, &node, report));
        }
        Shape::Record(record) => {
            let keys: Vec<&str> = record.fields().iter().map(|field| field.key).collect();
            format!("go on with one of {}", keys.join(", "))
        }
        Shape::Names(names) => format!("go on with a name, such as {}", quoted(names.example())),
    };
    let message = format!("{} is not one value", quoted(&path.join(".")));
    report.error(Span::default(), message, Some(help));
    None
}

/// What a path leads to, and the part of the value.
fn find<'p>(path: &[&'p str], report: &mut Report<'_>) -> Option<(Shape, Option<&'p str>)> {
    let span = Span::default();
    let mut shape = Shape::Record(Record::Root);
    for (at, key) in path.iter().enumerate() {
        shape = match &shape {
            Shape::Record(record) => match record.field(key) {
                Some(field) => field.shape,
                None => {
                    unknown(&record.fields(), span, key, report);
                    return None;
                }
            },
            Shape::Names(names) => match names.named(key) {
                Ok(named) => {
                    if let Some(network) = &named.instead {
                        report.warning(span, masked(key, network), None);
                    }
                    named.shape
                }
                Err(why) => {
                    let message = format!("{} cannot stand there", quoted(key));
                    report.error(span, message, Some(why.to_string()));
                    return None;
                }
            },
            Shape::Value(slot) => {
                let keys = || form::sets(form::forms(slot)).flatten().map(|part| part.name.key());
                if at + 1 == path.len() && keys().any(|part| part == *key) {
                    return Some((shape, Some(key)));
                }
                let message = format!("{} has no {} below it", name(slot), quoted(key));
                let help = format!("write its value: {}", form::expected(form::forms(slot)));
                report.error(span, message, Some(help));
                return None;
            }
        };
    }
    Some((shape, None))
}

/// What a slot is called in messages: the path that leads to it.
pub fn name(slot: &Slot) -> String {
    match slot {
        Slot::Base => "base".to_owned(),
        Slot::Of(key) => key.to_string(),
    }
}

/// Parts of a value that stand in no file together.
pub fn parts<'p>(parts: impl IntoIterator<Item = (&'p str, Node)>) -> Node {
    let entry = |(key, value): (&str, Node)| Entry {
        key: key.to_owned(),
        key_span: Span::default(),
        value,
    };
    unplaced(Value::Map(parts.into_iter().map(entry).collect()))
}

/// A text that stands in no file.
pub fn text(text: &str) -> Node {
    unplaced(Value::Text(text.to_owned()))
}

fn unplaced(value: Value) -> Node {
    Node { value, span: Span::default() }
}

/// The tree of the text of a value.
pub fn node(slot: &Slot, given: &str, report: &mut Report<'_>) -> Option<Node> {
    if given.starts_with(['{', '[']) {
        return report.parse(given);
    }
    Some(match takes_entries(form::forms(slot)) {
        true => {
            let entries = given.split(',').map(str::trim).filter(|entry| !entry.is_empty());
            unplaced(Value::List(entries.map(text).collect()))
        }
        false => text(given),
    })
}
