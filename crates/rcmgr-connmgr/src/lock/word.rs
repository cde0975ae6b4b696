//! What the word of a connection says, as a pure value, and what it may become (K1 of the book's
//! chapter on invariants).
//!
//! From the top: state 2, locks 14, epoch 16, last use 32.
//!
//! | from | to | by |
//! |---|---|---|
//! | free | open, next epoch | open |
//! | open | open, one lock more | lock |
//! | any, n locks | the same, n − 1 | unlock |
//! | open or yielding, no lock | closing | prune |
//! | open | yielding | a revocation |
//! | yielding | open | its end |
//! | any but free | free, no lock | close |

use core::fmt;

/// The word of the cell that a connection lies in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Word(pub u64);

/// What a cell has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// No connection.
    Free = 0,
    /// One that may be locked.
    Open = 1,
    /// One whose locks are being revoked: it takes no new one.
    Yielding = 2,
    /// One that somebody closes.
    Closing = 3,
}

/// Why a step is not possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The connection has left the cell.
    Gone,
    /// It is being closed.
    Closing,
    /// It takes no new lock.
    Yielding,
    /// It has so many locks.
    Locked(u16),
    /// It has as many locks as can be counted.
    Full,
    /// It is so already.
    Same,
}

const EPOCH_SHIFT: u32 = 32;
const LOCKS_SHIFT: u32 = EPOCH_SHIFT + 16;
const STATE_SHIFT: u32 = LOCKS_SHIFT + 14;
const _: () = assert!(STATE_SHIFT + 2 == u64::BITS);

const LAST_USE: u64 = (1 << EPOCH_SHIFT) - 1;
const ONE_LOCK: u64 = 1 << LOCKS_SHIFT;
const LOCKS: u64 = (1 << STATE_SHIFT) - ONE_LOCK;
const STATE: u64 = !(LAST_USE | LOCKS | (u16::MAX as u64) << EPOCH_SHIFT);

impl Word {
    /// The most locks of one connection.
    pub const MOST_LOCKS: u16 = (LOCKS >> LOCKS_SHIFT) as u16;

    /// Of a cell that has had no connection yet.
    pub const NEW: Word = Word(0);

    pub const fn state(self) -> State {
        match self.0 >> STATE_SHIFT {
            0 => State::Free,
            1 => State::Open,
            2 => State::Yielding,
            _ => State::Closing,
        }
    }

    pub const fn locks(self) -> u16 {
        ((self.0 & LOCKS) >> LOCKS_SHIFT) as u16
    }

    /// Which of the cell's connections this is, from 1; 0 before the first.
    pub const fn epoch(self) -> u16 {
        (self.0 >> EPOCH_SHIFT) as u16
    }

    /// In seconds, by the caller's clock.
    pub const fn last_use(self) -> u32 {
        (self.0 & LAST_USE) as u32
    }

    const fn in_state(self, state: State) -> Word {
        Word(self.0 & !STATE | (state as u64) << STATE_SHIFT)
    }

    /// With a connection, if it has none and an epoch is left.
    pub fn opened(self, at: u32) -> Option<Word> {
        let epoch = self.epoch().checked_add(1)?;
        let opened = Word(u64::from(epoch) << EPOCH_SHIFT | u64::from(at)).in_state(State::Open);
        (self.state() == State::Free).then_some(opened)
    }

    /// The same, if the connection of that epoch is still here.
    pub fn of(self, epoch: u16) -> Result<Word, Stop> {
        if self.state() != State::Free && self.epoch() == epoch {
            Ok(self)
        } else {
            Err(Stop::Gone)
        }
    }

    pub fn locked(self, epoch: u16) -> Result<Word, Stop> {
        match self.of(epoch)?.state() {
            State::Free => Err(Stop::Gone),
            State::Closing => Err(Stop::Closing),
            State::Yielding => Err(Stop::Yielding),
            State::Open if self.locks() == Word::MOST_LOCKS => Err(Stop::Full),
            State::Open => Ok(Word(self.0 + ONE_LOCK)),
        }
    }

    /// One lock less, if there is one.
    pub fn unlocked(self, epoch: u16) -> Result<Word, Stop> {
        match self.of(epoch)?.locks() {
            0 => Err(Stop::Same),
            _ => Ok(Word(self.0 - ONE_LOCK)),
        }
    }

    pub fn pruned(self, epoch: u16) -> Result<Word, Stop> {
        match (self.of(epoch)?.state(), self.locks()) {
            (State::Closing, _) => Err(Stop::Closing),
            (_, 0) => Ok(self.in_state(State::Closing)),
            (_, locks) => Err(Stop::Locked(locks)),
        }
    }

