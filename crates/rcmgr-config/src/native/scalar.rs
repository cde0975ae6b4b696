//! Single numbers: counts, sizes, ratios, rates, lengths of time and portions of connections.

use core::time::Duration;

use super::form::Scalar;
use super::time;
use crate::{InvalidSize, Portion, Ratio, Size};

/// A number that was read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// Bytes or other whole things.
    Whole(u64),
    /// A part of a whole.
    Ratio(Ratio),
    /// How many a second: finite, and not below 0.
    PerSecond(f64),
    /// A length of time.
    Time(Duration),
    /// So many connections, or a part of the share.
    Portion(Portion),
}

/// Reads a number.
///
/// # Errors
/// Why it is none, as a sentence about "it".
pub fn parse(scalar: Scalar, text: &str) -> Result<Number, String> {
    match scalar {
        Scalar::Size => size(text).map(Number::Whole),
        Scalar::Count(most) => count(text, most).map(Number::Whole),
        Scalar::Ratio => text.parse().map(Number::Ratio).map_err(say),
        Scalar::PerSecond => per_second(text).map(Number::PerSecond),
        Scalar::Time => time::parse(text).map(Number::Time).map_err(say),
        Scalar::Portion => text.parse().map(Number::Portion).map_err(say),
    }
}

fn say(error: impl core::error::Error) -> String {
    error.to_string()
}

fn size(text: &str) -> Result<u64, String> {
    use InvalidSize::{NotANumber, UnknownUnit};
    match text.parse() {
        Ok(Size(bytes)) => Ok(bytes),
        Err(error @ (NotANumber | UnknownUnit)) => Err(unusual(text).unwrap_or_else(|| say(error))),
        Err(error) => Err(say(error)),
    }
}

fn count(text: &str, most: u64) -> Result<u64, String> {
    let grouped = |group: &str| !group.is_empty() && group.bytes().all(|b| b.is_ascii_digit());
    if text.split('_').all(grouped) {
        let number = text.replace('_', "").parse().ok().filter(|number| *number <= most);
        return number.ok_or_else(|| format!("it is more than {most}, the most that can be said"));
    }
    Err(match (unusual(text), text.parse::<Size>()) {
        (Some(why), _) => why,
        (None, Ok(Size(count))) => format!("it has a unit, as only sizes have; write {count}"),
        (None, Err(_)) => "it is not a whole number such as 64 or 1_000".to_owned(),
    })
}

/// Why what is a number to others is no count and no size.
fn unusual(text: &str) -> Option<String> {
    let number: f64 = text.parse().ok()?;
    Some(if !number.is_finite() {
        "it is not a finite number".to_owned()
    } else if number < 0.0 {
        "it is below 0".to_owned()
    } else if number.fract() != 0.0 {
        "it has a fraction, and only whole numbers count".to_owned()
    } else {
        "it is not written in digits alone: write out all of them".to_owned()
    })
}

fn per_second(text: &str) -> Result<f64, String> {
    let plain = text.replace('_', "");
    match plain.parse::<f64>() {
        Ok(rate) if !rate.is_finite() => Err("it is not a finite number".to_owned()),
        Ok(rate) if rate < 0.0 => Err("it is below 0".to_owned()),
        // Adding 0 makes the negative zero a zero.
        Ok(rate) => Ok(rate + 0.0),
        Err(_) => Err("it is not a number such as 100 or 0.2".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ANY: Scalar = Scalar::Count(u64::MAX);

    #[test]
    fn numbers_are_read() {
        for (scalar, text, number) in [
            (ANY, "0", Number::Whole(0)),
            (ANY, "1_000", Number::Whole(1000)),
            (ANY, "18446744073709551615", Number::Whole(u64::MAX)),
            (Scalar::Size, "64MiB", Number::Whole(64 << 20)),
            (Scalar::PerSecond, "0.2", Number::PerSecond(0.2)),
            (Scalar::PerSecond, "1_000", Number::PerSecond(1000.0)),
            (Scalar::PerSecond, "1e-3", Number::PerSecond(0.001)),
            (Scalar::Ratio, "1", Number::Ratio(Ratio::WHOLE)),
            (Scalar::Time, "20s", Number::Time(Duration::from_secs(20))),
        ] {
            assert_eq!(parse(scalar, text), Ok(number), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_says_why() {
        for (scalar, text, why) in [
            (ANY, "-1", "it is below 0"),
            (ANY, "1.5", "it has a fraction, and only whole numbers count"),
            (ANY, "1e3", "it is not written in digits alone: write out all of them"),
            (ANY, "64.0", "it is not written in digits alone: write out all of them"),
            (ANY, "NaN", "it is not a finite number"),
            (ANY, "64k", "it has a unit, as only sizes have; write 64000"),
            (ANY, "many", "it is not a whole number such as 64 or 1_000"),
            (ANY, "", "it is not a whole number such as 64 or 1_000"),
            (ANY, "1__0", "it is not a whole number such as 64 or 1_000"),
            (
                ANY,
                "18446744073709551616",
                "it is more than 18446744073709551615, the most that can be said",
            ),
            (Scalar::Count(7), "8", "it is more than 7, the most that can be said"),
            (Scalar::Size, "-1", "it is below 0"),
            (Scalar::Size, "1.5", "a byte has no fractions; give it a unit, such as MiB"),
            (
                Scalar::Size,
                "99999999999999999999",
                "it is 2^64 bytes (16EiB) or more, which is more than can be counted",
            ),
            (Scalar::Size, "inf", "it is not a finite number"),
            (Scalar::Size, "1e9", "it is not written in digits alone: write out all of them"),
            (
                Scalar::Size,
                "17EiB",
                "it is 2^64 bytes (16EiB) or more, which is more than can be counted",
            ),
            (Scalar::PerSecond, "-0.1", "it is below 0"),
            (Scalar::PerSecond, "1e400", "it is not a finite number"),
            (Scalar::PerSecond, "NaN", "it is not a finite number"),
            (Scalar::PerSecond, "10/s", "it is not a number such as 100 or 0.2"),
            (
                Scalar::Ratio,
                "1.5",
                "it is not above 0 and at most 1; write 0.25 for a quarter, or 1 for the whole",
            ),
            (Scalar::Ratio, "NaN", "it is not a number above 0 and at most 1, such as 0.25"),
        ] {
            assert_eq!(parse(scalar, text), Err(why.to_owned()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_number_or_an_error(text in "\\PC{0,24}|[-+0-9_.e]{0,24}[kMGiB]{0,3}") {
            for scalar in [
                ANY,
                Scalar::Size,
                Scalar::Ratio,
                Scalar::PerSecond,
                Scalar::Time,
                Scalar::Portion,
            ] {
                let _ = parse(scalar, &text);
            }
        }
    }
}
