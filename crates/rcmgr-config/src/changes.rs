//! What differs between two sets of limits in effect, and which scopes would be over.

use core::borrow::Borrow;
use core::fmt;
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use rcmgr_core::{
    AllowlistEntry, Amount, Limit, Limits, PeerKey, Rate, Resource, ScopeId, ScopeLimit,
};

use crate::settings::named_transports;
use crate::{
    AddressRule, Bound, Carrier, Effective, Follow, Key, ManagerType, MemoryGiven, Portion, Size,
    Subject, peer, quoted,
};

/// A value that is in effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// A number of bytes.
    Bytes(u64),
    /// The memory that the node is given at this moment, which follows the machine.
    Followed(u64, Follow),
    /// A number of other things.
    Count(u64),
    /// A limit of a resource.
    Limit(Resource, Limit),
    /// A rate.
    Rate(Rate),
    /// A length of time.
    Time(Duration),
    /// An allowlist.
    Allowlist(BTreeSet<AllowlistEntry>),
    /// Whether there is a connection manager.
    ManagerType(ManagerType),
    /// How many connections protocols are to have.
    Portion(Portion),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Bytes(bytes) => Size(*bytes).fmt(f),
            Value::Followed(bytes, Follow { part, least, most, every, hysteresis }) => write!(
                f,
                "{} for now, {part} of what is free, from {} to {}, every {every:?}, \
                 with a hysteresis of {hysteresis}",
                Size(*bytes),
                Size(*least),
                Size(*most)
            ),
            Value::Count(count) => count.fmt(f),
            Value::Limit(Resource::Memory, limit)
                if !limit.is_unlimited() && *limit != Limit::BLOCK_ALL =>
            {
                Size(limit.get()).fmt(f)
            }
            Value::Limit(_, Limit::BLOCK_ALL) => f.write_str("block"),
            Value::Limit(_, limit) => limit.fmt(f),
            Value::Rate(rate) => rate.fmt(f),
            Value::Time(time) => write!(f, "{time:?}"),
            Value::Allowlist(entries) if entries.is_empty() => f.write_str("nobody"),
            Value::Allowlist(entries) => {
                for (at, entry) in entries.iter().enumerate() {
                    let comma = if at == 0 { "" } else { ", " };
                    write!(f, "{comma}{}", crate::allowlist::text(entry))?;
                }
                Ok(())
            }
            Value::ManagerType(kind) => kind.fmt(f),
            Value::Portion(portion) => portion.fmt(f),
        }
    }
}

impl Effective {
    /// Everything that is in effect. Of names only those with limits of their own are there.
    pub fn values(&self) -> BTreeMap<Key, Value> {
        let mut values = self.values_but_limits();
        for (subject, limit) in Subject::all(&self.limits) {
            for resource in Resource::ALL {
                let value = Value::Limit(resource, limit.get(resource));
                values.insert(Key::Limit(subject.clone(), resource), value);
            }
        }
        values
    }

    /// All but the limits of scopes, of which there may be very many.
    fn values_but_limits(&self) -> BTreeMap<Key, Value> {
        let mut values = BTreeMap::new();
        values.insert(Key::Memory, Value::Bytes(self.given.memory));
        values.insert(Key::FileDescriptors, Value::Count(self.given.file_descriptors));
        let Limits { ip, rates, allowlist, .. } = &self.limits;
        let connections =
            by_rule(&ip.subnets_v4, &ip.subnets_v6, &ip.networks).map(|(rule, limit)| {
                (Key::Connections(rule), Value::Limit(Resource::Connections, limit))
            });
        values.extend(connections);
        let together =
            [(AddressRule::All, rates.global), (AddressRule::WithoutAddress, rates.without_ip)];
        let of_rates = by_rule(&rates.subnets_v4, &rates.subnets_v6, &rates.networks);
        let of_rates = together.into_iter().chain(of_rates);
        values.extend(of_rates.map(|(rule, rate)| (Key::Rate(rule), Value::Rate(rate))));
        values.insert(Key::RateGrace, Value::Time(rates.grace));
        values.insert(Key::RateBuckets, Value::Count(rates.max_buckets as u64));
        values.insert(Key::Allowlist, Value::Allowlist(allowlist.clone()));
        for transport in named_transports() {
            for carrier in Carrier::ALL {
                let said = self.base_memory(transport, carrier).map(Value::Bytes);
                values.extend(said.map(|bytes| (Key::BaseMemory(transport, carrier), bytes)));
            }
        }
        let manager = self.connection_manager();
        let kind = self.settings().connection_manager.kind.as_ref();
        let said = [
            (Key::ManagerType, kind.map(|said| Value::ManagerType(said.value))),
            (Key::HighWatermark, manager.high_watermark.map(Value::Count)),
            (Key::LowWatermark, manager.low_watermark.map(Value::Count)),
            (Key::GracePeriod, manager.grace_period.map(Value::Time)),
            (Key::SilencePeriod, manager.silence_period.map(Value::Time)),
        ];
        values.extend(said.into_iter().filter_map(|(key, value)| Some((key, value?))));
        for (protocols, quota) in manager.quotas {
            for (bound, portion) in [(Bound::Minimum, Some(quota.min)), (Bound::Maximum, quota.max)]
            {
                let key = Key::Quota(protocols.clone(), bound);
                values.extend(portion.map(|portion| (key, Value::Portion(portion))));
            }
        }
        values
    }
}

