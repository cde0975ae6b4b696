//! Each kind of mistake has a message that tells how to mend it.

use super::read;
use crate::Quota;

/// What is said of a file in YAML.
#[track_caller]
fn wrong(yaml: &str) -> String {
    match read("limits.yaml", yaml) {
        Ok(_) => panic!("it is taken"),
        Err(wrong) => wrong,
    }
}

/// The message and the help of a single mistake.
#[track_caller]
fn told(yaml: &str) -> (String, String) {
    let wrong = wrong(yaml);
    let message = wrong.lines().next().unwrap_or_default();
    assert_eq!(wrong.matches("error: ").count(), 1, "{wrong}");
    let help = wrong.split_once("= help: ").map(|(_, help)| help).unwrap_or_default();
    (message.trim_start_matches("error: ").to_owned(), help.to_owned())
}

const SCOPE_KEYS: &str = "the keys here are memory, streams, streams-inbound, streams-outbound, connections, connections-inbound, connections-outbound, file-descriptors, tasks, tasks-high, tasks-medium, tasks-low";
const COUNT: &str = "write a whole number such as 64 or 1_000, unlimited, block, default or {base: 64, per-gib: 32}";

#[test]
fn all_mistakes_of_a_file_are_told_at_once_with_their_places() {
    let yaml = "\
limits:
  system:
    stream: 1
    memory: 17EiB
  peers:
    0x0a: {streams: yes please}
    0x0A: {}
connections-by-address:
  ipv4: {33: 1}
";
    assert_eq!(
        wrong(yaml),
        r#"error: unknown key "stream"
 --> limits.yaml:3:5
  |
3 |     stream: 1
  |     ^^^^^^
  |
  = help: did you mean "streams"?

error: memory cannot be "17EiB": it is 2^64 bytes (16EiB) or more, which is more than can be counted
 --> limits.yaml:4:13
  |
4 |     memory: 17EiB
  |             ^^^^^
  |
  = help: write a size such as 64MiB or 1_000_000, unlimited, block, default or {base: 64MiB, per-gib: 1GiB}

error: streams cannot be "yes please": it is not a whole number such as 64 or 1_000
 --> limits.yaml:6:21
  |
6 |     0x0a: {streams: yes please}
  |                     ^^^^^^^^^^
  |
  = help: write a whole number such as 64 or 1_000, unlimited, block, default or {base: 64, per-gib: 32}

error: "0x0A" is another spelling of the same name
 --> limits.yaml:7:5
  |
7 |     0x0A: {}
  |     ^^^^
 ::: limits.yaml:6:5
  |
6 |     0x0a: {streams: yes please}
  |     ---- here first
  |
  = help: keep one of them

error: "33" cannot stand in ipv4
 --> limits.yaml:9:10
  |
9 |   ipv4: {33: 1}
  |          ^^
  |
  = help: it is no prefix length of IPv4: write a number from 0 to 32"#
    );
}

#[test]
fn unknown_keys() {
    for (yaml, key, help) in [
        ("limits: {sistem: {}}", "sistem", "did you mean \"system\"?"),
        ("system: {streams: 1}", "system", "it belongs under \"limits\""),
        ("high-watermark: 5", "high-watermark", "it belongs under \"connection-manager\""),
        (
            "connection-manager: {low_watermark: 3}",
            "low_watermark",
            "did you mean \"low-watermark\"?",
        ),
        ("limits: {protocol: {/a: {streams: 1}}}", "/a", "it belongs under \"protocols\""),
        ("limits: {peer: {stream: {base: 1, per-gib: 1}}}", "stream", "did you mean \"streams\"?"),
        ("limits: {system: {/a: {streams: 1}}}", "/a", SCOPE_KEYS),
        ("connections-by-address: {all: 1}", "all", "the keys here are ipv4, ipv6, networks"),
        (
            "base-memory: {udp: {}}",
            "udp",
            "the keys here are tcp, quic, websocket, webrtc, webtransport, relay, memory",
        ),
        ("limits: {peer: {tasks: {base: 1, per-gb: 2}}}", "per-gb", "did you mean \"per-gib\"?"),
        (
            "limits: {peer: {file-descriptors: {base: 1, per-gib: 2}}}",
            "per-gib",
            "the keys here are base, ratio",
        ),
    ] {
        assert_eq!(told(yaml), (format!("unknown key {key:?}"), help.to_owned()), "{yaml}");
    }
}

