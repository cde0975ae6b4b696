#![allow(unsafe_code)]
//! The word of a connection or stream together with the paths that it has been charged along.
//!
//! The word says which path is in use, by its generation; a slot for each generation holds the
//! path. **The rule that all of this file relies on:** a slot changes only from empty to a path,
//! by the one who thereby claims the next move, and back to empty by the same one, and only
//! before the word has shown the slot's generation. Generations only grow. So from the moment
//! that a word with generation `g` has been read, slot `g` and all below it stay as they are until
//! the route is dropped, and a reference to their paths may be kept as long as one to the route.

use core::ffi::c_void;
use core::marker::PhantomData;

use crate::path::{Path, Pinned};
use crate::shared_path::SharedPath;
use crate::sync::{AtomicPointer, AtomicWord, Ordering};
use crate::word::LeafWord;

/// The most paths of one life: transient, standard and peer; or peer, protocol and service.
const PATHS: usize = 3;

/// See the module's text. Every path in a slot that was published is pinned until [`Route::close`].
#[derive(Debug)]
pub struct Route {
    word: AtomicWord,
    slots: [AtomicPointer<c_void>; PATHS],
    /// The slots own their paths.
    owns: PhantomData<SharedPath>,
}

impl<T> core::fmt::Debug for AtomicPointer<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        // Relaxed: to be looked at.
        write!(f, "{:p}", self.load(Ordering::Relaxed))
    }
}

/// What was taken out by a close.
pub struct Taken<'r> {
    /// The path that the leaf was charged along.
    pub path: &'r Path,
    /// What it had used and charged.
    pub word: LeafWord,
}

impl Route {
    /// A route at the start of its first path, holding no bytes.
    pub fn new(path: Pinned) -> Self {
        let first = path.into_path().into_raw();
        let slot =
            |at: usize| AtomicPointer::new(if at == 0 { first } else { core::ptr::null_mut() });
        Route {
            word: AtomicWord::new(LeafWord::new(0, 0).0),
            slots: core::array::from_fn(slot),
            owns: PhantomData,
        }
    }

    /// The word, and the path that it is charged along; `None` once it is closed.
    #[inline(always)]
    pub fn load(&self) -> Option<(LeafWord, &Path)> {
        // Acquire: pairs with the publication of the path in `Claim::publish`.
        let seen = LeafWord(self.word.load(Ordering::Acquire));
        self.path_of(seen).map(|path| (seen, path))
    }

    /// The word alone, for who does not use its path.
    #[inline(always)]
    pub fn word(&self) -> LeafWord {
        // Relaxed: an exchange decides, and fails with Acquire.
        LeafWord(self.word.load(Ordering::Relaxed))
    }

    /// The path of a word that was read from this route with Acquire, or of an earlier
    /// generation than such a word's.
    #[inline(always)]
    fn path_of(&self, seen: LeafWord) -> Option<&Path> {
        if seen.is_closed() {
            return None;
        }
        // Relaxed: the word was read with Acquire, so the slot's last change was seen before.
        let path = self.slots.get(seen.generation())?.load(Ordering::Relaxed);
        // SAFETY: this route's word has shown the generation of `seen`, or a later one, so the slot
        // has been published: it holds a path from `SharedPath::into_raw` and, by the rule of this
        // module, keeps it until the route is dropped, which the lifetime of `&self` excludes.
        Some(unsafe { SharedPath::borrow_raw(path) })
    }

    /// Replaces the word by one of the same generation, or gives the one that is there.
    ///
    /// Release on success: what was charged along the path comes before the commit, so that who
    /// sees the bytes here uncharges after them. Acquire, too: an amount taken out here may
    /// have been charged by another thread, and is uncharged after this.
    /// Acquire on failure: the bytes that are there may make the leaf's own limit refuse, and who
    /// refuses must see what led to it.
    #[inline(always)]
    pub fn replace(&self, seen: LeafWord, new: LeafWord) -> Result<(), LeafWord> {
        debug_assert_eq!(seen.generation(), new.generation());
        self.word
            .compare_exchange(seen.0, new.0, Ordering::AcqRel, Ordering::Acquire)
            .map(drop)
            .map_err(LeafWord)
    }

    /// Whether the leaf is still charged along the path of a word that was seen.
    pub fn is_still_at(&self, seen: LeafWord) -> bool {
        // Relaxed: the load that refused was Acquire, so a move that its cause followed has
        // happened before this one; and who starts again loads the word anew.
        let now = LeafWord(self.word.load(Ordering::Relaxed));
        now.generation() == seen.generation()
    }

