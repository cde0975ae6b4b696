//! The decaying tags that are registered, and when each fades next.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use crate::{Bump, Decay, Decayed, Full, RegisterError, entry::Entry};

/// The most missed intervals that one late tick makes up for: what a jump of the clock costs.
const MOST_MISSED: u64 = 64;

/// A handle of a decaying tag (go: `DecayingTag`). Of no use once the tag was closed, even if its
/// name is registered again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DecayingTag(pub(crate) u64);

#[derive(Debug)]
pub(crate) struct Registered {
    pub name: Box<str>,
    pub interval: Duration,
    pub bump: Bump,
    decay: Decay,
    next: Duration,
}

#[derive(Debug, Default)]
pub(crate) struct Registry {
    tags: BTreeMap<u64, Registered>,
    serials: HashMap<Box<str>, u64>,
    last_serial: u64,
    last_tick: Duration,
}

impl Registry {
    pub fn register(
        &mut self,
        name: &str,
        interval: Duration,
        decay: Decay,
        bump: Bump,
        most: usize,
    ) -> Result<DecayingTag, RegisterError> {
        if self.serials.contains_key(name) {
            return Err(RegisterError::Exists(name.into()));
        }
        decay.check()?;
        bump.check()?;
        if self.tags.len() >= most {
            return Err(Full { what: "decaying tags", most }.into());
        }
        self.last_serial += 1;
        let next = self.last_tick.saturating_add(interval);
        let tag = Registered { name: name.into(), interval, bump, decay, next };
        self.tags.insert(self.last_serial, tag);
        self.serials.insert(name.into(), self.last_serial);
        Ok(DecayingTag(self.last_serial))
    }

    pub fn get(&self, tag: DecayingTag) -> Option<&Registered> {
        self.tags.get(&tag.0)
    }

    /// Whether it was registered.
    pub fn close(&mut self, tag: DecayingTag) -> bool {
        let closed = self.tags.remove(&tag.0);
        if let Some(closed) = &closed {
            self.serials.remove(&closed.name);
        }
        closed.is_some()
    }

    /// The serial numbers of tags that are due, with how many intervals passed since.
    pub fn tick(&mut self, now: Duration) -> Vec<(u64, u64)> {
        self.last_tick = now;
        let due = self.tags.iter_mut().filter(|(_, tag)| tag.next <= now);
        due.map(|(serial, tag)| {
            let interval = tag.interval.as_nanos();
            let passed = (now - tag.next).as_nanos() / interval + 1;
            let passed = u64::try_from(passed).unwrap_or(u64::MAX);
            let next = u128::from(passed) * interval;
            tag.next = u64::try_from(next)
                .map_or(Duration::MAX, |next| tag.next.saturating_add(Duration::from_nanos(next)));
            (*serial, passed.min(MOST_MISSED))
        })
        .collect()
    }

    /// Fades the tags of one peer that are due.
    pub fn fade(&self, entry: &mut Entry, due: &[(u64, u64)], now: Duration) {
        if entry.decaying.is_empty() {
            return;
        }
        for (serial, steps) in due {
            let Some(tag) = self.tags.get(serial) else { continue };
            for _ in 0..*steps {
                let Some(mut value) = entry.decaying.get(serial).copied() else { break };
                match tag.decay.step(&value, now) {
                    Decayed::To(left) => {
                        value.value = left;
                        entry.set_decaying(*serial, value);
                    }
                    Decayed::Gone => entry.remove_decaying(*serial),
                }
            }
        }
    }
}
