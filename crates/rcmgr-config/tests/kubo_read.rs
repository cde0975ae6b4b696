//! The reader of Kubo's configuration against what its arithmetic and go-libp2p's code gave.

mod common;

use common::{MACHINE, MachineOf, effective, in_json, in_short, mended, parse, silent, text};
use rcmgr_config::kubo::{self, Refusal};
use rcmgr_config::{
    Class, ConnectionManager, Diagnostic, Format, Key, Machine, ManagerType, NoMachine, Read,
    Settings, Subject, libp2p,
};
use rcmgr_core::{Limit, Resource, ScopeLimit};

const SMALL: MachineOf = MachineOf { memory: 1 << 30, file_descriptors: 1024 };

fn read(text: &str, machine: &dyn Machine) -> Result<Read, Vec<Diagnostic>> {
    let (source, tree) = parse("config.json", text);
    kubo::read(&source, &tree, machine)
}

fn file(name: &str, machine: &dyn Machine) -> Settings {
    let file = text(&format!("kubo/{name}.json"));
    let (source, tree) = parse("config.json", &file);
    assert_eq!(Format::recognise(&source, &tree).expect(name), Format::Kubo);
    silent(read(&file, machine))
}

#[test]
fn recorded_files_come_to_what_kubo_makes_of_them() {
    for (name, machine, of) in [
        ("config-defaults", MACHINE, ".16GiB-65536"),
        ("config-defaults", SMALL, ".1GiB-1024"),
        ("config-document-example", MACHINE, ".16GiB-65536"),
        ("config-set", MACHINE, ""),
        ("config-none", MACHINE, ""),
    ] {
        let effective = effective(file(name, &machine), &NoMachine);
        let expected = mended(&format!("kubo/{name}{of}.expected.json"), effective.given.memory);
        assert_eq!(in_json(&effective), expected, "{name}{of}");
        assert_eq!(Refusal::of(&effective), None, "{name}{of}");
        let subnets = &effective.limits.ip.subnets_v6;
        assert_eq!(*subnets, [(48, Limit::new(128)), (56, Limit::new(16))].into());
    }
}

/// The settings of an untouched configuration under a file of overrides.
fn overridden(name: &str) -> Settings {
    let mut settings = file("config-defaults", &MACHINE);
    let (source, tree) = parse(name, &text(&format!("kubo/{name}.json")));
    settings.overlay(&silent(libp2p::read(&source, &tree)));
    settings
}

#[test]
fn overrides_trump_what_is_computed() {
    let effective = effective(overridden("libp2p-resource-limit-overrides"), &NoMachine);
    let name = "kubo/libp2p-resource-limit-overrides.16GiB-65536.expected.json";
    assert_eq!(in_json(&effective), mended(name, 8 << 30));
    assert_eq!(Refusal::of(&effective), None);
}

#[test]
fn what_kubo_refuses_to_start_with_is_told() {
    let effective = effective(overridden("refused-overrides"), &NoMachine);
    let refusal = Refusal::of(&effective).expect("Kubo refuses it");
    assert_eq!(
        refusal.to_string(),
        "Kubo would not start: the system's limit of 0 inbound streams must be above the high \
         watermark of 96 connections"
    );
    assert_eq!(refusal.key().to_string(), "limits.system.streams-inbound");
}

#[test]
fn each_value_has_the_place_of_what_it_is_made_of() {
    let settings = file("config-set", &MACHINE);
    let set = effective(settings, &NoMachine);
    let system = |resource| Key::Limit(Subject::Class(Class::System), resource);
    let origin = |of: &rcmgr_config::Effective, key| of.origin(&key).to_string();
    assert_eq!(origin(&set, system(Resource::Memory)), "config.json:6");
    assert_eq!(origin(&set, system(Resource::FileDescriptors)), "config.json:7");
    assert_eq!(origin(&set, system(Resource::ConnectionsInbound)), "config.json:6");
    assert_eq!(origin(&set, Key::Allowlist), "config.json:9");
    assert_eq!(origin(&set, Key::HighWatermark), "config.json:3");
    assert_eq!(origin(&set, Key::SilencePeriod), "default of Kubo");
    assert_eq!(set.limits.allowlist.len(), 2);
    let small = r#"{"Swarm": {"ResourceMgr": {"MaxMemory": 1048576},
        "ConnMgr": {"HighWater": 401}}}"#;
    let small = effective(silent(read(small, &MACHINE)), &NoMachine);
    assert_eq!(small.limits.system.connections_inbound, Limit::new(802));
    assert_eq!(origin(&small, system(Resource::ConnectionsInbound)), "config.json:2");
    let ping = Subject::Service("libp2p.ping".into());
    assert_eq!(origin(&small, Key::Limit(ping, Resource::Memory)), "default");
}

