//! Single values by path.

use rcmgr_core::{Limit, Resource};

use crate::{
    At, Bound, Class, Diagnostics, MemoryGiven, Protocols, Ratio, Setting, Settings, Share,
    Subject, native,
};

/// The settings after one flag, or what is wrong with it.
fn set(path: &str, value: &str) -> Result<Settings, String> {
    let path = native::path(path).map_err(|error| error.to_string())?;
    let mut settings = Settings::default();
    let mut diagnostics = Diagnostics::default();
    native::set(&mut settings, &path, value, At::Flag("--set".into()), &mut diagnostics);
    match diagnostics.is_empty() {
        true => Ok(settings),
        false => {
            assert_eq!(settings, Settings::default(), "nothing is set");
            Err(diagnostics.to_string())
        }
    }
}

#[test]
fn a_value_is_set_by_its_path() {
    let peer = set("limits.peer.streams", "1_000").unwrap();
    let said = &peer.scopes[&Subject::Class(Class::Peer)][&Resource::Streams];
    assert_eq!(
        (said.value, said.at.to_string()),
        (Setting::Limit(Limit::new(1000)), "--set".to_owned())
    );
    let named = set(r#"limits.protocols."/ping/1.0.0".memory"#, "block").unwrap();
    assert!(named.scopes.contains_key(&Subject::Protocol("/ping/1.0.0".into())));
    let part = set("memory.ratio", "0.25").unwrap();
    let expected = MemoryGiven::Share(Share::Part(Ratio::one_of(4)));
    assert_eq!(part.memory.map(|said| said.value), Some(expected));
    for (path, value) in [
        ("base", "unlimited"),
        ("memory", "{free-ratio: 0.5, minimum: 1GiB, maximum: 4GiB}"),
        ("connection-rates.all", "{per-second: 1, burst: 2}"),
        ("connection-rates.networks.\"10.0.0.0/8\"", "unlimited"),
        ("connections-by-address.ipv4.32", "8"),
        ("allowlist", "192.0.2.0/24, 10.0.0.1"),
        ("allowlist", "[192.0.2.0/24, 10.0.0.1]"),
        ("allowlist", ""),
        ("connection-manager.grace-period", "20s"),
        ("connection-manager.quotas.\"/ipfs/kad/*\"", "{minimum: 5%, maximum: 100}"),
        ("connection-manager.quotas.\"/ipfs/kad/*\"", "{}"),
        ("connection-manager.quotas", "{/ipfs/kad/*: {minimum: 5%}}"),
        ("limits.peer", "{streams: 64, memory: 16MiB}"),
        ("connection-manager.quotas.\"/ipfs/kad/*\".minimum", "5%"),
        ("connection-manager.quotas.\"/ipfs/kad/*\".maximum", "25%"),
    ] {
        assert!(set(path, value).is_ok_and(|set| set != Settings::default()), "{path}={value}");
    }
    assert_eq!(set("allowlist", "[10.0.0.1, 10.0.0.2]"), set("allowlist", "10.0.0.2,10.0.0.1"));
}

#[test]
fn what_is_wrong_tells_the_flag() {
    for (path, value, told) in [
        (
            "limits.peer.stream",
            "1",
            "error: --set: unknown key \"stream\"\n = help: did you mean \"streams\"?",
        ),
        (
            "limits.peer.streams",
            "-1",
            "error: --set: limits.peer.streams cannot be \"-1\": it is below 0\n \
             = help: for no limit write unlimited",
        ),
        (
            "connection-rates.ipv4",
            "1",
            "error: --set: \"connection-rates.ipv4\" is not one value\n \
             = help: go on with a name, such as \"32\"",
        ),
        (
            "base-memory.tcp",
            "1",
            "error: --set: \"base-memory.tcp\" is not one value\n \
             = help: go on with one of connection, stream",
        ),
        (
            "limits.peers.ann.streams",
            "1",
            "error: --set: \"ann\" cannot stand there\n = help: it is no peer: write a peer \
             id such as 12D3KooW…, or the bytes of another key as 0x0102…",
        ),
        (
            "limits.peer",
            "{streams: 64, stream: 1}",
            "error: unknown key \"stream\"\n --> --set:1:15\n  |\n1 | {streams: 64, stream: 1}\n  \
             |               ^^^^^^\n  |\n  = help: did you mean \"streams\"?",
        ),
        (
            "connection-rates.all.per-second",
            "1",
            "error: --set: connection-rates.all lacks burst\n \
             = help: write {per-second: 0.2, burst: 16}",
        ),
        (
            "base.x",
            "1",
            "error: --set: base has no \"x\" below it\n \
             = help: write its value: libp2p or unlimited",
        ),
        (
            "memory",
            "{ratio: 0.5, rato: 1}",
            "error: unknown key \"rato\"\n --> --set:1:14\n  |\n1 | {ratio: 0.5, rato: 1}\n  \
             |              ^^^^\n  |\n  = help: did you mean \"ratio\"?",
        ),
        (
            "allowlist",
            "10.0.0.0/8,x",
            "error: --set: \"x\" cannot be let past limits\n = help: it is no network: write \
             192.0.2.7, 192.0.2.0/24, 2001:db8::/32, /ip4/192.0.2.0/ipcidr/24, or any of them with \
             /p2p/PEER behind it",
        ),
    ] {
        assert_eq!(set(path, value), Err(told.to_owned()), "{path}={value}");
    }
    for (path, value) in [("memory", "{ratio: 0.5, ratio: 1}"), ("memory", "{"), ("memory", "[]")] {
        assert!(set(path, value).is_err(), "{path}={value}");
    }
}

#[test]
fn flags_add_up_to_a_quota() {
    let mut settings = Settings::default();
    let mut diagnostics = Diagnostics::default();
    let mut set = |path: &str, value: &str, flag: &str| {
        let path =
            ["connection-manager", "quotas", "/a"].into_iter().chain(path.split_terminator('.'));
        let path: Vec<&str> = path.collect();
        native::set(&mut settings, &path, value, At::Flag(flag.into()), &mut diagnostics);
    };
    set("", "{minimum: 10%, maximum: 30}", "--first");
    set("maximum", "20", "--second");
    let said = &settings.connection_manager.quotas[&Protocols::Exact("/a".into())];
    let told = |bound| format!("{} by {}", said[&bound].value, said[&bound].at);
    assert_eq!(told(Bound::Minimum), "10% by --first");
    assert_eq!(told(Bound::Maximum), "20 by --second");
    assert!(diagnostics.is_empty(), "{diagnostics}");
}

#[test]
fn networks_with_bits_beyond_their_prefix_are_set_with_a_warning() {
    let mut settings = Settings::default();
    let mut diagnostics = Diagnostics::default();
    let path = ["connections-by-address", "networks", "10.0.0.1/8"];
    native::set(&mut settings, &path, "8", At::Flag("--set".into()), &mut diagnostics);
    assert_eq!((settings.connections.len(), diagnostics.has_errors()), (1, false));
    assert_eq!(
        diagnostics.to_string(),
        "warning: --set: \"10.0.0.1/8\" has bits beyond its prefix; it is taken for 10.0.0.0/8"
    );
}
