//! Settings and limits of every kind, for property tests.

use core::time::Duration;
use std::collections::BTreeMap;
use std::net::IpAddr;

use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use rcmgr_core::ipnet::IpNet;
use rcmgr_core::{AllowlistEntry, Limit, Rate, Resource};

use crate::settings::named_transports;
use crate::{
    AddressRule, At, Base, Bound, Carrier, Choice, Class, ConnectionManagerSettings, Follow,
    ManagerType, MemoryGiven, Portion, Protocols, Ratio, Said, Setting, Settings, Share, Subject,
};

/// Settings that stand at run time.
pub fn settings() -> impl Strategy<Value = Settings> {
    let given = (
        option::of(prop_oneof![Just(Base::Libp2p), Just(Base::Unlimited)]),
        option::of(memory()),
        option::of(share()),
        option::of(btree_set(entry(), 0..4)),
        btree_map(
            (prop::sample::select(Vec::from_iter(named_transports())), select(Carrier::ALL)),
            number(),
            0..4,
        ),
    );
    let by_address = (
        btree_map(rule(), choice(limit()), 0..6),
        btree_map(
            prop_oneof![Just(AddressRule::All), Just(AddressRule::WithoutAddress), rule()],
            choice(rate()),
            0..6,
        ),
        option::of(time()),
        option::of(number()),
    );
    let manager = (
        option::of(select([ManagerType::Regulator, ManagerType::None])),
        option::of(number()),
        option::of(number()),
        option::of(time()),
        option::of(time()),
        btree_map(protocols(), bounds(), 0..4),
    );
    (given, scopes(), by_address, manager).prop_map(|(given, scopes, by_address, manager)| {
        let (base, memory, descriptors, allowlist, base_memory) = given;
        let (connections, rates, grace, buckets) = by_address;
        let (kind, high, low, young, silence, quotas) = manager;
        Settings {
            base: base.map(said),
            memory: memory.map(said),
            file_descriptors: descriptors.map(said),
            scopes,
            connections: all_said(connections),
            rates: all_said(rates),
            rate_grace: grace.map(said),
            rate_buckets: buckets.map(said),
            allowlist: allowlist.map(said),
            base_memory: all_said(base_memory),
            connection_manager: ConnectionManagerSettings {
                kind: kind.map(said),
                high_watermark: high.map(said),
                low_watermark: low.map(said),
                grace_period: young.map(said),
                silence_period: silence.map(said),
                quotas,
            },
        }
    })
}

fn said<T>(value: T) -> Said<T> {
    Said::new(value, At::RunTime)
}

fn all_said<K: Ord, T>(values: BTreeMap<K, T>) -> BTreeMap<K, Said<T>> {
    values.into_iter().map(|(key, value)| (key, said(value))).collect()
}

fn select<T: Clone + core::fmt::Debug + 'static, const N: usize>(
    values: [T; N],
) -> impl Strategy<Value = T> {
    prop::sample::select(Vec::from(values))
}

/// Numbers of every magnitude, and those beside the bounds.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![
        (any::<u64>(), 0u32..64).prop_map(|(number, bits)| number >> bits),
        (0u32..64).prop_map(|bits| 1 << bits),
        select([0, 1, (1 << 53) + 1, i64::MAX as u64, 1 << 63, u64::MAX]),
    ]
}

fn limit() -> impl Strategy<Value = Limit> {
    number().prop_map(Limit::new)
}

fn ratio() -> impl Strategy<Value = Ratio> {
    prop_oneof![
        (f64::MIN_POSITIVE..=1.0).prop_map(|ratio| Ratio::new(ratio).unwrap_or(Ratio::WHOLE)),
        (1u32..1000).prop_map(Ratio::one_of),
        Just(Ratio::new(1e-300).unwrap_or(Ratio::WHOLE)),
    ]
}

fn share() -> impl Strategy<Value = Share> {
    prop_oneof![number().prop_map(Share::Exactly), ratio().prop_map(Share::Part)]
}

fn memory() -> impl Strategy<Value = MemoryGiven> {
    let follow = (ratio(), number(), number(), 100u64..3_600_000, 0.001..=0.5);
    let follow = follow.prop_map(|(part, one, other, every, hysteresis)| {
        MemoryGiven::Follow(Follow {
            part,
            least: one.min(other),
            most: one.max(other).max(1),
            every: Duration::from_millis(every),
            hysteresis: Ratio::new(hysteresis).unwrap_or(Follow::HYSTERESIS),
        })
    });
    prop_oneof![share().prop_map(MemoryGiven::Share), follow]
}

/// Names that a syntax could take for something else, or could not hold as they are.
fn name() -> impl Strategy<Value = String> {
    const HOSTILE: [&str; 24] = [
        "", " ", "~", "null", "true", "no", "1", "1.5", "0x10", "1_000", ".", "a.b", "a: b", "- a",
        "# a", "\"", "'", "\\", "{}", "[a]", "a\nb", "\u{feff}", "=", "<<",
    ];
    prop_oneof![
        ".*",
        any::<String>(),
        "[-a-z0-9_./]{0,12}",
        select(HOSTILE).prop_map(str::to_owned)
    ]
}

