//! The addresses in scripts: just so much of multiaddrs as limits look at.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use rcmgr_core::{AllowlistEntry, ipnet::IpNet};
use serde::{Deserialize, Serialize};

/// The longest address that is read.
const LONGEST: usize = 1024;

/// How many bits of an IPv6 address come before an IPv4 address that is mapped into it.
const MAPPED: u8 = 96;

/// Where a connection comes from or goes to, such as `/ip4/1.2.3.4/tcp/1` or `/memory/7`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Endpoint {
    text: String,
    ip: Option<IpAddr>,
}

impl Endpoint {
    /// The IP address that it begins with, if it begins with one.
    pub fn ip(&self) -> Option<IpAddr> {
        self.ip
    }
}

/// An entry of the allowlist: `/ip4/A[/ipcidr/N][/p2p/PEER]`, and the same of `/ip6`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Allowed {
    text: String,
    entry: AllowlistEntry,
}

impl Allowed {
    /// The text of an entry. A peer whose key is no text is told as well as it can be.
    pub fn of(entry: &AllowlistEntry) -> Allowed {
        let AllowlistEntry { network, peer } = entry;
        let family = if network.addr().is_ipv4() { "ip4" } else { "ip6" };
        let mut text = format!("/{family}/{}/ipcidr/{}", network.addr(), network.prefix_len());
        if let Some(peer) = peer {
            text += &format!("/p2p/{}", String::from_utf8_lossy(peer));
        }
        Allowed { text, entry: entry.clone() }
    }

    /// What it allows.
    pub fn entry(&self) -> &AllowlistEntry {
        &self.entry
    }
}

/// The source of a datagram: `1.2.3.4:5` or `[2001:db8::1]:5`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Source(SocketAddr);

impl Source {
    /// Its IP address.
    pub fn ip(&self) -> IpAddr {
        self.0.ip()
    }
}

/// A text that is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// Not what a connection has.
    #[error(
        "{0:?} is no endpoint such as /ip4/1.2.3.4/tcp/1, /ip6/2001:db8::1/udp/1/quic-v1, \
         /dns4/example.org/tcp/443 or /memory/7"
    )]
    Endpoint(String),
    /// Not what an allowlist has.
    #[error(
        "{0:?} is no entry such as /ip4/1.2.3.4, /ip4/1.2.3.0/ipcidr/24 or /ip4/1.2.3.4/p2p/PEER"
    )]
    Allowed(String),
    /// Not what a datagram has.
    #[error("{0:?} is no source such as 1.2.3.4:5 or [2001:db8::1]:5")]
    Source(String),
}

/// The components after the first slash.
fn components(text: &str) -> Option<impl Iterator<Item = &str>> {
    let short = text.len() <= LONGEST;
    text.strip_prefix('/').filter(|_| short).map(|rest| rest.trim_end_matches('/').split('/'))
}

/// An address of the family that a multiaddr's component names.
fn ip(family: &str, address: &str) -> Option<IpAddr> {
    match family {
        "ip4" => address.parse().ok().map(IpAddr::V4),
        "ip6" => address.parse().ok().map(IpAddr::V6),
        _ => None,
    }
}

impl TryFrom<String> for Endpoint {
    type Error = BadAddress;

    fn try_from(text: String) -> Result<Endpoint, BadAddress> {
        match begins_with(&text) {
            Some(ip) => Ok(Endpoint { text, ip }),
            None => {
                let cut = text.chars().take(LONGEST).collect();
                Err(BadAddress::Endpoint(cut))
            }
        }
    }
}

/// The IP address that an endpoint begins with, if it does; nothing if it is no endpoint.
fn begins_with(text: &str) -> Option<Option<IpAddr>> {
    let mut rest = components(text)?;
    loop {
        match rest.next()? {
            "" => return None,
            "ip6zone" => _ = rest.next()?,
            family @ ("ip4" | "ip6") => return Some(Some(ip(family, rest.next()?)?)),
            _ => return Some(None),
        }
    }
}

impl From<Endpoint> for String {
    fn from(endpoint: Endpoint) -> String {
        endpoint.text
    }
}

impl TryFrom<String> for Allowed {
    type Error = BadAddress;

    fn try_from(text: String) -> Result<Allowed, BadAddress> {
        match entry(&text) {
            Some(entry) => Ok(Allowed { text, entry }),
            None => Err(BadAddress::Allowed(text.chars().take(LONGEST).collect())),
        }
    }
}

