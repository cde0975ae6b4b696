//! Lengths of time as people write them.

use core::time::Duration;

/// The longest that can be said: 366 days.
pub const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// Why a text is no length of time. Whoever reports it says where it stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTime {
    /// A number alone.
    #[error("it has no unit: write s behind it for seconds, ms, m for minutes, or h")]
    WithoutUnit,
    /// A capital M.
    #[error("M is a month: write m for minutes, or days such as 30d")]
    Month,
    /// Longer than any that makes sense.
    #[error("it is {}, and 366 days are the most", text(*.0))]
    TooLong(Duration),
    /// Something else.
    #[error("it is no length of time such as 20s, 500ms or 1h 30m")]
    Unreadable,
}

/// The length of time that a text says, in the words of humantime but for `M`: it is a month
/// there, and rarely meant.
///
/// # Errors
/// The text says none, or more than 366 days.
pub fn parse(given: &str) -> Result<Duration, InvalidTime> {
    let bare = |c: char| c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
    if given != "0" && !given.is_empty() && given.chars().all(bare) {
        return Err(InvalidTime::WithoutUnit);
    }
    if given.split(|c: char| !c.is_alphabetic()).any(|unit| unit == "M") {
        return Err(InvalidTime::Month);
    }
    match humantime::parse_duration(given) {
        Ok(time) if time <= LONGEST => Ok(time),
        Ok(time) => Err(InvalidTime::TooLong(time)),
        Err(_) => Err(InvalidTime::Unreadable),
    }
}

/// The text of a length of time, exactly and as one word: `90s`, `36h`, `1500ms`.
pub fn text(time: Duration) -> String {
    const UNITS: [(&str, u128); 6] = [
        ("h", 3_600_000_000_000),
        ("m", 60_000_000_000),
        ("s", 1_000_000_000),
        ("ms", 1_000_000),
        ("us", 1_000),
        ("ns", 1),
    ];
    let nanoseconds = time.as_nanos();
    let divides = |(_, unit): &&(&str, u128)| nanoseconds.is_multiple_of(*unit);
    match UNITS.iter().find(divides) {
        Some((unit, length)) if nanoseconds > 0 => format!("{}{unit}", nanoseconds / length),
        _ => "0s".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_length_of_time_says_why() {
        for (given, told) in [
            ("20", "it has no unit: write s behind it for seconds, ms, m for minutes, or h"),
            ("1M", "M is a month: write m for minutes, or days such as 30d"),
            ("1h 5M", "M is a month: write m for minutes, or days such as 30d"),
            ("2years", "it is 17532h, and 366 days are the most"),
            ("soon", "it is no length of time such as 20s, 500ms or 1h 30m"),
            ("", "it is no length of time such as 20s, 500ms or 1h 30m"),
            ("-5s", "it is no length of time such as 20s, 500ms or 1h 30m"),
            ("99999999999999999999999s", "it is no length of time such as 20s, 500ms or 1h 30m"),
        ] {
            assert_eq!(parse(given).map_err(|error| error.to_string()), Err(told.to_owned()));
        }
    }

    #[test]
    fn lengths_of_time_are_read() {
        for (given, milliseconds) in [
            ("0", 0),
            ("0s", 0),
            ("500ms", 500),
            ("1h 30m", 5_400_000),
            ("1m20s", 80_000),
            ("2 days", 172_800_000),
            ("366d", 31_622_400_000),
        ] {
            assert_eq!(parse(given), Ok(Duration::from_millis(milliseconds)), "{given}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(seconds in 0..LONGEST.as_secs(), nanos in 0u32..1_000_000_000) {
            for nanos in [0, nanos, nanos / 1000 * 1000, nanos / 1_000_000 * 1_000_000] {
                let time = Duration::new(seconds, nanos);
                prop_assert_eq!(parse(&text(time)), Ok(time));
            }
        }

        #[test]
        fn any_text_is_a_length_of_time_or_an_error(given in "\\PC{0,24}|[0-9. smhdMy]{0,24}") {
            let _ = parse(&given);
        }
    }
}
