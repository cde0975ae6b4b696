//! What a failed dial says of this node.

use std::{error::Error as StdError, io};

use libp2p_core::{transport::TransportError, transport::timeout::TransportTimeoutError};
use libp2p_swarm::DialError;
use rcmgr_connmgr::sense::DialFailure;

use crate::find_refusal;

/// Why a dial failed; none where nobody was dialed, or this node's own limits refused it.
///
/// Of several addresses the failure counts that says most of this node. A timeout that a transport
/// reports by a type of its own is not known as one.
pub(super) fn failure(error: &DialError) -> Option<DialFailure> {
    match error {
        DialError::WrongPeerId { .. } | DialError::LocalPeerId { .. } => {
            Some(DialFailure::Handshake)
        }
        DialError::Transport(attempts) => attempts
            .iter()
            .filter_map(|(_, error)| attempt(error))
            .min_by_key(|failure| rank(*failure)),
        DialError::NoAddresses
        | DialError::DialPeerConditionFalse(_)
        | DialError::Aborted
        | DialError::Denied { .. } => None,
    }
}

fn attempt(error: &TransportError<io::Error>) -> Option<DialFailure> {
    match error {
        TransportError::MultiaddrNotSupported(_) => None,
        TransportError::Other(error) if find_refusal(error).is_some() => None,
        TransportError::Other(error) => Some(cause(error)),
    }
}

/// The first error of the chain that is known.
fn cause(error: &io::Error) -> DialFailure {
    let mut known = DialFailure::of(error);
    let mut next = error.get_ref().map(|inner| inner as &(dyn StdError + 'static));
    while let Some(error) = next.filter(|_| known == DialFailure::Other) {
        next = error.source();
        if let Some(error) = error.downcast_ref::<io::Error>() {
            known = DialFailure::of(error);
            // Its own `source()` passes over what it holds.
            next = error.get_ref().map(|inner| inner as _);
        } else if let Some(error) = error.downcast_ref::<TransportTimeoutError<io::Error>>() {
            match error {
                TransportTimeoutError::Timeout => known = DialFailure::TimedOut,
                TransportTimeoutError::TimerError(_) => {}
                TransportTimeoutError::Other(error) => next = Some(error),
            }
        }
    }
    known
}

/// The lower, the more it says of this node.
fn rank(failure: DialFailure) -> u8 {
    match failure {
        DialFailure::Descriptors => 0,
        DialFailure::Local => 1,
        DialFailure::Unreachable => 2,
        DialFailure::TimedOut => 3,
        DialFailure::Refused => 4,
        DialFailure::Handshake => 5,
        DialFailure::Other => 6,
    }
}

#[cfg(test)]
mod tests {
    use libp2p_core::Multiaddr;
    use rcmgr_core::{Error, ScopeId};

    use super::*;
    use crate::TransportError as Ours;

    fn dial(errors: Vec<TransportError<io::Error>>) -> Option<DialFailure> {
        let at = |error| (Multiaddr::empty(), error);
        failure(&DialError::Transport(errors.into_iter().map(at).collect()))
    }

    fn other(error: impl StdError + Send + Sync + 'static) -> TransportError<io::Error> {
        TransportError::Other(io::Error::other(error))
    }

    #[test]
    fn the_cause_is_found_however_deep_it_lies() {
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        assert_eq!(dial(vec![TransportError::Other(refused())]), Some(DialFailure::Refused));
        let deep = Ours::Transport(TransportTimeoutError::Other(io::Error::other(refused())));
        assert_eq!(dial(vec![other(deep)]), Some(DialFailure::Refused));
        let late: TransportTimeoutError<io::Error> = TransportTimeoutError::Timeout;
        assert_eq!(dial(vec![other(Ours::Transport(late))]), Some(DialFailure::TimedOut));
        assert_eq!(dial(vec![other(io::Error::other("noise"))]), Some(DialFailure::Other));
    }

    #[test]
    fn what_says_most_of_this_node_counts() {
        let kinds = [io::ErrorKind::ConnectionRefused, io::ErrorKind::TimedOut];
        let errors = kinds.map(|kind| TransportError::Other(kind.into()));
        assert_eq!(dial(errors.into()), Some(DialFailure::TimedOut));
    }

    #[test]
    fn what_was_never_dialed_is_no_failed_dial() {
        let closed = Ours::<io::Error>::Refused(Error::Closed { scope: ScopeId::System });
        assert_eq!(dial(vec![other(closed)]), None);
        assert_eq!(dial(vec![TransportError::MultiaddrNotSupported(Multiaddr::empty())]), None);
        assert_eq!(dial(vec![]), None);
        assert_eq!(failure(&DialError::NoAddresses), None);
    }
}
