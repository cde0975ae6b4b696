//! The scopes that one leaf's charges touch, in the order of charging, and the charge along them.
//!
//! A path is immutable and shared: the entry of the registry that it belongs to owns it, and a
//! leaf that is charged along it pins that entry once, instead of each scope. [`SharedPath`] is a
//! reference to one.

use crate::counters::{Request, Stop};
use crate::ease::Ease;
use crate::lifecycle::Lifecycle;
use crate::node::{Node, SharedNode};
use crate::shared_path::{Parts, SharedPath};
use crate::word::Kind;
use crate::{Amount, Error};

/// Which way a leaf is charged, or which shared scope is charged directly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathKind {
    /// A fixed scope and the system above it; the first path of a connection.
    Fixed,
    /// A named scope and the system above it.
    Named,
    /// A connection's peer, system; the peer itself, when it is charged directly.
    ConnectionPeer,
    /// Peer-service, and the peer and the service that it is made of. Nobody is charged along it.
    PeerService,
    /// A stream's peer, transient, system.
    StreamPeer,
    /// A stream's peer, peer-protocol, protocol, system.
    StreamProtocol,
    /// A stream's peer, peer-protocol, peer-service, protocol, service, system.
    StreamService,
}

/// Some scopes of a stream that has its protocol.
#[derive(Clone, Copy, Debug)]
pub struct StreamScopes<'p> {
    pub peer: &'p SharedNode,
    pub peer_protocol: &'p SharedNode,
    pub protocol: &'p SharedNode,
}

/// The scopes that a stream has of its service.
#[derive(Clone, Copy, Debug)]
pub struct ServiceScopes<'p> {
    pub peer_service: &'p SharedNode,
    pub service: &'p SharedNode,
}

/// See [`Path::signals`].
#[derive(Clone, Copy, Debug)]
pub struct Signals {
    pub caution: bool,
    pub changes: u32,
}

/// Which way a path is, with what only paths of that way have.
#[derive(Debug)]
pub enum Way {
    /// [`PathKind::Fixed`].
    Fixed,
    /// [`PathKind::Named`].
    Named,
    /// [`PathKind::ConnectionPeer`].
    ConnectionPeer,
    /// [`PathKind::PeerService`].
    PeerService,
    /// [`PathKind::StreamPeer`], with the path of the connections of the same peer.
    StreamPeer(SharedPath),
    /// [`PathKind::StreamProtocol`].
    StreamProtocol,
    /// [`PathKind::StreamService`], with a lifecycle of its own, since it shares no scope's.
    StreamService(Lifecycle),
}

/// What a path has beside its scopes.
#[derive(Debug)]
pub struct Head {
    way: Way,
    /// Whether charges of memory along it look first.
    ease: Ease,
}

impl Head {
    pub fn new(way: Way) -> Self {
        Head { way, ease: Ease::new() }
    }
}

/// A path. See the module's text.
#[repr(transparent)]
pub struct Path(Parts);

impl core::fmt::Debug for Path {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Path").field("way", self.way()).field("nodes", &self.nodes()).finish()
    }
}

impl Path {
    #[inline(always)]
    fn way(&self) -> &Way {
        &self.0.header.header.way
    }

    #[inline(always)]
    fn ease(&self) -> &Ease {
        &self.0.header.header.ease
    }

    /// The scopes in the order of charging.
    #[inline(always)]
    fn nodes(&self) -> &[SharedNode] {
        &self.0.slice
    }

    #[inline(always)]
    pub fn kind(&self) -> PathKind {
        match self.way() {
            Way::Fixed => PathKind::Fixed,
            Way::Named => PathKind::Named,
            Way::ConnectionPeer => PathKind::ConnectionPeer,
            Way::PeerService => PathKind::PeerService,
            Way::StreamPeer(_) => PathKind::StreamPeer,
            Way::StreamProtocol => PathKind::StreamProtocol,
            Way::StreamService(_) => PathKind::StreamService,
        }
    }

