//! The reader of Greenfield's configuration against what its library and defaults gave.

mod common;

use std::collections::BTreeMap;

use common::{MACHINE, effective, in_short, parse, text};
use rcmgr_config::{Class, Diagnostic, Effective, Format, Key, Read, Subject, greenfield};
use rcmgr_core::{IpLimits, Limit, Resource, ScopeLimit};
use serde::Deserialize;

fn read(text: &str) -> Result<Read, Vec<Diagnostic>> {
    let (source, tree) = parse("config.toml", text);
    greenfield::read(&source, &tree)
}

/// The limits of a scope as they were recorded: what is 0 is absent.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Recorded {
    memory: u64,
    tasks: u32,
    tasks_high_priority: u32,
    tasks_medium_priority: u32,
    tasks_low_priority: u32,
    fd: u32,
    conns: u32,
    conns_inbound: u32,
    conns_outbound: u32,
}

impl From<Recorded> for ScopeLimit {
    fn from(recorded: Recorded) -> ScopeLimit {
        ScopeLimit {
            memory: Limit::new(recorded.memory),
            tasks: recorded.tasks.into(),
            tasks_high: recorded.tasks_high_priority.into(),
            tasks_medium: recorded.tasks_medium_priority.into(),
            tasks_low: recorded.tasks_low_priority.into(),
            file_descriptors: recorded.fd.into(),
            connections: recorded.conns.into(),
            connections_inbound: recorded.conns_inbound.into(),
            connections_outbound: recorded.conns_outbound.into(),
            ..ScopeLimit::UNLIMITED
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RecordedManager {
    gf_sp_limiter: RecordedLimiter,
}

#[derive(Deserialize)]
struct RecordedLimiter {
    system: Recorded,
    #[serde(default)]
    service_limit: BTreeMap<String, Recorded>,
}

fn file(name: &str) -> (Effective, Vec<String>) {
    let file = text(&format!("greenfield/{name}.toml"));
    let (source, tree) = parse("config.toml", &file);
    assert_eq!(Format::recognise(&source, &tree).expect(name), Format::Greenfield);
    let Read { settings, warnings } = read(&file).expect(name);
    (effective(settings, &MACHINE), in_short(&warnings))
}

#[test]
fn recorded_files_come_to_what_greenfield_makes_of_them() {
    for name in ["default", "mainnet-recommended", "partial-service", "template-zeros"] {
        let recorded: BTreeMap<String, RecordedManager> =
            common::read(&format!("greenfield/{name}.expected.json"));
        let RecordedLimiter { system, service_limit } =
            recorded.into_values().next().expect(name).gf_sp_limiter;
        let (Effective { limits, .. }, _) = file(name);
        assert_eq!(limits.system, system.into(), "{name}");
        let services = service_limit.into_iter();
        let services = services.map(|(service, limit)| (service.into(), limit.into()));
        assert_eq!(limits.services, services.collect(), "{name}");
        for class in Class::ALL {
            let limit = class.limit(&limits);
            let is_of_system = class == Class::System;
            assert_eq!(*limit == ScopeLimit::UNLIMITED, !is_of_system, "{name}: {class}");
        }
        assert_eq!(limits.ip, IpLimits::unlimited());
    }
}

#[test]
fn what_is_missing_admits_nothing_and_is_told() {
    let help = "Greenfield takes what is missing for 0; write 2147483647, or of Memory \
                9223372036854775807, for what shall not be limited";
    let (effective, warnings) = file("partial-service");
    assert_eq!(
        warnings,
        [
            format!(
                "1:20 TasksMediumPriority, TasksLowPriority, Fd, Conns, ConnsInbound, \
                 ConnsOutbound are not said here, and admit nothing; {help}"
            ),
            format!(
                "6:33 TasksHighPriority, TasksMediumPriority, Conns, ConnsInbound, ConnsOutbound \
                 are not said here, and admit nothing; {help}"
            ),
            format!(
                "12:33 TasksHighPriority, TasksMediumPriority, TasksLowPriority, Fd, Conns, \
                 ConnsInbound, ConnsOutbound are not said here, and admit nothing; {help}"
            ),
        ]
    );
    let origin = |subject, resource| effective.origin(&Key::Limit(subject, resource)).to_string();
    let system = || Subject::Class(Class::System);
    assert_eq!(origin(system(), Resource::Tasks), "config.toml:3");
    assert_eq!(origin(system(), Resource::Connections), "config.toml:1");
    let downloader = Subject::Service("downloader".into());
    assert_eq!(origin(downloader, Resource::Memory), "config.toml:13");
    let (default, warnings) = file("default");
    assert!(warnings.is_empty());
    let origin = default.origin(&Key::Limit(system(), Resource::Memory));
    assert_eq!(origin.to_string(), "default of Greenfield");
    let (_, warnings) = file("template-zeros");
    assert_eq!(
        warnings,
        ["16:20 the limits of Transient are left out; as in Greenfield, the limits of the system \
          are those of what is transient"]
    );
}

#[test]
fn limits_without_a_system_admit_nothing() {
    let Read { settings, warnings } = read("[Rcmgr.GfSpLimiter]").expect("Greenfield takes it");
    assert_eq!(warnings.len(), 1);
    let limits = effective(settings, &MACHINE);
    assert_eq!(limits.limits.system.tasks, Limit::BLOCK_ALL);
    let silence = read("Env = 'mainnet'").expect("it is a configuration").warnings;
    assert_eq!(silence[0].message(), "it says nothing of limits");
}

#[test]
fn what_is_switched_off_limits_nothing_and_is_told() {
    let (effective, warnings) = file("disabled");
    assert_eq!(effective.limits.system, ScopeLimit::UNLIMITED);
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].starts_with("2:1 the resource manager is off"), "{}", warnings[0]);
}

#[test]
fn the_greatest_number_is_unlimited_for_memory_alone() {
    let text = "[Rcmgr.GfSpLimiter.System]\nmemory = 9223372036854775807\nTASKS = 2147483647";
    let system = effective(read(text).expect("it is right").settings, &MACHINE).limits.system;
    assert_eq!(system.memory, Limit::UNLIMITED);
    assert_eq!(system.tasks, Limit::new(2_147_483_647));
}

#[test]
fn all_errors_are_told_at_once() {
    let errors = read(
        "[Rcmgr]
DisableRcmgr = 'no'
Limiter = 1
[Rcmgr.GfSpLimiter.System]
Memory = 1.5
Tasks = 2147483648
TasksHighPriority = -1
TasksMediumPriority = 1e3
TasksLowPriority = '16'
tasks_low_priority = 16
memory = 1
[Rcmgr.GfSpLimiter.Transient]
Fd = true
[Rcmgr.GfSpLimiter.ServiceLimit.gateway]
Memory = 9223372036854775808
",
    );
    let errors = errors.expect_err("nothing is right");
    let (errors, warnings): (Vec<_>, Vec<_>) =
        errors.into_iter().partition(|error| error.severity() == rcmgr_config::Severity::Error);
    assert_eq!(warnings.len(), 4);
    let count = "write a whole number from 0, which admits nothing, to 2147483647";
    let bytes = "write a whole number from 0, which admits nothing, to 9223372036854775807";
    assert_eq!(
        in_short(&errors),
        [
            "2:16 \"DisableRcmgr\" cannot be the text \"no\"; write true or false".to_owned(),
            "3:1 unknown key \"Limiter\"; the keys here are DisableRcmgr, GfSpLimiter".to_owned(),
            format!("5:10 \"Memory\" cannot be the number 1.5; {bytes}"),
            format!("6:9 \"Tasks\" cannot be the number 2147483648; {count}"),
            format!("7:21 \"TasksHighPriority\" cannot be the number -1; {count}"),
            format!("8:23 \"TasksMediumPriority\" cannot be the number 1e3; {count}"),
            format!("9:20 \"TasksLowPriority\" cannot be the text \"16\"; {count}"),
            "10:1 unknown key \"tasks_low_priority\"; did you mean \"TasksLowPriority\"?"
                .to_owned(),
            "11:1 \"memory\" says again what stands elsewhere; leave one of them out".to_owned(),
            format!("13:6 \"Fd\" cannot be true; {count}"),
            format!("15:10 \"Memory\" cannot be the number 9223372036854775808; {bytes}"),
        ]
    );
}
