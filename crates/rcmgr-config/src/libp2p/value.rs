//! What stands in the place of one limit.

use core::fmt;

use rcmgr_core::Limit;
use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use serde::ser::{Serialize, Serializer};

use super::MAX;

/// One limit of a partial configuration.
///
/// Written as `"default"`, `"unlimited"`, `"blockAll"` or a number: -1 is "unlimited", -2 and an
/// explicit 0 are "blockAll". Go passes -3 and below on as they are; here they are an error, for
/// they mean nothing. Every limit, not only memory, may be a decimal string.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Value {
    /// What the base says.
    #[default]
    Default,
    /// This, whatever the base says.
    Set(Limit),
}

impl Value {
    /// What a value can be, for messages.
    pub(super) const EXPECTED: &str =
        r#""default", "unlimited", "blockAll", -1, -2 or a number from 0 to 2^64-1"#;

    /// The value that is written as a number, if any is.
    pub(super) fn of_number(number: i128) -> Option<Value> {
        match number {
            -1 => Some(Value::Set(Limit::UNLIMITED)),
            -2 => Some(Value::Set(Limit::BLOCK_ALL)),
            number => u64::try_from(number).ok().map(|bound| Value::Set(Bound(bound).into())),
        }
    }

    /// The value that is written as a string, if any is.
    pub(super) fn of_text(text: &str) -> Option<Value> {
        match text {
            "default" => Some(Value::Default),
            "unlimited" => Some(Value::Set(Limit::UNLIMITED)),
            "blockAll" => Some(Value::Set(Limit::BLOCK_ALL)),
            number => number.parse().ok().and_then(Value::of_number),
        }
    }

    /// The limit, over that of the base.
    pub fn over(self, base: Limit) -> Limit {
        match self {
            Value::Default => base,
            Value::Set(limit) => limit,
        }
    }

    /// Writes numbers as text: those of bytes may be more than the floats of JavaScript can hold.
    pub(super) fn serialize_as_text<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match *self {
            Value::Set(limit) if limit != Limit::UNLIMITED && limit != Limit::BLOCK_ALL => {
                to.collect_str(&limit.get())
            }
            value => value.serialize(to),
        }
    }

    /// Whether the base decides.
    pub fn is_default(&self) -> bool {
        *self == Value::Default
    }
}

/// One limit of a complete configuration: a number of which 0 admits nothing, and 2^63-1 and
/// 2^64-1 are unlimited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bound(pub u64);

impl From<Bound> for Limit {
    fn from(Bound(bound): Bound) -> Limit {
        match bound {
            MAX => Limit::UNLIMITED,
            bound => Limit::new(bound),
        }
    }
}

impl From<Limit> for Bound {
    fn from(limit: Limit) -> Bound {
        Bound(if limit.is_unlimited() { MAX } else { limit.get() })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Value, D::Error> {
        from.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl Visitor<'_> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Value::EXPECTED)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value, E> {
        let value = Value::of_number(number.into());
        value.ok_or_else(|| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value, E> {
        let value = Value::of_number(number.into());
        value.ok_or_else(|| E::invalid_value(Unexpected::Signed(number), &self))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        Value::of_text(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match *self {
            Value::Default => to.serialize_str("default"),
            Value::Set(Limit::UNLIMITED) => to.serialize_str("unlimited"),
            Value::Set(Limit::BLOCK_ALL) => to.serialize_str("blockAll"),
            Value::Set(limit) => to.serialize_u64(limit.get()),
        }
    }
}

impl<'de> Deserialize<'de> for Bound {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Bound, D::Error> {
        from.deserialize_any(BoundVisitor)
    }
}

struct BoundVisitor;

impl Visitor<'_> for BoundVisitor {
    type Value = Bound;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number from 0 to 2^64-1")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Bound, E> {
        Ok(Bound(number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Bound, E> {
        let bound = u64::try_from(number);
        bound.map(Bound).map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
    }
}

impl Serialize for Bound {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(json: &str) -> Result<Value, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn every_spelling_of_a_value() {
        let set = |bound| Ok(Value::Set(Limit::new(bound)));
        assert_eq!(value(r#""default""#), Ok(Value::Default));
        for unlimited in [r#""unlimited""#, "-1", r#""-1""#, "9223372036854775807"] {
            assert_eq!(value(unlimited), Ok(Value::Set(Limit::UNLIMITED)), "{unlimited}");
        }
        for nothing in [r#""blockAll""#, "-2", "0", r#""0""#] {
            assert_eq!(value(nothing), Ok(Value::Set(Limit::BLOCK_ALL)), "{nothing}");
        }
        assert_eq!(value("9223372036854775806"), set(i64::MAX as u64 - 1));
        assert_eq!(value(r#""36028797019374081""#), set(36028797019374081));
    }

    #[test]
    fn what_means_nothing_is_an_error_that_says_what_would_be_right() {
        for bad in [
            "-3",
            r#""-3""#,
            "1.5",
            "1e3",
            "null",
            "[]",
            r#""all""#,
            "18446744073709551616",
            r#""""#,
        ] {
            let error = value(bad).expect_err(bad);
            assert!(error.contains(r#""blockAll", -1, -2 or a number"#), "{error}");
        }
    }

    #[test]
    fn values_are_written_as_they_are_read() {
        for json in [r#""default""#, r#""unlimited""#, r#""blockAll""#, "7"] {
            let read = value(json).expect("it is a value");
            assert_eq!(serde_json::to_string(&read).expect("it is JSON"), json);
        }
    }
}
