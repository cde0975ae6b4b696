//! Flow's configuration and flags against what its arithmetic and go-libp2p's code gave.

mod common;

use common::{MACHINE, MachineOf, effective, in_json, in_short, mended, parse, silent, text};
use rcmgr_config::{Class, Diagnostic, Factor, Format, Key, Read, Settings, Subject, flow};
use rcmgr_core::{Limit, Resource};

fn read(text: &str) -> Result<Read, Vec<Diagnostic>> {
    let (source, tree) = parse("flow.yml", text);
    flow::read(&source, &tree)
}

fn file(name: &str) -> Settings {
    let file = text(&format!("flow/{name}.yml"));
    let (source, tree) = parse("flow.yml", &file);
    assert_eq!(Format::recognise(&source, &tree).expect(name), Format::Flow);
    silent(read(&file))
}

#[test]
fn recorded_files_come_to_what_flow_makes_of_them() {
    let small = MachineOf { memory: 1 << 30, file_descriptors: 1024 };
    for (name, machine, of) in [
        ("default-config", MACHINE, "16GiB-65536"),
        ("default-config", small, "1GiB-1024"),
        ("document-example", MACHINE, "16GiB-65536"),
        ("partial-one-value", MACHINE, "16GiB-65536"),
        ("all-values", MACHINE, "16GiB-65536"),
    ] {
        let effective = effective(file(name), &machine);
        let expected = mended(&format!("flow/{name}.{of}.expected.json"), effective.given.memory);
        assert_eq!(in_json(&effective), expected, "{name} on {of}");
    }
}

/// The settings of the default configuration under recorded flags.
fn flagged(name: &str) -> Settings {
    let mut flags = Settings::default();
    for line in text(&format!("flow/{name}.txt")).lines() {
        let (flag, value) = line.split_once('=').expect(line);
        flow::flag(&mut flags, flag, value).expect(line);
    }
    let mut settings = file("default-config");
    settings.overlay(&flags);
    settings
}

#[test]
fn increasing_all_overrides_at_scale_gives_the_same_by_every_way() {
    let name = "flow/flags-1.5-over-default-config.16GiB-65536.expected.json";
    let expected = mended(name, 8 << 30);
    let mut multiplied = file("default-config");
    multiplied.multiply(Factor::new(1.5).expect("it is above 0"));
    for settings in [flagged("document-flags-1.5"), flagged("code-flags-1.5"), multiplied] {
        assert_eq!(in_json(&effective(settings, &MACHINE)), expected);
    }
    let of_flag = effective(flagged("document-flags-1.5"), &MACHINE);
    let key = Key::Limit(Subject::Class(Class::Peer), Resource::StreamsInbound);
    let origin = of_flag.origin(&key).to_string();
    assert_eq!(origin, "--libp2p-resource-manager-peer-streams-inbound");
}

#[test]
fn the_flags_are_those_of_the_code_and_of_the_document() {
    let recorded = text("flow/all-limit-flags.txt");
    let recorded: Vec<&str> = recorded.lines().map(|line| &line[2..]).collect();
    let names: Vec<&str> = flow::FLAGS.iter().map(|flag| &*flag.name).collect();
    assert_eq!(names[..30], recorded);
    assert_eq!(
        names[30..],
        [
            "libp2p-resource-manager-memory-limit-ratio",
            "libp2p-resource-manager-file-descriptors-ratio",
            "connection-manager-high-watermark",
            "connection-manager-low-watermark",
            "connection-manager-grace-period",
            "connection-manager-silence-period",
        ]
    );
    for flag in &flow::FLAGS[..30] {
        let mut settings = Settings::default();
        let alias = flag.name.replace("limits-override-", "");
        assert_eq!(flag.alias.as_deref(), Some(&*alias));
        flow::flag(&mut settings, &flag.name, "7").expect("it is a number");
        flow::flag(&mut settings, &alias, "0x10").expect("it is a number");
        flow::flag(&mut settings, &alias, "0").expect("it says nothing");
        let flow::FlagKind::Limit(class, resource) = flag.kind else { panic!("it is a limit") };
        let said = &settings.scopes[&Subject::Class(class)][&resource];
        assert_eq!(said.value, rcmgr_config::Setting::Limit(Limit::new(16)));
        assert_eq!(said.at.to_string(), format!("--{alias}"));
        assert!(flag.help.ends_with("0 means use the default value"), "{}", flag.help);
    }
}

#[test]
fn flags_that_are_not_fit_say_why() {
    let mut settings = Settings::default();
    let mut of = |name: &str, value| match flow::flag(&mut settings, name, value) {
        Ok(()) => "fit".to_owned(),
        Err(error) => error.to_string(),
    };
    let streams = "libp2p-resource-manager-system-streams-inbound";
    for bad in ["-1", "1.5", "017", "9223372036854775808", "", "1k"] {
        assert_eq!(
            of(streams, bad),
            format!("--{streams}: {bad:?} is no whole number from 0 to 9223372036854775807")
        );
    }
    assert_eq!(
        of("libp2p-resource-manager-memory-limit-ratio", "0"),
        "--libp2p-resource-manager-memory-limit-ratio: \"0\": it is not above 0 and at most 1; \
         write 0.25 for a quarter, or 1 for the whole"
    );
    assert_eq!(
        of("--connection-manager-grace-period", "10"),
        "--connection-manager-grace-period: \"10\" is no time such as 10s or 1m30s, of at most 366 \
         days"
    );
    assert_eq!(
        of("--libp2p-resource-manager-sytem-fd", "1"),
        "--libp2p-resource-manager-sytem-fd is no flag of Flow; did you mean \
         --libp2p-resource-manager-system-fd?"
    );
    assert_eq!(of("--connection-manager-low-watermark", "450"), "fit");
    assert_eq!(of("libp2p-resource-manager-file-descriptors-ratio", "1"), "fit");
    let manager = &settings.connection_manager;
    assert_eq!(manager.low_watermark.as_ref().map(|said| said.value), Some(450));
    assert!(settings.scopes.is_empty() && settings.file_descriptors.is_some());
}