#[test]
fn what_comes_to_0_is_the_default_of_go_libp2p() {
    let none = r#"{"Swarm": {"ResourceMgr": {"MaxMemory": "1 kb", "MaxFileDescriptors": 3},
        "ConnMgr": {"Type": "none"}}}"#;
    let without = effective(silent(read(none, &NoMachine)), &NoMachine);
    let manager = without.connection_manager();
    let nothing = ConnectionManager { kind: ManagerType::None, ..ConnectionManager::default() };
    assert_eq!(manager, nothing);
    let at = without.said(&Key::ManagerType).map(ToString::to_string);
    assert_eq!(at.as_deref(), Some("config.json:2"));
    let limits = without.limits;
    let defaults = libp2p::defaults().scale(1000, 3);
    assert_eq!(limits.system.memory, Limit::new(1000));
    assert_eq!(limits.system.connections_inbound, defaults.system.connections_inbound);
    assert_eq!(limits.transient.file_descriptors, defaults.transient.file_descriptors);
    let basic = none.replace("none", "basic");
    let limits = effective(silent(read(&basic, &NoMachine)), &NoMachine).limits;
    assert_eq!(limits.system.connections_inbound, Limit::new(800));
}

#[test]
fn what_is_switched_off_limits_nothing_and_is_told() {
    let off = r#"{"swarm": {"resourcemgr": {"enabled": false, "Allowlist": ["/ip4/1.2.3.4"]}}}"#;
    let Read { settings, warnings } = read(off, &NoMachine).expect("it is right");
    assert_eq!(
        in_short(&warnings),
        ["1:28 the resource manager is off; nothing is limited, as in Kubo; leave the key out if \
          that is not meant"]
    );
    let effective = effective(settings, &MACHINE);
    assert_eq!(effective.limits.system, ScopeLimit::UNLIMITED);
    assert_eq!(effective.limits.allowlist.len(), 0);
    assert_eq!(effective.connection_manager().high_watermark, Some(96));
}

#[test]
fn what_kubo_takes_for_its_default_is_that() {
    let nulls = r#"{"Swarm": {"ResourceMgr": {"Enabled": null, "MaxMemory": null, "Limits": {"a": {}},
        "MaxFileDescriptors": null, "Allowlist": null},
        "ConnMgr": {"Type": null, "LowWater": null, "HighWater": null, "GracePeriod": "default",
        "SilencePeriod": ""}}}"#;
    let nulls = effective(silent(read(nulls, &MACHINE)), &NoMachine);
    let nothing = effective(file("config-defaults", &MACHINE), &NoMachine);
    assert_eq!(nulls.limits, nothing.limits);
    assert_eq!(nulls.connection_manager(), nothing.connection_manager());
}

#[test]
fn an_allowed_network_with_bits_beyond_its_prefix_is_told() {
    let list = r#"{"Swarm": {"ResourceMgr": {"Allowlist": ["/ip4/10.1.2.3/ipcidr/8"]}}}"#;
    let Read { settings, warnings } = read(list, &MACHINE).expect("it is right");
    let allowed = settings.allowlist.map(|said| said.value).unwrap_or_default();
    let networks: Vec<_> = allowed.iter().map(|entry| entry.network.to_string()).collect();
    assert_eq!(networks, ["10.0.0.0/8"]);
    let told = "\"/ip4/10.1.2.3/ipcidr/8\" has bits beyond its prefix; it is taken for 10.0.0.0/8";
    assert_eq!(in_short(&warnings), [format!("1:42 {told}")]);
}

