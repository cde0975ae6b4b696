use std::sync::Arc;

use super::*;
use crate::{Portion, Ratio, Said, Source};
use rcmgr_core::Name;

const GIB: u64 = 1 << 30;

fn at(line: usize) -> At {
    let text = "x\n".repeat(line);
    let end = text.len();
    let source = Source::new("limits.yaml", text).expect("it is short");
    let span = source.span(end - 2..end - 1);
    At::Text(Arc::new(source), span)
}

fn said(settings: &mut Settings, subject: Subject, resource: Resource, value: Setting) {
    let limits = settings.scopes.entry(subject).or_default();
    let line = limits.len() + 1;
    limits.insert(resource, Said::new(value, at(line)));
}

fn name(text: &str) -> Name {
    text.into()
}

#[test]
fn nothing_said_is_the_defaults_of_go_libp2p() {
    let effective = Effective::of(Settings::default(), Given::exactly(GIB, 2048));
    assert_eq!(effective.limits, libp2p::defaults().scale(GIB, 2048));
    let origin =
        |subject: Subject, resource| effective.origin(&Key::Limit(subject, resource)).to_string();
    let system = || Subject::Class(Class::System);
    assert_eq!(origin(system(), Resource::Memory), "default scaled from 1 GiB");
    assert_eq!(origin(system(), Resource::FileDescriptors), "default scaled from 2048 descriptors");
    assert_eq!(origin(Subject::Class(Class::Stream), Resource::Memory), "default");
    let ping = Subject::Service(name("libp2p.ping"));
    assert_eq!(origin(ping.clone(), Resource::Streams), "default scaled from 1 GiB");
    assert_eq!(origin(ping, Resource::Connections), "default");
    assert_eq!(
        origin(Subject::Protocol(name("/new")), Resource::Streams),
        "as protocol: default scaled from 1 GiB"
    );
    assert_eq!(effective.origin(&Key::Allowlist), Origin::Default);
}

#[test]
fn a_name_goes_by_its_default_then_by_its_class() {
    let mut settings = Settings::default();
    let class = Subject::Class(Class::Service);
    said(&mut settings, class, Resource::Streams, Setting::Limit(Limit::new(7)));
    for known in ["libp2p.ping", "mine"] {
        let subject = Subject::Service(name(known));
        said(&mut settings, subject, Resource::Memory, Setting::Limit(Limit::new(5)));
    }
    let effective = Effective::of(settings, Given::exactly(GIB, 2048));
    let limit = |known: &str| effective.limits.services[known];
    assert_eq!(limit("mine").streams, Limit::new(7));
    assert_eq!(limit("libp2p.ping").streams, Limit::new(128));
    assert_eq!([limit("mine").memory, limit("libp2p.ping").memory], [Limit::new(5); 2]);
    let origin = |resource| {
        effective.origin(&Key::Limit(Subject::Service(name("mine")), resource)).to_string()
    };
    assert_eq!(origin(Resource::Memory), "limits.yaml:1");
    assert_eq!(origin(Resource::Streams), "as service: limits.yaml:1");
}

#[test]
fn default_takes_back_what_was_said_below() {
    let system = || Subject::Class(Class::System);
    let mut below = Settings::default();
    said(&mut below, system(), Resource::Streams, Setting::Limit(Limit::new(7)));
    said(&mut below, system(), Resource::Memory, Setting::Limit(Limit::new(7)));
    let mut above = Settings::default();
    said(&mut above, system(), Resource::Streams, Setting::Default);
    below.overlay(&above);
    let effective = Effective::of(below, Given::exactly(GIB, 2048));
    assert_eq!(effective.limits.system.streams, Limit::new(4096));
    assert_eq!(effective.limits.system.memory, Limit::new(7));
    let origin = effective.origin(&Key::Limit(system(), Resource::Streams));
    assert_eq!(origin, Origin::ScaledByMemory(GIB));
}

#[test]
fn what_a_layer_does_not_say_of_a_quota_stays_as_the_layer_below_says_it() {
    let quota = |bounds: &[(Bound, u32, usize)]| {
        let said = |portion, line| Said::new(Portion::Connections(portion), at(line));
        let bounds = bounds.iter().map(|(bound, portion, line)| (*bound, said(*portion, *line)));
        let mut settings = Settings::default();
        let quotas = &mut settings.connection_manager.quotas;
        quotas.insert(Protocols::Exact(name("/a")), bounds.collect());
        settings
    };
    let mut settings = quota(&[(Bound::Minimum, 5, 1), (Bound::Maximum, 30, 2)]);
    settings.overlay(&quota(&[(Bound::Maximum, 20, 3)]));
    settings.overlay(&quota(&[]));
    let effective = Effective::of(settings, Given::exactly(GIB, 2048));
    let told: Vec<String> = effective
        .values()
        .into_iter()
        .filter(|(key, _)| key.is_carried())
        .map(|(key, value)| format!("{key} {value} {}", effective.origin(&key)))
        .collect();
    assert_eq!(
        told,
        [
            "connection-manager.quotas.\"/a\".minimum 5 limits.yaml:1",
            "connection-manager.quotas.\"/a\".maximum 20 limits.yaml:3",
        ]
    );
    let (min, max) = (Portion::Connections(5), Some(Portion::Connections(20)));
    let quotas = [(Protocols::Exact(name("/a")), Quota { min, max })];
    assert_eq!(effective.connection_manager().quotas, quotas.into());
}

