//! No test here waits for time to pass: times are made up, and threads are waited for by what they
//! do.

use std::sync::{
    Mutex,
    mpsc::{self, Receiver, Sender},
};

use super::*;
use crate::{Score, scoring::CachedScore, stream::views};

const START: Duration = Duration::from_secs(1);
const HANG: Duration = Duration::from_secs(1);
/// Longer than any rest.
const LONG: Duration = Duration::from_secs(601);

fn slot(number: u8) -> Slot {
    Slot::new(number).unwrap()
}

fn by_number() -> Arc<dyn Scorer> {
    Arc::new(|view: &StreamView| Score::new(view.stream.0 as i64))
}

fn numbers(answer: &ScorerAnswer) -> Vec<i16> {
    answer.scores().map(|(_, _, score)| score.get()).collect()
}

fn inline() -> Scorers {
    Scorers::inline(NonZeroUsize::new(8).unwrap())
}

/// Settings that leave all the time in the world for a batch.
fn patient() -> ScorerSettings {
    ScorerSettings { budget: Duration::MAX, hang: HANG, ..ScorerSettings::default() }
}

/// Scorers on threads, and what tells that a batch is done.
fn threaded(settings: ScorerSettings) -> (Scorers, Receiver<()>) {
    let (wake, woken) = mpsc::channel();
    let scorers = Scorers::threaded(settings, move || wake.send(()).unwrap()).unwrap();
    (scorers, woken)
}

/// A scorer that says when it is called, and comes back when it is told so.
struct Stopper {
    called: Sender<()>,
    go_on: Mutex<Receiver<()>>,
}

impl Scorer for Stopper {
    fn score(&self, _: &StreamView) -> Score {
        self.called.send(()).unwrap();
        // When the test is over there is nobody to say so.
        let _ = self.go_on.lock().unwrap().recv();
        Score::BEST
    }
}

/// One, with the two ends that a test holds.
fn stopper() -> (Arc<dyn Scorer>, Receiver<()>, Sender<()>) {
    let (called, calls) = mpsc::channel();
    let (let_go, go_on) = mpsc::channel();
    (Arc::new(Stopper { called, go_on: Mutex::new(go_on) }), calls, let_go)
}

/// Polls until the scorer may be asked at that time, or not for a reason that time will not mend.
fn poll_while_hanging(scorers: &mut Scorers, now: Duration, slot: Slot) -> ScorerRefused {
    loop {
        assert_eq!(scorers.poll(now), []);
        match scorers.room(now, slot) {
            Err(ScorerRefused::Hangs) => std::thread::yield_now(),
            Err(refused) => return refused,
            Ok(_) => panic!("it has to rest after it hung"),
        }
    }
}

#[test]
fn inline_scorers_answer_at_the_next_poll_in_the_order_asked() {
    let mut scorers = inline();
    for number in [4, 2] {
        assert!(scorers.set(slot(number), by_number()).is_none());
        scorers.ask(START, slot(number), views(3)).unwrap();
    }
    assert_eq!(scorers.next_due(), Some(START));
    let answers = scorers.poll(START + HANG);
    let slots: Vec<_> = answers.iter().map(|answer| answer.slot.index()).collect();
    assert_eq!(slots, [4, 2]);
    assert_eq!(numbers(&answers[0]), [0, 1, 2]);
    assert_eq!((answers[0].at, answers[0].end, answers[0].unscored()), (START, ScorerEnd::All, 0));
    assert_eq!((scorers.next_due(), scorers.poll(START)), (None, vec![]));
    assert_eq!(scorers.counts(slot(4)).scores, 3);
}

#[test]
fn who_has_no_scorer_is_not_asked_and_nobody_twice() {
    let mut scorers = inline();
    assert_eq!(scorers.ask(START, slot(0), views(1)), Err(ScorerRefused::NoScorer));
    scorers.set(slot(0), by_number());
    assert_eq!(scorers.room(START, slot(0)), Ok(8));
    assert_eq!(scorers.ask(START, slot(0), views(9)), Err(ScorerRefused::TooMany { most: 8 }));
    scorers.ask(START, slot(0), views(8)).unwrap();
    assert_eq!(scorers.ask(START, slot(0), views(1)), Err(ScorerRefused::Asked));
    assert_eq!(scorers.poll(START).len(), 1);
    scorers.ask(START, slot(0), views(1)).unwrap();
}

