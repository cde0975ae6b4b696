//! Where the values of slots are kept in the settings.

use core::time::Duration;

use rcmgr_core::{Limit, Rate};

use super::form::{PartName, Word};
use super::scalar::Number;
use super::schema::Slot;
use super::value::{Parsed, Parts};
use crate::{
    At, Base, Bound, Choice, Follow, InvalidFollow, InvalidQuota, Key, ManagerType, MemoryGiven,
    Portion, Ratio, Said, Setting, Settings, Share,
};

/// Why a value whose parts are each right is none all the same: the part to blame, and the reason.
pub type Contradiction = (PartName, Reason);

/// What a value contradicts.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Reason {
    /// How the free memory is followed.
    #[error(transparent)]
    Follow(#[from] InvalidFollow),
    /// How many connections a protocol is to have.
    #[error(transparent)]
    Quota(#[from] InvalidQuota),
}

/// Keeps a value that was read in one of the forms of its slot.
///
/// # Errors
/// Its parts contradict each other. Nothing is kept then.
pub fn keep(
    slot: &Slot,
    settings: &mut Settings,
    value: &Parsed,
    at: At,
) -> Result<(), Contradiction> {
    let key = match slot {
        Slot::Base => {
            let base = match value {
                Parsed::Word(Word::Unlimited) => Base::Unlimited,
                _ => Base::Libp2p,
            };
            settings.base = Some(Said::new(base, at));
            return Ok(());
        }
        Slot::Of(key) => key,
    };
    let manager = &mut settings.connection_manager;
    match key {
        Key::Memory => settings.memory = Some(Said::new(memory(value)?, at)),
        Key::FileDescriptors => settings.file_descriptors = Some(Said::new(share(value), at)),
        Key::Limit(subject, resource) => {
            let limits = settings.scopes.entry(subject.clone()).or_default();
            limits.insert(*resource, Said::new(setting(value), at));
        }
        Key::Connections(rule) => {
            let limit = match value {
                Parsed::Word(Word::Default) => Choice::Default,
                value => Choice::Set(limit(value)),
            };
            settings.connections.insert(*rule, Said::new(limit, at));
        }
        Key::Rate(rule) => drop(settings.rates.insert(*rule, Said::new(rate(value), at))),
        Key::RateGrace => settings.rate_grace = Some(Said::new(duration(value), at)),
        Key::RateBuckets => settings.rate_buckets = Some(Said::new(whole(value), at)),
        Key::Allowlist => {
            let entries = match value {
                Parsed::Entries(entries) => entries.clone(),
                _ => unreachable!("an allowlist has one form"),
            };
            settings.allowlist = Some(Said::new(entries, at));
        }
        Key::BaseMemory(transport, carrier) => {
            settings.base_memory.insert((*transport, *carrier), Said::new(whole(value), at));
        }
        Key::ManagerType => {
            let kind = match value {
                Parsed::Word(Word::None) => ManagerType::None,
                _ => ManagerType::Regulator,
            };
            manager.kind = Some(Said::new(kind, at));
        }
        Key::HighWatermark => manager.high_watermark = Some(Said::new(whole(value), at)),
        Key::LowWatermark => manager.low_watermark = Some(Said::new(whole(value), at)),
        Key::GracePeriod => manager.grace_period = Some(Said::new(duration(value), at)),
        Key::SilencePeriod => manager.silence_period = Some(Said::new(duration(value), at)),
        Key::Quota(protocols, bound) => {
            let portion = portion(value);
            if *bound == Bound::Maximum && portion.is_zero() {
                return Err((PartName::Maximum, InvalidQuota::NoMaximum.into()));
            }
            let bounds = manager.quotas.entry(protocols.clone()).or_default();
            bounds.insert(*bound, Said::new(portion, at));
        }
    }
    Ok(())
}

fn memory(value: &Parsed) -> Result<MemoryGiven, Contradiction> {
    let Parsed::Parts(parts) = value else { return Ok(MemoryGiven::Share(share(value))) };
    let Some(Number::Ratio(part)) = parts.get(PartName::FreeRatio) else {
        return Ok(MemoryGiven::Share(share(value)));
    };
    let every = match parts.get(PartName::Every) {
        Some(Number::Time(every)) => every,
        _ => Follow::EVERY,
    };
    let hysteresis = match parts.get(PartName::Hysteresis) {
        Some(Number::Ratio(hysteresis)) => hysteresis,
        _ => Follow::HYSTERESIS,
    };
    let (least, most) = (count(parts, PartName::Minimum), count(parts, PartName::Maximum));
    let follow = Follow { part, least, most, every, hysteresis };
    match follow.check() {
        Ok(()) => Ok(MemoryGiven::Follow(follow)),
        Err(why) => Err((
            match why {
                InvalidFollow::LeastAboveMost { .. } => PartName::Minimum,
                InvalidFollow::MostIsZero => PartName::Maximum,
                InvalidFollow::Interval(_) => PartName::Every,
                InvalidFollow::Hysteresis(_) => PartName::Hysteresis,
            },
            why.into(),
        )),
    }
}

fn share(value: &Parsed) -> Share {
    match value {
        Parsed::Parts(parts) => Share::Part(part_of_whole(parts)),
        value => Share::Exactly(whole(value)),
    }
}

fn setting(value: &Parsed) -> Setting {
    match value {
        Parsed::Word(Word::Default) => Setting::Default,
        Parsed::Parts(parts) => {
            let base = Limit::new(count(parts, PartName::Base));
            match parts.get(PartName::PerGib) {
                Some(_) => Setting::Scaled { base, per_gib: count(parts, PartName::PerGib) },
                None => Setting::Part { base, part: part_of_whole(parts) },
            }
        }
        value => Setting::Limit(limit(value)),
    }
}

fn limit(value: &Parsed) -> Limit {
    match value {
        Parsed::Word(Word::Block) => Limit::BLOCK_ALL,
        Parsed::Word(_) => Limit::UNLIMITED,
        value => Limit::new(whole(value)),
    }
}

fn rate(value: &Parsed) -> Choice<Rate> {
    match value {
        Parsed::Word(Word::Default) => Choice::Default,
        Parsed::Word(Word::Block) => Choice::Set(Rate::BLOCK_ALL),
        Parsed::Parts(parts) => {
            let burst = u32::try_from(count(parts, PartName::Burst)).unwrap_or(u32::MAX);
            match parts.get(PartName::PerSecond) {
                Some(Number::PerSecond(per_second)) => {
                    let rate = Rate::new(per_second, burst);
                    Choice::Set(rate.expect("a rate that was read is not below 0"))
                }
                _ => unreachable!("a rate has a number a second"),
            }
        }
        _ => Choice::Set(Rate::UNLIMITED),
    }
}

fn whole(value: &Parsed) -> u64 {
    match value {
        Parsed::Number(Number::Whole(number)) => *number,
        _ => unreachable!("the form of the slot is a whole number"),
    }
}

fn portion(value: &Parsed) -> Portion {
    match value {
        Parsed::Number(Number::Portion(portion)) => *portion,
        _ => unreachable!("the form of the slot is a portion"),
    }
}

fn duration(value: &Parsed) -> Duration {
    match value {
        Parsed::Number(Number::Time(time)) => *time,
        _ => unreachable!("the form of the slot is a length of time"),
    }
}

fn count(parts: &Parts, name: PartName) -> u64 {
    match parts.get(name) {
        Some(Number::Whole(number)) => number,
        _ => unreachable!("the part is required, and a whole number"),
    }
}

fn part_of_whole(parts: &Parts) -> Ratio {
    match parts.get(PartName::Ratio) {
        Some(Number::Ratio(ratio)) => ratio,
        _ => unreachable!("the part is required, and a ratio"),
    }
}
