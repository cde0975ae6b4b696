//! Why the connections of a peer stay or go.

use std::{fmt, time::Duration};

use rcmgr_core::Name;

use super::{Regulator, unpoisoned};
use crate::{
    ConnectionId, Peer, Score,
    observe::Decision,
    round::{Aim, Explanation, Hold, Mode, Plan, explain},
};

/// How many connections of a peer are explained: each takes as long as a round.
const MOST: usize = 16;

/// What is to be said of a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// The peer.
    pub peer: Peer,
    /// When.
    pub at: Duration,
    /// The sum of its tags.
    pub tags: i64,
    /// Whether it is protected.
    pub protected: bool,
    /// Its live connections, in the order they were opened; 16 at most.
    pub connections: Vec<ExplainedConnection>,
    /// The last decision to close a connection of it, if that is still known.
    pub last: Option<Decision>,
}

/// What a batch down to the low mark would make of a connection, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainedConnection {
    /// Which one.
    pub connection: ConnectionId,
    /// What keeps it, apart from its worth.
    pub hold: Hold,
    /// What a round would make of it.
    pub explanation: Explanation,
    /// What the protocols that use it say: the best of each, and that with what is left of it where a
    /// protocol has more than it may. What tags say comes beside these.
    pub protocols: Vec<Said>,
}

/// What a protocol says of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// The name that it was enrolled by.
    pub protocol: Name,
    /// The best that it says of a stream.
    pub score: Score,
    /// What is left of that.
    pub counted: Score,
    /// Its weight.
    pub weight: u16,
}

impl Regulator {
    /// Says what a batch down to the low mark would make of the connections of a peer, and what was
    /// decided about it last. It takes as long as a round for each connection.
    #[must_use]
    pub fn explain(&self, now: Duration, peer: &Peer) -> Explained {
        let now = self.pass(now);
        let standing = self.manager.standing(peer);
        let known = self.manager.tag_info(peer).map(|info| info.connections).unwrap_or_default();
        let terms = self.terms(now);
        let look = self.look(now, &terms.voices);
        let names = self.names(now);
        let aim = Aim::Leave(terms.share.low());
        let plan = self.plan(now, &terms, aim, Mode::Batch, None);
        let plan = Plan { stretch: terms.stretch, ..plan };
        let explained = |connection: ConnectionId| {
            let key = look.ids.binary_search(&connection).ok()?;
            let explanation = explain(&look.rows, &plan, u32::try_from(key).ok()?)?;
            let votes: Vec<_> = self.table.look(connection, |held| held.votes(now).collect())?;
            let parts = terms.voices.parts(votes, standing.tags);
            let protocols = parts.into_iter().filter_map(|part| {
                let protocol = names[part.slot?.index()].clone()?;
                let (score, counted, weight) = (part.said, part.counted, part.weight);
                Some(Said { protocol, score, counted, weight })
            });
            let (hold, protocols) = (look.rows[key].hold, protocols.collect());
            Some(ExplainedConnection { connection, hold, explanation, protocols })
        };
        let connections = known.iter().filter_map(|known| explained(known.id)).take(MOST).collect();
        let last = unpoisoned(&self.journal).last_about(peer).cloned();
        let (peer, at) = (peer.clone(), now);
        let (tags, protected) = (standing.tags, standing.protected);
        Explained { peer, at, tags, protected, connections, last }
    }

    /// The names of enrolled protocols, by place.
    pub(super) fn names(&self, now: Duration) -> [Option<Name>; 64] {
        let mut names = [const { None }; 64];
        for enrolled in unpoisoned(&self.steering).quotas.enrolled(now) {
            names[enrolled.enrollment.slot().index()] = Some(enrolled.name.clone());
        }
        names
    }
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protected = if self.protected { ", protected" } else { "" };
        write!(f, "peer {}: tags {}{protected}", self.peer.as_bytes().escape_ascii(), self.tags)?;
        for connection in &self.connections {
            write!(f, "\nconnection {} {}", connection.connection.0, connection.explanation)?;
            for said in &connection.protocols {
                let (name, score) = (&said.protocol, said.score.get());
                let (counted, weight) = (said.counted.get(), said.weight);
                write!(f, "\n  {name} says {score}, counted as {counted} of weight {weight}")?;
            }
        }
        if let Some(last) = &self.last {
            let (id, phase, worth) = (last.connection.0, last.phase.name(), last.worth.total());
            let Decision { at, round, .. } = last;
            write!(
                f,
                "\nconnection {id} went at {at:?} in round {round} ({phase}): worth {worth}"
            )?;
            let for_ =
                last.causes.iter().map(crate::trigger::Cause::name).collect::<Vec<_>>().join(", ");
            write!(f, ", for {for_}")?;
        }
        Ok(())
    }
}
