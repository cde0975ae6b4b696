//! The two marks between which the number of connections is kept.

use crate::error::SettingsError;

/// How many connections a trim leaves, and from how many on it is made.
///
/// A mark of 0 turns trims off, as in go-libp2p.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watermarks {
    low: u64,
    high: u64,
}

impl Watermarks {
    /// Marks by number of connections. go-libp2p takes any two numbers; there a low mark above the
    /// high one trims at each tick and never reaches the high mark.
    ///
    /// # Errors
    /// [`SettingsError::Watermarks`]: the low mark is above the high one, and neither is 0.
    pub const fn new(low: u64, high: u64) -> Result<Watermarks, SettingsError> {
        if low > high && high != 0 {
            return Err(SettingsError::Watermarks { low, high });
        }
        Ok(Watermarks { low, high })
    }

    /// No trims at all.
    pub const fn off() -> Watermarks {
        Watermarks { low: 0, high: 0 }
    }

    /// What a trim leaves of the connections that may go.
    pub const fn low(self) -> u64 {
        self.low
    }

    /// From how many connections on a background trim is made.
    pub const fn high(self) -> u64 {
        self.high
    }

    /// Whether trims are turned off.
    pub const fn is_off(self) -> bool {
        self.low == 0 || self.high == 0
    }
}

impl Default for Watermarks {
    /// 160 and 192, those of go-libp2p's host.
    fn default() -> Watermarks {
        Watermarks { low: 160, high: 192 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_low_mark_above_the_high_one_is_refused() {
        assert_eq!(Watermarks::new(3, 2), Err(SettingsError::Watermarks { low: 3, high: 2 }));
        assert!(Watermarks::new(2, 2).is_ok());
    }

    #[test]
    fn a_mark_of_zero_turns_trims_off() {
        for (low, high) in [(0, 4), (4, 0), (0, 0)] {
            assert_eq!(Watermarks::new(low, high).map(Watermarks::is_off), Ok(true));
        }
        assert!(Watermarks::off().is_off());
        assert!(!Watermarks::default().is_off());
    }
}
