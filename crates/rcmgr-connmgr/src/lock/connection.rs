//! Cells, and the connections in them: locked, pruned, closed, each by one exchange of the cell's
//! word.

use std::{fmt, sync::Arc, time::Duration};

use super::budget::{Budgets, PeerLocks};
use super::denied::{Kept, LockDenied};
use super::sync::{AtomicWord, Ordering};
use super::word::{State, Stop, Word};

/// Where one connection after the other lies: a row of the caller's table.
pub struct ConnectionCell {
    key: u32,
    word: AtomicWord,
}

impl ConnectionCell {
    /// A free cell; `key` says to the caller which one it is.
    pub fn new(key: u32) -> ConnectionCell {
        ConnectionCell { key, word: AtomicWord::new(Word::NEW.0) }
    }

    /// The number that it was made with.
    pub fn key(&self) -> u32 {
        self.key
    }

    /// Puts a connection of a peer into it. `None` if it has one, or has had 65,535: then make
    /// another cell.
    pub fn open(self: &Arc<Self>, now: Duration, peer: &PeerLocks) -> Option<LiveConnection> {
        // Acquire: comes after all that was done with the connection before. The partner is `close`.
        let before = self
            .change(Ordering::Acquire, |word| word.opened(seconds(now)).ok_or(Stop::Same))
            .ok()?;
        // There is a next epoch, or it would not have been opened.
        let epoch = before.epoch() + 1;
        Some(LiveConnection { cell: self.clone(), epoch, peer: peer.clone() })
    }

    /// Exchanges the word; gives what it was before.
    fn change(
        &self,
        success: Ordering,
        next: impl Fn(Word) -> Result<Word, Stop>,
    ) -> Result<Word, Stop> {
        let mut seen = self.word();
        loop {
            let new = next(seen)?;
            // Relaxed where it fails: as in `word`.
            match self.word.compare_exchange(seen.0, new.0, success, Ordering::Relaxed) {
                Ok(_) => return Ok(seen),
                Err(now) => seen = Word(now),
            }
        }
    }

    fn word(&self) -> Word {
        // Relaxed: the exchange decides; where there is none, nothing else is read on its word.
        Word(self.word.load(Ordering::Relaxed))
    }
}

impl fmt::Debug for ConnectionCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionCell")
            .field("key", &self.key)
            .field("word", &self.word())
            .finish()
    }
}

/// A connection in its cell. Cheap to clone; of no effect once the connection was closed, even if
/// another has come into the cell.
#[derive(Clone)]
pub struct LiveConnection {
    cell: Arc<ConnectionCell>,
    epoch: u16,
    peer: PeerLocks,
}

/// How it stands with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLook {
    /// How many locks it has.
    pub locks: u16,
    /// When it was last of use, or opened; in whole seconds.
    pub last_use: Duration,
    /// Whether its locks are being revoked.
    pub yielding: bool,
    /// Whether somebody closes it.
    pub closing: bool,
}

impl LiveConnection {
    /// The number of its cell.
    pub fn key(&self) -> u32 {
        self.cell.key
    }

    /// How it stands; `None` once it is closed. Others may lock, prune or close it right after.
    pub fn look(&self) -> Option<ConnectionLook> {
        let word = self.cell.word().of(self.epoch).ok()?;
        Some(ConnectionLook {
            locks: word.locks(),
            last_use: Duration::from_secs(word.last_use().into()),
            yielding: word.state() == State::Yielding,
            closing: word.state() == State::Closing,
        })
    }

    /// Notes that it is of use. Where that was noted in the same second, it costs a load.
    pub fn touch(&self, now: Duration) {
        // Relaxed: a number to compare by.
        let _ = self.change(Ordering::Relaxed, |word| word.used(self.epoch, seconds(now)));
    }

