//! Settings, read from the tree of a file.

use std::collections::HashMap;
use std::sync::Arc;

use super::form::{self, PartName};
use super::report::{Place, Report};
use super::schema::{Field, Names, Record, Shape, Slot};
use super::{keep, value};
use crate::document::{Entry, Node, Value};
use crate::{Class, Diagnostics, Settings, Source, Span, Subject, nearest, quoted};

/// Reads settings from a document in the native format. All that is wrong with it is added to
/// `diagnostics`.
///
/// A record without a value, as YAML can leave it out and JSON writes `null`, is an empty one, so
/// that everything in it can be commented out; a value that is left out so is an error. A name
/// without limits is known, and goes by its class.
///
/// Returns nothing if there is an error in `diagnostics`, of this document or of what was read
/// before, for a part of what somebody meant is not what they meant.
pub fn read(source: &Arc<Source>, tree: &Node, diagnostics: &mut Diagnostics) -> Option<Settings> {
    let report = Report::new(Place::Text(Arc::clone(source)), diagnostics);
    let mut reader = Reader { settings: Settings::default(), report };
    match tree.value {
        Value::Null => reader.not_a_record(&Record::Root, WHOLE, tree),
        _ => reader.record(&Record::Root, WHOLE, tree),
    }
    let settings = reader.settings;
    (!diagnostics.has_errors()).then_some(settings)
}

/// Reads what stands under a key; what is wrong with it is reported.
pub fn below(shape: &Shape, key: &str, node: &Node, report: Report<'_>) -> Settings {
    let mut reader = Reader { settings: Settings::default(), report };
    reader.shape(shape, key, node);
    reader.settings
}

/// What a whole document is called in messages.
const WHOLE: &str = "a document of limits";

/// Reads the value of a slot and keeps it.
pub fn assign(
    slot: &Slot,
    key: &str,
    node: &Node,
    settings: &mut Settings,
    report: &mut Report<'_>,
) {
    let Some(value) = value::read(key, form::forms(slot), node, report) else { return };
    if let Err((part, why)) = keep::keep(slot, settings, &value, report.at(node.span)) {
        report.error(span_of(part, node), format!("{key} cannot be so: {why}"), None);
    }
}

/// Where a part of a value stands.
fn span_of(part: PartName, node: &Node) -> Span {
    match &node.value {
        Value::Map(entries) => {
            let entry = entries.iter().find(|entry| entry.key == part.key());
            entry.map_or(node.span, |entry| entry.value.span)
        }
        _ => node.span,
    }
}

/// What a running node answers beside its limits. It is no part of them and says nothing here, so
/// that an answer can be kept as a file and put back.
pub const OF_ANSWERS: [&str; 2] = ["version", "origins"];

struct Reader<'a> {
    settings: Settings,
    report: Report<'a>,
}

