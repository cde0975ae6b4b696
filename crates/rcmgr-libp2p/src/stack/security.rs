//! Noise and TLS as one upgrade, whose outcome does not say which of them it was.

#![cfg_attr(
    not(any(feature = "noise", feature = "tls")),
    allow(dead_code, unused_variables, reason = "there is no protocol to upgrade by")
)]

use std::{future::Future, pin::Pin, sync::Arc};

use futures_io::{AsyncRead, AsyncWrite};
use libp2p_core::upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade, UpgradeInfo};
use libp2p_identity::{Keypair, PeerId};

use super::StackError;

/// <https://github.com/libp2p/specs/blob/master/noise/README.md>
#[cfg(feature = "noise")]
const NOISE: &str = "/noise";
/// <https://github.com/libp2p/specs/blob/master/tls/tls.md>
#[cfg(feature = "tls")]
const TLS: &str = "/tls/1.0.0";

/// A security protocol that the application asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    #[cfg(feature = "noise")]
    Noise,
    #[cfg(feature = "tls")]
    Tls,
}

/// The security protocols of a node, the preferred one first.
#[derive(Clone)]
pub(super) struct Security(Arc<[Protocol]>);

/// A protocol with the keys of the node; the name is what negotiations know it by.
#[derive(Clone)]
pub(super) enum Protocol {
    #[cfg(feature = "noise")]
    Noise(libp2p_noise::Config),
    #[cfg(feature = "tls")]
    Tls(libp2p_tls::Config),
}

/// A byte stream, whatever it is made of.
pub(super) trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Socket for S {}

/// The error of a handshake.
#[derive(Debug, thiserror::Error)]
pub(super) enum HandshakeError {
    #[cfg(feature = "noise")]
    #[error("the noise handshake failed")]
    Noise(#[from] libp2p_noise::Error),
    #[cfg(feature = "tls")]
    #[error("the TLS handshake failed")]
    Tls(#[from] libp2p_tls::UpgradeError),
}

type Handshake =
    Pin<Box<dyn Future<Output = Result<(PeerId, Box<dyn Socket>), HandshakeError>> + Send>>;

impl Security {
    /// The chosen protocols with what the identity says in them.
    pub(super) fn new(choices: &[Choice], keypair: &Keypair) -> Result<Self, StackError> {
        let protocol = |choice: &Choice| match *choice {
            #[cfg(feature = "noise")]
            Choice::Noise => {
                libp2p_noise::Config::new(keypair).map(Protocol::Noise).map_err(StackError::Noise)
            }
            #[cfg(feature = "tls")]
            Choice::Tls => {
                libp2p_tls::Config::new(keypair).map(Protocol::Tls).map_err(StackError::Tls)
            }
        };
        if choices.is_empty() {
            return Err(StackError::NoSecurity);
        }
        choices.iter().map(protocol).collect::<Result<_, _>>().map(Security)
    }
}

impl AsRef<str> for Protocol {
    fn as_ref(&self) -> &str {
        match *self {
            #[cfg(feature = "noise")]
            Protocol::Noise(_) => NOISE,
            #[cfg(feature = "tls")]
            Protocol::Tls(_) => TLS,
        }
    }
}

impl UpgradeInfo for Security {
    type Info = Protocol;
    type InfoIter = Vec<Protocol>;

    fn protocol_info(&self) -> Self::InfoIter {
        self.0.to_vec()
    }
}

impl<C> InboundConnectionUpgrade<C> for Security
where
    C: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    type Output = (PeerId, Box<dyn Socket>);
    type Error = HandshakeError;
    type Future = Handshake;

    fn upgrade_inbound(self, socket: C, agreed: Protocol) -> Handshake {
        match agreed {
            #[cfg(feature = "noise")]
            Protocol::Noise(config) => handshake(config.upgrade_inbound(socket, NOISE)),
            #[cfg(feature = "tls")]
            Protocol::Tls(config) => handshake(config.upgrade_inbound(socket, TLS)),
        }
    }
}

impl<C> OutboundConnectionUpgrade<C> for Security
where
    C: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    type Output = (PeerId, Box<dyn Socket>);
    type Error = HandshakeError;
    type Future = Handshake;

    fn upgrade_outbound(self, socket: C, agreed: Protocol) -> Handshake {
        match agreed {
            #[cfg(feature = "noise")]
            Protocol::Noise(config) => handshake(config.upgrade_outbound(socket, NOISE)),
            #[cfg(feature = "tls")]
            Protocol::Tls(config) => handshake(config.upgrade_outbound(socket, TLS)),
        }
    }
}

fn handshake<F, S, E>(upgrade: F) -> Handshake
where
    F: Future<Output = Result<(PeerId, S), E>> + Send + 'static,
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    HandshakeError: From<E>,
{
    Box::pin(async move {
        let (peer, socket) = upgrade.await?;
        Ok((peer, Box::new(socket) as Box<dyn Socket>))
    })
}
