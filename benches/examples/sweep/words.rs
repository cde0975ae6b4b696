//! A model of the engine's charge: a loop of compare-and-swap on each of seven words, with a limit, and
//! the same to release.
//!
//! It knows no snapshot, no paths and no names: what is left are the words, where they lie, and what is
//! done when an exchange fails.

use std::hint::{black_box, spin_loop};
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_utils::{Backoff, CachePadded};
use rcmgr_benches::stream::{AMPLE, SCOPES};
use rcmgr_benches::{BYTES, Work};

/// A place for a word.
pub trait Cell: Default + Send + Sync + 'static {
    /// The word.
    fn word(&self) -> &AtomicU64;
}

/// Beside its neighbours.
impl Cell for AtomicU64 {
    #[inline(always)]
    fn word(&self) -> &AtomicU64 {
        self
    }
}

/// On a line of 64 bytes.
#[derive(Debug, Default)]
#[repr(align(64))]
pub struct Line(AtomicU64);

impl Cell for Line {
    #[inline(always)]
    fn word(&self) -> &AtomicU64 {
        &self.0
    }
}

/// As far from others as processors fetch lines together: 128 bytes on most.
impl Cell for CachePadded<AtomicU64> {
    #[inline(always)]
    fn word(&self) -> &AtomicU64 {
        self
    }
}

/// What is done after an exchange has failed, until the next.
pub trait Wait: Default + Send + 'static {
    /// An exchange has failed.
    fn failed(&self);
}

/// Nothing.
#[derive(Debug, Default)]
pub struct No;

impl Wait for No {
    #[inline(always)]
    fn failed(&self) {}
}

/// One hint to the processor.
#[derive(Debug, Default)]
pub struct Hint;

impl Wait for Hint {
    #[inline(always)]
    fn failed(&self) {
        spin_loop();
    }
}

/// Twice as many hints each time, up to 64.
impl Wait for Backoff {
    #[inline(always)]
    fn failed(&self) {
        self.spin();
    }
}

/// What the threads have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// All but one word of each.
    Shared,
    /// None. The words of a scope of all threads lie in a row.
    Distinct,
}

/// The charges of one thread.
struct Charging<C, W> {
    cells: Arc<[C]>,
    /// Those of the scopes above.
    above: [usize; SCOPES - 1],
    own: usize,
    limit: u64,
    wait: PhantomData<fn() -> W>,
}

impl<C: Cell, W: Wait> Charging<C, W> {
    fn new(cells: &Arc<[C]>, threads: usize, thread: usize, words: Words) -> Self {
        let common = if words == Words::Shared { 0 } else { thread };
        Charging {
            cells: cells.clone(),
            above: std::array::from_fn(|scope| (scope + 1) * threads + common),
            own: thread,
            limit: black_box(AMPLE),
            wait: PhantomData,
        }
    }

    /// Replaces a word by what `change` makes of it, with the engine's orderings; `false` where it makes
    /// nothing.
    #[inline(always)]
    fn replace(&self, at: usize, change: impl Fn(u64) -> Option<u64>) -> bool {
        let word = self.cells[at].word();
        let (mut seen, wait) = (word.load(Ordering::Acquire), W::default());
        while let Some(new) = change(seen) {
            let exchanged =
                word.compare_exchange_weak(seen, new, Ordering::AcqRel, Ordering::Acquire);
            match exchanged {
                Ok(_) => return true,
                Err(now) => seen = now,
            }
            wait.failed();
        }
        false
    }

    #[inline(always)]
    fn charge(&self, at: usize) -> bool {
        self.replace(at, |used| used.checked_add(BYTES).filter(|sum| *sum <= self.limit))
    }

    #[inline(always)]
    fn release(&self, at: usize) -> bool {
        self.replace(at, |used| used.checked_sub(BYTES))
    }

    /// The own word is charged last and given back first.
    #[inline(always)]
    fn reserve_release(&self) -> bool {
        self.above.iter().all(|at| self.charge(*at))
            && self.charge(self.own)
            && self.release(self.own)
            && self.above.iter().all(|at| self.release(*at))
    }
}

impl<C: Cell, W: Wait> Work for Charging<C, W> {
    fn run(&mut self, times: u64) {
        for _ in 0..times {
            assert!(black_box(&*self).reserve_release(), "there is room");
        }
    }
}

/// The work of some threads.
pub fn works<C: Cell, W: Wait>(threads: usize, words: Words) -> Vec<Box<dyn Work>> {
    let cells: Arc<[C]> = (0..SCOPES * threads).map(|_| C::default()).collect();
    let work =
        |thread| Box::new(Charging::<C, W>::new(&cells, threads, thread, words)) as Box<dyn Work>;
    (0..threads).map(work).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_share_all_words_but_their_own_or_none() {
        let cells: Arc<[Line]> = (0..2 * SCOPES).map(|_| Line::default()).collect();
        let of = |thread, words| Charging::<Line, No>::new(&cells, 2, thread, words);
        let places = |thread, words| {
            let Charging { above, own, .. } = of(thread, words);
            [above.as_slice(), &[own]].concat()
        };
        let common = |words| {
            places(0, words).iter().filter(|place| places(1, words).contains(place)).count()
        };
        assert_eq!((common(Words::Shared), common(Words::Distinct)), (SCOPES - 1, 0));
    }

    #[test]
    fn what_is_charged_is_released_and_a_limit_is_kept() {
        let cells: Arc<[Line]> = (0..SCOPES).map(|_| Line::default()).collect();
        let mut charging = Charging::<Line, Backoff>::new(&cells, 1, 0, Words::Shared);
        assert!(charging.reserve_release());
        assert!(cells.iter().all(|cell| cell.word().load(Ordering::Relaxed) == 0));
        charging.limit = BYTES - 1;
        assert!(!charging.charge(0));
    }
}
