//! The manager: where everything starts.

use core::time::Duration;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use crossbeam_utils::CachePadded;
use ipnet::IpNet;

use crate::admission::Tables;
use crate::counters::{Request, Stop};
use crate::leaf::{Leaf, LeafKind};
use crate::node::{self, SharedNode};
use crate::path::{Look, Path, Pinned};
use crate::places::Places;
use crate::registry::Registry;
use crate::scope::PeerName;
use crate::shared_path::SharedPath;
use crate::snapshot::{Snapshot, Store};
use crate::transport::Accounting;
use crate::word::{Kind, admit};
use crate::{
    AllowlistEntry, ConnectionRequest, ConnectionScope, Direction, Error, Granule, Limits, Name,
    Observer, PeerKey, PeerRef, PeerScope, PreparedLimits, Priority, ProtocolScope, Scope, ScopeId,
    ScopeLimit, ServiceScope, Stats, StreamScope,
};

/// The number of named scopes above which making one sweeps a few others.
const DEFAULT_SWEEP_ABOVE: usize = 8192;

/// What all handles of one manager share.
pub struct Core {
    /// On a line of its own: it is read by every operation, while the count of references
    /// before it is written by every handle that is made or dropped.
    store: CachePadded<Store>,
    registry: Registry,
    /// What is counted of connections by their addresses.
    tables: Tables,
}

impl core::fmt::Debug for Core {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Core")
    }
}

impl Core {
    #[inline(always)]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Replaces all limits.
    fn publish(&self, prepared: &Places) {
        self.store.publish(prepared);
        self.registry.fixed.limits_changed();
    }

    /// Sets the limit of one shared scope, or clears it.
    pub fn set_limit(&self, id: &ScopeId, limit: Option<ScopeLimit>) {
        self.store.set_limit(id, limit);
        self.registry.fixed.limits_changed();
    }

    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    pub fn tables(&self) -> &Tables {
        &self.tables
    }

    /// The path of a peer's streams, pinned. It is made if it has no scope, unless its own limit, or what `others`
    /// asks, would refuse the request: a remote party must not make scopes appear that way.
    pub fn pin_peer(
        &self,
        peer: PeerName<'_>,
        request: &Request<'_>,
        others: impl FnOnce() -> Result<(), Error>,
    ) -> Result<Pinned, Error> {
        // A handle to another manager's scope names a peer of this one.
        if let PeerName::Scope(scope) = peer
            && scope.is_of(self)
        {
            return Ok(scope.pin());
        }
        match self.registry.pin_peer(peer.key()) {
            Some(peer) => Ok(peer),
            None => self.make_peer(peer.key(), request, others),
        }
    }

    /// The same for the path of a peer's connections.
    pub fn pin_peer_of_connections(
        &self,
        peer: PeerName<'_>,
        request: &Request<'_>,
    ) -> Result<Pinned, Error> {
        if let PeerName::Scope(scope) = peer
            && scope.is_of(self)
        {
            return Ok(scope.pin_of_connections());
        }
        match self.registry.pin_peer_of_connections(peer.key()) {
            Some(peer) => Ok(peer),
            None => {
                let streams = self.make_peer(peer.key(), request, || Ok(()))?;
                Ok(streams.into_connections())
            }
        }
    }

    #[cold]
    fn make_peer(
        &self,
        key: &[u8],
        request: &Request<'_>,
        others: impl FnOnce() -> Result<(), Error>,
    ) -> Result<Pinned, Error> {
        look_at_new(request.snapshot.places().peer(key), request, || ScopeId::Peer(key.into()))?;
        others()?;
        Ok(self.registry.pin_or_make_peer(key))
    }

    /// Runs one operation under one snapshot, and tells the observer of a refusal.
    #[inline(always)]
    pub fn run<R>(
        &self,
        operation: impl FnOnce(&Snapshot) -> Result<R, Error>,
    ) -> Result<R, Error> {
        // An error is large. It leaves by a place of its own, so that success does not carry room
        // for one through every return.
        let mut failed = None;
        let done = self.store.with(|snapshot| match operation(snapshot) {
            Ok(done) => Some(done),
            Err(error) => {
                tell_of_refusal(snapshot, &error);
                failed = Some(error);
                None
            }
        });
        match (done, failed) {
            (Some(done), _) => Ok(done),
            (None, Some(error)) => Err(error),
            (None, None) => unreachable!("an operation is done or has failed"),
        }
    }
}

