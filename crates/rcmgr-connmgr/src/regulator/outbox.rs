//! Decisions that wait to be handed out, and those of which it is not told that they were followed.

use std::{collections::VecDeque, sync::Mutex, time::Duration};

use super::{Action, Eviction, unpoisoned};
use crate::{SettingsError, error::period};

/// What [`Regulator::poll`](super::Regulator::poll) hands out. A connection is in it once, whether its
/// eviction was handed out or not.
#[derive(Debug)]
pub(super) struct Outbox {
    again: Duration,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Not handed out yet.
    new: Vec<Action>,
    /// When to hand out again, ascending.
    told: VecDeque<(Duration, Eviction)>,
}

impl Outbox {
    pub fn new(again: Duration) -> Result<Outbox, SettingsError> {
        period("the time after which a decision is handed out once more", again)?;
        Ok(Outbox { again, waiting: Mutex::default() })
    }

    pub fn put(&self, actions: impl IntoIterator<Item = Action>) {
        unpoisoned(&self.waiting).new.extend(actions);
    }

    /// When something is to be handed out again.
    pub fn next_due(&self) -> Option<Duration> {
        unpoisoned(&self.waiting).told.front().map(|(due, _)| *due)
    }

    /// What is to be done now. Evictions of connections that are not closing any more are left out.
    /// Says of each that is handed out again.
    pub fn take(
        &self,
        now: Duration,
        is_closing: impl Fn(&Eviction) -> bool,
        mut again: impl FnMut(&Eviction),
    ) -> Vec<Action> {
        let mut actions = Vec::new();
        let mut evictions = Vec::new();
        let mut waiting = unpoisoned(&self.waiting);
        let due = waiting.told.iter().take_while(|(due, _)| *due <= now).count();
        evictions.extend(waiting.told.drain(..due).map(|(_, eviction)| (true, eviction)));
        for action in std::mem::take(&mut waiting.new) {
            match action {
                Action::Close(eviction) => evictions.push((false, eviction)),
                other => actions.push(other),
            }
        }
        drop(waiting);
        evictions.retain(|(_, eviction)| is_closing(eviction));
        evictions.iter().filter(|(told, _)| *told).for_each(|(_, eviction)| again(eviction));
        let due = now.saturating_add(self.again);
        let told = evictions.iter().map(|(_, eviction)| (due, eviction.clone()));
        unpoisoned(&self.waiting).told.extend(told);
        actions.extend(evictions.into_iter().map(|(_, eviction)| Action::Close(eviction)));
        actions
    }
}
