//! What is written for other programs reads back as it was, but for what is told.

mod common;

use std::time::Duration;

use common::{MACHINE, any, effective, parse, silent, text};
use proptest::prelude::*;
use rcmgr_config::{
    At, Base, Class, Effective, Given, LeftOut, MemoryGiven, NoMachine, Ratio, Said, Setting,
    Settings, Share, Subject, What, flow, greenfield, libp2p, peer,
};
use rcmgr_core::{Limit, Resource};

const AT: At = At::RunTime;

fn read_flow(text: &str) -> Settings {
    let (source, tree) = parse("flow.yml", text);
    silent(flow::read(&source, &tree))
}

fn read_greenfield(text: &str) -> Settings {
    let (source, tree) = parse("config.toml", text);
    silent(greenfield::read(&source, &tree))
}

fn told(left_out: &[LeftOut]) -> Vec<String> {
    left_out.iter().map(LeftOut::to_string).collect()
}

/// What a node is given of [`MACHINE`] by Flow's default configuration, as numbers.
fn given_by_numbers() -> Settings {
    let memory = MemoryGiven::Share(Share::Exactly(8 << 30));
    Settings {
        memory: Some(Said::new(memory, AT)),
        file_descriptors: Some(Said::new(Share::Exactly(13_107), AT)),
        ..Settings::default()
    }
}

#[test]
fn the_default_configuration_of_flow_is_written_as_it_was() {
    let file = text("flow/default-config.yml");
    let effective = effective(read_flow(&file), &MACHINE);
    let (text, left_out) = flow::write(&effective);
    assert_eq!(told(&left_out), [""; 0]);
    let start = "network-config:
  libp2p-resource-manager:
    memory-limit-ratio: 0.5
    file-descriptors-ratio: 0.2
    limits-override:
      system:
        streams-inbound: 15000
        streams-outbound: 15000
        connections-inbound: 0
        connections-outbound: 0
        fd: 0
        memory-bytes: 0
      transient:
";
    assert!(text.starts_with(start), "{text}");
    let end = "  connection-manager:
    high-watermark: 4000
    low-watermark: 1000
    silence-period: 10s
    grace-period: 1m0s
";
    assert!(text.ends_with(end), "{text}");
    let again = common::effective(read_flow(&text), &MACHINE);
    assert_eq!(again.limits, effective.limits);
    assert_eq!(again.connection_manager(), effective.connection_manager());
}

#[test]
fn what_flow_cannot_say_is_told_by_class() {
    let mut settings = given_by_numbers();
    let mut say = |subject: Subject, resource, limit| {
        let said = Said::new(Setting::Limit(limit), AT);
        settings.scopes.entry(subject).or_default().insert(resource, said);
    };
    let system = || Subject::Class(Class::System);
    say(system(), Resource::Streams, Limit::new(100));
    say(system(), Resource::StreamsInbound, Limit::UNLIMITED);
    say(system(), Resource::ConnectionsInbound, Limit::BLOCK_ALL);
    for at in 0..40 {
        say(Subject::Service(format!("s{at:02}").into()), Resource::Memory, Limit::new(1));
    }
    settings.connection_manager.silence_period = Some(Said::new(Duration::MAX, AT));
    let effective = effective(settings, &NoMachine);
    let (text, left_out) = flow::write(&effective);
    assert_eq!(
        told(&left_out),
        [
            "what the node is given: Flow can only give it a part of the machine, so that its \
             defaults can differ",
            "system: Flow cannot say 100 streams (18432 instead), 0 inbound connections (1 instead)",
            "service \"s00\", \"s01\", \"s02\" and 37 more: Flow cannot say their limits of bytes of \
             memory",
            "the connection manager: Flow has no words for it, or not for its numbers",
        ]
    );
    // Where the same comes to be given, all that is not told is the same.
    let again = common::effective(read_flow(&text), &MACHINE).limits;
    assert_eq!(again.system.streams_inbound, Limit::UNLIMITED);
    assert_eq!(again.peer, effective.limits.peer);
}

#[test]
fn what_greenfield_cannot_say_is_told_by_class() {
    let mut effective = Effective::of(Settings::default(), Given::exactly(1 << 30, 2048));
    effective.limits.services.insert("a\"\\\u{7}".into(), effective.limits.service);
    let (text, left_out) = greenfield::write(&effective);
    let told = told(&left_out);
    assert_eq!(
        told[0],
        "system: Greenfield cannot say 2048 inbound streams (unlimited instead), 4096 outbound \
         streams (unlimited instead), 4096 streams (unlimited instead), unlimited tasks \
         (2147483647 instead), unlimited tasks of high class (2147483647 instead), unlimited tasks \
         of medium class (2147483647 instead), unlimited tasks of low class (2147483647 instead)"
    );
    assert!(told[1].starts_with("allowlisted-system: "), "{}", told[1]);
    let of_services = told.iter().filter(|told| told.starts_with("service \""));
    assert_eq!(of_services.count(), 1, "{told:#?}");
    assert!(told.len() < 20, "{told:#?}");
    let again = common::effective(read_greenfield(&text), &MACHINE).limits;
    assert_eq!(again.system.memory, effective.limits.system.memory);
    assert!(again.services.contains_key("a\"\\\u{7}"));
}

