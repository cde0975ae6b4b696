//! What a regulator has its caller do, and what it tells whoever wants to know.

use std::time::Duration;

use crate::{
    ConnectionId, Share,
    burst::{BurstId, EndedBurst},
    lock::{Revocation, TakenBy},
    observe::Summary,
    quota::{FloorsDoNotFit, QuotaChanged, Slot},
    regulator::told::Eviction,
    scoring::ScorerEnd,
    sense::Level,
};

/// What the caller of [`Regulator::poll`](crate::Regulator::poll) is to do.
#[derive(Debug)]
#[must_use]
#[non_exhaustive]
pub enum Action {
    /// Close this connection.
    Close(Eviction),
    /// Tell the holder of a lock that it is revoked: [`Revocation::deliver`], where nobody waits.
    Revoke(Revocation),
    /// Tell a protocol that its quota is another one.
    QuotaChanged(QuotaChanged),
    /// A burst ended by itself: its time was over.
    BurstEnded(EndedBurst),
    /// Take in no connection until then: they come much faster than they used to.
    Pause {
        /// Until when.
        until: Duration,
    },
    /// Dial less for a while: dials fail for reasons of this node.
    DialLess,
}

/// What happened, for logs and whoever watches.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegulatorEvent {
    /// A round was made.
    Round(Summary),
    /// The environment is in another state.
    Level {
        /// How bad it was.
        from: Level,
        /// How bad it is.
        to: Level,
    },
    /// Another number of connections is kept.
    Share(Share),
    /// The share is too small for what protocols need at least, so that they get less.
    FloorsYield(FloorsDoNotFit),
    /// A quota is another one.
    Quota(QuotaChanged),
    /// A lock was taken away from its holder.
    LockTaken {
        /// The protocol.
        slot: Slot,
        /// What the lock was for.
        reason: &'static str,
        /// What took it away.
        by: TakenBy,
    },
    /// A burst is over.
    BurstEnded(BurstId),
    /// A scorer did not score all that it was asked.
    Scorer {
        /// The protocol.
        slot: Slot,
        /// Why.
        end: ScorerEnd,
    },
    /// A decision was handed out once more, since the connection was not told to be closed.
    Again(ConnectionId),
}
