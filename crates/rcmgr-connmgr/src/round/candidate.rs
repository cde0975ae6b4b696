//! One connection as a round sees it.

use std::{
    num::{NonZeroU16, NonZeroU32},
    time::Duration,
};

use crate::{Direction, Score, quota::Slots};

/// What keeps a connection; of several the last in this list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hold {
    /// Nothing.
    #[default]
    Free,
    /// It is new. Few can be, see [`Policy::grace`](super::Policy::grace), and in an emergency it
    /// is no help.
    Grace,
    /// Somebody protects it. It goes only in an emergency, after all others.
    Protected,
    /// A lock. It does not go at all.
    Locked,
}

/// What a round knows of an open connection. Plain data, copied out of wherever connections are
/// kept: a round holds no lock.
///
/// ```
/// use std::time::Duration;
/// use rcmgr_connmgr::{Score, round::Candidate};
///
/// let opened = Duration::from_secs(5);
/// let row = Candidate { tally: Score::new(300), ..Candidate::new(7, opened) };
/// assert_eq!(row.key, 7);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Where the caller finds the connection again. No other row has the same.
    pub key: u32,
    /// The network at the other end, as a hash keyed by a secret: a /16, a /32 of IPv6, a relay.
    /// Connections whose network is unknown are of one network.
    pub network: u32,
    /// The protocols that use it.
    pub slots: Slots,
    /// When it was opened.
    pub opened: Duration,
    /// When a protocol last had use of it; none: it never had.
    pub useful: Option<Duration>,
    /// The lowest round-trip time that was measured, in microseconds.
    pub rtt: Option<NonZeroU32>,
    /// Its open streams.
    pub streams: u32,
    /// What its protocols and tags say, together.
    pub tally: Score,
    /// Set where only bursts that are over used it: 1 for the burst that ended last.
    pub residue: Option<NonZeroU16>,
    /// What keeps it.
    pub hold: Hold,
    /// Who opened it.
    pub direction: Direction,
    /// Whether it is charged to a running burst, and so to no protocol.
    pub bursting: bool,
    /// Whether it holds a file descriptor.
    pub descriptor: bool,
}

const _: () = assert!(size_of::<Candidate>() <= 64, "a row is to fit a cache line");

impl Candidate {
    /// An inbound connection that nobody has used yet.
    pub const fn new(key: u32, opened: Duration) -> Candidate {
        Candidate {
            key,
            network: 0,
            slots: Slots::EMPTY,
            opened,
            useful: None,
            rtt: None,
            streams: 0,
            tally: Score::INDIFFERENT,
            residue: None,
            hold: Hold::Free,
            direction: Direction::Inbound,
            bursting: false,
            descriptor: false,
        }
    }

    /// The protocols that it is counted for.
    pub(super) const fn charged(&self) -> Slots {
        if self.bursting { Slots::EMPTY } else { self.slots }
    }

    /// Whether a round could close it, if only in an emergency that comes to the protected ones.
    pub(super) fn may_go(&self) -> bool {
        self.hold <= Hold::Grace
    }

    /// Whether nothing runs on it, nothing speaks for it, and nobody had use of it lately.
    pub(super) fn is_idle(&self, now: Duration, after: Duration) -> bool {
        self.streams == 0
            && self.slots.is_empty()
            && self.tally <= UNATTACHED
            && self.useful.is_none_or(|at| now.saturating_sub(at) >= after)
    }
}

/// The tally of a connection that no protocol uses and no tag speaks for.
pub(super) const UNATTACHED: Score = Score::new(-200);
