//! Quotas: how many connections a protocol asks for, and how many it is given.
//!
//! A protocol asks by a [`QuotaSpec`], from one [`Amount`] to another, and the [`Answer`] is an
//! [`Enrollment`] or an [`Offer`] of less. [`Quotas`] is the ledger;
//! [`Regulator::enroll`](crate::Regulator::enroll) asks that of a node. Who is enrolled has one of
//! 64 places, a [`Slot`], by which the other parts know the protocol, and [`Routes`] tell the slots
//! of a stream by the name of its protocol.

mod amount;
mod enrollment;
mod error;
mod fill;
mod ledger;
mod routes;
mod seat;
mod seats;
mod terms;
mod tolerance;

pub use crate::slot::{Slot, Slots};
pub use amount::Amount;
pub use enrollment::{Answer, Draining, Enrolled, Enrollment, Floors, Offer, QuotaChanged};
pub use error::{
    EnrollError, FloorsDoNotFit, InsufficientShare, NotEnrolled, OfferLapsed, RenegotiateError,
};
pub use ledger::Quotas;
pub use routes::{Matcher, Routes};

use amount::WHOLE;

/// How many connections a protocol may have. A round closes none of its connections that would
/// take it below the minimum, and looks first at protocols that are above their maximum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quota {
    /// How many are kept for it.
    pub min: u32,
    /// From how many on it takes those of others; at least 1, and never less than `min`. The
    /// maxima of all together may be more than there is.
    pub max: u32,
}

impl Quota {
    /// Nothing kept, nothing forbidden: that of a place that nobody has enrolled for.
    pub const ANY: Quota = Quota { min: 0, max: u32::MAX };
}

/// A range of connections that a protocol asks for.
///
/// ```
/// use rcmgr_connmgr::quota::{Amount, QuotaSpec};
///
/// // 5 to 10 percent of the share, but better 8 connections than none.
/// let spec = QuotaSpec { floor: Amount::Abs(8), ..QuotaSpec::new(Amount::Bp(500), Amount::Bp(1000)) };
/// assert_eq!(spec.check(800), Ok(()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct QuotaSpec {
    /// The minimum. A relative one is rounded up.
    pub min: Amount,
    /// The maximum. A relative one is rounded down.
    pub max: Amount,
    /// The least minimum that is of use: with less it is rather not enrolled.
    pub floor: Amount,
    /// Whose minimum shrinks less when the share does, 1 to 1000.
    pub weight: u16,
}

/// A range that contradicts itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSpec {
    /// More than all of the share.
    #[error("{0} basis points are more than the whole share; ask for 10000 at most")]
    BasisPoints(u16),
    /// A minimum or a floor without bound.
    #[error("{0} is unbounded; only a maximum may be")]
    Unbounded(&'static str),
    /// A weight out of its bounds.
    #[error("the weight {0} is not from 1 to 1000")]
    Weight(u16),
    /// The maximum is 0.
    #[error("the maximum is 0; ask for 1 connection or more, or do not enroll")]
    NoMaximum,
    /// The floor is above the minimum.
    #[error("of a share of {share} connections the floor is more than the minimum; lower it")]
    FloorAboveMin {
        /// The soft share.
        share: u32,
    },
    /// The minimum is above the maximum.
    #[error("of a share of {share} connections the minimum is more than the maximum; lower it")]
    MinAboveMax {
        /// The soft share.
        share: u32,
    },
}

impl QuotaSpec {
    /// The default weight.
    pub const WEIGHT: u16 = 100;

    /// From `min` to `max`, with any minimum better than none, and the default weight.
    pub const fn new(min: Amount, max: Amount) -> QuotaSpec {
        QuotaSpec { min, max, floor: Amount::Abs(0), weight: QuotaSpec::WEIGHT }
    }

    /// Whether it makes sense in a soft share of so many connections.
    ///
    /// # Errors
    /// What is wrong with it. Where it mixes absolute and relative amounts, its order may be right
    /// in one share and wrong in another.
    pub fn check(&self, share: u32) -> Result<(), InvalidSpec> {
        for amount in [self.floor, self.min, self.max] {
            match amount {
                Amount::Bp(points) if points > WHOLE => {
                    return Err(InvalidSpec::BasisPoints(points));
                }
                _ => {}
            }
        }
        for (what, amount) in [("the floor", self.floor), ("the minimum", self.min)] {
            if amount == Amount::Unbounded {
                return Err(InvalidSpec::Unbounded(what));
            }
        }
        if !(1..=1000).contains(&self.weight) {
            return Err(InvalidSpec::Weight(self.weight));
        }
        if matches!(self.max, Amount::Abs(0) | Amount::Bp(0)) {
            return Err(InvalidSpec::NoMaximum);
        }
        let [floor, min, max] =
            [self.floor, self.min, self.max].map(|amount| amount.unrounded(share));
        if floor > min {
            return Err(InvalidSpec::FloorAboveMin { share });
        }
        if min > max {
            return Err(InvalidSpec::MinAboveMax { share });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(floor: Amount, min: Amount, max: Amount) -> Result<(), InvalidSpec> {
        QuotaSpec { floor, ..QuotaSpec::new(min, max) }.check(1010)
    }

    #[test]
    fn a_range_that_contradicts_itself_is_refused() {
        use Amount::{Abs, Bp, Unbounded};
        assert_eq!(check(Abs(0), Abs(0), Abs(1)), Ok(()));
        assert_eq!(check(Bp(500), Bp(500), Bp(500)), Ok(()), "rounding does not matter");
        assert_eq!(check(Abs(50), Bp(500), Unbounded), Ok(()));
        assert_eq!(check(Abs(0), Bp(10_001), Unbounded), Err(InvalidSpec::BasisPoints(10_001)));
        let unbounded = InvalidSpec::Unbounded("the minimum");
        assert_eq!(check(Abs(0), Unbounded, Unbounded), Err(unbounded));
        assert_eq!(check(Abs(0), Abs(0), Bp(0)), Err(InvalidSpec::NoMaximum));
        assert_eq!(
            check(Abs(51), Bp(500), Abs(99)),
            Err(InvalidSpec::FloorAboveMin { share: 1010 })
        );
        assert_eq!(check(Abs(0), Bp(500), Abs(50)), Err(InvalidSpec::MinAboveMax { share: 1010 }));
        for weight in [0, 1001] {
            let spec = QuotaSpec { weight, ..QuotaSpec::new(Abs(1), Abs(2)) };
            assert_eq!(spec.check(9), Err(InvalidSpec::Weight(weight)));
        }
    }
}
