//! The way from a `ConnectionId`, as a swarm gives it, to the account of the connection.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{Arc, OnceLock, Weak},
    task::{Context, Poll},
};

use libp2p_core::{Endpoint, Multiaddr, transport::PortUse};
use libp2p_identity::PeerId;
use libp2p_swarm::{
    ConnectionDenied, ConnectionId, DialFailure, FromSwarm, ListenFailure, NetworkBehaviour,
    THandler, THandlerInEvent, ToSwarm, behaviour::ConnectionClosed,
};
use rcmgr_core::Accounting;

use crate::{
    AccountRef,
    asked::{self, Asking, Note},
    asker::{Answered, Asker},
};

/// A behaviour that finds the account of a connection by its [`ConnectionId`].
///
/// `A` is the accounting of the [`AccountedTransport`](crate::AccountedTransport); with a
/// [`ResourceManager`](rcmgr_core::ResourceManager) the account is a
/// [`ConnectionScope`](rcmgr_core::ConnectionScope), in which memory is reserved and spans are
/// begun. The behaviour opens no stream and keeps no connection alive.
///
/// An account is known from shortly after `ConnectionEstablished`, when this behaviour's event
/// [`Known`] says so, until the connection is closed. Connections of transports that are not
/// accounted, or accounted by another type, never become known. One is enough for a node: of two for
/// the same accounting, only one learns of a connection.
///
/// ```
/// use libp2p::{ping, swarm::{NetworkBehaviour, SwarmEvent}};
/// use rcmgr_core::{Error, Priority, Reservation, ResourceManager};
/// use rcmgr_libp2p::{Connections, Known};
///
/// #[derive(NetworkBehaviour)]
/// struct Behaviour {
///     ping: ping::Behaviour,
///     connections: Connections<ResourceManager>,
/// }
///
/// /// Room for a cache beside the connection, given back with it at the latest.
/// fn on_known(behaviour: &Behaviour, event: &Known) -> Result<Option<Reservation<'static>>, Error> {
///     let Some(scope) = behaviour.connections.scope_of(event.connection) else { return Ok(None) };
///     Ok(Some(scope.reserve_memory(1 << 20, Priority::MEDIUM)?.into_owned()))
/// }
/// ```
pub struct Connections<A: Accounting> {
    open: HashMap<ConnectionId, Arc<Place<A>>>,
    events: VecDeque<Known>,
}

/// The account of a connection is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Whose connection it is.
    pub peer: PeerId,
    /// What [`Connections::scope_of`] knows from now on.
    pub connection: ConnectionId,
}

impl<A: Accounting> Connections<A> {
    /// Knows no connection yet.
    pub fn new() -> Self {
        Connections { open: HashMap::new(), events: VecDeque::new() }
    }

    /// The account of an open connection.
    ///
    /// `None` if the connection is not open, or not known yet: see [`Connections`].
    pub fn scope_of(&self, connection: ConnectionId) -> Option<AccountRef<'_, A::Connection>> {
        let account = self.open.get(&connection)?.get()?.upgrade()?;
        Some(AccountRef::new(account))
    }

    fn handler(&mut self, connection: ConnectionId) -> Asker<Place<A>> {
        let place = Arc::new(Place::<A>::new());
        self.open.insert(connection, place.clone());
        Asker::new(place)
    }
}

impl<A: Accounting> Default for Connections<A> {
    fn default() -> Self {
        Connections::new()
    }
}

impl<A: Accounting> fmt::Debug for Connections<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").field("open", &self.open.len()).finish_non_exhaustive()
    }
}

/// Where the muxer of a connection leaves its account, which stays the muxer's.
type Place<A> = OnceLock<Weak<<A as Accounting>::Connection>>;

impl<C: Send + Sync + 'static> Note for OnceLock<Weak<C>> {
    const ASKING: Asking = Asking::Account;

    fn is_answered(&self) -> bool {
        self.get().is_some()
    }
}

/// Leaves the account of the connection that is being polled where its handler asks for it, if it
/// asks. Says whether it did.
pub(crate) fn answer<A: Accounting>(account: &Arc<A::Connection>, cx: &Context<'_>) -> bool {
    let Some((place, task)) = asked::take::<Place<A>>(cx) else { return false };
    // Set before only if another muxer of this connection has answered, around this one.
    let _ = place.set(Arc::downgrade(account));
    // For the handler to see it.
    task.wake();
    true
}

impl<A: Accounting> NetworkBehaviour for Connections<A> {
    type ConnectionHandler = Asker<Place<A>>;
    type ToSwarm = Known;

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(connection))
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(self.handler(connection))
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        let (FromSwarm::ConnectionClosed(ConnectionClosed { connection_id, .. })
        // Another behaviour may deny a connection after this one has made its handler.
        | FromSwarm::ListenFailure(ListenFailure { connection_id, .. })
        | FromSwarm::DialFailure(DialFailure { connection_id, .. })) = event
        else {
            return;
        };
        self.open.remove(&connection_id);
    }

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        connection: ConnectionId,
        Answered: Answered,
    ) {
        self.events.push_back(Known { peer, connection });
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Known, THandlerInEvent<Self>>> {
        match self.events.pop_front() {
            Some(known) => Poll::Ready(ToSwarm::GenerateEvent(known)),
            // What comes, comes by the swarm, which polls again then.
            None => Poll::Pending,
        }
    }
}
