//! The usual transports of a node, combined in the right order and limited as a whole.

use std::time::Duration;

use libp2p_core::{
    Transport as _,
    muxing::StreamMuxerBox,
    transport::{Boxed, timeout::TransportTimeout},
};
use libp2p_identity::{Keypair, PeerId};
use rcmgr_core::Accounting;

#[cfg(feature = "yamux")]
use crate::Yamux;
use crate::{AccountedTransport, Config, ConnectionManager};

#[cfg(feature = "yamux")]
mod security;
#[cfg(feature = "yamux")]
mod upgrade;

#[cfg(feature = "yamux")]
use self::{
    security::{Choice, Security},
    upgrade::{Plain, plain, upgraded},
};

/// That of `SwarmBuilder`.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(10);

/// The most that one frame of WebSocket may have: well above the 256 KiB of a yamux window, which
/// no frame of libp2p's own needs, and far below the 256 MiB that a stranger may otherwise send.
#[cfg(feature = "websocket")]
const WEBSOCKET_FRAME: usize = 1 << 20;

/// Connections with their peer and their muxer.
type Authenticated = Boxed<(PeerId, StreamMuxerBox)>;

/// Builds a limited transport of the usual parts, for `SwarmBuilder::with_other_transport`.
///
/// The methods are called in any order: how the parts have to be combined is known here. Each
/// needs the feature of its name; memory and [`with_yamux`](Stack::with_yamux) need `yamux`, which
/// all transports but QUIC bring along. Noise and TLS serve all of these, too; the one that is
/// asked for first is preferred.
///
/// ```
/// use libp2p::{SwarmBuilder, identity::Keypair, relay, swarm::NetworkBehaviour, tcp};
/// use rcmgr_core::{Limits, ResourceManager};
/// use rcmgr_libp2p::{Config, Stack};
///
/// #[derive(NetworkBehaviour)]
/// struct Behaviour {
///     relay: relay::client::Behaviour,
/// }
///
/// let manager = ResourceManager::new(Limits::default());
/// let key = Keypair::generate_ed25519();
/// let (stack, relay) = Stack::new(&key)
///     .with_tls()
///     .with_noise()
///     .with_tcp(tcp::Config::default())
///     .with_quic()
///     .with_dns()
///     .with_websocket()
///     .with_relay_client();
/// let swarm = SwarmBuilder::with_existing_identity(key)
///     .with_tokio()
///     .with_other_transport(|_| Ok(stack.limited_by(manager, Config::default())?))?
///     .with_behaviour(|_| Behaviour { relay })?
///     .build();
/// # drop(swarm);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "a stack becomes a transport when it is `limited_by` an accounting"]
pub struct Stack {
    keypair: Keypair,
    connection_timeout: Duration,
    regulated_by: Option<ConnectionManager>,
    #[cfg(feature = "yamux")]
    security: Vec<Choice>,
    #[cfg(feature = "yamux")]
    yamux: Yamux,
    /// Those whose addresses have no names to resolve.
    #[cfg(feature = "yamux")]
    nameless: Vec<Plain>,
    #[cfg(feature = "tcp")]
    tcp: Option<libp2p_tcp::Config>,
    #[cfg(feature = "websocket")]
    websocket: bool,
    /// Those that have encryption and a muxer of their own.
    complete: Vec<Authenticated>,
    #[cfg(feature = "dns")]
    dns: Option<Resolver>,
}

impl Stack {
    /// A stack without transports, for a node with this identity.
    pub fn new(keypair: &Keypair) -> Self {
        Stack {
            keypair: keypair.clone(),
            connection_timeout: CONNECTION_TIMEOUT,
            regulated_by: None,
            #[cfg(feature = "yamux")]
            security: Vec::new(),
            #[cfg(feature = "yamux")]
            yamux: Yamux::default(),
            #[cfg(feature = "yamux")]
            nameless: Vec::new(),
            #[cfg(feature = "tcp")]
            tcp: None,
            #[cfg(feature = "websocket")]
            websocket: false,
            complete: Vec::new(),
            #[cfg(feature = "dns")]
            dns: None,
        }
    }

    /// Encrypts by noise.
    #[cfg(all(feature = "noise", feature = "yamux"))]
    pub fn with_noise(self) -> Self {
        self.with_security(Choice::Noise)
    }

    /// Encrypts by TLS.
    #[cfg(all(feature = "tls", feature = "yamux"))]
    pub fn with_tls(self) -> Self {
        self.with_security(Choice::Tls)
    }

    #[cfg(all(any(feature = "noise", feature = "tls"), feature = "yamux"))]
    fn with_security(mut self, choice: Choice) -> Self {
        if !self.security.contains(&choice) {
            self.security.push(choice);
        }
        self
    }

    /// Other limits of the muxer than [`Yamux::default()`].
    #[cfg(feature = "yamux")]
    pub fn with_yamux(mut self, yamux: Yamux) -> Self {
        self.yamux = yamux;
        self
    }

