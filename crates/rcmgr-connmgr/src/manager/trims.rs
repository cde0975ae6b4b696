//! Trims: whom to close, decided in three steps. All peers are looked at, shard by shard; then the
//! choice is made, without a lock; then what was chosen is marked, peer by peer.

use std::time::Duration;

use super::{Manager, unpoisoned};
use super::{entry::Entry, shards::Shards};
use crate::{
    Close, GraceFrom, Peer, TrimReport,
    time::Time,
    trim::{Idle, Kind, Order, Ranked, Row, choose, target},
};

/// What a trim saw.
struct Look {
    /// Those that may go.
    rows: Vec<Row>,
    /// How many connections stay for all that is known.
    staying: u64,
    /// For each shard, the last serial number when it was looked at.
    horizons: Vec<u64>,
}

impl Manager {
    /// Trims to the low mark, from whatever is above it (go: `TrimOpenConns`). Neither the silence
    /// period nor the high mark holds it back. Waits for a trim that another thread makes, and then
    /// goes on from what it left (go-libp2p returns without a trim of its own).
    pub fn trim(&self, now: Duration) -> TrimReport {
        self.trim_regular(self.clock.pass(now), Kind::Open)
    }

    /// Trims to the low mark whatever it takes (go: `ForceTrim`): grace periods do not count, and
    /// when the others are not enough, protected peers go too. With trims turned off there is no
    /// mark to go to, and nothing is closed; go-libp2p takes the mark of 0 at its word.
    pub fn force_trim(&self, now: Duration) -> TrimReport {
        let _one_at_a_time = unpoisoned(&self.trimming);
        let now = self.clock.pass(now);
        let mut report = TrimReport::new(Kind::Forced, now.into());
        let marks = self.settings.marks;
        let look = self.look(now, Order::Forced);
        let Some(target) = look.staying.checked_sub(marks.low()) else {
            report.idle = Some(Idle::BelowLow);
            return report;
        };
        *unpoisoned(&self.last_trim) = Some(now.into());
        if marks.is_off() {
            report.idle = Some(Idle::Disabled);
            return report;
        }
        self.carry_out(&mut report, look, Order::Forced, target);
        report
    }

    /// The trim that comes by itself.
    pub(super) fn background_trim(&self, now: Time) -> Option<TrimReport> {
        let marks = self.settings.marks;
        // At the mark, as go-libp2p's code has it; its documentation says above.
        let full = !marks.is_off() && self.shards.staying() as u64 >= marks.high();
        full.then(|| self.trim_regular(now, Kind::Background))
    }

    fn trim_regular(&self, now: Time, kind: Kind) -> TrimReport {
        let _one_at_a_time = unpoisoned(&self.trimming);
        *unpoisoned(&self.last_trim) = Some(now.into());
        let mut report = TrimReport::new(kind, now.into());
        let look = self.look(now, Order::Regular);
        let may_go = look.rows.iter().map(|row| u64::from(row.connections)).sum();
        match target(self.settings.marks, look.staying, may_go) {
            Ok(target) => self.carry_out(&mut report, look, Order::Regular, target),
            Err(idle) => report.idle = Some(idle),
        }
        report
    }

    /// The peers that a trim at this time may take, in the order in which it would. Changes
    /// nothing.
    pub fn ranked(&self, now: Duration, order: Order) -> Vec<Ranked> {
        let mut rows = self.look(self.clock.pass(now), order).rows;
        rows.sort_unstable_by(|one, other| order.compare(one, other));
        let ranked = rows.into_iter().filter_map(|row| {
            let peer = self.shards.lock(row.tie).of_row(&row)?.peer.clone();
            Some(Ranked { peer, row })
        });
        ranked.collect()
    }

    /// Those that a trim of this order may take.
    fn look(&self, now: Time, order: Order) -> Look {
        let mut look = Look { rows: Vec::new(), staying: 0, horizons: Vec::new() };
        for shard in self.shards.each() {
            // So that no memory is asked for under the lock, unless many came meanwhile.
            let len = shard().len();
            look.rows.reserve(len + len / 4);
            let shard = shard();
            look.horizons.push(shard.serial());
            look.staying += shard.staying() as u64;
            for entry in shard.iter() {
                let protected = shard.protections.is_protected(entry.hash, &entry.peer);
                let row = entry.row(protected);
                // Nothing is left of it to close.
                let leaving = !entry.is_temporary() && row.connections == 0;
                let may_go = match order {
                    Order::Regular => !protected && !leaving && self.past_grace(entry, now),
                    Order::Forced => row.connections != 0,
                };
                if may_go {
                    look.rows.push(row);
                }
            }
        }
        look
    }

    fn past_grace(&self, entry: &Entry, now: Time) -> bool {
        let since = match self.settings.grace_from {
            GraceFrom::FirstConnection => entry.first_seen,
            GraceFrom::YoungestConnection => {
                entry.open().map(|known| known.opened).fold(entry.first_seen, Time::max)
            }
        };
        since.after(self.settings.grace) <= now
    }

