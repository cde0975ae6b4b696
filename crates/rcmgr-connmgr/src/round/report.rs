//! What a round did, and what it could not do and why.

use super::{plan::Mode, worth::Worth};

/// In which part of a round a connection went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Nobody used it, and nothing spoke for it.
    Idle,
    /// Only bursts that are over used it.
    Residue,
    /// One of its protocols had more than its maximum.
    Offender,
    /// It was worth least of those left.
    Worst,
    /// In an emergency: new, shielded, or needed for a minimum, and worth least of these.
    Forced,
    /// In an emergency that nothing else ended: protected.
    Protected,
}

impl Phase {
    /// All of them, in the order of a round.
    pub const ALL: [Phase; 6] = [
        Phase::Idle,
        Phase::Residue,
        Phase::Offender,
        Phase::Worst,
        Phase::Forced,
        Phase::Protected,
    ];

    /// A stable name, for metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Phase::Idle => "idle",
            Phase::Residue => "residue",
            Phase::Offender => "offender",
            Phase::Worst => "worst",
            Phase::Forced => "forced",
            Phase::Protected => "protected",
        }
    }
}

/// A connection that has to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closing {
    /// The key of its row.
    pub key: u32,
    /// Why its turn came.
    pub phase: Phase,
    /// What it was worth.
    pub worth: Worth,
}

/// Why a connection stays that could not be asked to go, or was not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Spared {
    /// A lock holds it.
    Locked,
    /// It is protected.
    Protected,
    /// It is new.
    Grace,
    /// It is the best one of a network that is to stay.
    Network,
    /// Few others answer as fast.
    Latency,
    /// A protocol had use of it just now.
    Usefulness,
    /// It is one of few that this side opened.
    Outbound,
    /// Few others have been of use for as long.
    Service,
    /// One of its protocols would have fewer than its minimum.
    Minimum,
    /// It holds none of what the newcomer needs.
    NoHelp,
    /// It is not worth less than the newcomer, by the margin.
    WorthMore,
    /// It was locked, or closed, when its turn came.
    Contended,
}

impl Spared {
    /// All of them.
    pub const ALL: [Spared; 12] = [
        Spared::Locked,
        Spared::Protected,
        Spared::Grace,
        Spared::Network,
        Spared::Latency,
        Spared::Usefulness,
        Spared::Outbound,
        Spared::Service,
        Spared::Minimum,
        Spared::NoHelp,
        Spared::WorthMore,
        Spared::Contended,
    ];

    /// A stable name, for metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Spared::Locked => "locked",
            Spared::Protected => "protected",
            Spared::Grace => "grace",
            Spared::Network => "network",
            Spared::Latency => "latency",
            Spared::Usefulness => "usefulness",
            Spared::Outbound => "outbound",
            Spared::Service => "service",
            Spared::Minimum => "minimum",
            Spared::NoHelp => "no_help",
            Spared::WorthMore => "worth_more",
            Spared::Contended => "contended",
        }
    }
}

/// What a round did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "what it says was closed has to be"]
pub struct Report {
    /// How far it could go.
    pub mode: Mode,
    /// The connections there were.
    pub live: u32,
    /// Those of them that nothing held. Some of these may be shielded, or needed for a minimum.
    pub candidates: u32,
    /// How many were to be closed. New ones that grace keeps are left beside those that
    /// [`Aim::Leave`](super::Aim::Leave) leaves, outside an emergency. For
    /// [`Aim::Offenders`](super::Aim::Offenders) by how much the protocols together were over: a
    /// connection of two of them counts for both.
    pub wanted: u32,
    /// What was closed, in that order. In a dry run, what would be.
    pub closed: Vec<Closing>,
    /// Why less was closed than wanted.
    pub unmet: Unmet,
    spared: [u32; Spared::ALL.len()],
}

/// How many of those wanted were not closed, by what was in the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unmet {
    /// One round closes no more, see [`Policy::close`](super::Policy::close). The next one goes on.
    pub budget: u32,
    /// So many have to be left, see [`Policy::keep`](super::Policy::keep).
    pub keep: u32,
    /// Nobody was left who might go; [`Report::spared`] says why they stay.
    pub exhausted: u32,
}

impl Unmet {
    /// Each with a stable name, for metrics.
    pub const fn named(&self) -> [(&'static str, u32); 3] {
        [("budget", self.budget), ("keep", self.keep), ("exhausted", self.exhausted)]
    }

    /// All of them.
    pub const fn total(&self) -> u32 {
        self.budget.saturating_add(self.keep).saturating_add(self.exhausted)
    }
}

impl Report {
    /// A round that had nothing to do.
    pub(super) fn nothing(mode: Mode, live: u32) -> Report {
        let (candidates, wanted, closed, unmet) = (0, 0, Vec::new(), Unmet::default());
        Report { mode, live, candidates, wanted, closed, unmet, spared: [0; Spared::ALL.len()] }
    }

    /// How many connections stayed for that reason, of those that the round came to see: it ends
    /// when it has closed enough.
    pub fn spared(&self, why: Spared) -> u32 {
        self.spared[why as usize]
    }

    /// How many locked connections stand between this round and its aim, at most: some of them may be
    /// needed for a minimum, or protected as well. Where room is short, have locks revoked.
    pub fn blocked_by_locks(&self) -> u32 {
        self.unmet.exhausted.min(self.spared(Spared::Locked))
    }

    /// How many connections went in that part.
    pub fn closed_in(&self, phase: Phase) -> usize {
        self.closed.iter().filter(|closing| closing.phase == phase).count()
    }

    pub(super) fn count(&mut self, why: Spared) {
        self.spared[why as usize] += 1;
    }
}
