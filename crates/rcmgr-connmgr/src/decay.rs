//! Decaying tags: what a peer was good for counts less as time passes.
//!
//! [`Manager::register_decaying`](crate::Manager::register_decaying) takes a [`Decay`], by which a
//! tag fades, and a [`Bump`], by which it grows, and gives a [`DecayingTag`] for
//! [`Manager::bump`](crate::Manager::bump). The presets of both are go-libp2p's.

mod error;

pub use crate::manager::DecayingTag;
pub use error::{BumpError, RegisterError};

use std::{fmt, time::Duration};

/// A decaying tag of one peer, as its functions see it (go: `DecayingValue`). Times are counted
/// since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecayingValue {
    /// The value.
    pub value: i64,
    /// When the peer got it.
    pub added: Duration,
    /// When it was bumped last.
    pub bumped: Duration,
}

/// What a step of decay makes of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decayed {
    /// The peer keeps the tag, with this value.
    To(i64),
    /// The peer loses the tag.
    Gone,
}

type DecayFn = dyn Fn(&DecayingValue, Duration) -> Decayed + Send + Sync;
type BumpFn = dyn Fn(&DecayingValue, i64) -> i64 + Send + Sync;

/// What a decaying tag loses each interval (go: `DecayFn`).
pub enum Decay {
    /// Nothing (go: `DecayNone`).
    None,
    /// So much towards 0, where it is gone (go: `DecayFixed`). go-libp2p subtracts: there a value
    /// below 0 is gone at once, and a bad peer is as good as new.
    Fixed(i64),
    /// Multiplied and rounded towards 0, where it is gone (go: `DecayLinear`, with the same
    /// difference below 0).
    Linear(f64),
    /// Gone once it was not bumped for so long, unchanged before (go: `DecayExpireWhenInactive`,
    /// which makes it 0 at the first tick and never removes it).
    ExpireWhenInactive(Duration),
    /// A function of the value and the time of the step. [`Manager::poll`](crate::Manager::poll)
    /// calls it, with no lock held.
    Custom(Box<DecayFn>),
}

impl Decay {
    pub(crate) fn check(&self) -> Result<(), RegisterError> {
        match *self {
            Decay::Fixed(step) if step < 0 => Err(RegisterError::Step(step)),
            Decay::Linear(by) if !by.is_finite() || by < 0.0 => Err(RegisterError::Coefficient(by)),
            _ => Ok(()),
        }
    }

    pub(crate) fn step(&self, value: &DecayingValue, now: Duration) -> Decayed {
        let unless_zero = |left| if left == 0 { Decayed::Gone } else { Decayed::To(left) };
        let before = value.value;
        match self {
            Decay::None => Decayed::To(before),
            Decay::Fixed(step) if before > 0 => unless_zero(before.saturating_sub(*step).max(0)),
            Decay::Fixed(step) => unless_zero(before.saturating_add(*step).min(0)),
            // The conversion saturates, and truncates towards 0.
            Decay::Linear(by) => unless_zero((before as f64 * by) as i64),
            Decay::ExpireWhenInactive(after) => match now.saturating_sub(value.bumped) >= *after {
                true => Decayed::Gone,
                false => Decayed::To(before),
            },
            Decay::Custom(step) => step(value, now),
        }
    }
}

impl fmt::Debug for Decay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Decay::None => f.write_str("None"),
            Decay::Fixed(step) => write!(f, "Fixed({step})"),
            Decay::Linear(by) => write!(f, "Linear({by})"),
            Decay::ExpireWhenInactive(after) => write!(f, "ExpireWhenInactive({after:?})"),
            Decay::Custom(_) => f.write_str("Custom"),
        }
    }
}

/// What a bump makes of a decaying tag (go: `BumpFn`).
pub enum Bump {
    /// Adds (go: `BumpSumUnbounded`); the sum saturates.
    Unbounded,
    /// Adds, and brings the sum into bounds, up as well as down (go: `BumpSumBounded`).
    Bounded {
        /// The least value.
        min: i64,
        /// The greatest value.
        max: i64,
    },
    /// Replaces (go: `BumpOverwrite`).
    Overwrite,
    /// A function of the value and the bump. [`Manager::bump`](crate::Manager::bump) calls it,
    /// with no lock held; once more where the value changed meanwhile.
    Custom(Box<BumpFn>),
}

impl Bump {
    pub(crate) fn check(&self) -> Result<(), RegisterError> {
        match *self {
            Bump::Bounded { min, max } if min > max => Err(RegisterError::Bounds { min, max }),
            _ => Ok(()),
        }
    }

    pub(crate) fn apply(&self, value: &DecayingValue, by: i64) -> i64 {
        match self {
            Bump::Unbounded => value.value.saturating_add(by),
            Bump::Bounded { min, max } => value.value.saturating_add(by).max(*min).min(*max),
            Bump::Overwrite => by,
            Bump::Custom(bump) => bump(value, by),
        }
    }
}

