//! The first line of a script: the limits that the manager is made with.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use rcmgr_config::libp2p::{BaseLimits, Bound, PartialLimits};
use rcmgr_core::{ConnectionRates, IpLimits, Limit, Limits, Name, Rate, ScopeLimit};
use serde::{Deserialize, Deserializer, Serialize};

use crate::{Allowed, Fault};

/// The version of the format.
const VERSION: u64 = 1;

/// The limits that a script's manager is made with, as go-libp2p's are given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// The version of the format, 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub v: Option<u64>,
    /// The name of the script.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it was generated from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<i64>,
    /// Its profile, and what it contains.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "or_null")]
    pub tags: Vec<String>,
    /// Complete limits of every class.
    pub base: BaseLimits,
    /// What is applied over them.
    #[serde(default, deserialize_with = "or_null")]
    pub limits: PartialLimits,
    /// The allowlist at the beginning.
    #[serde(default)]
    pub allowlist: Option<Vec<Allowed>>,
    /// Limits of connections from single IPv4 networks; go-libp2p's defaults if absent.
    #[serde(default)]
    pub prefix_v4: Option<Vec<NetworkLimit<Ipv4Net>>>,
    /// Limits of connections from single IPv6 networks; go-libp2p's defaults if absent.
    #[serde(default)]
    pub prefix_v6: Option<Vec<NetworkLimit<Ipv6Net>>>,
    /// Limits of connections from each IPv4 subnet of a length; go-libp2p's defaults if absent.
    #[serde(default)]
    pub subnet_v4: Option<Vec<SubnetLimit>>,
    /// Limits of connections from each IPv6 subnet of a length; go-libp2p's defaults if absent.
    #[serde(default)]
    pub subnet_v6: Option<Vec<SubnetLimit>>,
    /// The rates of new connections; unlimited if absent.
    #[serde(default)]
    pub rate: Option<Rates>,
}

/// A value, or null where it is absent: Go writes what is empty so.
fn or_null<'de, T: Default + Deserialize<'de>, D: Deserializer<'de>>(
    from: D,
) -> Result<T, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

/// A limit of the connections from one network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
#[allow(missing_docs, reason = "the names are the documentation, and Go's")]
pub struct NetworkLimit<N> {
    pub network: N,
    pub conn_count: Bound,
}

/// A limit of the connections from each subnet of a length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
#[allow(missing_docs, reason = "the names are the documentation, and Go's")]
pub struct SubnetLimit {
    pub prefix_length: u8,
    pub conn_count: Bound,
}

/// The rates of new connections.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
#[allow(missing_docs, reason = "the names are the documentation, and Go's")]
pub struct Rates {
    #[serde(default)]
    pub global: TokenRate,
    /// Of connections without an IP address. go-libp2p has none, and takes all of them for one
    /// IPv6 subnet: that of the longest prefix is used if absent.
    #[serde(default, rename = "WithoutIP", skip_serializing_if = "Option::is_none")]
    pub without_ip: Option<TokenRate>,
    #[serde(default)]
    pub prefixes: Option<Vec<NetworkRate>>,
    #[serde(default)]
    pub subnet_v4: Option<Vec<SubnetRate>>,
    #[serde(default)]
    pub subnet_v6: Option<Vec<SubnetRate>>,
    #[serde(default)]
    pub grace_ms: u64,
}

/// Tokens per second, and how many there are at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the names are the documentation, and Go's")]
pub struct TokenRate {
    #[serde(rename = "RPS")]
    pub rps: f64,
    #[serde(rename = "Burst", deserialize_with = "burst")]
    pub burst: u32,
}

/// Go's number has 64 bits; a bucket that holds more than 32 of them count outlasts any script.
fn burst<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    u64::deserialize(from).map(|burst| u32::try_from(burst).unwrap_or(u32::MAX))
}

