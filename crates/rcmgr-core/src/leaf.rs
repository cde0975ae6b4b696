//! Connections and streams: what is charged along one path at a time, and moves.
//!
//! The leaf is charged last and given back first. Its word is what the leaf holds: a reservation
//! exists from the moment that the word shows it, and whatever is uncharged above has first been
//! taken out of the word, by exactly one thread.

use crate::counters::{Request, Stop};
use crate::node;
use crate::path::{Look, Path, PathKind, Pinned, charge, uncharge};
use crate::route::Route;
use crate::snapshot::Snapshot;
use crate::sync::{Flag, Ordering};
use crate::word::{Kind, LeafWord, admit};
use crate::{Amount, Direction, Error, Priority, Resource, ScopeId, ScopeLimit};

/// What a leaf is, and with it the count that it holds for its whole life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeafKind {
    /// A connection; whether it uses a file descriptor.
    Connection(Direction, bool),
    /// A stream.
    Stream(Direction),
}

impl LeafKind {
    /// The one connection with its descriptor, or the one stream.
    pub const fn unit(self) -> Amount {
        match self {
            LeafKind::Connection(direction, descriptor) => {
                Amount::connections(direction, 1).with_file_descriptors(descriptor as u32)
            }
            LeafKind::Stream(direction) => Amount::streams(direction, 1),
        }
    }
}

/// A leaf that its own limit admits, and that is not open yet.
#[derive(Debug)]
#[must_use]
pub struct Admitted {
    kind: LeafKind,
    number: u64,
}

/// A connection or a stream.
#[derive(Debug)]
pub struct Leaf {
    route: Route,
    kind: LeafKind,
    /// Set once a limit was set on this leaf alone.
    limited: Flag,
    number: u64,
}

impl Leaf {
    /// Asks the leaf's own limit for the one connection or stream that it will be. It comes
    /// before the scopes of the path, some of which may have to be made first.
    pub fn admit(kind: LeafKind, snapshot: &Snapshot) -> Result<Admitted, Error> {
        let request = Request::all(snapshot, kind.unit(), Priority::ALWAYS);
        let number = crate::sync::unique_id();
        let limit = class_limit(kind, snapshot);
        for word in [Kind::Streams, Kind::Connections] {
            admit(word, [0; 3], word.part(&request.amount), limit, request.priority).map_err(
                |verdict| node::error(leaf_id(kind, number), Stop::Refused(verdict), &request),
            )?;
        }
        Ok(Admitted { kind, number })
    }

    pub fn kind(&self) -> LeafKind {
        self.kind
    }

    pub fn number(&self) -> u64 {
        self.number
    }

    pub fn id(&self) -> ScopeId {
        leaf_id(self.kind, self.number)
    }

    /// The path that the leaf is charged along; `None` once it is closed.
    pub fn path(&self) -> Option<&Path> {
        self.route.load().map(|(_, path)| path)
    }

    /// What the leaf holds.
    pub fn held(&self) -> Amount {
        match self.route.load() {
            Some((seen, _)) => self.kind.unit().with_memory(seen.bytes()),
            None => Amount::ZERO,
        }
    }

