//! Who is let past full scopes: networks, and peers in networks.

use core::fmt;
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use ipnet::IpNet;

use super::network::Networks;
use crate::PeerKey;

/// An entry of the allowlist: connections from a network, be it of every peer or of one.
///
/// ```
/// use rcmgr_core::AllowlistEntry;
///
/// let office = AllowlistEntry::network("192.0.2.0/24".parse().unwrap());
/// let backup = AllowlistEntry::peer(b"peer", "198.51.100.7/32".parse().unwrap());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AllowlistEntry {
    /// Where the connections come from.
    pub network: IpNet,
    /// The one peer that is allowed from there; `None` allows every peer.
    pub peer: Option<PeerKey>,
}

impl AllowlistEntry {
    /// Every connection from a network.
    pub const fn network(network: IpNet) -> Self {
        AllowlistEntry { network, peer: None }
    }

    /// The connections of one peer from a network.
    pub fn peer(peer: &[u8], network: IpNet) -> Self {
        AllowlistEntry { network, peer: Some(peer.into()) }
    }

    /// The same entry as it is looked up: without host bits, and IPv4 where it is mapped.
    pub(crate) fn canonical(&self) -> Self {
        let network = super::network::canonical(self.network);
        AllowlistEntry { network, peer: self.peer.clone() }
    }
}

/// The allowlist as it is asked. A look-up takes a step for each bit of an address and one hash of
/// a key, however many entries there are.
#[derive(Default)]
pub struct Allowlist {
    /// The networks of all entries: from anywhere else nobody is let in.
    all: Networks<()>,
    /// The networks from which every peer is allowed.
    of_everyone: Networks<()>,
    of_peers: HashMap<PeerKey, Networks<()>>,
}

impl Allowlist {
    pub fn new(entries: &BTreeSet<AllowlistEntry>) -> Self {
        let mut allowlist = Allowlist::default();
        for AllowlistEntry { network, peer } in entries {
            allowlist.all.insert(*network, ());
            match peer {
                None => allowlist.of_everyone.insert(*network, ()),
                Some(peer) => {
                    allowlist.of_peers.entry(peer.clone()).or_default().insert(*network, ());
                }
            }
        }
        allowlist
    }

    /// Whether a connection may be allowed, before its peer is known.
    pub fn may_allow(&self, ip: IpAddr) -> bool {
        self.all.most_specific(ip).is_some()
    }

    /// Whether the connections of a peer from an address are allowed.
    pub fn allows(&self, peer: &[u8], ip: IpAddr) -> bool {
        let of_peer =
            || self.of_peers.get(peer).is_some_and(|nets| nets.most_specific(ip).is_some());
        self.of_everyone.most_specific(ip).is_some() || of_peer()
    }
}

impl fmt::Debug for Allowlist {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Allowlist").field("peers", &self.of_peers.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_are_allowed_from_their_networks_only() {
        let net = |text: &str| text.parse::<IpNet>().unwrap();
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let entries = BTreeSet::from([
            AllowlistEntry::network(net("10.0.0.0/8")),
            AllowlistEntry::peer(b"ann", net("192.0.2.0/24")),
            AllowlistEntry::peer(b"ann", net("192.0.2.128/25")),
            AllowlistEntry::peer(b"bob", net("::ffff:198.51.100.7/128")),
        ]);
        let allowlist = Allowlist::new(&entries);
        for (address, peer, may, allowed) in [
            ("10.9.9.9", "eve", true, true),
            ("192.0.2.1", "ann", true, true),
            ("192.0.2.200", "ann", true, true),
            ("192.0.2.1", "bob", true, false),
            ("198.51.100.7", "bob", true, true),
            ("198.51.100.8", "bob", false, false),
            ("2001:db8::1", "ann", false, false),
        ] {
            assert_eq!(allowlist.may_allow(ip(address)), may, "{address}");
            assert_eq!(allowlist.allows(peer.as_bytes(), ip(address)), allowed, "{address} {peer}");
        }
    }
}
