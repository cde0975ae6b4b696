//! Connections and streams: what is charged along one path at a time, and moves.
//!
//! The leaf is charged last and given back first. Its word is what the leaf holds: a reservation
//! exists from the moment that the word shows it, and whatever is uncharged above has first been
//! taken out of the word, by exactly one thread.
//!
//! Memory may be charged in granules (R11). Then the word also says how much is charged beyond what is
//! used, and most reservations and releases end at the word.

use crate::counters::{Request, Stop};
use crate::node;
use crate::path::{Look, Path, PathKind, Pinned, Signals, charge, uncharge};
use crate::route::Route;
use crate::snapshot::Snapshot;
use crate::sync::{Flag, Ordering, SmallHint, StrongArc};
use crate::word::{Kind, LeafWord, admit};
use crate::{Amount, Direction, Error, Granule, Priority, Resource, ScopeId, ScopeLimit};

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

    pub const fn direction(self) -> Direction {
        match self {
            LeafKind::Connection(direction, _) | LeafKind::Stream(direction) => direction,
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
    granule: Granule,
    /// How often limits had changed when the leaf last gave back what was idle for that reason.
    changes: SmallHint,
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

    /// What the leaf uses.
    pub fn held(&self) -> Amount {
        match self.route.load() {
            Some((seen, _)) => self.kind.unit().with_memory(seen.bytes()),
            None => Amount::ZERO,
        }
    }

    /// How much memory the leaf has charged to the scopes above.
    pub fn charged(&self) -> u64 {
        self.route.load().map_or(0, |(seen, _)| seen.charged(self.granule))
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

    /// Whether the request need not be looked at, as [`Path::is_easy`] says, or since the scopes above
    /// are charged nothing. The leaf itself is asked by the charge, before anything is charged.
    #[inline(always)]
    pub fn is_easy(&self, request: &Request<'_>) -> bool {
        self.route.load().is_some_and(|(seen, path)| {
            let missing = self.missing(seen, request.amount.memory);
            self.serves_from_idle(missing) || path.is_easy(&above(missing, request))
        })
    }

    /// R11: whether nothing will be charged; the charge asks the scopes, if the request needs them.
    #[inline(always)]
    fn serves_from_idle(&self, missing: u64) -> bool {
        missing == 0 && !self.granule.is_exact()
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
        let bytes = request.amount.memory;
        let fits = match seen.bytes_with(bytes) {
            Some(_) => Ok(()),
            None => Err(Stop::Full(Resource::Memory)),
        };
        let found = self.check(seen, request).and(fits);
        look.note(found, |stop| self.error(stop, request))?;
        let missing = self.missing(seen, bytes);
        if self.serves_from_idle(missing) {
            return Ok(());
        }
        path.look(&above(missing, request), look).map_err(|error| error.of_more(bytes))
    }

    /// What more bytes need beyond what is charged.
    #[inline(always)]
    fn missing(&self, seen: LeafWord, bytes: u64) -> u64 {
        if self.granule.is_exact() {
            return bytes;
        }
        seen.bytes().saturating_add(bytes).saturating_sub(seen.charged(self.granule))
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

    /// One try of R1 on the path of a word that was seen; `false` when the leaf has left it, or uses by
    /// now what was idle then.
    #[inline(always)]
    fn charge_along(
        &self,
        mut seen: LeafWord,
        path: &Path,
        request: &Request<'_>,
    ) -> Result<bool, Error> {
        let bytes = request.amount.memory;
        self.check(seen, request).map_err(|stop| self.error(stop, request))?;
        let Some(charged) = self.charge_path(seen, path, request)? else {
            return Ok(false);
        };
        let generation = seen.generation();
        loop {
            let stop = match seen.bytes_with(bytes) {
                None => Stop::Full(Resource::Memory),
                Some(sum) => {
                    let total = seen.charged(self.granule) + charged;
                    if total < sum {
                        uncharge(path.all(), &Amount::memory(charged));
                        return Ok(false);
                    }
                    let new = seen.using(sum, total, self.granule);
                    match self.route.replace(seen, new) {
                        Ok(()) => {
                            uncharge_idle(path, total - new.charged(self.granule));
                            self.tell(sum, request);
                            return Ok(true);
                        }
                        Err(now) if now.generation() != generation => {
                            uncharge(path.all(), &Amount::memory(charged));
                            return Ok(false);
                        }
                        Err(now) => {
                            seen = now;
                            match self.check(seen, request) {
                                Ok(()) => continue,
                                Err(stop) => stop,
                            }
                        }
                    }
                }
            };
            uncharge(path.all(), &Amount::memory(charged));
            return Err(self.error(stop, request));
        }
    }

    /// Charges the scopes of the path with what a request needs beyond what the leaf has charged, or
    /// with that and what is missing to a multiple of the granule; gives how much that was, or `None`
    /// where the leaf has to be seen anew.
    #[inline(always)]
    fn charge_path(
        &self,
        seen: LeafWord,
        path: &Path,
        request: &Request<'_>,
    ) -> Result<Option<u64>, Error> {
        let bytes = request.amount.memory;
        if self.granule.is_exact() {
            path.charge_memory(&above(bytes, request))?;
            return Ok(Some(bytes));
        }
        let missing = self.missing(seen, bytes);
        if missing == 0 {
            return self.ask_for_idle(seen, path, request);
        }
        let caution = path.signals().caution;
        if !caution && let Some(charged) = self.charge_rounded(seen, missing, path, request) {
            return Ok(Some(charged));
        }
        path.charge_memory(&above(missing, request)).map_err(|error| error.of_more(bytes))?;
        if caution {
            path.had_room();
        }
        Ok(Some(missing))
    }

    /// R11: charges what is missing rounded up, unless some scope has no room for that.
    ///
    /// What is rounded up is asked for at MEDIUM at most: it never takes the last part of a scope, which
    /// would stay taken for as long as nobody releases there.
    fn charge_rounded(
        &self,
        seen: LeafWord,
        missing: u64,
        path: &Path,
        request: &Request<'_>,
    ) -> Option<u64> {
        seen.bytes_with(request.amount.memory)?;
        let charged = seen.charged(self.granule);
        let rounded = self.granule.round_up(charged + missing) - charged;
        let priority = request.priority.min(Priority::MEDIUM);
        let request = Request::memory(request.snapshot, rounded, priority);
        if !path.has_room(&request) {
            return None;
        }
        path.charge_memory(&request).ok()?;
        Some(rounded)
    }

    /// R11: asks the scopes, which count the bytes of a request already, whether they are used beyond what
    /// is open to it. What the leaf itself keeps idle does not refuse its own request: it is given back,
    /// and `None` says that the leaf has to be seen anew.
    #[inline(always)]
    fn ask_for_idle(
        &self,
        seen: LeafWord,
        path: &Path,
        request: &Request<'_>,
    ) -> Result<Option<u64>, Error> {
        let bytes = request.amount.memory;
        if request.priority == Priority::ALWAYS && bytes != 0 {
            return Ok(Some(0));
        }
        let mut look = Look::default();
        match look.at(path.all(), &above(0, request)) {
            Ok(()) => Ok(Some(0)),
            Err(_) if seen.charged(self.granule) > seen.bytes() => {
                self.give_idle_back()?;
                Ok(None)
            }
            Err(error) => Err(error.of_more(bytes)),
        }
    }

    /// R11: commits to what is charged already, for a request that need not ask the scopes above; `false`
    /// where that cannot be.
    #[inline(always)]
    pub fn serve(&self, request: &Request<'_>) -> bool {
        if self.granule.is_exact() || request.priority != Priority::ALWAYS {
            return false;
        }
        let bytes = request.amount.memory;
        if bytes == 0 {
            // Even that is refused by a scope that is over its limit.
            return false;
        }
        let mut seen = self.route.word();
        loop {
            if seen.is_closed() || self.check(seen, request).is_err() {
                return false;
            }
            let charged = seen.charged(self.granule);
            let Some(sum) = seen.bytes_with(bytes).filter(|sum| *sum <= charged) else {
                return false;
            };
            match self.route.replace(seen, seen.using(sum, charged, self.granule)) {
                Ok(()) => {
                    self.tell(sum, request);
                    return true;
                }
                Err(now) => seen = now,
            }
        }
    }

    #[inline(always)]
    fn tell(&self, used: u64, request: &Request<'_>) {
        if let Some(observer) = request.snapshot.observer()
            && request.amount.memory != 0
        {
            let limit = self.limit(request.snapshot).memory;
            observer.charged(&self.id(), Resource::Memory, used, limit);
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
            let Some(rest) = seen.bytes().checked_sub(bytes) else {
                return underflow();
            };
            let charged = seen.charged(self.granule);
            let signals = (!self.granule.is_exact()).then(|| path.signals());
            let keeps = signals.is_some_and(|signals| self.keeps_idle(signals));
            let kept = if keeps { charged } else { rest };
            let new = seen.using(rest, kept, self.granule);
            match self.route.replace(seen, new) {
                Ok(()) => {
                    // Not before: where the exchange fails, this has given nothing back.
                    if let Some(signals) = signals.filter(|_| !keeps) {
                        self.changes.set(signals.changes);
                    }
                    return uncharge_idle(path, charged - new.charged(self.granule));
                }
                // The exchange has failed with Acquire, but another look is as good and simpler.
                Err(_) => match self.route.load() {
                    Some(now) => (seen, path) = now,
                    None => return,
                },
            }
        }
    }

    /// R11: whether what is charged and not used may stay charged.
    #[inline(always)]
    fn keeps_idle(&self, signals: Signals) -> bool {
        !signals.caution && signals.changes == self.changes.get()
    }

    /// Gives back what is idle; gives the word that has nothing idle, and its path.
    fn give_idle_back(&self) -> Result<(LeafWord, &Path), Error> {
        let (mut seen, mut path) = self.load()?;
        if self.granule.is_exact() {
            return Ok((seen, path));
        }
        loop {
            let new = seen.using(seen.bytes(), seen.bytes(), self.granule);
            if new == seen {
                return Ok((seen, path));
            }
            match self.route.replace(seen, new) {
                Ok(()) => {
                    uncharge_idle(path, seen.charged(self.granule) - new.bytes());
                    return Ok((new, path));
                }
                Err(_) => (seen, path) = self.load()?,
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
        let (mut seen, old) = self.give_idle_back()?;
        let (unit, next) = (self.kind.unit(), claim.path().kind());
        let request = Request::all(snapshot, unit.with_memory(seen.bytes()), Priority::ALWAYS);
        let mut look = Look::default();
        look.at(claim.path().entered(), &request)?;
        look.finish()?;
        charge(claim.path().entered(), &request)?;
        while let Err(back) = claim.publish(seen) {
            claim = back;
            let entered = claim.path().entered();
            // R11: nor is what became idle since carried.
            let (now, _) = self.give_idle_back().inspect_err(|_| {
                uncharge(claim.path().entered(), &unit.with_memory(seen.bytes()));
            })?;
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
        self.route.close(|taken| {
            let charged = taken.word.charged(self.granule);
            uncharge(taken.path.all(), &unit.with_memory(charged));
        });
    }
}

impl Admitted {
    /// The number of the leaf that it will be.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Opens the leaf at the start of `path`, in the memory where it stays.
    pub fn open(self, path: Pinned, snapshot: &Snapshot) -> Result<StrongArc<Leaf>, Error> {
        let Admitted { kind, number } = self;
        let request = Request::all(snapshot, kind.unit(), Priority::ALWAYS);
        let mut look = Look::default();
        path.look(&request, &mut look)?;
        look.finish()?;
        path.charge(&request)?;
        let (granule, changes) = (snapshot.granule(), SmallHint::new());
        changes.set(path.signals().changes);
        let limited = Flag::new();
        let route = Route::new(path);
        Ok(StrongArc::new(Leaf { route, kind, limited, granule, changes, number }))
    }
}

/// The part of a leaf's request that the scopes above it are asked for.
#[inline(always)]
fn above<'s>(bytes: u64, request: &Request<'s>) -> Request<'s> {
    Request::memory(request.snapshot, bytes, request.priority)
}

/// Gives back what a leaf does not keep.
#[inline(always)]
fn uncharge_idle(path: &Path, bytes: u64) {
    if bytes != 0 {
        uncharge(path.all(), &Amount::memory(bytes));
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
