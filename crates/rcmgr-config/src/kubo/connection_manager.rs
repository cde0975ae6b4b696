//! `Swarm.ConnMgr`.

use core::time::Duration;
use std::collections::BTreeMap;

use super::DEFAULT;
use crate::document::{Entry, Value};
use crate::reading::{Others, Reading};
use crate::{ConnectionManagerSettings, ManagerType, Said, go};

/// The greatest number that Kubo reads.
const MOST: u64 = i64::MAX as u64;

/// What the block says.
pub(super) struct ConnectionManager {
    /// No more than that there is none if its type is `none`.
    pub(super) settings: ConnectionManagerSettings,
}

impl ConnectionManager {
    /// The high watermark, if there is a connection manager.
    pub(super) fn high_watermark(&self) -> Option<&Said<u64>> {
        self.settings.high_watermark.as_ref()
    }
}

pub(super) fn read(reading: &mut Reading<'_>, block: Option<&Entry>) -> ConnectionManager {
    let keys = ["Type", "LowWater", "HighWater", "GracePeriod", "SilencePeriod"];
    let [kind, low, high, grace, silence] = match block {
        Some(block) => reading.fields(&block.value, &block.key, keys, Others::Denied),
        None => [None; 5],
    };
    let none = kind.filter(|kind| !is_on(reading, kind));
    let settings = ConnectionManagerSettings {
        kind: None,
        low_watermark: watermark(reading, low, 32),
        high_watermark: watermark(reading, high, 96),
        grace_period: period(reading, grace, Duration::from_secs(20)),
        silence_period: period(reading, silence, Duration::from_secs(10)),
        quotas: BTreeMap::new(),
    };
    let settings = match none {
        None => settings,
        Some(none) => ConnectionManagerSettings {
            kind: Some(reading.said(ManagerType::None, &none.value)),
            ..ConnectionManagerSettings::default()
        },
    };
    ConnectionManager { settings }
}

fn is_on(reading: &mut Reading<'_>, kind: &Entry) -> bool {
    match &kind.value.value {
        Value::Null => true,
        Value::Text(text) if matches!(&**text, "" | "basic") => true,
        Value::Text(text) if text == "none" => false,
        _ => {
            let help = "write \"basic\", or \"none\" for no connection manager";
            reading.unfit(&kind.value, &kind.key, help);
            true
        }
    }
}

fn watermark(reading: &mut Reading<'_>, entry: Option<&Entry>, default: u64) -> Option<Said<u64>> {
    match entry.filter(|entry| !matches!(entry.value.value, Value::Null)) {
        Some(entry) => {
            let help = format!("write a number of connections, such as {default}");
            reading.number(entry, MOST, help)
        }
        None => Some(Said::new(default, DEFAULT)),
    }
}

fn period(
    reading: &mut Reading<'_>,
    entry: Option<&Entry>,
    default: Duration,
) -> Option<Said<Duration>> {
    let entry = match entry.map(|entry| (entry, &entry.value.value)) {
        None | Some((_, Value::Null)) => return Some(Said::new(default, DEFAULT)),
        Some((_, Value::Text(text))) if matches!(&**text, "" | "default" | "null") => {
            return Some(Said::new(default, DEFAULT));
        }
        Some((entry, _)) => entry,
    };
    let time = match &entry.value.value {
        Value::Text(text) => go::duration(text),
        _ => None,
    };
    match time {
        Some(time) => Some(reading.said(time, &entry.value)),
        None => {
            let help = "write a time such as \"20s\" or \"1h30m\", at most 366 days; its units are \
                        h, m, s, ms, us and ns";
            reading.unfit(&entry.value, &entry.key, help);
            None
        }
    }
}