fn by_rule<V: Copy>(
    v4: &BTreeMap<u8, V>,
    v6: &BTreeMap<u8, V>,
    networks: &BTreeMap<rcmgr_core::ipnet::IpNet, V>,
) -> impl Iterator<Item = (AddressRule, V)> {
    let v4 = v4.iter().map(|(length, value)| (AddressRule::SubnetV4(*length), *value));
    let v6 = v6.iter().map(|(length, value)| (AddressRule::SubnetV6(*length), *value));
    let networks = networks.iter().map(|(net, value)| (AddressRule::Network(*net), *value));
    v4.chain(v6).chain(networks)
}

/// A value that is another afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which.
    pub key: Key,
    /// What it was; `None` if there was no such rule.
    pub before: Option<Value>,
    /// What it is; `None` if there is no such rule any more.
    pub after: Option<Value>,
}

/// `limits.peer.streams: 64 -> 128`.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = |value: &Option<Value>| {
            value.as_ref().map_or_else(|| "not limited".to_owned(), Value::to_string)
        };
        write!(f, "{}: {} -> {}", self.key, told(&self.before), told(&self.after))
    }
}

/// What changes from one to the other, in the order of the keys. A name that has limits of its own
/// in one of them only is compared with its class in the other.
pub fn changes(before: &Effective, after: &Effective) -> Vec<Change> {
    let values = |of: &Effective| {
        let mut values = of.values_but_limits();
        values.insert(Key::Memory, memory(of));
        values
    };
    let (mut of_before, mut of_after) = (values(before), values(after));
    let keys: BTreeSet<Key> = of_before.keys().chain(of_after.keys()).cloned().collect();
    let others = keys.into_iter().map(|key| {
        let (before, after) = (of_before.remove(&key), of_after.remove(&key));
        Change { key, before, after }
    });
    let mut changes: Vec<Change> = others.filter(|change| change.before != change.after).collect();
    let subjects: BTreeSet<Subject> = [&before.limits, &after.limits]
        .into_iter()
        .flat_map(|limits| Subject::all(limits).into_iter().map(|(subject, _)| subject))
        .collect();
    for subject in subjects {
        let [one, other] = [before, after].map(|of| subject.limit_in_force(&of.limits));
        if one == other {
            continue;
        }
        for resource in Resource::ALL {
            if one.get(resource) != other.get(resource) {
                let value = |of: &ScopeLimit| Some(Value::Limit(resource, of.get(resource)));
                let key = Key::Limit(subject.clone(), resource);
                changes.push(Change { key, before: value(one), after: value(other) });
            }
        }
    }
    changes.sort_by(|one, other| one.key.cmp(&other.key));
    changes
}

/// What the node is given, and whether that may change by itself.
fn memory(of: &Effective) -> Value {
    let bytes = of.given.memory;
    match of.settings().memory.as_ref().map(|said| said.value) {
        Some(MemoryGiven::Follow(follow)) => Value::Followed(bytes, follow),
        _ => Value::Bytes(bytes),
    }
}

/// A scope that holds more of something than its limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Over {
    /// The scope.
    pub scope: ScopeId,
    /// What it holds too much of.
    pub resource: Resource,
    /// How much it holds.
    pub used: u64,
    /// How much it may hold.
    pub limit: Limit,
}

/// `peer 12D3KooW… holds 12 inbound streams, 4 more than the limit of 8`.
impl fmt::Display for Over {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Over { scope, resource, used, limit } = self;
        let more = used.saturating_sub(limit.get());
        let limit = limit.get();
        let scope = Told(scope);
        write!(f, "{scope} holds {used} {resource}, {more} more than the limit of {limit}")
    }
}

