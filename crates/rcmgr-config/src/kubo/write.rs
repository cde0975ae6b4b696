//! Limits in Kubo's configuration, and what that has no words for.

use std::sync::Arc;

use rcmgr_core::{AllowlistEntry, ConnectionRates, IpLimits, Limits};
use serde_json::{Map, Value, json};

use crate::document::{self, Syntax};
use crate::{
    Diagnostics, Effective, Format, Given, LeftOut, ManagerType, NoMachine, Read, Settings, Source,
    go, peer,
};

/// What is in effect as the blocks `Swarm.ResourceMgr` and `Swarm.ConnMgr` of Kubo's configuration
/// in JSON, and what they do not say.
///
/// Kubo makes all its limits of a size, a number of descriptors and a watermark; they are written
/// as the memory and the descriptors of the system. Single limits belong into its overrides, which
/// are in [go-libp2p's format](crate::libp2p).
pub fn write(effective: &Effective) -> (String, Vec<LeftOut>) {
    let unlimited = Limits {
        ip: IpLimits::unlimited(),
        rates: ConnectionRates::unlimited(),
        ..Limits::default()
    };
    let resources = match effective.limits == unlimited {
        true => json!({ "Enabled": false }),
        false => resource_manager(effective),
    };
    let config = json!({
        "Swarm": { "ConnMgr": connection_manager(effective), "ResourceMgr": resources },
    });
    let text = serde_json::to_string_pretty(&config).expect("its keys are strings") + "\n";
    let written = Effective::of(again(&text), effective.given.clone());
    let mut left_out = LeftOut::of_limits(Format::Kubo, &effective.limits, &written.limits);
    let manager = written.connection_manager();
    left_out.extend(LeftOut::beside_limits(Format::Kubo, effective, &manager));
    (text, left_out)
}

/// The greatest number that Kubo reads.
const MOST: u64 = i64::MAX as u64;

fn resource_manager(effective: &Effective) -> Value {
    let Given { memory, file_descriptors, .. } = effective.given;
    let system = &effective.limits.system;
    let or_given = |limit: rcmgr_core::Limit, given: u64| match limit.is_unlimited() {
        true => given.min(MOST),
        false => limit.get().min(MOST),
    };
    let allowlist: Vec<String> = effective.limits.allowlist.iter().filter_map(multiaddr).collect();
    json!({
        "Enabled": true,
        "MaxMemory": size(or_given(system.memory, memory)).to_string(),
        "MaxFileDescriptors": or_given(system.file_descriptors, file_descriptors),
        "Allowlist": allowlist,
    })
}

/// A size rounded down to what an `f64` can hold, as which Kubo reads texts.
const fn size(bytes: u64) -> u64 {
    let beyond = (u64::BITS - bytes.leading_zeros()).saturating_sub(f64::MANTISSA_DIGITS);
    bytes >> beyond << beyond
}

fn multiaddr(entry: &AllowlistEntry) -> Option<String> {
    let AllowlistEntry { network, peer } = entry;
    let family = if network.addr().is_ipv4() { "ip4" } else { "ip6" };
    let network = format!("/{family}/{}/ipcidr/{}", network.network(), network.prefix_len());
    match peer {
        None => Some(network),
        Some(key) => {
            let peer = peer::id_of(key)?;
            Some(format!("{network}/p2p/{peer}"))
        }
    }
}

fn connection_manager(effective: &Effective) -> Value {
    let manager = effective.connection_manager();
    let number = |said: Option<u64>| said.filter(|number| *number <= MOST).map(Value::from);
    let fields = [
        ("LowWater", number(manager.low_watermark)),
        ("HighWater", number(manager.high_watermark)),
        ("GracePeriod", manager.grace_period.map(|time| go::duration_text(time).into())),
        ("SilencePeriod", manager.silence_period.map(|time| go::duration_text(time).into())),
    ];
    let said = fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    let mut block: Map<String, Value> = said.collect();
    // Without watermarks Kubo has those of its own, so that none is closer to what is meant.
    let is_none = block.is_empty() || manager.kind == ManagerType::None;
    let kind = if is_none { "none" } else { "basic" };
    block.insert("Type".to_owned(), kind.into());
    block.into()
}

