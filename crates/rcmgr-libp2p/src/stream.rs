//! The stream: it owns its account, and fails by itself when it is refused.

use std::{
    io::{self, IoSlice, IoSliceMut},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
};

use futures_io::{AsyncRead, AsyncWrite};
use rcmgr_core::{Direction, Error, StreamAccount};

use crate::{
    Config, Services,
    error::refused_stream,
    held::Held,
    negotiation::{Negotiation, Progress},
    regulation, scope_of,
    waiting::{Departure, Departures},
};

/// A stream that holds its account until it is dropped, be it after its connection.
///
/// It watches the negotiation of its protocol and attaches its account to what was agreed, and to
/// the [service](Config::services) that this belongs to. When one of them has no room the
/// negotiation ends as agreed, and the next read or write resets the stream. From then on, as from
/// the start for a stream that was refused itself, every operation gives an [`io::Error`] of kind [`QuotaExceeded`](io::ErrorKind::QuotaExceeded), in which
/// [`find_refusal`](crate::find_refusal) finds the reason.
#[pin_project::pin_project]
pub struct AccountedStream<S, A: StreamAccount>(#[pin] State<S, A>);

#[pin_project::pin_project(project = StateProjection)]
enum State<S, A: StreamAccount> {
    Open(#[pin] Open<S, A>),
    Refused(Error),
}

#[pin_project::pin_project(project = OpenProjection)]
struct Open<S, A: StreamAccount> {
    // Before the account, so that the stream is reset by when the account says so.
    #[pin]
    inner: S,
    attribution: Attribution,
    held: Held<A>,
    /// Tells the connection manager, if there is one.
    told: Option<regulation::Stream>,
    // Last, so that there is room by when it is told.
    _departure: Departure,
}

/// Where the account stands on its way to a protocol and a service.
enum Attribution {
    Watching(Box<Watch>),
    /// The protocol is attached, with its service, or will never be known.
    Settled,
    /// The protocol or its service has no room. The stream lives on until its next read or write,
    /// so that the answer of the negotiation still reaches the remote party: without it, the remote
    /// party would conclude that this node does not support the protocol.
    Refused(Error, Waiting),
}

struct Watch {
    negotiation: Negotiation,
    config: Arc<Config>,
    waiting: Waiting,
}

/// Who waits on the inner stream. It forgets them when it is reset, so as long as it may be reset
/// they are remembered here, to be woken and come for the error.
#[derive(Default)]
struct Waiting {
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Waiting {
    fn wake(&mut self) {
        [self.reader.take(), self.writer.take()].into_iter().flatten().for_each(Waker::wake);
    }
}

impl<S, A: StreamAccount> AccountedStream<S, A> {
    pub(crate) fn new(
        inner: S,
        direction: Direction,
        held: Held<A>,
        config: Arc<Config>,
        departures: Arc<Departures>,
        told: Option<regulation::Stream>,
    ) -> Self {
        let negotiation = Negotiation::new(direction);
        let watch = Watch { negotiation, config, waiting: Waiting::default() };
        let attribution = Attribution::Watching(Box::new(watch));
        let _departure = Departure(departures);
        AccountedStream(State::Open(Open { inner, attribution, held, told, _departure }))
    }

    /// A stream that was never opened, and says why whenever it is used.
    pub(crate) fn refused(error: Error) -> Self {
        AccountedStream(State::Refused(error))
    }

    /// The open stream, also one whose protocol or service was refused: it may be flushed and
    /// closed.
    fn open(self: Pin<&mut Self>) -> io::Result<OpenProjection<'_, S, A>> {
        match self.project().0.project() {
            StateProjection::Open(open) => Ok(open.project()),
            StateProjection::Refused(error) => Err(refused_stream(error)),
        }
    }

    /// The open stream to read from or write to; one whose protocol or service was refused is reset.
    fn admitted(mut self: Pin<&mut Self>) -> io::Result<OpenProjection<'_, S, A>> {
        if let Attribution::Refused(error, waiting) = self.as_mut().open()?.attribution {
            waiting.wake();
            let refused = State::Refused(error.clone());
            self.as_mut().project().0.set(refused);
        }
        self.open()
    }
}

impl<S, A: StreamAccount> OpenProjection<'_, S, A> {
    /// The negotiation has moved on: attaches the account when it has come to an end.
    fn observe(&mut self, step: impl FnOnce(&mut Negotiation) -> Progress) {
        let Attribution::Watching(watch) = self.attribution else { return };
        *self.attribution = match step(&mut watch.negotiation) {
            Progress::Underway => return,
            Progress::Unknown => Attribution::Settled,
            Progress::Agreed(protocol) => {
                match attach(&**self.held.account(), &protocol, &watch.config.services) {
                    Ok(()) => {
                        if let Some(told) = self.told {
                            told.agreed(&protocol);
                        }
                        Attribution::Settled
                    }
                    Err(error) => {
                        watch.waiting.wake();
                        Attribution::Refused(error, Waiting::default())
                    }
                }
            }
        };
    }

    /// Gives the account to whoever asks for it by this operation, unless the stream is to be reset.
    fn answers(&self, cx: &Context<'_>) -> bool {
        scope_of::answer(cx, || match self.attribution {
            Attribution::Refused(..) => None,
            Attribution::Watching(_) | Attribution::Settled => Some(self.held.account().clone()),
        })
    }

    fn is_watched(&self) -> bool {
        matches!(self.attribution, Attribution::Watching(_))
    }

    fn reader(&mut self) -> Option<&mut Option<Waker>> {
        self.waiting().map(|waiting| &mut waiting.reader)
    }

    fn writer(&mut self) -> Option<&mut Option<Waker>> {
        self.waiting().map(|waiting| &mut waiting.writer)
    }

    fn waiting(&mut self) -> Option<&mut Waiting> {
        match self.attribution {
            Attribution::Watching(watch) => Some(&mut watch.waiting),
            Attribution::Refused(_, waiting) => Some(waiting),
            Attribution::Settled => None,
        }
    }
}

