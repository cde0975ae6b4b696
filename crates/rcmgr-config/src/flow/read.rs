//! The blocks of Flow's configuration.

use core::time::Duration;
use std::sync::Arc;

use super::{
    CONNECTION_MANAGER, DEFAULT, FILE_DESCRIPTORS, FILE_DESCRIPTORS_RATIO, LIMITS, MEMORY,
    MEMORY_RATIO, MOST, OVERRIDES, RESOURCE_MANAGER, SCOPES, limit, old,
};
use crate::document::{Entry, Node, Value};
use crate::formats::Read;
use crate::reading::{Others, Reading};
use crate::{
    ConnectionManagerSettings, Diagnostic, MemoryGiven, Ratio, Said, Setting, Settings, Share,
    Source, Subject, go,
};

/// Reads a configuration of Flow, whole or in part: Flow itself wants all keys to be there, and
/// here a ratio that is not is the one of Flow's default configuration, and a limit that is not
/// keeps go-libp2p's default. Numbers are not taken from texts, nor whole ones from fractions.
///
/// Keys of older versions are read, with warnings that name those of today.
///
/// # Errors
/// All that is wrong, and the warnings.
pub fn read(source: &Arc<Source>, tree: &Node) -> Result<Read, Vec<Diagnostic>> {
    let mut reading = Reading::of(source);
    let mut settings = Settings::default();
    let blocks = [RESOURCE_MANAGER, CONNECTION_MANAGER];
    let keys = ["network-config", RESOURCE_MANAGER, CONNECTION_MANAGER];
    let [network, at_top @ ..] =
        reading.top(tree, "a configuration of Flow", keys, Others::Ignored);
    let in_network = match network {
        Some(network) => reading.fields(&network.value, &network.key, blocks, Others::Ignored),
        None => [None; 2],
    };
    for (one, other) in at_top.into_iter().zip(in_network) {
        if let (Some(one), Some(other)) = (one, other) {
            reading.twice(other, one);
        }
    }
    for [resources, connections] in [at_top, in_network] {
        resource_manager(&mut reading, &mut settings, resources);
        connection_manager(&mut reading, &mut settings.connection_manager, connections);
    }
    let has_old = network.is_some_and(|network| old::read(&mut reading, &mut settings, network));
    let has_block = at_top.into_iter().chain(in_network).any(|block| block.is_some());
    if !has_block && !has_old {
        let help = format!("what is read is Flow's defaults; limits stand in {RESOURCE_MANAGER}");
        reading.warning(tree.span, "it says nothing of limits", help);
    }
    settings.memory.get_or_insert(Said::new(MemoryGiven::Share(Share::Part(MEMORY)), DEFAULT));
    settings.file_descriptors.get_or_insert(Said::new(Share::Part(FILE_DESCRIPTORS), DEFAULT));
    reading.finish(settings)
}

fn resource_manager(reading: &mut Reading<'_>, settings: &mut Settings, block: Option<&Entry>) {
    let Some(block) = block else { return };
    let keys = [MEMORY_RATIO, FILE_DESCRIPTORS_RATIO, OVERRIDES];
    let [memory, descriptors, overrides] =
        reading.fields(&block.value, &block.key, keys, Others::Denied);
    settings.memory = memory.and_then(|entry| memory_ratio(reading, entry));
    settings.file_descriptors = descriptors.and_then(|entry| ratio(reading, entry));
    let Some(overrides) = overrides else { return };
    let scopes = SCOPES.map(|(key, _)| key);
    let found = reading.fields(&overrides.value, &overrides.key, scopes, Others::Denied);
    for (scope, (_, class)) in found.into_iter().zip(SCOPES) {
        let Some(scope) = scope else { continue };
        let keys = LIMITS.map(|(key, ..)| key);
        let found = reading.fields(&scope.value, &scope.key, keys, Others::Denied);
        for (entry, (_, resource, _)) in found.into_iter().zip(LIMITS) {
            let Some(limit) = entry.and_then(|entry| override_of(reading, entry)) else { continue };
            let limits = settings.scopes.entry(Subject::Class(class)).or_default();
            limits.insert(resource, limit);
        }
    }
}

/// The limit that overrides the default, if one does.
pub(super) fn override_of(reading: &mut Reading<'_>, entry: &Entry) -> Option<Said<Setting>> {
    let help = "write a whole number such as 15_000; 0 keeps the default";
    let Said { value, at } = reading.number(entry, MOST, help)?;
    limit(value).map(|limit| Said::new(Setting::Limit(limit), at))
}

pub(super) fn memory_ratio(reading: &mut Reading<'_>, entry: &Entry) -> Option<Said<MemoryGiven>> {
    let Said { value, at } = ratio(reading, entry)?;
    Some(Said::new(MemoryGiven::Share(value), at))
}

pub(super) fn ratio(reading: &mut Reading<'_>, entry: &Entry) -> Option<Said<Share>> {
    let ratio = match &entry.value.value {
        Value::Number(number) => number.parse::<Ratio>().ok(),
        _ => None,
    };
    match ratio {
        Some(ratio) => Some(reading.said(Share::Part(ratio), &entry.value)),
        None => {
            let help = "write a number above 0 and at most 1, such as 0.5";
            reading.unfit(&entry.value, &entry.key, help);
            None
        }
    }
}

fn connection_manager(
    reading: &mut Reading<'_>,
    settings: &mut ConnectionManagerSettings,
    block: Option<&Entry>,
) {
    let Some(block) = block else { return };
    let keys = ["high-watermark", "low-watermark", "grace-period", "silence-period"];
    let [high, low, grace, silence] =
        reading.fields(&block.value, &block.key, keys, Others::Denied);
    settings.high_watermark = high.and_then(|entry| watermark(reading, entry));
    settings.low_watermark = low.and_then(|entry| watermark(reading, entry));
    settings.grace_period = grace.and_then(|entry| period(reading, entry));
    settings.silence_period = silence.and_then(|entry| period(reading, entry));
}

pub(super) fn watermark(reading: &mut Reading<'_>, entry: &Entry) -> Option<Said<u64>> {
    reading.number(entry, MOST, "write a number of connections, such as 500")
}

pub(super) fn period(reading: &mut Reading<'_>, entry: &Entry) -> Option<Said<Duration>> {
    let time = match &entry.value.value {
        Value::Text(text) => go::duration(text),
        _ => None,
    };
    match time {
        Some(time) => Some(reading.said(time, &entry.value)),
        None => {
            let help = "write a time such as 10s or 1m30s, at most 366 days; its units are h, m, s, ms, \
                        us and ns";
            reading.unfit(&entry.value, &entry.key, help);
            None
        }
    }
}