impl fmt::Debug for Bump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bump::Unbounded => f.write_str("Unbounded"),
            Bump::Bounded { min, max } => write!(f, "Bounded({min}, {max})"),
            Bump::Overwrite => f.write_str("Overwrite"),
            Bump::Custom(_) => f.write_str("Custom"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START: Duration = Duration::ZERO;

    fn value(value: i64) -> DecayingValue {
        DecayingValue { value, added: START, bumped: START }
    }

    #[test]
    fn fixed_and_linear_decay_go_towards_zero_from_both_sides() {
        assert_eq!(Decay::Fixed(3).step(&value(5), START), Decayed::To(2));
        assert_eq!(Decay::Fixed(3).step(&value(3), START), Decayed::Gone);
        assert_eq!(Decay::Fixed(3).step(&value(-5), START), Decayed::To(-2));
        assert_eq!(Decay::Fixed(3).step(&value(-2), START), Decayed::Gone);
        assert_eq!(Decay::Linear(0.5).step(&value(5), START), Decayed::To(2));
        assert_eq!(Decay::Linear(0.5).step(&value(-5), START), Decayed::To(-2));
        assert_eq!(Decay::Linear(0.5).step(&value(1), START), Decayed::Gone);
        assert_eq!(Decay::None.step(&value(0), START), Decayed::To(0));
    }

    #[test]
    fn what_is_not_bumped_expires_and_keeps_its_value_until_then() {
        let decay = Decay::ExpireWhenInactive(Duration::from_secs(60));
        let mut tag = value(7);
        assert_eq!(decay.step(&tag, Duration::from_secs(59)), Decayed::To(7));
        tag.bumped = Duration::from_secs(59);
        assert_eq!(decay.step(&tag, Duration::from_secs(118)), Decayed::To(7));
        assert_eq!(decay.step(&tag, Duration::from_secs(119)), Decayed::Gone);
    }

    #[test]
    fn a_bounded_bump_is_raised_to_its_least_value() {
        let bump = Bump::Bounded { min: 10, max: 20 };
        assert_eq!(bump.apply(&value(0), 5), 10);
        assert_eq!(bump.apply(&value(10), 15), 20);
        assert_eq!(Bump::Unbounded.apply(&value(i64::MAX), 1), i64::MAX);
        assert_eq!(Bump::Overwrite.apply(&value(9), 2), 2);
    }

    #[test]
    fn functions_that_make_no_decay_are_refused() {
        assert!(Decay::Linear(f64::NAN).check().is_err());
        assert!(Decay::Fixed(-1).check().is_err());
        assert!(Bump::Bounded { min: 2, max: 1 }.check().is_err());
    }

    fn presets() -> impl Strategy<Value = Decay> {
        (0..=i64::MAX, 0.0..=1.0, any::<Duration>(), 0..4).prop_map(|(step, by, after, which)| {
            match which {
                0 => Decay::Fixed(step),
                1 => Decay::Linear(by),
                2 => Decay::ExpireWhenInactive(after),
                _ => Decay::None,
            }
        })
    }

    proptest! {
        #[test]
        fn no_decay_leads_away_from_zero_or_beyond_it(
            decay in presets(),
            before in -(1i64 << 53)..1 << 53,
            now in any::<Duration>(),
        ) {
            prop_assert_eq!(decay.check(), Ok(()));
            if let Decayed::To(left) = decay.step(&value(before), now) {
                prop_assert!(left.abs() <= before.abs());
                prop_assert!(left.signum() * before.signum() >= 0);
            }
        }

        #[test]
        fn fixed_and_linear_decay_come_to_an_end(
            (step, by, fixed) in (1_000..=i64::MAX, 0.0..0.9, any::<bool>()),
            mut left in -1_000_000i64..1_000_000,
        ) {
            let decay = if fixed { Decay::Fixed(step) } else { Decay::Linear(by) };
            let mut steps = 0;
            while let Decayed::To(after) = decay.step(&value(left), START) {
                prop_assert!(after.abs() < left.abs());
                left = after;
                steps += 1;
            }
            prop_assert!(steps <= 1_000);
        }

        #[test]
        fn a_bump_never_overflows_and_keeps_to_its_bounds(
            before: i64,
            by: i64,
            (min, max) in any::<(i64, i64)>().prop_map(|(one, other)| (one.min(other), one.max(other))),
        ) {
            let bounded = Bump::Bounded { min, max }.apply(&value(before), by);
            prop_assert!((min..=max).contains(&bounded));
            let sum = i128::from(before) + i128::from(by);
            let unbounded = Bump::Unbounded.apply(&value(before), by);
            prop_assert_eq!(i128::from(unbounded), sum.clamp(i64::MIN.into(), i64::MAX.into()));
            prop_assert_eq!(Bump::Overwrite.apply(&value(before), by), by);
        }
    }
}