#[cold]
fn tell_of_refusal(snapshot: &Snapshot, error: &Error) {
    match (snapshot.observer(), error) {
        (Some(observer), Error::Refused(refusal)) => observer.refused(refusal),
        (Some(observer), Error::RateLimited(refusal)) => observer.rate_limited(refusal),
        (Some(observer), Error::MemoryPressure { asked, required }) => {
            observer.memory_pressure(*asked, *required);
        }
        _ => {}
    }
}

/// Asks the limit of a scope that does not exist yet, and so holds nothing: one that it refuses
/// must not make it appear.
pub fn look_at_new(
    limit: &ScopeLimit,
    request: &Request<'_>,
    id: impl FnOnce() -> ScopeId,
) -> Result<(), Error> {
    for kind in Kind::ALL {
        if request.asks(kind) {
            let part = kind.part(&request.amount);
            if let Err(verdict) = admit(kind, [0; 3], part, limit, request.priority) {
                return Err(node::error(id(), Stop::Refused(verdict), request));
            }
        }
    }
    Ok(())
}

/// Accounts what a node uses in a DAG of scopes, and refuses what would pass a limit.
///
/// Clones share everything. All methods may be called from any thread. None waits for another
/// thread, save that making named scopes and collecting them may wait inside the concurrent map,
/// while it grows, and the queue; and so may opening a connection that is the first of a network
/// with a limit, or whose rate needs a new bucket, where another thread changes the same place of
/// their table. Closing one does not.
///
/// ```
/// use rcmgr_core::*;
///
/// let mut limits = Limits::default();
/// limits.system.memory = Limit::new(1 << 30);
/// limits.peer.streams_inbound = Limit::new(1);
/// let manager = ResourceManager::new(limits);
///
/// let stream = manager.open_stream(b"peer", Direction::Inbound)?;
/// stream.set_protocol("/echo/1")?;
/// let buffer = stream.reserve_memory(64 << 10, Priority::MEDIUM)?;
/// assert_eq!(manager.stats().protocols["/echo/1"].memory, 64 << 10);
///
/// let refused = manager.open_stream(b"peer", Direction::Inbound).unwrap_err();
/// assert_eq!(refused.refusal().unwrap().resource, Resource::StreamsInbound);
/// drop(buffer);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ResourceManager {
    core: Arc<Core>,
}

/// Settings of a manager that is to be made.
#[derive(Default)]
#[must_use]
pub struct Builder {
    limits: Limits,
    observer: Option<Arc<dyn Observer>>,
    sweep_above: Option<usize>,
    granule: Granule,
}

impl core::fmt::Debug for Builder {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Builder")
            .field("limits", &self.limits)
            .field("observer", &self.observer.is_some())
            .field("sweep_above", &self.sweep_above)
            .field("granule", &self.granule)
            .finish()
    }
}

impl Builder {
    /// The limits to begin with; the default ones if none are given.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Who is told of charges and refusals.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// How many named scopes and paths through them (peers, protocols, services, what each peer
    /// uses of these) there may be before making one closes some that nobody uses. 8192 if not
    /// given. Scopes in use and scopes with a limit of their own are never closed.
    pub fn collect_above(mut self, entries: usize) -> Self {
        self.sweep_above = Some(entries);
        self
    }

    /// In which multiples connections and streams charge memory to the scopes above them;
    /// [`Granule::EXACT`] if not given. It does not change while the manager runs.
    pub fn granule(mut self, granule: Granule) -> Self {
        self.granule = granule;
        self
    }

    /// The manager.
    pub fn build(self) -> ResourceManager {
        let snapshot = Snapshot::new(self.limits, self.observer).with_granule(self.granule);
        let store = Store::new(snapshot);
        let registry = Registry::new(self.sweep_above.unwrap_or(DEFAULT_SWEEP_ABOVE));
        let tables = Tables::new();
        ResourceManager {
            core: Arc::new(Core { store: CachePadded::new(store), registry, tables }),
        }
    }
}

