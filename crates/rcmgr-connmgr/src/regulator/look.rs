//! What a round goes by: all connections as rows, copied shard by shard.

use std::{num::NonZeroU16, time::Duration};

use super::{Regulator, held::Held, steering::Terms, unpoisoned};
use crate::{
    ConnectionId,
    round::{Aim, Candidate, Hold, Mode, Newcomer, Plan, Stretch},
    scoring::{Voices, tally::Said},
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
    may_be_residue: bool,
}

impl Regulator {
    /// Copies what rounds go by. Each shard of connections, of peers and the bursts are locked for a
    /// short time, one after the other.
    pub(super) fn look(&self, now: Duration, voices: &Voices) -> Look {
        // So that no memory is asked for under a lock, unless many come meanwhile.
        let room = self.table.live() as usize;
        let room = room + room / 8;
        let (mut seen, mut order) = (Vec::with_capacity(room), Vec::with_capacity(room));
        for at in 0..self.table.shards() {
            for (id, held) in self.table.shard(at).iter_mut().filter(|(_, held)| !held.closing) {
                order.push((id, seen.len()));
                seen.push(self.see(now, held, voices));
            }
        }
        order.sort_unstable();
        // Rows are fetched in passes of their own, in steps so short that their waits for memory
        // overlap.
        let ids = order.iter().map(|(id, _)| *id).collect();
        let mut rows: Vec<Candidate> = order.iter().map(|(_, at)| seen[*at].row).collect();
        let said: Vec<(Said, bool)> =
            order.iter().map(|(_, at)| (seen[*at].said, seen[*at].may_be_residue)).collect();
        let mut standings = self.manager.standings().into_iter().peekable();
        for (((row, key), (id, _)), (said, _)) in rows.iter_mut().zip(0..).zip(&order).zip(&said) {
            while standings.next_if(|(known, _)| known < id).is_some() {}
            let known = standings.next_if(|(known, _)| known == id);
            let standing = known.map(|(_, standing)| standing).unwrap_or_default();
            row.key = key;
            row.tally = voices.tally_of(*said, standing.tags);
            if standing.protected {
                row.hold = row.hold.max(Hold::Protected);
            }
        }
        let bursts = unpoisoned(&self.bursts);
        for ((row, (id, _)), (_, may_be_residue)) in rows.iter_mut().zip(&order).zip(&said) {
            if *may_be_residue {
                let residue = bursts.residue(*id, row.streams, row.hold == Hold::Locked);
                row.residue = residue.and_then(|after| NonZeroU16::new(after.saturating_add(1)));
            }
        }
        Look { rows, ids }
    }

    /// A connection that is not about to be closed.
    fn see(&self, now: Duration, held: &mut Held, voices: &Voices) -> Seen {
        let hold = if held.is_locked() { Hold::Locked } else { self.hold_by_age(now, held.opened) };
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
            descriptor: held.descriptor,
            ..Candidate::new(0, held.opened)
        };
        Seen { row, said: voices.said(held.best(now)), may_be_residue: held.may_be_residue() }
    }

    /// What holds a connection that was opened then, if nothing else does.
    pub(super) fn hold_by_age(&self, now: Duration, opened: Duration) -> Hold {
        if opened.saturating_add(self.grace.get()) > now { Hold::Grace } else { Hold::Free }
    }

    /// The plan of a round, without a stretch.
    pub(super) fn plan(
        &self,
        now: Duration,
        terms: &Terms,
        aim: Aim,
        mode: Mode,
        newcomer: Option<Newcomer>,
    ) -> Plan {
        let allotted = terms.allotted;
        let (policy, seed, stretch) = (self.policy, self.seed, Stretch::NONE);
        Plan { now, aim, mode, stretch, newcomer, policy, seed, allotted }
    }
}
