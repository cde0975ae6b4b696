//! Numbers of connections, absolute or relative to the share.

/// All of the share, in basis points.
pub(crate) const WHOLE: u16 = 10_000;

/// A number of connections that a protocol asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Amount {
    /// So many.
    Abs(u32),
    /// So much of the soft share, in basis points: 500 are 5 percent. At most 10,000.
    Bp(u16),
    /// Any number. Only a maximum may be this.
    Unbounded,
}

impl Amount {
    /// In connections of a share, rounded up: what a minimum means. `u32::MAX` if unbounded.
    pub(crate) fn rounded_up(self, share: u32) -> u32 {
        match self {
            Amount::Abs(connections) => connections,
            Amount::Bp(points) => part(points, share, WHOLE - 1),
            Amount::Unbounded => u32::MAX,
        }
    }

    /// In connections of a share, rounded down: what a maximum means. `u32::MAX` if unbounded.
    pub(crate) fn rounded_down(self, share: u32) -> u32 {
        match self {
            Amount::Bp(points) => part(points, share, 0),
            _ => self.rounded_up(share),
        }
    }

    /// In ten-thousandths of a connection: what two amounts are compared by, so that rounding one
    /// up and the other down puts no range in the wrong order.
    pub(crate) fn unrounded(self, share: u32) -> u64 {
        match self {
            Amount::Abs(connections) => u64::from(connections) * u64::from(WHOLE),
            Amount::Bp(points) => u64::from(points) * u64::from(share),
            Amount::Unbounded => u64::MAX,
        }
    }
}

fn part(points: u16, share: u32, round: u16) -> u32 {
    let part = (u64::from(points) * u64::from(share) + u64::from(round)) / u64::from(WHOLE);
    u32::try_from(part).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_minimum_is_rounded_up_and_a_maximum_down() {
        let five_percent = Amount::Bp(500);
        assert_eq!((five_percent.rounded_up(1000), five_percent.rounded_down(1000)), (50, 50));
        assert_eq!((five_percent.rounded_up(1010), five_percent.rounded_down(1010)), (51, 50));
        assert_eq!((five_percent.rounded_up(0), five_percent.rounded_down(1)), (0, 0));
        assert_eq!(Amount::Abs(7).rounded_down(1), 7);
    }

    #[test]
    fn no_amount_overflows() {
        assert_eq!(Amount::Bp(WHOLE).rounded_up(u32::MAX), u32::MAX);
        assert_eq!(Amount::Bp(u16::MAX).rounded_up(u32::MAX), u32::MAX);
        assert!(Amount::Abs(u32::MAX).unrounded(0) < Amount::Unbounded.unrounded(0));
    }
}
