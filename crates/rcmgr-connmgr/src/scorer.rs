//! Code of others that says what a stream is worth, called so that it can do little harm.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::{Score, StreamView};

/// Says for a protocol what its streams are worth.
///
/// It should be a pure function of the view, and quick: a millisecond is too long. It runs on a
/// thread of [`Scorers`](crate::scoring::Scorers), not on that of the caller, with other scorers
/// waiting behind it. One that panics scores [`Score::INDIFFERENT`]; one that is slow is called
/// less often, and one that hangs is not called again until it is back. Panics are caught where
/// they unwind: a program that is built to abort on panic aborts.
///
/// A function is one:
///
/// ```
/// use rcmgr_connmgr::{Score, Scorer, StreamView};
///
/// fn scorer() -> impl Scorer {
///     |view: &StreamView| Score::new(500 - view.idle.as_secs() as i64)
/// }
/// # let _ = scorer();
/// ```
pub trait Scorer: Send + Sync {
    /// What a stream is worth.
    fn score(&self, view: &StreamView) -> Score;
}

impl<F: Fn(&StreamView) -> Score + Send + Sync> Scorer for F {
    fn score(&self, view: &StreamView) -> Score {
        self(view)
    }
}

/// Why a scorer was not asked about more streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ScorerEnd {
    /// It scored them all.
    All,
    /// Its time was over. At least one was scored.
    Budget,
    /// It panicked too often, which counts as [`Score::INDIFFERENT`] each time.
    Panics,
    /// It did not come back from a stream. None are scored, since it keeps the others, too.
    Hung,
    /// There was no thread to run it on, see
    /// [`ScorerRefused::NoThread`](crate::scoring::ScorerRefused::NoThread). None are scored.
    NoThread,
}

/// How often a scorer may panic over one batch. Each panic writes a line to the program's standard
/// error, where its hook was not replaced.
const MOST_PANICS: u32 = 4;

/// What a scorer made of a batch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Evaluation {
    /// The scores of the first views, in their order.
    pub scores: Vec<Score>,
    pub panics: u32,
    pub end: ScorerEnd,
}

/// Scores one view after another, as long as `go_on` says so after each.
pub(crate) fn evaluate(
    scorer: &dyn Scorer,
    views: &[StreamView],
    mut go_on: impl FnMut() -> bool,
) -> Evaluation {
    let mut scores = Vec::with_capacity(views.len());
    let (mut panics, mut end) = (0, ScorerEnd::All);
    for view in views {
        let score = guarded(|| scorer.score(view));
        panics += u32::from(score.is_none());
        scores.push(score.unwrap_or(Score::INDIFFERENT));
        let going_on = go_on();
        if scores.len() == views.len() {
            break;
        } else if panics == MOST_PANICS {
            end = ScorerEnd::Panics;
            break;
        } else if !going_on {
            end = ScorerEnd::Budget;
            break;
        }
    }
    Evaluation { scores, panics, end }
}

/// Calls code of others; `None` when it panicked.
pub(crate) fn guarded<T>(code: impl FnOnce() -> T) -> Option<T> {
    // What a panic leaves half done belongs to the code that panicked; nothing of ours is in it.
    let panic = match catch_unwind(AssertUnwindSafe(code)) {
        Ok(value) => return Some(value),
        Err(panic) => panic,
    };
    // What it panicked with may panic when dropped, and so may what that panics with.
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        std::mem::forget(again);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::views;

    fn by_number(view: &StreamView) -> Score {
        Score::new(view.stream.0 as i64)
    }

    fn scores(scores: impl IntoIterator<Item = i64>) -> Vec<Score> {
        scores.into_iter().map(Score::new).collect()
    }

    #[test]
    fn streams_are_scored_in_order_until_the_budget_is_spent() {
        let all = evaluate(&by_number, &views(3), || true);
        assert_eq!(all, Evaluation { scores: scores(0..3), panics: 0, end: ScorerEnd::All });
        let mut calls = 2;
        let some = evaluate(&by_number, &views(9), || {
            calls -= 1;
            calls > 0
        });
        assert_eq!(some, Evaluation { scores: scores(0..2), panics: 0, end: ScorerEnd::Budget });
    }

    #[test]
    fn however_little_time_there_is_one_stream_is_scored() {
        assert_eq!(evaluate(&by_number, &views(2), || false).scores.len(), 1);
        assert_eq!(evaluate(&by_number, &views(1), || false).end, ScorerEnd::All);
        assert_eq!(evaluate(&by_number, &[], || false).end, ScorerEnd::All);
    }

    #[test]
    fn a_panic_counts_as_indifferent_and_the_next_stream_is_scored() {
        let scorer = |view: &StreamView| match view.stream.0 {
            1 => panic!("out of streams"),
            _ => Score::BEST,
        };
        let Evaluation { scores, panics, end } = evaluate(&scorer, &views(3), || true);
        assert_eq!(scores, [Score::BEST, Score::INDIFFERENT, Score::BEST]);
        assert_eq!((panics, end), (1, ScorerEnd::All));
    }

    #[test]
    fn a_scorer_that_panics_again_and_again_is_not_asked_on() {
        let scorer = |_: &StreamView| -> Score { panic!("always") };
        let made = evaluate(&scorer, &views(100), || true);
        assert_eq!((made.scores.len(), made.panics, made.end), (4, 4, ScorerEnd::Panics));
        let made = evaluate(&scorer, &views(4), || true);
        assert_eq!((made.panics, made.end), (4, ScorerEnd::All));
    }

    #[test]
    fn what_panics_again_when_dropped_is_caught_too() {
        struct Bomb(u32);
        impl Drop for Bomb {
            fn drop(&mut self) {
                std::panic::panic_any(match self.0 {
                    0 => Box::new("last") as Box<dyn std::any::Any + Send>,
                    left => Box::new(Bomb(left - 1)),
                });
            }
        }
        assert_eq!(guarded(|| std::panic::panic_any(Bomb(1))), None::<()>);
        assert_eq!(guarded(|| 7), Some(7));
    }
}
