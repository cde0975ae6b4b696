//! What transports and muxers need of an accounting: a small trait that
//! [`ResourceManager`](crate::ResourceManager) implements, that [`Disabled`] implements by
//! admitting everything, and that an application may implement by its own means.

use core::time::Duration;
use std::net::IpAddr;

use crate::{Direction, Error, Priority};

/// What is known of a connection when it is opened.
///
/// ```
/// use rcmgr_core::ConnectionRequest;
///
/// let started = std::time::Instant::now();
/// // … for each connection that is accepted …
/// let accepted = ConnectionRequest::inbound()
///     .with_file_descriptor()
///     .with_ip([192, 0, 2, 7].into())
///     .at(started.elapsed());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use]
pub struct ConnectionRequest {
    direction: Direction,
    file_descriptor: bool,
    ip: Option<IpAddr>,
    now: Option<Duration>,
}

impl ConnectionRequest {
    /// A connection of the given direction that uses no file descriptor.
    pub const fn new(direction: Direction) -> Self {
        ConnectionRequest { direction, file_descriptor: false, ip: None, now: None }
    }

    /// A connection that the remote party opens.
    pub const fn inbound() -> Self {
        Self::new(Direction::Inbound)
    }

    /// A connection that this node opens.
    pub const fn outbound() -> Self {
        Self::new(Direction::Outbound)
    }

    /// The connection uses one file descriptor, as TCP does; QUIC and relayed ones use none.
    pub const fn with_file_descriptor(self) -> Self {
        ConnectionRequest { file_descriptor: true, ..self }
    }

    /// The address of the remote party, by which its connections are limited and allowed. An IPv4
    /// address that is mapped into IPv6 counts as IPv4. Relayed connections have none: the address
    /// in theirs is the relay's.
    pub const fn with_ip(self, ip: IpAddr) -> Self {
        ConnectionRequest { ip: Some(ip.to_canonical()), ..self }
    }

    /// When the connection is opened, counted from any moment that is the same for all calls to
    /// one manager; without it, rates are not asked. A moment before an earlier call's is taken as
    /// it is, and finds fuller counts.
    pub const fn at(self, now: Duration) -> Self {
        ConnectionRequest { now: Some(now), ..self }
    }

    /// Who opens it.
    pub const fn direction(&self) -> Direction {
        self.direction
    }

    /// Whether it uses a file descriptor.
    pub const fn uses_file_descriptor(&self) -> bool {
        self.file_descriptor
    }

    /// The address of the remote party, IPv4 where it is mapped.
    pub const fn ip(&self) -> Option<IpAddr> {
        self.ip
    }

    /// When it is opened.
    pub const fn time(&self) -> Option<Duration> {
        self.now
    }
}

/// Opens connections and streams under limits.
pub trait Accounting: Clone + Send + Sync + 'static {
    /// The account of one connection; dropping it gives back all that it holds.
    type Connection: ConnectionAccount;
    /// The account of one stream; dropping it gives back all that it holds.
    type Stream: StreamAccount;

    /// Whether the remote party should prove, before the handshake, that its address is not
    /// spoofed: by QUIC's retry, for example. `now` is counted as in [`ConnectionRequest::at`].
    ///
    /// By default none has to.
    fn verify_source_address(&self, ip: IpAddr, now: Duration) -> bool {
        let _ = (ip, now);
        false
    }

    /// Accounts a connection whose peer is not known yet. Call it before the handshake.
    ///
    /// # Errors
    /// The first scope, rate or limit by address that has no room, and nothing is accounted.
    fn open_connection(&self, request: ConnectionRequest) -> Result<Self::Connection, Error>;

    /// Accounts a stream of a known peer whose protocol is not known yet.
    ///
    /// # Errors
    /// The first scope that has no room, and nothing is accounted.
    fn open_stream(&self, peer: &[u8], direction: Direction) -> Result<Self::Stream, Error>;
}

/// An account that reserves memory.
pub trait MemoryAccount: Send + Sync + 'static {
    /// Reserved memory; dropping it releases it. It may outlive the account, which takes it
    /// along when it is dropped.
    type Memory: Send + Sync + 'static;

    /// Reserves `bytes`, 0 included: a scope that is over its threshold refuses even 0.
    ///
    /// # Errors
    /// The first scope that has no room, and nothing is reserved.
    fn reserve_memory(&self, bytes: u64, priority: Priority) -> Result<Self::Memory, Error>;
}

/// The account of one connection.
pub trait ConnectionAccount: MemoryAccount {
    /// Attaches the connection to its peer, once the handshake has proved it.
    ///
    /// # Errors
    /// The peer's refusal, which leaves the connection as it was; [`Error::AlreadyAttached`].
    fn set_peer(&self, peer: &[u8]) -> Result<(), Error>;
}

/// The account of one stream.
pub trait StreamAccount: MemoryAccount {
    /// Attaches the stream to its protocol, once it is negotiated.
    ///
    /// # Errors
    /// The refusal of the protocol, which leaves the stream as it was;
    /// [`Error::AlreadyAttached`].
    fn set_protocol(&self, protocol: &str) -> Result<(), Error>;

    /// Attaches the stream to a service, after its protocol.
    ///
    /// # Errors
    /// The refusal of the service, which leaves the stream as it was; [`Error::NoProtocol`];
    /// [`Error::AlreadyAttached`].
    fn set_service(&self, service: &str) -> Result<(), Error>;
}

/// An accounting that admits everything and counts nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Disabled;

impl Accounting for Disabled {
    type Connection = Disabled;
    type Stream = Disabled;

    fn open_connection(&self, _: ConnectionRequest) -> Result<Disabled, Error> {
        Ok(Disabled)
    }

    fn open_stream(&self, _: &[u8], _: Direction) -> Result<Disabled, Error> {
        Ok(Disabled)
    }
}

impl MemoryAccount for Disabled {
    type Memory = Disabled;

    fn reserve_memory(&self, _: u64, _: Priority) -> Result<Disabled, Error> {
        Ok(Disabled)
    }
}

impl ConnectionAccount for Disabled {
    fn set_peer(&self, _: &[u8]) -> Result<(), Error> {
        Ok(())
    }
}

impl StreamAccount for Disabled {
    fn set_protocol(&self, _: &str) -> Result<(), Error> {
        Ok(())
    }

    fn set_service(&self, _: &str) -> Result<(), Error> {
        Ok(())
    }
}