#[test]
fn nothing_limited_is_written_for_greenfield_as_switched_off() {
    let base = Some(Said::new(Base::Unlimited, AT));
    let unlimited = effective(Settings { base, ..given_by_numbers() }, &NoMachine);
    let (text, left_out) = greenfield::write(&unlimited);
    assert_eq!((&*text, &*told(&left_out)), ("[Rcmgr]\nDisableRcmgr = true\n", &[][..]));
}

/// Any settings that Flow can express.
fn of_flow() -> impl Strategy<Value = Settings> {
    let number = prop_oneof![1u64..20_000, 1..=i64::MAX as u64];
    let overrides = prop::collection::vec(prop::option::of(number), 30);
    let ratio = || (1u32..=64).prop_map(|parts| Share::Part(Ratio::one_of(parts)));
    let days: u64 = 24 * 60 * 60 * 1_000_000_000;
    let manager = prop::option::of((0..=i64::MAX as u64, 0..=366 * days));
    (overrides, ratio(), ratio(), manager).prop_map(|(overrides, memory, descriptors, manager)| {
        let mut flags = Settings {
            memory: Some(Said::new(MemoryGiven::Share(memory), AT)),
            file_descriptors: Some(Said::new(descriptors, AT)),
            ..Settings::default()
        };
        for (flag, value) in flow::FLAGS.iter().zip(overrides) {
            let value = value.unwrap_or(0).to_string();
            flow::flag(&mut flags, &flag.name, &value).expect("it is a number");
        }
        if let Some((watermark, nanoseconds)) = manager {
            flags.connection_manager.high_watermark = Some(Said::new(watermark, AT));
            let time = Duration::from_nanos(nanoseconds);
            flags.connection_manager.grace_period = Some(Said::new(time, AT));
        }
        flags
    })
}

/// Whether a class as a whole, or names in it, are told of.
fn is_told(left_out: &[LeftOut], of: &Subject) -> bool {
    left_out.iter().any(|left_out| match (&left_out.what, of) {
        (What::Class(class, _), Subject::Class(of)) => class == of,
        (What::Class(class, _) | What::Names { class, .. }, name) => *class == name.class(),
        _ => false,
    })
}

/// That the same is in effect, but for what is told.
fn assert_same(written: &Effective, again: &Effective, left_out: &[LeftOut]) {
    for (subject, limit) in Subject::all(&written.limits) {
        let read = subject.limit_in_force(&again.limits);
        let is_told = is_told(left_out, &subject);
        assert!(is_told || *read == limit, "{subject}: {read:?} instead of {limit:?}");
    }
    let has = |what| left_out.iter().any(|left_out| left_out.what == what);
    assert_eq!(has(What::Addresses), written.limits.ip != again.limits.ip);
    assert_eq!(has(What::Rates), written.limits.rates != again.limits.rates);
}

proptest! {
    #[test]
    fn what_flow_can_say_reads_back(settings in of_flow()) {
        let written = effective(settings, &MACHINE);
        let (text, left_out) = flow::write(&written);
        prop_assert_eq!(told(&left_out), Vec::<String>::new());
        let again = effective(read_flow(&text), &MACHINE);
        prop_assert_eq!(&again.limits, &written.limits);
        prop_assert_eq!(again.connection_manager(), written.connection_manager());
        prop_assert_eq!(again.given, written.given);
    }

    #[test]
    fn what_greenfield_can_say_reads_back(
        numbers in prop::collection::vec((0..=i32::MAX as u64, 0..=i64::MAX as u64), 27),
        names in prop::collection::hash_set(any::<String>(), 2),
    ) {
        const KEYS: [&str; 9] = ["Memory", "Tasks", "TasksHighPriority", "TasksMediumPriority",
            "TasksLowPriority", "Fd", "Conns", "ConnsInbound", "ConnsOutbound"];
        let mut text = String::new();
        let names = names.iter().map(|name| {
            let quoted = serde_json::to_string(name).expect("it is a string");
            format!("ServiceLimit.{}", quoted.replace('\u{7f}', "\\u007f"))
        });
        let scopes = ["System".to_owned()].into_iter().chain(names);
        for (scope, numbers) in scopes.zip(numbers.chunks(9)) {
            text += &format!("[Rcmgr.GfSpLimiter.{scope}]\n");
            for (key, (count, bytes)) in KEYS.into_iter().zip(numbers) {
                text += &format!("{key} = {}\n", if key == "Memory" { bytes } else { count });
            }
        }
        let written = effective(read_greenfield(&text), &MACHINE);
        let (text, left_out) = greenfield::write(&written);
        prop_assert_eq!(told(&left_out), Vec::<String>::new());
        prop_assert_eq!(effective(read_greenfield(&text), &MACHINE).limits, written.limits);
    }

    #[test]
    fn what_reads_back_otherwise_is_told(config in any::config()) {
        let mut written = effective(given_by_numbers(), &NoMachine);
        let base = libp2p::defaults().scale(8 << 30, 13_107);
        written.limits = config.over(&base, |text| peer::key(text).expect("it is a key"));
        let (text, left_out) = flow::write(&written);
        assert_same(&written, &effective(read_flow(&text), &MACHINE), &left_out);
        let (text, left_out) = greenfield::write(&written);
        assert_same(&written, &effective(read_greenfield(&text), &MACHINE), &left_out);
        let (text, left_out) = libp2p::write(&written);
        let (source, tree) = parse("limits.json", &text);
        let again = silent(libp2p::read(&source, &tree));
        assert_same(&written, &Effective::of(again, Given::exactly(0, 0)), &left_out);
    }
}
