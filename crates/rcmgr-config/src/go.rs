//! Texts as Go's standard library reads them: what the programs whose formats these are take.

use core::time::Duration;

use crate::native::LONGEST_TIME;

/// The whole number of a text, by the rules of Go's `strconv.ParseInt` for any base: `15000`,
/// `15_000`, `-1`, `0x10`, `0b1`, `0o17`. A zero before decimal digits is refused: Go takes
/// `017` for 15, which few who write it mean.
pub(crate) fn integer(text: &str) -> Option<i128> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (base, digits) = match lower.get(..2) {
        Some("0x") => (16, &lower[2..]),
        Some("0o") => (8, &lower[2..]),
        Some("0b") => (2, &lower[2..]),
        _ => (10, &*lower),
    };
    // After the letter of a base there may be an underscore, before a decimal number not.
    let digits = if base == 10 { digits } else { digits.strip_prefix('_').unwrap_or(digits) };
    let grouped = |group: &str| !group.is_empty() && group.chars().all(|c| c.is_digit(base));
    if !digits.split('_').all(grouped) || base == 10 && digits.len() > 1 && digits.starts_with('0')
    {
        return None;
    }
    i128::from_str_radix(&digits.replace('_', ""), base).ok().map(|number| sign * number)
}

/// The units of `time.ParseDuration`, in nanoseconds. There are two letters for micro.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60 * 1_000_000_000),
    ("h", 3600 * 1_000_000_000),
];

/// The longest time that is read, in nanoseconds: what the native format can say, so that whatever
/// is read can be written in it. Go can hold some 292 years.
const LONGEST: u128 = LONGEST_TIME.as_nanos();

/// Digits after a point that are read; a nanosecond has no use for more.
const FRACTION_DIGITS: usize = 18;

/// The time of a text, by the rules of Go's `time.ParseDuration`: `10s`, `1m30s`, `1.5h`. What is
/// negative, or longer than 366 days, is none.
pub(crate) fn duration(text: &str) -> Option<Duration> {
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let of_number = |c: char| c.is_ascii_digit() || c == '.';
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut nanoseconds = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let (number, after) = rest.split_at(rest.find(|c| !of_number(c))?);
        let (unit, after) = after.split_at(after.find(of_number).unwrap_or(after.len()));
        let unit = u128::from(UNITS.iter().find(|(name, _)| *name == unit)?.1);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() && fraction.is_empty() || fraction.contains('.') {
            return None;
        }
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        nanoseconds += u128::from(whole) * unit;
        let fraction = &fraction[..fraction.len().min(FRACTION_DIGITS)];
        if !fraction.is_empty() {
            let of = fraction.bytes().fold(1, |of: u128, _| of * 10);
            nanoseconds += fraction.parse::<u128>().ok()? * unit / of;
        }
        if nanoseconds > LONGEST {
            return None;
        }
        rest = after;
    }
    u64::try_from(nanoseconds).ok().map(Duration::from_nanos)
}

/// The text of a time, as Go's `Duration.String` writes those of a second and more: `1h30m0s`.
/// None if it is longer than [`duration`] reads.
pub(crate) fn duration_text(time: Duration) -> Option<String> {
    if time.as_nanos() > LONGEST {
        return None;
    }
    let (minutes, seconds) = (time.as_secs() / 60, time.as_secs() % 60);
    let (hours, minutes) = (minutes / 60, minutes % 60);
    let fraction = match time.subsec_nanos() {
        0 => String::new(),
        nanoseconds => format!(".{nanoseconds:09}").trim_end_matches('0').to_owned(),
    };
    Some(match (hours, minutes) {
        (0, 0) => format!("{seconds}{fraction}s"),
        (0, _) => format!("{minutes}m{seconds}{fraction}s"),
        _ => format!("{hours}h{minutes}m{seconds}{fraction}s"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_those_of_go() {
        for (text, number) in [
            ("0", 0),
            ("15000", 15_000),
            ("15_000", 15_000),
            ("+5", 5),
            ("-1", -1),
            ("0x10", 16),
            ("0X_ff", 255),
            ("0b101", 5),
            ("0o17", 15),
            ("-0x1", -1),
            ("9223372036854775808", 1 << 63),
        ] {
            assert_eq!(integer(text), Some(number), "{text}");
        }
        for bad in ["", "-", "017", "00", "1__0", "_1", "1_", "1.5", "1e3", " 1", "0x", "0b2", "é"]
        {
            assert_eq!(integer(bad), None, "{bad}");
        }
    }

    #[test]
    fn durations_are_those_of_go() {
        for (text, milliseconds) in [
            ("0", 0),
            ("10s", 10_000),
            ("1m30s", 90_000),
            ("1.5h", 5_400_000),
            (".5s", 500),
            ("5.s", 5_000),
            ("+1m", 60_000),
            ("1h2m3s", 3_723_000),
            ("100ms", 100),
            ("1500us", 1),
            ("2000µs", 2),
            ("2000μs", 2),
            ("3s1h", 3_603_000),
        ] {
            let read = duration(text).map(|time| time.as_millis());
            assert_eq!(read, Some(milliseconds), "{text}");
        }
        for bad in ["", "+", "10", "s", ".s", "1.2.3s", "-1s", "1d", "1S", "10 s", "1s ", "1e3s"] {
            assert_eq!(duration(bad), None, "{bad}");
        }
        assert_eq!(duration("8784h"), Some(LONGEST_TIME));
        for long in ["8784h1ns", "8783h3601s", "2562047h47m16.854775808s", "99999999999999999999h"]
        {
            assert_eq!(duration(long), None, "{long}");
        }
        assert_eq!(duration_text(Duration::from_nanos(1_500_000_000)).as_deref(), Some("1.5s"));
        assert_eq!(duration_text(Duration::from_secs(5400)).as_deref(), Some("1h30m0s"));
        assert_eq!(duration_text(Duration::MAX), None);
    }

    proptest! {
        #[test]
        fn durations_read_back(nanoseconds in 0..=LONGEST as u64) {
            let time = Duration::from_nanos(nanoseconds);
            let text = duration_text(time).expect("it is not too long");
            prop_assert_eq!(duration(&text), Some(time));
        }

        #[test]
        fn any_text_is_read_or_not(text in "\\PC{0,24}|[-+0-9._xsmhuµ]{0,24}") {
            let _ = (duration(&text), integer(&text));
        }
    }
}
