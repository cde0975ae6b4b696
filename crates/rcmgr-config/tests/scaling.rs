//! The scaled defaults against what go-libp2p's code gave, and against its rule for any machine.

mod common;

use std::collections::BTreeMap;

use common::{SCALED, expected, limits, read};
use proptest::prelude::*;
use rcmgr_config::libp2p::{BaseLimit, PartialLimits, defaults};
use rcmgr_config::{Class, Increase, Ratio, Scaling, ScopeScaling, Subject};
use rcmgr_core::{Limit, Name, Resource, ScopeLimit};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Recorded {
    base: BaseLimit,
    increase: RecordedIncrease,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
struct RecordedIncrease {
    streams: u64,
    streams_inbound: u64,
    streams_outbound: u64,
    conns: u64,
    conns_inbound: u64,
    conns_outbound: u64,
    memory: u64,
    #[serde(rename = "FDFraction")]
    fd_fraction: f64,
}

impl From<Recorded> for ScopeScaling {
    fn from(Recorded { base, increase }: Recorded) -> ScopeScaling {
        let increase = Increase {
            memory: increase.memory,
            streams_inbound: increase.streams_inbound,
            streams_outbound: increase.streams_outbound,
            streams: increase.streams,
            connections_inbound: increase.conns_inbound,
            connections_outbound: increase.conns_outbound,
            connections: increase.conns,
            file_descriptors: match increase.fd_fraction {
                0.0 => None,
                fraction => Some(Ratio::new(fraction).expect("it is a ratio")),
            },
        };
        ScopeScaling { base: base.into(), increase }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RecordedDefaults {
    system: Recorded,
    transient: Recorded,
    allowlisted_system: Recorded,
    allowlisted_transient: Recorded,
    service_default: Recorded,
    service: BTreeMap<String, Recorded>,
    service_peer_default: Recorded,
    service_peer: BTreeMap<String, Recorded>,
    protocol_default: Recorded,
    protocol: BTreeMap<String, Recorded>,
    protocol_peer_default: Recorded,
    protocol_peer: BTreeMap<String, Recorded>,
    peer_default: Recorded,
    conn: Recorded,
    stream: Recorded,
}

#[test]
fn the_defaults_are_those_of_go_libp2p() {
    let mut recorded: RecordedDefaults = read("go-libp2p-scaling-defaults.json");
    assert_eq!(recorded.protocol_peer_default.increase.memory, 4);
    recorded.protocol_peer_default.increase.memory = 4 << 20;
    let classes = [
        (Class::System, recorded.system),
        (Class::Transient, recorded.transient),
        (Class::AllowlistedSystem, recorded.allowlisted_system),
        (Class::AllowlistedTransient, recorded.allowlisted_transient),
        (Class::Service, recorded.service_default),
        (Class::ServicePeer, recorded.service_peer_default),
        (Class::Protocol, recorded.protocol_default),
        (Class::ProtocolPeer, recorded.protocol_peer_default),
        (Class::Peer, recorded.peer_default),
        (Class::Connection, recorded.conn),
        (Class::Stream, recorded.stream),
    ];
    let mut scopes: BTreeMap<Subject, ScopeScaling> =
        classes.into_iter().map(|(class, scope)| (Subject::Class(class), scope.into())).collect();
    let mut named = |subject: fn(Name) -> Subject, recorded: BTreeMap<String, Recorded>| {
        let named = recorded.into_iter();
        scopes.extend(named.map(|(name, scope)| (subject(name.into()), scope.into())));
    };
    named(Subject::Service, recorded.service);
    named(Subject::ServicePeer, recorded.service_peer);
    named(Subject::Protocol, recorded.protocol);
    named(Subject::ProtocolPeer, recorded.protocol_peer);
    let recorded = Scaling(scopes);
    assert_eq!(defaults(), recorded);
}

#[test]
fn the_scaled_defaults_are_those_of_go_libp2p() {
    for (memory, descriptors) in SCALED {
        let name = format!("go-libp2p-scaled-{memory}-{descriptors}.json");
        let expected = limits(&expected(&name, memory));
        assert_eq!(defaults().scale(memory, descriptors), expected, "{name}");
    }
}

#[test]
fn a_partial_configuration_over_the_scaled_defaults() {
    let partial: PartialLimits = read("partial-example.json");
    let base = defaults().scale(1 << 30, 2048);
    let over = partial.over(&base, |peer| peer.as_bytes().into());
    let name = "partial-example-over-1073741824-2048.json";
    assert_eq!(over, limits(&expected(name, 1 << 30)));
}

#[test]
fn a_small_node_has_the_base() {
    let base = defaults().scale(0, 0);
    for memory in [1, 64 << 20, (128 << 20) - 1, 128 << 20] {
        assert_eq!(defaults().scale(memory, 0), base);
    }
    // 129 MiB is the first that counts: 64 * 129 / 1024 connections more.
    assert_eq!(base.system.connections_inbound, Limit::new(64));
    let more = |memory| defaults().scale(memory, 0).system.connections_inbound;
    assert_eq!(more((128 << 20) + 1), Limit::new(72));
    assert_eq!(more((144 << 20) - 1), Limit::new(72));
    assert_eq!(more(144 << 20), Limit::new(73));
}

#[test]
fn the_greatest_machine_overflows_nothing() {
    let limits = defaults().scale(u64::MAX, u64::MAX);
    assert_eq!(limits.system.memory, Limit::UNLIMITED);
    assert_eq!(limits.system.file_descriptors, Limit::UNLIMITED);
    assert_eq!(limits.system.streams, Limit::new(2048 + ((2048 * ((1 << 44) - 1)) >> 10)));
    assert_eq!(limits.peer.file_descriptors, Limit::new(1 << 58));
    assert_eq!(limits.stream.memory, Limit::new(16 << 20));
}

fn amount() -> impl Strategy<Value = u64> {
    prop_oneof![any::<u64>(), (0u32..64).prop_map(|bits| 1 << bits), 0u64..1 << 40]
}

proptest! {
    #[test]
    fn more_machine_never_means_less(
        (low, high) in (amount(), amount()).prop_map(|(a, b)| (a.min(b), a.max(b))),
        (few, many) in (amount(), amount()).prop_map(|(a, b)| (a.min(b), a.max(b))),
    ) {
        let less = Subject::all(&defaults().scale(low, few));
        let more = Subject::all(&defaults().scale(high, many));
        for ((subject, less), (same, more)) in less.iter().zip(&more) {
            prop_assert_eq!(subject, same);
            for resource in Resource::ALL {
                prop_assert!(less.get(resource) <= more.get(resource), "{resource}");
            }
        }
    }

    #[test]
    fn one_limit_goes_by_the_rule(
        base in amount(),
        increase in amount(),
        fraction in prop_oneof![Just(0.0), Just(1.0), 0.0..=1.0],
        memory in amount(),
        descriptors in amount(),
    ) {
        let ratio = Ratio::new(fraction).ok();
        let increase = Increase { memory: increase, file_descriptors: ratio, ..Increase::default() };
        let scope = ScopeScaling { base: ScopeLimit::all(Limit::new(base)), increase };
        let scaled = scope.scale(memory, descriptors);

        // Go's own terms: `int`s, here of 128 bits, and the float of the fraction.
        let mebibytes = if memory > 128 << 20 { i128::from(memory >> 20) } else { 0 };
        let sum = i128::from(base) + ((i128::from(increase.memory) * mebibytes) >> 10);
        prop_assert_eq!(i128::from(scaled.memory.get()), sum.min(u64::MAX.into()));
        let share = (fraction * descriptors as f64) as i128;
        let share = share.min(u64::MAX.into()).max(base.into());
        prop_assert_eq!(i128::from(scaled.file_descriptors.get()), share);
        prop_assert_eq!(scaled.streams.get(), base);
        prop_assert_eq!(scaled.tasks, Limit::new(base));
    }
}
