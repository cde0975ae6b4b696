//! In which multiples connections and streams charge memory to the scopes above them.

use core::fmt;

/// In which multiples a connection or stream charges memory to the scopes above it: a power of two.
///
/// What a leaf has charged beyond what it uses is *idle*. At [`Priority::ALWAYS`](crate::Priority::ALWAYS)
/// it serves reservations from that by a change of its own counter alone, which nobody else touches. At a
/// lower priority it first looks at all scopes, since these may be too full for that priority; it still
/// writes to its own counter alone.
///
/// What it costs: the scopes above count what is charged, while the leaf's own limit is of what it uses; so
/// others may be refused while some memory is idle. At most two granules, less a byte, are idle in one
/// connection or stream: what rounding up leaves, and one granule kept so that reserving and releasing
/// around a multiple does not charge each time. What is rounded up is asked for at
/// [`Priority::MEDIUM`](crate::Priority::MEDIUM) at most, so rounding up never takes the last two fifths of
/// a scope; but of what was in use there a granule may stay idle in each leaf that has released it. A scope
/// that refuses memory makes those below it charge exactly for a while, and give what is idle back at their
/// next release; after a change of limits they give it back once. A leaf that releases nothing more keeps
/// what it has.
///
/// ```
/// use rcmgr_core::*;
///
/// let manager = ResourceManager::builder().granule(Granule::new(64 << 10)?).build();
/// let stream = manager.open_stream(b"peer", Direction::Inbound)?;
/// let buffer = stream.reserve_memory(1000, Priority::ALWAYS)?;
/// assert_eq!(stream.stats().memory, 1000);
/// assert_eq!(stream.charged_memory(), 64 << 10);
/// assert_eq!(manager.stats().system.memory, 64 << 10);
/// # drop(buffer);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Granule {
    shift: u8,
}

impl Granule {
    /// One byte: the scopes above count exactly what is used. The default.
    pub const EXACT: Granule = Granule { shift: 0 };

    /// The largest: 1 GiB.
    pub const MAX: Granule = Granule { shift: 30 };

    /// A granule of so many bytes.
    ///
    /// # Errors
    /// [`InvalidGranule`] unless it is a power of two from 1 to 2^30.
    pub const fn new(bytes: u64) -> Result<Granule, InvalidGranule> {
        if bytes.is_power_of_two() && bytes <= Granule::MAX.bytes() {
            Ok(Granule { shift: bytes.trailing_zeros() as u8 })
        } else {
            Err(InvalidGranule { bytes })
        }
    }

    /// How many bytes it has.
    #[inline(always)]
    pub const fn bytes(self) -> u64 {
        1 << self.shift
    }

    /// Whether leaves charge exactly what they use.
    #[inline(always)]
    pub const fn is_exact(self) -> bool {
        self.shift == 0
    }

    /// The most that may be idle in one connection or stream, in bytes.
    pub const fn most_idle(self) -> u64 {
        if self.is_exact() { 0 } else { 2 * self.bytes() - 1 }
    }

    /// The smallest multiple that is not below `bytes`, which are at most 2^63.
    #[inline(always)]
    pub(crate) const fn round_up(self, bytes: u64) -> u64 {
        (bytes + (self.bytes() - 1)) & !(self.bytes() - 1)
    }
}

/// [`Granule::EXACT`].
impl Default for Granule {
    fn default() -> Self {
        Granule::EXACT
    }
}

impl fmt::Debug for Granule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Granule({})", self.bytes())
    }
}

/// A number of bytes that is no granule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a granule of {bytes} bytes: give a power of two from 1 to 1073741824 (1 GiB)")]
pub struct InvalidGranule {
    /// What was given.
    pub bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_granule_is_a_power_of_two_within_its_bounds() {
        assert_eq!(Granule::new(1), Ok(Granule::EXACT));
        assert_eq!(Granule::new(1 << 30), Ok(Granule::MAX));
        for bytes in [0, 3, 4095, (1 << 30) + 1, 1 << 31, u64::MAX] {
            let message = Granule::new(bytes).unwrap_err().to_string();
            assert!(message.contains(&bytes.to_string()) && message.contains("1 GiB"), "{message}");
        }
    }

    #[test]
    fn rounding_goes_up_to_the_next_multiple() {
        let granule = Granule::new(8).unwrap();
        let rounded = [0, 1, 7, 8, 9, 1 << 60].map(|bytes| granule.round_up(bytes));
        assert_eq!(rounded, [0, 8, 8, 8, 16, 1 << 60]);
        assert_eq!(Granule::EXACT.round_up(7), 7);
        assert_eq!((granule.most_idle(), Granule::EXACT.most_idle()), (15, 0));
    }
}
