//! What it means that dials fail.

use std::io::{self, ErrorKind};
use std::time::Duration;

use rcmgr_machine::Exhausted;

use super::{InvalidSense, LevelRules, Pressure};

/// Why a dial failed, as far as it tells of this node's own state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DialFailure {
    /// No descriptor was left.
    Descriptors,
    /// The machine had no room for one more: no buffers, no memory.
    Local,
    /// There is no way from here: no route, no address to dial from. A node without IPv6 has this
    /// all the time, since it is told of addresses that it cannot reach.
    Unreachable,
    /// Nobody answered in time.
    TimedOut,
    /// The other side refused or hung up. It says nothing of this node, nor does what follows.
    Refused,
    /// The handshake failed.
    Handshake,
    /// Anything else.
    Other,
}

impl DialFailure {
    /// Why an operation on a socket failed.
    pub fn of(error: &io::Error) -> DialFailure {
        match (Exhausted::of(error), error.kind()) {
            (Some(Exhausted::Descriptors), _) => DialFailure::Descriptors,
            (Some(Exhausted::Memory), _) => DialFailure::Local,
            (_, ErrorKind::TimedOut) => DialFailure::TimedOut,
            (
                _,
                ErrorKind::NetworkUnreachable
                | ErrorKind::HostUnreachable
                | ErrorKind::NetworkDown
                | ErrorKind::AddrNotAvailable,
            ) => DialFailure::Unreachable,
            (_, ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset) => DialFailure::Refused,
            _ => DialFailure::Other,
        }
    }
}

/// What failed dials mean.
///
/// Failures of the machine itself count as they are. That peers time out or cannot be reached is
/// nothing new in a network with churn, and strangers can bring it about by telling of such
/// addresses: it counts only as far as it is more than it was in the 10 minutes before, and only if
/// peers that were good so far fail in the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DialRules {
    /// Fewer dials in the last 30 s say nothing; 20.
    pub least: u32,
    /// Where this part of them fails, it is high; 0.30. Not 0.
    pub high: Pressure,
    /// Fewer dials of known good peers say nothing; 5.
    pub least_good: u32,
    /// This part of them has to fail; 0.50.
    pub good: Pressure,
}

impl Default for DialRules {
    fn default() -> DialRules {
        DialRules {
            least: 20,
            high: Pressure::percent(30),
            least_good: 5,
            good: Pressure::percent(50),
        }
    }
}

impl DialRules {
    pub(super) fn check(&self) -> Result<(), InvalidSense> {
        match self.high {
            Pressure::NONE => Err(InvalidSense::NoPart("the part of failed dials")),
            _ => Ok(()),
        }
    }
}

/// How dials ended, by number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DialCounts {
    /// All.
    pub all: u32,
    /// Failed for want of descriptors or other room on this machine.
    pub local: u32,
    /// Failed since there was no way.
    pub unreachable: u32,
    /// Failed since nobody answered.
    pub timed_out: u32,
    /// Refused by the other side.
    pub refused: u32,
    /// Failed in the handshake.
    pub handshake: u32,
    /// Failed otherwise.
    pub other: u32,
    /// Of all, those of known good peers.
    pub good: u32,
    /// Of these, those that were unreachable or timed out.
    pub good_without_answer: u32,
}

impl DialCounts {
    fn note(&mut self, failure: Option<DialFailure>, known_good: bool) {
        use DialFailure::{Descriptors, Handshake, Local, Other, Refused, TimedOut, Unreachable};
        let mut unused = 0;
        let of_failure = match failure {
            None => &mut unused,
            Some(Descriptors | Local) => &mut self.local,
            Some(Unreachable) => &mut self.unreachable,
            Some(TimedOut) => &mut self.timed_out,
            Some(Refused) => &mut self.refused,
            Some(Handshake) => &mut self.handshake,
            Some(Other) => &mut self.other,
        };
        *of_failure = of_failure.saturating_add(1);
        self.all = self.all.saturating_add(1);
        if known_good {
            let without_answer = matches!(failure, Some(Unreachable | TimedOut));
            self.good = self.good.saturating_add(1);
            self.good_without_answer =
                self.good_without_answer.saturating_add(without_answer.into());
        }
    }

    fn add(&mut self, other: &DialCounts) {
        let DialCounts {
            all,
            local,
            unreachable,
            timed_out,
            refused,
            handshake,
            other: otherwise,
            good,
            good_without_answer,
        } = self;
        for (sum, more) in [
            (all, other.all),
            (local, other.local),
            (unreachable, other.unreachable),
            (timed_out, other.timed_out),
            (refused, other.refused),
            (handshake, other.handshake),
            (otherwise, other.other),
            (good, other.good),
            (good_without_answer, other.good_without_answer),
        ] {
            *sum = sum.saturating_add(more);
        }
    }

    fn without_answer(&self) -> u32 {
        self.unreachable.saturating_add(self.timed_out)
    }
}

/// Dials are counted by so many milliseconds, so that what is called 30 s is 27 to 30.
const SLOT: u128 = 3000;
/// The last 30 s.
const RECENT: u64 = 10;
/// Together with the 10 minutes before.
const KEPT: usize = 210;

/// The dials of the last minutes.
#[derive(Clone, Debug)]
pub(super) struct Dials {
    /// Each with the number of its time; that of number n is at n modulo the length.
    slots: Box<[(u64, DialCounts)]>,
}

impl Dials {
    pub fn new() -> Dials {
        Dials { slots: vec![(0, DialCounts::default()); KEPT].into() }
    }

    pub fn note(&mut self, now: Duration, failure: Option<DialFailure>, known_good: bool) {
        let number = number(now);
        let slot = &mut self.slots[(number % KEPT as u64) as usize];
        if slot.0 != number {
            *slot = (number, DialCounts::default());
        }
        slot.1.note(failure, known_good);
    }

    /// The counts of the last 30 s.
    pub fn recent(&self, now: Duration) -> DialCounts {
        self.sum(now, |age| age < RECENT)
    }

    /// None if there were too few dials.
    pub fn pressure(
        &self,
        now: Duration,
        rules: &DialRules,
        levels: &LevelRules,
    ) -> Option<Pressure> {
        let recent = self.recent(now);
        if recent.all == 0 || recent.all < rules.least {
            return None;
        }
        let part = |failed: u32, all: u32| Pressure::of(failed.into(), all.into());
        let local = part(recent.local, recent.all);
        let good = recent.good > 0
            && recent.good >= rules.least_good
            && part(recent.good_without_answer, recent.good) >= rules.good;
        let before = self.sum(now, |age| (RECENT..KEPT as u64).contains(&age));
        let more = if good && before.all > 0 && before.all >= rules.least {
            let of = |counts: &DialCounts| part(counts.without_answer(), counts.all);
            of(&recent).less(of(&before))
        } else {
            Pressure::NONE
        };
        let points = [(rules.high, levels.high), (Pressure::FULL, Pressure::FULL)];
        Some(Pressure::along(&points, local.max(more)))
    }

    fn sum(&self, now: Duration, ages: impl Fn(u64) -> bool) -> DialCounts {
        let now = number(now);
        let mut sum = DialCounts::default();
        for (number, counts) in &self.slots {
            if now.checked_sub(*number).is_some_and(&ages) {
                sum.add(counts);
            }
        }
        sum
    }
}

/// The number of a time; all beyond 64 bits have the last one.
fn number(now: Duration) -> u64 {
    u64::try_from(now.as_millis() / SLOT).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