fn protocols() -> impl Strategy<Value = Protocols> {
    name().prop_filter_map("a name has a length", |name| Protocols::read(&name).ok())
}

fn bounds() -> impl Strategy<Value = BTreeMap<Bound, Said<Portion>>> {
    let portion = || {
        prop_oneof![
            any::<u32>().prop_map(Portion::Connections),
            (0u16..=10_000).prop_map(Portion::BasisPoints),
        ]
    };
    let maximum = portion().prop_filter("it makes sense", |maximum| !maximum.is_zero());
    (option::of(portion()), option::of(maximum)).prop_map(|(minimum, maximum)| {
        let bounds = [(Bound::Minimum, minimum), (Bound::Maximum, maximum)].into_iter();
        bounds.filter_map(|(bound, portion)| Some((bound, said(portion?)))).collect()
    })
}

fn peer() -> impl Strategy<Value = Vec<u8>> {
    let id = (vec(any::<u8>(), 32)).prop_map(|digest| [vec![0x12, 32], digest].concat());
    prop_oneof![vec(any::<u8>(), 0..40), id]
}

fn network() -> impl Strategy<Value = IpNet> {
    (any::<IpAddr>(), any::<u8>()).prop_map(|(address, length)| {
        let most = if address.is_ipv4() { 33 } else { 129 };
        IpNet::new(address, length % most).map_or(IpNet::from(address), |net| net.trunc())
    })
}

fn entry() -> impl Strategy<Value = AllowlistEntry> {
    (network(), option::of(peer()))
        .prop_map(|(network, peer)| AllowlistEntry { network, peer: peer.map(Into::into) })
}

fn rule() -> impl Strategy<Value = AddressRule> {
    prop_oneof![
        (0u8..=32).prop_map(AddressRule::SubnetV4),
        (0u8..=128).prop_map(AddressRule::SubnetV6),
        network().prop_map(AddressRule::Network),
    ]
}

fn choice<T: core::fmt::Debug + Clone>(
    value: impl Strategy<Value = T>,
) -> impl Strategy<Value = Choice<T>> {
    option::weighted(0.8, value).prop_map(|value| value.map_or(Choice::Default, Choice::Set))
}

fn rate() -> impl Strategy<Value = Rate> {
    let number =
        prop_oneof![0.0..1e6, Just(0.0), Just(f64::MAX), Just(5e-324), Just(100.0), Just(1e17)];
    let rate = (number, any::<u32>())
        .prop_map(|(rate, burst)| Rate::new(rate, burst).unwrap_or(Rate::UNLIMITED));
    prop_oneof![4 => rate, 1 => Just(Rate::UNLIMITED), 1 => Just(Rate::BLOCK_ALL)]
}

/// To the nanosecond, and at most 366 days.
fn time() -> impl Strategy<Value = Duration> {
    (0u64..366 * 86400, select([0, 1, 999_999_999, 500_000_000]))
        .prop_map(|(seconds, nanos)| Duration::new(seconds, nanos))
}

fn setting(resource: Resource) -> impl Strategy<Value = Setting> {
    let grown = match resource {
        Resource::FileDescriptors => {
            (limit(), ratio()).prop_map(|(base, part)| Setting::Part { base, part }).boxed()
        }
        _ => {
            let parts = (limit(), number());
            parts.prop_map(|(base, per_gib)| Setting::Scaled { base, per_gib }).boxed()
        }
    };
    prop_oneof![4 => limit().prop_map(Setting::Limit), 1 => Just(Setting::Default), 2 => grown]
}

fn limits() -> impl Strategy<Value = BTreeMap<Resource, Said<Setting>>> {
    let chosen = prop::sample::subsequence(Vec::from(Resource::ALL), 0..5);
    let chosen = chosen.prop_flat_map(|chosen| {
        let settings: Vec<_> = chosen.iter().map(|resource| setting(*resource)).collect();
        (Just(chosen), settings)
    });
    chosen.prop_map(|(chosen, settings)| {
        chosen.into_iter().zip(settings.into_iter().map(said)).collect()
    })
}

fn scopes() -> impl Strategy<Value = BTreeMap<Subject, BTreeMap<Resource, Said<Setting>>>> {
    let class = select(Class::ALL).prop_map(Subject::Class);
    // A class without limits is not written, for it is known anyway.
    let of_class = (class, limits().prop_filter("a class has limits", |limits| !limits.is_empty()));
    let named = prop_oneof![
        name().prop_map(|name| Subject::Service(name.into())),
        name().prop_map(|name| Subject::ServicePeer(name.into())),
        name().prop_map(|name| Subject::Protocol(name.into())),
        name().prop_map(|name| Subject::ProtocolPeer(name.into())),
        peer().prop_map(|key| Subject::Peer(key.into())),
    ];
    let all = (vec(of_class, 0..4), vec((named, limits()), 0..6));
    all.prop_map(|(classes, named)| classes.into_iter().chain(named).collect())
}
