//! A number of bytes as people write it.

use core::fmt;
use core::str::FromStr;

/// A number of bytes, read from texts such as `64MiB`, `1.5 GB` and `1_000_000`.
///
/// Units are those of 1000 (`kB`, `MB`, `GB`, `TB`, `PB`, `EB`) and of 1024 (`KiB`, `MiB`, `GiB`,
/// `TiB`, `PiB`, `EiB`); case does not matter, and the `B` may be left out: `64M` is 64,000,000
/// bytes, as in Kubo and Kubernetes. Underscores may stand between digits. A fraction is rounded
/// down to whole bytes.
///
/// ```
/// use rcmgr_config::Size;
///
/// assert_eq!("64MiB".parse(), Ok(Size(64 << 20)));
/// assert_eq!("1_000_000".parse(), Ok(Size(1_000_000)));
/// assert!("17EiB".parse::<Size>().is_err());
/// assert_eq!(Size(1_207_959_552).to_string(), "1.125 GiB");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Size(pub u64);

/// What is no size. Whoever reports it says where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSize {
    /// It does not begin with a number.
    #[error("it is not a size such as 64MiB, 1GB or 1_000_000")]
    NotANumber,
    /// What follows the number is no unit.
    #[error("its unit is none of B, kB, MB, GB, TB, PB, EB, KiB, MiB, GiB, TiB, PiB, EiB")]
    UnknownUnit,
    /// A part of a byte.
    #[error("a byte has no fractions; give it a unit, such as MiB")]
    FractionOfByte,
    /// More digits after the point than any unit has use for.
    #[error("it has more than 18 digits after the point")]
    TooPrecise,
    /// More than a `u64` can hold.
    #[error("it is 2^64 bytes (16EiB) or more, which is more than can be counted")]
    TooGreat,
}

const PREFIXES: [(&str, u64); 13] = [
    ("", 1),
    ("k", 1_000),
    ("m", 1_000_000),
    ("g", 1_000_000_000),
    ("t", 1_000_000_000_000),
    ("p", 1_000_000_000_000_000),
    ("e", 1_000_000_000_000_000_000),
    ("ki", 1 << 10),
    ("mi", 1 << 20),
    ("gi", 1 << 30),
    ("ti", 1 << 40),
    ("pi", 1 << 50),
    ("ei", 1 << 60),
];

/// The digits after a point that 128 bits have room for, times the greatest unit.
const FRACTION_DIGITS: usize = 18;

impl FromStr for Size {
    type Err = InvalidSize;

    fn from_str(text: &str) -> Result<Size, InvalidSize> {
        let in_number = |c: char| c.is_ascii_digit() || c == '_' || c == '.';
        let end = text.find(|c| !in_number(c)).unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let (whole, fraction) = match number.split_once('.') {
            Some((whole, fraction)) => (whole, Some(digits(fraction)?)),
            None => (number, None),
        };
        let whole = digits(whole)?;
        let unit = unit_of(unit.trim_start_matches(' '))?;
        let whole: u64 = whole.parse().map_err(|_| InvalidSize::TooGreat)?;
        let mut bytes = u128::from(whole) * u128::from(unit);
        if let Some(fraction) = fraction {
            if unit == 1 {
                return Err(InvalidSize::FractionOfByte);
            }
            if fraction.len() > FRACTION_DIGITS {
                return Err(InvalidSize::TooPrecise);
            }
            let parts = fraction.parse::<u128>().map_err(|_| InvalidSize::TooPrecise)?;
            let of = fraction.bytes().fold(1, |of, _| of * 10);
            bytes += parts * u128::from(unit) / of;
        }
        u64::try_from(bytes).map(Size).map_err(|_| InvalidSize::TooGreat)
    }
}

/// The digits of a number without the underscores, which stand between two of them.
fn digits(text: &str) -> Result<String, InvalidSize> {
    let grouped = |group: &str| !group.is_empty() && group.bytes().all(|b| b.is_ascii_digit());
    match text.split('_').all(grouped) {
        true => Ok(text.replace('_', "")),
        false => Err(InvalidSize::NotANumber),
    }
}

/// The bytes of a unit such as `MiB`, `mb` or `M`; of no unit, 1.
pub(crate) fn unit_of(unit: &str) -> Result<u64, InvalidSize> {
    let lower = unit.to_ascii_lowercase();
    let prefix = lower.strip_suffix('b').unwrap_or(&lower);
    let known = PREFIXES.iter().find(|(known, _)| *known == prefix);
    known.map(|(_, unit)| *unit).ok_or(InvalidSize::UnknownUnit)
}

