//! The attackers: how many come, from where, and what they do to stay.

use std::time::Duration;

use super::algorithm::Protocol;

/// What an attacker does once it is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conduct {
    /// Nothing.
    Idle,
    /// What earns the tags of the best peers, for so long; then it keeps a stream open and rests.
    EarnThenRest(Duration),
    /// What earns the tags of the best peers, again and again after so long.
    Earn(Duration),
    /// A query to the routing table again and again after so long: work for the node, and no tag.
    Query(Duration),
    /// A request to the application again and again after so long, as its honest peers make them.
    Request(Duration),
    /// What a peer of the routing table does, its tag included, after so long each time.
    Serve(Duration),
    /// It speaks a protocol whose application keeps whoever speaks it.
    Keep,
}

impl Conduct {
    /// The protocol of its stream.
    pub const fn protocol(self) -> Option<Protocol> {
        match self {
            Conduct::Idle => None,
            Conduct::EarnThenRest(_) | Conduct::Earn(_) => Some(Protocol::Gossip),
            Conduct::Query(_) | Conduct::Serve(_) => Some(Protocol::Kad),
            Conduct::Request(_) => Some(Protocol::Requests),
            Conduct::Keep => Some(Protocol::Keeper),
        }
    }

    /// The time between two of its deeds, and until when it does them.
    pub const fn deeds(self) -> Option<(Duration, Duration)> {
        match self {
            Conduct::Idle | Conduct::Keep => None,
            Conduct::EarnThenRest(until) => Some((Duration::from_secs(10), until)),
            Conduct::Earn(every)
            | Conduct::Query(every)
            | Conduct::Request(every)
            | Conduct::Serve(every) => Some((every, Duration::MAX)),
        }
    }
}

/// Who comes together, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrivals {
    /// One after the other: whoever is cut is replaced after the same time.
    Each(Duration),
    /// All within a second, again after `every`. Each leaves after `stay`.
    Waves {
        /// From one wave to the next.
        every: Duration,
        /// For how long one stays.
        stay: Duration,
    },
}

/// An attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attack {
    /// When it begins.
    pub from: Duration,
    /// How they come.
    pub arrivals: Arrivals,
    /// How many there are at a time, at most.
    pub most: u32,
    /// From how many networks of /16, all alike, where no honest peer is.
    pub networks: u32,
    /// What they do.
    pub conduct: Conduct,
}