fn entry(text: &str) -> Option<AllowlistEntry> {
    let mut rest = components(text)?;
    let ip = ip(rest.next()?, rest.next()?)?;
    let mut network = IpNet::from(ip);
    let mut next = rest.next();
    if next == Some("ipcidr") {
        network = IpNet::new(ip, rest.next()?.parse().ok()?).ok()?.trunc();
        next = rest.next();
    }
    // As the manager takes it: whoever counts entries counts both spellings of one as one.
    if let (IpNet::V6(mapped), IpAddr::V4(ip)) = (network, network.addr().to_canonical())
        && let Some(length) = mapped.prefix_len().checked_sub(MAPPED)
    {
        network = IpNet::new(ip.into(), length).ok()?;
    }
    let peer = match next {
        None => None,
        Some("p2p") => Some(rest.next().filter(|peer| !peer.is_empty())?.as_bytes().into()),
        Some(_) => return None,
    };
    rest.next().is_none().then_some(AllowlistEntry { network, peer })
}

impl From<Allowed> for String {
    fn from(allowed: Allowed) -> String {
        allowed.text
    }
}

impl TryFrom<String> for Source {
    type Error = BadAddress;

    fn try_from(text: String) -> Result<Source, BadAddress> {
        source(&text).ok_or_else(|| BadAddress::Source(text.chars().take(LONGEST).collect()))
    }
}

/// The zone of a link-local address, which Go writes by name, is no part of the address.
fn source(text: &str) -> Option<Source> {
    let zoned = || {
        let (address, rest) = text.strip_prefix('[')?.split_once('%')?;
        let (zone, port) = rest.split_once("]:")?;
        let ip: Ipv6Addr = address.parse().ok()?;
        (!zone.is_empty()).then_some(SocketAddr::new(ip.into(), port.parse().ok()?))
    };
    text.parse().ok().or_else(zoned).map(Source)
}

impl From<Source> for String {
    fn from(source: Source) -> String {
        source.0.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(text: &str) -> Result<Option<IpAddr>, BadAddress> {
        Endpoint::try_from(text.to_owned()).map(|endpoint| endpoint.ip())
    }

    #[test]
    fn an_endpoint_may_begin_with_an_ip_address() {
        let ip = |text: &str| Ok(Some(text.parse().unwrap()));
        assert_eq!(endpoint("/ip4/1.2.3.4"), ip("1.2.3.4"));
        assert_eq!(endpoint("/ip6/::ffff:1.2.3.4/tcp/1"), ip("::ffff:1.2.3.4"));
        assert_eq!(endpoint("/ip6zone/eth0/ip6/fe80::1/tcp/1"), ip("fe80::1"));
        assert_eq!(endpoint("/dns4/example.org/tcp/443"), Ok(None));
        assert_eq!(endpoint("/memory/7"), Ok(None));
        for bad in
            ["", "/", "1.2.3.4", "/ip4", "/ip4/", "/ip4/::1", "/ip6/1.2.3.4", "//ip4/1.1.1.1"]
        {
            assert!(endpoint(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn an_entry_is_a_network_and_perhaps_a_peer() {
        let entry = |text: &str| {
            let allowed = Allowed::try_from(text.to_owned())?;
            let AllowlistEntry { network, peer } = allowed.entry().clone();
            Ok((network.to_string(), peer.map(|peer| String::from_utf8_lossy(&peer).into_owned())))
        };
        let expected =
            |network: &str, peer: Option<&str>| Ok((network.into(), peer.map(Into::into)));
        assert_eq!(entry("/ip4/5.6.7.8"), expected("5.6.7.8/32", None));
        assert_eq!(entry("/ip4/10.1.2.3/ipcidr/16/p2p/p2"), expected("10.1.0.0/16", Some("p2")));
        assert_eq!(entry("/ip6/2a00::1/p2p/p3"), expected("2a00::1/128", Some("p3")));
        assert_eq!(entry("/ip6/::ffff:1.2.3.4"), expected("1.2.3.4/32", None));
        assert_eq!(entry("/ip6/::ffff:1.2.3.4/ipcidr/112"), expected("1.2.0.0/16", None));
        assert_eq!(entry("/ip6/::ffff:1.2.3.4/ipcidr/95"), expected("::fffe:0:0/95", None));
        for bad in [
            "/ip4/1.2.3.4/ipcidr/33",
            "/ip4/1.2.3.4/ipcidr",
            "/ip4/1.2.3.4/p2p",
            "/ip4/1.2.3.4/tcp/1",
            "/ip4/1.2.3.4/p2p/a/b",
            "/dns4/example.org",
            "",
        ] {
            let result: Result<_, BadAddress> = entry(bad);
            assert!(result.is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_source_has_a_port() {
        for (text, ip) in [
            ("1.2.3.4:5", "1.2.3.4"),
            ("[2001:db8::1]:5", "2001:db8::1"),
            ("[fe80::1%eth0]:5", "fe80::1"),
            ("[fe80::1%2]:5", "fe80::1"),
        ] {
            let source = Source::try_from(text.to_owned()).expect(text);
            assert_eq!(source.ip().to_string(), ip);
        }
        for bad in ["1.2.3.4", "[fe80::1%]:5", "[fe80::1%eth0]", "[1.2.3.4%eth0]:5", "[fe80::1]:"] {
            assert!(Source::try_from(bad.to_owned()).is_err(), "{bad:?}");
        }
    }
}