/// A manager with the default limits: scopes are unlimited.
impl Default for ResourceManager {
    fn default() -> Self {
        Self::builder().build()
    }
}

impl ResourceManager {
    /// A manager under limits.
    pub fn new(limits: Limits) -> Self {
        Self::builder().limits(limits).build()
    }

    /// Settings of a manager that is to be made.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The limits as configured, without those that were set on single scopes.
    pub fn limits(&self) -> Arc<Limits> {
        self.core.store.with(|snapshot| snapshot.places().limits().clone())
    }

    /// Replaces all limits at once. Operations under way finish under the limits that they
    /// began with; what is held stays held, be it more than a lowered limit. Limits that were
    /// set on single scopes stay.
    ///
    /// No operation waits for it, and none does its work: this thread makes the new limits ready,
    /// and frees those that no thread keeps any more. The ones that were replaced last stay in
    /// memory until the next change, or [`ResourceManager::collect`].
    pub fn set_limits(&self, limits: Limits) {
        self.publish(&self.prepare(limits));
    }

    /// Makes limits ready to be put in force, which takes time in proportion to the names in them;
    /// [`ResourceManager::publish`] then takes little. Nothing changes by it.
    ///
    /// ```
    /// use rcmgr_core::*;
    ///
    /// let manager = ResourceManager::default();
    /// let [day, night] = [1 << 30, 2 << 30].map(|bytes| {
    ///     let mut limits = Limits::default();
    ///     limits.system.memory = Limit::new(bytes);
    ///     manager.prepare(limits)
    /// });
    /// manager.publish(&night);
    /// assert_eq!(manager.limits().system.memory, Limit::new(2 << 30));
    /// manager.publish(&day);
    /// assert_eq!(manager.limits().system.memory, Limit::new(1 << 30));
    /// ```
    pub fn prepare(&self, limits: Limits) -> PreparedLimits {
        PreparedLimits(self.core.store.prepare(limits))
    }

    /// Replaces all limits at once, as [`ResourceManager::set_limits`] does, by prepared ones.
    ///
    /// They may have been prepared at any time, also by another manager. What depends on more than
    /// them is made here: the rules for addresses, rates and the allowlist; and, if limits of
    /// single scopes were set or cleared meanwhile, all that [`ResourceManager::prepare`] makes.
    pub fn publish(&self, prepared: &PreparedLimits) {
        self.core.publish(&prepared.0);
    }

    /// Admits reservations of memory only at this priority or a higher one from now on, whatever
    /// room there is, since the machine is short of memory; [`Priority::LOWEST`], with which a manager
    /// begins, ends that.
    ///
    /// It holds for every reservation that asks for memory, be it 0 bytes or one resource among
    /// several: of any scope, span, ledger or reservation that grows. One at [`Priority::ALWAYS`] is
    /// never refused by it. What is held stays, and opening, attaching and releasing are as before.
    /// It is one setting of the whole manager, which [`ResourceManager::set_limits`] leaves alone; who
    /// sets it last decides. No operation waits for it, and those under way finish under the one
    /// that they began with.
    ///
    /// ```
    /// use rcmgr_core::*;
    ///
    /// let manager = ResourceManager::default();
    /// manager.require_priority(Priority::HIGH);
    /// let refused = manager.system().reserve_memory(1, Priority::MEDIUM).unwrap_err();
    /// let (asked, required) = (Priority::MEDIUM, Priority::HIGH);
    /// assert_eq!(refused, Error::MemoryPressure { asked, required });
    /// assert!(manager.system().reserve_memory(1, Priority::HIGH).is_ok());
    ///
    /// manager.require_priority(Priority::LOWEST);
    /// assert!(manager.system().reserve_memory(1, Priority::LOW).is_ok());
    /// ```
    pub fn require_priority(&self, priority: Priority) {
        self.core.store.require_priority(priority);
    }

    /// The priority that a reservation of memory needs at least.
    pub fn required_priority(&self) -> Priority {
        self.core.store.with(Snapshot::required_priority)
    }

