//! What is written, before it has a syntax.

use serde::ser::{Serialize, SerializeMap, Serializer};

/// The greatest whole number that every program can read: beyond 2^53, many readers of JSON round,
/// and beyond 2^63, TOML has none. Greater ones are written as texts.
const GREATEST: u64 = 1 << 53;

/// A value to be written.
#[derive(Clone, Debug, PartialEq)]
pub enum Written {
    /// A whole number.
    Whole(u64),
    /// A finite number.
    Real(f64),
    /// A truth value, which only the JSON Schema has.
    Bool(bool),
    /// A text.
    Text(String),
    /// Values in order.
    List(Vec<Written>),
    /// Values by key, in order.
    Map(Vec<(String, Written)>),
}

impl Written {
    /// As JSON in one line.
    pub fn json(&self) -> String {
        serde_json::to_string(self).expect("keys are texts")
    }

    /// As JSON in many lines.
    pub fn json_pretty(&self) -> String {
        serde_json::to_string_pretty(self).expect("keys are texts")
    }

    /// As TOML; only of a map.
    pub fn toml(&self) -> String {
        toml::to_string(self).expect("whole numbers are below 2^53, and the rest has a type")
    }
}

impl Serialize for Written {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Written::Whole(number) if *number > GREATEST => serializer.collect_str(number),
            Written::Whole(number) => serializer.serialize_u64(*number),
            Written::Real(number) => match as_whole(*number) {
                Some(whole) => serializer.serialize_u64(whole),
                None => serializer.serialize_f64(*number),
            },
            Written::Bool(truth) => serializer.serialize_bool(*truth),
            Written::Text(text) => serializer.serialize_str(text),
            Written::List(values) => serializer.collect_seq(values),
            Written::Map(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                for (key, value) in entries {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

/// The number without a point, if it needs none.
fn as_whole(number: f64) -> Option<u64> {
    let whole = number as u64;
    (whole < GREATEST && whole as f64 == number).then_some(whole)
}
