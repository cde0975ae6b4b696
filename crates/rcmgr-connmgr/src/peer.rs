//! Who is at the other end, and through which connection.

use std::fmt;

use rcmgr_core::PeerKey;

use crate::error::EmptyPeer;

/// The identifier of a peer: bytes that say nothing here. Cheap to clone.
///
/// It is the key that the engine has for a peer, and turns into it and back without a copy. It is
/// a type of its own since it is never empty: go-libp2p panics where it is, so that here the place
/// where bytes become a peer is the one to refuse them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Peer(PeerKey);

impl Peer {
    /// A peer by the bytes of its identifier.
    ///
    /// # Errors
    /// There are none.
    pub fn new(id: &[u8]) -> Result<Peer, EmptyPeer> {
        if id.is_empty() { Err(EmptyPeer) } else { Ok(Peer(id.into())) }
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<PeerKey> for Peer {
    type Error = EmptyPeer;

    fn try_from(key: PeerKey) -> Result<Peer, EmptyPeer> {
        if key.is_empty() { Err(EmptyPeer) } else { Ok(Peer(key)) }
    }
}

impl From<Peer> for PeerKey {
    fn from(peer: Peer) -> PeerKey {
        peer.0
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Peer({})", self.0.escape_ascii())
    }
}

/// A connection, by a number that the caller gives to no other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_peer_is_the_key_of_the_engine_without_a_copy() {
        let key: PeerKey = Arc::from(b"peer".as_slice());
        let peer = Peer::try_from(Arc::clone(&key)).unwrap();
        assert_eq!(peer, Peer::new(b"peer").unwrap());
        assert!(Arc::ptr_eq(&PeerKey::from(peer), &key));
        assert_eq!(Peer::try_from(PeerKey::from([])), Err(EmptyPeer));
    }
}
