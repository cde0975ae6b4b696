//! Why a protocol gets no quota.

use crate::quota::InvalidSpec;

/// There is less left of the share than the protocol can do with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{available} connections of the share are left, fewer than the floor of {floor}; lower the \
     floor, or raise the share"
)]
pub struct InsufficientShare {
    /// What is left.
    pub available: u32,
    /// What was asked for at least.
    pub floor: u32,
}

/// A protocol that is not enrolled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnrollError {
    /// The name belongs to another one.
    #[error("a protocol {0:?} is enrolled; release it first, or take another name")]
    Duplicate(Box<str>),
    /// The name is empty.
    #[error("the protocol has no name; give it one")]
    NoName,
    /// The name or a matcher is too long.
    #[error("{what} has {length} bytes; shorten it to {most} at most")]
    TooLong {
        /// Which of them.
        what: &'static str,
        /// How many bytes it has.
        length: usize,
        /// How many it may have.
        most: usize,
    },
    /// Too many matchers.
    #[error("{given} matchers are more than {most}; match by prefixes")]
    TooManyMatchers {
        /// How many there are.
        given: usize,
        /// How many there may be.
        most: usize,
    },
    /// The range contradicts itself.
    #[error(transparent)]
    Invalid(#[from] InvalidSpec),
    /// There is not enough left.
    #[error(transparent)]
    InsufficientShare(#[from] InsufficientShare),
    /// All places are taken, by protocols that are enrolled, offers, and protocols that were
    /// released and are still used by connections.
    #[error("all 64 places are taken; release a protocol")]
    Full,
}

/// A quota that stays as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RenegotiateError {
    /// The protocol was released.
    #[error(transparent)]
    NotEnrolled(#[from] NotEnrolled),
    /// The range contradicts itself.
    #[error(transparent)]
    Invalid(#[from] InvalidSpec),
    /// There is not enough left.
    #[error(transparent)]
    InsufficientShare(#[from] InsufficientShare),
}

/// The protocol was released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the protocol was released; enroll it again")]
pub struct NotEnrolled;

/// An offer that came to nothing before it was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the offer lapsed: its time was over, the share no longer has room for it, or a later request \
     replaced it; ask again"
)]
pub struct OfferLapsed;

/// A share that is too small for the floors of the protocols that are enrolled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a share of {share} connections leaves {budget} for minima, fewer than the floors of {floors}; \
     raise it, release protocols, or let floors yield"
)]
pub struct FloorsDoNotFit {
    /// The soft share.
    pub share: u32,
    /// What it leaves for minima.
    pub budget: u32,
    /// What the floors add up to.
    pub floors: u64,
}
