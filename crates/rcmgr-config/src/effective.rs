//! The limits that settings come to, and where each of them comes from.

use core::fmt;
use core::time::Duration;
use std::collections::BTreeMap;

use rcmgr_core::{ConnectionRates, IpLimits, Limit, Limits, Rate, Resource, ScopeLimit};

use crate::{
    AddressRule, At, Base, Bound, Carrier, Choice, Class, Given, Increase, ManagerType, Protocols,
    Quota, ScopeScaling, Setting, Settings, Size, Subject, Transport, libp2p, quoted,
};

/// Something that is set, by itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// The memory that the node is given.
    Memory,
    /// The descriptors that the node is given.
    FileDescriptors,
    /// A limit of scopes.
    Limit(Subject, Resource),
    /// How many connections there may be by address.
    Connections(AddressRule),
    /// How fast they may be opened.
    Rate(AddressRule),
    /// How long buckets are kept.
    RateGrace,
    /// How many buckets are kept.
    RateBuckets,
    /// Who is let past full scopes.
    Allowlist,
    /// What takes memory by itself.
    BaseMemory(Transport, Carrier),
    /// Whether there is a connection manager.
    ManagerType,
    /// The connection manager's high watermark.
    HighWatermark,
    /// The connection manager's low watermark.
    LowWatermark,
    /// The connection manager's grace period.
    GracePeriod,
    /// The connection manager's silence period.
    SilencePeriod,
    /// A bound of how many connections protocols are to have.
    Quota(Protocols, Bound),
}

impl Key {
    /// Whether it is of the connection manager, beside which limits are what they are.
    pub const fn is_carried(&self) -> bool {
        matches!(
            self,
            Key::ManagerType
                | Key::HighWatermark
                | Key::LowWatermark
                | Key::GracePeriod
                | Key::SilencePeriod
                | Key::Quota(..)
        )
    }
}

/// The path in the native format.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Key::Memory => f.write_str("memory"),
            Key::FileDescriptors => f.write_str("file-descriptors"),
            Key::Limit(subject, resource) => {
                write!(f, "limits.{subject}.{}", resource.name().replace('_', "-"))
            }
            Key::Connections(rule) => write!(f, "connections-by-address.{rule}"),
            Key::Rate(rule) => write!(f, "connection-rates.{rule}"),
            Key::RateGrace => f.write_str("connection-rates.grace-period"),
            Key::RateBuckets => f.write_str("connection-rates.max-subnets"),
            Key::Allowlist => f.write_str("allowlist"),
            Key::BaseMemory(transport, carrier) => {
                write!(f, "base-memory.{}.{}", transport.name(), carrier.name())
            }
            Key::ManagerType => f.write_str("connection-manager.type"),
            Key::HighWatermark => f.write_str("connection-manager.high-watermark"),
            Key::LowWatermark => f.write_str("connection-manager.low-watermark"),
            Key::GracePeriod => f.write_str("connection-manager.grace-period"),
            Key::SilencePeriod => f.write_str("connection-manager.silence-period"),
            Key::Quota(protocols, bound) => {
                let name = protocols.to_string();
                write!(f, "connection-manager.quotas.{}.{bound}", quoted(&name))
            }
        }
    }
}

/// Where an effective value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Somebody said it.
    Said(At),
    /// Nobody said anything, and it is the same on every machine.
    Default,
    /// Nobody said anything, and it grew with so many bytes of memory.
    ScaledByMemory(u64),
    /// Nobody said anything, and it is a part of so many descriptors.
    ScaledByDescriptors(u64),
    /// The name says nothing of it, and goes by its class.
    OfClass(Class, Box<Origin>),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Said(at) => at.fmt(f),
            Origin::Default => f.write_str("default"),
            Origin::ScaledByMemory(bytes) => write!(f, "default scaled from {:#}", Size(*bytes)),
            Origin::ScaledByDescriptors(count) => {
                write!(f, "default scaled from {count} descriptors")
            }
            Origin::OfClass(class, origin) => write!(f, "as {class}: {origin}"),
        }
    }
}

/// What is in effect.
#[derive(Clone, Debug, PartialEq)]
pub struct Effective {
    /// What the node is given.
    pub given: Given,
    /// The limits.
    pub limits: Limits,
    /// What all sources together say.
    settings: Settings,
    /// The limits if nobody had said anything, for this node and for the smallest one.
    defaults: Limits,
    smallest: Limits,
}

