//! An allocator that counts: what is allocated and freed by a thread, and what is live in the process.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

/// The system's allocator, with counts. A program that wants them makes it its global allocator.
#[derive(Debug)]
pub struct CountingAllocator;

thread_local! {
    // Have no destructors, so that they may be used whenever a thread allocates.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
    static ALLOCATED: Cell<u64> = const { Cell::new(0) };
    static FREED: Cell<u64> = const { Cell::new(0) };
}

static LIVE: AtomicI64 = AtomicI64::new(0);
static COUNTS: AtomicBool = AtomicBool::new(true);

impl CountingAllocator {
    /// How often this thread has allocated. What others do meanwhile is not counted.
    pub fn allocations() -> u64 {
        ALLOCATIONS.get()
    }

    /// How many bytes this thread has allocated.
    pub fn allocated_bytes() -> u64 {
        ALLOCATED.get()
    }

    /// Whether to count from now on; it does when the program begins. All threads count what is live
    /// in one word, which is no company for what is timed. What is live is wrong by what was not
    /// counted.
    pub fn count(counts: bool) {
        // Relaxed: whoever wants the counts exact has one thread.
        COUNTS.store(counts, Ordering::Relaxed);
    }

    /// How many bytes this thread has freed, whoever had allocated them.
    pub fn freed_bytes() -> u64 {
        FREED.get()
    }

    /// How many bytes all threads have allocated and not freed.
    pub fn live_bytes() -> i64 {
        // Relaxed, as below: a number to be shown.
        LIVE.load(Ordering::Relaxed)
    }
}

fn allocated(bytes: usize) {
    if !COUNTS.load(Ordering::Relaxed) {
        return;
    }
    ALLOCATIONS.set(ALLOCATIONS.get() + 1);
    ALLOCATED.set(ALLOCATED.get() + bytes as u64);
    LIVE.fetch_add(bytes as i64, Ordering::Relaxed);
}

fn freed(bytes: usize) {
    if !COUNTS.load(Ordering::Relaxed) {
        return;
    }
    FREED.set(FREED.get() + bytes as u64);
    LIVE.fetch_sub(bytes as i64, Ordering::Relaxed);
}

// SAFETY: all calls are passed on to the system's allocator as they are; the counters are no memory
// that it manages.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        allocated(layout.size());
        // SAFETY: the caller keeps the contract, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        allocated(layout.size());
        // SAFETY: as in `alloc`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        freed(layout.size());
        allocated(size);
        // SAFETY: as in `alloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        freed(layout.size());
        // SAFETY: as in `alloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}
