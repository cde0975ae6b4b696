//! The behaviour that has a swarm do what the manager of connections decides.

mod callbacks;
mod dials;
mod gate;
mod manager;
mod streams;

use std::{
    collections::{HashMap, VecDeque},
    convert::Infallible,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_timer::Delay;
use libp2p_core::{Endpoint, Multiaddr, transport::PortUse};
use libp2p_identity::PeerId;
use libp2p_swarm::{
    CloseConnection, ConnectionDenied, ConnectionId, DialError, DialFailure, FromSwarm,
    ListenFailure, NetworkBehaviour, THandler, THandlerInEvent, ToSwarm,
    behaviour::{ConnectionClosed, ConnectionEstablished},
};
use rcmgr_connmgr::{
    self as connmgr, Action, Eviction, Opened, burst::EndedBurst, quota::QuotaChanged,
};
use rcmgr_core::Direction;

use crate::{
    asker::{Answered, Asker},
    transport::{inbound_uses_descriptor, ip, uses_descriptor},
};
use callbacks::Callbacks;
use gate::Porter;

pub use gate::{Gate, GateClosed};
pub use manager::{ConnectionManager, peer_of};
pub(crate) use streams::{Stream, Streams};

/// The longest time between two looks, whatever the regulator says.
const LONGEST: Duration = Duration::from_secs(1);
/// The shortest, so that a regulator with much to do leaves the swarm its turn.
const SHORTEST: Duration = Duration::from_millis(10);

/// A behaviour that keeps the connections of a node within their share: it tells a
/// [`ConnectionManager`] what happens, and closes what that decides.
///
/// What it tells:
///
/// | what | from |
/// |---|---|
/// | connections opened and closed | the swarm |
/// | streams, and their protocols as they are agreed | an [`AccountedTransport`](crate::AccountedTransport) or a [`Stack`](crate::Stack); of other transports nothing is known |
/// | how dials ended | the swarm |
/// | round trips, use | the application: [`measured_rtt`](Regulation::measured_rtt), [`used`](Regulation::used) |
/// | descriptors and memory | the application: [`Regulator::sensed`](connmgr::Regulator::sensed) |
///
/// A connection that the manager cannot take in, since it has [too
/// many](connmgr::Bounds) of all or of one peer, is denied. While the level of the environment is
/// high or critical, a [`Gate`] turns connections away.
///
/// The regulator runs in the poll of the swarm. Scorers, unless they are inline, and the callbacks
/// of locks that are revoked run on threads of their own; one that hangs keeps the others waiting,
/// but not the swarm, nor the lock.
///
/// Put it first among the behaviours, so that what it denies, the others never see, and put one into
/// a node: each connection gets a number from the manager, by which it is known there.
///
/// ```
/// use libp2p::{SwarmBuilder, ping, swarm::NetworkBehaviour, tcp};
/// use rcmgr_connmgr::{Regulator, RegulatorSettings};
/// use rcmgr_core::{Limit, Limits, ResourceManager};
/// use rcmgr_libp2p::{Config, ConnectionManager, Gate, Regulation, Stack};
///
/// #[derive(NetworkBehaviour)]
/// struct Behaviour {
///     regulation: Regulation,
///     ping: ping::Behaviour,
/// }
///
/// let mut limits = Limits::default();
/// limits.system.connections = Limit::new(200);
/// let regulator = Regulator::new(RegulatorSettings::default(), &limits)?;
/// let connections = ConnectionManager::new(regulator);
/// let swarm = SwarmBuilder::with_new_identity()
///     .with_tokio()
///     .with_other_transport(|key| {
///         Ok(Stack::new(key)
///             .with_noise()
///             .with_tcp(tcp::Config::default())
///             .regulated_by(&connections)
///             .limited_by(ResourceManager::new(limits), Config::default())?)
///     })?
///     .with_behaviour(|_| Behaviour {
///         regulation: Regulation::new(connections.clone(), Gate::default()),
///         ping: ping::Behaviour::default(),
///     })?
///     .build();
/// # drop(swarm);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Regulation {
    manager: ConnectionManager,
    porter: Porter,
    ids: HashMap<ConnectionId, connmgr::ConnectionId>,
    open: HashMap<connmgr::ConnectionId, (PeerId, ConnectionId)>,
    to_do: VecDeque<ToSwarm<Regulated, Infallible>>,
    callbacks: Callbacks,
    timer: Delay,
    /// What the timer is set to.
    at: Duration,
    paused_until: Duration,
}

