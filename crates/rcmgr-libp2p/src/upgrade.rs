//! The future of a connection: an account before the handshake, its peer after it.

use std::{
    future::Future,
    mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use libp2p_core::muxing::StreamMuxer;
use libp2p_identity::PeerId;
use rcmgr_core::{Accounting, ConnectionAccount, ConnectionRequest, Error};

use crate::{
    AccountedMuxer, Transport, TransportError,
    held::Held,
    room::Place,
    transport::{Admission, Terms},
};

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
        account: Account<A>,
        terms: Terms<A>,
    },
    Refused(Error),
    Done,
}

/// The account of a connection that is not there yet.
enum Account<A: Accounting> {
    /// A dial that nobody has polled: the swarm makes more dials than it runs at once.
    Unasked(Option<PeerId>),
    /// Room is being made for it.
    Waits(Place),
    Open(Held<A::Connection>),
}

impl<A: Accounting> Account<A> {
    /// Takes the account out when it is there.
    ///
    /// # Errors
    /// The refusal.
    fn poll_take(
        &mut self,
        cx: &mut Context<'_>,
        request: ConnectionRequest,
        transport: Transport,
        terms: &Terms<A>,
    ) -> Poll<Result<Held<A::Connection>, Error>> {
        if let Account::Unasked(peer) = self {
            *self = Account::of(terms.admit(request, transport, *peer))?;
        }
        if let Account::Waits(place) = self {
            let open = || terms.open_connection(request, transport);
            *self = Account::Open(ready!(place.poll_open(cx, open))?);
        }
        match mem::replace(self, Account::Unasked(None)) {
            Account::Open(held) => Poll::Ready(Ok(held)),
            Account::Unasked(_) | Account::Waits(_) => Poll::Pending,
        }
    }

    fn of(admission: Admission<A>) -> Result<Account<A>, Error> {
        match admission {
            Admission::Open(held) => Ok(Account::Open(held)),
            Admission::Waits(place) => Ok(Account::Waits(place)),
            Admission::Refused(error) => Err(error),
        }
    }
}

impl<F, A: Accounting> AccountedUpgrade<F, A> {
    /// An outbound connection; its account is opened when it is first polled.
    pub(crate) fn outbound(
        upgrade: F,
        request: ConnectionRequest,
        transport: Transport,
        peer: Option<PeerId>,
        terms: Terms<A>,
    ) -> Self {
        let account = Account::Unasked(peer);
        AccountedUpgrade(State::Running { upgrade, request, transport, account, terms })
    }

    /// An inbound connection, which has its account or a place in the line for one from the start,
    /// or gets no upgrade at all.
    ///
    /// # Errors
    /// The refusal; the upgrade is dropped, which closes the connection.
    pub(crate) fn inbound(
        upgrade: F,
        request: ConnectionRequest,
        transport: Transport,
        terms: Terms<A>,
    ) -> Result<Self, Error> {
        let account = Account::of(terms.admit(request, transport, None))?;
        Ok(AccountedUpgrade(State::Running { upgrade, request, transport, account, terms }))
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
            StateProjection::Running { upgrade, request, transport, account, terms } => {
                match ready!(account.poll_take(cx, *request, *transport, terms)) {
                    Ok(held) => match upgrade.poll(cx) {
                        Poll::Pending => {
                            *account = Account::Open(held);
                            return Poll::Pending;
                        }
                        Poll::Ready(Ok((peer, muxer))) => {
                            attach(peer, muxer, *transport, held, terms)
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
