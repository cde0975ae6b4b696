//! How fast the streams of a connection come.
//!
//! The buckets of the engine are words that threads share; this one belongs to one task, and wakes it.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use futures_timer::Delay;
use rcmgr_core::Rate;

use crate::waiting::CENTURY;

/// A bucket of what may come, which fills at a rate up to its burst.
#[derive(Debug)]
pub(crate) struct Pace {
    rate: Rate,
    /// At the time below; at most the burst.
    there: f64,
    at: Instant,
    timer: Option<Delay>,
}

impl Pace {
    /// A full bucket.
    pub(crate) fn new(rate: Rate) -> Self {
        Pace { rate, there: rate.burst().into(), at: Instant::now(), timer: None }
    }

    /// Whether none may come ever.
    pub(crate) fn is_never(&self) -> bool {
        self.rate.burst() == 0 || self.rate.per_second() == 0.0
    }

    /// Ready while one may come, which the caller then takes.
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.rate.is_unlimited() {
            return Poll::Ready(());
        }
        if self.is_never() {
            return Poll::Pending;
        }
        loop {
            self.fill(Instant::now());
            if self.there >= 1.0 {
                self.timer = None;
                return Poll::Ready(());
            }
            let missing = (1.0 - self.there) / self.rate.per_second();
            let missing = Duration::try_from_secs_f64(missing).unwrap_or(CENTURY).min(CENTURY);
            let timer = self.timer.get_or_insert_with(|| Delay::new(missing));
            if Pin::new(&mut *timer).poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.timer = None;
        }
    }

    /// One has come.
    pub(crate) fn take(&mut self) {
        self.there -= 1.0;
    }

    fn fill(&mut self, now: Instant) {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = now;
        let there = self.there + since * self.rate.per_second();
        // No time at an infinite rate is no number, of which `min` makes the burst.
        self.there = there.min(f64::from(self.rate.burst()));
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    fn comes(pace: &mut Pace) -> bool {
        let comes = pace.poll_ready(&mut Context::from_waker(Waker::noop())).is_ready();
        if comes {
            pace.take();
        }
        comes
    }

    #[test]
    fn a_burst_comes_at_once_and_then_as_time_passes() {
        let mut pace = Pace::new(Rate::new(0.01, 3).unwrap());
        assert_eq!([(); 5].map(|()| comes(&mut pace)), [true, true, true, false, false]);
        pace.at -= Duration::from_secs(150);
        assert_eq!([(); 3].map(|()| comes(&mut pace)), [true, false, false]);
        // The half that was over is not lost.
        pace.at -= Duration::from_secs(51);
        assert_eq!([(); 2].map(|()| comes(&mut pace)), [true, false]);
        pace.at -= Duration::from_secs(1_000_000);
        assert_eq!([(); 4].map(|()| comes(&mut pace)), [true, true, true, false]);
    }

    #[test]
    fn no_rate_holds_back_nothing_and_the_lowest_everything() {
        let mut pace = Pace::new(Rate::UNLIMITED);
        assert!((0..1000).all(|_| comes(&mut pace)));
        for none in [Rate::BLOCK_ALL, Rate::new(5.0, 0).unwrap(), Rate::new(0.0, 5).unwrap()] {
            assert!(!comes(&mut Pace::new(none)), "{none:?}");
        }
        let mut pace = Pace::new(Rate::new(f64::INFINITY, 2).unwrap());
        assert!((0..10).all(|_| comes(&mut pace)));
        let mut pace = Pace::new(Rate::new(f64::MIN_POSITIVE, 1).unwrap());
        assert_eq!([(); 2].map(|()| comes(&mut pace)), [true, false], "and no sum overflows");
    }

    #[tokio::test]
    async fn the_task_is_woken_when_one_may_come() {
        let mut pace = Pace::new(Rate::new(50.0, 1).unwrap());
        for _ in 0..3 {
            std::future::poll_fn(|cx| pace.poll_ready(cx)).await;
            pace.take();
        }
    }
}
