//! What a regulator is told of connections, and what it answers.

use std::{net::IpAddr, sync::Arc, time::Duration};

use crate::{
    ConnectionId, Direction, Peer,
    regulator::error::NoRoom,
    round::{Phase, Report, Short, Worth},
    trigger::Causes,
};

/// A connection that was opened.
#[derive(Clone, Debug)]
pub struct Opened<'a> {
    /// Who is at the other end.
    pub peer: &'a Peer,
    /// Which one.
    pub id: ConnectionId,
    /// Who opened it.
    pub direction: Direction,
    /// Where it leads.
    pub address: Arc<str>,
    /// The address of the other end: its /16, or /32 of IPv6, is its network. None: it is unknown, as
    /// where there is a relay between. All those are taken for one network.
    pub network: Option<IpAddr>,
    /// Whether it holds a file descriptor, as those of TCP do. One that does not never goes
    /// [where descriptors are short](Short::Descriptors).
    pub descriptor: bool,
}

/// A connection that there is no room for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Who is at the other end, if that is known already.
    pub peer: Option<&'a Peer>,
    /// The address of the other end, as in [`Opened::network`].
    pub network: Option<IpAddr>,
    /// Who opens it.
    pub direction: Direction,
    /// What there is no room for, as the refusal says.
    pub short: Short,
}

/// A connection that was decided to go. Close it with [`Close::CODE`](crate::Close::CODE), and say so
/// by [`Regulator::connection_closed`](crate::Regulator::connection_closed).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Eviction {
    /// Whose it is.
    pub peer: Peer,
    /// Which one.
    pub connection: ConnectionId,
    /// In which part of the round.
    pub phase: Phase,
    /// What it was worth.
    pub worth: Worth,
}

/// Whether there is going to be room.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Room {
    /// Once this one is closed: [`Regulator::poll`](crate::Regulator::poll) hands it out.
    Closing(Eviction),
    /// There is not.
    None(NoRoom),
}

/// What a round did, or would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoundReport {
    /// When.
    pub at: Duration,
    /// What asked for it.
    pub causes: Causes,
    /// What goes, in that order. [`Regulator::poll`](crate::Regulator::poll) hands it out; after a dry
    /// run nothing is.
    pub evictions: Vec<Eviction>,
    /// The numbers, and what was in the way. Its keys are of no use outside the round.
    pub report: Report,
}