#[test]
fn the_connection_manager_is_carried() {
    let effective = effective(file("all-values"), &MACHINE);
    let manager = effective.connection_manager();
    assert_eq!((manager.high_watermark, manager.low_watermark), (Some(500), Some(450)));
    let seconds = [manager.grace_period, manager.silence_period].map(|time| Some(time?.as_secs()));
    assert_eq!(seconds, [Some(3600), Some(90)]);
    assert_eq!(effective.origin(&Key::GracePeriod).to_string(), "flow.yml:15");
}

#[test]
fn what_is_not_said_is_the_default_of_flow() {
    let nothing = "network-config:\n  libp2p-resource-manager:\n";
    let effective = effective(silent(read(nothing)), &MACHINE);
    assert_eq!((effective.given.memory, effective.given.file_descriptors), (8 << 30, 13_107));
    assert_eq!(effective.origin(&Key::Memory).to_string(), "default of Flow");
    let silence = read("gossipsub: 1").expect("the rest is not ours").warnings;
    assert_eq!(silence[0].message(), "it says nothing of limits");
}

#[test]
fn keys_of_older_versions_are_read_and_told() {
    let old = "network-config:\n  \
                 libp2p-high-watermark: 500\n  \
                 libp2p-low-watermark: 450\n  \
                 libp2p-grace-period: 1m\n  \
                 libp2p-memory-limit-ratio: 0.25\n  \
                 libp2p-peer-base-limits-conns-inbound: 1\n  \
                 connection-manager:\n    \
                   low-watermark: 7\n";
    let Read { settings, warnings } = read(old).expect("it is right");
    let warnings = in_short(&warnings);
    assert_eq!(warnings.len(), 5);
    assert_eq!(
        warnings[3],
        "5:3 libp2p-memory-limit-ratio is a key of older versions of Flow; today it is \
         libp2p-resource-manager: memory-limit-ratio"
    );
    let effective = effective(settings, &MACHINE);
    assert_eq!(effective.given.memory, 4 << 30);
    assert_eq!(effective.limits.peer.connections_inbound, Limit::new(1));
    let manager = effective.connection_manager();
    assert_eq!((manager.high_watermark, manager.low_watermark), (Some(500), Some(7)));
}

#[test]
fn all_errors_are_told_at_once() {
    let errors = read(
        "network-config:
  unicast: [1]
  libp2p-resource-manager:
    memory-limit-ratio: 0
    file-descriptors-ratio: .NaN
    limit-override: {}
    limits-override:
      sytem: {}
      peer:
        streams-inbound: -1
        streams-outbound: '15000'
        connections-inbound: 1.5
        streams: 1
        fd: 9223372036854775808
        memory-bytes: 64MiB
  connection-manager:
    high-watermark: many
    silence-period: 10
connection-manager: {}
",
    );
    let number = "write a whole number such as 15_000; 0 keeps the default";
    let ratio = "write a number above 0 and at most 1, such as 0.5";
    assert_eq!(
        in_short(&errors.expect_err("nothing is right")),
        [
            format!("4:25 \"memory-limit-ratio\" cannot be the number 0; {ratio}"),
            format!("5:29 \"file-descriptors-ratio\" cannot be the number NaN; {ratio}"),
            "6:5 unknown key \"limit-override\"; did you mean \"limits-override\"?".to_owned(),
            "8:7 unknown key \"sytem\"; did you mean \"system\"?".to_owned(),
            format!("10:26 \"streams-inbound\" cannot be the number -1; {number}"),
            format!("11:27 \"streams-outbound\" cannot be the text \"15000\"; {number}"),
            format!("12:30 \"connections-inbound\" cannot be the number 1.5; {number}"),
            "13:9 unknown key \"streams\"; the keys here are streams-inbound, streams-outbound, \
             connections-inbound, connections-outbound, fd, memory-bytes"
                .to_owned(),
            format!("14:13 \"fd\" cannot be the number 9223372036854775808; {number}"),
            format!("15:23 \"memory-bytes\" cannot be the text \"64MiB\"; {number}"),
            "16:3 \"connection-manager\" says again what stands elsewhere; leave one of them out"
                .to_owned(),
            "17:21 \"high-watermark\" cannot be the text \"many\"; write a number of connections, \
             such as 500"
                .to_owned(),
            "18:21 \"silence-period\" cannot be the number 10; write a time such as 10s or 1m30s, \
             at most 366 days; its units are h, m, s, ms, us and ns"
                .to_owned(),
        ]
    );
}

#[test]
fn a_period_above_366_days_is_an_error() {
    let of = |time: &str| read(&format!("connection-manager: {{grace-period: {time}}}"));
    assert!(of("8784h").is_ok());
    let errors = of("8784h1s").expect_err("it is more than 366 days");
    assert!(in_short(&errors)[0].contains("\"8784h1s\"; write a time"), "{}", errors[0]);
    let mut settings = Settings::default();
    assert!(flow::flag(&mut settings, "connection-manager-grace-period", "8785h").is_err());
}