/// A scope with its peer as people write it, where its key is a peer id.
struct Told<'a>(&'a ScopeId);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = |key: &PeerKey| peer::id_of(key);
        let all = self.0;
        match all {
            ScopeId::Peer(key) => match id(key) {
                Some(peer) => write!(f, "peer {peer}"),
                None => all.fmt(f),
            },
            ScopeId::PeerService { peer, service: name } => match id(peer) {
                Some(peer) => write!(f, "service {} of peer {peer}", quoted(name)),
                None => all.fmt(f),
            },
            ScopeId::PeerProtocol { peer, protocol: name } => match id(peer) {
                Some(peer) => write!(f, "protocol {} of peer {peer}", quoted(name)),
                None => all.fmt(f),
            },
            _ => all.fmt(f),
        }
    }
}

/// Which scopes hold more than limits allow. Nothing is taken from them; they are refused more
/// until they hold less.
pub fn over(
    limits: &Limits,
    held: impl IntoIterator<Item = (ScopeId, impl Borrow<Amount>)>,
) -> Vec<Over> {
    let mut all = Vec::new();
    for (scope, amount) in held {
        let Some(subject) = Subject::of(&scope) else { continue };
        let limit = subject.limit_in_force(limits);
        for resource in Resource::ALL {
            let (used, limit) = (amount.borrow().get(resource), limit.get(resource));
            if !limit.is_unlimited() && used > limit.get() {
                all.push(Over { scope: scope.clone(), resource, used, limit });
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use libp2p_identity::PeerId;

    use super::*;
    use crate::{At, Class, Given, Said, Setting, Settings};

    fn limited(subject: Subject, resource: Resource, limit: u64) -> Settings {
        let mut settings = Settings::default();
        let said = Said::new(Setting::Limit(Limit::new(limit)), At::RunTime);
        settings.scopes.entry(subject).or_default().insert(resource, said);
        settings
    }

    fn told(before: &Settings, after: &Settings) -> Vec<String> {
        let of = |settings: &Settings| Effective::of(settings.clone(), Given::exactly(1 << 30, 64));
        changes(&of(before), &of(after)).iter().map(Change::to_string).collect()
    }

    #[test]
    fn changes_are_told_by_effect() {
        let nothing = Settings::default();
        assert_eq!(told(&nothing, &nothing), [""; 0]);
        let peer = limited(Subject::Class(Class::Peer), Resource::Memory, 1 << 20);
        assert_eq!(told(&nothing, &peer), ["limits.peer.memory: 192 MiB -> 1 MiB"]);
        assert_eq!(told(&peer, &nothing), ["limits.peer.memory: 1 MiB -> 192 MiB"]);
        let protocol = limited(Subject::Protocol("/a".into()), Resource::Streams, 0);
        assert_eq!(told(&nothing, &protocol), [r#"limits.protocols."/a".streams: 2560 -> block"#]);
        let same = limited(Subject::Protocol("/a".into()), Resource::Streams, 2560);
        assert_eq!(told(&nothing, &same), [""; 0]);
    }

    #[test]
    fn rules_that_come_and_go_are_changes() {
        let mut settings = Settings::default();
        let rule = AddressRule::SubnetV4(24);
        let said = Said::new(crate::Choice::Set(Limit::new(9)), At::RunTime);
        settings.connections.insert(rule, said);
        let nothing = Settings::default();
        let key = "connections-by-address.ipv4.24";
        assert_eq!(told(&nothing, &settings), [format!("{key}: not limited -> 9")]);
        assert_eq!(told(&settings, &nothing), [format!("{key}: 9 -> not limited")]);
    }

    #[test]
    fn scopes_are_over_by_the_limits_that_apply_to_them() {
        let mut limits = Limits {
            protocol_peer: ScopeLimit::UNLIMITED.with(Resource::Streams, Limit::new(1)),
            ..Limits::default()
        };
        limits.protocol_peers.insert("/a".into(), ScopeLimit::UNLIMITED);
        let two = Amount::streams(rcmgr_core::Direction::Inbound, 2);
        let pair = |protocol: &str| ScopeId::PeerProtocol {
            peer: [7].as_slice().into(),
            protocol: protocol.into(),
        };
        let held = [(ScopeId::System, &two), (pair("/a"), &two), (pair("/b"), &two)];
        let told: Vec<_> = over(&limits, held).iter().map(Over::to_string).collect();
        assert_eq!(
            told,
            ["protocol \"/b\" of peer 0x07 holds 2 streams, 1 more than the limit of 1"]
        );
        let id: PeerId = "12D3KooWLJHTgjmPMHEGLfvjVbFtxLaBxjzxfZ8nAH3Dtcvhrvqj".parse().unwrap();
        let pair = ScopeId::PeerProtocol { peer: id.to_bytes().into(), protocol: "/b".into() };
        let told: Vec<_> = over(&limits, [(pair, &two)]).iter().map(Over::to_string).collect();
        assert!(told[0].starts_with(&format!("protocol \"/b\" of peer {id} holds 2")), "{told:?}");
    }
}