    /// The leaf's own limit in a snapshot.
    #[inline(always)]
    pub fn limit<'s>(&self, snapshot: &'s Snapshot) -> &'s ScopeLimit {
        // Relaxed: set before the limit is published, and the snapshot was read with Acquire.
        if self.limited.is_set(Ordering::Relaxed)
            && let Some(limit) = snapshot.set_on_handle(self.number)
        {
            return limit;
        }
        class_limit(self.kind, snapshot)
    }

    /// Notes that a limit of its own is about to be published. It stays noted when that is
    /// cleared, so that two who set and clear at once cannot leave a limit that is overlooked.
    pub fn set_limited(&self) {
        // Relaxed: as in `limit`.
        self.limited.set(Ordering::Relaxed);
    }

    pub fn is_limited(&self) -> bool {
        // Relaxed: asked by the owner of the handle.
        self.limited.is_set(Ordering::Relaxed)
    }

    fn closed(&self) -> Error {
        Error::Closed { scope: self.id() }
    }

    /// What the leaf itself says to more bytes.
    #[inline(always)]
    fn check(&self, seen: LeafWord, request: &Request<'_>) -> Result<(), Stop> {
        let (held, more) = ([seen.bytes(), 0, 0], [request.amount.memory, 0, 0]);
        admit(Kind::Memory, held, more, self.limit(request.snapshot), request.priority)
            .map_err(Stop::Refused)
    }

    #[cold]
    fn error(&self, stop: Stop, request: &Request<'_>) -> Error {
        node::error(self.id(), stop, request)
    }

    /// R0: whether the leaf and all scopes above would take the request at this moment.
    #[inline(always)]
    pub fn look(&self, request: &Request<'_>, look: &mut Look) -> Result<(), Error> {
        loop {
            let (seen, path) = self.route.load().ok_or_else(|| self.closed())?;
            let mut own = Look::default();
            let found = self.look_along(seen, path, request, &mut own);
            match found {
                // What refused may be a scope that the leaf has left meanwhile.
                Err(_) if !self.route.is_still_at(seen) => {}
                Err(error) => return Err(error),
                Ok(()) => {
                    look.join(own);
                    return Ok(());
                }
            }
        }
    }

    #[inline(always)]
    fn look_along(
        &self,
        seen: LeafWord,
        path: &Path,
        request: &Request<'_>,
        look: &mut Look,
    ) -> Result<(), Error> {
        let fits = match seen.add(request.amount.memory) {
            Some(_) => Ok(()),
            None => Err(Stop::Full(Resource::Memory)),
        };
        let found = self.check(seen, request).and(fits);
        look.note(found, |stop| self.error(stop, request))?;
        path.look(request, look)
    }

    /// R1: charges the scopes of the path, then commits to the leaf's word.
    ///
    /// A refusal stands only if the leaf is still on the path that refused.
    #[inline(always)]
    pub fn charge(&self, request: &Request<'_>) -> Result<(), Error> {
        loop {
            let (seen, path) = self.route.load().ok_or_else(|| self.closed())?;
            match self.charge_along(seen, path, request) {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(_) if !self.route.is_still_at(seen) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// One try of R1 on the path of a word that was seen; `false` when the leaf has left it.
    #[inline(always)]
    fn charge_along(
        &self,
        mut seen: LeafWord,
        path: &Path,
        request: &Request<'_>,
    ) -> Result<bool, Error> {
        let bytes = request.amount.memory;
        self.check(seen, request).map_err(|stop| self.error(stop, request))?;
        path.charge(request)?;
        let generation = seen.generation();
        loop {
            let stop = match seen.add(bytes) {
                None => Stop::Full(Resource::Memory),
                Some(sum) => match self.route.replace(seen, sum) {
                    Ok(()) => {
                        self.tell(sum, request);
                        return Ok(true);
                    }
                    Err(now) if now.generation() != generation => {
                        uncharge(path.all(), &request.amount);
                        return Ok(false);
                    }
                    Err(now) => {
                        seen = now;
                        match self.check(seen, request) {
                            Ok(()) => continue,
                            Err(stop) => stop,
                        }
                    }
                },
            };
            uncharge(path.all(), &request.amount);
            return Err(self.error(stop, request));
        }
    }

    #[inline(always)]
    fn tell(&self, sum: LeafWord, request: &Request<'_>) {
        if let Some(observer) = request.snapshot.observer()
            && request.amount.memory != 0
        {
            let limit = self.limit(request.snapshot).memory;
            observer.charged(&self.id(), Resource::Memory, sum.bytes(), limit);
        }
    }

    /// R2: takes bytes out of the word, then uncharges the path that they were charged along.
    /// On a closed leaf there is nothing left to release.
    #[inline(always)]
    pub fn release(&self, bytes: u64) {
        let Some((mut seen, mut path)) = self.route.load() else {
            return;
        };
        loop {
            let Some(rest) = seen.subtract(bytes) else {
                return underflow();
            };
            match self.route.replace(seen, rest) {
                Ok(()) => return uncharge(path.all(), &Amount::memory(bytes)),
                // The exchange has failed with Acquire, but another look is as good and simpler.
                Err(_) => match self.route.load() {
                    Some(now) => (seen, path) = now,
                    None => return,
                },
            }
        }
    }

    /// R3: moves the leaf from the path of a word that was seen to the next, all or nothing.
    ///
    /// What the leaf holds is charged on the scopes that are new, the word goes over to the next
    /// generation, and the scopes that are gone are uncharged.
    pub fn move_to(&self, seen: LeafWord, path: Pinned, snapshot: &Snapshot) -> Result<(), Error> {
        let Ok(mut claim) = self.route.claim(seen, path) else {
            return Err(match self.route.load() {
                None => self.closed(),
                // A connection that has left the allowlist meanwhile has no peer for that.
                Some((now, path))
                    if now.generation() > seen.generation() && path.kind() != PathKind::Fixed =>
                {
                    Error::AlreadyAttached { scope: self.id() }
                }
                Some(_) => Error::MoveUnderWay { scope: self.id() },
            });
        };
        // From here on nobody else can move the leaf; it can only be closed.
        let (mut seen, old) = self.route.load().ok_or_else(|| self.closed())?;
        let (unit, next) = (self.kind.unit(), claim.path().kind());
        let request = Request::all(snapshot, unit.with_memory(seen.bytes()), Priority::ALWAYS);
        let mut look = Look::default();
        look.at(claim.path().entered(), &request)?;
        look.finish()?;
        charge(claim.path().entered(), &request)?;
        loop {
            match claim.publish(seen) {
                Ok(()) => break,
                Err((back, now)) => {
                    claim = back;
                    let entered = claim.path().entered();
                    if now.is_closed() {
                        uncharge(entered, &unit.with_memory(seen.bytes()));
                        return Err(self.closed());
                    }
                    if now.bytes() > seen.bytes() {
                        let more = now.bytes() - seen.bytes();
                        let more = Request::memory(snapshot, more, Priority::ALWAYS);
                        if let Err(error) = charge(entered, &more) {
                            let entered = claim.path().entered();
                            uncharge(entered, &unit.with_memory(seen.bytes()));
                            return Err(error);
                        }
                    } else {
                        uncharge(entered, &Amount::memory(seen.bytes() - now.bytes()));
                    }
                    seen = now;
                }
            }
        }
        uncharge(old.left_for(next), &unit.with_memory(seen.bytes()));
        Ok(())
    }

    /// The word to move from, and its path.
    pub fn load(&self) -> Result<(LeafWord, &Path), Error> {
        self.route.load().ok_or_else(|| self.closed())
    }

    /// R4: takes out all that the leaf holds, once; later releases do nothing.
    pub fn close(&self) {
        let unit = self.kind.unit();
        self.route.close(|taken| uncharge(taken.path.all(), &unit.with_memory(taken.bytes)));
    }
}

impl Admitted {
    /// Opens the leaf at the start of `path`.
    pub fn open(self, path: Pinned, snapshot: &Snapshot) -> Result<Leaf, Error> {
        let Admitted { kind, number } = self;
        let request = Request::all(snapshot, kind.unit(), Priority::ALWAYS);
        let mut look = Look::default();
        path.look(&request, &mut look)?;
        look.finish()?;
        path.charge(&request)?;
        Ok(Leaf { route: Route::new(path), kind, number, limited: Flag::new() })
    }
}

fn leaf_id(kind: LeafKind, number: u64) -> ScopeId {
    match kind {
        LeafKind::Connection(..) => ScopeId::Connection(number),
        LeafKind::Stream(_) => ScopeId::Stream(number),
    }
}

fn class_limit(kind: LeafKind, snapshot: &Snapshot) -> &ScopeLimit {
    match kind {
        LeafKind::Connection(..) => snapshot.places().connection(),
        LeafKind::Stream(_) => snapshot.places().stream(),
    }
}

#[cold]
fn underflow() {
    crate::sync::faults::count_underflow();
    debug_assert!(std::thread::panicking(), "more was released than the leaf holds");
}