#[test]
fn values_that_cannot_be() {
    let count = |value: &str| format!("limits: {{system: {{streams: {value}}}}}");
    for (value, message, help) in [
        ("-1", "\"-1\": it is below 0", "for no limit write unlimited"),
        ("-2", "\"-2\": it is below 0", "to admit nothing write block"),
        ("-3", "\"-3\": it is below 0", COUNT),
        ("1.5", "\"1.5\": it has a fraction, and only whole numbers count", COUNT),
        (".nan", "\"NaN\": it is not a finite number", COUNT),
        ("true", "a truth value", COUNT),
        ("[1]", "a list", COUNT),
        ("unlimted", "\"unlimted\"", "did you mean unlimited?"),
        ("64k", "\"64k\": it has a unit, as only sizes have; write 64000", COUNT),
    ] {
        let expected = (format!("streams cannot be {message}"), help.to_owned());
        assert_eq!(told(&count(value)), expected, "{value}");
    }
    for (yaml, message, help) in [
        ("base: libp2", "base cannot be \"libp2\"", "did you mean libp2p?"),
        ("base: 5", "base cannot be \"5\"", "write libp2p or unlimited"),
        (
            "allowlist: 10.0.0.0/8",
            "allowlist cannot be \"10.0.0.0/8\"",
            "write a list such as [192.0.2.0/24, 2001:db8::1]",
        ),
        (
            "allowlist: [10.0.0.0/8, localhost]",
            "\"localhost\" cannot be let past limits",
            "it is no network: write 192.0.2.7, 192.0.2.0/24, 2001:db8::/32, \
             /ip4/192.0.2.0/ipcidr/24, or any of them with /p2p/PEER behind it",
        ),
        (
            "connection-rates: {all: 5}",
            "all cannot be \"5\"",
            "write {per-second: 0.2, burst: 16}, unlimited, block or default",
        ),
        (
            "connection-rates: {all: {per-second: .inf, burst: 1}}",
            "per-second cannot be \"inf\": it is not a finite number",
            "write a number such as 100 or 0.2",
        ),
        (
            "connection-rates: {all: {per-second: 1, burst: 5000000000}}",
            "burst cannot be \"5000000000\": it is more than 4294967295, the most that can be said",
            "write a whole number such as 64 or 1_000",
        ),
        (
            "connection-rates: {grace-period: 1M}",
            "grace-period cannot be \"1M\": M is a month: write m for minutes, or days such as 30d",
            "write a length of time such as 20s, 500ms or 1h 30m",
        ),
        (
            "memory: {ratio: 1.5}",
            "ratio cannot be \"1.5\": it is not above 0 and at most 1; write 0.25 for a quarter, \
             or 1 for the whole",
            "write a number above 0 and at most 1, such as 0.25",
        ),
    ] {
        assert_eq!(told(yaml), (message.to_owned(), help.to_owned()), "{yaml}");
    }
}

#[test]
fn values_that_are_left_out() {
    for (yaml, key, help) in [
        ("limits: {system: {streams: }}", "streams", "leave the key out, or write default"),
        ("memory:", "memory", "leave the key out"),
        ("allowlist: null", "allowlist", "leave the key out, or write [] for nobody"),
    ] {
        assert_eq!(told(yaml), (format!("{key} has no value"), help.to_owned()), "{yaml}");
    }
}

#[test]
fn parts_that_make_no_value() {
    let both = "write {ratio: 0.25} or {free-ratio: 0.5, minimum: 256MiB, maximum: 4GiB}";
    for (yaml, message, help) in [
        (
            "limits: {peer: {tasks: {base: 64}}}",
            "tasks lacks per-gib",
            "write {base: 64, per-gib: 32}",
        ),
        ("memory: {free-ratio: 1}", "memory lacks minimum and maximum", &both[23..]),
        (
            "memory: {ratio: 0.5, minimum: 1MiB}",
            "\"minimum\" does not go with what else is said here",
            both,
        ),
        (
            "memory: {free-ratio: 1, ratio: 1, minimum: 1MiB}",
            "\"ratio\" does not go with what else is said here",
            both,
        ),
        (
            "connection-rates: {all: {per-second: 5}}",
            "all lacks burst",
            "write {per-second: 0.2, burst: 16}",
        ),
    ] {
        let help = help.trim_start_matches("or ");
        let (said, helped) = told(yaml);
        assert_eq!(said, message, "{yaml}");
        assert!(helped.ends_with(help), "{yaml}: {helped}");
    }
    for (parts, why) in [
        ("minimum: 2MiB, maximum: 1MiB", "the least is"),
        ("minimum: 0, maximum: 0", "the most is 0 bytes"),
        ("minimum: 0, maximum: 1, every: 1ms", "1ms between samples"),
        ("minimum: 0, maximum: 1, hysteresis: 0.9", "a hysteresis of 0.9"),
    ] {
        let (message, _) = told(&format!("memory: {{free-ratio: 0.5, {parts}}}"));
        assert!(message.starts_with(&format!("memory cannot be so: {why}")), "{message}");
    }
}

