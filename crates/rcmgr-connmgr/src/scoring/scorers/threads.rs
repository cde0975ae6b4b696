//! The thread that scorers run on now, and those that were left to scorers that hang.

use std::{thread::JoinHandle, time::Duration};

use super::{
    ScorerSettings,
    thread::{Done, Job, Thread, Wake},
};
use crate::scoring::ScorerRefused;

/// One thread at most that is in use, and those that were given up.
pub(super) struct Threads {
    pub settings: ScorerSettings,
    wake: Wake,
    current: Option<Current>,
    stuck: Vec<Stuck>,
}

/// The thread in use.
struct Current {
    thread: Thread,
    /// Its last beat that was seen.
    beat: u64,
    /// When that was seen first, while there was something to do.
    since: Duration,
}

/// A thread that was given up.
struct Stuck {
    handle: JoinHandle<()>,
    /// The number of the scorer that it was left to.
    number: u64,
}

impl Threads {
    /// None yet.
    pub fn new(settings: ScorerSettings, wake: Wake) -> Threads {
        Threads { settings, wake, current: None, stuck: Vec::new() }
    }

    /// Hands over a job; whether it is the first, with none before it to wait for.
    pub fn send(&mut self, now: Duration, first: bool, job: Job) -> Result<(), ScorerRefused> {
        let current = match &mut self.current {
            Some(current) => current,
            None => {
                let thread = self.start().ok_or(ScorerRefused::NoThread)?;
                self.current.insert(Current { thread, beat: 0, since: now })
            }
        };
        if first {
            (current.beat, current.since) = (current.thread.beat(), now);
        }
        if current.thread.send(job).is_ok() {
            return Ok(());
        }
        // A thread that takes nothing is gone. Where it leaves jobs, that shows as a scorer that
        // hangs.
        if first {
            self.current = None;
        }
        Err(ScorerRefused::NoThread)
    }

    fn start(&self) -> Option<Thread> {
        if self.stuck.len() >= self.settings.threads.get() {
            return None;
        }
        Thread::start(self.settings.budget, self.wake.clone()).ok()
    }

    /// What came of the next job, if it is done; in the order of the jobs.
    pub fn next_done(&self) -> Option<Done> {
        self.current.as_ref()?.thread.next_done()
    }

    /// Whether the scorer of the first job that is not done hangs. Asked only when all that was
    /// done before is fetched.
    pub fn hangs(&mut self, now: Duration) -> bool {
        let Some(current) = &mut self.current else { return false };
        let beat = current.thread.beat();
        if beat != current.beat {
            (current.beat, current.since) = (beat, now);
        }
        // Without a beat since, nothing was done since: the job whose scorer is out is the same
        // one all the time.
        now.saturating_sub(current.since) >= self.settings.hang
    }

    /// When [`hangs`](Threads::hangs) can be true, if nothing moves until then.
    pub fn next_hang(&self) -> Option<Duration> {
        let since = self.current.as_ref()?.since;
        Some(since.saturating_add(self.settings.hang))
    }

    /// Whether a thread was given up and did not come back.
    pub fn any_stuck(&self) -> bool {
        !self.stuck.is_empty()
    }

    /// Leaves the thread to the scorer of that number.
    pub fn abandon(&mut self, number: u64) {
        let current = self.current.take();
        self.stuck.extend(current.map(|it| Stuck { handle: it.thread.abandon(), number }));
    }

    /// The numbers of scorers that came back from where they hung, which frees their threads.
    pub fn returned(&mut self) -> Vec<u64> {
        let back = self.stuck.extract_if(.., |stuck| stuck.handle.is_finished());
        back.map(|stuck| stuck.number).collect()
    }
}
