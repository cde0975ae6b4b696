//! The texts of allowlist entries: a network, an address, or a multiaddr of one, with a peer if
//! only that one is meant.

use core::fmt;
use std::net::IpAddr;

use rcmgr_core::AllowlistEntry;
use rcmgr_core::ipnet::IpNet;

use crate::peer;

/// A text that is no entry of an allowlist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "it is no network: write 192.0.2.7, 192.0.2.0/24, 2001:db8::/32, /ip4/192.0.2.0/ipcidr/24, or \
     any of them with /p2p/PEER behind it"
)]
pub struct InvalidEntry;

/// The longest text that is read.
const LONGEST: usize = 1024;

/// The entry that a text means.
///
/// # Errors
/// It is none. An address with a port or a transport is none either: an entry lets in a whole
/// address, and does not look at what else is written there, as go-libp2p does not.
pub fn entry(text: &str) -> Result<AllowlistEntry, InvalidEntry> {
    if text.len() > LONGEST {
        return Err(InvalidEntry);
    }
    let (place, peer) = match text.split_once("/p2p/") {
        Some((place, peer)) => (place, Some(peer::key(peer).map_err(|_| InvalidEntry)?)),
        None => (text, None),
    };
    let network = match place.strip_prefix('/') {
        Some(multiaddr) => of_multiaddr(multiaddr),
        None => network(place),
    };
    network.map(|network| AllowlistEntry { network, peer }).ok_or(InvalidEntry)
}

/// A network, or an address as the network of itself.
pub fn network(text: &str) -> Option<IpNet> {
    let of_address = || text.parse::<IpAddr>().ok().map(IpNet::from);
    text.parse().ok().or_else(of_address)
}

fn of_multiaddr(text: &str) -> Option<IpNet> {
    let mut parts = text.split('/');
    let (family, address) = (parts.next()?, parts.next()?.parse::<IpAddr>().ok()?);
    if family != if address.is_ipv4() { "ip4" } else { "ip6" } {
        return None;
    }
    let network = match parts.next() {
        None => Some(IpNet::from(address)),
        Some("ipcidr") => IpNet::new(address, parts.next()?.parse().ok()?).ok(),
        Some(_) => None,
    };
    network.filter(|_| parts.next().is_none())
}

/// The text of an entry, which [`entry`] reads back.
pub fn text(entry: &AllowlistEntry) -> impl fmt::Display {
    let AllowlistEntry { network, peer } = entry;
    match peer {
        Some(key) => format!("{network}/p2p/{}", peer::text(key)),
        None => network.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_spelling_of_an_entry() {
        let peer = "12D3KooWLJHTgjmPMHEGLfvjVbFtxLaBxjzxfZ8nAH3Dtcvhrvqj";
        for (given, told) in [
            ("192.0.2.7", "192.0.2.7/32".to_owned()),
            ("192.0.2.0/24", "192.0.2.0/24".to_owned()),
            ("2001:db8::1", "2001:db8::1/128".to_owned()),
            ("/ip4/192.0.2.7", "192.0.2.7/32".to_owned()),
            ("/ip4/192.0.2.0/ipcidr/24", "192.0.2.0/24".to_owned()),
            ("/ip6/2001:db8::/ipcidr/32", "2001:db8::/32".to_owned()),
            (&format!("/ip4/192.0.2.7/p2p/{peer}"), format!("192.0.2.7/32/p2p/{peer}")),
            (&format!("10.0.0.0/8/p2p/{peer}"), format!("10.0.0.0/8/p2p/{peer}")),
            ("10.0.0.1/p2p/0x0a", "10.0.0.1/32/p2p/0x0a".to_owned()),
        ] {
            let read = entry(given).expect(given);
            assert_eq!(text(&read).to_string(), told, "{given}");
            assert_eq!(entry(&told), Ok(read), "{told}");
        }
        for bad in [
            "",
            "/",
            "localhost",
            "192.0.2.7:80",
            "192.0.2.0/33",
            "/ip4",
            "/ip4/::1",
            "/ip6/192.0.2.7",
            "/ip4/192.0.2.7/tcp/80",
            "/ip4/192.0.2.7/ipcidr",
            "/ip4/192.0.2.7/ipcidr/33",
            "/ip4/192.0.2.7/ipcidr/24/tcp/1",
            "/dns4/example.org",
            "192.0.2.7/p2p/ann",
        ] {
            assert_eq!(entry(bad), Err(InvalidEntry), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_an_entry_or_an_error(given in "\\PC{0,60}|[/a-z0-9.:]{0,40}") {
            if let Ok(read) = entry(&given) {
                prop_assert_eq!(entry(&text(&read).to_string()), Ok(read));
            }
        }
    }
}
