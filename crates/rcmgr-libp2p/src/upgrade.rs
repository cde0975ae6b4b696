//! The future of a connection: an account before the handshake, its peer after it.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use libp2p_core::muxing::StreamMuxer;
use libp2p_identity::PeerId;
use rcmgr_core::{Accounting, ConnectionAccount, ConnectionRequest, Error};

use crate::{AccountedMuxer, Transport, TransportError, held::Held, transport::Terms};

/// A pending connection of an [`AccountedTransport`](crate::AccountedTransport).
///
/// It holds the connection's account for as long as the handshake lasts; dropping it gives the
/// account back.
#[pin_project::pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct AccountedUpgrade<F, A: Accounting>(#[pin] State<F, A>);

#[pin_project::pin_project(project = StateProjection)]
enum State<F, A: Accounting> {
    Running {
        // Before the account, so that the socket is closed by when the account says so.
        #[pin]
        upgrade: F,
        request: ConnectionRequest,
        transport: Transport,
        /// `None` until a dial is polled: the swarm makes more dials than it runs at once.
        held: Option<Held<A::Connection>>,
        terms: Terms<A>,
    },
    Refused(Error),
    Done,
}

impl<F, A: Accounting> AccountedUpgrade<F, A> {
    /// An outbound connection; its account is opened when it is first polled.
    pub(crate) fn outbound(
        upgrade: F,
        request: ConnectionRequest,
        transport: Transport,
        terms: Terms<A>,
    ) -> Self {
        AccountedUpgrade(State::Running { upgrade, request, transport, held: None, terms })
    }

    /// An inbound connection, which has its account from the start or gets no upgrade at all.
    ///
    /// # Errors
    /// The refusal; the upgrade is dropped, which closes the connection.
    pub(crate) fn inbound(
        upgrade: F,
        request: ConnectionRequest,
        transport: Transport,
        terms: Terms<A>,
    ) -> Result<Self, Error> {
        let held = Some(terms.open_connection(request, transport)?);
        Ok(AccountedUpgrade(State::Running { upgrade, request, transport, held, terms }))
    }

    /// An upgrade that fails at once.
    pub(crate) fn refused(error: Error) -> Self {
        AccountedUpgrade(State::Refused(error))
    }
}

impl<F, A, M, E> Future for AccountedUpgrade<F, A>
where
    F: Future<Output = Result<(PeerId, M), E>>,
    M: StreamMuxer,
    A: Accounting,
{
    type Output = Result<(PeerId, AccountedMuxer<M, A>), TransportError<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().0;
        let outcome = match state.as_mut().project() {
            StateProjection::Running { upgrade, request, transport, held, terms } => {
                let open = || terms.open_connection(*request, *transport);
                match held.take().map_or_else(open, Ok) {
                    Ok(account) => match upgrade.poll(cx) {
                        Poll::Pending => {
                            *held = Some(account);
                            return Poll::Pending;
                        }
                        Poll::Ready(Ok((peer, muxer))) => {
                            attach(peer, muxer, *transport, account, terms)
                        }
                        Poll::Ready(Err(error)) => Err(TransportError::Transport(error)),
                    },
                    Err(error) => Err(TransportError::Refused(error)),
                }
            }
            StateProjection::Refused(error) => Err(TransportError::Refused(error.clone())),
            StateProjection::Done => panic!("an upgrade was polled after it had completed"),
        };
        state.set(State::Done);
        Poll::Ready(outcome)
    }
}

/// Attaches a connection to the peer that the handshake has proved; a refusal closes it.
fn attach<M: StreamMuxer, A: Accounting, E>(
    peer: PeerId,
    muxer: M,
    transport: Transport,
    held: Held<A::Connection>,
    terms: &Terms<A>,
) -> Result<(PeerId, AccountedMuxer<M, A>), TransportError<E>> {
    let key = peer.to_bytes();
    let opened = held.account().set_peer(&key).and_then(|()| terms.grow(&held, transport));
    match opened {
        Ok(growth) => {
            let terms = terms.clone();
            Ok((peer, AccountedMuxer::new(muxer, key, transport, held, growth, terms)))
        }
        Err(error) => {
            drop(muxer);
            Err(TransportError::Refused(error))
        }
    }
}
