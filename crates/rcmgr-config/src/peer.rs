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
/// written in base 58 (`12D3KooW…`, `Qm…`) or as a CID (`bafz…`, `k51…`), and has the form of a
/// public key or of the SHA-256 of one.
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
    PeerId::from_str(text).ok().or_else(|| of_cid(text)).filter(may_be_of_a_key)
}

/// Whether a peer id can be that of a public key, as libp2p's specification makes them: the key
/// itself in protobuf, where that has 42 bytes or less, else the SHA-256 of it. Other bytes have the
/// form of a peer id too, by chance: a mistyped one is to be told, and not looked for in vain.
fn may_be_of_a_key(id: &PeerId) -> bool {
    const IDENTITY: u64 = 0;
    // The tags of the two fields of a key in protobuf.
    const TYPE: u8 = 0x08;
    const BYTES: u8 = 0x12;
    let digest = id.as_ref().digest();
    match (id.as_ref().code(), digest) {
        (IDENTITY, [TYPE, 0..=3, BYTES, length, key @ ..]) => key.len() == usize::from(*length),
        (IDENTITY, _) => false,
        _ => digest.len() == 32,
    }
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
    match id_of(key) {
        Some(peer) => peer.to_base58(),
        None => key.iter().fold("0x".to_owned(), |text, byte| format!("{text}{byte:02x}")),
    }
}

/// The peer id that a key is, if it is one.
pub(crate) fn id_of(key: &[u8]) -> Option<PeerId> {
    PeerId::from_bytes(key).ok().filter(may_be_of_a_key)
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
        let hashed = key("QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N");
        assert_eq!(hashed.map(|key| key.len()), Ok(34));
    }

    #[test]
    fn what_only_has_the_form_of_a_multihash_is_no_peer() {
        // A mistyped id that is read as 7 bytes and their length.
        let short = "12D3KooWNope";
        assert!(PeerId::from_str(short).is_ok());
        assert_eq!(key(short), Err(InvalidPeer));
        let of = |bytes: &[u8]| PeerId::from_bytes(bytes).unwrap().to_base58();
        let ed25519 = [&[0, 36, 8, 1, 18, 32], [7; 32].as_slice()].concat();
        assert_eq!(key(&of(&ed25519)).as_deref(), Ok(&*ed25519));
        for bytes in [
            [&[0, 32], [7; 32].as_slice()].concat(),
            [&[0, 36, 8, 9, 18, 32], [7; 32].as_slice()].concat(),
            [&[0, 36, 8, 1, 18, 31], [7; 32].as_slice()].concat(),
            [&[0x12, 31], [7; 31].as_slice()].concat(),
        ] {
            assert_eq!(key(&of(&bytes)), Err(InvalidPeer), "{bytes:?}");
            assert_eq!(key(&text(&bytes)).as_deref(), Ok(&*bytes), "its bytes name it");
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