    /// TCP.
    #[cfg(feature = "tcp")]
    pub fn with_tcp(mut self, config: libp2p_tcp::Config) -> Self {
        self.tcp = Some(config);
        self
    }

    /// WebSocket, over TCP as [`with_tcp`](Stack::with_tcp) has it, or as is its default.
    ///
    /// It dials plain and secure addresses and listens on plain ones. Names are resolved after the
    /// certificates were asked for them if there is [`with_dns`](Stack::with_dns), and otherwise
    /// not at all; but not what the records of a `/dnsaddr` lead to. A frame has at most 1 MiB.
    #[cfg(feature = "websocket")]
    pub fn with_websocket(mut self) -> Self {
        self.websocket = true;
        self
    }

    /// Connections inside the process, for tests.
    #[cfg(feature = "yamux")]
    pub fn with_memory(mut self) -> Self {
        self.nameless.push(plain(libp2p_core::transport::MemoryTransport::default()));
        self
    }

    /// Connections through relays, and the behaviour that has to be part of the node.
    #[cfg(feature = "relay")]
    pub fn with_relay_client(mut self) -> (Self, libp2p_relay::client::Behaviour) {
        let (transport, behaviour) = libp2p_relay::client::new(self.keypair.public().to_peer_id());
        self.nameless.push(plain(transport));
        (self, behaviour)
    }

    /// QUIC; see [`with_quic_config`](Stack::with_quic_config).
    #[cfg(feature = "quic")]
    pub fn with_quic(self) -> Self {
        self.with_quic_config(std::convert::identity)
    }

    /// QUIC, with changes to its configuration.
    ///
    /// It brings its own encryption and muxer. What the remote party may make this node hold is up
    /// to `max_stream_data` for a stream, 10 MB by default, and `max_connection_data` for a
    /// connection, 15 MB by default. Nothing of that is reserved beyond the
    /// [base memory](crate::BaseMemory).
    ///
    /// An inbound connection cannot be refused for free, as one of TCP can: libp2p has already
    /// begun the handshake, and answers a refusal by closing.
    #[cfg(feature = "quic")]
    pub fn with_quic_config(
        mut self,
        change: impl FnOnce(libp2p_quic::Config) -> libp2p_quic::Config,
    ) -> Self {
        let config = change(libp2p_quic::Config::new(&self.keypair));
        let quic = libp2p_quic::tokio::Transport::new(config);
        let quic = quic.map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer))).boxed();
        self.complete.push(quic);
        self
    }

    /// Resolves names as the machine does, for TCP, QUIC and WebSocket.
    #[cfg(feature = "dns")]
    pub fn with_dns(mut self) -> Self {
        self.dns = Some(Resolver::System);
        self
    }

    /// Resolves names as this says, for TCP, QUIC and WebSocket.
    #[cfg(feature = "dns")]
    pub fn with_dns_config(
        mut self,
        config: libp2p_dns::ResolverConfig,
        options: libp2p_dns::ResolverOpts,
    ) -> Self {
        self.dns = Some(Resolver::Custom(Box::new((config, options))));
        self
    }

    /// How long a connection may take, from its dial or from when it is accepted, until it has its
    /// peer and its muxer. It holds its account for that long.
    ///
    /// The default is 10 seconds, that of `SwarmBuilder`, which has a timeout of its own around
    /// this: the shorter one decides. A node without `SwarmBuilder` has none but this.
    pub fn with_connection_timeout(mut self, timeout: Duration) -> Self {
        self.connection_timeout = timeout;
        self
    }

    /// Has worse connections closed for better ones that the system scope refuses, as
    /// [`AccountedTransport::regulated_by`] does. The manager needs its behaviour,
    /// [`Regulation`](crate::Regulation), too.
    pub fn regulated_by(mut self, manager: &ConnectionManager) -> Self {
        self.regulated_by = Some(manager.clone());
        self
    }

    /// The transport, all of whose connections and streams are asked of `accounting`, as an
    /// [`AccountedTransport`] does.
    ///
    /// The [growth](Yamux::growth) of yamux windows is added to [`Config::window_growth`].
    ///
    /// # Errors
    /// A part is missing, or one cannot be made; nothing is opened before the transport listens or
    /// dials.
    pub fn limited_by<A: Accounting>(
        self,
        accounting: A,
        #[cfg_attr(not(feature = "yamux"), expect(unused_mut, reason = "nothing is added"))]
        mut config: Config,
    ) -> Result<Boxed<(PeerId, StreamMuxerBox)>, StackError> {
        #[cfg(feature = "yamux")]
        {
            config.window_growth = config.window_growth.saturating_add(self.yamux.growth);
        }
        let (timeout, regulated_by) = (self.connection_timeout, self.regulated_by.clone());
        let transport = TransportTimeout::new(self.combined()?, timeout);
        let mut limited = AccountedTransport::new(transport, accounting, config);
        if let Some(manager) = regulated_by {
            limited = limited.regulated_by(&manager);
        }
        Ok(limited.map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer))).boxed())
    }

    /// Everything at once.
    ///
    /// The dial of DNS always answers with a future, so nothing after it is ever asked: it comes
    /// last, around what it resolves names for. WebSocket comes before it and resolves by itself,
    /// since certificates are for names.
    fn combined(mut self) -> Result<Authenticated, StackError> {
        let (mut all, mut named) = self.byte_streams()?;
        named.append(&mut self.complete);
        if let Some(named) = choice(named) {
            all.push(self.resolved(named)?);
        }
        choice(all).ok_or(StackError::NoTransport)
    }

    /// The transports that need encryption and a muxer: those whose addresses nobody has to
    /// resolve, and the rest.
    #[cfg(feature = "yamux")]
    fn byte_streams(&mut self) -> Result<(Vec<Authenticated>, Vec<Authenticated>), StackError> {
        #[cfg(feature = "websocket")]
        if self.websocket {
            let websocket = self.websocket()?;
            self.nameless.push(websocket);
        }
        #[cfg(feature = "tcp")]
        let tcp = self.tcp.take().map(|config| plain(libp2p_tcp::tokio::Transport::new(config)));
        #[cfg(not(feature = "tcp"))]
        let tcp = None;
        if self.nameless.is_empty() && tcp.is_none() {
            return Ok((Vec::new(), Vec::new()));
        }
        let security = Security::new(&self.security, &self.keypair)?;
        let upgraded = |transport| upgraded(transport, security.clone(), self.yamux);
        Ok((
            self.nameless.drain(..).map(upgraded).collect(),
            tcp.into_iter().map(upgraded).collect(),
        ))
    }

    #[cfg(not(feature = "yamux"))]
    fn byte_streams(&mut self) -> Result<(Vec<Authenticated>, Vec<Authenticated>), StackError> {
        Ok((Vec::new(), Vec::new()))
    }

    #[cfg(feature = "dns")]
    fn resolved(self, transport: Authenticated) -> Result<Authenticated, StackError> {
        match self.dns {
            Some(resolver) => Ok(resolver.over(transport)?.boxed()),
            None => Ok(transport),
        }
    }

    #[cfg(not(feature = "dns"))]
    fn resolved(self, transport: Authenticated) -> Result<Authenticated, StackError> {
        Ok(transport)
    }

    #[cfg(feature = "websocket")]
    fn websocket(&self) -> Result<Plain, StackError> {
        let tcp = libp2p_tcp::tokio::Transport::new(self.tcp.clone().unwrap_or_default());
        #[cfg(feature = "dns")]
        let tcp = match &self.dns {
            Some(resolver) => resolver.clone().over(tcp)?.boxed(),
            None => tcp.boxed(),
        };
        let mut websocket = libp2p_websocket::Config::new(tcp);
        websocket.set_max_data_size(WEBSOCKET_FRAME);
        Ok(plain(websocket))
    }
}

