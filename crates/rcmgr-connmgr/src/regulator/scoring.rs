//! Scorers, and when they are asked about which streams.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use super::{Regulator, RegulatorEvent, Scoring, unpoisoned, wake::Wake};
use crate::{
    Scorer, SettingsError, StreamView,
    quota::{NotEnrolled, Slot},
    scoring::{ScorerCounts, ScorerEnd, Scorers},
};

/// How often each scorer is asked, at least.
const EVERY: Duration = Duration::from_secs(5);

/// How soon it is asked again where there was more than a batch.
const SOON: Duration = Duration::from_millis(100);

/// A score is asked for again when it is as old as this; it counts for 60 s.
const OLD: Duration = Duration::from_secs(20);

/// The scorers, under one lock.
#[derive(Debug)]
pub(super) struct Scorings(Mutex<State>);

#[derive(Debug)]
struct State {
    scorers: Scorers,
    /// Where a protocol's next batch begins, by shard, and when it is due.
    next: [Option<Next>; 64],
}

#[derive(Clone, Copy, Debug)]
struct Next {
    shard: usize,
    due: Duration,
}

/// A protocol whose streams are to be scored.
#[derive(Clone, Copy, Debug)]
struct Due {
    slot: Slot,
    /// Where to begin.
    shard: usize,
    /// How many streams its scorer may be asked about; 0 where it may not be asked.
    room: usize,
}

impl State {
    fn due(&self, now: Duration) -> Vec<Due> {
        let slots = self.next.iter().zip((0..).map_while(Slot::new));
        let due = slots.filter_map(|(next, slot)| {
            let next = next.filter(|next| next.due <= now)?;
            let room = self.scorers.room(now, slot).unwrap_or(0);
            Some(Due { slot, shard: next.shard, room })
        });
        due.collect()
    }
}

impl Scorings {
    pub fn new(scoring: Scoring, wake: &Arc<Wake>) -> Result<Scorings, SettingsError> {
        let scorers = match scoring {
            Scoring::Inline(batch) => Scorers::inline(batch),
            Scoring::Threaded(settings) => {
                let wake = wake.clone();
                Scorers::threaded(settings, move || wake.wake())?
            }
        };
        Ok(Scorings(Mutex::new(State { scorers, next: [None; 64] })))
    }

    /// Sets a scorer, if its protocol is enrolled.
    pub fn set(
        &self,
        slot: Slot,
        scorer: Arc<dyn Scorer>,
        is_enrolled: impl FnOnce() -> bool,
    ) -> Result<(), NotEnrolled> {
        let mut state = unpoisoned(&self.0);
        // Under the lock, which who releases the protocol takes after it stored the directory.
        if !is_enrolled() {
            return Err(NotEnrolled);
        }
        let before = state.scorers.set(slot, scorer);
        state.next[slot.index()] = Some(Next { shard: 0, due: Duration::ZERO });
        drop(state);
        // It is the caller's, and may do anything when it goes.
        drop(before);
        Ok(())
    }

    pub fn remove(&self, slot: Slot) {
        let mut state = unpoisoned(&self.0);
        state.next[slot.index()] = None;
        let before = state.scorers.remove(slot);
        drop(state);
        drop(before);
    }

    pub fn counts(&self, slot: Slot) -> ScorerCounts {
        unpoisoned(&self.0).scorers.counts(slot)
    }

    pub fn next_due(&self) -> Option<Duration> {
        let state = unpoisoned(&self.0);
        let asked = state.next.iter().flatten().map(|next| next.due);
        asked.chain(state.scorers.next_due()).min()
    }
}

impl Regulator {
    /// Fetches scores, and asks for those that are old.
    pub(super) fn score(&self, now: Duration) {
        self.fetch(now);
        let due = unpoisoned(&self.scorings.0).due(now);
        if !due.is_empty() {
            due.into_iter().for_each(|due| self.ask(now, due));
            self.fetch(now);
        }
    }

    fn fetch(&self, now: Duration) {
        let answers = unpoisoned(&self.scorings.0).scorers.poll(now);
        for answer in answers {
            if answer.end != ScorerEnd::All {
                self.events.send(RegulatorEvent::Scorer { slot: answer.slot, end: answer.end });
            }
            for (connection, stream, score) in answer.scores() {
                self.table.change(connection, |held| {
                    held.record(stream, answer.slot, answer.at, score);
                });
            }
        }
    }

    fn ask(&self, now: Duration, due: Due) {
        let Due { slot, shard, room } = due;
        let (views, end) = self.old(now, slot, shard, room);
        let after = if room > 0 && views.len() >= room { SOON } else { EVERY };
        let mut state = unpoisoned(&self.scorings.0);
        if let Some(next) = &mut state.next[slot.index()] {
            *next = Next { shard: end, due: now.saturating_add(after) };
        }
        if !views.is_empty() {
            // It may rest or hang since. Then there are no scores, and it is asked again.
            let _ = state.scorers.ask(now, slot, views);
        }
    }

    /// Up to `most` streams of a protocol whose scores are old, from one shard on; the shard to begin
    /// with the next time.
    fn old(
        &self,
        now: Duration,
        slot: Slot,
        begin: usize,
        most: usize,
    ) -> (Vec<StreamView>, usize) {
        let mut views = Vec::new();
        let shards = self.table.shards();
        let mut end = begin;
        for at in 0..shards {
            if views.len() >= most {
                break;
            }
            end = (begin + at) % shards;
            let left = most - views.len();
            let shard = self.table.shard(end);
            let old = shard.iter().flat_map(|(id, held)| held.views(id, slot, now, OLD));
            views.extend(old.take(left));
        }
        for view in &mut views {
            view.tags = self.manager.standing(&view.peer).tags;
        }
        (views, end)
    }
}