#[test]
fn a_scorer_that_panics_on_and_on_rests_and_its_streams_keep_what_they_have() {
    let mut scorers = inline();
    scorers.set(slot(0), Arc::new(|_: &StreamView| -> Score { panic!("always") }));
    let mut cached = [CachedScore::default(); 8];
    cached.iter_mut().for_each(|cached| cached.record(Duration::ZERO, Score::BEST));
    scorers.ask(START, slot(0), views(8)).unwrap();
    let [answer] = &scorers.poll(START)[..] else { panic!("one answer") };
    assert_eq!((answer.end, answer.unscored()), (ScorerEnd::Panics, 4));
    for (_, stream, score) in answer.scores() {
        cached[stream.0 as usize].record(answer.at, score);
    }
    assert_eq!(cached.map(|cached| cached.get(START).get()), [0, 0, 0, 0, 1000, 1000, 1000, 1000]);
    let until = START + Duration::from_secs(10);
    assert_eq!(scorers.ask(START, slot(0), views(1)), Err(ScorerRefused::Resting { until }));
    scorers.ask(until, slot(0), views(1)).unwrap();
    let counts = ScorerCounts { scores: 4, panics: 4, overruns: 1, hangs: 0 };
    assert_eq!(scorers.counts(slot(0)), counts);
}

#[test]
fn a_scorer_that_was_replaced_or_taken_away_does_not_answer() {
    let mut scorers = inline();
    for number in [0, 1] {
        scorers.set(slot(number), by_number());
        scorers.ask(START, slot(number), views(1)).unwrap();
    }
    assert!(scorers.set(slot(0), by_number()).is_some());
    assert!(scorers.remove(slot(1)).is_some());
    assert_eq!(scorers.poll(START), []);
    scorers.ask(START, slot(0), views(2)).unwrap();
    assert_eq!(scorers.poll(START).len(), 1);
}

#[test]
fn replacing_scorers_again_and_again_does_not_make_the_queue_grow() {
    let mut scorers = inline();
    let asked = (0..100).filter(|_| {
        scorers.set(slot(0), by_number());
        scorers.ask(START, slot(0), views(1)).is_ok()
    });
    assert_eq!(asked.count(), MOST_ASKED);
    assert_eq!(scorers.poll(START), []);
    scorers.ask(START, slot(0), views(1)).unwrap();
}

#[test]
fn a_thread_answers_and_wakes() {
    let (mut scorers, woken) = threaded(patient());
    for number in [0, 1] {
        scorers.set(slot(number), by_number());
        scorers.ask(START, slot(number), views(2)).unwrap();
    }
    let mut answers = Vec::new();
    while answers.len() < 2 {
        woken.recv().unwrap();
        answers.extend(scorers.poll(START));
    }
    assert_eq!(answers.iter().map(numbers).collect::<Vec<_>>(), [[0, 1], [0, 1]]);
    assert_eq!(scorers.next_due(), None);
}

#[test]
fn a_scorer_without_time_left_scores_one_stream_and_rests() {
    let (mut scorers, woken) =
        threaded(ScorerSettings { budget: Duration::ZERO, hang: HANG, ..patient() });
    scorers.set(slot(0), by_number());
    scorers.ask(START, slot(0), views(3)).unwrap();
    woken.recv().unwrap();
    let [answer] = &scorers.poll(START)[..] else { panic!("one answer") };
    assert_eq!((numbers(answer), answer.unscored(), answer.end), (vec![0], 2, ScorerEnd::Budget));
    assert!(matches!(
        scorers.ask(START, slot(0), views(1)),
        Err(ScorerRefused::Resting { until }) if until >= START + Duration::from_secs(1)
    ));
    scorers.ask(START + LONG, slot(0), views(1)).unwrap();
    assert_eq!(scorers.counts(slot(0)).overruns, 1);
}

