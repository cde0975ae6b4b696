//! Peers that no trim closes: each for as many reasons as there are tags.

use std::collections::{BTreeSet, HashMap};

use crate::{Full, Peer};

/// Who is protected. Kept apart from connections: protection comes before the first one and
/// outlasts the last.
#[derive(Debug, Default)]
pub(crate) struct Protections {
    tags: HashMap<Peer, BTreeSet<Box<str>>>,
    pairs: usize,
}

impl Protections {
    /// Twice is as once: tags are not counted.
    pub fn protect(&mut self, peer: &Peer, tag: &str, most: usize) -> Result<(), Full> {
        if self.is_protected_by(peer, tag) {
            return Ok(());
        }
        if self.pairs >= most {
            return Err(Full { what: "protections", most });
        }
        self.tags.entry(peer.clone()).or_default().insert(tag.into());
        self.pairs += 1;
        Ok(())
    }

    /// Whether another tag still protects the peer.
    pub fn unprotect(&mut self, peer: &Peer, tag: &str) -> bool {
        let Some(tags) = self.tags.get_mut(peer) else { return false };
        if tags.remove(tag) {
            self.pairs -= 1;
        }
        if tags.is_empty() {
            self.tags.remove(peer);
            return false;
        }
        true
    }

    pub fn is_protected(&self, peer: &Peer) -> bool {
        self.tags.contains_key(peer)
    }

    pub fn is_protected_by(&self, peer: &Peer, tag: &str) -> bool {
        self.tags.get(peer).is_some_and(|tags| tags.contains(tag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_truth_table_of_protection_is_that_of_go() {
        let mut all = Protections::default();
        let [peer, other] = ["a", "b"].map(|name| Peer::new(name.as_bytes()).unwrap());
        assert!(!all.unprotect(&peer, "x"));
        all.protect(&peer, "x", 2).unwrap();
        all.protect(&peer, "x", 2).unwrap();
        assert!(all.is_protected(&peer) && all.is_protected_by(&peer, "x"));
        assert!(!all.is_protected_by(&peer, "y"));
        assert!(all.unprotect(&peer, "y"), "a tag that it does not have leaves the other");
        all.protect(&peer, "y", 2).unwrap();
        assert_eq!(all.protect(&other, "x", 2), Err(Full { what: "protections", most: 2 }));
        assert!(all.unprotect(&peer, "x"));
        assert!(!all.unprotect(&peer, "y"));
        assert!(!all.is_protected(&peer));
        assert!(all.protect(&other, "x", 2).is_ok());
    }
}