    /// Marks what is chosen, and hands it out.
    fn carry_out(&self, report: &mut TrimReport, look: Look, order: Order, target: u64) {
        let Look { mut rows, horizons, .. } = look;
        let going = choose(&mut rows, order, target);
        for row in &rows[..going] {
            report.close.reserve(row.connections as usize);
            let mut shard = self.shards.lock(row.tie);
            let Some(entry) = shard.of_row(row) else { continue };
            let stays =
                order == Order::Regular && shard.protections.is_protected(row.tie, &entry.peer);
            if stays {
                continue;
            }
            if row.connections == 0 {
                let dropped = shard.drop_temporary(row, self.shards.rooms());
                drop(shard);
                report.dropped.extend(dropped.map(|entry| entry.peer));
            } else {
                shard.begin_close(row, horizons[Shards::index(row.tie)], |peer, connection| {
                    report.close.push(Close { peer: peer.clone(), connection });
                });
            }
        }
    }

    /// Drops peers without a connection that were kept for long enough and are not protected.
    pub(super) fn expire(&self, now: Time) -> Vec<Peer> {
        let before = now.before(self.settings.temporary.max(self.settings.grace));
        let mut expired = Vec::new();
        for shard in self.shards.each() {
            let mut shard = shard();
            shard.shrink();
            let entries = before.map(|before| shard.expire(before, self.shards.rooms()));
            drop(shard);
            expired.extend(entries.into_iter().flatten().map(|entry| entry.peer));
        }
        expired.sort_unstable();
        expired
    }
}

#[cfg(test)]
mod tests {
    use crate::{ConnectionId, Direction, Settings, Watermarks};

    use super::*;

    const NOW: Duration = Duration::ZERO;

    fn peer(name: &str) -> Peer {
        Peer::new(name.as_bytes()).unwrap()
    }

    fn open(manager: &Manager, name: &str, id: u64) {
        let (peer, id) = (peer(name), ConnectionId(id));
        manager.connection_opened(NOW, &peer, id, Direction::Inbound, "".into(), 1).unwrap();
    }

    /// Connections 1 to 4 of as many peers, and what a trim decides that was told of `meanwhile`
    /// after it looked.
    fn closed(order: Order, target: u64, meanwhile: impl FnOnce(&Manager)) -> (Manager, Vec<u64>) {
        let marks = Watermarks::new(1, 2).unwrap();
        let manager = Manager::new(Settings { marks, grace: NOW, ..Settings::default() }).unwrap();
        for (id, name) in [(1, "a"), (2, "b"), (3, "c"), (4, "d")] {
            open(&manager, name, id);
            manager.tag(NOW, &peer(name), "v", id as i64).unwrap();
        }
        manager.tag(NOW, &peer("e"), "early", 1).unwrap();
        let look = manager.look(NOW.into(), order);
        meanwhile(&manager);
        let mut report = TrimReport::new(Kind::Open, NOW);
        manager.carry_out(&mut report, look, order, target);
        (manager, report.close.iter().map(|close| close.connection.0).collect())
    }

    #[test]
    fn what_is_opened_after_the_look_stays() {
        let (manager, closed) = closed(Order::Regular, 2, |manager| {
            open(manager, "a", 5);
            manager.connection_closed(&peer("b"), ConnectionId(2));
            open(manager, "b", 6);
        });
        assert_eq!(closed, [1], "b is there again, as another one");
        assert_eq!(manager.look(NOW.into(), Order::Regular).staying, 4);
    }

    #[test]
    fn who_is_protected_after_the_look_stays_in_a_regular_trim() {
        let protect = |manager: &Manager| manager.protect(&peer("a"), "x").unwrap();
        assert_eq!(closed(Order::Regular, 2, protect).1, [2], "none goes in its place");
        assert_eq!(closed(Order::Forced, 2, protect).1, [1, 2]);
    }

    #[test]
    fn tags_count_as_they_were_at_the_look() {
        let tag = |manager: &Manager| manager.tag(NOW, &peer("a"), "v", 99).unwrap();
        assert_eq!(closed(Order::Regular, 2, tag).1, [1, 2]);
    }

    #[test]
    fn tags_of_who_connects_after_the_look_stay() {
        let (manager, _) = closed(Order::Regular, 2, |manager| open(manager, "e", 5));
        assert_eq!(manager.tag_info(&peer("e")).unwrap().value, 1);
        let (manager, _) = closed(Order::Regular, 2, |_| ());
        assert_eq!(manager.tag_info(&peer("e")), None);
    }

    #[test]
    fn what_another_trim_decided_after_the_look_is_not_decided_again() {
        let (_, closed) = closed(Order::Regular, 4, |manager| {
            assert_eq!(manager.trim(NOW).close.len(), 3);
        });
        assert_eq!(closed, [4]);
    }
}