    /// Claims the move from a word's generation to the next, along `path`; the path comes back
    /// where another has the claim, or has moved already.
    pub fn claim(&self, seen: LeafWord, path: Pinned) -> Result<Claim<'_>, Pinned> {
        let Some(slot) = self.slots.get(seen.generation() + 1) else {
            return Err(path);
        };
        let new = path.into_path().into_raw();
        // Acquire: a claimer that was refused has undone its charges before it put its claim
        // back, and they must not refuse this one. The path is published by the word, later.
        match slot.compare_exchange(
            core::ptr::null_mut(),
            new,
            Ordering::Acquire,
            Ordering::Relaxed,
        ) {
            Ok(_) => Ok(Claim { route: self, slot, path: new }),
            Err(_) => {
                // SAFETY: `new` came from `SharedPath::into_raw` above and was not stored anywhere.
                Err(Pinned::assume(unsafe { SharedPath::from_raw(new) }))
            }
        }
    }

    /// Closes the route and unpins its paths, after `uncharge` has given back what was taken
    /// out. Only the first of several closers takes out anything, and `false` tells the others.
    pub fn close(&self, uncharge: impl FnOnce(Taken<'_>)) -> bool {
        // Acquire: the paths are used below.
        let mut seen = LeafWord(self.word.load(Ordering::Acquire));
        let path = loop {
            let Some(path) = self.path_of(seen) else {
                return false;
            };
            // AcqRel and Acquire: as in `replace`.
            match self.word.compare_exchange(
                seen.0,
                LeafWord::CLOSED.0,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => break path,
                Err(now) => seen = LeafWord(now),
            }
        };
        uncharge(Taken { path, word: seen });
        for generation in 0..=seen.generation() {
            if let Some(path) = self.path_of(LeafWord::new(generation, 0))
                && let Some(life) = path.life()
            {
                life.unpin();
            }
        }
        true
    }
}

impl Drop for Route {
    fn drop(&mut self) {
        for slot in &self.slots {
            // Relaxed: nobody else has the route any more.
            let path = slot.load(Ordering::Relaxed);
            if !path.is_null() {
                // SAFETY: a slot that is not empty owns a path from `SharedPath::into_raw`; claims
                // borrow the route, so none is under way, and this runs once.
                drop(unsafe { SharedPath::from_raw(path) });
            }
        }
    }
}

/// The right to move a leaf to its next path. Dropping it gives the claim up, and the path's pin.
#[must_use]
pub struct Claim<'r> {
    route: &'r Route,
    slot: &'r AtomicPointer<c_void>,
    path: *mut c_void,
}

impl<'r> Claim<'r> {
    /// The path to move to.
    pub fn path(&self) -> &Path {
        // SAFETY: the slot owns the path until this claim, which is borrowed here, puts null
        // back on drop, or the route is dropped, which the claim borrows.
        unsafe { SharedPath::borrow_raw(self.path) }
    }

    /// Moves the word to the next generation with what it was seen to hold, or gives the claim back where
    /// the word has changed.
    pub fn publish(self, seen: LeafWord) -> Result<(), Self> {
        // Release on success: the path in the slot, and what was charged along it, come before
        // its generation is seen. Acquire: what is uncharged on the old path afterwards was
        // charged before. Relaxed on failure: whoever tries again loads the word with Acquire.
        match self.route.word.compare_exchange(
            seen.0,
            seen.next_generation().0,
            Ordering::AcqRel,
            Ordering::Relaxed,
        ) {
            Ok(_) => {
                core::mem::forget(self);
                Ok(())
            }
            Err(_) => Err(self),
        }
    }
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        // Release: pairs with the next claim of this slot.
        self.slot.store(core::ptr::null_mut(), Ordering::Release);
        // SAFETY: the claim put `path`, from `SharedPath::into_raw`, into the slot and has just
        // taken it out; its generation was not published, so by the rule of this module nobody
        // read it.
        drop(Pinned::assume(unsafe { SharedPath::from_raw(self.path) }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Registry;

    #[test]
    fn a_route_frees_every_path_once() {
        let fixed = Registry::new(usize::MAX).fixed;
        let paths = [&fixed.allowlisted_transient, &fixed.transient, &fixed.system];
        let counts = || paths.map(SharedPath::count);
        let pinned = |at: usize| Pinned::assume(SharedPath::clone(paths[at]));
        let before = counts();

        let route = Route::new(pinned(0));
        let (seen, _) = route.load().unwrap();
        let refused = route.claim(seen, pinned(1)).ok().unwrap();
        assert!(route.claim(seen, pinned(2)).is_err(), "one claim at a time");
        drop(refused);
        assert_eq!(counts(), [before[0] + 1, before[1], before[2]]);
        route.claim(seen, pinned(1)).ok().unwrap().publish(seen).ok().unwrap();
        assert_eq!(counts(), [before[0] + 1, before[1] + 1, before[2]]);
        assert!(route.close(|_| {}) && !route.close(|_| {}));
        drop(route);
        assert_eq!(counts(), before);
    }
}
