//! The scorers of all protocols: asked about a bounded batch of streams at a time, on a thread that
//! is given up when one of them hangs.

mod answer;
mod settings;
mod thread;
mod threads;

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    num::NonZeroUsize,
    sync::Arc,
    time::Duration,
};

pub use self::{
    answer::{ScorerAnswer, ScorerCounts, ScorerRefused},
    settings::ScorerSettings,
};
use self::{
    thread::{Done, Job},
    threads::Threads,
};
use crate::{
    Scorer, SettingsError, StreamView,
    error::period,
    quota::Slot,
    scorer::{Evaluation, ScorerEnd, evaluate},
};

/// How many batches may be without an answer: one for each protocol.
const MOST_ASKED: usize = 64;

/// What is known of one protocol's scorer.
struct Entry {
    scorer: Arc<dyn Scorer>,
    /// Tells it from one that had the slot before.
    number: u64,
    state: State,
    counts: ScorerCounts,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Ready,
    Asked,
    Resting(Duration),
    Hangs,
}

/// A batch that is not answered yet.
struct Asked {
    slot: Slot,
    number: u64,
    at: Duration,
    views: Arc<[StreamView]>,
}

/// For how long a scorer rests that panics.
const REST_AFTER_PANICS: Duration = Duration::from_secs(10);

/// How often to look whether a scorer that hung is back.
const LOOK_FOR_STUCK: Duration = Duration::from_secs(10);

/// For how long a scorer rests that took so long.
fn rest_after(took: Duration) -> Duration {
    took.saturating_mul(100).clamp(Duration::from_secs(1), Duration::from_secs(600))
}

impl Entry {
    /// Notes what came of a batch, and makes it the answer.
    fn conclude(&mut self, now: Duration, asked: Asked, done: Done) -> ScorerAnswer {
        let Done { evaluation: Evaluation { scores, panics, end }, took } = done;
        self.state = match end {
            ScorerEnd::All | ScorerEnd::NoThread => State::Ready,
            ScorerEnd::Budget => State::Resting(now.saturating_add(rest_after(took))),
            ScorerEnd::Panics => State::Resting(now.saturating_add(REST_AFTER_PANICS)),
            ScorerEnd::Hung => State::Hangs,
        };
        self.counts.scores += scores.len() as u64;
        self.counts.panics += u64::from(panics);
        self.counts.overruns += u64::from(matches!(end, ScorerEnd::Budget | ScorerEnd::Panics));
        self.counts.hangs += u64::from(end == ScorerEnd::Hung);
        ScorerAnswer { slot: asked.slot, at: asked.at, end, views: asked.views, scores }
    }

    /// Notes that a batch comes to nothing.
    fn fail(&mut self, now: Duration, asked: Asked, end: ScorerEnd) -> ScorerAnswer {
        let evaluation = Evaluation { scores: Vec::new(), panics: 0, end };
        self.conclude(now, asked, Done { evaluation, took: Duration::ZERO })
    }
}

/// The scorer that was asked, if it is still that of its protocol.
fn owner<'e>(entries: &'e mut BTreeMap<Slot, Entry>, asked: &Asked) -> Option<&'e mut Entry> {
    entries.get_mut(&asked.slot).filter(|entry| entry.number == asked.number)
}