    /// The first scope: the one that a direct charge is meant for, or the peer.
    #[inline(always)]
    pub fn first(&self) -> &SharedNode {
        match self.nodes() {
            [first, ..] => first,
            [] => unreachable!("no path is made without a scope"),
        }
    }

    /// The scope at a place of the path.
    pub fn node(&self, at: usize) -> Option<&SharedNode> {
        self.nodes().get(at)
    }

    /// Of the path of a peer's streams, the path of its connections, and of its direct charges.
    pub fn of_connections(&self) -> Option<&SharedPath> {
        match self.way() {
            Way::StreamPeer(connections) => Some(connections),
            _ => None,
        }
    }

    /// The scopes of a stream that has its protocol.
    pub fn stream_scopes(&self) -> Option<StreamScopes<'_>> {
        let protocol = match self.kind() {
            PathKind::StreamProtocol => self.node(2)?,
            PathKind::StreamService => self.node(3)?,
            _ => return None,
        };
        Some(StreamScopes { peer: self.first(), peer_protocol: self.node(1)?, protocol })
    }

    /// The scopes that a stream has of its service.
    pub fn service_scopes(&self) -> Option<ServiceScopes<'_>> {
        match self.kind() {
            PathKind::StreamService => {
                Some(ServiceScopes { peer_service: self.node(2)?, service: self.node(4)? })
            }
            _ => None,
        }
    }

    /// What keeps the path's entry in the registry; `None` for the fixed scopes, which nobody
    /// collects.
    pub fn life(&self) -> Option<&Lifecycle> {
        let of_node = |at: usize| self.node(at).map(|node| node.life());
        match self.way() {
            Way::Fixed => None,
            Way::Named | Way::ConnectionPeer | Way::PeerService | Way::StreamPeer(_) => of_node(0),
            Way::StreamProtocol => of_node(1),
            Way::StreamService(own) => Some(own),
        }
    }

    /// The scopes in the order of charging.
    #[inline(always)]
    pub fn all(&self) -> impl Iterator<Item = &Node> + Clone {
        self.nodes().iter().map(|node| &**node)
    }

    /// The scopes that a leaf which comes to this path was not charged on before, in the order
    /// of checking.
    pub fn entered(&self) -> impl Iterator<Item = &Node> + Clone {
        let order: &[usize] = match self.kind() {
            // From the allowlisted twins to system, transient.
            PathKind::Fixed => &[1, 0],
            PathKind::ConnectionPeer => &[0],
            PathKind::StreamProtocol => &[2, 1],
            PathKind::StreamService => &[4, 2],
            // No leaf moves here.
            PathKind::Named | PathKind::PeerService | PathKind::StreamPeer => &[],
        };
        self.pick(order)
    }

    /// The scopes of this path that a leaf which goes to a path of the kind `next` is not
    /// charged on any more.
    pub fn left_for(&self, next: PathKind) -> impl Iterator<Item = &Node> + Clone {
        let order: &[usize] = match (self.kind(), next) {
            (PathKind::Fixed, PathKind::Fixed) => &[0, 1],
            // Transient, or its twin.
            (PathKind::Fixed, PathKind::ConnectionPeer) => &[0],
            (PathKind::StreamPeer, PathKind::StreamProtocol) => &[1],
            _ => &[],
        };
        self.pick(order)
    }

    /// R0: asks all scopes of this path, without touching them, whether they would take a charge at this
    /// moment; for memory nobody is asked where the [`Ease`] of the path covers it.
    #[inline(always)]
    pub fn look(&self, request: &Request<'_>, look: &mut Look) -> Result<(), Error> {
        if !request.is_for_memory_alone() {
            return look.at(self.all(), request);
        }
        if self.is_easy(request) {
            return Ok(());
        }
        look.at(self.all(), request).inspect_err(|_| self.ease().refused())?;
        if !look.has_full() {
            self.ease().found_room(request.amount.memory, request.priority);
        }
        Ok(())
    }

    /// Whether the [`Ease`] of the path says that all scopes have room for memory, so that nobody need be
    /// asked.
    #[inline(always)]
    pub fn is_easy(&self, request: &Request<'_>) -> bool {
        self.ease().covers(request.amount.memory, request.priority)
    }

    /// Whether all scopes have room for memory, for who asks only because it would be of use: nobody is
    /// refused anything.
    pub fn has_room(&self, request: &Request<'_>) -> bool {
        if self.is_easy(request) {
            return true;
        }
        let has_room =
            |node: &Node| node.counters().look(request, node.limit(request.snapshot)).is_ok();
        let all = self.all().all(has_room);
        if all {
            self.ease().found_room(request.amount.memory, request.priority);
        }
        all
    }

    /// What leaves that charge in granules go by: whether one of the scopes has refused lately, and how
    /// often all limits have changed.
    #[inline(always)]
    pub fn signals(&self) -> Signals {
        let mut signals = Signals { caution: false, changes: 0 };
        for node in self.all() {
            signals.caution |= node.caution().is_due();
            // The last scope is the system, or its twin, which are told.
            signals.changes = node.changes().get();
        }
        signals
    }

    /// Notes that all scopes had room for a leaf that charged exactly.
    pub fn had_room(&self) {
        self.all().for_each(|node| node.caution().had_room());
    }

    /// Charges all scopes of this path in order; on an error those that were charged have been
    /// uncharged.
    #[inline(always)]
    pub fn charge(&self, request: &Request<'_>) -> Result<(), Error> {
        match charge(self.all(), request) {
            Ok(()) => Ok(()),
            Err(error) if request.is_for_memory_alone() => self.refused(error),
            Err(error) => failed(error),
        }
    }

    /// The same for memory alone, which is asked for most often: of other words nothing is asked on each
    /// scope.
    #[inline(always)]
    pub fn charge_memory(&self, request: &Request<'_>) -> Result<(), Error> {
        debug_assert!(request.is_for_memory_alone());
        match charge_words::<true>(self.all(), request) {
            Ok(()) => Ok(()),
            Err(error) => self.refused(error),
        }
    }

    /// The error of a charge of memory, which is noted.
    #[cold]
    fn refused(&self, error: Error) -> Result<(), Error> {
        self.ease().refused();
        Err(error)
    }

    fn pick(&self, order: &'static [usize]) -> impl Iterator<Item = &Node> + Clone {
        order.iter().filter_map(|at| self.node(*at).map(|node| &**node))
    }
}

