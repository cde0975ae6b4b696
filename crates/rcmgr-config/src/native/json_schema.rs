//! The JSON Schema of the native format.

use super::form::{Form, Part, Scalar, forms, sets, words};
use super::read::OF_ANSWERS;
use super::schema::{Names, OF_ANSWERS_DOC, Record, Shape, Slot};
use super::written::Written;
use crate::{Class, Subject};

/// The native format as a JSON Schema (draft 2020-12), for editors and other programs.
///
/// The reader takes no file that the schema refuses, but for ratios and rates that are written as
/// texts. It refuses some that the schema takes: bounds of units, addresses and parts that
/// contradict each other are more than a schema says.
pub fn json_schema() -> String {
    let scalars = [
        ("size", size()),
        ("ratio", ratio()),
        ("rate", object([("type", text("number")), ("minimum", Written::Whole(0))])),
        ("portion", portion()),
        ("time", pattern(r"^ *(0|([0-9]+(\.[0-9]+)? *(([a-z]|µ)+) *)+)$")),
    ];
    let subject = Subject::Class(Class::System);
    let scope = ("scope", record(&Record::Scope(subject)));
    let mut schema = vec![
        entry("$schema", text("https://json-schema.org/draft/2020-12/schema")),
        entry("title", text("Limits of rcmgr")),
    ];
    match record(&Record::Root) {
        Written::Map(root) => schema.extend(root),
        other => schema.push(entry("const", other)),
    }
    schema.push(entry("$defs", object(scalars.into_iter().chain([scope]))));
    Written::Map(schema).json_pretty() + "\n"
}

fn record(of: &Record) -> Written {
    let field = |field: super::schema::Field| {
        let below = match shape(&field.shape) {
            Written::Map(mut below) => {
                below.insert(0, entry("description", text(field.doc)));
                Written::Map(below)
            }
            other => other,
        };
        (field.key.to_owned(), below)
    };
    let mut properties: Vec<_> = of.fields().into_iter().map(field).collect();
    if *of == Record::Root {
        let unread = object([("description", text(OF_ANSWERS_DOC))]);
        properties.extend(OF_ANSWERS.map(|key| entry(key, unread.clone())));
    }
    let properties = Written::Map(properties);
    object([
        ("type", nullable_object(of)),
        ("properties", properties),
        ("additionalProperties", Written::Bool(false)),
    ])
}

/// A record without a value is an empty one, but a file is not.
fn nullable_object(of: &Record) -> Written {
    match of {
        Record::Root => text("object"),
        _ => list(["object", "null"]),
    }
}

fn shape(of: &Shape) -> Written {
    match of {
        Shape::Record(Record::Scope(_)) => reference("scope"),
        Shape::Record(below) => record(below),
        Shape::Names(names) => map(*names),
        Shape::Value(slot) => value(slot),
    }
}

fn map(names: Names) -> Written {
    let below = names.named(names.example()).map(|named| shape(&named.shape));
    let below = below.unwrap_or(Written::Bool(false));
    let mut schema = vec![entry("type", list(["object", "null"]))];
    let most = names.most().map(|most| entry("maxProperties", Written::Whole(most as u64)));
    schema.extend(most);
    match names.pattern() {
        None => schema.push(entry("additionalProperties", below)),
        Some(pattern) => {
            let properties = Written::Map(vec![(pattern.to_owned(), below)]);
            schema.push(entry("patternProperties", properties));
            schema.push(entry("additionalProperties", Written::Bool(false)));
        }
    }
    Written::Map(schema)
}

fn value(slot: &Slot) -> Written {
    let forms = forms(slot);
    let mut all: Vec<Written> = forms.iter().filter_map(single).collect();
    let words: Vec<Written> = words(forms).map(|word| text(word.text())).collect();
    if !words.is_empty() {
        all.push(object([("enum", Written::List(words))]));
    }
    all.extend(sets(forms).map(parts));
    match <[Written; 1]>::try_from(all) {
        Ok([one]) => one,
        Err(all) => object([("anyOf", Written::List(all))]),
    }
}

fn single(form: &Form) -> Option<Written> {
    match form {
        Form::Scalar(of) => Some(scalar(*of)),
        Form::Entries => {
            let items = object([("type", text("string"))]);
            Some(object([("type", text("array")), ("items", items)]))
        }
        Form::Word(_) | Form::Parts(_) => None,
    }
}

fn parts(set: &'static [Part]) -> Written {
    let property = |part: &Part| {
        let mut below = vec![entry("description", text(part.doc))];
        match scalar(part.scalar) {
            Written::Map(scalar) => below.extend(scalar),
            other => below.push(entry("const", other)),
        }
        (part.name.key().to_owned(), Written::Map(below))
    };
    let required = set.iter().filter(|part| part.required).map(|part| text(part.name.key()));
    object([
        ("type", text("object")),
        ("properties", Written::Map(set.iter().map(property).collect())),
        ("required", Written::List(required.collect())),
        ("additionalProperties", Written::Bool(false)),
    ])
}

fn scalar(of: Scalar) -> Written {
    match of {
        Scalar::Size => reference("size"),
        Scalar::Count(most) => count(most),
        Scalar::Ratio => reference("ratio"),
        Scalar::PerSecond => reference("rate"),
        Scalar::Time => reference("time"),
        Scalar::Portion => reference("portion"),
    }
}

fn size() -> Written {
    let whole = object([("type", text("integer")), ("minimum", Written::Whole(0))]);
    let size = pattern(r"^[0-9]+(_[0-9]+)*(\.[0-9]+(_[0-9]+)*)? *([kKmMgGtTpPeE][iI]?)?[bB]?$");
    object([("anyOf", Written::List(vec![whole, size]))])
}

/// Great numbers are written as texts, which no schema can bound.
fn count(most: u64) -> Written {
    let mut whole = vec![entry("type", text("integer")), entry("minimum", Written::Whole(0))];
    if most < u64::MAX {
        whole.push(entry("maximum", Written::Whole(most)));
    }
    let digits = pattern("^[0-9]+(_[0-9]+)*$");
    object([("anyOf", Written::List(vec![Written::Map(whole), digits]))])
}

fn portion() -> Written {
    let whole = object([
        ("type", text("integer")),
        ("minimum", Written::Whole(0)),
        ("maximum", Written::Whole(u32::MAX.into())),
    ]);
    let written = pattern(r"^([0-9]+(_[0-9]+)*|[0-9]+(\.[0-9]+)? *%)$");
    object([("anyOf", Written::List(vec![whole, written]))])
}

fn ratio() -> Written {
    object([
        ("type", text("number")),
        ("exclusiveMinimum", Written::Whole(0)),
        ("maximum", Written::Whole(1)),
    ])
}

fn pattern(pattern: &str) -> Written {
    object([("type", text("string")), ("pattern", text(pattern))])
}

fn reference(definition: &str) -> Written {
    object([("$ref", text(&format!("#/$defs/{definition}")))])
}

fn object<'k>(entries: impl IntoIterator<Item = (&'k str, Written)>) -> Written {
    Written::Map(entries.into_iter().map(|(key, value)| entry(key, value)).collect())
}

fn entry(key: &str, value: Written) -> (String, Written) {
    (key.to_owned(), value)
}

fn text(text: &str) -> Written {
    Written::Text(text.to_owned())
}

fn list<const N: usize>(texts: [&str; N]) -> Written {
    Written::List(texts.map(text).into())
}
