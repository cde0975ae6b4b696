//! The manager: where everything starts.

use core::time::Duration;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use crate::counters::Request;
use crate::engine::Core;
use crate::leaf::{Leaf, LeafKind};
use crate::node::Node;
use crate::path::{Look, Path, Pinned};
use crate::shared_path::SharedPath;
use crate::snapshot::Snapshot;
use crate::transport::Accounting;
use crate::{
    AllowlistEntry, Amount, Builder, ConnectionRequest, ConnectionScope, Direction, Error, Limits,
    Name, PeerKey, PeerRef, PeerScope, PreparedLimits, Priority, ProtocolScope, Scope, ScopeId,
    ScopeLimit, ServiceScope, Stats, StreamScope,
};

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

    pub(crate) fn of(core: Core) -> Self {
        ResourceManager { core: Arc::new(core) }
    }

    /// Settings of a manager that is to be made.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The limits as configured, without those that were set on single scopes.
    pub fn limits(&self) -> Arc<Limits> {
        self.core.store().with(|snapshot| snapshot.places().limits().clone())
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
        PreparedLimits(self.core.store().prepare(limits))
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
        self.core.store().require_priority(priority);
    }

    /// The priority that a reservation of memory needs at least.
    pub fn required_priority(&self) -> Priority {
        self.core.store().with(Snapshot::required_priority)
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
        let fixed = &self.core.registry().fixed;
        let (leaf, held) = self.core.run(|snapshot| {
            let rules = snapshot.rules();
            let taken = self.core.tables().admit(rules, request.ip(), request.time())?;
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
        let (ip, tables) = (ip.to_canonical(), self.core.tables());
        self.core
            .store()
            .with(|snapshot| tables.admit_unverified(snapshot.rules(), ip, now).is_err())
    }

    /// Puts an entry on the allowlist, as if the limits had it: it stays when they are replaced,
    /// until [`ResourceManager::reset_allowed`]. Tells whether it was not there.
    pub fn allow(&self, entry: &AllowlistEntry) -> bool {
        self.core.store().set_allowed(entry, Some(true))
    }

    /// Takes an entry off the allowlist, be it one of the limits, until
    /// [`ResourceManager::reset_allowed`]. Connections that it let in stay. Tells whether it was
    /// there.
    pub fn disallow(&self, entry: &AllowlistEntry) -> bool {
        self.core.store().set_allowed(entry, Some(false))
    }

    /// Goes by the limits again for an entry that was allowed or disallowed while running. Tells
    /// whether that changes the allowlist.
    pub fn reset_allowed(&self, entry: &AllowlistEntry) -> bool {
        self.core.store().set_allowed(entry, None)
    }

    /// The allowlist in force.
    pub fn allowlist(&self) -> BTreeSet<AllowlistEntry> {
        self.core.store().with(|snapshot| snapshot.rules().allowed())
    }

    /// How many connections each network has that a limit by address is about, sorted; twice where
    /// two limits are about the same network.
    pub fn connections_by_network(&self) -> Vec<(IpNet, u64)> {
        self.core.tables().connections_by_network()
    }

    /// How many subnets the manager remembers for their rates, at most twice
    /// [`ConnectionRates::max_buckets`](crate::ConnectionRates::max_buckets): once for connections,
    /// once for source addresses.
    pub fn rate_buckets(&self) -> usize {
        self.core.tables().buckets()
    }

    /// Forgets the subnets that opened no connections for so long that their rates, and the grace
    /// period, have passed; gives their number. `now` is counted as in [`ConnectionRequest::at`].
    ///
    /// A few are forgotten whenever a new one is remembered, so this is for when they stop coming.
    pub fn collect_rates(&self, now: Duration) -> usize {
        let tables = self.core.tables();
        self.core.store().with(|snapshot| tables.forget_idle(snapshot.rules(), now))
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
        let transient = &self.core.registry().fixed.transient;
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
        self.fixed(&self.core.registry().fixed.system)
    }

    /// Connections without a peer and streams without a protocol.
    pub fn transient(&self) -> Scope {
        self.fixed(&self.core.registry().fixed.transient)
    }

    /// The twin of system for connections that the allowlist admitted.
    pub fn allowlisted_system(&self) -> Scope {
        self.fixed(&self.core.registry().fixed.allowlisted_system)
    }

    /// The twin of transient for connections that the allowlist admitted.
    pub fn allowlisted_transient(&self) -> Scope {
        self.fixed(&self.core.registry().fixed.allowlisted_transient)
    }

    fn fixed(&self, path: &SharedPath) -> Scope {
        Scope::new(self.core.clone(), Pinned::assume(path.clone()))
    }

    /// A service, made if there is none of that name. It is not collected while the handle lives.
    pub fn service(&self, name: &str) -> ServiceScope {
        let path = self.core.registry().pin_or_make_service(name);
        ServiceScope::new(Scope::new(self.core.clone(), path))
    }

    /// A protocol, made if there is none of that name. It is not collected while the handle
    /// lives.
    pub fn protocol(&self, name: &str) -> ProtocolScope {
        let path = self.core.registry().pin_or_make_protocol(name);
        ProtocolScope::new(Scope::new(self.core.clone(), path))
    }

    /// A peer, made if there is none of that key. It is not collected while the handle lives.
    pub fn peer(&self, key: &[u8]) -> PeerScope {
        let peer = self.core.registry().pin_or_make_peer(key);
        PeerScope::new(self.core.clone(), peer)
    }

    /// The names of all services that have a scope, sorted.
    pub fn services(&self) -> Vec<Name> {
        sorted(
            |visit| self.core.registry().each_service(visit),
            |id| match id {
                ScopeId::Service(name) => Some(name.clone()),
                _ => None,
            },
        )
    }

    /// The names of all protocols that have a scope, sorted.
    pub fn protocols(&self) -> Vec<Name> {
        sorted(
            |visit| self.core.registry().each_protocol(visit),
            |id| match id {
                ScopeId::Protocol(name) => Some(name.clone()),
                _ => None,
            },
        )
    }

    /// The keys of all peers that have a scope, sorted.
    pub fn peers(&self) -> Vec<PeerKey> {
        sorted(
            |visit| self.core.registry().each_peer(visit),
            |id| match id {
                ScopeId::Peer(key) => Some(key.clone()),
                _ => None,
            },
        )
    }

    /// The limit in force of a shared scope, whether it exists or not; of a connection, stream
    /// or span its handle tells, of a network [`Limits::ip`], and this gives `None`.
    pub fn limit_of(&self, scope: &ScopeId) -> Option<ScopeLimit> {
        match scope {
            ScopeId::Connection(_)
            | ScopeId::Stream(_)
            | ScopeId::Span(_)
            | ScopeId::Network(_) => None,
            shared => Some(self.core.store().with(|snapshot| {
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
        Stats::of(self.core.registry(), self.core.store().with(Snapshot::granule))
    }

    /// Visits every scope with what it holds, without a copy of anything: for exporters of many
    /// scopes, for whom [`ResourceManager::stats`] would keep a picture of all of them in memory.
    ///
    /// The four fixed scopes come first, then services, protocols, peers, and what peers use of
    /// protocols and services; of each kind in no order. A scope that is made or collected
    /// meanwhile is visited or not. `visit` may use the manager. Scopes that are collected while
    /// it runs keep their memory until it is done.
    ///
    /// ```
    /// use rcmgr_core::*;
    ///
    /// let manager = ResourceManager::default();
    /// let stream = manager.open_stream(b"peer", Direction::Inbound)?;
    /// let mut streams = 0;
    /// manager.for_each_scope(|scope, held| {
    ///     if let ScopeId::Peer(_) = scope {
    ///         streams += held.streams_inbound;
    ///     }
    /// });
    /// assert_eq!(streams, 1);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn for_each_scope(&self, mut visit: impl FnMut(&ScopeId, Amount)) {
        self.core.registry().each(|node| visit(node.id(), node.counters().held()));
    }

    /// Closes the named scopes that nobody uses: no connection, stream, span, reservation or
    /// handle, and no limit of their own. Gives how many scopes, and paths through them, that
    /// were. Also frees limits that were replaced and that no thread keeps any more.
    pub fn collect(&self) -> usize {
        self.core.store().collect();
        self.core.registry().collect()
    }
}

fn sorted<K: Ord>(
    each: impl FnOnce(&mut dyn FnMut(&Node)),
    key: impl Fn(&ScopeId) -> Option<K>,
) -> Vec<K> {
    let mut keys = Vec::new();
    each(&mut |node| keys.extend(key(node.id())));
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
                manager.core.store().with(|snapshot| snapshot.set_on_handle(number).is_some())
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

    #[test]
    fn a_visit_meets_every_scope_once_with_what_it_holds() {
        let manager = ResourceManager::default();
        let _connection = manager.open_connection(ConnectionRequest::inbound()).unwrap();
        let stream = manager.open_stream(b"peer", Direction::Inbound).unwrap();
        stream.set_protocol("/protocol").unwrap();
        stream.set_service("service").unwrap();
        let mut visited = Vec::new();
        manager.for_each_scope(|id, held| visited.push((id.clone(), held)));
        visited.sort_by(|one, other| one.0.cmp(&other.0));
        let stats = manager.stats();
        let mut pictured: Vec<_> = stats.scopes().map(|(id, held)| (id, *held)).collect();
        pictured.sort_by(|one, other| one.0.cmp(&other.0));
        assert_eq!(visited, pictured);
        assert_eq!(visited.len(), 4 + 5);
    }
}
