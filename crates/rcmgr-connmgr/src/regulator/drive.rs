//! What a regulator does in its time.

use std::{sync::atomic::Ordering::Relaxed, time::Duration};

use super::{Action, Eviction, Regulator, RegulatorEvent, rounds::Order, unpoisoned};
use crate::{round::Aim, trigger::Request};

/// How soon it looks at how fast connections come.
const LOOK_AT_RATE: Duration = Duration::from_secs(1);

impl Regulator {
    /// Does what is due, and gives what the caller is to do.
    pub fn poll(&self, now: Duration) -> Vec<Action> {
        let now = self.pass(now);
        self.wake.begin();
        while self.manager.poll(now).is_some() {}
        self.taken(self.locks.poll(now));
        let ended = unpoisoned(&self.bursts).poll(now);
        for ended in ended {
            self.settle(&ended);
            self.outbox.put([Action::BurstEnded(ended)]);
        }
        self.score(now);
        self.forget_unused(now);
        if let Some(request) = self.steer(now) {
            self.serve(now, &request);
            unpoisoned(&self.steering).triggers.finished();
        }
        self.follow_up(now);
        self.close_lingering(now);
        let is_closing = |eviction: &Eviction| {
            self.table.look(eviction.connection, |held| held.closing).unwrap_or(false)
        };
        self.outbox.take(now, is_closing, |eviction| {
            self.events.send(RegulatorEvent::Again(eviction.connection));
        })
    }

    /// When to poll at the latest; sooner when the [waker](Regulator::set_waker) is called.
    pub fn next_due(&self) -> Option<Duration> {
        let latest = self.pass(Duration::ZERO);
        if self.wake.is_woken() {
            return Some(latest);
        }
        let rate = self.opened.load(Relaxed) > 0;
        // Each with its lock taken and left before the next.
        let parts: [&dyn Fn() -> Option<Duration>; 9] = [
            &|| Some(unpoisoned(&self.steering).triggers.next_due()),
            &|| self.manager.next_due(),
            &|| self.locks.next_due(),
            &|| self.next_follow_up(),
            &|| unpoisoned(&self.bursts).next_due(),
            &|| self.next_lingering(),
            &|| self.scorings.next_due(),
            &|| self.outbox.next_due(),
            &|| rate.then(|| latest.saturating_add(LOOK_AT_RATE)),
        ];
        parts.into_iter().filter_map(|part| part()).min()
    }

    /// Lets share and quotas follow the environment, and gives the round that is to be made.
    fn steer(&self, now: Duration) -> Option<Request> {
        let mut events = Vec::new();
        let mut steering = unpoisoned(&self.steering);
        steering.assess(now, &mut events);
        if !events.is_empty() {
            self.follow(&steering, now);
        }
        let changes = steering.quotas.take_changes();
        steering.triggers.opened(now, self.opened.swap(0, Relaxed));
        let request = steering.request(now, &self.table);
        drop(steering);
        for change in changes {
            events.push(RegulatorEvent::Quota(change));
            self.outbox.put([Action::QuotaChanged(change)]);
        }
        self.tell(events);
        request
    }

    fn serve(&self, now: Duration, request: &Request) {
        let Request { causes, mode, aim, newcomer, pause, dial_less, .. } = *request;
        if let Some(pause) = pause {
            self.outbox.put([Action::Pause { until: now.saturating_add(pause) }]);
        }
        if dial_less {
            self.outbox.put([Action::DialLess]);
        }
        if let Some(aim) = aim {
            let may_take_back = matches!(aim, Aim::Leave(_));
            let turn = unpoisoned(&self.round);
            self.make(&turn, now, Order { aim, mode, newcomer, causes, may_take_back });
        }
    }
}