/// The scorers of enrolled protocols.
///
/// A scorer is code of others: it may panic, be slow, or never come back, and nothing can stop it
/// from outside. So it runs on a thread apart, one batch of streams at a time, and nobody waits for
/// it: [`ask`](Scorers::ask) hands a batch over, [`poll`](Scorers::poll) fetches what is answered,
/// and a round goes by the [scores it has](super::CachedScore). All scorers share the thread.
/// - A panic scores [`Score::INDIFFERENT`](crate::Score::INDIFFERENT). After four over one batch the scorer rests for 10 s.
/// - A scorer that exceeds [its budget](ScorerSettings::budget) rests for a hundred times as long as
///   it took, between 1 s and 10 min, so that it takes about a hundredth of a core at most.
/// - When a scorer hangs, its thread is left to it, and the batches that waited go on on another.
///   The scorer is not asked again before it comes back from where it hangs, and then rests as if
///   it had taken [that long](ScorerSettings::hang). There are never more threads than
///   [settings](ScorerSettings::threads) say.
///
/// Tests and simulations take [inline](Scorers::inline) scorers instead: with no thread or clock,
/// the same calls have the same answers.
///
/// A thread that hangs when this is dropped stays until the program ends.
///
/// ```
/// use std::{num::NonZeroUsize, sync::Arc, time::Duration};
/// use rcmgr_connmgr::{
///     ConnectionId, Direction, Peer, Score, StreamId, StreamView, quota::Slot, scoring::Scorers,
/// };
///
/// let slot = Slot::new(0).expect("below 64");
/// let mut scorers = Scorers::inline(NonZeroUsize::MIN);
/// scorers.set(slot, Arc::new(|view: &StreamView| Score::new(view.bytes_in as i64)));
/// let now = Duration::from_secs(1);
/// let view = StreamView {
///     peer: Peer::new(b"peer")?,
///     connection: ConnectionId(1),
///     stream: StreamId(1),
///     direction: Direction::Outbound,
///     age: Duration::from_secs(9),
///     idle: Duration::ZERO,
///     bytes_in: 300,
///     bytes_out: 20,
///     round_trip: None,
///     open_streams: 1,
///     in_burst: false,
///     tags: 0,
/// };
/// scorers.ask(now, slot, vec![view])?;
/// let answers = scorers.poll(now);
/// let scores: Vec<_> = answers[0].scores().collect();
/// assert_eq!(scores, [(ConnectionId(1), StreamId(1), Score::new(300))]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Scorers {
    entries: BTreeMap<Slot, Entry>,
    /// In the order they are run.
    queue: VecDeque<Asked>,
    batch: usize,
    /// `None`: scorers are called where `poll` is.
    threads: Option<Threads>,
    numbers: u64,
    now: Duration,
}

