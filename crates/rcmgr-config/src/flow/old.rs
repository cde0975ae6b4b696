//! The keys that older versions of Flow have beside each other under `network-config:`.

use rcmgr_core::Resource;

use super::read::{memory_ratio, override_of, period, ratio, watermark};
use crate::document::{Entry, Value};
use crate::reading::{Others, Reading};
use crate::{Class, Said, Settings, Subject};

/// Each key, and where its value stands today.
const KEYS: [(&str, &str); 7] = [
    ("libp2p-memory-limit-ratio", "libp2p-resource-manager: memory-limit-ratio"),
    ("libp2p-file-descriptors-ratio", "libp2p-resource-manager: file-descriptors-ratio"),
    (
        "libp2p-peer-base-limits-conns-inbound",
        "libp2p-resource-manager: limits-override: peer: connections-inbound",
    ),
    ("libp2p-high-watermark", "connection-manager: high-watermark"),
    ("libp2p-low-watermark", "connection-manager: low-watermark"),
    ("libp2p-grace-period", "connection-manager: grace-period"),
    ("libp2p-silence-period", "connection-manager: silence-period"),
];

const INBOUND: Resource = Resource::ConnectionsInbound;

/// Reads them into settings that say nothing of the same. Whether there are any.
pub(super) fn read(reading: &mut Reading<'_>, settings: &mut Settings, network: &Entry) -> bool {
    if !matches!(network.value.value, Value::Map(_)) {
        return false;
    }
    let keys = KEYS.map(|(key, _)| key);
    let found = reading.fields(&network.value, &network.key, keys, Others::Ignored);
    for (entry, (_, today)) in found.into_iter().zip(KEYS) {
        if let Some(entry) = entry {
            let message = format!("{} is a key of older versions of Flow", entry.key);
            reading.warning(entry.key_span, message, format!("today it is {today}"));
        }
    }
    let [memory, descriptors, connections, high, low, grace, silence] = found;
    let peer = Subject::Class(Class::Peer);
    let of_peer = |settings: &Settings| settings.scopes.get(&peer)?.get(&INBOUND).cloned();
    let mut inbound = of_peer(settings);
    fill(reading, &mut inbound, connections, override_of);
    if let Some(inbound) = inbound {
        settings.scopes.entry(peer).or_default().insert(INBOUND, inbound);
    }
    fill(reading, &mut settings.memory, memory, memory_ratio);
    fill(reading, &mut settings.file_descriptors, descriptors, ratio);
    let manager = &mut settings.connection_manager;
    fill(reading, &mut manager.high_watermark, high, watermark);
    fill(reading, &mut manager.low_watermark, low, watermark);
    fill(reading, &mut manager.grace_period, grace, period);
    fill(reading, &mut manager.silence_period, silence, period);
    found.iter().any(Option::is_some)
}

fn fill<T>(
    reading: &mut Reading<'_>,
    said: &mut Option<Said<T>>,
    entry: Option<&Entry>,
    read: impl FnOnce(&mut Reading<'_>, &Entry) -> Option<Said<T>>,
) {
    if let (None, Some(entry)) = (&said, entry) {
        *said = read(reading, entry);
    }
}
