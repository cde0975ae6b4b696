#![allow(unsafe_code)]
//! A path that is kept in memory, behind a pointer of one word.
//!
//! Paths have from one to six scopes, and there are as many of them as there are peers and more.
//! So each takes only as much memory as it has scopes, which makes [`Path`] a type without a fixed
//! size; and its references are one word wide, so that the slots of a leaf can hold them.

use core::ffi::c_void;
use core::mem::ManuallyDrop;

use triomphe::{HeaderSlice, HeaderWithLength, ThinArc};

use crate::node::SharedNode;
use crate::path::{Head, Path, Way};

/// What a path is made of.
pub type Parts = HeaderSlice<HeaderWithLength<Head>, [SharedNode]>;

/// A reference to a path.
#[derive(Clone)]
pub struct SharedPath(ThinArc<Head, SharedNode>);

impl SharedPath {
    /// A path along some scopes, of which there is one at least.
    pub fn new<const N: usize>(way: Way, nodes: [&SharedNode; N]) -> Self {
        const { assert!(N > 0) };
        SharedPath(ThinArc::from_header_and_iter(Head::new(way), nodes.into_iter().cloned()))
    }

    /// Whether both are the same path.
    pub fn ptr_eq(&self, other: &SharedPath) -> bool {
        core::ptr::eq(self.0.as_ptr(), other.0.as_ptr())
    }

    /// How many references there are.
    #[cfg(test)]
    pub fn count(&self) -> usize {
        ThinArc::strong_count(&self.0)
    }

    /// The reference as a pointer, to be taken back by [`SharedPath::from_raw`].
    pub fn into_raw(self) -> *mut c_void {
        self.0.into_raw().cast_mut()
    }

    /// Takes back a reference.
    ///
    /// # Safety
    /// The pointer came from [`SharedPath::into_raw`] and is taken back once.
    pub unsafe fn from_raw(pointer: *mut c_void) -> Self {
        // SAFETY: the same contract.
        SharedPath(unsafe { ThinArc::from_raw(pointer) })
    }

    /// The path of a reference that was not taken back yet.
    ///
    /// # Safety
    /// The pointer came from [`SharedPath::into_raw`], and is not taken back during `'p`.
    #[inline(always)]
    pub unsafe fn borrow_raw<'p>(pointer: *mut c_void) -> &'p Path {
        // SAFETY: the pointer is valid by the contract; the count stays as it is, since what is
        // made here is never dropped.
        let path = ManuallyDrop::new(unsafe { SharedPath::from_raw(pointer) });
        let path: *const Path = &**path;
        // SAFETY: the path lives as long as its reference, which is during `'p`.
        unsafe { &*path }
    }
}

impl core::ops::Deref for SharedPath {
    type Target = Path;

    #[inline(always)]
    fn deref(&self) -> &Path {
        let parts: *const Parts = &*self.0;
        // SAFETY: `Path` is a transparent wrapper of `Parts`.
        unsafe { &*(parts as *const Path) }
    }
}

impl core::fmt::Debug for SharedPath {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Debug::fmt(&**self, f)
    }
}
