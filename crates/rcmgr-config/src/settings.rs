//! What one source says of limits, be it a file or a flag: each value with the place where it
//! stands, and nothing where it says nothing.
//!
//! Every format is read into these settings, and [`resolve`](crate::resolve) makes limits of them.

use core::fmt;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use rcmgr_core::ipnet::IpNet;
use rcmgr_core::{AllowlistEntry, Limit, Rate, Resource};

use crate::{
    At, Bound, Carrier, Factor, Follow, Portion, Protocols, Quota, Ratio, Said, Share, Subject,
    Transport,
};

/// What may be said of one limit of a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// What it would be if nobody had said anything.
    Default,
    /// So much on every machine.
    Limit(Limit),
    /// So much, and more with each GiB of memory that the node is given. As in go-libp2p, memory
    /// counts by whole MiB, and 128 MiB or less count as none.
    Scaled {
        /// So much at least.
        base: Limit,
        /// So much more with each GiB.
        per_gib: u64,
    },
    /// A part of the descriptors that the node is given.
    Part {
        /// So many at least.
        base: Limit,
        /// The part that is taken instead where it is more.
        part: Ratio,
    },
}

/// What may be said of something that is limited beside the scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice<T> {
    /// What it would be if nobody had said anything.
    Default,
    /// This.
    Set(T),
}

/// Which connections are limited beside the scopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AddressRule {
    /// All together. Only their rate is limited here.
    All,
    /// Those without an address. Only their rate is limited here.
    WithoutAddress,
    /// Those of each IPv4 subnet of this prefix length, 0 to 32.
    SubnetV4(u8),
    /// Those of each IPv6 subnet of this prefix length, 0 to 128.
    SubnetV6(u8),
    /// Those of one network.
    Network(IpNet),
}

/// As the end of a path of the native format: `all`, `ipv4.32`, `networks."10.0.0.0/8"`.
impl fmt::Display for AddressRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AddressRule::All => f.write_str("all"),
            AddressRule::WithoutAddress => f.write_str("without-address"),
            AddressRule::SubnetV4(length) => write!(f, "ipv4.{length}"),
            AddressRule::SubnetV6(length) => write!(f, "ipv6.{length}"),
            AddressRule::Network(network) => write!(f, "networks.\"{network}\""),
        }
    }
}

/// What the limits are where nobody says anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Base {
    /// go-libp2p's defaults, scaled to what the node is given, with those of its bundled services.
    #[default]
    Libp2p,
    /// No limits at all.
    Unlimited,
}

/// How much memory a node is given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MemoryGiven {
    /// Once and for all.
    Share(Share),
    /// Following what is free on the machine.
    Follow(Follow),
}

/// The transports that can be named: any other takes what the program has for it.
pub fn named_transports() -> impl Iterator<Item = Transport> {
    Transport::ALL.into_iter().filter(|transport| *transport != Transport::Other)
}

/// Whether a node has a connection manager.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ManagerType {
    /// It has one, which regulates its connections.
    #[default]
    Regulator,
    /// It has none: connections are closed by nobody but their ends, and refused by limits.
    None,
}

impl fmt::Display for ManagerType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ManagerType::Regulator => "regulator",
            ManagerType::None => "none",
        })
    }
}

/// What is said of the connection manager.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionManagerSettings {
    /// Whether there is one.
    pub kind: Option<Said<ManagerType>>,
    /// Above so many connections, some are closed.
    pub high_watermark: Option<Said<u64>>,
    /// Until there are so many.
    pub low_watermark: Option<Said<u64>>,
    /// A connection that is younger is not closed.
    pub grace_period: Option<Said<Duration>>,
    /// The least time between two such rounds.
    pub silence_period: Option<Said<Duration>>,
    /// How many connections protocols are to have. Those without any bound are counted all the same,
    /// and remembered.
    pub quotas: BTreeMap<Protocols, BTreeMap<Bound, Said<Portion>>>,
}

impl ConnectionManagerSettings {
    /// What the bounds of each quota come to: a minimum that nobody said is 0.
    pub fn quotas(&self) -> BTreeMap<Protocols, Quota> {
        let quota = |said: &BTreeMap<Bound, Said<Portion>>| {
            let bound = |bound| said.get(&bound).map(|said| said.value);
            let min = bound(Bound::Minimum).unwrap_or(Portion::Connections(0));
            Quota { min, max: bound(Bound::Maximum) }
        };
        self.quotas.iter().map(|(protocols, said)| (protocols.clone(), quota(said))).collect()
    }
}

