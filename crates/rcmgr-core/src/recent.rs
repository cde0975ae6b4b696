//! The numbers of the scopes whose names a thread asked for last.
//!
//! A node has a few protocols and services, whose names come with every stream. To hash one so
//! that chosen names do no harm takes longer than to compare it with the one that was meant last
//! time. What is remembered may be outdated, since scopes are collected, but is never wrong: no
//! other scope gets the number of one that is gone, so nothing is found by it, and whoever finds
//! nothing asks the map.

/// The names that one thread remembers.
const NAMES: usize = 16;
/// The bytes of the longest name that is remembered.
const LONGEST: usize = 47;

#[derive(Clone, Copy)]
struct Recent {
    /// Which map the name is of; no map is 0.
    map: u64,
    number: u64,
    length: u8,
    name: [u8; LONGEST],
}

impl Recent {
    const NONE: Recent = Recent { map: 0, number: 0, length: 0, name: [0; LONGEST] };

    fn is(&self, map: u64, name: &[u8]) -> bool {
        self.map == map
            && usize::from(self.length) == name.len()
            && self.name.get(..name.len()) == Some(name)
    }
}

/// Where a name is remembered. Names that meet there displace each other, no more.
fn place(map: u64, name: &[u8]) -> usize {
    let byte = |at: usize| name.get(at).copied().map_or(0, usize::from);
    let middle = name.len() / 2;
    (map as usize ^ name.len() ^ byte(middle) ^ (byte(middle + 1) << 2)) % NAMES
}

/// The number of a name that this thread remembers.
#[cfg(not(rcmgr_loom))]
#[inline]
pub fn number(map: u64, name: &str) -> Option<u64> {
    let name = name.as_bytes();
    let found = table::with(|table| {
        let recent = &table[place(map, name)];
        recent.is(map, name).then_some(recent.number)
    });
    found.flatten()
}

/// Remembers the number of a name, if it is not too long.
#[cfg(not(rcmgr_loom))]
pub fn remember(map: u64, name: &str, number: u64) {
    let bytes = name.as_bytes();
    let mut recent = Recent { map, number, ..Recent::NONE };
    if let (Ok(length), Some(place)) = (bytes.len().try_into(), recent.name.get_mut(..bytes.len()))
    {
        place.copy_from_slice(bytes);
        recent.length = length;
        table::with(|table| table[self::place(map, bytes)] = recent);
    }
}

#[cfg(not(rcmgr_loom))]
mod table {
    use core::cell::RefCell;

    use super::{NAMES, Recent};

    thread_local! {
        // Has no destructor, so that it may be used whenever a thread is at work.
        static TABLE: RefCell<[Recent; NAMES]> = const { RefCell::new([Recent::NONE; NAMES]) };
    }

    #[inline]
    pub fn with<R>(use_it: impl FnOnce(&mut [Recent; NAMES]) -> R) -> Option<R> {
        // Nothing that is called with it comes back here.
        TABLE
            .try_with(|table| table.try_borrow_mut().ok().map(|mut table| use_it(&mut table)))
            .ok()
            .flatten()
    }
}

// What a thread of a model remembers would depend on the runs before it.
#[cfg(rcmgr_loom)]
pub fn number(_: u64, _: &str) -> Option<u64> {
    None
}

#[cfg(rcmgr_loom)]
pub fn remember(_: u64, _: &str, _: u64) {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_remembered_until_another_displaces_it() {
        assert_eq!(number(1, "name"), None);
        remember(1, "name", 5);
        assert_eq!(number(1, "name"), Some(5));
        assert_eq!((number(2, "name"), number(1, "nam"), number(1, "name2")), (None, None, None));
        remember(1, "name", 6);
        assert_eq!(number(1, "name"), Some(6));
        for other in 0..1000 {
            remember(1, &format!("{other:04}"), 7);
        }
        assert_eq!(number(1, "name"), None);
    }

    #[test]
    fn a_long_name_is_not_remembered() {
        for length in [0, 1, LONGEST - 1, LONGEST, LONGEST + 1, 255, 256, 1000] {
            let name = "n".repeat(length);
            remember(1, &name, 5);
            assert_eq!(number(1, &name).is_some(), length <= LONGEST, "{length} bytes");
        }
    }
}