    pub fn closed(self, epoch: u16) -> Result<Word, Stop> {
        Ok(Word(self.of(epoch)?.0 & !LOCKS).in_state(State::Free))
    }

    pub fn yielding(self, epoch: u16) -> Result<Word, Stop> {
        match self.of(epoch)?.state() {
            State::Open => Ok(self.in_state(State::Yielding)),
            State::Closing => Err(Stop::Closing),
            _ => Err(Stop::Same),
        }
    }

    pub fn resumed(self, epoch: u16) -> Result<Word, Stop> {
        match self.of(epoch)?.state() {
            State::Yielding => Ok(self.in_state(State::Open)),
            _ => Err(Stop::Same),
        }
    }

    /// Used at that moment, if that is later than what was known.
    pub fn used(self, epoch: u16, at: u32) -> Result<Word, Stop> {
        if self.of(epoch)?.last_use() < at {
            Ok(Word(self.0 & !LAST_USE | u64::from(at)))
        } else {
            Err(Stop::Same)
        }
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Word")
            .field("state", &self.state())
            .field("locks", &self.locks())
            .field("epoch", &self.epoch())
            .field("last_use", &self.last_use())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open() -> Word {
        Word::NEW.opened(7).unwrap()
    }

    #[test]
    fn what_is_locked_is_not_pruned_and_what_is_pruned_is_not_locked() {
        let locked = open().locked(1).unwrap();
        assert_eq!(locked.pruned(1), Err(Stop::Locked(1)));
        assert_eq!(locked.yielding(1).unwrap().pruned(1), Err(Stop::Locked(1)));
        let closing = locked.unlocked(1).unwrap().pruned(1).unwrap();
        assert_eq!(closing.locked(1), Err(Stop::Closing));
        assert_eq!(closing.pruned(1), Err(Stop::Closing));
        assert_eq!(closing.yielding(1), Err(Stop::Closing));
    }

    #[test]
    fn what_yields_takes_no_lock_and_keeps_those_that_it_has() {
        let yielding = open().locked(1).unwrap().yielding(1).unwrap();
        assert_eq!(yielding.locked(1), Err(Stop::Yielding));
        assert_eq!(yielding.yielding(1), Err(Stop::Same));
        assert_eq!(yielding.locks(), 1);
        assert_eq!(yielding.resumed(1).unwrap(), open().locked(1).unwrap());
        assert!(yielding.unlocked(1).unwrap().pruned(1).is_ok());
        assert_eq!(open().resumed(1), Err(Stop::Same));
    }

    #[test]
    fn nothing_is_done_to_a_connection_of_another_epoch() {
        let next = open().locked(1).unwrap().closed(1).unwrap().opened(9).unwrap();
        assert_eq!((next.epoch(), next.locks(), next.last_use()), (2, 0, 9));
        let locked = next.locked(2).unwrap();
        for late in [Word::locked, Word::unlocked, Word::pruned, Word::closed, Word::yielding] {
            assert_eq!(late(locked, 1), Err(Stop::Gone));
            assert_eq!(late(locked.closed(2).unwrap(), 2), Err(Stop::Gone), "it is free");
        }
        assert_eq!(locked.used(1, 99), Err(Stop::Gone));
        assert_eq!(locked.opened(0), None, "it has a connection");
    }

    #[test]
    fn an_epoch_never_comes_back() {
        let mut word = Word::NEW;
        for epoch in 1..=u16::MAX {
            word = word.opened(0).unwrap();
            assert_eq!(word.epoch(), epoch);
            word = word.closed(epoch).unwrap();
        }
        assert_eq!(word.opened(0), None);
    }

    #[test]
    fn a_full_count_of_locks_takes_no_more() {
        let mut word = open();
        for _ in 0..Word::MOST_LOCKS {
            word = word.locked(1).unwrap();
        }
        assert_eq!(word.locked(1), Err(Stop::Full));
        assert_eq!((word.state(), word.epoch(), word.last_use()), (State::Open, 1, 7));
        assert_eq!(word.closed(1).unwrap().locks(), 0);
        assert_eq!(open().unlocked(1), Err(Stop::Same));
    }

    #[test]
    fn the_last_use_never_goes_back() {
        let used = open().locked(1).unwrap().used(1, u32::MAX).unwrap();
        assert_eq!((used.last_use(), used.locks()), (u32::MAX, 1));
        assert_eq!(used.used(1, 8), Err(Stop::Same));
    }
}
