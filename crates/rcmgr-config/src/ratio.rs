//! A part of a whole: of the machine's memory, of the descriptors.

use core::fmt;
use core::str::FromStr;

/// A number above 0 and at most 1.
///
/// ```
/// use rcmgr_config::Ratio;
///
/// let eighth: Ratio = "0.125".parse()?;
/// assert_eq!(eighth.of(16 << 30), 2 << 30);
/// assert!(Ratio::new(f64::NAN).is_err());
/// # Ok::<(), rcmgr_config::InvalidRatio>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Ratio(f64);

/// What is no ratio. Whoever reports it says where it stands.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum InvalidRatio {
    /// A text that is not a number.
    #[error("it is not a number above 0 and at most 1, such as 0.25")]
    NotANumber,
    /// A number that is no part of a whole.
    #[error("it is not above 0 and at most 1; write 0.25 for a quarter, or 1 for the whole")]
    OutOfRange(f64),
}

impl Ratio {
    /// The whole.
    pub const WHOLE: Ratio = Ratio(1.0);

    /// The ratio of a number.
    ///
    /// # Errors
    /// The number is not above 0 and at most 1, or is none.
    pub const fn new(number: f64) -> Result<Ratio, InvalidRatio> {
        if number.is_nan() {
            Err(InvalidRatio::NotANumber)
        } else if number > 0.0 && number <= 1.0 {
            Ok(Ratio(number))
        } else {
            Err(InvalidRatio::OutOfRange(number))
        }
    }

    /// One part of so many equal ones; 0 and 1 give the whole.
    pub const fn one_of(parts: u32) -> Ratio {
        match parts {
            0 => Ratio::WHOLE,
            parts => Ratio(1.0 / parts as f64),
        }
    }

    /// The ratio as a number.
    pub const fn get(self) -> f64 {
        self.0
    }

    /// So much of a whole, rounded down. A whole above 2^53 is first rounded to what an `f64` can
    /// hold, as in Go, so that the result may exceed it by some millionths of a billionth.
    pub const fn of(self, whole: u64) -> u64 {
        (self.0 * whole as f64) as u64
    }
}

// The number is never NaN.
impl Eq for Ratio {}

impl FromStr for Ratio {
    type Err = InvalidRatio;

    fn from_str(text: &str) -> Result<Ratio, InvalidRatio> {
        text.parse().map_err(|_| InvalidRatio::NotANumber).and_then(Ratio::new)
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_above_0_and_at_most_1() {
        for (text, number) in [("1", 1.0), ("0.5", 0.5), (".25", 0.25), ("1e-300", 1e-300)] {
            assert_eq!(text.parse(), Ok(Ratio(number)));
        }
        for bad in ["0", "-0", "-0.5", "1.0000001", "inf", "-inf", "80", "1e-400"] {
            let parsed = bad.parse::<Ratio>();
            assert!(matches!(parsed, Err(InvalidRatio::OutOfRange(_))), "{bad}: {parsed:?}");
        }
        for bad in ["", "NaN", "nan", "half", "50%", "1/2", "0,5", " 1"] {
            assert_eq!(bad.parse::<Ratio>(), Err(InvalidRatio::NotANumber), "{bad}");
        }
    }

    #[test]
    fn a_part_is_rounded_down_and_never_overflows() {
        assert_eq!(Ratio::one_of(8).of(15), 1);
        assert_eq!(Ratio::one_of(3).of(3), 1);
        assert_eq!(Ratio::one_of(0), Ratio::WHOLE);
        assert_eq!(Ratio::WHOLE.of(u64::MAX), u64::MAX);
        assert_eq!(Ratio::one_of(2).of(0), 0);
    }
}
