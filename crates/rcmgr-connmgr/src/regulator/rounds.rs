//! Rounds: made one at a time, over copied rows, closing by one exchange of a word each.

use std::{collections::HashMap, sync::MutexGuard, time::Duration};

use super::{
    Action, Eviction, Regulator, RegulatorEvent, RoundReport, look::Look, steering::Terms,
    unpoisoned,
};
use crate::{
    ConnectionId, Peer,
    observe::Made,
    round::{Aim, Candidate, Mode, Newcomer, Plan, Report, Stretch, arbitrate, dry_run},
    trigger::{Cause, Causes},
};

/// A round that is to be made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Order {
    pub aim: Aim,
    pub mode: Mode,
    pub newcomer: Option<Newcomer>,
    pub causes: Causes,
    /// Whether locks that are in the way may be taken back.
    pub may_take_back: bool,
}

impl Order {
    /// One that somebody asked for.
    fn manual(aim: Aim, mode: Mode) -> Order {
        let causes = Causes::NONE.with(Cause::Manual);
        let may_take_back = !matches!(aim, Aim::Offenders(_));
        Order { aim, mode, newcomer: None, causes, may_take_back }
    }
}

impl Regulator {
    /// Makes a round, after any that is under way. What goes is handed out by [`Regulator::poll`], and
    /// told here.
    pub fn regulate(&self, now: Duration, aim: Aim, mode: Mode) -> RoundReport {
        let now = self.pass(now);
        let turn = unpoisoned(&self.round);
        let report = self.make(&turn, now, Order::manual(aim, mode));
        drop(turn);
        self.wake.wake();
        report
    }

    /// What [`Regulator::regulate`] would close now. Nothing is closed, and no lock is taken back.
    #[must_use]
    pub fn dry_run(&self, now: Duration, aim: Aim, mode: Mode) -> RoundReport {
        let now = self.pass(now);
        let Order { newcomer, causes, .. } = Order::manual(aim, mode);
        let terms = self.terms(now);
        let look = self.look(now, &terms.voices);
        let report = dry_run(&look.rows, &self.plan(now, &terms, aim, mode, newcomer));
        let peer = |id| self.table.look(id, |held| held.peer.clone());
        let evictions = evictions(&report, &look, peer);
        RoundReport { at: now, causes, evictions, report }
    }

    /// Makes a round, for who holds the turn. What it decides is in the outbox.
    pub(super) fn make(
        &self,
        turn: &MutexGuard<'_, ()>,
        now: Duration,
        order: Order,
    ) -> RoundReport {
        self.make_among(turn, now, order, |_, _| ())
    }

    /// Makes a round after rows were changed.
    pub(super) fn make_among(
        &self,
        _turn: &MutexGuard<'_, ()>,
        now: Duration,
        order: Order,
        mut change: impl FnMut(ConnectionId, &mut Candidate),
    ) -> RoundReport {
        let Order { aim, mode, newcomer, causes, .. } = order;
        let began = self.stopwatch.map(|stopwatch| stopwatch());
        let terms = self.terms(now);
        let mut look = self.look(now, &terms.voices);
        look.rows.iter_mut().zip(&look.ids).for_each(|(row, id)| change(*id, row));
        let plan = self.plan(now, &terms, aim, mode, newcomer);
        let is_pressed = !causes.iter().all(Cause::stretches);
        let stretch = if is_pressed { Stretch::NONE } else { terms.stretch };
        let plan = Plan { stretch, ..plan };
        let mut peers = Vec::new();
        let report = arbitrate(&look.rows, &plan, |key| {
            let closed = look.ids.get(key as usize).and_then(|id| self.try_close(*id, mode));
            let is_closed = closed.is_some();
            peers.extend(closed);
            is_closed
        });
        // They are told in the order in which they were closed.
        let mut peers = peers.into_iter();
        let evictions = evictions(&report, &look, |_| peers.next());
        let took =
            self.stopwatch.zip(began).map(|(stopwatch, began)| stopwatch().saturating_sub(began));
        self.note(now, causes, took.unwrap_or_default(), &terms, &report, &evictions);
        self.outbox.put(evictions.iter().cloned().map(Action::Close));
        self.take_back(now, &terms, &look, order, &report);
        if matches!(aim, Aim::Leave(_)) && stretch != Stretch::NONE && report.wanted == 0 {
            unpoisoned(&self.steering).triggers.settled(report.live, terms.share.soft());
        }
        RoundReport { at: now, causes, evictions, report }
    }

    /// What rounds go by now.
    pub(super) fn terms(&self, now: Duration) -> Terms {
        unpoisoned(&self.steering).terms(now, &self.table)
    }

    /// Takes a connection out of use, unless it is locked, closed, or protected since the round saw it.
    /// Whose it is.
    pub(super) fn try_close(&self, id: ConnectionId, mode: Mode) -> Option<Peer> {
        let (peer, live) = self.table.look(id, |held| (held.peer.clone(), held.live.clone()))?;
        if mode != Mode::Emergency && self.manager.is_protected(&peer, None) {
            return None;
        }
        live.prune().ok()?;
        self.table.change(id, |held| held.closing = true)?;
        Some(peer)
    }

    fn note(
        &self,
        at: Duration,
        causes: Causes,
        took: Duration,
        terms: &Terms,
        report: &Report,
        evictions: &[Eviction],
    ) {
        let Terms { level, pressure, .. } = *terms;
        let made = Made { at, causes, took, level, pressure, report };
        let whose: HashMap<_, _> =
            report.closed.iter().map(|closing| closing.key).zip(evictions).collect();
        let who = |key| whose.get(&key).map(|gone| (gone.peer.clone(), gone.connection));
        let summary = unpoisoned(&self.journal).note(&made, who);
        self.events.send(RegulatorEvent::Round(summary));
    }
}

/// Whom a report is about.
fn evictions(
    report: &Report,
    look: &Look,
    mut peer: impl FnMut(ConnectionId) -> Option<Peer>,
) -> Vec<Eviction> {
    let eviction = |closing: &crate::round::Closing| {
        let connection = *look.ids.get(closing.key as usize)?;
        let peer = peer(connection)?;
        Some(Eviction { peer, connection, phase: closing.phase, worth: closing.worth })
    };
    report.closed.iter().filter_map(eviction).collect()
}
