//! How fast streams or connections come.
//!
//! The buckets of the engine are words that threads share; these belong to one task.

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
pub(crate) struct Bucket {
    rate: Rate,
    /// At the time below; at most the burst.
    there: f64,
    at: Instant,
}

impl Bucket {
    /// A full one.
    pub(crate) fn new(rate: Rate) -> Self {
        Bucket { rate, there: rate.burst().into(), at: Instant::now() }
    }

    /// Takes one, if one is there.
    pub(crate) fn try_take(&mut self) -> bool {
        if self.rate.is_unlimited() {
            return true;
        }
        self.fill(Instant::now());
        let is_there = self.there >= 1.0;
        if is_there {
            self.there -= 1.0;
        }
        is_there
    }

    fn fill(&mut self, now: Instant) {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = now;
        let there = self.there + since * self.rate.per_second();
        // No time at an infinite rate is no number, of which `min` makes the burst.
        self.there = there.min(f64::from(self.rate.burst()));
    }
}

/// A bucket whose task is woken when one may come.
#[derive(Debug)]
pub(crate) struct Pace {
    bucket: Bucket,
    timer: Option<Delay>,
}

impl Pace {
    /// With a full bucket.
    pub(crate) fn new(rate: Rate) -> Self {
        Pace { bucket: Bucket::new(rate), timer: None }
    }

    /// Whether none may come ever.
    pub(crate) fn is_never(&self) -> bool {
        self.bucket.rate.burst() == 0 || self.bucket.rate.per_second() == 0.0
    }

    /// Ready while one may come, which the caller then takes.
    pub(crate) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.bucket.rate.is_unlimited() {
            return Poll::Ready(());
        }
        if self.is_never() {
            return Poll::Pending;
        }
        loop {
            self.bucket.fill(Instant::now());
            if self.bucket.there >= 1.0 {
                self.timer = None;
                return Poll::Ready(());
            }
            let missing = (1.0 - self.bucket.there) / self.bucket.rate.per_second();
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
        self.bucket.there -= 1.0;
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
        pace.bucket.at -= Duration::from_secs(150);
        assert_eq!([(); 3].map(|()| comes(&mut pace)), [true, false, false]);
        // The half that was over is not lost.
        pace.bucket.at -= Duration::from_secs(51);
        assert_eq!([(); 2].map(|()| comes(&mut pace)), [true, false]);
        pace.bucket.at -= Duration::from_secs(1_000_000);
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
