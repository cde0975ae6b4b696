//! What settings say of slots, as it is written.

use core::time::Duration;

use rcmgr_core::{Limit, Rate, Resource};

use super::form::{PartName, Word};
use super::schema::Slot;
use super::time;
use super::written::Written;
use crate::{
    Base, Choice, Follow, Key, ManagerType, MemoryGiven, Portion, Ratio, Setting, Settings, Share,
    Size, allowlist,
};

/// What settings say of a slot, as it is written.
pub fn said(slot: &Slot, settings: &Settings) -> Option<Written> {
    let key = match slot {
        Slot::Base => {
            let base = settings.base.as_ref()?.value;
            return Some(word(match base {
                Base::Libp2p => Word::Libp2p,
                Base::Unlimited => Word::Unlimited,
            }));
        }
        Slot::Of(key) => key,
    };
    let manager = &settings.connection_manager;
    Some(match key {
        Key::Memory => match settings.memory.as_ref()?.value {
            MemoryGiven::Share(Share::Exactly(bytes)) => size(bytes),
            MemoryGiven::Share(Share::Part(part)) => parts([(PartName::Ratio, ratio(part))]),
            MemoryGiven::Follow(follow) => followed(&follow),
        },
        Key::FileDescriptors => match settings.file_descriptors.as_ref()?.value {
            Share::Exactly(count) => Written::Whole(count),
            Share::Part(part) => parts([(PartName::Ratio, ratio(part))]),
        },
        Key::Limit(subject, resource) => {
            let said = settings.scopes.get(subject)?.get(resource)?;
            written_setting(said.value, *resource)
        }
        Key::Connections(rule) => match settings.connections.get(rule)?.value {
            Choice::Default => word(Word::Default),
            Choice::Set(limit) => written_limit(limit, Written::Whole),
        },
        Key::Rate(rule) => match settings.rates.get(rule)?.value {
            Choice::Default => word(Word::Default),
            Choice::Set(rate) => written_rate(rate),
        },
        Key::RateGrace => length(settings.rate_grace.as_ref()?.value),
        Key::RateBuckets => Written::Whole(settings.rate_buckets.as_ref()?.value),
        Key::Allowlist => {
            let entries = &settings.allowlist.as_ref()?.value;
            let text = |entry| Written::Text(allowlist::text(entry).to_string());
            Written::List(entries.iter().map(text).collect())
        }
        Key::BaseMemory(transport, carrier) => {
            size(settings.base_memory.get(&(*transport, *carrier))?.value)
        }
        Key::ManagerType => word(match manager.kind.as_ref()?.value {
            ManagerType::Regulator => Word::Regulator,
            ManagerType::None => Word::None,
        }),
        Key::HighWatermark => Written::Whole(manager.high_watermark.as_ref()?.value),
        Key::LowWatermark => Written::Whole(manager.low_watermark.as_ref()?.value),
        Key::GracePeriod => length(manager.grace_period.as_ref()?.value),
        Key::SilencePeriod => length(manager.silence_period.as_ref()?.value),
        Key::Quota(protocols, bound) => portion(manager.quotas.get(protocols)?.get(bound)?.value),
    })
}

fn word(word: Word) -> Written {
    Written::Text(word.text().to_owned())
}

/// Exactly, and as one word.
fn size(bytes: u64) -> Written {
    match Size(bytes).to_string().split_once(' ') {
        Some((number, unit)) if unit != "B" => Written::Text(format!("{number}{unit}")),
        _ => Written::Whole(bytes),
    }
}

fn length(length: Duration) -> Written {
    Written::Text(time::text(length))
}

fn ratio(ratio: Ratio) -> Written {
    Written::Real(ratio.get())
}

fn parts<const N: usize>(parts: [(PartName, Written); N]) -> Written {
    Written::Map(parts.map(|(name, value)| (name.key().to_owned(), value)).into())
}

fn followed(follow: &Follow) -> Written {
    parts([
        (PartName::FreeRatio, ratio(follow.part)),
        (PartName::Minimum, size(follow.least)),
        (PartName::Maximum, size(follow.most)),
        (PartName::Every, length(follow.every)),
        (PartName::Hysteresis, ratio(follow.hysteresis)),
    ])
}

fn written_setting(setting: Setting, resource: Resource) -> Written {
    let number = match resource {
        Resource::Memory => size,
        _ => Written::Whole,
    };
    match setting {
        Setting::Default => word(Word::Default),
        Setting::Limit(limit) => written_limit(limit, number),
        Setting::Scaled { base, per_gib } => {
            parts([(PartName::Base, number(base.get())), (PartName::PerGib, number(per_gib))])
        }
        Setting::Part { base, part } => {
            parts([(PartName::Base, number(base.get())), (PartName::Ratio, ratio(part))])
        }
    }
}

fn portion(portion: Portion) -> Written {
    match portion {
        Portion::Connections(connections) => Written::Whole(connections.into()),
        Portion::BasisPoints(_) => Written::Text(portion.to_string()),
    }
}

fn written_limit(limit: Limit, number: impl Fn(u64) -> Written) -> Written {
    match limit {
        Limit::UNLIMITED => word(Word::Unlimited),
        Limit::BLOCK_ALL => word(Word::Block),
        limit => number(limit.get()),
    }
}

fn written_rate(rate: Rate) -> Written {
    match rate {
        Rate::BLOCK_ALL => word(Word::Block),
        rate if rate.is_unlimited() => word(Word::Unlimited),
        rate => parts([
            (PartName::PerSecond, Written::Real(rate.per_second())),
            (PartName::Burst, Written::Whole(rate.burst().into())),
        ]),
    }
}