/// Attaches an account to its protocol and to the service that the protocol belongs to.
fn attach(account: &impl StreamAccount, protocol: &str, services: &Services) -> Result<(), Error> {
    account.set_protocol(protocol)?;
    services.of(protocol).map_or(Ok(()), |service| account.set_service(service))
}

/// Remembers who waits, when the operation has to.
fn remember<T>(waiting: Option<&mut Option<Waker>>, poll: Poll<T>, cx: &Context<'_>) -> Poll<T> {
    if let (Some(waiting), Poll::Pending) = (waiting, &poll) {
        match waiting {
            Some(waker) => waker.clone_from(cx.waker()),
            None => *waiting = Some(cx.waker().clone()),
        }
    }
    poll
}

/// The part of `buffers` that `count` bytes fill.
fn filled<'a>(
    buffers: impl Iterator<Item = &'a [u8]>,
    mut count: usize,
) -> impl Iterator<Item = &'a [u8]> {
    buffers.map(move |buffer| {
        let part = &buffer[..count.min(buffer.len())];
        count -= part.len();
        part
    })
}

impl<S: AsyncRead, A: StreamAccount> AsyncRead for AccountedStream<S, A> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut open = self.admitted()?;
        let poll = open.inner.as_mut().poll_read(cx, buffer);
        let count = ready!(remember(open.reader(), poll, cx))?;
        open.observe(|negotiation| negotiation.read(&buffer[..count]));
        Poll::Ready(Ok(count))
    }

    fn poll_read_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut open = self.admitted()?;
        let poll = open.inner.as_mut().poll_read_vectored(cx, buffers);
        let count = ready!(remember(open.reader(), poll, cx))?;
        if open.is_watched() {
            for part in filled(buffers.iter().map(|buffer| &**buffer), count) {
                open.observe(|negotiation| negotiation.read(part));
            }
        }
        Poll::Ready(Ok(count))
    }
}

impl<S: AsyncWrite, A: StreamAccount> AsyncWrite for AccountedStream<S, A> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut open = self.admitted()?;
        // A question, too, has to send a lazy proposal first.
        if open.answers(cx) {
            return Poll::Pending;
        }
        let poll = open.inner.as_mut().poll_write(cx, buffer);
        let count = ready!(remember(open.writer(), poll, cx))?;
        open.observe(|negotiation| negotiation.wrote(&buffer[..count]));
        Poll::Ready(Ok(count))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut open = self.admitted()?;
        let poll = open.inner.as_mut().poll_write_vectored(cx, buffers);
        let count = ready!(remember(open.writer(), poll, cx))?;
        if open.is_watched() {
            for part in filled(buffers.iter().map(|buffer| &**buffer), count) {
                open.observe(|negotiation| negotiation.wrote(part));
            }
        }
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut open = self.open()?;
        if open.answers(cx) {
            return Poll::Pending;
        }
        let poll = open.inner.as_mut().poll_flush(cx);
        remember(open.writer(), poll, cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut open = self.open()?;
        let poll = open.inner.as_mut().poll_close(cx);
        remember(open.writer(), poll, cx)
    }
}

#[cfg(test)]
mod tests;