    /// Takes it out of use, if nobody has locked it: the caller then closes it, and says so by
    /// [`LiveConnection::close`]. Of several callers one is told `Ok`.
    ///
    /// # Errors
    /// [`Kept`] says why it stays, or that another closes it.
    pub fn prune(&self) -> Result<(), Kept> {
        // Acquire: the closing comes after all that holders of locks did. The partner is `unlock`.
        match self.change(Ordering::Acquire, |word| word.pruned(self.epoch)) {
            Ok(_) => Ok(()),
            Err(Stop::Locked(locks)) => Err(Kept::Locked(locks)),
            Err(Stop::Gone) => Err(Kept::Gone),
            Err(_) => Err(Kept::Closing),
        }
    }

    /// Notes that it is closed, by whomever: its locks are void and its cell is free. Whether it
    /// was not before.
    pub fn close(&self) -> bool {
        // Acquire: what is given back was charged before; the partner is `lock`. Release: the cell's
        // next connection comes after; the partner is `open`.
        match self.change(Ordering::AcqRel, |word| word.closed(self.epoch)) {
            Ok(before) => {
                if before.locks() > 0 {
                    self.peer.give_back();
                }
                true
            }
            Err(_) => false,
        }
    }

    /// L1, but for what is charged to the protocol.
    pub(super) fn lock(&self) -> Result<(), LockDenied> {
        let mut charged = false;
        let mut seen = self.cell.word();
        let denied = loop {
            let new = match seen.locked(self.epoch) {
                Ok(new) => new,
                Err(stop) => break stop.into(),
            };
            if seen.locks() == 0 && !charged {
                match self.peer.charge() {
                    Ok(()) => charged = true,
                    Err(denied) => break denied,
                }
            }
            // Release: what was charged comes before it is given back, by whoever takes the last lock
            // away. The partners are `unlock` and `close`. Relaxed where it fails: as in `word`.
            match self.cell.word.compare_exchange(
                seen.0,
                new.0,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => {
                    if charged && seen.locks() > 0 {
                        self.peer.give_back();
                    }
                    return Ok(());
                }
                Err(now) => seen = Word(now),
            }
        };
        if charged {
            self.peer.give_back();
        }
        Err(denied)
    }

    /// L2. Whether the connection is still there, and has no lock left.
    pub(super) fn unlock(&self) -> bool {
        // Release: what the holder did comes before the connection is pruned; the partner is `prune`.
        // Acquire: what is given back was charged before, maybe by another; the partner is `lock`.
        let before = self.change(Ordering::AcqRel, |word| word.unlocked(self.epoch));
        let last = before.is_ok_and(|before| before.locks() == 1);
        if last {
            self.peer.give_back();
        }
        last
    }

    /// Lets no more locks be granted. Whether it is so now.
    pub(super) fn begin_to_yield(&self) -> bool {
        // Relaxed: says something about this word alone.
        let changed = self.change(Ordering::Relaxed, |word| word.yielding(self.epoch));
        matches!(changed, Ok(_) | Err(Stop::Same))
    }

    /// Lets locks be granted again.
    pub(super) fn resume(&self) {
        // Relaxed: as in `begin_to_yield`.
        let _ = self.change(Ordering::Relaxed, |word| word.resumed(self.epoch));
    }

    /// What every renewal asks of it.
    pub(super) fn check(&self) -> Result<(), LockDenied> {
        let stop = match self.cell.word().of(self.epoch).map(Word::state) {
            Ok(State::Open) => return self.peer.check(),
            Ok(State::Yielding) => Stop::Yielding,
            Ok(State::Closing | State::Free) => Stop::Closing,
            Err(stop) => stop,
        };
        Err(stop.into())
    }

    pub(super) fn budgets(&self) -> &Budgets {
        self.peer.budgets()
    }

    /// Tells connections apart, and their order does not depend on chance.
    pub(crate) fn rank(&self) -> (u32, u16) {
        (self.cell.key, self.epoch)
    }

    fn change(
        &self,
        success: Ordering,
        next: impl Fn(Word) -> Result<Word, Stop>,
    ) -> Result<Word, Stop> {
        self.cell.change(success, next)
    }
}

impl fmt::Debug for LiveConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveConnection")
            .field("cell", &self.cell)
            .field("epoch", &self.epoch)
            .finish()
    }
}

fn seconds(since_start: Duration) -> u32 {
    u32::try_from(since_start.as_secs()).unwrap_or(u32::MAX)
}
