//! The texts that name peers, and the keys that stand for them in the engine.

use std::str::FromStr;

use libp2p_identity::PeerId;
use rcmgr_core::PeerKey;

/// A text that names no peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no peer: write a peer id such as 12D3KooW…, or the bytes of another key as 0x0102…")]
pub struct InvalidPeer;

/// The longest text of a peer id that is read: in hexadecimal digits one has some 90. Longer ones
/// take long to read.
const LONGEST_ID: usize = 128;

/// The key of a peer: the bytes of its peer id, or those that are written after `0x`. A peer id is
/// written in base 58 (`12D3KooW…`, `Qm…`) or as a CID (`bafz…`, `k51…`).
///
/// # Errors
/// The text is neither.
pub fn key(text: &str) -> Result<PeerKey, InvalidPeer> {
    match text.strip_prefix("0x") {
        Some(digits) => bytes(digits).ok_or(InvalidPeer),
        None => id(text).map(|peer| peer.to_bytes().into()).ok_or(InvalidPeer),
    }
}

fn id(text: &str) -> Option<PeerId> {
    if text.len() > LONGEST_ID {
        return None;
    }
    PeerId::from_str(text).ok().or_else(|| of_cid(text))
}

/// The peer id in a CID of version 1 whose content is the key of a libp2p peer.
fn of_cid(text: &str) -> Option<PeerId> {
    const VERSION: u8 = 1;
    const LIBP2P_KEY: u8 = 0x72;
    let (_, bytes) = multibase::decode(text).ok()?;
    let multihash = bytes.strip_prefix(&[VERSION, LIBP2P_KEY])?;
    PeerId::from_bytes(multihash).ok()
}

/// The text of a peer's key, which [`key`] reads back.
pub fn text(key: &[u8]) -> String {
    match PeerId::from_bytes(key) {
        Ok(peer) => peer.to_base58(),
        Err(_) => key.iter().fold("0x".to_owned(), |text, byte| format!("{text}{byte:02x}")),
    }
}

fn bytes(digits: &str) -> Option<PeerKey> {
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let digit = |at: u8| char::from(at).to_digit(16);
    let pairs = digits.as_bytes().chunks_exact(2);
    pairs.map(|pair| Some((digit(pair[0])? * 16 + digit(pair[1])?) as u8)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn peers_are_named_by_their_ids() {
        let id = "12D3KooWLJHTgjmPMHEGLfvjVbFtxLaBxjzxfZ8nAH3Dtcvhrvqj";
        let read = key(id).expect("it is a peer id");
        assert_eq!((read.len(), text(&read)), (38, id.to_owned()));
        assert_eq!(key("0x0aFF").as_deref(), Ok([10, 255].as_slice()));
        for bad in ["", "0x1", "0xgg", "0x+1", "ann", "0X01", "12D3KooW", "0xé"] {
            assert_eq!(key(bad), Err(InvalidPeer), "{bad}");
        }
    }

    #[test]
    fn a_peer_id_may_be_a_cid() {
        let id = "12D3KooWLJHTgjmPMHEGLfvjVbFtxLaBxjzxfZ8nAH3Dtcvhrvqj";
        let bytes = key(id).expect("it is a peer id");
        let cid = |codec: u8| [&[1, codec], bytes.as_ref()].concat();
        use multibase::Base::{Base32Lower, Base36Lower, Base58Btc};
        for base in [Base32Lower, Base36Lower, Base58Btc] {
            let text = multibase::encode(base, cid(0x72));
            assert_eq!(key(&text), Ok(bytes.clone()), "{text}");
            let of_data = multibase::encode(base, cid(0x55));
            assert_eq!(key(&of_data), Err(InvalidPeer), "{of_data}");
        }
        assert_eq!(key(&"1".repeat(1 << 20)), Err(InvalidPeer));
    }

    proptest! {
        #[test]
        fn every_key_has_a_text(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let read = key(&text(&bytes));
            prop_assert_eq!(read.as_deref(), Ok(bytes.as_slice()));
        }

        #[test]
        fn any_text_is_a_peer_or_an_error(text in "\\PC{0,60}") {
            let _ = key(&text);
        }
    }
}
