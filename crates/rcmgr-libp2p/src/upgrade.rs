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
    peer_of,
    room::{Place, Trial},
    transport::{Admission, Terms},
};

/// What comes of a connection.
type Outcome<M, A, E> = Result<(PeerId, AccountedMuxer<M, A>), TransportError<E>>;

/// A pending connection of an [`AccountedTransport`](crate::AccountedTransport).
///
/// It holds the connection's account for as long as the handshake lasts; dropping it gives the
/// account back. Only one that may [say who it is](crate::AccountedTransport::regulated_by) before a
/// full node has the handshake first.
#[pin_project::pin_project]
#[must_use = "futures do nothing unless polled"]
pub struct AccountedUpgrade<F: Future, A: Accounting>(#[pin] State<F, A>);

#[pin_project::pin_project(project = StateProjection)]
enum State<F: Future, A: Accounting> {
    Running {
        // Before the account, so that the socket is closed by when the account says so.
        #[pin]
        upgrade: F,
        /// What came of the handshake, if that was before the account.
        done: Option<F::Output>,
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
    /// None, for as long as it takes to know whose connection it is.
    OnTrial(Trial),
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
            Account::Unasked(_) | Account::Waits(_) | Account::OnTrial(_) => Poll::Pending,
        }
    }

    fn of(admission: Admission<A>) -> Result<Account<A>, Error> {
        match admission {
            Admission::Open(held) => Ok(Account::Open(held)),
            Admission::Waits(place) => Ok(Account::Waits(place)),
            Admission::OnTrial(trial) => Ok(Account::OnTrial(trial)),
            Admission::Refused(error) => Err(error),
        }
    }
}

impl<F: Future, A: Accounting> AccountedUpgrade<F, A> {
    /// An outbound connection; its account is opened when it is first polled.
    pub(crate) fn outbound(
        upgrade: F,
        request: ConnectionRequest,
        transport: Transport,
        peer: Option<PeerId>,
        terms: Terms<A>,
    ) -> Self {
        let account = Account::Unasked(peer);
        AccountedUpgrade::running(upgrade, request, transport, account, terms)
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
        Ok(AccountedUpgrade::running(upgrade, request, transport, account, terms))
    }

    fn running(
        upgrade: F,
        request: ConnectionRequest,
        transport: Transport,
        account: Account<A>,
        terms: Terms<A>,
    ) -> Self {
        let done = None;
        AccountedUpgrade(State::Running { upgrade, done, request, transport, account, terms })
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
    type Output = Outcome<M, A, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.project().0;
        let outcome = match state.as_mut().project() {
            StateProjection::Running { upgrade, done, request, transport, account, terms } => {
                let mut handshake = Handshake { upgrade, done };
                ready!(poll_running(&mut handshake, account, *request, *transport, terms, cx))
            }
            StateProjection::Refused(error) => Err(TransportError::Refused(error.clone())),
            StateProjection::Done => panic!("an upgrade was polled after it had completed"),
        };
        state.set(State::Done);
        Poll::Ready(outcome)
    }
}

/// A handshake, and what came of it once that is there.
struct Handshake<'a, F: Future> {
    upgrade: Pin<&'a mut F>,
    done: &'a mut Option<F::Output>,
}

impl<F: Future> Handshake<'_, F> {
    /// Whether it is done.
    fn poll(&mut self, cx: &mut Context<'_>) -> bool {
        if self.done.is_none()
            && let Poll::Ready(outcome) = self.upgrade.as_mut().poll(cx)
        {
            *self.done = Some(outcome);
        }
        self.done.is_some()
    }
}

/// Handshake and account, in either order.
fn poll_running<F, A, M, E>(
    handshake: &mut Handshake<'_, F>,
    account: &mut Account<A>,
    request: ConnectionRequest,
    transport: Transport,
    terms: &Terms<A>,
    cx: &mut Context<'_>,
) -> Poll<Outcome<M, A, E>>
where
    F: Future<Output = Result<(PeerId, M), E>>,
    M: StreamMuxer,
    A: Accounting,
{
    if let Account::OnTrial(trial) = account {
        if !handshake.poll(cx) {
            return trial.poll_late(cx).map(|error| Err(TransportError::Refused(error)));
        }
        if let Some(Ok((peer, _))) = &handshake.done {
            match ready!(trial.poll_place(cx, &request, &peer_of(peer))) {
                Ok(place) => *account = Account::Waits(place),
                Err(error) => return Poll::Ready(Err(TransportError::Refused(error))),
            }
        }
    }
    if let Some(Err(error)) = handshake.done.take_if(|done| done.is_err()) {
        return Poll::Ready(Err(TransportError::Transport(error)));
    }
    let held = match ready!(account.poll_take(cx, request, transport, terms)) {
        Ok(held) => held,
        Err(error) => return Poll::Ready(Err(TransportError::Refused(error))),
    };
    handshake.poll(cx);
    Poll::Ready(match handshake.done.take() {
        None => {
            *account = Account::Open(held);
            return Poll::Pending;
        }
        Some(Ok((peer, muxer))) => attach(peer, muxer, transport, held, terms),
        Some(Err(error)) => Err(TransportError::Transport(error)),
    })
}

/// Attaches a connection to the peer that the handshake has proved; a refusal closes it.
fn attach<M: StreamMuxer, A: Accounting, E>(
    peer: PeerId,
    muxer: M,
    transport: Transport,
    held: Held<A::Connection>,
    terms: &Terms<A>,
) -> Outcome<M, A, E> {
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
