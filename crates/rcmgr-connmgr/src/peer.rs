//! Who is at the other end, and through which connection.

use std::{
    cmp::Ordering,
    fmt,
    hash::{Hash, Hasher},
};

use rcmgr_core::PeerKey;

use crate::error::EmptyPeer;

/// As many bytes as the identifier of an ed25519 key has in libp2p; those of other keys have 34.
const SHORT: usize = 38;

/// The identifier of a peer: bytes that say nothing here. Cheap to make and to clone.
///
/// The engine's [`PeerKey`] turns into it and back. It is a type of its own for two reasons. It is
/// never empty: go-libp2p panics where it is, so here the place where bytes become a peer refuses
/// them. And it has its bytes in it: a key that is shared counts who has it, so that all threads
/// which name a peer would write where its bytes are.
#[derive(Clone)]
pub struct Peer(Bytes);

#[derive(Clone)]
enum Bytes {
    Short { length: u8, bytes: [u8; SHORT] },
    Long(PeerKey),
}

const _: () = assert!(size_of::<Peer>() == SHORT + 2);

impl Peer {
    /// A peer by the bytes of its identifier. Up to 38 of them take no memory besides.
    ///
    /// # Errors
    /// There are none.
    pub fn new(id: &[u8]) -> Result<Peer, EmptyPeer> {
        match Peer::short(id)? {
            Some(short) => Ok(short),
            None => Ok(Peer(Bytes::Long(id.into()))),
        }
    }

    fn short(id: &[u8]) -> Result<Option<Peer>, EmptyPeer> {
        if id.is_empty() {
            return Err(EmptyPeer);
        }
        let mut bytes = [0; SHORT];
        let Some(begin) = bytes.get_mut(..id.len()) else { return Ok(None) };
        begin.copy_from_slice(id);
        Ok(Some(Peer(Bytes::Short { length: id.len() as u8, bytes })))
    }

    /// The bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Bytes::Short { length, bytes } => &bytes[..usize::from(*length)],
            Bytes::Long(key) => key,
        }
    }
}

impl PartialEq for Peer {
    #[inline]
    fn eq(&self, other: &Peer) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Peer {}

impl PartialOrd for Peer {
    fn partial_cmp(&self, other: &Peer) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Peer {
    fn cmp(&self, other: &Peer) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for Peer {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl TryFrom<PeerKey> for Peer {
    type Error = EmptyPeer;

    fn try_from(key: PeerKey) -> Result<Peer, EmptyPeer> {
        Ok(Peer::short(&key)?.unwrap_or(Peer(Bytes::Long(key))))
    }
}

impl From<Peer> for PeerKey {
    fn from(peer: Peer) -> PeerKey {
        match peer.0 {
            Bytes::Short { .. } => peer.as_bytes().into(),
            Bytes::Long(key) => key,
        }
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Peer({})", self.as_bytes().escape_ascii())
    }
}

/// A connection, by a number that the caller gives to no other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, hash::BuildHasher};

    use foldhash::quality::FixedState;

    use super::*;

    #[test]
    fn a_peer_is_its_bytes_however_many() {
        let all: Vec<u8> = (0..80).collect();
        let hash = FixedState::default();
        let mut peers = BTreeSet::new();
        for length in 1..80 {
            let peer = Peer::new(&all[..length]).unwrap();
            assert_eq!(peer.as_bytes(), &all[..length]);
            let key = PeerKey::from(peer.clone());
            assert_eq!(*key, all[..length]);
            let again = Peer::try_from(key).unwrap();
            assert_eq!(again, peer);
            assert_eq!(hash.hash_one(&again), hash.hash_one(&peer));
            assert_eq!(
                peers.last().map(|last: &Peer| last.cmp(&peer)).unwrap_or(Ordering::Less),
                Ordering::Less
            );
            assert!(peers.insert(peer));
        }
    }

    #[test]
    fn an_identifier_without_bytes_is_none() {
        assert_eq!(Peer::new(b""), Err(EmptyPeer));
        assert_eq!(Peer::try_from(PeerKey::from([])), Err(EmptyPeer));
    }
}
