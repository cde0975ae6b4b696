//! The names of tags, each kept once in a shard however many peers have it.

use std::sync::Arc;

use hashbrown::HashTable;

/// With fewer names than this, none is forgotten.
const FEW: usize = 32;

/// The name of a tag, in the shard that gave it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Name(u32);

#[derive(Debug)]
struct Kept {
    text: Arc<str>,
    hash: u64,
}

/// At most twice as many names as peers had at some time, or one for each eight peers.
///
/// Nobody counts who has a name: to set and remove a tag would write one more line of memory, which
/// the other threads write too. From time to time those that nobody has are swept out.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct Names {
    by_hash: HashTable<u32>,
    kept: Vec<Option<Kept>>,
    free: Vec<u32>,
    after_sweep: usize,
}

impl Names {
    #[inline]
    pub fn find(&self, hash: u64, text: &str) -> Option<Name> {
        let same = |at: &u32| {
            self.kept[*at as usize]
                .as_ref()
                .is_some_and(|kept| kept.hash == hash && *kept.text == *text)
        };
        self.by_hash.find(hash, same).copied().map(Name)
    }

    pub fn text(&self, name: Name) -> Option<&Arc<str>> {
        self.kept[name.0 as usize].as_ref().map(|kept| &kept.text)
    }

    /// Keeps a name that is not kept so far.
    pub fn keep(&mut self, hash: u64, text: &str) -> Name {
        let at = self.free.pop().unwrap_or_else(|| {
            self.kept.push(None);
            self.kept.len() as u32 - 1
        });
        self.kept[at as usize] = Some(Kept { text: text.into(), hash });
        let hash_of = |at: &u32| self.kept[*at as usize].as_ref().map_or(0, |kept| kept.hash);
        self.by_hash.insert_unique(hash, at, hash_of);
        Name(at)
    }

    /// Whether there are so many that a look at all peers is worth it.
    #[inline]
    pub fn is_sweep_due(&self, peers: usize) -> bool {
        self.by_hash.len() > FEW.max(2 * self.after_sweep).max(peers / 8)
    }

    /// Whether there are so few that nothing is won by a sweep.
    pub fn are_few(&self) -> bool {
        self.by_hash.len() <= FEW
    }

    /// Forgets all names but those that are used.
    pub fn sweep(&mut self, used: impl Iterator<Item = Name>) {
        let mut is_used = vec![false; self.kept.len()];
        used.for_each(|name| is_used[name.0 as usize] = true);
        self.by_hash.retain(|at| is_used[*at as usize]);
        for (at, slot) in self.kept.iter_mut().enumerate() {
            if !is_used[at] && slot.take().is_some() {
                self.free.push(at as u32);
            }
        }
        self.after_sweep = self.by_hash.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_equal_hash_are_told_apart() {
        let mut names = Names::default();
        let [one, other] = ["a", "b"].map(|text| names.keep(7, text));
        assert_ne!(one, other);
        assert_eq!([names.find(7, "a"), names.find(7, "b")], [Some(one), Some(other)]);
        assert_eq!(names.find(8, "a"), None);
        assert_eq!(names.find(7, "c"), None);
    }

    #[test]
    fn names_that_nobody_has_are_forgotten_and_the_others_stay_the_same() {
        let mut names = Names::default();
        let used = names.keep(0, "used");
        for number in 1..1000 {
            names.keep(number, "other");
            if names.is_sweep_due(0) {
                names.sweep([used].into_iter());
            }
            assert!(names.by_hash.len() <= FEW && names.kept.len() <= FEW + 1);
        }
        assert_eq!(names.find(0, "used"), Some(used));
        assert_eq!(names.text(used).map(|text| &**text), Some("used"));
    }

    #[test]
    fn a_sweep_comes_when_there_are_twice_as_many_as_were_left_or_many_for_the_peers() {
        let mut names = Names::default();
        let all: Vec<Name> = (0..100).map(|hash| names.keep(hash, "x")).collect();
        assert!(names.is_sweep_due(0) && names.is_sweep_due(799) && !names.is_sweep_due(800));
        names.sweep(all.into_iter());
        assert!(!names.is_sweep_due(0));
        for hash in 100..200 {
            names.keep(hash, "x");
        }
        assert!(!names.is_sweep_due(0));
        names.keep(200, "x");
        assert!(names.is_sweep_due(0));
    }
}
