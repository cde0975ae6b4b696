//! What a scalar of YAML stands for.

use granit_parser::{ScalarStyle, Tag};

use crate::document::{Value, number};

/// Why a scalar stands for nothing.
pub(super) struct Problem {
    pub(super) message: &'static str,
    pub(super) help: &'static str,
}

pub(super) fn is_plain(style: ScalarStyle) -> bool {
    style == ScalarStyle::Plain
}

/// The value of a scalar: by its tag, or else text if it is quoted or in block style, or else what
/// the core schema takes it for.
pub(super) fn value(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Value, Problem> {
    let Some(tag) = tag else {
        return match is_plain(style) {
            true => plain(text),
            false => Ok(Value::Text(text.to_owned())),
        };
    };
    let fits = match tag.core_suffix() {
        Some("str") => return Ok(Value::Text(text.to_owned())),
        Some("null") => |value: &Value| *value == Value::Null,
        Some("bool") => |value: &Value| matches!(value, Value::Bool(_)),
        Some("int") => |value: &Value| match value {
            Value::Number(number) => number.bytes().all(|b| b.is_ascii_digit() || b == b'-'),
            _ => false,
        },
        Some("float") => |value: &Value| matches!(value, Value::Number(_)),
        _ => {
            return Err(Problem {
                message: "this tag means nothing for a single value",
                help: "remove it, and put the value in quotation marks if it is a text",
            });
        }
    };
    let mismatch = "the value is not of the kind that its tag says";
    let mismatch = Problem { message: mismatch, help: "remove the tag, or mend the value" };
    plain(text).and_then(|value| if fits(&value) { Ok(value) } else { Err(mismatch) })
}

fn plain(text: &str) -> Result<Value, Problem> {
    let whole = |digits: &str, base| match number::decimal(digits, base) {
        Some(number) => Ok(Value::Number(number)),
        None => Err(Problem {
            message: "this number has more than 128 bits",
            help: "write it in decimal, and smaller",
        }),
    };
    let (sign, unsigned) = match text.strip_prefix(['-', '+']) {
        Some(unsigned) => (&text[..1], unsigned),
        None => ("", text),
    };
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Value::Bool(false)),
        ".nan" | ".NaN" | ".NAN" => return Ok(Value::Number("NaN".to_owned())),
        _ => {}
    }
    let prefixed = |prefix: &str, base| {
        let digits = text.strip_prefix(prefix)?;
        (!digits.is_empty() && digits.chars().all(|c| c.is_digit(base))).then_some(digits)
    };
    if let Some(digits) = prefixed("0x", 16) {
        whole(digits, 16)
    } else if let Some(digits) = prefixed("0o", 8) {
        whole(digits, 8)
    } else if number::is_digits(unsigned) {
        whole(&text.replace('_', ""), 10)
    } else if number::is_fraction(unsigned) {
        Ok(Value::Number(number::fraction(text)))
    } else if let ".inf" | ".Inf" | ".INF" = unsigned {
        Ok(Value::Number(if sign == "-" { "-inf" } else { "inf" }.to_owned()))
    } else {
        Ok(Value::Text(text.to_owned()))
    }
}
