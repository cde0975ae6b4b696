//! What a round goes by: all connections as rows, copied shard by shard.

use std::{num::NonZeroU16, time::Duration};

use super::{Regulator, held::Held, steering::Terms, unpoisoned};
use crate::{
    Aim, Candidate, ConnectionId, ConnectionLook, Hold, Mode, Newcomer, Plan, Voices, tally::Said,
};

/// All live connections at a moment.
#[derive(Debug)]
pub(super) struct Look {
    /// The key of each is its index.
    pub rows: Vec<Candidate>,
    /// The connection of each, ascending.
    pub ids: Vec<ConnectionId>,
}

/// What was copied of a connection, before its peer's tags are known.
struct Seen {
    id: ConnectionId,
    row: Candidate,
    said: Said,
    in_bursts: bool,
}

impl Regulator {
    /// Copies what rounds go by. Each shard of connections, of peers and the bursts are locked for a
    /// short time, one after the other.
    pub(super) fn look(&self, now: Duration, voices: &Voices) -> Look {
        let (mut seen, mut looks, mut said) = (Vec::new(), Vec::new(), Vec::new());
        for at in 0..self.table.shards() {
            // So that no memory is asked for under the lock, unless many came meanwhile.
            let len = self.table.shard(at).len();
            seen.reserve(len + len / 4);
            looks.clear();
            said.clear();
            let shard = self.table.shard(at);
            // What lies elsewhere is fetched in passes of their own, in steps so short that their waits
            // for memory overlap.
            looks.extend(shard.iter().map(|(_, held)| held.live.look()));
            said.extend(shard.iter().map(|(_, held)| voices.said(held.votes(now))));
            let all = shard.iter().zip(&looks).zip(&said);
            seen.extend(all.filter_map(|(((id, held), live), said)| {
                let live = live.filter(|live| !live.closing)?;
                Some(self.see(now, id, held, live, *said))
            }));
        }
        seen.sort_unstable_by_key(|seen| seen.id);
        let mut standings = self.manager.standings().into_iter().peekable();
        let rows = Vec::with_capacity(seen.len());
        let mut look = Look { rows, ids: seen.iter().map(|seen| seen.id).collect() };
        for (seen, key) in seen.iter().zip(0..) {
            while standings.next_if(|(id, _)| *id < seen.id).is_some() {}
            let known = standings.next_if(|(id, _)| *id == seen.id);
            let standing = known.map(|(_, standing)| standing).unwrap_or_default();
            let tally = voices.tally_of(seen.said, standing.tags);
            let protected = if standing.protected { Hold::Protected } else { Hold::Free };
            let hold = seen.row.hold.max(protected);
            look.rows.push(Candidate { key, tally, hold, ..seen.row });
        }
        let bursts = unpoisoned(&self.bursts);
        for (row, seen) in look.rows.iter_mut().zip(&seen).filter(|(_, seen)| seen.in_bursts) {
            let residue = bursts.residue(seen.id, row.streams, row.hold == Hold::Locked);
            row.residue = residue.and_then(|after| NonZeroU16::new(after.saturating_add(1)));
        }
        look
    }

    /// A connection that is not about to be closed.
    fn see(
        &self,
        now: Duration,
        id: ConnectionId,
        held: &Held,
        live: ConnectionLook,
        said: Said,
    ) -> Seen {
        let hold = match () {
            () if live.locks > 0 => Hold::Locked,
            () if held.opened.saturating_add(self.grace) > now => Hold::Grace,
            () => Hold::Free,
        };
        let (slots, charged) = (held.slots(), held.charged());
        // A row counts for all its protocols or for none.
        let bursting = charged.is_empty() && !slots.is_empty();
        let row = Candidate {
            network: held.network,
            slots: if bursting { slots } else { charged },
            useful: held.useful,
            rtt: held.rtt,
            streams: held.streams(),
            hold,
            direction: held.direction,
            bursting,
            ..Candidate::new(0, held.opened)
        };
        Seen { id, row, said, in_bursts: held.in_bursts }
    }

    /// The plan of a round.
    pub(super) fn plan(
        &self,
        now: Duration,
        terms: &Terms,
        aim: Aim,
        mode: Mode,
        newcomer: Option<Newcomer>,
    ) -> Plan {
        let allotted = terms.allotted;
        Plan { now, aim, mode, newcomer, policy: self.policy, seed: self.seed, allotted }
    }
}