/// What [`Regulation`] tells of.
#[derive(Debug)]
#[non_exhaustive]
pub enum Regulated {
    /// A connection is being closed by decision.
    Closing {
        /// The connection, for the swarm.
        connection: ConnectionId,
        /// The decision.
        eviction: Eviction,
    },
    /// A protocol has another quota.
    QuotaChanged(QuotaChanged),
    /// A burst ended by itself: its time was over.
    BurstEnded(EndedBurst),
    /// Dials fail for reasons of this node: dial less for a while.
    DialLess,
}

/// Connections come much faster than they used to, and none is taken for a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("connections come too fast for a moment: try again in {left:.1?}")]
pub struct Paused {
    /// How long it lasts.
    pub left: Duration,
}

impl Regulation {
    /// Knows no connection yet.
    pub fn new(manager: ConnectionManager, gate: Gate) -> Regulation {
        Regulation {
            manager,
            porter: Porter::new(gate),
            ids: HashMap::new(),
            open: HashMap::new(),
            to_do: VecDeque::new(),
            callbacks: Callbacks::default(),
            timer: Delay::new(LONGEST),
            at: Duration::ZERO,
            paused_until: Duration::ZERO,
        }
    }

    /// The manager.
    pub fn manager(&self) -> &ConnectionManager {
        &self.manager
    }

    /// The number by which the manager knows a connection, for locks and bursts; none if it is not
    /// open.
    pub fn id_of(&self, connection: ConnectionId) -> Option<connmgr::ConnectionId> {
        self.ids.get(&connection).copied()
    }

    /// How long the other side of a connection takes to answer, as a ping tells. Says whether the
    /// connection is open.
    pub fn measured_rtt(&self, connection: ConnectionId, rtt: Duration) -> bool {
        let id = self.id_of(connection);
        id.map(|id| self.manager.regulator().measured_rtt(id, rtt)).is_some()
    }

    /// A connection was of use for what the application is for, to the protocols that have streams on
    /// it or had until ten seconds ago. What a stream carries is no use by itself, as anybody can send
    /// something. Says whether the connection is open.
    pub fn used(&self, connection: ConnectionId) -> bool {
        let id = self.id_of(connection);
        id.map(|id| self.manager.regulator().used(self.manager.now(), id)).is_some()
    }

    /// Revocations of which the holder was not told, since too many of those before it took too long,
    /// since the start. The locks were taken away all the same.
    pub fn lost_callbacks(&self) -> u64 {
        self.callbacks.lost()
    }

    fn take_in(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        direction: Direction,
        address: &Multiaddr,
        network: &Multiaddr,
        descriptor: bool,
    ) -> Result<Asker<Streams>, ConnectionDenied> {
        let id = self.manager.next_id();
        let opened = Opened {
            peer: &peer_of(&peer),
            id,
            direction,
            address: address.to_string().into(),
            network: ip(network),
            descriptor,
        };
        let now = self.manager.now();
        self.manager.regulator().connection_opened(now, opened).map_err(ConnectionDenied::new)?;
        self.ids.insert(connection, id);
        self.open.insert(id, (peer, connection));
        Ok(Asker::new(Arc::new(Streams::new(self.manager.clone(), id))))
    }

    fn forget(&mut self, connection: ConnectionId) {
        let Some(id) = self.ids.remove(&connection) else { return };
        self.open.remove(&id);
        self.manager.regulator().connection_closed(self.manager.now(), id);
    }

    fn dial_failed(&self, peer: Option<PeerId>, error: &DialError) {
        if let Some(failure) = dials::failure(error) {
            let is_good = peer.is_some_and(|peer| self.is_good(&peer));
            self.manager.regulator().dialed(self.manager.now(), Err(failure), is_good);
        }
    }

    /// Whether somebody speaks for a peer.
    fn is_good(&self, peer: &PeerId) -> bool {
        let (peer, tags) = (peer_of(peer), self.manager.regulator().manager());
        tags.is_protected(&peer, None) || tags.tag_info(&peer).is_some_and(|info| info.value > 0)
    }