#[test]
fn a_period_above_366_days_is_an_error() {
    let of = |time: &str| format!(r#"{{"Swarm": {{"ConnMgr": {{"SilencePeriod": "{time}"}}}}}}"#);
    assert!(read(&of("8784h"), &MACHINE).is_ok());
    let errors = read(&of("8784h1s"), &MACHINE).expect_err("it is more than 366 days");
    assert!(in_short(&errors)[0].contains("\"8784h1s\"; write a time"), "{}", errors[0]);
}

#[test]
fn all_errors_are_told_at_once() {
    let errors = read(
        r#"{"Identity": {"PeerID": 1}, "Swarm": {"Transports": 1,
"ConnMgr": {"Type": "fancy", "LowWater": -1, "HighWater": "96", "GracePeriod": "1d", "Grace": 1},
"ResourceMgr": {"Enabled": "yes", "MaxMemory": "1e9", "MaxFileDescriptors": 1.5,
"Limits": {"System": {"Memory": 1}}, "MaxFD": 1,
"Allowlist": [1, "/dns4/example.org"]}}}"#,
        &MACHINE,
    );
    let keys = "Enabled, MaxMemory, MaxFileDescriptors, Limits, Allowlist";
    assert_eq!(
        in_short(&errors.expect_err("nothing is right")),
        [
            "2:21 \"Type\" cannot be the text \"fancy\"; write \"basic\", or \"none\" for no \
             connection manager"
                .to_owned(),
            "2:42 \"LowWater\" cannot be the number -1; write a number of connections, such as 32"
                .to_owned(),
            "2:59 \"HighWater\" cannot be the text \"96\"; write a number of connections, such as 96"
                .to_owned(),
            "2:80 \"GracePeriod\" cannot be the text \"1d\"; write a time such as \"20s\" or \
             \"1h30m\", at most 366 days; its units are h, m, s, ms, us and ns"
                .to_owned(),
            "2:86 unknown key \"Grace\"; the keys here are Type, LowWater, HighWater, GracePeriod, \
             SilencePeriod"
                .to_owned(),
            "3:28 \"Enabled\" cannot be the text \"yes\"; write true or false".to_owned(),
            "3:48 \"MaxMemory\" cannot be the text \"1e9\"; write a size below 8 EiB, such as \
             \"4GB\", \"4GiB\" or 4294967296, or null for half of the memory"
                .to_owned(),
            "3:77 \"MaxFileDescriptors\" cannot be the number 1.5; write a number of file \
             descriptors, such as 4096, or null for half of those that this process may open"
                .to_owned(),
            "4:1 Swarm.ResourceMgr.Limits is not empty; Kubo 0.19 and later refuse it; put the \
             limits into the file libp2p-resource-limit-overrides.json, which is read after this one"
                .to_owned(),
            format!("4:38 unknown key \"MaxFD\"; the keys here are {keys}"),
            "5:15 \"Allowlist\" cannot be the number 1; write a multiaddr, such as \
             \"/ip4/192.0.2.0/ipcidr/24\""
                .to_owned(),
            "5:18 \"/dns4/example.org\" is left out of the allowlist; write a multiaddr of an \
             address alone, such as /ip4/192.0.2.0/ipcidr/24, perhaps with /p2p/ and a peer id \
             behind it"
                .to_owned(),
        ]
    );
    let removed = read(&text("kubo/config-removed-limits.json"), &MACHINE);
    assert_eq!(removed.expect_err("Kubo refuses it").len(), 1);
}

#[test]
fn a_machine_that_tells_nothing_is_an_error_if_it_is_needed() {
    let errors = read(r#"{"Swarm": {"ResourceMgr": {}}}"#, &NoMachine).expect_err("it is needed");
    let help = errors[0].help_text();
    assert_eq!(help, Some("say Swarm.ResourceMgr.MaxMemory and MaxFileDescriptors"));
    let silence = read("{}", &MACHINE).expect("Kubo starts with it").warnings;
    assert_eq!(silence[0].message(), "it says nothing of limits");
}