/// What a look found: a field that is full is reported only if no limit on the whole way refuses.
#[derive(Debug, Default)]
pub struct Look {
    full: Option<Error>,
}

impl Look {
    /// Notes what one scope's words say.
    #[inline(always)]
    pub fn note(
        &mut self,
        found: Result<(), Stop>,
        error: impl FnOnce(Stop) -> Error,
    ) -> Result<(), Error> {
        match found {
            Ok(()) => Ok(()),
            Err(stop @ Stop::Full(_)) => {
                self.full.get_or_insert_with(|| error(stop));
                Ok(())
            }
            Err(stop) => Err(error(stop)),
        }
    }

    /// Whether some field has no place.
    #[inline(always)]
    fn has_full(&self) -> bool {
        self.full.is_some()
    }

    /// Adds what another look found further on.
    #[inline(always)]
    pub fn join(&mut self, later: Look) {
        if let Some(error) = later.full {
            self.full.get_or_insert(error);
        }
    }

    /// Looks at scopes without touching them.
    #[inline(always)]
    pub fn at<'n>(
        &mut self,
        nodes: impl Iterator<Item = &'n Node>,
        request: &Request<'_>,
    ) -> Result<(), Error> {
        for node in nodes {
            let found = node.counters().look(request, node.limit(request.snapshot));
            self.note(found, |stop| node.error(stop, request))?;
        }
        Ok(())
    }

    /// The verdict, once all scopes have been looked at.
    #[inline(always)]
    pub fn finish(self) -> Result<(), Error> {
        match self.full {
            None => Ok(()),
            Some(error) => failed(error),
        }
    }
}