    /// Asks the regulator what is to be done.
    fn drive(&mut self, now: Duration) {
        for action in self.manager.regulator().poll(now) {
            match action {
                Action::Close(eviction) => self.close(eviction),
                Action::Revoke(revocation) => self.callbacks.run(Box::new(|| {
                    // It panics as loudly as any other, and the lock goes in time anyway.
                    let _ = revocation.deliver();
                })),
                Action::QuotaChanged(change) => self.tell(Regulated::QuotaChanged(change)),
                Action::BurstEnded(burst) => self.tell(Regulated::BurstEnded(burst)),
                Action::Pause { until } => self.paused_until = self.paused_until.max(until),
                Action::DialLess => self.tell(Regulated::DialLess),
                _ => {}
            }
        }
    }

    fn close(&mut self, eviction: Eviction) {
        // It may have gone meanwhile.
        let Some((peer_id, connection)) = self.open.get(&eviction.connection).copied() else {
            return;
        };
        let one = CloseConnection::One(connection);
        self.to_do.push_back(ToSwarm::CloseConnection { peer_id, connection: one });
        self.tell(Regulated::Closing { connection, eviction });
    }

    fn tell(&mut self, event: Regulated) {
        self.to_do.push_back(ToSwarm::GenerateEvent(event));
    }

    /// Has the task woken when it is time to look again.
    fn set_timer(&mut self, now: Duration, cx: &mut Context<'_>) {
        let due = self.manager.regulator().next_due().unwrap_or(Duration::MAX);
        let due = due.clamp(now.saturating_add(SHORTEST), now.saturating_add(LONGEST));
        // A time that is set stays, or polls in between would put it off without end.
        if due < self.at || self.at <= now {
            self.at = due;
            self.timer.reset(due.saturating_sub(now));
        }
        if Pin::new(&mut self.timer).poll(cx).is_ready() {
            cx.waker().wake_by_ref();
        }
    }
}

impl fmt::Debug for Regulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Regulation").field("open", &self.open.len()).finish_non_exhaustive()
    }
}

impl NetworkBehaviour for Regulation {
    type ConnectionHandler = Asker<Streams>;
    type ToSwarm = Regulated;

    fn handle_pending_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: &Multiaddr,
        from: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        let left = self.paused_until.saturating_sub(self.manager.now());
        if !left.is_zero() {
            return Err(ConnectionDenied::new(Paused { left }));
        }
        let level = self.manager.regulator().level();
        self.porter.inbound(level, from).map_err(ConnectionDenied::new)
    }

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        // The remote address of a circuit is the peer alone: what it leads over is the local one.
        let address = if ip(remote).is_some() { remote } else { local };
        let descriptor = inbound_uses_descriptor(local, remote);
        self.take_in(connection, peer, Direction::Inbound, address, remote, descriptor)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        _: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        let regulator = self.manager.regulator();
        let is_protected =
            || peer.is_some_and(|peer| regulator.manager().is_protected(&peer_of(&peer), None));
        let admitted = self.porter.outbound(regulator.level(), is_protected, addresses);
        admitted.map(|()| Vec::new()).map_err(ConnectionDenied::new)
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        let descriptor = uses_descriptor(address);
        self.take_in(connection, peer, Direction::Outbound, address, address, descriptor)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(ConnectionEstablished {
                peer_id, endpoint, ..
            }) if endpoint.is_dialer() => {
                let is_good = self.is_good(&peer_id);
                self.manager.regulator().dialed(self.manager.now(), Ok(()), is_good);
            }
            FromSwarm::DialFailure(DialFailure { peer_id, error, connection_id }) => {
                self.dial_failed(peer_id, error);
                self.forget(connection_id);
            }
            FromSwarm::ConnectionClosed(ConnectionClosed { connection_id, .. })
            // Another behaviour may deny a connection after this one has taken it in.
            | FromSwarm::ListenFailure(ListenFailure { connection_id, .. }) => {
                self.forget(connection_id);
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, _: Answered) {}

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Regulated, THandlerInEvent<Self>>> {
        if let Some(next) = self.to_do.pop_front() {
            return Poll::Ready(next);
        }
        let now = self.manager.now();
        if self.manager.take_woken(cx.waker()) || self.at <= now {
            self.drive(now);
            self.at = now;
        }
        if let Some(next) = self.to_do.pop_front() {
            return Poll::Ready(next);
        }
        self.set_timer(now, cx);
        Poll::Pending
    }
}