impl Effective {
    /// The limits that settings come to for a node that is given so much.
    ///
    /// A value that is not said is that of the base; of a name, that of the base for this name, or
    /// else what is in effect for its class.
    pub fn of(settings: Settings, given: Given) -> Effective {
        let base = settings.base.as_ref().map_or(Base::default(), |said| said.value);
        let scaled = |memory, descriptors| match base {
            Base::Libp2p => libp2p::defaults().scale(memory, descriptors),
            Base::Unlimited => Limits {
                ip: IpLimits::unlimited(),
                rates: ConnectionRates::unlimited(),
                ..Limits::default()
            },
        };
        let defaults = scaled(given.memory, given.file_descriptors);
        let mut limits = defaults.clone();
        let none = BTreeMap::new();
        for class in Class::ALL {
            let subject = Subject::Class(class);
            let said = settings.scopes.get(&subject).unwrap_or(&none);
            let below = class.limit(&defaults);
            subject.set(&mut limits, over(below, said, &given));
        }
        for (subject, said) in &settings.scopes {
            if !matches!(subject, Subject::Class(_)) {
                let class = *subject.class().limit(&limits);
                let below = subject.limit(&defaults).unwrap_or(&class);
                let limit = over(below, said, &given);
                subject.set(&mut limits, limit);
            }
        }
        addresses(&mut limits, &defaults, &settings);
        Effective { smallest: scaled(0, 0), given, limits, settings, defaults }
    }

    /// What all sources together say.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where a value comes from.
    pub fn origin(&self, key: &Key) -> Origin {
        match key {
            Key::Limit(subject, resource) => self.origin_of_limit(subject, *resource),
            key => self.said(key).cloned().map_or(Origin::Default, Origin::Said),
        }
    }

    /// Where a value was said, if it was.
    pub fn said(&self, key: &Key) -> Option<&At> {
        fn at<T>(said: Option<&crate::Said<T>>) -> Option<&At> {
            said.map(|said| &said.at)
        }
        fn chosen<T>(said: Option<&crate::Said<Choice<T>>>) -> Option<&At> {
            at(said.filter(|said| !matches!(said.value, Choice::Default)))
        }
        let settings = &self.settings;
        let manager = &settings.connection_manager;
        match key {
            Key::Memory => at(settings.memory.as_ref()),
            Key::FileDescriptors => at(settings.file_descriptors.as_ref()),
            Key::Limit(subject, resource) => {
                let said = settings.scopes.get(subject).and_then(|said| said.get(resource));
                at(said.filter(|said| said.value != Setting::Default))
            }
            Key::Connections(rule) => chosen(settings.connections.get(rule)),
            Key::Rate(rule) => chosen(settings.rates.get(rule)),
            Key::RateGrace => at(settings.rate_grace.as_ref()),
            Key::RateBuckets => at(settings.rate_buckets.as_ref()),
            Key::Allowlist => at(settings.allowlist.as_ref()),
            Key::BaseMemory(transport, carrier) => {
                at(settings.base_memory.get(&(*transport, *carrier)))
            }
            Key::ManagerType => at(manager.kind.as_ref()),
            Key::HighWatermark => at(manager.high_watermark.as_ref()),
            Key::LowWatermark => at(manager.low_watermark.as_ref()),
            Key::GracePeriod => at(manager.grace_period.as_ref()),
            Key::SilencePeriod => at(manager.silence_period.as_ref()),
            Key::Quota(protocols, bound) => {
                at(manager.quotas.get(protocols).and_then(|said| said.get(bound)))
            }
        }
    }

    fn origin_of_limit(&self, subject: &Subject, resource: Resource) -> Origin {
        if let Some(at) = self.said(&Key::Limit(subject.clone(), resource)) {
            return Origin::Said(at.clone());
        }
        let Some(default) = subject.limit(&self.defaults) else {
            let class = subject.class();
            let of_class = self.origin_of_limit(&Subject::Class(class), resource);
            return Origin::OfClass(class, Box::new(of_class));
        };
        let smallest = subject.limit(&self.smallest).unwrap_or(&ScopeLimit::UNLIMITED);
        if default.get(resource) == smallest.get(resource) {
            Origin::Default
        } else if resource == Resource::FileDescriptors {
            Origin::ScaledByDescriptors(self.given.file_descriptors)
        } else {
            Origin::ScaledByMemory(self.given.memory)
        }
    }
}

