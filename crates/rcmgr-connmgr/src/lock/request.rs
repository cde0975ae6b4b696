//! What a protocol asks for.

use std::{fmt, time::Duration};

use super::revocation::Notice;

/// The longest that a lock is granted, or renewed, for: 10 minutes.
pub const MAX_LEASE: Duration = Duration::from_secs(600);

/// How much a lock matters to its protocol, and when it is revoked: the lowest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LockPriority {
    /// It is a pity to lose it.
    Low,
    /// What it serves fails without it.
    #[default]
    Normal,
    /// Much else fails with it.
    High,
}

impl LockPriority {
    pub(super) fn from_word(word: u64) -> LockPriority {
        const LOW: u64 = LockPriority::Low as u64;
        const NORMAL: u64 = LockPriority::Normal as u64;
        match word {
            LOW => LockPriority::Low,
            NORMAL => LockPriority::Normal,
            _ => LockPriority::High,
        }
    }
}

impl fmt::Display for LockPriority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LockPriority::Low => "low",
            LockPriority::Normal => "normal",
            LockPriority::High => "high",
        })
    }
}

/// Called once if the lock is revoked; see [`Revocation::deliver`](super::Revocation::deliver).
pub type OnRevoke = Box<dyn FnOnce(Notice) + Send>;

/// What a lock is asked for.
pub struct LockRequest {
    /// For how long, unless it is renewed; 30 s. More than [`MAX_LEASE`] is taken for that.
    pub lease: Duration,
    /// How much it matters.
    pub priority: LockPriority,
    /// What for, for people.
    pub reason: &'static str,
    /// Who learns that it is revoked. What this owns lives as long as the lock: let it not own the guard.
    pub on_revoke: Option<OnRevoke>,
}

impl Default for LockRequest {
    fn default() -> LockRequest {
        LockRequest {
            lease: Duration::from_secs(30),
            priority: LockPriority::Normal,
            reason: "",
            on_revoke: None,
        }
    }
}

impl fmt::Debug for LockRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockRequest")
            .field("lease", &self.lease)
            .field("priority", &self.priority)
            .field("reason", &self.reason)
            .field("on_revoke", &self.on_revoke.is_some())
            .finish()
    }
}
