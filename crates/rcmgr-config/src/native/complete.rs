//! What is in effect, as settings that say all of it.

use crate::{At, Base, Choice, Effective, Key, MemoryGiven, Said, Setting, Settings, Share, Value};

/// Where a value stands that nobody said.
const NOWHERE: At = At::Default("rcmgr");

/// Settings that say everything that is in effect, so that they come to the same limits on every
/// machine. Nothing in them grows with the memory any more, nor follows it.
///
/// A value that somebody said keeps its place; the others stand nowhere.
pub fn complete(effective: &Effective) -> Settings {
    let base = Some(Said::new(Base::Unlimited, NOWHERE));
    let mut settings = Settings { base, ..Settings::default() };
    for (key, value) in effective.values() {
        let at = effective.said(&key).cloned().unwrap_or(NOWHERE);
        say(&mut settings, key, value, at);
    }
    settings
}

fn say(settings: &mut Settings, key: Key, value: Value, at: At) {
    let manager = &mut settings.connection_manager;
    match (key, value) {
        (Key::Memory, Value::Bytes(bytes)) => {
            let given = MemoryGiven::Share(Share::Exactly(bytes));
            settings.memory = Some(Said::new(given, at));
        }
        (Key::FileDescriptors, Value::Count(count)) => {
            settings.file_descriptors = Some(Said::new(Share::Exactly(count), at));
        }
        (Key::Limit(subject, resource), Value::Limit(_, limit)) => {
            let limits = settings.scopes.entry(subject).or_default();
            limits.insert(resource, Said::new(Setting::Limit(limit), at));
        }
        (Key::Connections(rule), Value::Limit(_, limit)) => {
            settings.connections.insert(rule, Said::new(Choice::Set(limit), at));
        }
        (Key::Rate(rule), Value::Rate(rate)) => {
            settings.rates.insert(rule, Said::new(Choice::Set(rate), at));
        }
        (Key::RateGrace, Value::Time(time)) => settings.rate_grace = Some(Said::new(time, at)),
        (Key::RateBuckets, Value::Count(count)) => {
            settings.rate_buckets = Some(Said::new(count, at));
        }
        (Key::Allowlist, Value::Allowlist(entries)) => {
            settings.allowlist = Some(Said::new(entries, at));
        }
        (Key::BaseMemory(transport, carrier), Value::Bytes(bytes)) => {
            settings.base_memory.insert((transport, carrier), Said::new(bytes, at));
        }
        (Key::ManagerType, Value::ManagerType(kind)) => manager.kind = Some(Said::new(kind, at)),
        (Key::HighWatermark, Value::Count(count)) => {
            manager.high_watermark = Some(Said::new(count, at));
        }
        (Key::LowWatermark, Value::Count(count)) => {
            manager.low_watermark = Some(Said::new(count, at));
        }
        (Key::GracePeriod, Value::Time(time)) => manager.grace_period = Some(Said::new(time, at)),
        (Key::SilencePeriod, Value::Time(time)) => {
            manager.silence_period = Some(Said::new(time, at));
        }
        (Key::Quota(protocols, bound), Value::Portion(portion)) => {
            let bounds = manager.quotas.entry(protocols).or_default();
            bounds.insert(bound, Said::new(portion, at));
        }
        (key, value) => unreachable!("{key} is never {value}"),
    }
}