/// The limits of a scope of which something is said.
fn over(
    below: &ScopeLimit,
    said: &BTreeMap<Resource, crate::Said<Setting>>,
    given: &Given,
) -> ScopeLimit {
    let mut limit = *below;
    for (resource, said) in said {
        *limit.get_mut(*resource) = match said.value {
            Setting::Default => below.get(*resource),
            Setting::Limit(limit) => limit,
            Setting::Scaled { base, per_gib } => {
                let base = ScopeLimit::UNLIMITED.with(Resource::Memory, base);
                let increase = Increase { memory: per_gib, ..Increase::default() };
                ScopeScaling { base, increase }.scale(given.memory, 0).memory
            }
            Setting::Part { base, part } => base.max(Limit::new(part.of(given.file_descriptors))),
        };
    }
    limit
}

fn addresses(limits: &mut Limits, defaults: &Limits, settings: &Settings) {
    for (rule, said) in &settings.connections {
        let chosen = match said.value {
            Choice::Set(limit) => Some(limit),
            Choice::Default => None,
        };
        let Limits { ip, .. } = limits;
        let IpLimits { networks, subnets_v4, subnets_v6 } = &defaults.ip;
        match rule {
            AddressRule::All | AddressRule::WithoutAddress => {}
            AddressRule::SubnetV4(length) => choose(&mut ip.subnets_v4, subnets_v4, length, chosen),
            AddressRule::SubnetV6(length) => choose(&mut ip.subnets_v6, subnets_v6, length, chosen),
            AddressRule::Network(network) => choose(&mut ip.networks, networks, network, chosen),
        }
    }
    let Limits { rates, .. } = limits;
    let default = &defaults.rates;
    for (rule, said) in &settings.rates {
        let chosen: Option<Rate> = match said.value {
            Choice::Set(rate) => Some(rate),
            Choice::Default => None,
        };
        match rule {
            AddressRule::All => rates.global = chosen.unwrap_or(default.global),
            AddressRule::WithoutAddress => rates.without_ip = chosen.unwrap_or(default.without_ip),
            AddressRule::SubnetV4(length) => {
                choose(&mut rates.subnets_v4, &default.subnets_v4, length, chosen);
            }
            AddressRule::SubnetV6(length) => {
                choose(&mut rates.subnets_v6, &default.subnets_v6, length, chosen);
            }
            AddressRule::Network(network) => {
                choose(&mut rates.networks, &default.networks, network, chosen);
            }
        }
    }
    if let Some(grace) = &settings.rate_grace {
        rates.grace = grace.value;
    }
    if let Some(buckets) = &settings.rate_buckets {
        rates.max_buckets = usize::try_from(buckets.value).unwrap_or(usize::MAX);
    }
    if let Some(allowlist) = &settings.allowlist {
        limits.allowlist.clone_from(&allowlist.value);
    }
}

fn choose<K: Ord + Copy, V: Copy>(
    map: &mut BTreeMap<K, V>,
    defaults: &BTreeMap<K, V>,
    key: &K,
    chosen: Option<V>,
) {
    match chosen.or_else(|| defaults.get(key).copied()) {
        Some(value) => drop(map.insert(*key, value)),
        None => drop(map.remove(key)),
    }
}

impl Effective {
    /// The memory, in bytes, that a connection or stream takes by itself, where it is said.
    pub fn base_memory(&self, transport: Transport, carrier: Carrier) -> Option<u64> {
        self.settings.base_memory.get(&(transport, carrier)).map(|said| said.value)
    }

    /// What is said of the connection manager: whether there is one, high and low watermark, grace
    /// and silence period, and the quotas of protocols.
    pub fn connection_manager(&self) -> ConnectionManager {
        let said = &self.settings.connection_manager;
        let number = |said: &Option<crate::Said<u64>>| said.as_ref().map(|said| said.value);
        let time = |said: &Option<crate::Said<Duration>>| said.as_ref().map(|said| said.value);
        ConnectionManager {
            kind: said.kind.as_ref().map(|said| said.value).unwrap_or_default(),
            high_watermark: number(&said.high_watermark),
            low_watermark: number(&said.low_watermark),
            grace_period: time(&said.grace_period),
            silence_period: time(&said.silence_period),
            quotas: said.quotas(),
        }
    }
}

/// How the connection manager is to work.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionManager {
    /// Whether there is one.
    pub kind: ManagerType,
    /// Above so many connections, some are closed.
    pub high_watermark: Option<u64>,
    /// Until there are so many.
    pub low_watermark: Option<u64>,
    /// A connection that is younger is not closed.
    pub grace_period: Option<Duration>,
    /// The least time between two such rounds.
    pub silence_period: Option<Duration>,
    /// How many connections protocols are to have.
    pub quotas: BTreeMap<Protocols, Quota>,
}

#[cfg(test)]
mod tests;
