//! The errors of the wrapper, and how to find a refusal inside libp2p's.

use std::{convert::Infallible, error::Error as StdError, io};

use libp2p_swarm::{DialError, StreamUpgradeError};
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
/// It follows `source()` and looks where `source()` does not lead: inside an [`io::Error`], at each
/// address of a [`DialError`], and at the I/O error of a [`StreamUpgradeError`], and of
/// request-response's failures if this crate has the feature `request-response`. One thing the
/// caller has to open: a `StreamUpgradeError` of an upgrade whose own error is neither [`Infallible`]
/// nor an [`io::Error`]; of its `Io(error)`, pass `error`.
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
        next = held(error).or_else(|| error.source());
    }
    None
}

/// What an error holds that its `source()` passes over.
fn held<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return error.get_ref().map(|held| held as _);
    }
    of_upgrade::<Infallible>(error)
        .or_else(|| of_upgrade::<io::Error>(error))
        .or_else(|| of_request(error))
        .map(|error| error as _)
}

fn of_upgrade<'a, E: 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a io::Error>
where
    StreamUpgradeError<E>: StdError,
{
    match error.downcast_ref()? {
        StreamUpgradeError::<E>::Io(error) => Some(error),
        _ => None,
    }
}

#[cfg(feature = "request-response")]
fn of_request<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a io::Error> {
    use libp2p_request_response::{InboundFailure, OutboundFailure};

    if let Some(OutboundFailure::Io(error)) = error.downcast_ref() {
        return Some(error);
    }
    match error.downcast_ref()? {
        InboundFailure::Io(error) => Some(error),
        _ => None,
    }
}

#[cfg(not(feature = "request-response"))]
fn of_request<'a>(_: &'a (dyn StdError + 'static)) -> Option<&'a io::Error> {
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

    #[test]
    fn found_in_the_failure_of_an_upgrade() {
        let refused = || refused_stream(&refusal());
        let failures: [&(dyn StdError + 'static); 3] = [
            &StreamUpgradeError::<Infallible>::Io(refused()),
            &StreamUpgradeError::<io::Error>::Io(refused()),
            &io::Error::other(StreamUpgradeError::<Infallible>::Io(refused())),
        ];
        for failure in failures {
            assert_eq!(find_refusal(failure), Some(&refusal()), "{failure}");
        }
        assert_eq!(find_refusal(&StreamUpgradeError::<Infallible>::Timeout), None);
    }

    #[test]
    #[cfg(feature = "request-response")]
    fn found_in_the_failure_of_a_request() {
        use libp2p_request_response::{InboundFailure, OutboundFailure};

        let refused = || refused_stream(&refusal());
        assert_eq!(find_refusal(&OutboundFailure::Io(refused())), Some(&refusal()));
        assert_eq!(find_refusal(&InboundFailure::Io(refused())), Some(&refusal()));
        assert_eq!(find_refusal(&OutboundFailure::Timeout), None);
    }
}
