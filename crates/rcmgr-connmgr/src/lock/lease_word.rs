//! What the word of a lease says, as a pure value, and what it may become (L5 to L7).
//!
//! From the top: state 2, until when 62.

use core::fmt;

use super::moment::Moment;

/// The word of a lease.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LeaseWord(pub u64);

/// How it stands with a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseState {
    /// It holds until then, unless it is renewed.
    Held(Moment),
    /// It is being revoked, and holds until then.
    Revoking(Moment),
    /// It has ended, for good.
    Over,
}

const HELD: u64 = 0;
const REVOKING: u64 = 1 << Moment::BITS;
const OVER: u64 = 2 << Moment::BITS;

impl LeaseWord {
    pub const OVER: LeaseWord = LeaseWord(OVER);

    pub const fn held(until: Moment) -> LeaseWord {
        LeaseWord(HELD | until.0)
    }

    pub const fn state(self) -> LeaseState {
        let until = Moment(self.0 & Moment::LAST.0);
        match self.0 & !Moment::LAST.0 {
            HELD => LeaseState::Held(until),
            REVOKING => LeaseState::Revoking(until),
            _ => LeaseState::Over,
        }
    }

    /// Held until then, or for longer if it was; for one that is held, and not yet due, at `now`.
    pub fn renewed(self, now: Moment, until: Moment) -> Result<LeaseWord, LeaseState> {
        match self.state() {
            LeaseState::Held(old) if now < old => Ok(LeaseWord::held(old.max(until))),
            LeaseState::Held(_) => Err(LeaseState::Over),
            other => Err(other),
        }
    }

    /// Revoked, to end at the deadline or when it would have; for one that is held.
    pub fn revoked(self, deadline: Moment) -> Option<LeaseWord> {
        match self.state() {
            LeaseState::Held(until) => Some(LeaseWord(REVOKING | until.min(deadline).0)),
            _ => None,
        }
    }

    /// When it is to be taken away; `None` once it is over.
    pub const fn due(self) -> Option<Moment> {
        match self.state() {
            LeaseState::Held(until) | LeaseState::Revoking(until) => Some(until),
            LeaseState::Over => None,
        }
    }
}

impl fmt::Debug for LeaseWord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.state(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renewal_makes_no_lease_shorter_and_revives_none() {
        let held = LeaseWord::held(Moment(9));
        assert_eq!(held.renewed(Moment(8), Moment(20)), Ok(LeaseWord::held(Moment(20))));
        assert_eq!(held.renewed(Moment(0), Moment(5)), Ok(held));
        assert_eq!(held.renewed(Moment(9), Moment(20)), Err(LeaseState::Over), "it is due");
        let revoking = held.revoked(Moment(3)).unwrap();
        assert_eq!(revoking.renewed(Moment(0), Moment(20)), Err(LeaseState::Revoking(Moment(3))));
        assert_eq!(LeaseWord::OVER.renewed(Moment(0), Moment(20)), Err(LeaseState::Over));
    }

    #[test]
    fn a_revocation_is_made_once_and_makes_no_lease_longer() {
        let held = LeaseWord::held(Moment(9));
        assert_eq!(held.revoked(Moment(99)).unwrap().due(), Some(Moment(9)));
        assert_eq!(held.revoked(Moment(1)).unwrap().revoked(Moment(0)), None);
        assert_eq!(LeaseWord::OVER.revoked(Moment(0)), None);
        assert_eq!(LeaseWord::OVER.due(), None);
        assert_eq!(LeaseWord::held(Moment::LAST).due(), Some(Moment::LAST));
    }
}
