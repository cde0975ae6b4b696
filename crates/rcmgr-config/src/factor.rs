//! What limits are multiplied by.

use core::str::FromStr;

/// What limits are multiplied by: a number above 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Factor(f64);

/// What is no factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is not a number above 0, such as 1.5")]
pub struct InvalidFactor;

impl Factor {
    /// The factor of a number.
    ///
    /// # Errors
    /// The number is not above 0, not finite, or none.
    pub fn new(number: f64) -> Result<Factor, InvalidFactor> {
        match number.is_finite() && number > 0.0 {
            true => Ok(Factor(number)),
            false => Err(InvalidFactor),
        }
    }

    /// So many times as much, rounded to the nearest number, and at most `u64::MAX`. Numbers above
    /// 2^53 are first rounded to what an `f64` can hold.
    pub fn of(self, number: u64) -> u64 {
        (self.0 * number as f64).round() as u64
    }
}

impl FromStr for Factor {
    type Err = InvalidFactor;

    fn from_str(text: &str) -> Result<Factor, InvalidFactor> {
        text.parse().map_err(|_| InvalidFactor).and_then(Factor::new)
    }
}
