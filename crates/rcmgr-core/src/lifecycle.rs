//! How long a named scope lives: one word that says who needs it and whether it is gone.
//!
//! Whoever opens, attaches or views a scope pins it, unless it is closed; the collector closes
//! with one step from exactly nobody. Charges never look at this word, and collection never looks
//! at the counters: a charge that stands was made by someone who holds a pin.

use crate::sync::{AtomicWord, Ordering};

/// The lifecycle word of one entry of the registry.
///
/// From the top: closed 1, sticky 1, cached 28 (entries that are made of this one), users 34
/// (connections, streams, views, spans and reservations). An entry takes some 200 bytes or more,
/// and a user 16 or more, so either field takes over 50 GiB to fill; and only a program that
/// forgets handles on purpose, 2^34 times, would spoil the lifecycle of the scope that it does
/// that to.
#[derive(Debug)]
pub struct Lifecycle(AtomicWord);

const CLOSED: u64 = 1 << 63;
const STICKY: u64 = 1 << 62;
const CACHED: u64 = 1 << 34;
const USER: u64 = 1;

impl Lifecycle {
    /// Alive, with one user: whoever makes an entry uses it.
    pub fn new() -> Self {
        Lifecycle(AtomicWord::new(USER))
    }

    /// Adds a user, unless the entry is closed.
    #[must_use]
    pub fn pin(&self) -> bool {
        // Relaxed: the exchange decides.
        let mut seen = self.0.load(Ordering::Relaxed);
        while seen & CLOSED == 0 {
            // Relaxed: the pin says "not closed", and `close` and this are changes of one word,
            // so one of them comes first. What the entry holds was published by the map.
            match self.0.compare_exchange(seen, seen + USER, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
        false
    }

    /// Adds a user for someone who holds a pin already, so the entry cannot be closed.
    pub fn pin_again(&self) {
        // Relaxed: as in `pin`.
        self.0.fetch_add(USER, Ordering::Relaxed);
    }

    /// Takes a user away.
    pub fn unpin(&self) {
        // Release: what the user did, its uncharges above all, comes before the collection that
        // this allows.
        self.0.fetch_sub(USER, Ordering::Release);
    }

    /// Adds an entry that is made of this one; only for someone who holds a pin.
    pub fn cache(&self) {
        // Relaxed: as in `pin`.
        self.0.fetch_add(CACHED, Ordering::Relaxed);
    }

    /// Takes away an entry that was made of this one.
    pub fn uncache(&self) {
        // Release: as in `unpin`.
        self.0.fetch_sub(CACHED, Ordering::Release);
    }

    /// Whether the entry stays although nobody uses it.
    pub fn set_sticky(&self, sticky: bool) {
        // Relaxed: as in `pin`.
        if sticky {
            self.0.fetch_or(STICKY, Ordering::Relaxed);
        } else {
            self.0.fetch_and(!STICKY, Ordering::Relaxed);
        }
    }

    /// Closes the entry for good if nobody uses it, nothing is made of it and it is not sticky.
    #[must_use]
    pub fn close(&self) -> bool {
        loop {
            // Acquire: the collection comes after all that the last user did.
            match self.0.compare_exchange(0, CLOSED, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return true,
                // Failed for no reason, as a weak exchange may.
                Err(0) => {}
                Err(_) => return false,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_needs_is_closed() {
        let life = Lifecycle::new();
        assert!(!life.close(), "has a user");
        life.cache();
        life.unpin();
        assert!(!life.close(), "another entry is made of it");
        life.uncache();
        life.set_sticky(true);
        assert!(!life.close(), "is sticky");
        life.set_sticky(false);
        assert!(life.close());
        assert!(!life.pin() && !life.close(), "closed for good");
    }
}