/// What one source says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    /// What holds where nothing is said.
    pub base: Option<Said<Base>>,
    /// The memory that the node is given, which the scaled limits grow with.
    pub memory: Option<Said<MemoryGiven>>,
    /// The file descriptors that the node is given.
    pub file_descriptors: Option<Said<Share>>,
    /// The limits of scopes. A name without any goes by its class, and is remembered.
    pub scopes: BTreeMap<Subject, BTreeMap<Resource, Said<Setting>>>,
    /// How many connections there may be by address; not of [`AddressRule::All`] and
    /// [`AddressRule::WithoutAddress`], whose scope is the system.
    pub connections: BTreeMap<AddressRule, Said<Choice<Limit>>>,
    /// How fast connections may be opened.
    pub rates: BTreeMap<AddressRule, Said<Choice<Rate>>>,
    /// How long the bucket of a subnet is kept after it is full again.
    pub rate_grace: Option<Said<Duration>>,
    /// How many buckets of subnets are kept.
    pub rate_buckets: Option<Said<u64>>,
    /// Who is let past full scopes; a later source replaces the whole list.
    pub allowlist: Option<Said<BTreeSet<AllowlistEntry>>>,
    /// The memory, in bytes, that connections and streams take by themselves; not of
    /// [`Transport::Other`].
    pub base_memory: BTreeMap<(Transport, Carrier), Said<u64>>,
    /// What is said of the connection manager.
    pub connection_manager: ConnectionManagerSettings,
}

impl Settings {
    /// Lays a source over this one: what it says replaces what this one says of the same thing.
    pub fn overlay(&mut self, above: &Settings) {
        fn one<T: Clone>(below: &mut Option<T>, above: &Option<T>) {
            if above.is_some() {
                below.clone_from(above);
            }
        }
        fn many<K: Ord + Clone, V: Clone>(below: &mut BTreeMap<K, V>, above: &BTreeMap<K, V>) {
            below.extend(above.iter().map(|(key, value)| (key.clone(), value.clone())));
        }
        let Settings {
            base,
            memory,
            file_descriptors,
            scopes,
            connections,
            rates,
            rate_grace,
            rate_buckets,
            allowlist,
            base_memory,
            connection_manager,
        } = above;
        one(&mut self.base, base);
        one(&mut self.memory, memory);
        one(&mut self.file_descriptors, file_descriptors);
        for (subject, limits) in scopes {
            many(self.scopes.entry(subject.clone()).or_default(), limits);
        }
        many(&mut self.connections, connections);
        many(&mut self.rates, rates);
        one(&mut self.rate_grace, rate_grace);
        one(&mut self.rate_buckets, rate_buckets);
        one(&mut self.allowlist, allowlist);
        many(&mut self.base_memory, base_memory);
        let below = &mut self.connection_manager;
        one(&mut below.kind, &connection_manager.kind);
        one(&mut below.high_watermark, &connection_manager.high_watermark);
        one(&mut below.low_watermark, &connection_manager.low_watermark);
        one(&mut below.grace_period, &connection_manager.grace_period);
        one(&mut below.silence_period, &connection_manager.silence_period);
        for (protocols, bounds) in &connection_manager.quotas {
            many(below.quotas.entry(protocols.clone()).or_default(), bounds);
        }
    }

    /// The same, with every place replaced: what a request to a running node said stands in no
    /// file.
    #[must_use]
    pub fn said_at(mut self, at: &At) -> Settings {
        fn one<T>(said: &mut Option<Said<T>>, at: &At) {
            if let Some(said) = said {
                said.at = at.clone();
            }
        }
        fn many<K: Ord, T>(said: &mut BTreeMap<K, Said<T>>, at: &At) {
            said.values_mut().for_each(|said| said.at = at.clone());
        }
        one(&mut self.base, at);
        one(&mut self.memory, at);
        one(&mut self.file_descriptors, at);
        self.scopes.values_mut().for_each(|limits| many(limits, at));
        many(&mut self.connections, at);
        many(&mut self.rates, at);
        one(&mut self.rate_grace, at);
        one(&mut self.rate_buckets, at);
        one(&mut self.allowlist, at);
        many(&mut self.base_memory, at);
        one(&mut self.connection_manager.kind, at);
        one(&mut self.connection_manager.high_watermark, at);
        one(&mut self.connection_manager.low_watermark, at);
        one(&mut self.connection_manager.grace_period, at);
        one(&mut self.connection_manager.silence_period, at);
        self.connection_manager.quotas.values_mut().for_each(|bounds| many(bounds, at));
        self
    }

    /// Multiplies every limit of a scope that is a number: what is said to be `unlimited`,
    /// `block` or `default` stays, as do addresses and rates. Results are rounded to the nearest
    /// number, and one that no `u64` can hold is unlimited.
    ///
    /// It is what Flow's documentation calls increasing all limit overrides at scale.
    pub fn multiply(&mut self, by: Factor) {
        let limit = |limit: Limit| match limit {
            Limit::UNLIMITED | Limit::BLOCK_ALL => limit,
            limit => Limit::new(by.of(limit.get())),
        };
        for said in self.scopes.values_mut().flat_map(BTreeMap::values_mut) {
            match &mut said.value {
                Setting::Default => {}
                Setting::Limit(bound) => *bound = limit(*bound),
                Setting::Scaled { base, per_gib } => {
                    *base = limit(*base);
                    *per_gib = by.of(*per_gib);
                }
                Setting::Part { base, .. } => *base = limit(*base),
            }
        }
    }
}