#[test]
fn what_is_no_quota() {
    let quotas = |inside: &str| told(&format!("connection-manager: {{quotas: {{{inside}}}}}"));
    let portion = "write a whole number such as 64, or a percentage such as 5%";
    for (inside, message, help) in [
        (
            "/a: 5",
            "/a cannot be a number",
            "write keys with values; the keys here are minimum, maximum",
        ),
        ("/a: {min: 5}", "unknown key \"min\"", "the keys here are minimum, maximum"),
        ("/a: {minimum: 5, maximun: 6}", "unknown key \"maximun\"", "did you mean \"maximum\"?"),
        (
            "/a: {minimum: 101%}",
            "minimum cannot be \"101%\": it is more than 100%, the whole share",
            portion,
        ),
        (
            "/a: {minimum: 0.05}",
            "minimum cannot be \"0.05\": it is neither a whole number such as 64 nor a percentage \
             such as 5%",
            portion,
        ),
        ("/a: {minimum: }", "minimum has no value", "leave the key out"),
        (
            "/a: {maximum: 0}",
            "maximum cannot be so: a maximum of 0 has no meaning; write 1 or more, or limit the \
             protocol's streams",
            "",
        ),
        (
            "\"\": {minimum: 1}",
            "\"\" cannot stand in quotas",
            "it is empty: write the id of a protocol, the beginning of some with * behind it, or * \
             for all",
        ),
    ] {
        assert_eq!(quotas(inside), (message.to_owned(), help.to_owned()), "{inside}");
    }
    let (message, _) = quotas("/a: {minimum: 1}, /a: {minimum: 2}");
    assert!(message.contains("\"/a\""), "{message}");
}

#[test]
fn there_are_as_many_quotas_as_places() {
    let quotas = |count: usize| {
        let all: Vec<_> = (0..count).map(|nth| format!("/{nth}: {{maximum: 1%}}")).collect();
        format!("connection-manager: {{quotas: {{{}}}}}", all.join(", "))
    };
    assert!(read("limits.yaml", &quotas(Quota::MOST)).is_ok());
    let (message, help) = told(&quotas(Quota::MOST + 2));
    assert_eq!(message, "\"/64\" is one more than the 64 of quotas");
    assert_eq!(help, "leave some out, or take several together by what they begin with");
}

#[test]
fn what_is_no_set_of_keys() {
    let root = "write keys with values; the keys here are base, memory, file-descriptors, limits, \
                connections-by-address, connection-rates, allowlist, base-memory, \
                connection-manager";
    for (yaml, message, help) in [
        ("null", "a document of limits cannot be nothing", root),
        ("[]", "a document of limits cannot be a list", root),
        (
            "base-memory: {tcp: 5}",
            "tcp cannot be a number",
            "write keys with values; the keys here are connection, stream",
        ),
        (
            "limits: {services: all}",
            "services cannot be a text",
            "write names with values, such as \"libp2p.identify\"",
        ),
    ] {
        assert_eq!(told(yaml), (message.to_owned(), help.to_owned()), "{yaml}");
    }
}

#[test]
fn names_that_cannot_be() {
    for (yaml, name, place) in [
        ("connections-by-address: {ipv6: {129: 1}}", "129", "ipv6"),
        ("connection-rates: {ipv4: {-1: block}}", "-1", "ipv4"),
        ("connections-by-address: {networks: {example.org: 1}}", "example.org", "networks"),
        ("connection-rates: {networks: {10.0.0.0/33: block}}", "10.0.0.0/33", "networks"),
        ("limits: {peers: {ann: {}}}", "ann", "peers"),
    ] {
        assert_eq!(told(yaml).0, format!("{name:?} cannot stand in {place}"), "{yaml}");
    }
    let twice = "connections-by-address: {networks: {10.0.0.0/8: 1, 10.1.0.0/8: 2}}";
    assert_eq!(told(twice).0, "\"10.1.0.0/8\" is another spelling of the same name");
}

#[test]
fn mistakes_without_end_are_counted() {
    let many: String = (0..5000).map(|n| format!("key-{n}: {n}\n")).collect();
    let wrong = wrong(&many);
    assert_eq!(wrong.matches("error: ").count(), 100);
    assert!(wrong.ends_with("and 4900 more"), "{}", &wrong[wrong.len() - 40..]);
}

#[test]
fn what_is_long_is_told_in_short() {
    let long = "9".repeat(1 << 20);
    // YAML has no longer keys.
    let key = "9".repeat(1000);
    let yaml = format!(
        "memory: \"{long}x\"\n\
         file-descriptors: \"{long}\"\n\
         base: \"{long}\"\n\
         connection-rates: {{grace-period: \"{long}\", \"{key}\": 1}}\n\
         allowlist: [\"{long}\"]\n\
         limits: {{peers: {{\"{key}\": {{}}}}}}\n"
    );
    let wrong = wrong(&yaml);
    assert_eq!(wrong.matches("error: ").count(), 7);
    assert!(wrong.len() < 5000, "{}", wrong.len());
}

#[test]
fn mistakes_in_toml_and_json_have_places_too() {
    let wrong = |name, text| read(name, text).map(drop).unwrap_err();
    let toml = wrong("limits.toml", "[limits.system]\nstream = 1\n");
    assert!(toml.contains(" --> limits.toml:2:1\n"), "{toml}");
    let json = wrong("limits.json", "{\"limits\": {\n  \"sistem\": {}}}");
    assert!(json.contains(" --> limits.json:2:3\n"), "{json}");
}