#[test]
fn a_scorer_that_hangs_is_left_behind_and_the_others_go_on() {
    let (mut scorers, woken) = threaded(patient());
    let (hangs, calls, let_go) = stopper();
    scorers.set(slot(0), hangs);
    scorers.set(slot(1), by_number());
    scorers.ask(START, slot(0), views(3)).unwrap();
    scorers.ask(START, slot(1), views(3)).unwrap();
    calls.recv().unwrap();
    // The call is seen first here, and its time counted from here on.
    assert_eq!(scorers.poll(START), []);
    assert_eq!(scorers.next_due(), Some(START + HANG));
    assert_eq!(scorers.poll(START + HANG - Duration::from_nanos(1)), []);
    let [answer] = &scorers.poll(START + HANG)[..] else { panic!("one answer") };
    assert_eq!((answer.slot, answer.end, answer.unscored()), (slot(0), ScorerEnd::Hung, 3));
    woken.recv().unwrap();
    let [answer] = &scorers.poll(START + HANG)[..] else { panic!("one answer") };
    assert_eq!((answer.slot, answer.at, numbers(answer)), (slot(1), START, vec![0, 1, 2]));

    assert_eq!(scorers.ask(START + LONG, slot(0), views(1)), Err(ScorerRefused::Hangs));
    assert!(scorers.next_due().is_some());
    drop(let_go);
    let now = START + LONG;
    let until = now + Duration::from_secs(100);
    assert_eq!(poll_while_hanging(&mut scorers, now, slot(0)), ScorerRefused::Resting { until });
    scorers.ask(until, slot(0), views(1)).unwrap();
    assert_eq!(scorers.counts(slot(0)).hangs, 1);
}

#[test]
fn a_scorer_that_is_slow_and_moves_does_not_hang() {
    let (mut scorers, woken) = threaded(patient());
    let (slow, calls, let_go) = stopper();
    scorers.set(slot(0), slow);
    scorers.ask(START, slot(0), views(5)).unwrap();
    for call in 0..5 {
        calls.recv().unwrap();
        assert_eq!(scorers.poll(START + HANG * call), []);
        let_go.send(()).unwrap();
    }
    woken.recv().unwrap();
    assert_eq!(scorers.poll(START + HANG * 5)[0].unscored(), 0);
}

#[test]
fn where_scorers_hang_on_all_threads_nothing_is_scored_until_one_is_back() {
    let threads = NonZeroUsize::new(2).unwrap();
    let (mut scorers, woken) = threaded(ScorerSettings { threads, ..patient() });
    let mut now = START;
    let mut holds = Vec::new();
    for number in [0, 1] {
        let (hangs, calls, let_go) = stopper();
        scorers.set(slot(number), hangs);
        scorers.set(slot(9), by_number());
        scorers.ask(now, slot(number), views(1)).unwrap();
        scorers.ask(now, slot(9), views(1)).unwrap();
        calls.recv().unwrap();
        assert_eq!(scorers.poll(now), []);
        now += HANG;
        holds.push((let_go, scorers.poll(now)));
    }
    let [(_, first), (_, second)] = &holds[..] else { panic!("two") };
    let ends =
        |answers: &[ScorerAnswer]| answers.iter().map(|answer| answer.end).collect::<Vec<_>>();
    assert_eq!(ends(first), [ScorerEnd::Hung]);
    assert_eq!(ends(second), [ScorerEnd::Hung, ScorerEnd::NoThread]);
    assert_eq!(scorers.ask(now, slot(9), views(1)), Err(ScorerRefused::NoThread));

    // That of the first batch for slot 9 was replaced, so what it made is not told.
    drop(holds);
    poll_while_hanging(&mut scorers, now, slot(0));
    scorers.ask(now, slot(9), views(2)).unwrap();
    let mut answers = Vec::new();
    while answers.is_empty() {
        woken.recv().unwrap();
        answers = scorers.poll(now);
    }
    assert_eq!(numbers(&answers[0]), [0, 1]);
}

#[test]
fn a_scorer_that_hangs_can_be_replaced() {
    let (mut scorers, woken) = threaded(patient());
    let (hangs, calls, _let_go) = stopper();
    scorers.set(slot(0), hangs);
    scorers.ask(START, slot(0), views(1)).unwrap();
    calls.recv().unwrap();
    assert_eq!(scorers.poll(START), []);
    assert_eq!(scorers.poll(START + HANG)[0].end, ScorerEnd::Hung);
    scorers.set(slot(0), by_number());
    scorers.ask(START + HANG, slot(0), views(1)).unwrap();
    woken.recv().unwrap();
    assert_eq!(scorers.poll(START + HANG)[0].end, ScorerEnd::All);
    assert_eq!(scorers.counts(slot(0)), ScorerCounts { scores: 1, hangs: 1, ..Default::default() });
}

