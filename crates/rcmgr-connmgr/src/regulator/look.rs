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
    row: Candidate,
    said: Said,
    in_bursts: bool,
}

impl Regulator {
    /// Copies what rounds go by. Each shard of connections, of peers and the bursts are locked for a
    /// short time, one after the other.
    pub(super) fn look(&self, now: Duration, voices: &Voices) -> Look {
        // So that no memory is asked for under a lock, unless many come meanwhile.
        let room = self.table.live() as usize;
        let room = room + room / 8;
        let (mut seen, mut order) = (Vec::with_capacity(room), Vec::with_capacity(room));
        let mut looks = Vec::with_capacity(room / self.table.shards() * 4);
        for at in 0..self.table.shards() {
            looks.clear();
            let mut shard = self.table.shard(at);
            // What lies elsewhere is fetched in a pass of its own, in steps so short that their waits
            // for memory overlap.
            looks.extend(shard.iter().map(|(_, held)| held.live.look()));
            for ((id, held), live) in shard.iter_mut().zip(&looks) {
                if let Some(live) = live.filter(|live| !live.closing) {
                    order.push((id, seen.len()));
                    seen.push(self.see(now, held, live, voices));
                }
            }
        }
        order.sort_unstable();
        let mut standings = self.manager.standings().into_iter().peekable();
        let (rows, ids) = (Vec::with_capacity(order.len()), Vec::with_capacity(order.len()));
        let (mut look, mut in_bursts) = (Look { rows, ids }, Vec::new());
        for ((id, at), key) in order.into_iter().zip(0..) {
            let seen: &Seen = &seen[at];
            while standings.next_if(|(known, _)| *known < id).is_some() {}
            let known = standings.next_if(|(known, _)| *known == id);
            let standing = known.map(|(_, standing)| standing).unwrap_or_default();
            let tally = voices.tally_of(seen.said, standing.tags);
            let protected = if standing.protected { Hold::Protected } else { Hold::Free };
            let hold = seen.row.hold.max(protected);
            look.rows.push(Candidate { key, tally, hold, ..seen.row });
            look.ids.push(id);
            if seen.in_bursts {
                in_bursts.push(key as usize);
            }
        }
        let bursts = unpoisoned(&self.bursts);
        for at in in_bursts {
            let row = &mut look.rows[at];
            let residue = bursts.residue(look.ids[at], row.streams, row.hold == Hold::Locked);
            row.residue = residue.and_then(|after| NonZeroU16::new(after.saturating_add(1)));
        }
        look
    }

    /// A connection that is not about to be closed.
    fn see(&self, now: Duration, held: &mut Held, live: ConnectionLook, voices: &Voices) -> Seen {
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
        Seen { row, said: voices.said(held.best(now)), in_bursts: held.in_bursts }
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