#[test]
fn settings_scale_as_the_defaults_do() {
    let system = || Subject::Class(Class::System);
    let mut settings = Settings::default();
    let streams = Setting::Scaled { base: Limit::new(10), per_gib: 100 };
    said(&mut settings, system(), Resource::Streams, streams);
    let part = Setting::Part { base: Limit::new(300), part: Ratio::one_of(4) };
    said(&mut settings, system(), Resource::FileDescriptors, part);
    for (memory, descriptors, expected) in [
        (0, 0, [10, 300]),
        (128 << 20, 1200, [10, 300]),
        (129 << 20, 1204, [22, 301]),
        (GIB + GIB / 2, 4096, [160, 1024]),
    ] {
        let given = Given::exactly(memory, descriptors);
        let system = Effective::of(settings.clone(), given).limits.system;
        assert_eq!([system.streams.get(), system.file_descriptors.get()], expected);
    }
}

#[test]
fn addresses_are_limited_one_rule_at_a_time() {
    let mut settings = Settings::default();
    let net = "10.0.0.0/8".parse().unwrap();
    let rate = Rate::new(1.0, 2).unwrap();
    let limit = |limit| Said::new(Choice::Set(Limit::new(limit)), at(1));
    settings.connections.insert(AddressRule::SubnetV4(24), limit(64));
    settings.connections.insert(AddressRule::Network(net), limit(3));
    settings.connections.insert(AddressRule::SubnetV6(48), Said::new(Choice::Default, at(2)));
    settings.rates.insert(AddressRule::All, Said::new(Choice::Set(rate), at(3)));
    settings.rates.insert(AddressRule::SubnetV6(56), Said::new(Choice::Set(rate), at(4)));
    let effective = Effective::of(settings.clone(), Given::exactly(0, 0));
    let defaults = Limits::default();
    let Limits { ip, rates, .. } = &effective.limits;
    assert_eq!(ip.subnets_v4, [(24, Limit::new(64)), (32, Limit::new(8))].into());
    assert_eq!(ip.subnets_v6, defaults.ip.subnets_v6);
    assert_eq!(ip.networks.len(), defaults.ip.networks.len() + 1);
    assert_eq!((rates.global, rates.subnets_v6[&56]), (rate, rate));
    assert_eq!(rates.subnets_v6[&48], defaults.rates.subnets_v6[&48]);
    let origin = |key| effective.origin(&key).to_string();
    assert_eq!(origin(Key::Rate(AddressRule::All)), "limits.yaml:3");
    assert_eq!(origin(Key::Connections(AddressRule::SubnetV6(48))), "default");

    settings.base = Some(Said::new(Base::Unlimited, at(1)));
    let effective = Effective::of(settings, Given::exactly(0, 0));
    assert_eq!(effective.limits.ip.subnets_v4, [(24, Limit::new(64))].into());
    assert_eq!(effective.limits.system, ScopeLimit::UNLIMITED);
    assert_eq!(effective.limits.services.len(), 0);
}

#[test]
fn factors_change_numbers_only() {
    let system = || Subject::Class(Class::System);
    let mut settings = Settings::default();
    let scaled = Setting::Scaled { base: Limit::new(15_000), per_gib: 3 };
    let cases = [
        (Setting::Limit(Limit::new(100)), Setting::Limit(Limit::new(115))),
        (Setting::Limit(Limit::UNLIMITED), Setting::Limit(Limit::UNLIMITED)),
        (Setting::Limit(Limit::BLOCK_ALL), Setting::Limit(Limit::BLOCK_ALL)),
        (Setting::Default, Setting::Default),
        (scaled, Setting::Scaled { base: Limit::new(17_250), per_gib: 3 }),
    ];
    for ((before, _), resource) in cases.iter().zip(Resource::ALL) {
        said(&mut settings, system(), resource, *before);
    }
    settings.multiply("1.15".parse().unwrap());
    for ((_, after), resource) in cases.iter().zip(Resource::ALL) {
        assert_eq!(settings.scopes[&system()][&resource].value, *after);
    }
    for bad in ["0", "-1", "NaN", "inf", "x", ""] {
        assert!(bad.parse::<crate::Factor>().is_err(), "{bad}");
    }
}