/// Charges scopes in order; on an error those that were charged have been uncharged.
#[inline(always)]
pub fn charge<'n>(
    nodes: impl Iterator<Item = &'n Node> + Clone,
    request: &Request<'_>,
) -> Result<(), Error> {
    charge_words::<false>(nodes, request)
}

/// The same; if `MEMORY_ALONE`, of other words nothing is asked on each scope.
#[inline(always)]
fn charge_words<'n, const MEMORY_ALONE: bool>(
    nodes: impl Iterator<Item = &'n Node> + Clone,
    request: &Request<'_>,
) -> Result<(), Error> {
    for node in nodes.clone() {
        let (counters, limit) = (node.counters(), node.limit(request.snapshot));
        let charged = match MEMORY_ALONE {
            true => counters.charge_word(Kind::Memory, request, limit, node.id()),
            false => counters.charge(request, limit, node.id()),
        };
        if let Err(stop) = charged {
            return Err(undo(nodes, node, stop, request));
        }
    }
    Ok(())
}

/// An error is large. Where it is made apart, success does not copy the place for it.
#[cold]
fn failed(error: Error) -> Result<(), Error> {
    Err(error)
}

#[cold]
fn undo<'n>(
    nodes: impl Iterator<Item = &'n Node> + Clone,
    stopped_at: &Node,
    stop: Stop,
    request: &Request<'_>,
) -> Error {
    // No scope is twice on a path.
    let is_before = |node: &&Node| !core::ptr::eq(*node, stopped_at);
    uncharge(nodes.clone().take_while(is_before), &request.amount);
    // A limit here or further on is the better answer than a field that is full here.
    if matches!(stop, Stop::Full(_))
        && let Err(refused) = Look::default().at(nodes.skip_while(is_before), request)
    {
        return refused;
    }
    stopped_at.error(stop, request)
}

/// Gives back what was charged.
#[inline(always)]
pub fn uncharge<'n>(nodes: impl Iterator<Item = &'n Node>, amount: &Amount) {
    for node in nodes {
        node.counters().uncharge(amount);
    }
}

/// A path whose entry is pinned for as long as this lives.
///
/// It is empty only while it gives its path away, which a type that unpins when it is dropped
/// cannot do otherwise.
#[derive(Debug)]
pub struct Pinned(Option<SharedPath>);

impl Pinned {
    /// Takes over a pin that was made.
    pub fn assume(path: SharedPath) -> Self {
        Pinned(Some(path))
    }

    /// Pins a path once more, for someone who knows that it is pinned.
    pub fn again(path: &SharedPath) -> Self {
        if let Some(life) = path.life() {
            life.pin_again();
        }
        Pinned(Some(path.clone()))
    }

    /// The path, whose pin stays with this.
    #[inline(always)]
    pub fn path(&self) -> &SharedPath {
        match &self.0 {
            Some(path) => path,
            None => unreachable!("whoever gives the path away has consumed this"),
        }
    }

    /// The path of the connections of a peer, whose streams' path this is. The pin passes on, since
    /// both have the peer's lifecycle.
    pub fn into_connections(self) -> Pinned {
        match self.of_connections().cloned() {
            Some(connections) => {
                drop(self.into_path());
                Pinned::assume(connections)
            }
            None => self,
        }
    }

    /// Gives the path, and the duty to unpin it, away.
    pub fn into_path(mut self) -> SharedPath {
        match self.0.take() {
            Some(path) => path,
            None => unreachable!("whoever gives the path away has consumed this"),
        }
    }
}

impl Clone for Pinned {
    fn clone(&self) -> Self {
        Pinned::again(self.path())
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        if let Some(life) = self.0.as_ref().and_then(|path| path.life()) {
            life.unpin();
        }
    }
}

impl core::ops::Deref for Pinned {
    type Target = Path;

    #[inline(always)]
    fn deref(&self) -> &Path {
        self.path()
    }
}
