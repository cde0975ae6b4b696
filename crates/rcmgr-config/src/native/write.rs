//! Settings, written as files.

use super::say::said;
use super::schema::{Record, Shape};
use super::written::Written;
use super::yaml;
use crate::Settings;
use crate::document::Syntax;

/// Writes settings in the native format: only what they say, in the order of the reference.
///
/// [`read`](super::read()) reads the same settings back, but for their places. Numbers above 2^53
/// are written as texts, for many readers of JSON would round them, and TOML does not have all.
///
/// Settings that no reader makes cannot be read back: a length of time above 366 days, descriptors
/// that grow with memory, and other limits that are a part of the descriptors.
pub fn write(settings: &Settings, syntax: Syntax) -> String {
    let written = record(&Record::Root, settings);
    match syntax {
        Syntax::Yaml => yaml::text(&written),
        // An empty file is refused, for it may be one that was cut off.
        Syntax::Toml if written == Written::Map(Vec::new()) => "[limits]\n".to_owned(),
        Syntax::Toml => written.toml(),
        Syntax::Json => written.json_pretty() + "\n",
    }
}

/// The same as a value of JSON, for who puts more beside it.
pub fn to_json(settings: &Settings) -> serde_json::Value {
    serde_json::to_value(record(&Record::Root, settings)).expect("keys are texts")
}

fn record(record: &Record, settings: &Settings) -> Written {
    let mut entries = Vec::new();
    for field in record.fields() {
        if let Some(value) = below(&field.shape, settings) {
            entries.push((field.key.to_owned(), value));
        }
    }
    Written::Map(entries)
}

/// What stands under a key that the format knows, if anything does.
fn below(shape: &Shape, settings: &Settings) -> Option<Written> {
    let written = match shape {
        Shape::Record(below) => record(below, settings),
        Shape::Names(names) => {
            let names = names.of(settings).into_iter();
            Written::Map(
                names.filter_map(|(name, shape)| Some((name, named(&shape, settings)?))).collect(),
            )
        }
        Shape::Value(slot) => return said(slot, settings),
    };
    (written != Written::Map(Vec::new())).then_some(written)
}

/// What stands under a name: one without limits is written too, for it is known by that.
fn named(shape: &Shape, settings: &Settings) -> Option<Written> {
    match shape {
        Shape::Record(below) => Some(record(below, settings)),
        shape => below(shape, settings),
    }
}
