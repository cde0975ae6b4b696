//! Every key is read.

use core::time::Duration;
use std::collections::BTreeMap;

use rcmgr_core::{Limit, Rate, Resource};

use super::{read, settings};
use crate::{
    AddressRule, At, Base, Bound, Carrier, Choice, Class, Follow, MemoryGiven, Portion, Protocols,
    Ratio, Said, Setting, Settings, Share, Subject, Transport,
};

/// The same settings in all three syntaxes.
fn in_every_syntax(yaml: &str, toml: &str, json: &str) -> Settings {
    let nowhere = |settings: Settings| settings.said_at(&At::RunTime);
    let of = |name, text| nowhere(read(name, text).unwrap_or_else(|wrong| panic!("{wrong}")).0);
    let settings = of("limits.yaml", yaml);
    assert_eq!(of("limits.toml", toml), settings);
    assert_eq!(of("limits.json", json), settings);
    settings
}

fn said<T>(value: T) -> Said<T> {
    Said::new(value, At::RunTime)
}

#[test]
fn what_the_node_is_given() {
    let read = in_every_syntax(
        "base: unlimited\nmemory: 1GiB\nfile-descriptors: 4_096\n",
        "base = 'unlimited'\nmemory = '1GiB'\nfile-descriptors = 4_096\n",
        r#"{"base": "unlimited", "memory": 1073741824, "file-descriptors": "4_096"}"#,
    );
    assert_eq!(read.base, Some(said(Base::Unlimited)));
    assert_eq!(read.memory, Some(said(MemoryGiven::Share(Share::Exactly(1 << 30)))));
    assert_eq!(read.file_descriptors, Some(said(Share::Exactly(4096))));
    let read = in_every_syntax(
        "base: libp2p\nmemory: {ratio: 0.125}\nfile-descriptors: {ratio: 1}\n",
        "base = 'libp2p'\nmemory.ratio = 0.125\nfile-descriptors = {ratio = 1.0}\n",
        r#"{"base": "libp2p", "memory": {"ratio": 0.125}, "file-descriptors": {"ratio": 1}}"#,
    );
    assert_eq!(read.base, Some(said(Base::Libp2p)));
    assert_eq!(read.memory, Some(said(MemoryGiven::Share(Share::MEMORY))));
    assert_eq!(read.file_descriptors, Some(said(Share::Part(Ratio::WHOLE))));
}

#[test]
fn memory_that_follows_what_is_free() {
    let mut follow = Follow {
        part: Ratio::one_of(2),
        least: 256 << 20,
        most: 4 << 30,
        every: Follow::EVERY,
        hysteresis: Follow::HYSTERESIS,
    };
    let of = |text| settings(text).memory.map(|said| said.value);
    assert_eq!(
        of("memory: {free-ratio: 0.5, minimum: 256MiB, maximum: 4GiB}"),
        Some(MemoryGiven::Follow(follow))
    );
    follow.every = Duration::from_millis(1500);
    follow.hysteresis = Ratio::one_of(4);
    let text = "memory: {free-ratio: 0.5, minimum: 256MiB, maximum: 4GiB, every: 1.5s, \
                hysteresis: 0.25}";
    assert_eq!(of(text), Some(MemoryGiven::Follow(follow)));
}

#[test]
fn every_limit_of_every_class_and_name() {
    let mut yaml = String::from("limits:\n");
    let mut count = 0;
    let ours = [
        ("services", "a.b"),
        ("service-peers", "a.b"),
        ("protocols", "/a/1.0.0"),
        ("protocol-peers", "/a/1.0.0"),
        ("peers", "0x0102"),
    ];
    let mut scope = |yaml: &mut String, indent: &str| {
        for resource in Resource::ALL {
            count += 1;
            let key = resource.name().replace('_', "-");
            yaml.push_str(&format!("{indent}{key}: {count}\n"));
        }
    };
    for class in Class::ALL {
        yaml.push_str(&format!("  {class}:\n"));
        scope(&mut yaml, "    ");
    }
    for (names, name) in ours {
        yaml.push_str(&format!("  {names}:\n    \"{name}\":\n"));
        scope(&mut yaml, "      ");
    }
    let read = settings(&yaml).said_at(&At::RunTime);
    let classes = Class::ALL.map(Subject::Class);
    let named = [
        Subject::Service("a.b".into()),
        Subject::ServicePeer("a.b".into()),
        Subject::Protocol("/a/1.0.0".into()),
        Subject::ProtocolPeer("/a/1.0.0".into()),
        Subject::Peer([1, 2].as_slice().into()),
    ];
    let mut number = 0;
    for subject in classes.into_iter().chain(named) {
        for resource in Resource::ALL {
            number += 1;
            let expected = said(Setting::Limit(Limit::new(number)));
            assert_eq!(read.scopes[&subject][&resource], expected, "{subject} {resource}");
        }
    }
    assert_eq!(read.scopes.len(), 16);
}

