//! Newcomers that go through their handshake before a full node, to say who they are.
//!
//! What tags and protections say of a peer counts only once the peer is known, and one that came by
//! itself is not before the handshake. So a few of those that are refused have it without an account;
//! whoever turns out to be a stranger goes.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use futures_timer::Delay;
use rcmgr_connmgr::Peer;
use rcmgr_core::{ConnectionRequest, Direction, Error, Rate};

use super::{Place, RETRY, Rooms, short};

/// How many there may be at a time. Each holds a socket that is not accounted.
pub(super) const TRIALS: usize = 4;
/// How long one may take: whoever is slow keeps the place from others.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often there is one: handshakes take computing, and remotes can be refused as often as they like.
pub(super) fn rate() -> Rate {
    Rate::new(10.0, 4).expect("10 a second is a rate")
}

/// A newcomer whose peer is yet to be known. Its place is free once this is dropped.
#[derive(Debug)]
pub(crate) struct Trial {
    rooms: Arc<Rooms>,
    /// What stays if it is a stranger.
    refusal: Error,
    until: Instant,
    timer: Delay,
}

impl Trial {
    /// For a connection that is refused as a stranger, if there is a place.
    pub(super) fn begin(
        rooms: &Arc<Rooms>,
        request: &ConnectionRequest,
        refusal: &Error,
    ) -> Option<Trial> {
        let Error::Refused(of) = refusal else { return None };
        short(of).filter(|_| request.direction() == Direction::Inbound)?;
        let more = |trials| (trials < TRIALS).then_some(trials + 1);
        // Relaxed, as where it ends: a number that guards nothing.
        rooms.trials.fetch_update(Relaxed, Relaxed, more).ok()?;
        // Before the rate is asked, so that the place is given back.
        let (until, timer) = (Instant::now() + PATIENCE, Delay::new(PATIENCE));
        let trial = Trial { rooms: rooms.clone(), refusal: refusal.clone(), until, timer };
        rooms.may_try_one().then_some(trial)
    }

    /// Ready with the refusal when the handshake takes too long.
    pub(crate) fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        ready!(Pin::new(&mut self.timer).poll(cx));
        Poll::Ready(self.refusal.clone())
    }

    /// The peer is known: ready with a place for one that somebody speaks for, once somebody worse
    /// goes for it.
    ///
    /// # Errors
    /// The refusal, if it is a stranger, or nobody goes.
    pub(crate) fn poll_place(
        &mut self,
        cx: &mut Context<'_>,
        request: &ConnectionRequest,
        peer: &Peer,
    ) -> Poll<Result<Place, Error>> {
        if !self.rooms.manager.is_good(peer) {
            return Poll::Ready(Err(self.refusal.clone()));
        }
        loop {
            match self.rooms.make(request, Some(peer), self.refusal.clone()) {
                Err(_) if Instant::now() < self.until => {
                    // It was asked just now, for this very one perhaps.
                    self.timer.reset(RETRY);
                    ready!(Pin::new(&mut self.timer).poll(cx));
                }
                outcome => return Poll::Ready(outcome),
            }
        }
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        self.rooms.trials.fetch_sub(1, Relaxed);
    }
}
