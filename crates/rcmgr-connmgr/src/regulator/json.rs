//! Reports and explanations in a form that is written as JSON.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::{Eviction, Explained, ExplainedConnection, RoundReport};
use crate::{
    Peer,
    observe::Decision,
    round::{Explanation, Hold, Spared, Verdict, Worth},
    trigger::Cause,
};

/// Bytes that are no text are escaped as in a Rust byte string.
pub(super) fn peer(peer: &Peer) -> String {
    peer.as_bytes().escape_ascii().to_string()
}

/// A stable name.
pub(super) fn hold(hold: Hold) -> &'static str {
    match hold {
        Hold::Free => "free",
        Hold::Grace => "grace",
        Hold::Protected => "protected",
        Hold::Locked => "locked",
    }
}

/// What a connection is worth, and of what that is made.
#[derive(Serialize)]
struct WorthTold {
    worth: i16,
    tally: i16,
    staleness: u16,
    crowding: u16,
}

impl From<Worth> for WorthTold {
    fn from(worth: Worth) -> WorthTold {
        let Worth { tally, staleness, crowding } = worth;
        WorthTold { worth: worth.total(), tally: tally.get(), staleness, crowding }
    }
}

#[derive(Serialize)]
struct EvictionTold {
    peer: String,
    connection: u64,
    phase: &'static str,
    #[serde(flatten)]
    worth: WorthTold,
}

/// An object of the peer, the connection, the phase, and the parts of its worth.
impl Serialize for Eviction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (connection, phase) = (self.connection.0, self.phase.name());
        let worth = self.worth.into();
        EvictionTold { peer: peer(&self.peer), connection, phase, worth }.serialize(serializer)
    }
}

#[derive(Serialize)]
struct RoundTold<'a> {
    at: f64,
    causes: Vec<&'static str>,
    mode: &'static str,
    live: u32,
    candidates: u32,
    wanted: u32,
    closed: usize,
    unmet: BTreeMap<&'static str, u32>,
    spared: BTreeMap<&'static str, u32>,
    evictions: &'a [Eviction],
}

/// An object of the numbers of the round, what was in the way and how often (reasons that did not
/// occur are left out), and the evictions.
impl Serialize for RoundReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let report = &self.report;
        let spared = Spared::ALL.into_iter().map(|why| (why.name(), report.spared(why)));
        let told = RoundTold {
            at: self.at.as_secs_f64(),
            causes: self.causes.iter().map(Cause::name).collect(),
            mode: report.mode.name(),
            live: report.live,
            candidates: report.candidates,
            wanted: report.wanted,
            closed: self.evictions.len(),
            unmet: report.unmet.named().into_iter().filter(|(_, times)| *times > 0).collect(),
            spared: spared.filter(|(_, times)| *times > 0).collect(),
            evictions: &self.evictions,
        };
        told.serialize(serializer)
    }
}

#[derive(Serialize)]
struct ExplainedTold {
    peer: String,
    at: f64,
    tags: i64,
    protected: bool,
    connections: Vec<ConnectionTold>,
    last: Option<LastTold>,
}

#[derive(Serialize)]
struct ConnectionTold {
    connection: u64,
    hold: &'static str,
    /// `goes`, `would go`, `stays` or `not concerned`.
    verdict: &'static str,
    /// Its place among those that go.
    place: Option<u32>,
    phase: Option<&'static str>,
    why: Option<&'static str>,
    /// How many connections its network has.
    network: u32,
    #[serde(flatten)]
    worth: WorthTold,
    protocols: Vec<SaidTold>,
}

#[derive(Serialize)]
struct SaidTold {
    protocol: Box<str>,
    score: i16,
    counted: i16,
    weight: u16,
}

#[derive(Serialize)]
struct LastTold {
    at: f64,
    round: u64,
    connection: u64,
    phase: &'static str,
    causes: Vec<&'static str>,
    #[serde(flatten)]
    worth: WorthTold,
}

impl From<&ExplainedConnection> for ConnectionTold {
    fn from(explained: &ExplainedConnection) -> ConnectionTold {
        let Explanation { worth, network, verdict, .. } = explained.explanation;
        let (verdict, place, phase, why) = match verdict {
            Verdict::Goes { place, phase, now } => {
                let verdict = if now { "goes" } else { "would go" };
                (verdict, Some(place), Some(phase.name()), None)
            }
            Verdict::Stays { why, .. } => ("stays", None, None, Some(why.name())),
            Verdict::NotConcerned => ("not concerned", None, None, None),
        };
        let protocols = explained.protocols.iter().map(|said| SaidTold {
            protocol: (*said.protocol).into(),
            score: said.score.get(),
            counted: said.counted.get(),
            weight: said.weight,
        });
        ConnectionTold {
            connection: explained.connection.0,
            hold: hold(explained.hold),
            verdict,
            place,
            phase,
            why,
            network,
            worth: worth.into(),
            protocols: protocols.collect(),
        }
    }
}

impl From<&Decision> for LastTold {
    fn from(decision: &Decision) -> LastTold {
        LastTold {
            at: decision.at.as_secs_f64(),
            round: decision.round,
            connection: decision.connection.0,
            phase: decision.phase.name(),
            causes: decision.causes.iter().map(Cause::name).collect(),
            worth: decision.worth.into(),
        }
    }
}

/// An object of what is known of the peer, its connections with the verdict of each, and the last
/// decision about it, or null.
impl Serialize for Explained {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let told = ExplainedTold {
            peer: peer(&self.peer),
            at: self.at.as_secs_f64(),
            tags: self.tags,
            protected: self.protected,
            connections: self.connections.iter().map(ConnectionTold::from).collect(),
            last: self.last.as_ref().map(LastTold::from),
        };
        told.serialize(serializer)
    }
}