/// Who resolves names.
#[cfg(feature = "dns")]
#[derive(Clone)]
enum Resolver {
    System,
    Custom(Box<(libp2p_dns::ResolverConfig, libp2p_dns::ResolverOpts)>),
}

#[cfg(feature = "dns")]
impl Resolver {
    fn over<T>(self, transport: T) -> Result<libp2p_dns::tokio::Transport<T>, StackError> {
        use libp2p_dns::tokio::Transport;

        match self {
            Resolver::System => Transport::system(transport).map_err(StackError::Dns),
            Resolver::Custom(custom) => {
                let (config, options) = *custom;
                Ok(Transport::custom(transport, config, options))
            }
        }
    }
}

/// Why a [`Stack`] gives no transport.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StackError {
    /// It has none.
    #[error("the stack has no transport: add one, by `with_tcp` or `with_quic` for example")]
    NoTransport,
    /// It has transports that do not encrypt by themselves, and nothing else does.
    #[cfg(feature = "yamux")]
    #[error("the stack has transports without encryption: add `with_noise` or `with_tls`")]
    NoSecurity,
    /// The identity of the node cannot sign the keys of noise.
    #[cfg(all(feature = "noise", feature = "yamux"))]
    #[error("the identity of this node does not do for noise")]
    Noise(#[source] libp2p_noise::Error),
    /// There is no certificate for the identity of the node.
    #[cfg(all(feature = "tls", feature = "yamux"))]
    #[error("no certificate for TLS was made from the identity of this node")]
    Tls(#[source] libp2p_tls::certificate::GenError),
    /// The machine does not say how it resolves names.
    #[cfg(feature = "dns")]
    #[error("how this machine resolves names was not found out: say it by `with_dns_config`")]
    Dns(#[source] std::io::Error),
}

/// The first of these that supports an address has it.
fn choice<T: Send + 'static>(transports: Vec<Boxed<T>>) -> Option<Boxed<T>> {
    transports
        .into_iter()
        .reduce(|first, next| first.or_transport(next).map(|either, _| either.into_inner()).boxed())
}
