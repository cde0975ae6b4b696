//! The names of tags, each kept once in a shard however many peers have it.

use std::{collections::VecDeque, sync::Arc};

use hashbrown::HashTable;

/// How many names are kept that no peer has: one that comes and goes is not allocated each time.
const MOST_UNUSED: usize = 16;

/// The name of a tag, in the shard that gave it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Name(u32);

#[derive(Debug)]
struct Kept {
    text: Arc<str>,
    hash: u64,
    uses: u32,
    /// It is in the queue of those that may be forgotten.
    queued: bool,
}

/// As many names as peers have, and a few more.
#[derive(Debug, Default)]
#[repr(C)]
pub(crate) struct Names {
    by_hash: HashTable<u32>,
    kept: Vec<Option<Kept>>,
    free: Vec<u32>,
    /// In the order in which they were let go. Some may be in use again.
    unused: VecDeque<u32>,
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

    /// Counts one more use.
    #[inline]
    pub fn used(&mut self, name: Name) {
        if let Some(kept) = &mut self.kept[name.0 as usize] {
            kept.uses += 1;
        }
    }

    /// A name that is not kept so far, with its first use.
    pub fn keep(&mut self, hash: u64, text: &str) -> Name {
        let kept = Kept { text: text.into(), hash, uses: 1, queued: false };
        let at = self.free.pop().unwrap_or_else(|| {
            self.kept.push(None);
            self.kept.len() as u32 - 1
        });
        self.kept[at as usize] = Some(kept);
        let hash_of = |at: &u32| self.kept[*at as usize].as_ref().map_or(0, |kept| kept.hash);
        self.by_hash.insert_unique(hash, at, hash_of);
        Name(at)
    }

    /// Counts one use less, and forgets what was let go first if there are too many.
    #[inline]
    pub fn let_go(&mut self, name: Name) {
        let Some(kept) = &mut self.kept[name.0 as usize] else { return };
        kept.uses -= 1;
        if kept.uses > 0 || kept.queued {
            return;
        }
        kept.queued = true;
        self.unused.push_back(name.0);
        if self.unused.len() > MOST_UNUSED
            && let Some(first) = self.unused.pop_front()
        {
            self.forget_unless_used(first);
        }
    }

    fn forget_unless_used(&mut self, at: u32) {
        let slot = &mut self.kept[at as usize];
        let Some(kept) = slot else { return };
        kept.queued = false;
        if kept.uses > 0 {
            return;
        }
        if let Ok(found) = self.by_hash.find_entry(kept.hash, |known| *known == at) {
            found.remove();
        }
        *slot = None;
        self.free.push(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keep(names: &mut Names, text: &str) -> Name {
        match names.find(text.len() as u64, text) {
            Some(name) => {
                names.used(name);
                name
            }
            None => names.keep(text.len() as u64, text),
        }
    }

    #[test]
    fn a_name_that_comes_and_goes_stays_the_same() {
        let mut names = Names::default();
        let name = keep(&mut names, "a");
        for _ in 0..100 {
            names.let_go(name);
            assert_eq!(keep(&mut names, "a"), name);
        }
        assert_eq!(names.unused.len(), 1);
    }

    #[test]
    fn names_of_equal_hash_are_told_apart() {
        let mut names = Names::default();
        assert_ne!(keep(&mut names, "a"), keep(&mut names, "b"));
    }

    #[test]
    fn names_that_nobody_has_are_forgotten_but_for_a_few() {
        let mut names = Names::default();
        let used = keep(&mut names, "used");
        for number in 0..1000 {
            let name = keep(&mut names, &format!("name {number}"));
            names.let_go(name);
        }
        assert_eq!(names.by_hash.len(), MOST_UNUSED + 1);
        assert!(names.kept.len() <= MOST_UNUSED + 2);
        assert_eq!(names.text(used).map(|text| &**text), Some("used"));
        names.let_go(used);
        assert_eq!(keep(&mut names, "used"), used);
        for number in 0..1000 {
            let name = keep(&mut names, &format!("name {number}"));
            names.let_go(name);
        }
        assert_eq!(names.text(used).map(|text| &**text), Some("used"), "it is used again");
    }
}