impl Reader<'_> {
    fn shape(&mut self, shape: &Shape, key: &str, node: &Node) {
        match shape {
            Shape::Record(record) => self.record(record, key, node),
            Shape::Names(names) => self.names(*names, key, node),
            Shape::Value(slot) => {
                assign(slot, key, node, &mut self.settings, &mut self.report);
            }
        }
    }

    fn record(&mut self, record: &Record, key: &str, node: &Node) {
        match record {
            Record::Scope(Subject::Class(_)) => {}
            Record::Scope(subject) => {
                self.settings.scopes.entry(subject.clone()).or_default();
            }
            Record::Quota(protocols) => {
                let quotas = &mut self.settings.connection_manager.quotas;
                quotas.entry(protocols.clone()).or_default();
            }
            _ => {}
        }
        let entries = match &node.value {
            Value::Null => return,
            Value::Map(entries) => entries,
            _ => return self.not_a_record(record, key, node),
        };
        let fields = record.fields();
        for entry in entries {
            match fields.iter().find(|field| field.key == entry.key) {
                Some(field) => self.shape(&field.shape, field.key, &entry.value),
                None if *record == Record::Root && OF_ANSWERS.contains(&entry.key.as_str()) => {}
                None => self.unknown(record, &fields, entry),
            }
        }
    }

    fn unknown(&mut self, record: &Record, fields: &[Field], entry: &Entry) {
        // When it is full nobody reads on, and there may be millions.
        let names = if self.report.is_full() { None } else { names_beside(record, fields, entry) };
        match names {
            Some(names) => {
                let keys = fields.iter().map(|field| field.key);
                self.report.unknown(entry.key_span, &entry.key, keys, Some(names));
            }
            None => unknown(fields, entry.key_span, &entry.key, &mut self.report),
        }
    }

    fn not_a_record(&mut self, record: &Record, key: &str, node: &Node) {
        let keys: Vec<&str> = record.fields().iter().map(|field| field.key).collect();
        let help = format!("write keys with values; the keys here are {}", keys.join(", "));
        self.not_keys(key, node, help);
    }

    fn names(&mut self, names: Names, key: &str, node: &Node) {
        let entries = match &node.value {
            Value::Null => return,
            Value::Map(entries) => entries,
            _ => {
                let example = names.example();
                let help = format!("write names with values, such as {}", quoted(example));
                return self.not_keys(key, node, help);
            }
        };
        let mut first: HashMap<Shape, Span> = HashMap::new();
        for entry in entries {
            let (name, span) = (&entry.key, entry.key_span);
            let named = match names.named(name) {
                Ok(named) => named,
                Err(why) => {
                    let message = format!("{} cannot stand in {key}", quoted(name));
                    self.report.error(span, message, Some(why.to_string()));
                    continue;
                }
            };
            if let Some(network) = &named.instead {
                self.report.warning(span, value::masked(name, network), None);
            }
            if let Some(first) = first.get(&named.shape) {
                let message = format!("{} is another spelling of the same name", quoted(name));
                self.report.again(span, *first, message, "keep one of them");
                continue;
            }
            if let Some(most) = names.most().filter(|most| first.len() == *most) {
                let message = format!("{} is one more than the {most} of {key}", quoted(name));
                let help = "leave some out, or take several together by what they begin with";
                self.report.error(span, message, Some(help.to_owned()));
                break;
            }
            self.shape(&named.shape, name, &entry.value);
            first.insert(named.shape, span);
        }
    }

    fn not_keys(&mut self, key: &str, node: &Node, help: String) {
        let what = match node.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a truth value",
            Value::Number(_) => "a number",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a set of keys",
        };
        self.report.error(node.span, format!("{key} cannot be {what}"), Some(help));
    }
}

/// Where the limits of single names stand, if they are written under the class instead: what is
/// like no key there and has keys of its own.
fn names_beside(record: &Record, fields: &[Field], entry: &Entry) -> Option<&'static str> {
    let Record::Scope(Subject::Class(class)) = record else { return None };
    let names = match class {
        Class::Service => "services",
        Class::ServicePeer => "service-peers",
        Class::Protocol => "protocols",
        Class::ProtocolPeer => "protocol-peers",
        Class::Peer => "peers",
        _ => return None,
    };
    let is_like_none = nearest(&entry.key, fields.iter().map(|field| field.key)).is_none();
    (matches!(entry.value.value, Value::Map(_)) && is_like_none).then_some(names)
}

/// Takes down a key that is none of the fields, with the nearest, or the one that it belongs under
/// if it stands a record too high.
pub fn unknown(fields: &[Field], span: Span, key: &str, report: &mut Report<'_>) {
    if report.is_full() {
        // Nobody reads on, and there may be millions.
        return report.error(span, "unknown key", None);
    }
    let holds = |field: &&Field| match &field.shape {
        Shape::Record(record) => record.field(key).is_some(),
        Shape::Names(_) | Shape::Value(_) => false,
    };
    let holding: Vec<&Field> = fields.iter().filter(holds).collect();
    // A key that several could hold tells nothing.
    let above = match holding.as_slice() {
        [field] => Some(field.key),
        _ => None,
    };
    report.unknown(span, key, fields.iter().map(|field| field.key), above);
}
