//! How many connections one address, or one network of addresses, may have at once.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::network::{Networks, canonical, subnet};
use super::slots::SlotKey;
use crate::Limit;

/// Limits on the connections of one address: by the subnets that it is in, or by a network that
/// has a limit of its own.
///
/// An address is asked of the most specific network of `networks` that it is in. If it is in none,
/// it is asked of its subnet of each length of `subnets_v4` or `subnets_v6`, and all of them have
/// to admit it. An IPv4 address that is mapped into IPv6 counts as IPv4. Connections without an
/// address are not limited here.
///
/// The default is go-libp2p's: loopback is unlimited; 8 connections for each IPv4 address; 8 for
/// each IPv6 /56 and 64 for each /48.
///
/// ```
/// use rcmgr_core::{IpLimits, Limit};
///
/// let mut limits = IpLimits::default();
/// limits.subnets_v4.insert(24, Limit::new(64));
/// limits.networks.insert("10.0.0.0/8".parse().unwrap(), Limit::UNLIMITED);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IpLimits {
    /// The connections of each given network. They replace the limits by subnet.
    pub networks: BTreeMap<IpNet, Limit>,
    /// The connections of each IPv4 subnet, by prefix length; one above 32 counts as 32.
    pub subnets_v4: BTreeMap<u8, Limit>,
    /// The connections of each IPv6 subnet, by prefix length; one above 128 counts as 128.
    pub subnets_v6: BTreeMap<u8, Limit>,
}

impl IpLimits {
    /// No limits at all.
    pub const fn unlimited() -> Self {
        IpLimits {
            networks: BTreeMap::new(),
            subnets_v4: BTreeMap::new(),
            subnets_v6: BTreeMap::new(),
        }
    }
}

impl Default for IpLimits {
    fn default() -> Self {
        IpLimits {
            networks: loopback().map(|network| (network, Limit::UNLIMITED)).into(),
            subnets_v4: [(32, Limit::new(8))].into(),
            subnets_v6: [(48, Limit::new(64)), (56, Limit::new(8))].into(),
        }
    }
}

/// The networks of addresses of this machine itself.
pub fn loopback() -> [IpNet; 2] {
    let (v4, v6) = ([127, 0, 0, 0].into(), core::net::Ipv6Addr::LOCALHOST);
    [Ipv4Net::new_assert(v4, 8).into(), Ipv6Net::new_assert(v6, 128).into()]
}

/// The limits as they are asked.
#[derive(Debug)]
pub struct IpRules {
    networks: Networks<Limit>,
    /// Narrowest first, and so for IPv6.
    subnets_v4: Vec<(u8, Limit)>,
    subnets_v6: Vec<(u8, Limit)>,
}

impl IpRules {
    /// The rules of limits, with those of networks that have none there.
    pub fn new(limits: &IpLimits, others: impl Iterator<Item = (IpNet, Limit)>) -> Self {
        let given = limits.networks.iter().map(|(network, limit)| (*network, *limit));
        let narrowest_first = |subnets: &BTreeMap<u8, Limit>| {
            subnets.iter().rev().map(|(length, limit)| (*length, *limit)).collect()
        };
        IpRules {
            // A limit that was given comes after the others, and so replaces one.
            networks: others.chain(given).collect(),
            subnets_v4: narrowest_first(&limits.subnets_v4),
            subnets_v6: narrowest_first(&limits.subnets_v6),
        }
    }

    /// The slots that a connection of an address needs, each with its limit.
    pub fn of(&self, ip: IpAddr) -> impl Iterator<Item = (SlotKey, Limit)> + Clone {
        let network = self.networks.most_specific(ip);
        let subnets: &[(u8, Limit)] = match (network, ip) {
            (Some(_), _) => &[],
            (None, IpAddr::V4(_)) => &self.subnets_v4,
            (None, IpAddr::V6(_)) => &self.subnets_v6,
        };
        let network = network.map(|(network, limit)| (SlotKey::Network(network), *limit));
        let subnets = subnets
            .iter()
            .map(move |(length, limit)| (SlotKey::Subnet(subnet(ip, *length)), *limit));
        network.into_iter().chain(subnets)
    }
}

/// The limits of networks, by the networks as they are looked up; of two that are the same one,
/// the later.
pub fn by_network(limits: &IpLimits) -> BTreeMap<IpNet, Limit> {
    limits.networks.iter().map(|(network, limit)| (canonical(*network), *limit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(limits: &IpLimits, ip: &str) -> Vec<(String, u64)> {
        let rules = IpRules::new(limits, core::iter::empty());
        let told = |(key, limit): (SlotKey, Limit)| (key.network().to_string(), limit.get());
        rules.of(ip.parse().unwrap()).map(told).collect()
    }

    #[test]
    fn the_defaults_are_those_of_go_libp2p() {
        let limits = IpLimits::default();
        assert_eq!(asked(&limits, "127.1.2.3"), [("127.0.0.0/8".to_owned(), u64::MAX)]);
        assert_eq!(asked(&limits, "::1"), [("::1/128".to_owned(), u64::MAX)]);
        assert_eq!(asked(&limits, "8.8.8.8"), [("8.8.8.8/32".to_owned(), 8)]);
        assert_eq!(
            asked(&limits, "2001:db8:1:2:3::4"),
            [("2001:db8:1::/56".to_owned(), 8), ("2001:db8:1::/48".to_owned(), 64)]
        );
        assert_eq!(asked(&IpLimits::unlimited(), "8.8.8.8"), []);
    }

    #[test]
    fn a_network_replaces_the_subnets() {
        let mut limits = IpLimits::default();
        limits.networks.insert("8.8.0.0/16".parse().unwrap(), Limit::new(3));
        limits.networks.insert("8.0.0.0/8".parse().unwrap(), Limit::new(2));
        assert_eq!(asked(&limits, "8.8.8.8"), [("8.8.0.0/16".to_owned(), 3)]);
        assert_eq!(asked(&limits, "8.9.8.8"), [("8.0.0.0/8".to_owned(), 2)]);
    }
}