    /// Accounts a connection whose peer is not known yet, in transient and system. Call it before
    /// the handshake.
    ///
    /// First the rates of new connections are asked, if the request says when it is; then the
    /// limits of its address, if it has one; then the scopes. If these refuse a connection from
    /// a network on the allowlist, it is accounted in their allowlisted twins instead.
    ///
    /// # Errors
    /// [`Error::RateLimited`]; [`Error::Refused`] by a network, the connection's own limit,
    /// transient or system, or, from a network on the allowlist, by their twins;
    /// [`Error::Capacity`]. A connection that is refused by anything but a rate counts in the
    /// rates all the same.
    pub fn open_connection(&self, request: ConnectionRequest) -> Result<ConnectionScope, Error> {
        let kind = LeafKind::Connection(request.direction(), request.uses_file_descriptor());
        let fixed = &self.core.registry.fixed;
        let (leaf, held) = self.core.run(|snapshot| {
            let rules = snapshot.rules();
            let taken = self.core.tables.admit(rules, request.ip(), request.time())?;
            let open = |allowlisted| {
                let leaf = Leaf::admit(kind, snapshot)?;
                let path = fixed.first_path(&leaf, allowlisted);
                leaf.open(path, snapshot)
            };
            let leaf = open(false).or_else(|refused| match request.ip() {
                Some(ip) if rules.may_allow(ip) => open(true),
                _ => Err(refused),
            })?;
            Ok((leaf, taken.keep()))
        })?;
        Ok(ConnectionScope::new(self.core.clone(), leaf, request.ip(), held))
    }

    /// Whether a remote party should prove, before the handshake, that its address is not
    /// spoofed: by QUIC's retry, for example.
    ///
    /// An address may begin without proof as often as [`IpLimits`](crate::IpLimits) say: half of
    /// the connections that it, or a network around it, may have, and one in ten seconds. An
    /// attacker who spoofs addresses so takes at most half of their room, and the others pay a
    /// round trip. `now` is counted as in [`ConnectionRequest::at`].
    pub fn verify_source_address(&self, ip: IpAddr, now: Duration) -> bool {
        let (ip, tables) = (ip.to_canonical(), &self.core.tables);
        self.core.store.with(|snapshot| tables.admit_unverified(snapshot.rules(), ip, now).is_err())
    }

    /// Puts an entry on the allowlist, as if the limits had it: it stays when they are replaced,
    /// until [`ResourceManager::reset_allowed`]. Tells whether it was not there.
    pub fn allow(&self, entry: &AllowlistEntry) -> bool {
        self.core.store.set_allowed(entry, Some(true))
    }

    /// Takes an entry off the allowlist, be it one of the limits, until
    /// [`ResourceManager::reset_allowed`]. Connections that it let in stay. Tells whether it was
    /// there.
    pub fn disallow(&self, entry: &AllowlistEntry) -> bool {
        self.core.store.set_allowed(entry, Some(false))
    }

    /// Goes by the limits again for an entry that was allowed or disallowed while running. Tells
    /// whether that changes the allowlist.
    pub fn reset_allowed(&self, entry: &AllowlistEntry) -> bool {
        self.core.store.set_allowed(entry, None)
    }

    /// The allowlist in force.
    pub fn allowlist(&self) -> BTreeSet<AllowlistEntry> {
        self.core.store.with(|snapshot| snapshot.rules().allowed())
    }

    /// How many connections each network has that a limit by address is about, sorted; twice where
    /// two limits are about the same network.
    pub fn connections_by_network(&self) -> Vec<(IpNet, u64)> {
        self.core.tables.connections_by_network()
    }

    /// How many subnets the manager remembers for their rates, at most twice
    /// [`ConnectionRates::max_buckets`](crate::ConnectionRates::max_buckets): once for connections,
    /// once for source addresses.
    pub fn rate_buckets(&self) -> usize {
        self.core.tables.buckets()
    }

    /// Forgets the subnets that opened no connections for so long that their rates, and the grace
    /// period, have passed; gives their number. `now` is counted as in [`ConnectionRequest::at`].
    ///
    /// A few are forgotten whenever a new one is remembered, so this is for when they stop coming.
    pub fn collect_rates(&self, now: Duration) -> usize {
        let tables = &self.core.tables;
        self.core.store.with(|snapshot| tables.forget_idle(snapshot.rules(), now))
    }

