//! The transport: every connection has an account before its handshake.

use std::{
    net::IpAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

use libp2p_core::{
    Multiaddr,
    multiaddr::Protocol,
    muxing::StreamMuxer,
    transport::{self, DialOpts, ListenerId, Transport, TransportEvent},
};
use libp2p_identity::PeerId;
use rcmgr_core::{Accounting, ConnectionRequest, Direction, Error, MemoryAccount};

use crate::{
    AccountedMuxer, AccountedUpgrade, Carrier, Config, ConnectionManager, InboundRefusal,
    TransportError,
    held::Held,
    muxer::ConnectionMemory,
    peer_of,
    room::{Place, Rooms},
    transport_of::transport_of,
};

/// Silent refusals in one poll, so that a flood of connections leaves the task its turn.
const REFUSALS_PER_POLL: usize = 32;

/// An authenticated transport whose connections and streams are limited by an accounting.
///
/// It wraps whatever gives a peer and a muxer, so it comes last, around everything that the node
/// dials and listens with; see the [crate's page](crate).
#[pin_project::pin_project]
#[derive(Debug)]
pub struct AccountedTransport<T, A> {
    #[pin]
    inner: T,
    terms: Terms<A>,
}

impl<T, A> AccountedTransport<T, A> {
    /// Wraps `transport`; connections and streams are asked of `accounting`.
    pub fn new(transport: T, accounting: A, config: Config) -> Self {
        let (config, started) = (Arc::new(config), Instant::now());
        let terms = Terms { accounting, config, started, rooms: None };
        AccountedTransport { inner: transport, terms }
    }

    /// Has worse connections closed for better ones that the system scope refuses.
    ///
    /// This is for the limits on connections (of any direction) and on descriptors of the system
    /// scope. Refusals of other scopes, of memory, of rates and of limits by address stay: closing a
    /// connection of somebody else is no remedy. So do those of connections that the allowlist
    /// admitted, which have a system scope of their own.
    ///
    /// A newcomer that is refused is compared with those who are there
    /// ([`Regulator::make_room`](rcmgr_connmgr::Regulator::make_room)): a dial by what is known of
    /// its peer, if the address names it; an inbound connection, whose peer the handshake has yet to
    /// tell, as a stranger from its network. If one of them is worth so much less that it has to go,
    /// [`Regulation`](crate::Regulation) closes it, and the newcomer waits until there is room, for a
    /// second at most; then it has what it was refused. At most 16 newcomers wait at a time, and
    /// nobody else gets the room that they wait for. The regulator bounds how often others may ask.
    #[must_use]
    pub fn regulated_by(mut self, manager: &ConnectionManager) -> Self {
        self.terms.rooms = Some(Arc::new(Rooms::new(manager.clone())));
        self
    }
}

/// Whom to ask and for what.
#[derive(Clone, Debug)]
pub(crate) struct Terms<A> {
    pub(crate) accounting: A,
    pub(crate) config: Arc<Config>,
    /// What the times of connections are counted from.
    started: Instant,
    /// Where newcomers wait for room, if room is made.
    rooms: Option<Arc<Rooms>>,
}

/// What becomes of a connection that is asked for.
pub(crate) enum Admission<A: Accounting> {
    Open(Held<A::Connection>),
    /// Room is being made.
    Waits(Place),
    Refused(Error),
}

impl<A: Accounting> Terms<A> {
    /// A connection's account with its memory.
    pub(crate) fn open_connection(
        &self,
        request: ConnectionRequest,
        transport: rcmgr_core::Transport,
    ) -> Result<Held<A::Connection>, Error> {
        let account = self.accounting.open_connection(request.at(self.started.elapsed()))?;
        let bytes = self.config.base_memory.get(transport, Carrier::Connection);
        Held::reserve(account, bytes, self.config.memory_priority)
    }

    /// A connection's account, or a place among those who wait for one.
    pub(crate) fn admit(
        &self,
        request: ConnectionRequest,
        transport: rcmgr_core::Transport,
        peer: Option<PeerId>,
    ) -> Admission<A> {
        let before = self.rooms.as_ref().and_then(|rooms| rooms.refused_before(&request));
        let opened = before.map_or_else(|| self.open_connection(request, transport), Err);
        match (opened, &self.rooms) {
            (Ok(held), _) => Admission::Open(held),
            (Err(error), None) => Admission::Refused(error),
            (Err(error), Some(rooms)) => {
                match rooms.make(&request, peer.map(|peer| peer_of(&peer)).as_ref(), error) {
                    Ok(place) => Admission::Waits(place),
                    Err(error) => Admission::Refused(error),
                }
            }
        }
    }

    /// What an open connection reserves for its muxer's windows to grow.
    pub(crate) fn grow(
        &self,
        held: &Held<A::Connection>,
        transport: rcmgr_core::Transport,
    ) -> Result<Option<ConnectionMemory<A>>, Error> {
        use rcmgr_core::Transport::{Memory, Other, Relay, Tcp, Websocket};

        let bytes = self.config.window_growth;
        if bytes == 0 || !matches!(transport, Tcp | Websocket | Relay | Memory | Other) {
            return Ok(None);
        }
        held.account().reserve_memory(bytes, self.config.memory_priority).map(Some)
    }

    /// A stream's account with its memory.
    pub(crate) fn open_stream(
        &self,
        peer: &[u8],
        direction: Direction,
        transport: rcmgr_core::Transport,
    ) -> Result<Held<A::Stream>, Error> {
        let account = self.accounting.open_stream(peer, direction)?;
        let bytes = self.config.base_memory.get(transport, Carrier::Stream);
        Held::reserve(account, bytes, self.config.memory_priority)
    }
}

impl<T, M, A> Transport for AccountedTransport<T, A>
where
    T: Transport<Output = (PeerId, M)>,
    T::Error: 'static,
    M: StreamMuxer,
    A: Accounting,
{
    type Output = (PeerId, AccountedMuxer<M, A>);
    type Error = TransportError<T::Error>;
    type ListenerUpgrade = AccountedUpgrade<T::ListenerUpgrade, A>;
    type Dial = AccountedUpgrade<T::Dial, A>;

    fn listen_on(
        &mut self,
        id: ListenerId,
        addr: Multiaddr,
    ) -> Result<(), transport::TransportError<Self::Error>> {
        self.inner.listen_on(id, addr).map_err(|error| error.map(TransportError::Transport))
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        self.inner.remove_listener(id)
    }

    fn dial(
        &mut self,
        addr: Multiaddr,
        opts: DialOpts,
    ) -> Result<Self::Dial, transport::TransportError<Self::Error>> {
        let request = request(ConnectionRequest::outbound(), &addr, uses_descriptor(&addr));
        let (transport, peer) = (transport_of(&addr), peer(&addr));
        let dial =
            self.inner.dial(addr, opts).map_err(|error| error.map(TransportError::Transport))?;
        Ok(AccountedUpgrade::outbound(dial, request, transport, peer, self.terms.clone()))
    }

    fn poll(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<TransportEvent<Self::ListenerUpgrade, Self::Error>> {
        let mut this = self.project();
        for _ in 0..REFUSALS_PER_POLL {
            let event = match ready!(this.inner.as_mut().poll(cx)) {
                TransportEvent::Incoming { listener_id, upgrade, local_addr, send_back_addr } => {
                    let request = inbound_request(&local_addr, &send_back_addr);
                    let transport = transport_of(&local_addr);
                    let terms = this.terms.clone();
                    let upgrade =
                        match AccountedUpgrade::inbound(upgrade, request, transport, terms) {
                            Ok(upgrade) => upgrade,
                            Err(error) => match this.terms.config.inbound_refusal {
                                InboundRefusal::Silent => continue,
                                InboundRefusal::Event => AccountedUpgrade::refused(error),
                            },
                        };
                    TransportEvent::Incoming { listener_id, upgrade, local_addr, send_back_addr }
                }
                TransportEvent::NewAddress { listener_id, listen_addr } => {
                    TransportEvent::NewAddress { listener_id, listen_addr }
                }
                TransportEvent::AddressExpired { listener_id, listen_addr } => {
                    TransportEvent::AddressExpired { listener_id, listen_addr }
                }
                TransportEvent::ListenerClosed { listener_id, reason } => {
                    let reason = reason.map_err(TransportError::Transport);
                    TransportEvent::ListenerClosed { listener_id, reason }
                }
                TransportEvent::ListenerError { listener_id, error } => {
                    let error = TransportError::Transport(error);
                    TransportEvent::ListenerError { listener_id, error }
                }
            };
            return Poll::Ready(event);
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// A circuit's remote address is the peer alone; that it is a circuit stands in the local one.
fn inbound_request(local: &Multiaddr, remote: &Multiaddr) -> ConnectionRequest {
    request(ConnectionRequest::inbound(), remote, inbound_uses_descriptor(local, remote))
}

/// Whether an inbound connection [has a socket of its own](uses_descriptor).
pub(crate) fn inbound_uses_descriptor(local: &Multiaddr, remote: &Multiaddr) -> bool {
    uses_descriptor(local) && !is_relayed(remote)
}

fn request(request: ConnectionRequest, remote: &Multiaddr, descriptor: bool) -> ConnectionRequest {
    let request = if descriptor { request.with_file_descriptor() } else { request };
    ip(remote).map_or(request, |ip| request.with_ip(ip))
}

/// The address of the remote party, unless it has to be resolved first, or is behind a relay: the
/// address that stands there is the relay's.
pub(crate) fn ip(address: &Multiaddr) -> Option<IpAddr> {
    let mut parts = address.iter();
    let ip = match parts.find(|part| !matches!(part, Protocol::Ip6zone(_)))? {
        Protocol::Ip4(ip) => ip.into(),
        Protocol::Ip6(ip) => ip.into(),
        _ => return None,
    };
    (!is_relayed(address)).then_some(ip)
}

/// Who is dialed, if the address says so.
fn peer(address: &Multiaddr) -> Option<PeerId> {
    match address.iter().last()? {
        Protocol::P2p(peer) => Some(peer),
        _ => None,
    }
}

/// Whether a connection over this address has a socket of its own: those of QUIC share one, a
/// circuit runs in a stream of the connection to its relay.
pub(crate) fn uses_descriptor(address: &Multiaddr) -> bool {
    let has_socket =
        address.iter().any(|part| matches!(part, Protocol::Tcp(_) | Protocol::Unix(_)));
    has_socket && !is_relayed(address)
}

fn is_relayed(address: &Multiaddr) -> bool {
    address.iter().any(|part| matches!(part, Protocol::P2pCircuit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_and_ips_follow_the_address() {
        let relay = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";
        let v4 = Some([127, 0, 0, 1].into());
        let v6 = Some(std::net::Ipv6Addr::LOCALHOST.into());
        let cases = [
            ("/ip4/127.0.0.1/tcp/4001", true, v4),
            ("/ip6/::1/tcp/4001/wss", true, v6),
            ("/ip6zone/eth0/ip6/::1/tcp/4001", true, v6),
            ("/dns4/example.com/tcp/443/wss", true, None),
            ("/unix/run%2Fnode.sock", true, None),
            ("/ip4/127.0.0.1/udp/4001/quic-v1", false, v4),
            ("/memory/7", false, None),
            (&format!("/ip4/127.0.0.1/tcp/4001/p2p/{relay}/p2p-circuit"), false, None),
            (&format!("/p2p/{relay}"), false, None),
        ];
        for (address, descriptor, expected) in cases {
            let address = address.parse().unwrap();
            assert_eq!(uses_descriptor(&address), descriptor, "{address}");
            assert_eq!(ip(&address), expected, "{address}");
        }
    }
}
