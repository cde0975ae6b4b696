//! How many connections of the share, as a number or in percent.

use core::fmt;
use core::str::FromStr;

/// A number of connections, or a part of the connection manager's soft share.
///
/// ```
/// use rcmgr_config::Portion;
///
/// assert_eq!("1_000".parse(), Ok(Portion::Connections(1000)));
/// assert_eq!("2.5%".parse(), Ok(Portion::BasisPoints(250)));
/// assert_eq!(Portion::BasisPoints(250).to_string(), "2.5%");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Portion {
    /// So many.
    Connections(u32),
    /// So many hundredths of a percent; at most 10,000.
    BasisPoints(u16),
}

/// A text that is no portion. Whoever reports it says where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPortion {
    /// Neither a number nor a percentage.
    #[error("it is neither a whole number such as 64 nor a percentage such as 5%")]
    Unreadable,
    /// A percentage with more than two decimals.
    #[error("it is finer than a hundredth of a percent; write two decimals at most")]
    TooFine,
    /// More than all of the share.
    #[error("it is more than 100%, the whole share")]
    MoreThanAll,
    /// A number that cannot be counted.
    #[error("it is more than {most}, the most that can be said", most = u32::MAX)]
    TooMany,
}

impl Portion {
    /// Whether it is nothing, of any share.
    pub const fn is_zero(self) -> bool {
        matches!(self, Portion::Connections(0) | Portion::BasisPoints(0))
    }
}

impl FromStr for Portion {
    type Err = InvalidPortion;

    fn from_str(text: &str) -> Result<Portion, InvalidPortion> {
        match text.strip_suffix('%') {
            Some(percent) => percentage(percent.trim_end_matches(' ')),
            None => {
                let digits = text.split('_').all(is_number);
                let digits = digits.then(|| text.replace('_', ""));
                let digits = digits.ok_or(InvalidPortion::Unreadable)?;
                let connections = digits.parse().map_err(|_| InvalidPortion::TooMany)?;
                Ok(Portion::Connections(connections))
            }
        }
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn percentage(text: &str) -> Result<Portion, InvalidPortion> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    if !is_number(whole) || !is_number(decimals) {
        return Err(InvalidPortion::Unreadable);
    }
    let decimals = decimals.trim_end_matches('0');
    let hundredths = match decimals.len() {
        0..=2 => format!("{decimals:0<2}").parse::<u16>().unwrap_or_default(),
        _ => return Err(InvalidPortion::TooFine),
    };
    // Too long for a number is too much as well.
    let points = whole.parse::<u16>().ok().and_then(|whole| whole.checked_mul(100));
    let points = points.and_then(|points| points.checked_add(hundredths));
    let points = points.filter(|points| *points <= 10_000).ok_or(InvalidPortion::MoreThanAll)?;
    Ok(Portion::BasisPoints(points))
}

/// As it is read: `64`, `5%`, `0.25%`.
impl fmt::Display for Portion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Portion::Connections(connections) => connections.fmt(f),
            Portion::BasisPoints(points) => {
                let (whole, hundredths) = (points / 100, points % 100);
                match hundredths {
                    0 => write!(f, "{whole}%"),
                    tenths if tenths % 10 == 0 => write!(f, "{whole}.{}%", tenths / 10),
                    hundredths => write!(f, "{whole}.{hundredths:02}%"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_and_percentages_are_read() {
        for (text, portion) in [
            ("0", Portion::Connections(0)),
            ("1_000", Portion::Connections(1000)),
            ("5%", Portion::BasisPoints(500)),
            ("5 %", Portion::BasisPoints(500)),
            ("0.05%", Portion::BasisPoints(5)),
            ("2.500%", Portion::BasisPoints(250)),
            ("100%", Portion::BasisPoints(10_000)),
        ] {
            assert_eq!(text.parse(), Ok(portion), "{text}");
        }
    }

    #[test]
    fn what_is_no_portion_says_why() {
        use InvalidPortion::{MoreThanAll, TooFine, TooMany, Unreadable};
        for (text, why) in [
            ("", Unreadable),
            ("-1", Unreadable),
            ("0.05", Unreadable),
            ("1__0", Unreadable),
            ("%", Unreadable),
            (".5%", Unreadable),
            ("5.%", Unreadable),
            ("five%", Unreadable),
            ("0.001%", TooFine),
            ("100.01%", MoreThanAll),
            ("99999999%", MoreThanAll),
            ("4294967296", TooMany),
        ] {
            assert_eq!(text.parse::<Portion>(), Err(why), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(connections: u32, points in 0u16..=10_000) {
            for portion in [Portion::Connections(connections), Portion::BasisPoints(points)] {
                prop_assert_eq!(portion.to_string().parse(), Ok(portion));
            }
        }

        #[test]
        fn any_text_is_a_portion_or_an_error(text in "\\PC{0,12}|[0-9_.%]{0,8}") {
            let _ = text.parse::<Portion>();
        }
    }
}