    /// Accounts a stream of a peer, whose protocol is not known yet, in the peer, transient and
    /// system.
    ///
    /// # Errors
    /// [`Error::Refused`] by the stream's own limit, the peer, transient or system;
    /// [`Error::Capacity`].
    pub fn open_stream<'p>(
        &self,
        peer: impl Into<PeerRef<'p>>,
        direction: Direction,
    ) -> Result<StreamScope, Error> {
        let PeerRef(peer) = peer.into();
        let kind = LeafKind::Stream(direction);
        let transient = &self.core.registry.fixed.transient;
        let leaf = self.core.run(|snapshot| {
            let admitted = Leaf::admit(kind, snapshot)?;
            let request = Request::all(snapshot, kind.unit(), Priority::ALWAYS);
            let peer = self.core.pin_peer(peer, &request, || look_at(transient, &request))?;
            admitted.open(peer, snapshot)
        })?;
        Ok(StreamScope::new(self.core.clone(), leaf))
    }

    /// The whole node.
    pub fn system(&self) -> Scope {
        self.fixed(&self.core.registry.fixed.system)
    }

    /// Connections without a peer and streams without a protocol.
    pub fn transient(&self) -> Scope {
        self.fixed(&self.core.registry.fixed.transient)
    }

    /// The twin of system for connections that the allowlist admitted.
    pub fn allowlisted_system(&self) -> Scope {
        self.fixed(&self.core.registry.fixed.allowlisted_system)
    }

    /// The twin of transient for connections that the allowlist admitted.
    pub fn allowlisted_transient(&self) -> Scope {
        self.fixed(&self.core.registry.fixed.allowlisted_transient)
    }

    fn fixed(&self, path: &SharedPath) -> Scope {
        Scope::new(self.core.clone(), Pinned::assume(path.clone()))
    }

    /// A service, made if there is none of that name. It is not collected while the handle lives.
    pub fn service(&self, name: &str) -> ServiceScope {
        let path = self.core.registry.pin_or_make_service(name);
        ServiceScope::new(Scope::new(self.core.clone(), path))
    }

    /// A protocol, made if there is none of that name. It is not collected while the handle
    /// lives.
    pub fn protocol(&self, name: &str) -> ProtocolScope {
        let path = self.core.registry.pin_or_make_protocol(name);
        ProtocolScope::new(Scope::new(self.core.clone(), path))
    }

    /// A peer, made if there is none of that key. It is not collected while the handle lives.
    pub fn peer(&self, key: &[u8]) -> PeerScope {
        let peer = self.core.registry.pin_or_make_peer(key);
        PeerScope::new(self.core.clone(), peer)
    }

    /// The names of all services that have a scope, sorted.
    pub fn services(&self) -> Vec<Name> {
        sorted(self.core.registry.services(), |id| match id {
            ScopeId::Service(name) => Some(name.clone()),
            _ => None,
        })
    }

    /// The names of all protocols that have a scope, sorted.
    pub fn protocols(&self) -> Vec<Name> {
        sorted(self.core.registry.protocols(), |id| match id {
            ScopeId::Protocol(name) => Some(name.clone()),
            _ => None,
        })
    }

    /// The keys of all peers that have a scope, sorted.
    pub fn peers(&self) -> Vec<PeerKey> {
        sorted(self.core.registry.peers(), |id| match id {
            ScopeId::Peer(key) => Some(key.clone()),
            _ => None,
        })
    }

    /// The limit in force of a shared scope, whether it exists or not; of a connection, stream
    /// or span its handle tells, of a network [`Limits::ip`], and this gives `None`.
    pub fn limit_of(&self, scope: &ScopeId) -> Option<ScopeLimit> {
        match scope {
            ScopeId::Connection(_)
            | ScopeId::Stream(_)
            | ScopeId::Span(_)
            | ScopeId::Network(_) => None,
            shared => Some(self.core.store.with(|snapshot| {
                let places = snapshot.places();
                *places.at(places.place(shared))
            })),
        }
    }

    /// Sets the limit of one shared scope, such as the one that a refusal names, or clears it.
    /// It holds whether the scope exists or not, and survives [`ResourceManager::set_limits`]
    /// until it is cleared. Gives `false`, and changes nothing, for a connection, stream or span,
    /// whose handles do it, and for a network, whose limit is in [`Limits::ip`].
    #[must_use = "limits of connections, streams, spans and networks are set elsewhere"]
    pub fn set_limit_of(&self, scope: &ScopeId, limit: Option<ScopeLimit>) -> bool {
        let shared = match scope {
            ScopeId::Connection(_)
            | ScopeId::Stream(_)
            | ScopeId::Span(_)
            | ScopeId::Network(_) => return false,
            ScopeId::System => self.system(),
            ScopeId::Transient => self.transient(),
            ScopeId::AllowlistedSystem => self.allowlisted_system(),
            ScopeId::AllowlistedTransient => self.allowlisted_transient(),
            ScopeId::Service(name) => Scope::clone(&self.service(name)),
            ScopeId::Protocol(name) => Scope::clone(&self.protocol(name)),
            ScopeId::Peer(key) => Scope::clone(&self.peer(key)),
            // Made by streams alone; the limit waits for them.
            ScopeId::PeerService { .. } | ScopeId::PeerProtocol { .. } => {
                self.core.set_limit(scope, limit);
                return true;
            }
        };
        shared.account().change_limit(limit);
        true
    }

    /// What every scope holds. Each word of each scope is read at one moment, not all of them.
    pub fn stats(&self) -> Stats {
        Stats::of(&self.core.registry, self.core.store.with(Snapshot::granule))
    }

    /// Closes the named scopes that nobody uses: no connection, stream, span, reservation or
    /// handle, and no limit of their own. Gives how many scopes, and paths through them, that
    /// were. Also frees limits that were replaced and that no thread keeps any more.
    pub fn collect(&self) -> usize {
        self.core.store.collect();
        self.core.registry.collect()
    }
}

