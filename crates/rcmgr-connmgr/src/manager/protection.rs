//! Peers that no trim closes: each for as many reasons as there are tags.

use std::collections::BTreeSet;

use hashbrown::HashTable;

use crate::Peer;

#[derive(Debug)]
struct Protected {
    hash: u64,
    peer: Peer,
    tags: BTreeSet<Box<str>>,
}

/// Which peers of a shard are protected. Kept apart from connections: protection comes before the
/// first one and outlasts the last. In the shard all the same: so a trim, which decides under its
/// lock, sees each protection that was there before.
#[derive(Debug, Default)]
pub(crate) struct Protections(HashTable<Protected>);

impl Protections {
    /// Twice is as once: tags are not counted.
    pub fn protect(&mut self, hash: u64, peer: &Peer, tag: &str) {
        let same = |known: &Protected| known.hash == hash && known.peer == *peer;
        let new = || Protected { hash, peer: peer.clone(), tags: BTreeSet::new() };
        let entry = self.0.entry(hash, same, |known| known.hash).or_insert_with(new);
        entry.into_mut().tags.insert(tag.into());
    }

    /// Whether this tag protected the peer, and whether another one still does.
    pub fn unprotect(&mut self, hash: u64, peer: &Peer, tag: &str) -> (bool, bool) {
        let same = |known: &Protected| known.hash == hash && known.peer == *peer;
        let Ok(mut known) = self.0.find_entry(hash, same) else { return (false, false) };
        let tags = &mut known.get_mut().tags;
        let did = tags.remove(tag);
        let still = !tags.is_empty();
        if !still {
            known.remove();
        }
        (did, still)
    }

    pub fn is_protected(&self, hash: u64, peer: &Peer) -> bool {
        !self.0.is_empty() && self.find(hash, peer).is_some()
    }

    pub fn is_protected_by(&self, hash: u64, peer: &Peer, tag: &str) -> bool {
        self.find(hash, peer).is_some_and(|known| known.tags.contains(tag))
    }

    fn find(&self, hash: u64, peer: &Peer) -> Option<&Protected> {
        self.0.find(hash, |known| known.hash == hash && known.peer == *peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_truth_table_of_protection_is_that_of_go() {
        let mut all = Protections::default();
        let peer = Peer::new(b"a").unwrap();
        assert_eq!(all.unprotect(7, &peer, "x"), (false, false));
        all.protect(7, &peer, "x");
        all.protect(7, &peer, "x");
        assert!(all.is_protected(7, &peer) && all.is_protected_by(7, &peer, "x"));
        assert!(!all.is_protected_by(7, &peer, "y"));
        let other = Peer::new(b"b").unwrap();
        assert!(!all.is_protected(7, &other), "of equal hash only");
        let wrong = all.unprotect(7, &peer, "y");
        assert_eq!(wrong, (false, true), "a tag that it does not have leaves the other");
        all.protect(7, &peer, "y");
        assert_eq!(all.unprotect(7, &peer, "x"), (true, true));
        assert_eq!(all.unprotect(7, &peer, "y"), (true, false));
        assert!(!all.is_protected(7, &peer));
    }
}