#[test]
fn a_scorer_that_panics_when_dropped_does_not_take_the_thread_along() {
    struct Bomb(Receiver<()>);
    impl Scorer for Mutex<Bomb> {
        fn score(&self, _: &StreamView) -> Score {
            self.lock().unwrap().0.recv().unwrap();
            Score::BEST
        }
    }
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }
    let (mut scorers, woken) = threaded(patient());
    let (let_go, hold) = mpsc::channel();
    scorers.set(slot(0), Arc::new(Mutex::new(Bomb(hold))));
    scorers.ask(START, slot(0), views(1)).unwrap();
    // The thread is the last owner now.
    drop(scorers.set(slot(0), by_number()));
    scorers.ask(START, slot(0), views(1)).unwrap();
    let_go.send(()).unwrap();
    let mut answers = Vec::new();
    while answers.is_empty() {
        woken.recv().unwrap();
        answers = scorers.poll(START);
    }
    assert_eq!((answers[0].end, numbers(&answers[0])), (ScorerEnd::All, vec![0]));
}

#[test]
fn a_wake_that_panics_does_not_take_the_thread_along() {
    let (told, woken) = mpsc::channel();
    let wake = move || {
        told.send(()).unwrap();
        panic!("awake");
    };
    let mut scorers = Scorers::threaded(patient(), wake).unwrap();
    scorers.set(slot(0), by_number());
    for _ in 0..2 {
        scorers.ask(START, slot(0), views(1)).unwrap();
        woken.recv().unwrap();
        assert_eq!(scorers.poll(START).len(), 1);
    }
}

#[test]
fn the_time_that_a_thread_had_nothing_to_do_does_not_count() {
    /// Waits for a word when it is called, says when it is dropped, and waits for another.
    struct Last(Sender<()>, Receiver<()>);
    impl Drop for Last {
        fn drop(&mut self) {
            self.0.send(()).unwrap();
            let _ = self.1.recv();
        }
    }
    let (told, woken) = mpsc::channel();
    let (begin, gate) = mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    let wake = move || {
        told.send(()).unwrap();
        let _ = gate.lock().unwrap().recv();
    };
    let mut scorers = Scorers::threaded(patient(), wake).unwrap();
    let (dropped, drops) = mpsc::channel();
    let (let_go, hold) = mpsc::channel();
    let last = Mutex::new(Last(dropped, hold));
    let scorer = move |_: &StreamView| {
        last.lock().unwrap().1.recv().unwrap();
        Score::BEST
    };
    scorers.set(slot(0), Arc::new(scorer));
    scorers.ask(START, slot(0), views(1)).unwrap();
    drop(scorers.remove(slot(0)));
    let_go.send(()).unwrap();
    // The scorer came back, and is being dropped where it ran: the thread will not beat again.
    drops.recv().unwrap();
    assert_eq!(scorers.poll(START), []);
    let_go.send(()).unwrap();
    woken.recv().unwrap();
    assert_eq!(scorers.poll(START), []);

    // The thread does not begin with this before it is told.
    scorers.set(slot(0), by_number());
    scorers.ask(START + LONG, slot(0), views(1)).unwrap();
    assert_eq!(scorers.poll(START + LONG), []);
    begin.send(()).unwrap();
    woken.recv().unwrap();
    assert_eq!(scorers.poll(START + LONG)[0].end, ScorerEnd::All);
}

#[test]
fn a_clock_that_goes_back_or_jumps_ahead_stops_nothing() {
    let (mut scorers, woken) = threaded(patient());
    scorers.set(slot(0), by_number());
    for now in [Duration::MAX, Duration::ZERO, START] {
        scorers.ask(now, slot(0), views(1)).unwrap();
        woken.recv().unwrap();
        let [answer] = &scorers.poll(now)[..] else { panic!("one answer") };
        assert_eq!((answer.at, answer.end), (Duration::MAX, ScorerEnd::All));
    }
}

#[test]
fn a_scorer_that_never_counts_as_hanging_is_refused() {
    let settings = ScorerSettings { hang: Duration::ZERO, ..patient() };
    assert!(matches!(Scorers::threaded(settings, || ()), Err(SettingsError::NoPeriod(_))));
}

#[test]
fn scorers_can_be_shared_under_a_lock() {
    fn shared<T: Send + Sync>() {}
    shared::<Mutex<Scorers>>();
}
