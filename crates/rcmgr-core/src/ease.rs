//! When a path need not be looked at before it is charged with memory.
//!
//! A look (R0) finds a request that is doomed before it has taken room from others. It also reads the
//! lines that other cores have just written, which costs a charge among others a third of its time. So
//! it is left out where room has been found [`ENOUGH`] times in a row, and by a request that did not ask
//! for less. Whoever asks for more than these did, or is refused, is looked for again.
//!
//! What is kept here is a hint of the path's, that many threads write without waiting for each other: a
//! lost update makes some charge look once more, or once less. A hint on each scope would be six
//! lines to read, beside lines that are written.

use crate::Priority;
use crate::sync::Hint;
#[cfg(rcmgr_loom)]
use crate::sync::loads;

/// How often in a row room has to be found. Large beside what may be under way at once, so that who is
/// refused again and again is never taken for one who finds room; small beside what a busy path is
/// charged in a second.
const ENOUGH: u64 = 1024;

/// So often was room found, in a row, by a request for so much at such a priority.
///
/// From the top: bytes 40, priority 8, times 16.
#[derive(Debug)]
pub struct Ease(Hint);

const TIMES: u64 = 0xffff;
const PRIORITY_SHIFT: u32 = 16;
const BYTES_SHIFT: u32 = 24;
/// Requests for more than this always look.
const MOST_BYTES: u64 = u64::MAX >> BYTES_SHIFT;

impl Ease {
    /// Nothing is known yet.
    pub fn new() -> Self {
        Ease(Hint::new())
    }

    /// Whether a request may be charged without a look.
    #[inline(always)]
    pub fn covers(&self, bytes: u64, priority: Priority) -> bool {
        #[cfg(rcmgr_loom)]
        if loads::mode() == loads::Mode::WithoutLook {
            return true;
        }
        let known = self.0.get();
        known & TIMES == ENOUGH && is_known(known, bytes, priority)
    }

    /// Notes that a look found room.
    pub fn found_room(&self, bytes: u64, priority: Priority) {
        let known = self.0.get();
        if is_known(known, bytes, priority) {
            if known & TIMES < ENOUGH {
                self.0.set(known + 1);
            }
        } else if bytes <= MOST_BYTES {
            self.0.set(bytes << BYTES_SHIFT | u64::from(priority.0) << PRIORITY_SHIFT | 1);
        }
    }

    /// Notes a refusal.
    pub fn refused(&self) {
        // Most come in rows, and need not write the line anew.
        if self.0.get() != 0 {
            self.0.set(0);
        }
    }
}

/// Whether there was room for a request that asked for no less.
#[inline(always)]
fn is_known(known: u64, bytes: u64, priority: Priority) -> bool {
    known & TIMES != 0
        && bytes <= known >> BYTES_SHIFT
        && u64::from(priority.0) >= known >> PRIORITY_SHIFT & 0xff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_is_left_out_where_room_was_found_often_enough() {
        let ease = Ease::new();
        let find = |times| (0..times).for_each(|_| ease.found_room(100, Priority::MEDIUM));
        find(ENOUGH - 1);
        assert!(!ease.covers(100, Priority::MEDIUM));
        ease.refused();
        find(ENOUGH - 1);
        assert!(!ease.covers(100, Priority::MEDIUM), "the refusal has begun it anew");
        find(ENOUGH);
        assert!(ease.covers(100, Priority::MEDIUM) && ease.covers(0, Priority::ALWAYS));
        assert!(!ease.covers(101, Priority::MEDIUM) && !ease.covers(100, Priority::LOW));
    }

    #[test]
    fn who_asks_for_more_is_looked_for() {
        let ease = Ease::new();
        let find = |bytes, priority| (0..ENOUGH).for_each(|_| ease.found_room(bytes, priority));
        find(100, Priority::MEDIUM);
        ease.found_room(101, Priority::LOW);
        assert!(!ease.covers(100, Priority::MEDIUM), "the row begins with it");
        find(50, Priority::ALWAYS);
        assert!(ease.covers(101, Priority::LOW), "who asked for less found room too");
        find(MOST_BYTES, Priority(0));
        assert!(ease.covers(MOST_BYTES, Priority(0)));
        find(MOST_BYTES + 1, Priority(0));
        assert!(!ease.covers(MOST_BYTES + 1, Priority(0)));
    }
}
