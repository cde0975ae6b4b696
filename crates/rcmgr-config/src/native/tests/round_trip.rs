//! What is written is read back.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::arbitrary;
use crate::document::Syntax;
use crate::{At, Effective, Given, Settings, Subject, native};

const SYNTAXES: [(Syntax, &str); 3] =
    [(Syntax::Yaml, "limits.yaml"), (Syntax::Toml, "limits.toml"), (Syntax::Json, "limits.json")];

/// What is read from what is written, without places.
fn through(settings: &Settings, (syntax, name): (Syntax, &str)) -> Result<Settings, String> {
    let text = native::write(settings, syntax);
    match super::read(name, &text) {
        Ok((read, warnings)) if warnings.is_empty() => Ok(read.said_at(&At::RunTime)),
        Ok((_, wrong)) | Err(wrong) => Err(format!("{wrong}\nin\n{text}")),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn settings_are_written_as_they_are(settings in arbitrary::settings()) {
        for syntax in SYNTAXES {
            prop_assert_eq!(through(&settings, syntax), Ok(settings.clone()));
        }
    }

    #[test]
    fn what_is_in_effect_is_the_same_on_every_machine(
        settings in arbitrary::settings(),
        memory: u64,
        descriptors: u64,
        elsewhere: (u64, u64),
    ) {
        let effective = Effective::of(settings, Given::exactly(memory, descriptors));
        let complete = native::complete(&effective);
        for syntax in SYNTAXES {
            let read = through(&complete, syntax).unwrap_or_else(|wrong| panic!("{wrong}"));
            let there = Effective::of(read, Given::exactly(elsewhere.0, elsewhere.1));
            prop_assert_eq!(&there.limits, &effective.limits);
            prop_assert_eq!(there.connection_manager(), effective.connection_manager());
        }
    }
}

#[test]
fn sizes_and_times_are_written_as_people_write_them() {
    let yaml = "\
base: unlimited
memory:
  free-ratio: 0.5
  minimum: 256MiB
  maximum: 4GiB
  every: 5s
  hysteresis: 0.1
file-descriptors: 4096
limits:
  system:
    memory:
      base: 64MiB
      per-gib: 1GiB
    streams: 1000
    streams-inbound: unlimited
    tasks: \"18446744073709551614\"
  services:
    libp2p.identify: {}
  protocols:
    /ipfs/kad/1.0.0:
      memory: 1000
      streams: block
    \"a: b\":
      streams: default
connections-by-address:
  ipv4:
    32: 8
  networks:
    10.0.0.0/8: unlimited
    \"2001:db8::/32\": 7
connection-rates:
  all:
    per-second: 100
    burst: 200
  grace-period: 1m
allowlist:
  - 192.0.2.0/24
base-memory:
  tcp:
    connection: 64KiB
connection-manager:
  type: none
  grace-period: 90s
  quotas:
    /ipfs/kad/1.0.0:
      minimum: 10
      maximum: \"2.5%\"
    /ping/1: {}
    \"*\":
      maximum: \"50%\"
";
    let settings = super::settings(yaml);
    assert_eq!(native::write(&settings, Syntax::Yaml), yaml);
    let toml = native::write(&settings, Syntax::Toml);
    assert!(toml.contains("[limits.protocols.\"a: b\"]\nstreams = \"default\"\n"), "{toml}");
    let json = native::write(&settings, Syntax::Json);
    assert!(
        json.contains("\"connections-by-address\": {\n    \"ipv4\": {\n      \"32\": 8"),
        "{json}"
    );
    assert_eq!(native::write(&Settings::default(), Syntax::Yaml), "{}\n");
}

#[test]
fn what_says_nothing_is_read_back() {
    for syntax in SYNTAXES {
        assert_eq!(through(&Settings::default(), syntax), Ok(Settings::default()));
    }
}

#[test]
fn long_names_are_read_back() {
    let mut settings = Settings::default();
    for length in [100, 101, 1022, 1023, 1024, 5000] {
        for character in ['x', '-', '\u{1f}', 'é'] {
            let name = character.to_string().repeat(length);
            settings.scopes.insert(Subject::Service(name.as_str().into()), BTreeMap::new());
        }
    }
    for syntax in SYNTAXES {
        assert_eq!(through(&settings, syntax), Ok(settings.clone()));
    }
}

#[test]
fn what_is_in_effect_keeps_its_places() {
    let settings = super::settings("limits:\n  peer:\n    streams: 7\n");
    let effective = Effective::of(settings, Given::exactly(1 << 30, 1024));
    let complete = native::complete(&effective);
    let peer = &complete.scopes[&crate::Subject::Class(crate::Class::Peer)];
    assert_eq!(peer[&rcmgr_core::Resource::Streams].at.to_string(), "limits.yaml:3");
    assert_eq!(peer.len(), 12);
    assert_eq!(
        complete.memory.map(|said| said.at.to_string()).as_deref(),
        Some("default of rcmgr")
    );
}
