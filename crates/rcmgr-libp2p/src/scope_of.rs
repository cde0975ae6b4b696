//! The way from a stream, as an application gets it, to its account.
//!
//! libp2p gives streams out in boxes that hide their type, so nothing reaches the wrapped one but
//! reads and writes. The question goes through as a flush whose waker is known here alone: the
//! wrapped stream recognises it, leaves its account with the asking thread and answers `Pending`,
//! which the boxes pass on. No byte moves, and nobody is left to be woken.

use std::{
    any::Any,
    cell::RefCell,
    pin::Pin,
    sync::{Arc, LazyLock},
    task::{Context, Poll, Wake, Waker},
};

use futures_io::AsyncWrite;
use rcmgr_core::{Accounting, StreamAccount};

use crate::AccountRef;

/// The account of a stream of this node: of a `libp2p::Stream`, or of what libp2p gives to an
/// upgrade or codec in its place.
///
/// `A` is the accounting of the [`AccountedTransport`](crate::AccountedTransport). With a
/// [`ResourceManager`](rcmgr_core::ResourceManager) the account is a
/// [`StreamScope`](rcmgr_core::StreamScope), which attaches the stream to a service, reserves
/// memory and begins spans. What it reserves and begins may be kept; the account itself is
/// borrowed together with the stream, and closed when the stream is dropped. Asking again is
/// cheap.
///
/// ```
/// use std::io;
///
/// use libp2p::{Stream, futures::AsyncReadExt};
/// use rcmgr_core::{Priority, ResourceManager};
/// use rcmgr_libp2p::scope_of;
///
/// async fn receive(mut stream: Stream) -> io::Result<()> {
///     let _room = match scope_of::<ResourceManager>(&mut stream) {
///         Some(scope) => {
///             let room = scope.reserve_memory(1 << 20, Priority::HIGH);
///             Some(room.map_err(io::Error::other)?.into_owned())
///         }
///         // The stream is not limited, or was refused, which reading it will tell.
///         None => None,
///     };
///     let mut bytes = Vec::new();
///     stream.take(1 << 20).read_to_end(&mut bytes).await?;
///     // … work on the bytes …
///     Ok(())
/// }
/// ```
///
/// Protocols are set by the wrapper, before the application gets the stream. There is one
/// exception: a stream that this node opens with `V1Lazy` has no protocol until it has read
/// something, and answers [`NoProtocol`](rcmgr_core::Error::NoProtocol) to a service. Tell its
/// service beforehand, in [`Config::services`](crate::Config::services).
///
/// `None` if the stream is not one of an [`AccountedTransport`](crate::AccountedTransport) with
/// this accounting, or if it was refused; then its next read or write says why. A stream of another
/// transport is flushed by the question, so do not ask one half of it while another task writes to
/// the other.
pub fn scope_of<'s, A: Accounting>(
    stream: &'s mut (impl AsyncWrite + Unpin + ?Sized),
) -> Option<AccountRef<'s, A::Stream>> {
    let before = UNDER_WAY.try_with(|place| place.replace(Asking::Unanswered)).ok()?;
    // The outcome is the answer's, or that of a flush which nobody asked for.
    let _: Poll<_> = Pin::new(stream).poll_flush(&mut Context::from_waker(&QUESTION));
    let Asking::Answered(account) = UNDER_WAY.with(|place| place.replace(before)) else {
        return None;
    };
    let account = account.downcast().ok()?;
    Some(AccountRef::new(account))
}

/// Wakes nobody: it is told apart from every other waker, no more.
struct Question;

impl Wake for Question {
    fn wake(self: Arc<Self>) {}
}

static QUESTION: LazyLock<Waker> = LazyLock::new(|| Waker::from(Arc::new(Question)));

thread_local! {
    static UNDER_WAY: RefCell<Asking> = const { RefCell::new(Asking::Nobody) };
}

enum Asking {
    Nobody,
    Unanswered,
    Answered(Arc<dyn Any + Send + Sync>),
}

/// Answers with the account, if there is one, when this operation of a stream is the question. It
/// must not be carried out then.
pub(crate) fn answer<A: StreamAccount>(
    cx: &Context<'_>,
    account: impl FnOnce() -> Option<Arc<A>>,
) -> bool {
    if !cx.waker().will_wake(&QUESTION) {
        return false;
    }
    // Somebody in between may have kept the waker and use it when nobody asks.
    let leave = |place: &RefCell<Asking>| match &mut *place.borrow_mut() {
        Asking::Nobody => false,
        asking => {
            if let Some(account) = account() {
                *asking = Asking::Answered(account);
            }
            true
        }
    };
    UNDER_WAY.try_with(leave).unwrap_or(false)
}