impl Scorers {
    /// No scorers yet; those that are set run on a thread, which is started when it is needed.
    /// After each batch the thread calls `wake`, upon which there is something to poll for. What
    /// that does must be quick and must not wait.
    ///
    /// # Errors
    /// [`ScorerSettings::hang`] is zero.
    pub fn threaded(
        settings: ScorerSettings,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> Result<Scorers, SettingsError> {
        period("the time after which a scorer hangs", settings.hang)?;
        let threads = Some(Threads::new(settings, Arc::new(wake)));
        Ok(Scorers { threads, ..Scorers::inline(settings.batch) })
    }

    /// No scorers yet; those that are set are called by [`poll`](Scorers::poll), about at most
    /// `batch` streams at a time. They have all the time they want: one that hangs, hangs there.
    pub fn inline(batch: NonZeroUsize) -> Scorers {
        Scorers {
            entries: BTreeMap::new(),
            queue: VecDeque::new(),
            batch: batch.get(),
            threads: None,
            numbers: 0,
            now: Duration::ZERO,
        }
    }

    /// Sets the scorer of a protocol, and hands back the one before. What that was asked stays
    /// without an answer, and whether it hung no longer matters; the counts go on.
    pub fn set(&mut self, slot: Slot, scorer: Arc<dyn Scorer>) -> Option<Arc<dyn Scorer>> {
        self.numbers += 1;
        let counts = self.counts(slot);
        let entry = Entry { scorer, number: self.numbers, state: State::Ready, counts };
        self.entries.insert(slot, entry).map(|before| before.scorer)
    }

    /// Takes the scorer of a protocol away, with its counts. What it was asked stays without an
    /// answer.
    pub fn remove(&mut self, slot: Slot) -> Option<Arc<dyn Scorer>> {
        self.entries.remove(&slot).map(|before| before.scorer)
    }

    /// How often a protocol's scorer was called, and what went wrong.
    pub fn counts(&self, slot: Slot) -> ScorerCounts {
        self.entries.get(&slot).map_or(ScorerCounts::default(), |entry| entry.counts)
    }

    /// About how many streams a protocol's scorer may be asked now.
    ///
    /// # Errors
    /// It may not be asked. [`ScorerRefused::NoThread`] shows only when it is.
    pub fn room(&self, now: Duration, slot: Slot) -> Result<usize, ScorerRefused> {
        let entry = self.entries.get(&slot).ok_or(ScorerRefused::NoScorer)?;
        match entry.state {
            State::Asked => Err(ScorerRefused::Asked),
            State::Hangs => Err(ScorerRefused::Hangs),
            State::Resting(until) if self.now.max(now) < until => {
                Err(ScorerRefused::Resting { until })
            }
            // Batches of scorers that were replaced may still be queued.
            _ if self.queue.len() >= MOST_ASKED => Err(ScorerRefused::Asked),
            State::Ready | State::Resting(_) => Ok(self.batch),
        }
    }

    /// Asks a protocol's scorer about streams as they are now. If it is not replaced meanwhile,
    /// there will be one answer.
    ///
    /// # Errors
    /// It is not asked, and why. `views` is dropped.
    pub fn ask(
        &mut self,
        now: Duration,
        slot: Slot,
        views: Vec<StreamView>,
    ) -> Result<(), ScorerRefused> {
        let now = self.pass(now);
        let most = self.room(now, slot)?;
        if views.len() > most {
            return Err(ScorerRefused::TooMany { most });
        }
        let entry = self.entries.get_mut(&slot).ok_or(ScorerRefused::NoScorer)?;
        let asked = Asked { slot, number: entry.number, at: now, views: views.into() };
        if let Some(threads) = &mut self.threads {
            let job = Job { scorer: entry.scorer.clone(), views: asked.views.clone() };
            threads.send(now, self.queue.is_empty(), job)?;
        }
        entry.state = State::Asked;
        self.queue.push_back(asked);
        Ok(())
    }

    /// Fetches what was answered, and gives up a thread whose scorer hangs. For that it has to be
    /// called at [`next_due`](Scorers::next_due), and otherwise whenever scores are wanted.
    #[must_use]
    pub fn poll(&mut self, now: Duration) -> Vec<ScorerAnswer> {
        let now = self.pass(now);
        let mut answers = Vec::new();
        let Some(threads) = &mut self.threads else {
            for asked in std::mem::take(&mut self.queue) {
                let Some(entry) = owner(&mut self.entries, &asked) else { continue };
                let evaluation = evaluate(&*entry.scorer, &asked.views, || true);
                answers.push(entry.conclude(now, asked, Done { evaluation, took: Duration::ZERO }));
            }
            return answers;
        };
        while let Some(done) = threads.next_done()
            && let Some(asked) = self.queue.pop_front()
        {
            let entry = owner(&mut self.entries, &asked);
            answers.extend(entry.map(|entry| entry.conclude(now, asked, done)));
        }
        for number in threads.returned() {
            let hung = self.entries.values_mut().find(|entry| entry.number == number);
            if let Some(entry) = hung {
                entry.state = State::Resting(now.saturating_add(rest_after(threads.settings.hang)));
            }
        }
        if !self.queue.is_empty() && threads.hangs(now) {
            self.leave_thread(now, &mut answers);
        }
        answers
    }

    /// When to poll at the latest; `None`: not before something is asked.
    pub fn next_due(&self) -> Option<Duration> {
        let asked = !self.queue.is_empty();
        let Some(threads) = &self.threads else { return asked.then_some(self.now) };
        let hang = if asked { threads.next_hang() } else { None };
        let back = threads.any_stuck().then(|| self.now.saturating_add(LOOK_FOR_STUCK));
        hang.into_iter().chain(back).min()
    }

    /// Leaves the thread to the scorer that hangs on it, and goes on with the others on another.
    fn leave_thread(&mut self, now: Duration, answers: &mut Vec<ScorerAnswer>) {
        let mut left = std::mem::take(&mut self.queue).into_iter();
        let (Some(threads), Some(hung)) = (&mut self.threads, left.next()) else { return };
        threads.abandon(hung.number);
        let entry = owner(&mut self.entries, &hung);
        answers.extend(entry.map(|entry| entry.fail(now, hung, ScorerEnd::Hung)));
        for asked in left {
            let Some(entry) = owner(&mut self.entries, &asked) else { continue };
            let job = Job { scorer: entry.scorer.clone(), views: asked.views.clone() };
            match threads.send(now, self.queue.is_empty(), job) {
                Ok(()) => self.queue.push_back(asked),
                Err(_) => answers.push(entry.fail(now, asked, ScorerEnd::NoThread)),
            }
        }
    }

    fn pass(&mut self, now: Duration) -> Duration {
        self.now = self.now.max(now);
        self.now
    }
}

impl fmt::Debug for Scorers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slots = self.entries.keys().map(|slot| slot.index());
        f.debug_set().entries(slots).finish()
    }
}

#[cfg(test)]
mod tests;
