//! Locks that keep a round from its aim: when they are taken back, and that the round goes on then.
//!
//! The rule is in the book's chapter on regulation, under locks.

use std::{collections::HashSet, time::Duration};

use super::{Action, Regulator, look::Look, rounds::Order, steering::Terms, unpoisoned};
use crate::{
    ConnectionId,
    lock::{LiveConnection, RevocationPlan},
    round::{Aim, Candidate, Hold, Mode, Phase, Plan, Policy, Report, dry_run},
    sense::Level,
    trigger::Cause,
};

/// A round that is made once more. For each of these there is a lock that was revoked, so that there
/// are no more of them than there were locks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owed {
    at: Duration,
    order: Order,
}

impl Regulator {
    /// Begins to take back the locks that keep a round from its aim, where room is short.
    pub(super) fn take_back(
        &self,
        now: Duration,
        terms: &Terms,
        look: &Look,
        order: Order,
        report: &Report,
    ) {
        let missed = report.blocked_by_locks() as usize;
        if missed == 0 || !order.may_take_back {
            return;
        }
        let Some(patience) = patience(terms, report) else { return };
        let in_the_way = self.in_the_way(now, terms, look, report, missed);
        let connections = missed.min(in_the_way.len());
        let (over_quota, why) = (terms.over, "room is short");
        let plan = RevocationPlan { connections, patience, over_quota, why };
        let is_one = |connection: &LiveConnection| in_the_way.contains(&connection.rank());
        let revocations = self.locks.revoke_among(now, plan, is_one);
        // Not before they are void: a lock may have been asked for at a later moment than this round.
        let until = revocations.iter().map(|revocation| revocation.notice().until).max();
        let Some(at) = until else { return };
        let aim = match order.aim {
            Aim::Room(_) => Aim::Room(u32::try_from(connections).unwrap_or(u32::MAX)),
            aim => aim,
        };
        let owed = Owed { at, order: Order { aim, ..order } };
        unpoisoned(&self.owed).push(owed);
        self.outbox.put(revocations.into_iter().map(Action::Revoke));
    }

    /// Makes the rounds once more whose holders of locks had their time; those that a trigger asked for
    /// only down to where it would ask for now.
    pub(super) fn follow_up(&self, now: Duration) {
        let due: Vec<_> = unpoisoned(&self.owed).extract_if(.., |owed| owed.at <= now).collect();
        for Owed { mut order, .. } in due {
            if let Aim::Leave(target) = &mut order.aim {
                if order.mode != Mode::Emergency && !order.causes.contains(Cause::Manual) {
                    *target = (*target).max(self.share().low());
                }
                if self.live() <= *target {
                    continue;
                }
            }
            let turn = unpoisoned(&self.round);
            self.make(&turn, now, order);
        }
    }

    /// When to make the next one of those.
    pub(super) fn next_follow_up(&self) -> Option<Duration> {
        unpoisoned(&self.owed).iter().map(|owed| owed.at).min()
    }

    /// The [ranks](LiveConnection::rank) of the locked connections that such a round could close if they
    /// were not locked; of protected ones only if there are not so many others.
    fn in_the_way(
        &self,
        now: Duration,
        terms: &Terms,
        look: &Look,
        report: &Report,
        missed: usize,
    ) -> HashSet<(u32, u16)> {
        let gone: HashSet<u32> = report.closed.iter().map(|closing| closing.key).collect();
        let rest = look.rows.iter().zip(&look.ids).filter(|(row, _)| !gone.contains(&row.key));
        let rows: Vec<_> = rest.map(|(row, id)| self.unlocked(now, *row, *id)).collect();
        let plan = self.plan(now, terms, Aim::Leave(0), report.mode, None);
        let plan = Plan { policy: Policy { close: 10_000, ..plan.policy }, ..plan };
        let would_go = dry_run(&rows, &plan);
        let is_locked =
            |key: u32| look.rows.get(key as usize).map(|row| row.hold) == Some(Hold::Locked);
        let of = |is_last: bool| {
            let closed = would_go.closed.iter();
            let closed =
                closed.filter(move |closing| (closing.phase == Phase::Protected) == is_last);
            closed.map(|closing| closing.key).filter(|key| is_locked(*key))
        };
        let rank = |key: u32| {
            let id = look.ids.get(key as usize)?;
            self.table.look(*id, |held| held.live.rank())
        };
        let mut ranks: HashSet<_> = of(false).filter_map(rank).collect();
        if ranks.len() < missed {
            ranks.extend(of(true).filter_map(rank));
        }
        ranks
    }

    /// What a row would be without its locks.
    fn unlocked(&self, now: Duration, row: Candidate, id: ConnectionId) -> Candidate {
        if row.hold != Hold::Locked {
            return row;
        }
        let peer = self.table.look(id, |held| held.peer.clone());
        let is_protected = peer.is_some_and(|peer| self.manager.is_protected(&peer, None));
        let hold = if is_protected { Hold::Protected } else { self.hold_by_age(now, row.opened) };
        Candidate { hold, ..row }
    }
}

/// How long holders have; none where room is not short.
fn patience(terms: &Terms, report: &Report) -> Option<Duration> {
    let left = report.live.saturating_sub(report.closed.len() as u32);
    match (terms.level, report.mode) {
        (Level::Critical, _) | (_, Mode::Emergency) => Some(RevocationPlan::PATIENCE_CRITICAL),
        (Level::High, _) => Some(RevocationPlan::PATIENCE_HIGH),
        _ if left > terms.share.soft() => Some(RevocationPlan::PATIENCE_HIGH),
        _ => None,
    }
}