/// What a text that was written here says.
fn again(text: &str) -> Settings {
    let read = || {
        let source = Arc::new(Source::new("written", text).ok()?);
        let mut found = Diagnostics::default();
        let tree = document::parse(Syntax::Json, &source, &mut found)?;
        super::read(&source, &tree, &NoMachine).ok()
    };
    let Read { settings, .. } = read().unwrap_or_default();
    settings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Loaded, ThisMachine, What, load};
    use proptest::prelude::*;

    fn effective(text: &str, from: Format) -> Effective {
        let source = Arc::new(Source::new("limits", text).expect("it is short"));
        let loaded = load(&source, Some(from), &ThisMachine);
        let Loaded { settings, .. } = loaded.unwrap_or_else(|found| panic!("{found}"));
        let given = Given::of(&settings, &ThisMachine).expect("the machine tells");
        Effective::of(settings, given)
    }

    #[test]
    fn what_kubo_has_no_words_for_is_told() {
        let text = "{memory: 1GiB, file-descriptors: 64, limits: {peer: {streams: 5}}}";
        let (_, left_out) = write(&effective(text, Format::Native));
        let peer = left_out.iter().map(LeftOut::to_string).find(|told| told.starts_with("peer: "));
        let peer = peer.expect("Kubo has no limits of peers that are not defaults");
        assert!(peer.contains("5 streams (unlimited instead)"), "{peer}");
        let (text, left_out) = write(&effective("base: unlimited", Format::Native));
        assert!(text.contains("\"Enabled\": false"), "{text}");
        let told: Vec<_> = left_out.iter().map(|left_out| &left_out.what).collect();
        assert_eq!(told, [&What::ConnectionManager], "Kubo has no share that follows from limits");
        let (text, left_out) = write(&effective(
            "{base: unlimited, connection-manager: {type: none}}",
            Format::Native,
        ));
        assert!(text.contains("\"Type\": \"none\"") && left_out.is_empty(), "{text} {left_out:?}");
    }

    #[test]
    fn numbers_that_kubo_cannot_hold_are_told() {
        for (bytes, written) in [
            (1 << 53, "9007199254740992"),
            ((1 << 53) + 1, "9007199254740992"),
            (u64::MAX, "9223372036854774784"),
        ] {
            let text = format!(
                "{{memory: {bytes}, limits: {{system: {{memory: {bytes}}}}}, \
                 connection-manager: {{low-watermark: 1, high-watermark: {bytes}}}}}"
            );
            let (text, left_out) = write(&effective(&text, Format::Native));
            assert!(text.contains(&format!("\"MaxMemory\": \"{written}\"")), "{text}");
            let again = effective(&text, Format::Kubo);
            assert_eq!(again.limits.system.memory.get().to_string(), written);
            let told = left_out.iter().any(|left_out| left_out.what == What::ConnectionManager);
            let high = if bytes > MOST { 96 } else { bytes };
            assert_eq!(again.connection_manager().high_watermark, Some(high));
            assert!(told, "{left_out:?}");
        }
    }

    proptest! {
        #[test]
        fn what_kubo_says_reads_back(
            memory in 0u64..1 << 50,
            descriptors in 0u64..1 << 30,
            high in prop::option::of(0u64..5000),
            seconds in 0u64..1 << 20,
            allow: bool,
        ) {
            let mut config = json!({"Swarm": {
                "ResourceMgr": {"MaxMemory": memory.to_string(), "MaxFileDescriptors": descriptors},
                "ConnMgr": {"Type": "none"},
            }});
            if allow {
                let peer = "12D3KooWLJHTgjmPMHEGLfvjVbFtxLaBxjzxfZ8nAH3Dtcvhrvqj";
                let entries = ["/ip4/10.0.0.0/ipcidr/8".into(), format!("/ip6/::1/p2p/{peer}")];
                config["Swarm"]["ResourceMgr"]["Allowlist"] = json!(entries);
            }
            if let Some(high) = high {
                let grace = format!("{seconds}s");
                config["Swarm"]["ConnMgr"] = json!({"HighWater": high, "GracePeriod": grace});
            }
            let read = effective(&config.to_string(), Format::Kubo);
            let (text, left_out) = write(&read);
            prop_assert_eq!(left_out, []);
            let again = effective(&text, Format::Kubo);
            prop_assert_eq!(&again.limits, &read.limits);
            prop_assert_eq!(again.connection_manager(), read.connection_manager());
        }
    }
}