#[test]
fn every_form_of_a_limit() {
    let read = in_every_syntax(
        "limits:
  system:
    memory: {base: 64MiB, per-gib: 1GiB}
    streams: unlimited
    streams-inbound: block
    streams-outbound: default
    connections: {base: 8, per-gib: 64}
    file-descriptors: {base: 64, ratio: 0.25}
    tasks: 1_000
    tasks-low: 18446744073709551615
",
        "[limits.system]
memory = {base = '64MiB', per-gib = '1GiB'}
streams = 'unlimited'
streams-inbound = 'block'
streams-outbound = 'default'
connections.base = 8
connections.per-gib = 64
file-descriptors = {base = 64, ratio = 0.25}
tasks = 1_000
tasks-low = '18446744073709551615'
",
        r#"{"limits": {"system": {
            "memory": {"base": 67108864, "per-gib": "1GiB"},
            "streams": "unlimited", "streams-inbound": "block", "streams-outbound": "default",
            "connections": {"base": 8, "per-gib": 64},
            "file-descriptors": {"base": 64, "ratio": 0.25},
            "tasks": 1000, "tasks-low": 18446744073709551615}}}"#,
    );
    let limits = &read.scopes[&Subject::Class(Class::System)];
    let base = |base| Limit::new(base);
    for (resource, setting) in [
        (Resource::Memory, Setting::Scaled { base: base(64 << 20), per_gib: 1 << 30 }),
        (Resource::Streams, Setting::Limit(Limit::UNLIMITED)),
        (Resource::StreamsInbound, Setting::Limit(Limit::BLOCK_ALL)),
        (Resource::StreamsOutbound, Setting::Default),
        (Resource::Connections, Setting::Scaled { base: base(8), per_gib: 64 }),
        (Resource::FileDescriptors, Setting::Part { base: base(64), part: Ratio::one_of(4) }),
        (Resource::Tasks, Setting::Limit(base(1000))),
        (Resource::TasksLow, Setting::Limit(Limit::UNLIMITED)),
    ] {
        assert_eq!(limits[&resource], said(setting), "{resource}");
    }
    assert_eq!(limits.len(), 8);
}