fn sorted<K: Ord>(
    nodes: impl Iterator<Item = SharedNode>,
    key: impl Fn(&ScopeId) -> Option<K>,
) -> Vec<K> {
    let mut keys: Vec<K> = nodes.filter_map(|node| key(node.id())).collect();
    keys.sort_unstable();
    keys
}

/// Looks along a whole path.
fn look_at(path: &Path, request: &Request<'_>) -> Result<(), Error> {
    let mut look = Look::default();
    look.at(path.all(), request)?;
    look.finish()
}

impl Accounting for ResourceManager {
    type Connection = ConnectionScope;
    type Stream = StreamScope;

    fn verify_source_address(&self, ip: IpAddr, now: Duration) -> bool {
        ResourceManager::verify_source_address(self, ip, now)
    }

    fn open_connection(&self, request: ConnectionRequest) -> Result<ConnectionScope, Error> {
        ResourceManager::open_connection(self, request)
    }

    fn open_stream(&self, peer: &[u8], direction: Direction) -> Result<StreamScope, Error> {
        ResourceManager::open_stream(self, peer, direction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_of_handles_go_with_them() {
        let manager = ResourceManager::default();
        let connection = manager.open_connection(ConnectionRequest::inbound()).unwrap();
        let stream = manager.open_stream(b"peer", Direction::Inbound).unwrap();
        let span = manager.system().begin_span().unwrap();
        let numbers = [connection.id(), stream.id(), span.id()].map(|id| match id {
            ScopeId::Connection(number) | ScopeId::Stream(number) | ScopeId::Span(number) => number,
            _ => unreachable!("it is a handle's own scope"),
        });
        let limited = || {
            let is_limited = |number| {
                manager.core.store.with(|snapshot| snapshot.set_on_handle(number).is_some())
            };
            numbers.map(is_limited)
        };
        assert_eq!(limited(), [false; 3]);
        connection.set_limit(ScopeLimit::BLOCK_ALL);
        stream.set_limit(ScopeLimit::BLOCK_ALL);
        span.set_limit(ScopeLimit::BLOCK_ALL);
        assert_eq!(limited(), [true; 3]);
        drop(connection);
        assert_eq!(limited(), [false, true, true]);
        drop(stream);
        drop(span);
        assert_eq!(limited(), [false; 3]);
    }
}