/// The rate of one network.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the names are the documentation, and Go's")]
pub struct NetworkRate {
    #[serde(rename = "Prefix")]
    pub prefix: IpNet,
    #[serde(rename = "RPS")]
    pub rps: f64,
    #[serde(rename = "Burst", deserialize_with = "burst")]
    pub burst: u32,
}

/// The rate of each subnet of a length.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "the names are the documentation, and Go's")]
pub struct SubnetRate {
    #[serde(rename = "PrefixLength")]
    pub prefix_length: u8,
    #[serde(rename = "RPS")]
    pub rps: f64,
    #[serde(rename = "Burst", deserialize_with = "burst")]
    pub burst: u32,
}

impl Header {
    /// A header that describes limits, but for their rates of connections: these are unlimited.
    pub fn of(limits: &Limits) -> Header {
        let named = |limits: &HashMap<Name, ScopeLimit>| {
            limits.iter().map(|(name, limit)| (name.to_string(), (*limit).into())).collect()
        };
        let peers = limits.peers.iter();
        let peers =
            peers.map(|(key, limit)| (String::from_utf8_lossy(key).into_owned(), (*limit).into()));
        let networks = || limits.ip.networks.iter();
        let v4 = networks().filter_map(|(network, limit)| match network {
            IpNet::V4(network) => {
                Some(NetworkLimit { network: *network, conn_count: (*limit).into() })
            }
            IpNet::V6(_) => None,
        });
        let v6 = networks().filter_map(|(network, limit)| match network {
            IpNet::V6(network) => {
                Some(NetworkLimit { network: *network, conn_count: (*limit).into() })
            }
            IpNet::V4(_) => None,
        });
        let subnets = |subnets: &BTreeMap<u8, Limit>| {
            let limits = subnets.iter();
            let limits = limits.map(|(length, limit)| SubnetLimit {
                prefix_length: *length,
                conn_count: (*limit).into(),
            });
            Some(limits.collect())
        };
        Header {
            base: limits.into(),
            limits: PartialLimits {
                service: named(&limits.services),
                service_peer: named(&limits.service_peers),
                protocol: named(&limits.protocols),
                protocol_peer: named(&limits.protocol_peers),
                peer: peers.collect(),
                ..PartialLimits::default()
            },
            allowlist: Some(limits.allowlist.iter().map(Allowed::of).collect()),
            prefix_v4: Some(v4.collect()),
            prefix_v6: Some(v6.collect()),
            subnet_v4: subnets(&limits.ip.subnets_v4),
            subnet_v6: subnets(&limits.ip.subnets_v6),
            ..Header::default()
        }
    }

    /// The limits that it describes.
    ///
    /// # Errors
    /// [`Fault::Version`]; [`Fault::Header`] for what cannot be meant.
    pub fn limits(&self) -> Result<Limits, Fault> {
        if let Some(version) = self.v.filter(|version| *version != VERSION) {
            return Err(Fault::Version(version));
        }
        let base = Limits::from(self.base);
        let mut limits = self.limits.over(&base, |peer| peer.as_bytes().into());
        limits.ip = self.ip()?;
        limits.rates = self.rates()?;
        let allowed = self.allowlist.iter().flatten();
        limits.allowlist = allowed.map(|allowed| allowed.entry().clone()).collect();
        Ok(limits)
    }

    fn ip(&self) -> Result<IpLimits, Fault> {
        let mut ip = IpLimits::default();
        if let Some(networks) = &self.prefix_v4 {
            let limits = networks.iter().map(|limit| (limit.network.into(), limit.conn_count));
            replace_networks(&mut ip, "prefix_v4", |net| matches!(net, IpNet::V4(_)), limits)?;
        }
        if let Some(networks) = &self.prefix_v6 {
            let limits = networks.iter().map(|limit| (limit.network.into(), limit.conn_count));
            replace_networks(&mut ip, "prefix_v6", |net| matches!(net, IpNet::V6(_)), limits)?;
        }
        let subnets = |subnets: &[SubnetLimit]| -> Vec<(u8, Limit)> {
            subnets.iter().map(|limit| (limit.prefix_length, limit.conn_count.into())).collect()
        };
        if let Some(limits) = &self.subnet_v4 {
            ip.subnets_v4 = by_length("subnet_v4", subnets(limits), 32)?;
        }
        if let Some(limits) = &self.subnet_v6 {
            ip.subnets_v6 = by_length("subnet_v6", subnets(limits), 128)?;
        }
        Ok(ip)
    }

