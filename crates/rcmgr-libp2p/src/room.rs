//! Connections that wait for room that is being made for them.
//!
//! Who is refused by the system scope may be worth more than somebody who has a place there. Then
//! that one is closed, and the newcomer waits for the place. Meanwhile nobody passes those who
//! wait: a place that was made for one newcomer is not for the next.

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use futures_timer::Delay;
use rcmgr_connmgr::{Peer, Wanted, round::Short};
use rcmgr_core::{ConnectionRequest, Direction, Error, Refusal, Resource, ScopeId};

use crate::ConnectionManager;

/// How many newcomers may wait at the same time. Each holds a socket that is not accounted.
const PLACES: usize = 16;
/// How long one waits. A connection that is closed has gone within a round trip, most often.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often one looks whether it is its turn, and when it first asks for room again. Nobody tells: a
/// release is a subtraction. Then it asks half as often each time, as each refusal counts in the rate
/// of its address: six times in all, where the default rate has 16 to begin with.
const RETRY: Duration = Duration::from_millis(20);

/// Those who wait for room.
#[derive(Debug)]
pub(crate) struct Rooms {
    manager: ConnectionManager,
    waiting: Mutex<Line>,
    /// As many as wait, to see without the lock that nobody does. Relaxed: it is written under the lock
    /// and only spares taking it; one that came just now may be missed, as if it had come later.
    count: AtomicUsize,
}

/// In the order in which they came.
#[derive(Debug, Default)]
struct Line {
    waiters: VecDeque<Waiter>,
    next: u64,
}

#[derive(Debug)]
struct Waiter {
    number: u64,
    /// What it was refused for.
    refusal: Refusal,
}

impl Rooms {
    pub(crate) fn new(manager: ConnectionManager) -> Rooms {
        Rooms { manager, waiting: Mutex::default(), count: AtomicUsize::new(0) }
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        // A list of numbers, of which a panic leaves none half-way.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The refusal of one who waits for what this connection needs as well.
    pub(crate) fn refused_before(&self, request: &ConnectionRequest) -> Option<Error> {
        if self.count.load(Relaxed) == 0 {
            return None;
        }
        let line = self.line();
        let mut waiters = line.waiters.iter();
        let before = waiters.find(|waiter| needs(request, waiter.refusal.resource))?;
        Some(Error::Refused(before.refusal.clone()))
    }

    /// Has somebody worse closed for a connection that was refused, if it is worth it.
    ///
    /// # Errors
    /// The refusal, which stays.
    pub(crate) fn make(
        self: &Arc<Self>,
        request: &ConnectionRequest,
        peer: Option<&Peer>,
        error: Error,
    ) -> Result<Place, Error> {
        let Error::Refused(refusal) = &error else { return Err(error) };
        let Some(short) = short(refusal) else { return Err(error) };
        let Some(place) = self.enter(request, refusal) else { return Err(error) };
        let (network, direction) = (request.ip(), request.direction());
        let wanted = Wanted { peer, network, direction, short };
        match self.manager.make_room(wanted) {
            true => Ok(place),
            false => Err(error),
        }
    }

    fn enter(self: &Arc<Self>, request: &ConnectionRequest, refusal: &Refusal) -> Option<Place> {
        let mut line = self.line();
        if line.waiters.len() >= PLACES {
            return None;
        }
        let number = line.next;
        line.next += 1;
        line.waiters.push_back(Waiter { number, refusal: refusal.clone() });
        self.count.store(line.waiters.len(), Relaxed);
        let (rooms, request, until) = (self.clone(), *request, Instant::now() + PATIENCE);
        let (retry, pause) = (Delay::new(RETRY), 2 * RETRY);
        Some(Place { rooms, number, request, until, retry, pause })
    }

    /// Whether nobody who came before this one waits for what it needs.
    fn is_next(&self, number: u64, request: &ConnectionRequest) -> bool {
        let line = self.line();
        let mut before = line.waiters.iter().take_while(|waiter| waiter.number < number);
        !before.any(|waiter| needs(request, waiter.refusal.resource))
    }

    fn leave(&self, number: u64) {
        let mut line = self.line();
        line.waiters.retain(|waiter| waiter.number != number);
        self.count.store(line.waiters.len(), Relaxed);
    }
}

/// What has no room, where closing another connection helps.
fn short(refusal: &Refusal) -> Option<Short> {
    match refusal.resource {
        _ if refusal.scope != ScopeId::System => None,
        Resource::Connections => Some(Short::Connections),
        Resource::ConnectionsInbound => Some(Short::Direction(Direction::Inbound)),
        Resource::ConnectionsOutbound => Some(Short::Direction(Direction::Outbound)),
        Resource::FileDescriptors => Some(Short::Descriptors),
        _ => None,
    }
}

fn needs(request: &ConnectionRequest, resource: Resource) -> bool {
    match resource {
        Resource::ConnectionsInbound => request.direction() == Direction::Inbound,
        Resource::ConnectionsOutbound => request.direction() == Direction::Outbound,
        Resource::FileDescriptors => request.uses_file_descriptor(),
        _ => true,
    }
}

/// The place of one who waits; it is given up when this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    rooms: Arc<Rooms>,
    number: u64,
    request: ConnectionRequest,
    until: Instant,
    retry: Delay,
    /// For how long it waits after another refusal.
    pause: Duration,
}

impl Place {
    /// Ready with what `open` gives when there is room, or with its refusal when there was none
    /// for too long.
    pub(crate) fn poll_open<H>(
        &mut self,
        cx: &mut Context<'_>,
        mut open: impl FnMut() -> Result<H, Error>,
    ) -> Poll<Result<H, Error>> {
        loop {
            ready!(Pin::new(&mut self.retry).poll(cx));
            let left = self.until.saturating_duration_since(Instant::now());
            let mut pause = RETRY;
            if left.is_zero() || self.rooms.is_next(self.number, &self.request) {
                match open() {
                    Err(_) if !left.is_zero() => {
                        pause = self.pause;
                        self.pause *= 2;
                    }
                    outcome => return Poll::Ready(outcome),
                }
            }
            self.retry.reset(pause.min(left));
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.rooms.leave(self.number);
    }
}

#[cfg(test)]
mod tests;
