//! Values from variables of the environment.

use std::collections::BTreeSet;

use rcmgr_core::Resource;

use crate::{
    AddressRule, At, Class, Diagnostics, MemoryGiven, Ratio, Settings, Share, Subject, native,
};

fn read(vars: &[(&str, &str)]) -> (Settings, Diagnostics) {
    let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let mut diagnostics = Diagnostics::default();
    let settings = native::environment(vars, &mut diagnostics);
    (settings, diagnostics)
}

fn told(vars: &[(&str, &str)]) -> String {
    read(vars).1.to_string()
}

#[test]
fn every_value_without_a_name_has_a_variable_of_its_own() {
    let variables = native::variables();
    let names: BTreeSet<_> = variables.iter().map(|(name, _)| name).collect();
    assert_eq!(names.len(), variables.len());
    for (name, path) in &variables {
        let values = ["64", "20s", "unlimited", "10.0.0.0/8", "none"];
        let value = values.into_iter().find(|value| {
            let (settings, diagnostics) = read(&[(name, value)]);
            diagnostics.is_empty() && settings != Settings::default()
        });
        let at = At::Environment(name.as_str().into());
        let mut settings = Settings::default();
        let mut diagnostics = Diagnostics::default();
        let path = native::path(path).unwrap();
        let value = value.unwrap_or("{per-second: 1, burst: 2}");
        native::set(&mut settings, &path, value, at, &mut diagnostics);
        assert!(diagnostics.is_empty() && settings != Settings::default(), "{name}");
        assert_eq!(read(&[(name, value)]).0, settings, "{name}");
    }
}

#[test]
fn variables_are_read() {
    let (settings, diagnostics) = read(&[
        ("HOME", "/root"),
        ("RCMGR_ADMIN_TOKEN", "secret"),
        ("RCMGR_CONFIG", "limits.yaml"),
        ("RCMGR_MEMORY_RATIO", "0.25"),
        ("RCMGR_SYSTEM_STREAMS_INBOUND", "64"),
        ("RCMGR_CONNECTION_RATES_ALL_PER_SECOND", "5"),
        ("RCMGR_CONNECTION_RATES_ALL_BURST", "10"),
        ("RCMGR_ALLOWLIST", "10.0.0.0/8, 192.0.2.1"),
    ]);
    assert_eq!(diagnostics.to_string(), "");
    let memory = settings.memory.unwrap();
    assert_eq!(memory.value, MemoryGiven::Share(Share::Part(Ratio::one_of(4))));
    assert_eq!(memory.at.to_string(), "$RCMGR_MEMORY_RATIO");
    let system = &settings.scopes[&Subject::Class(Class::System)];
    let at = system[&Resource::StreamsInbound].at.to_string();
    assert_eq!(at, "$RCMGR_SYSTEM_STREAMS_INBOUND");
    assert!(settings.rates.contains_key(&AddressRule::All));
    assert_eq!(settings.allowlist.map(|said| said.value.len()), Some(2));
}

#[test]
fn a_document_lies_below_the_other_variables() {
    let yaml = "limits:\n  system:\n    streams: 1\n    memory: 1MiB\n";
    let (settings, diagnostics) = read(&[("RCMGR_LIMITS", yaml), ("RCMGR_SYSTEM_STREAMS", "2")]);
    assert_eq!(diagnostics.to_string(), "");
    let system = &settings.scopes[&Subject::Class(Class::System)];
    let at = |resource| system[&resource].at.to_string();
    assert_eq!(at(Resource::Memory), "RCMGR_LIMITS:4");
    assert_eq!(at(Resource::Streams), "$RCMGR_SYSTEM_STREAMS");
    let json = told(&[("RCMGR_LIMITS", r#"{"limits": {"sistem": {}}}"#)]);
    assert!(json.contains(" --> RCMGR_LIMITS:1:13\n"), "{json}");
}

#[test]
fn two_variables_for_one_thing_are_an_error() {
    let help = "\n = help: unset one of them";
    assert_eq!(
        told(&[("RCMGR_MEMORY", "1GiB"), ("RCMGR_MEMORY_RATIO", "0.5")]),
        format!(
            "error: $RCMGR_MEMORY and $RCMGR_MEMORY_RATIO say the same thing in different ways{help}"
        )
    );
    let vars = [
        ("RCMGR_MEMORY_FREE_RATIO", "0.5"),
        ("RCMGR_MEMORY_MINIMUM", "0"),
        ("RCMGR_MEMORY_MAXIMUM", "1GiB"),
        ("RCMGR_MEMORY_RATIO", "0.5"),
    ];
    assert!(read(&vars[..3]).1.is_empty());
    assert_eq!(
        told(&vars),
        format!(
            "error: $RCMGR_MEMORY_FREE_RATIO and $RCMGR_MEMORY_RATIO say the same thing in \
             different ways{help}"
        )
    );
}

#[test]
fn what_is_wrong_tells_the_variable() {
    assert_eq!(
        told(&[("RCMGR_PEER_STREAMS", "many")]),
        "error: $RCMGR_PEER_STREAMS: limits.peer.streams cannot be \"many\": it is not a whole \
         number such as 64 or 1_000\n = help: write a whole number such as 64 or 1_000, \
         unlimited, block, default or {base: 64, per-gib: 32}"
    );
    assert_eq!(
        told(&[("RCMGR_MEMORY_RATIO", "half")]),
        "error: $RCMGR_MEMORY_RATIO: ratio cannot be \"half\": it is not a number above 0 and at \
         most 1, such as 0.25\n = help: write a number above 0 and at most 1, such as 0.25"
    );
    assert_eq!(
        told(&[("RCMGR_CONNECTION_RATES_ALL_BURST", "5")]),
        "error: $RCMGR_CONNECTION_RATES_ALL_BURST says nothing without \
         $RCMGR_CONNECTION_RATES_ALL_PER_SECOND\n = help: set all of them, or none"
    );
    assert!(
        told(&[("RCMGR_MEMORY", "")]).starts_with("error: $RCMGR_MEMORY: memory cannot be \"\"")
    );
}

#[test]
fn unknown_variables_are_warnings() {
    assert_eq!(
        told(&[("RCMGR_PORT", "tcp://10.0.0.1:80"), ("RCMGR_PEER_STREAM", "1")]),
        "warning: $RCMGR_PEER_STREAM is not known, and is ignored\n \
         = help: did you mean RCMGR_PEER_STREAMS?\n\n\
         warning: $RCMGR_PORT is not known, and is ignored"
    );
}
