//! `Swarm.ResourceMgr`.

use std::collections::BTreeSet;

use rcmgr_core::AllowlistEntry;

use super::DEFAULT;
use crate::document::{Entry, Node, Value};
use crate::libp2p::MAX;
use crate::machine::MachineError;
use crate::quoted::quoted;
use crate::reading::{Others, Reading, whole};
use crate::{At, Machine, Said, allowlist, size};

/// What the block says.
#[derive(Default)]
pub(super) struct ResourceManager {
    /// Where it is said that there are no limits at all.
    pub(super) disabled: Option<At>,
    pub(super) allowlist: Option<Said<BTreeSet<AllowlistEntry>>>,
    max_memory: Option<Said<u64>>,
    max_file_descriptors: Option<Said<u64>>,
}

/// What limits are made of.
pub(super) struct Given {
    pub(super) memory: Said<u64>,
    pub(super) file_descriptors: Said<u64>,
}

impl ResourceManager {
    /// What is said, or else half of what the machine has.
    pub(super) fn given(&self, machine: &dyn Machine) -> Result<Given, MachineError> {
        Ok(Given {
            memory: match &self.max_memory {
                Some(said) => said.clone(),
                None => Said::new(machine.memory()?.bytes / 2, DEFAULT),
            },
            file_descriptors: match &self.max_file_descriptors {
                Some(said) => said.clone(),
                None => Said::new(machine.file_descriptors()? / 2, DEFAULT),
            },
        })
    }
}

pub(super) fn read(reading: &mut Reading<'_>, block: Option<&Entry>) -> ResourceManager {
    let Some(block) = block else { return ResourceManager::default() };
    let keys = ["Enabled", "MaxMemory", "MaxFileDescriptors", "Limits", "Allowlist"];
    let fields = reading.fields(&block.value, &block.key, keys, Others::Denied);
    let [enabled, memory, descriptors, limits, allowlist] = fields;
    if let Some(limits) = limits.filter(|limits| !is_empty(&limits.value)) {
        let help = "Kubo 0.19 and later refuse it; put the limits into the file \
                    libp2p-resource-limit-overrides.json, which is read after this one";
        reading.error(limits.key_span, "Swarm.ResourceMgr.Limits is not empty", help);
    }
    let said = |entry: &&Entry| !matches!(entry.value.value, Value::Null);
    ResourceManager {
        disabled: enabled.filter(said).and_then(|enabled| disabled(reading, enabled)),
        allowlist: allowlist.filter(said).and_then(|list| allowed(reading, list)),
        max_memory: memory.filter(said).and_then(|memory| bytes(reading, memory)),
        max_file_descriptors: descriptors.filter(said).and_then(|entry| {
            let help = "write a number of file descriptors, such as 4096, or null for half of \
                        those that this process may open";
            reading.number(entry, MAX, help)
        }),
    }
}

/// Whether this is what Kubo takes for no limits: maps, and nothing in them.
fn is_empty(node: &Node) -> bool {
    match &node.value {
        Value::Map(entries) => entries.iter().all(|entry| is_empty(&entry.value)),
        _ => false,
    }
}

fn disabled(reading: &mut Reading<'_>, enabled: &Entry) -> Option<At> {
    let said = reading.truth(enabled)?;
    if said.value {
        return None;
    }
    let help = "nothing is limited, as in Kubo; leave the key out if that is not meant";
    reading.warning(enabled.key_span, "the resource manager is off", help);
    Some(said.at)
}

fn bytes(reading: &mut Reading<'_>, entry: &Entry) -> Option<Said<u64>> {
    let bytes = match &entry.value.value {
        Value::Text(text) => of_text(text),
        Value::Number(number) => match whole(&entry.value) {
            Some(bytes) => u64::try_from(bytes).ok(),
            None => number.parse().ok().map(f64::round_ties_even).and_then(of_float),
        },
        _ => None,
    };
    match bytes.filter(|bytes| *bytes <= MAX) {
        Some(bytes) => Some(reading.said(bytes, &entry.value)),
        None => {
            let help = "write a size below 8 EiB, such as \"4GB\", \"4GiB\" or 4294967296, or null \
                        for half of the memory";
            reading.unfit(&entry.value, &entry.key, help);
            None
        }
    }
}

/// The bytes of a text by the rules of go-humanize's `ParseBytes`: commas mean nothing, a point
/// may stand at either end, and what is no whole number of bytes is cut off.
fn of_text(text: &str) -> Option<u64> {
    let of_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | ',');
    let (number, unit) = text.split_at(text.find(|c| !of_number(c)).unwrap_or(text.len()));
    let number: f64 = number.replace(',', "").parse().ok()?;
    let unit = size::unit_of(unit.trim()).ok()?;
    of_float(number * unit as f64)
}

fn of_float(bytes: f64) -> Option<u64> {
    // As a number 2^64, which no `u64` holds; `as` would make the greatest of what is above.
    (0.0..u64::MAX as f64).contains(&bytes).then_some(bytes as u64)
}

/// The entries of an allowlist. What is none is left out with a warning, as Kubo leaves out what
/// is no multiaddr; of one with a port Kubo would let in the whole address.
fn allowed(reading: &mut Reading<'_>, entry: &Entry) -> Option<Said<BTreeSet<AllowlistEntry>>> {
    let Value::List(nodes) = &entry.value.value else {
        let help = "write a list of multiaddrs, such as [\"/ip4/192.0.2.0/ipcidr/24\"]";
        reading.unfit(&entry.value, &entry.key, help);
        return None;
    };
    let mut list = BTreeSet::new();
    for node in nodes {
        let Value::Text(text) = &node.value else {
            let help = "write a multiaddr, such as \"/ip4/192.0.2.0/ipcidr/24\"";
            reading.unfit(node, &entry.key, help);
            continue;
        };
        match allowlist::entry(text) {
            // Kubo takes multiaddrs alone, which begin so.
            Ok(entry) if text.starts_with('/') => {
                let network = entry.network.trunc();
                if network != entry.network {
                    let message = format!("{} has bits beyond its prefix", quoted(text));
                    reading.warning(node.span, message, format!("it is taken for {network}"));
                }
                list.insert(AllowlistEntry { network, ..entry });
            }
            _ => {
                let message = format!("{} is left out of the allowlist", quoted(text));
                let help = "write a multiaddr of an address alone, such as \
                            /ip4/192.0.2.0/ipcidr/24, perhaps with /p2p/ and a peer id behind it";
                reading.warning(node.span, message, help);
            }
        }
    }
    Some(reading.said(list, &entry.value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_go_humanize() {
        for (text, bytes) in [
            ("1GB", 1_000_000_000),
            ("1GiB", 1 << 30),
            ("1.5 gb", 1_500_000_000),
            ("1,000", 1000),
            ("64", 64),
            ("64M", 64_000_000),
            ("64Mi", 64 << 20),
            (".5GB", 500_000_000),
            ("5.GB", 5_000_000_000),
            ("1.5", 1),
        ] {
            assert_eq!(of_text(text), Some(bytes), "{text}");
        }
        for bad in ["-1", "", "1e9", "16EiB", "1 G B", "\u{ff11}GB", "1_000", ".", "GB", "1.2.3"] {
            assert_eq!(of_text(bad), None, "{bad}");
        }
        assert_eq!(of_float(f64::NAN), None);
    }
}
