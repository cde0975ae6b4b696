//! What the processes say to each other: lines of JSON.

use std::{collections::BTreeMap, io, net::SocketAddr, time::Duration};

use serde::{Deserialize, Serialize};

use super::kind::Attack;
use crate::demo::client::Target;

/// What the orchestrator says to a party.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// The first line: who it is.
    Play(Play),
    /// Honest clients and attackers begin.
    Begin,
    /// The node says its counts; an attacker stops and says its own.
    Tell,
    /// The node says its counts once everybody has left.
    Settle,
}

/// A part to play, on the given cores.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Play {
    pub role: Role,
    /// Numbers of cores; all if there are none.
    pub cores: Vec<usize>,
    pub seed: u64,
}

/// The parts.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Node { limited: bool },
    Honest(Honest),
    Attacker { attack: Attack, target: Place },
}

/// What the honest clients do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Honest {
    pub target: Place,
    pub load: Load,
    /// Clients that keep their connection.
    pub clients: u16,
    pub duration: Duration,
}

/// How requests follow each other.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Load {
    /// So many at once, each after another's answer.
    Closed { at_once: u16 },
    /// By a schedule that waits for nobody.
    Open { per_second: f64 },
}

/// Where the node is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Place {
    pub peer: String,
    pub socket: SocketAddr,
}

impl Place {
    /// The same as its clients know it.
    ///
    /// # Errors
    /// The peer is none.
    pub fn target(&self) -> io::Result<Target> {
        let peer = self.peer.parse().map_err(io::Error::other)?;
        Ok(Target { peer, socket: self.socket })
    }
}

/// What a party answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The node listens.
    Listening(Place),
    /// An honest party is connected; an attacker has what it needs.
    Ready,
    Counts(Counts),
    Served(Served),
    Attempted(Attempted),
    /// It cannot go on.
    Failed(String),
}

/// What the node has counted.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Refusals by what refused what: `network` and `connections`, `rate` and `/16`; not of streams.
    pub refused: BTreeMap<String, BTreeMap<String, u64>>,
    /// How often which kind of scope was asked for an inbound stream and had no room. One that waits
    /// asks again and again.
    pub tries: BTreeMap<String, u64>,
    /// Streams that were let in.
    pub streams: u64,
    /// Charges beyond their limit.
    pub over_limit: u64,
    /// The sum of all counters, once everybody had time to leave.
    pub left: u64,
}

/// What the honest clients have seen.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Served {
    pub offered: u64,
    pub served: u64,
    pub seconds: f64,
    /// Microseconds from when a request was due, of those that were served; zero if none was.
    pub p50_us: u64,
    pub p99_us: u64,
    pub max_us: u64,
}

impl Served {
    /// The share of what was offered that was served.
    pub fn ratio(&self) -> f64 {
        if self.offered == 0 { 0.0 } else { self.served as f64 / self.offered as f64 }
    }
}

/// What an attacker has done.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Attempted {
    pub attempts: u64,
    pub seconds: f64,
}