    fn rates(&self) -> Result<ConnectionRates, Fault> {
        let Some(rates) = &self.rate else { return Ok(ConnectionRates::unlimited()) };
        let mut networks = BTreeMap::new();
        for of in rates.prefixes.iter().flatten() {
            let rate = open_rate("rate.Prefixes", of.rps, of.burst)?;
            if networks.insert(of.prefix.trunc(), rate).is_some() {
                return Err(twice("rate.Prefixes", &of.prefix));
            }
        }
        let subnets = |field, subnets: &Option<Vec<SubnetRate>>, longest| {
            let rates = subnets.iter().flatten();
            let rates = rates.map(|of| Ok((of.prefix_length, rate(field, of.rps, of.burst)?)));
            by_length(field, rates.collect::<Result<_, Fault>>()?, longest)
        };
        let open = |field, of: TokenRate| open_rate(field, of.rps, of.burst);
        let subnets_v6: BTreeMap<u8, Rate> = subnets("rate.SubnetV6", &rates.subnet_v6, 128)?;
        let without_ip = match rates.without_ip {
            Some(of) => open("rate.WithoutIP", of)?,
            None => subnets_v6.values().next_back().copied().unwrap_or(Rate::UNLIMITED),
        };
        Ok(ConnectionRates {
            global: open("rate.Global", rates.global)?,
            without_ip,
            networks,
            subnets_v4: subnets("rate.SubnetV4", &rates.subnet_v4, 32)?,
            subnets_v6,
            grace: Duration::from_millis(rates.grace_ms),
            ..ConnectionRates::unlimited()
        })
    }
}

/// Puts the limits in place of the defaults of their family.
fn replace_networks(
    ip: &mut IpLimits,
    field: &'static str,
    is_of_family: fn(&IpNet) -> bool,
    limits: impl Iterator<Item = (IpNet, Bound)>,
) -> Result<(), Fault> {
    ip.networks.retain(|network, _| !is_of_family(network));
    for (network, limit) in limits {
        if ip.networks.insert(network.trunc(), limit.into()).is_some() {
            return Err(twice(field, &network));
        }
    }
    Ok(())
}

fn by_length<T>(
    field: &'static str,
    all: Vec<(u8, T)>,
    longest: u8,
) -> Result<BTreeMap<u8, T>, Fault> {
    let mut lengths = BTreeMap::new();
    for (length, value) in all {
        if length > longest {
            let why = format!("PrefixLength is {length}; it is at most {longest}");
            return Err(Fault::Header { field, why });
        }
        if lengths.insert(length, value).is_some() {
            return Err(twice(field, &format!("/{length}")));
        }
    }
    Ok(lengths)
}

fn twice(field: &'static str, what: &dyn core::fmt::Display) -> Fault {
    Fault::Header { field, why: format!("{what} has two entries") }
}

/// A rate of which 0 is unlimited, as go-libp2p takes it for all and for single networks.
fn open_rate(field: &'static str, rps: f64, burst: u32) -> Result<Rate, Fault> {
    if rps == 0.0 { Ok(Rate::UNLIMITED) } else { rate(field, rps, burst) }
}

fn rate(field: &'static str, rps: f64, burst: u32) -> Result<Rate, Fault> {
    Rate::new(rps, burst).map_err(|error| Fault::Header { field, why: error.to_string() })
}
