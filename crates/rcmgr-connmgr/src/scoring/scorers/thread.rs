//! The thread that calls scorers.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    thread::{Builder, JoinHandle},
    time::{Duration, Instant},
};

use super::MOST_ASKED;
use crate::{
    Scorer, StreamView,
    scorer::{Evaluation, evaluate, guarded},
};

/// What the thread calls when there is something to fetch.
pub(super) type Wake = Arc<dyn Fn() + Send + Sync>;

/// A scorer, and the streams it is asked about.
pub(super) struct Job {
    pub scorer: Arc<dyn Scorer>,
    pub views: Arc<[StreamView]>,
}

/// What came of a job.
pub(super) struct Done {
    pub evaluation: Evaluation,
    pub took: Duration,
}

/// A thread that does one job after another.
pub(super) struct Thread {
    jobs: SyncSender<Job>,
    done: Receiver<Done>,
    beat: Arc<AtomicU64>,
    handle: JoinHandle<()>,
}

impl Thread {
    /// Starts one.
    pub fn start(budget: Duration, wake: Wake) -> io::Result<Thread> {
        // Neither side ever waits to send: no more than that is asked and not answered.
        let (jobs, to_do) = sync_channel(MOST_ASKED);
        let (to_tell, done) = sync_channel(MOST_ASKED);
        let beat = Arc::new(AtomicU64::new(0));
        let beats = beat.clone();
        let work = move || work(&to_do, &to_tell, &beats, budget, &*wake);
        let handle = Builder::new().name("rcmgr-scorers".into()).spawn(work)?;
        Ok(Thread { jobs, done, beat, handle })
    }

    /// Hands over a job.
    pub fn send(&self, job: Job) -> Result<(), TrySendError<Job>> {
        self.jobs.try_send(job)
    }

    /// What came of the next job, if it is done; in the order of the jobs.
    pub fn next_done(&self) -> Option<Done> {
        self.done.try_recv().ok()
    }

    /// A number that is another one whenever a scorer was called or came back.
    pub fn beat(&self) -> u64 {
        // Acquire: pairs with the Release in `work`. Who saw a beat finds what was done before it.
        self.beat.load(Ordering::Acquire)
    }

    /// Lets go of it. It ends when its scorer comes back; no other job is begun.
    pub fn abandon(self) -> JoinHandle<()> {
        self.handle
    }
}

fn work(
    jobs: &Receiver<Job>,
    done: &SyncSender<Done>,
    beat: &AtomicU64,
    budget: Duration,
    wake: &(dyn Fn() + Send + Sync),
) {
    // Release: pairs with the Acquire in `Thread::beat`.
    let beats = || beat.fetch_add(1, Ordering::Release);
    while let Ok(job) = jobs.recv() {
        beats();
        let started = Instant::now();
        let evaluation = evaluate(&*job.scorer, &job.views, || {
            beats();
            started.elapsed() < budget
        });
        let took = started.elapsed();
        // If the scorer was replaced, this drops it, which is code of others too.
        guarded(|| drop(job));
        // Nobody waits for a thread that was abandoned.
        if done.send(Done { evaluation, took }).is_err() {
            break;
        }
        guarded(wake);
    }
}
