//! The errors of the wrapper, and how to find a refusal inside libp2p's.

use std::{error::Error as StdError, io};

use libp2p_swarm::DialError;
use rcmgr_core::Error;

/// Why a connection did not come about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError<E> {
    /// The accounting refused the connection or its peer.
    #[error("the connection was refused by the limits of this node")]
    Refused(#[source] Error),
    /// The wrapped transport failed.
    #[error("the transport failed")]
    Transport(#[source] E),
}

/// Finds the accounting's error in an error of libp2p, however deep it lies.
///
/// It follows `source()` and looks where `source()` does not lead: inside an [`io::Error`], and
/// at each address of a [`DialError`]. Errors that hide their cause altogether have to be opened
/// by the caller: of request-response's `OutboundFailure::Io(error)`, pass `error`.
///
/// ```
/// use rcmgr_core::{Error, ScopeId};
/// use rcmgr_libp2p::find_refusal;
///
/// let closed = Error::Closed { scope: ScopeId::System };
/// let failure = std::io::Error::other(std::io::Error::other(closed.clone()));
/// assert_eq!(find_refusal(&failure), Some(&closed));
/// assert_eq!(find_refusal(&std::io::Error::other("unplugged")), None);
/// ```
pub fn find_refusal<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(refusal) = error.downcast_ref::<Error>() {
            return Some(refusal);
        }
        if let Some(DialError::Transport(attempts)) = error.downcast_ref() {
            return attempts.iter().find_map(|(_, error)| find_refusal(error));
        }
        next = match error.downcast_ref::<io::Error>() {
            // Its `source()` is the source of what it holds, and would pass over what it holds.
            Some(error) => error.get_ref().map(|held| held as &(dyn StdError + 'static)),
            None => error.source(),
        };
    }
    None
}

/// The error that a refused stream gives to whoever reads or writes it.
///
/// The kind is none that libp2p gives a meaning to: after a `WriteZero`, for one, multistream-select
/// reads on.
pub(crate) fn refused_stream(error: &Error) -> io::Error {
    io::Error::new(io::ErrorKind::QuotaExceeded, error.clone())
}

#[cfg(test)]
mod tests {
    use libp2p_core::{Multiaddr, transport};
    use libp2p_swarm::ListenError;
    use rcmgr_core::ScopeId;

    use super::*;

    fn refusal() -> Error {
        Error::Closed { scope: ScopeId::System }
    }

    /// As `Transport::boxed` passes the wrapper's error to the swarm.
    fn boxed() -> transport::TransportError<io::Error> {
        let error: TransportError<io::Error> = TransportError::Refused(refusal());
        transport::TransportError::Other(io::Error::other(error))
    }

    #[test]
    fn found_where_the_swarm_reports_it() {
        assert_eq!(find_refusal(&ListenError::Transport(boxed())), Some(&refusal()));
        let unplugged = transport::TransportError::Other(io::Error::other("unplugged"));
        let attempts = vec![(Multiaddr::empty(), unplugged), (Multiaddr::empty(), boxed())];
        assert_eq!(find_refusal(&DialError::Transport(attempts)), Some(&refusal()));
        assert_eq!(find_refusal(&DialError::NoAddresses), None);
    }

    #[test]
    fn found_through_a_wrapper_around_a_wrapper() {
        let inner: TransportError<io::Error> = TransportError::Refused(refusal());
        let outer = TransportError::Transport(io::Error::other(inner));
        assert_eq!(find_refusal(&outer), Some(&refusal()));
    }

    #[test]
    fn found_in_the_error_of_a_stream() {
        let error = refused_stream(&refusal());
        assert_eq!(find_refusal(&error), Some(&refusal()));
    }
}