/// Exactly, in the greatest unit of 1024 that needs no more than three digits after the point:
/// `16904 KiB` rather than `16.51 MiB`. It reads back as the same size.
///
/// With `{:#}`, rounded to two digits after the point in the greatest unit: `16.51 MiB`.
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(&str, u64); 6] = [
            ("EiB", 1 << 60),
            ("PiB", 1 << 50),
            ("TiB", 1 << 40),
            ("GiB", 1 << 30),
            ("MiB", 1 << 20),
            ("KiB", 1 << 10),
        ];
        let Size(bytes) = *self;
        if f.alternate()
            && let Some((name, unit)) = UNITS.into_iter().find(|(_, unit)| bytes >= *unit)
        {
            let hundredths = (u128::from(bytes) * 100 + u128::from(unit) / 2) / u128::from(unit);
            let number = format!("{}.{:02}", hundredths / 100, hundredths % 100);
            let number = number.trim_end_matches('0').trim_end_matches('.');
            return f.pad(&format!("{number} {name}"));
        }
        let thousandths = |unit: u64| u128::from(bytes) * 1000 / u128::from(unit);
        let exact = |unit: u64| (u128::from(bytes) * 1000).is_multiple_of(unit.into());
        let fits = |(_, unit): &(&str, u64)| bytes >= *unit && exact(*unit);
        let text = match UNITS.into_iter().find(fits) {
            Some((name, unit)) => {
                let thousandths = thousandths(unit);
                let number = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
                format!("{} {name}", number.trim_end_matches('0').trim_end_matches('.'))
            }
            None => format!("{bytes} B"),
        };
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_spelling_of_a_size() {
        for (text, bytes) in [
            ("0", 0),
            ("1_000_000", 1_000_000),
            ("1234B", 1234),
            ("64MiB", 64 << 20),
            ("64 mib", 64 << 20),
            ("64Mi", 64 << 20),
            ("1GB", 1_000_000_000),
            ("64M", 64_000_000),
            ("1k", 1000),
            ("1.5GiB", 3 << 29),
            ("0.1GiB", 107_374_182),
            ("1_0.2_5KB", 10_250),
            ("15.999999999999999999EiB", u64::MAX - 1),
            ("18446744073709551615", u64::MAX),
            ("000000000000000000000000001", 1),
        ] {
            assert_eq!(text.parse(), Ok(Size(bytes)), "{text}");
        }
    }

    #[test]
    fn what_is_no_size_says_why() {
        use InvalidSize::*;
        for (text, error) in [
            ("", NotANumber),
            (" 1", NotANumber),
            ("-1", NotANumber),
            ("+1", NotANumber),
            ("MiB", NotANumber),
            ("NaN", NotANumber),
            ("0x10", UnknownUnit),
            ("_1", NotANumber),
            ("1_", NotANumber),
            ("1__0", NotANumber),
            (".5GiB", NotANumber),
            ("5.GiB", NotANumber),
            ("1.2.3GiB", NotANumber),
            ("1,000", UnknownUnit),
            ("1e9", UnknownUnit),
            ("64MIBB", UnknownUnit),
            ("64 M iB", UnknownUnit),
            ("64MiB ", UnknownUnit),
            ("64Mib/s", UnknownUnit),
            ("١٢", NotANumber),
            ("1.5", FractionOfByte),
            ("1.5B", FractionOfByte),
            ("1.0000000000000000001GiB", TooPrecise),
            ("16EiB", TooGreat),
            ("17EiB", TooGreat),
            ("18446744073709551616", TooGreat),
            ("18446744073709551615KiB", TooGreat),
            ("99999999999999999999999999999999999999999999", TooGreat),
        ] {
            assert_eq!(text.parse::<Size>(), Err(error), "{text:?}");
        }
    }

    #[test]
    fn sizes_are_shown_exactly() {
        for (bytes, text) in [
            (0, "0 B"),
            (1000, "1000 B"),
            (1 << 10, "1 KiB"),
            (1_207_959_552, "1.125 GiB"),
            (17_309_696, "16904 KiB"),
            (1 << 60, "1 EiB"),
            (u64::MAX, "18446744073709551615 B"),
        ] {
            assert_eq!(Size(bytes).to_string(), text);
        }
        assert_eq!(format!("[{:>8}]", Size(5)), "[     5 B]");
        for (bytes, text) in [
            (1023, "1023 B"),
            (17_309_696, "16.51 MiB"),
            (3 << 29, "1.5 GiB"),
            (u64::MAX, "16 EiB"),
        ] {
            assert_eq!(format!("{:#}", Size(bytes)), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(bits in 0u32..64, number: u64) {
            for size in [Size(number), Size(number >> bits), Size(1 << bits)] {
                prop_assert_eq!(size.to_string().parse(), Ok(size));
            }
        }

        #[test]
        fn any_text_is_a_size_or_an_error(text in "\\PC{0,24}|[0-9_.]{0,24} ?[kMGiB]{0,3}") {
            let _ = text.parse::<Size>();
        }
    }
}
