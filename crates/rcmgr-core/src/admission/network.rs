//! Networks of addresses, and which of them an address is in.

use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use prefix_trie::PrefixMap;

/// The network of a prefix length that an address is in; a length beyond the address's own is the
/// address alone.
pub fn subnet(ip: IpAddr, length: u8) -> IpNet {
    let net = IpNet::from(ip);
    IpNet::new(ip, length).map_or(net, |net| net.trunc())
}

/// The network as it is looked up: without host bits, and as IPv4 where it is a part of the
/// IPv4-mapped range of IPv6.
pub fn canonical(network: IpNet) -> IpNet {
    let network = network.trunc();
    match (network, network.addr().to_canonical()) {
        (IpNet::V6(mapped), IpAddr::V4(ip)) if mapped.prefix_len() >= 96 => {
            subnet(IpAddr::V4(ip), mapped.prefix_len() - 96)
        }
        _ => network,
    }
}

/// A value for each of some networks, found by an address in as many steps as its family has bits,
/// at most.
#[derive(Debug)]
pub struct Networks<V> {
    v4: PrefixMap<Ipv4Net, V>,
    v6: PrefixMap<Ipv6Net, V>,
}

impl<V> Networks<V> {
    /// Sets the value of a network.
    pub fn insert(&mut self, network: IpNet, value: V) {
        match canonical(network) {
            IpNet::V4(network) => self.v4.insert(network, value),
            IpNet::V6(network) => self.v6.insert(network, value),
        };
    }

    /// The values of all networks.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.v4.values().chain(self.v6.values())
    }

    /// The most specific of the networks that an address is in.
    pub fn most_specific(&self, ip: IpAddr) -> Option<(IpNet, &V)> {
        match ip {
            IpAddr::V4(ip) => {
                self.v4.get_lpm(&ip.into()).map(|(network, value)| (network.into(), value))
            }
            IpAddr::V6(ip) => {
                self.v6.get_lpm(&ip.into()).map(|(network, value)| (network.into(), value))
            }
        }
    }
}

impl<V> Default for Networks<V> {
    fn default() -> Self {
        Networks { v4: PrefixMap::new(), v6: PrefixMap::new() }
    }
}

impl<V> FromIterator<(IpNet, V)> for Networks<V> {
    fn from_iter<I: IntoIterator<Item = (IpNet, V)>>(values: I) -> Self {
        let mut networks = Networks::default();
        for (network, value) in values {
            networks.insert(network, value);
        }
        networks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    #[test]
    fn mapped_networks_are_those_of_ipv4() {
        for (given, expected) in [
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("::ffff:10.1.2.0/120", "10.1.2.0/24"),
            ("::ffff:0:0/96", "0.0.0.0/0"),
            ("::ffff:0:0/95", "::fffe:0:0/95"),
            ("2001:db8::1/48", "2001:db8::/48"),
        ] {
            assert_eq!(canonical(net(given)), net(expected), "{given}");
        }
    }

    #[test]
    fn the_most_specific_network_is_found() {
        let all = ["0.0.0.0/0", "10.0.0.0/8", "10.1.0.0/16", "::/0", "::ffff:10.1.2.3/128"];
        let networks: Networks<usize> =
            all.iter().enumerate().map(|(at, text)| (net(text), at)).collect();
        for (ip, expected) in
            [("9.9.9.9", 0), ("10.9.9.9", 1), ("10.1.9.9", 2), ("10.1.2.3", 4), ("fe80::1", 3)]
        {
            let found = networks.most_specific(ip.parse().unwrap()).map(|(_, at)| *at);
            assert_eq!(found, Some(expected), "{ip}");
        }
        assert!(Networks::<()>::default().most_specific([1, 2, 3, 4].into()).is_none());
    }

    #[test]
    fn a_subnet_that_is_longer_than_the_address_is_the_address() {
        assert_eq!(subnet([10, 1, 2, 3].into(), 24), net("10.1.2.0/24"));
        assert_eq!(subnet([10, 1, 2, 3].into(), 33), net("10.1.2.3/32"));
    }
}