#[test]
fn addresses_rates_and_the_rest() {
    let yaml = "\
connections-by-address:
  ipv4: {32: 8, 24: unlimited}
  ipv6: {56: block, 48: default}
  networks: {10.0.0.0/8: 7, 2001:db8::1: 9}
connection-rates:
  all: {per-second: 100, burst: 200}
  without-address: unlimited
  ipv4: {32: {per-second: 0.2, burst: 16}}
  ipv6: {56: default}
  networks: {192.0.2.0/24: block}
  grace-period: 1m
  max-subnets: 65536
allowlist: [192.0.2.0/24, /ip4/198.51.100.7/p2p/0x0102]
base-memory: {tcp: {connection: 64KiB, stream: 16KiB}, memory: {stream: 0}}
connection-manager:
  high-watermark: 96
  low-watermark: 32
  grace-period: 20s
  silence-period: 10s
  quotas:
    /ipfs/kad/1.0.0: {minimum: 10}
    /meshsub/*: {minimum: 2.5%, maximum: 1_000}
    \"*\": {maximum: 50 %}
    /a: {}
    /b:
";
    let read = settings(yaml).said_at(&At::RunTime);
    let net = |text: &str| AddressRule::Network(text.parse().unwrap());
    let set = |limit| said(Choice::Set(limit));
    assert_eq!(
        read.connections,
        [
            (AddressRule::SubnetV4(32), set(Limit::new(8))),
            (AddressRule::SubnetV4(24), set(Limit::UNLIMITED)),
            (AddressRule::SubnetV6(56), set(Limit::BLOCK_ALL)),
            (AddressRule::SubnetV6(48), said(Choice::Default)),
            (net("10.0.0.0/8"), set(Limit::new(7))),
            (net("2001:db8::1/128"), set(Limit::new(9))),
        ]
        .into()
    );
    let rate = |per_second, burst| said(Choice::Set(Rate::new(per_second, burst).unwrap()));
    assert_eq!(
        read.rates,
        [
            (AddressRule::All, rate(100.0, 200)),
            (AddressRule::WithoutAddress, said(Choice::Set(Rate::UNLIMITED))),
            (AddressRule::SubnetV4(32), rate(0.2, 16)),
            (AddressRule::SubnetV6(56), said(Choice::Default)),
            (net("192.0.2.0/24"), said(Choice::Set(Rate::BLOCK_ALL))),
        ]
        .into()
    );
    assert_eq!(read.rate_grace, Some(said(Duration::from_secs(60))));
    assert_eq!(read.rate_buckets, Some(said(65536)));
    let entry = |text| crate::allowlist::entry(text).unwrap();
    let entries = [entry("192.0.2.0/24"), entry("198.51.100.7/p2p/0x0102")];
    assert_eq!(read.allowlist, Some(said(entries.into())));
    assert_eq!(
        read.base_memory,
        [
            ((Transport::Tcp, Carrier::Connection), said(64 << 10)),
            ((Transport::Tcp, Carrier::Stream), said(16 << 10)),
            ((Transport::Memory, Carrier::Stream), said(0)),
        ]
        .into()
    );
    let manager = read.connection_manager;
    assert_eq!((manager.high_watermark, manager.low_watermark), (Some(said(96)), Some(said(32))));
    assert_eq!(manager.grace_period, Some(said(Duration::from_secs(20))));
    assert_eq!(manager.silence_period, Some(said(Duration::from_secs(10))));
    let (number, points) = (Portion::Connections, Portion::BasisPoints);
    let minimum = |portion| (Bound::Minimum, said(portion));
    let maximum = |portion| (Bound::Maximum, said(portion));
    assert_eq!(
        manager.quotas,
        [
            (Protocols::Exact("/ipfs/kad/1.0.0".into()), [minimum(number(10))].into()),
            (
                Protocols::Prefix("/meshsub/".into()),
                [minimum(points(250)), maximum(number(1000))].into()
            ),
            (Protocols::Prefix("".into()), [maximum(points(5000))].into()),
            (Protocols::Exact("/a".into()), BTreeMap::new()),
            (Protocols::Exact("/b".into()), BTreeMap::new()),
        ]
        .into()
    );
}

#[test]
fn what_is_left_empty_says_nothing_and_makes_names_known() {
    for text in ["{}", "limits:\n", "limits:\n  system:\n  services:\n", "connection-rates: {}"] {
        assert_eq!(settings(text), Settings::default(), "{text}");
    }
    let read = settings("limits:\n  services:\n    a:\n    b: {}\n");
    let known: Vec<_> =
        read.scopes.iter().map(|(subject, limits)| (subject, limits.len())).collect();
    let name = |name: &str| Subject::Service(name.into());
    assert_eq!(known, [(&name("a"), 0), (&name("b"), 0)]);
    assert_eq!(settings("allowlist: []").allowlist.map(|said| said.value.len()), Some(0));
}

#[test]
fn networks_with_bits_beyond_their_prefix_are_taken_with_a_warning() {
    let text =
        "connections-by-address:\n  networks:\n    10.0.0.1/8: 7\nallowlist: [192.0.2.7/24]\n";
    let (read, warnings) = read("limits.yaml", text).unwrap();
    let rule = AddressRule::Network("10.0.0.0/8".parse().unwrap());
    assert!(read.connections.contains_key(&rule));
    assert_eq!(
        read.allowlist.map(|said| said.value),
        Some([crate::allowlist::entry("192.0.2.0/24").unwrap()].into())
    );
    assert_eq!(
        warnings,
        r#"warning: "10.0.0.1/8" has bits beyond its prefix; it is taken for 10.0.0.0/8
 --> limits.yaml:3:5
  |
3 |     10.0.0.1/8: 7
  |     ^^^^^^^^^^

warning: "192.0.2.7/24" has bits beyond its prefix; it is taken for 192.0.2.0/24
 --> limits.yaml:4:13
  |
4 | allowlist: [192.0.2.7/24]
  |             ^^^^^^^^^^^^"#
    );
}

#[test]
fn values_tell_where_they_stand() {
    let read = settings("memory: 1GiB\nlimits:\n  peer:\n    streams: 7\n");
    let at = |said: &At| said.to_string();
    assert_eq!(read.memory.map(|said| at(&said.at)).as_deref(), Some("limits.yaml:1"));
    let peer = &read.scopes[&Subject::Class(Class::Peer)];
    assert_eq!(at(&peer[&Resource::Streams].at), "limits.yaml:4");
}
