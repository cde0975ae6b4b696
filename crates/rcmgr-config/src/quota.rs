//! What is said of the connections of single protocols.

use core::fmt;

use rcmgr_core::Name;

use crate::Portion;

/// How many connections a protocol is to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quota {
    /// So many are kept for it.
    pub min: Portion,
    /// From how many on it takes those of others; no bound if nothing is said.
    pub max: Option<Portion>,
}

/// A range that contradicts itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidQuota {
    /// The minimum is above the maximum.
    #[error("the minimum {min} is above the maximum {max}; lower it, or raise the maximum")]
    MinAboveMax {
        /// The minimum.
        min: Portion,
        /// The maximum.
        max: Portion,
    },
    /// The maximum is 0.
    #[error("a maximum of 0 has no meaning; write 1 or more, or limit the protocol's streams")]
    NoMaximum,
}

/// One of the two bounds of a quota, each of which is said by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Bound {
    /// [`Quota::min`].
    Minimum,
    /// [`Quota::max`].
    Maximum,
}

/// As in the native format: `minimum`, `maximum`.
impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Bound::Minimum => "minimum",
            Bound::Maximum => "maximum",
        })
    }
}

impl Quota {
    /// So many protocols can have quotas: the places that a connection manager has.
    pub const MOST: usize = 64;

    /// Whether it makes sense in any share at all.
    ///
    /// # Errors
    /// What is wrong with it. A number and a percentage cannot be compared without the share.
    pub fn check(&self) -> Result<(), InvalidQuota> {
        let (min, Some(max)) = (self.min, self.max) else { return Ok(()) };
        let above = match (min, max) {
            (Portion::Connections(min), Portion::Connections(max)) => min > max,
            (Portion::BasisPoints(min), Portion::BasisPoints(max)) => min > max,
            _ => false,
        };
        if max.is_zero() {
            Err(InvalidQuota::NoMaximum)
        } else if above {
            Err(InvalidQuota::MinAboveMax { min, max })
        } else {
            Ok(())
        }
    }
}

/// The protocols that have a quota together.
///
/// ```
/// use rcmgr_config::Protocols;
///
/// let kad = Protocols::read("/ipfs/kad/*")?;
/// assert_eq!(kad, Protocols::Prefix("/ipfs/kad/".into()));
/// assert_eq!(kad.to_string(), "/ipfs/kad/*");
/// # Ok::<(), rcmgr_config::InvalidProtocols>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocols {
    /// The one of this id.
    Exact(Name),
    /// Those whose ids begin so.
    Prefix(Name),
}

/// A text that names no protocols. Whoever reports it says where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProtocols {
    /// No character.
    #[error(
        "it is empty: write the id of a protocol, the beginning of some with * behind it, or * \
         for all"
    )]
    Empty,
    /// Too many bytes.
    #[error("it has {0} bytes, and {most} are the most: write its beginning with * behind it",
            most = Protocols::LONGEST)]
    TooLong(usize),
}

impl Protocols {
    /// The longest text, in bytes.
    pub const LONGEST: usize = 256;

    /// The protocols that a text names: by its id, or by what ids begin with and `*`.
    ///
    /// # Errors
    /// The text is empty, or longer than [`Protocols::LONGEST`].
    pub fn read(text: &str) -> Result<Protocols, InvalidProtocols> {
        match text.len() {
            0 => Err(InvalidProtocols::Empty),
            length if length > Protocols::LONGEST => Err(InvalidProtocols::TooLong(length)),
            _ => Ok(match text.strip_suffix('*') {
                Some(begin) => Protocols::Prefix(begin.into()),
                None => Protocols::Exact(text.into()),
            }),
        }
    }
}

/// As it is read.
impl fmt::Display for Protocols {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Protocols::Exact(id) => f.write_str(id),
            Protocols::Prefix(begin) => write!(f, "{begin}*"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_that_contradicts_itself_is_refused() {
        use Portion::{BasisPoints, Connections};
        let check = |min, max| Quota { min, max: Some(max) }.check();
        assert_eq!(check(Connections(5), Connections(5)), Ok(()));
        assert_eq!(check(Connections(500), BasisPoints(1)), Ok(()), "of a great share it is right");
        let (min, max) = (Connections(6), Connections(5));
        assert_eq!(check(min, max), Err(InvalidQuota::MinAboveMax { min, max }));
        let (min, max) = (BasisPoints(501), BasisPoints(500));
        assert_eq!(check(min, max), Err(InvalidQuota::MinAboveMax { min, max }));
        for nothing in [Connections(0), BasisPoints(0)] {
            assert_eq!(check(Connections(0), nothing), Err(InvalidQuota::NoMaximum));
        }
        assert_eq!(Quota { min: Connections(0), max: None }.check(), Ok(()));
    }

    #[test]
    fn protocols_are_named_by_id_or_beginning() {
        for text in ["/a", "/a/*", "*", "a*b", &"x".repeat(Protocols::LONGEST)] {
            let read = Protocols::read(text).map(|protocols| protocols.to_string());
            assert_eq!(read.as_deref(), Ok(text));
        }
        assert_eq!(Protocols::read(""), Err(InvalidProtocols::Empty));
        let long = Protocols::LONGEST + 1;
        assert_eq!(Protocols::read(&"x".repeat(long)), Err(InvalidProtocols::TooLong(long)));
    }
}
