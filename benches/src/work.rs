//! What a contender does in a scenario, and who takes its time.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// What one thread does in a scenario: the same operation over and over.
pub trait Work: Send {
    /// Makes ready so many operations, which come next; not timed. What can be known before an
    /// operation, such as the key of a peer that was never seen, is made here.
    fn ready(&mut self, _times: u64) {}

    /// Makes so many operations. In the scenarios that count bytes it makes so many items, and
    /// keeps all that it made until it is dropped.
    fn run(&mut self, times: u64);
}

/// A contender that runs in another process and takes its time there. One that is lost panics: there
/// is no run to be finished without it.
pub trait Remote {
    /// How long so many operations of each thread take, from when all threads run to the end of
    /// the last.
    fn run(&mut self, times: u64) -> Duration;

    /// The percentiles of so many single operations of each thread.
    fn percentiles(&mut self, times: u64) -> Percentiles;

    /// What one operation allocates, as the mean of so many.
    fn allocations(&mut self, times: u64) -> Allocations;

    /// What one item takes in memory while so many are held, in the scenarios that count bytes.
    fn bytes(&mut self, items: u64) -> f64;
}

/// A contender that is ready for a scenario.
pub enum Timed {
    /// In this process: one piece of work for each thread. Where something is done beside a thread
    /// that charges ([`Scenario::is_beside`](crate::Scenario::is_beside)) the first piece is what is
    /// done, and the second what charges.
    Here(Vec<Box<dyn Work>>),
    /// In another process.
    Elsewhere(Box<dyn Remote>),
}

impl fmt::Debug for Timed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Timed::Here(works) => write!(f, "Here({} threads)", works.len()),
            Timed::Elsewhere(_) => f.write_str("Elsewhere"),
        }
    }
}

/// How long single operations take, in nanoseconds, looks at the clock included.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Percentiles {
    /// Half of them take no longer.
    pub p50: f64,
    /// 99 of 100.
    pub p99: f64,
    /// 999 of 1000.
    pub p999: f64,
}

/// What one operation allocates, on average.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Allocations {
    /// How often.
    pub count: f64,
    /// How many bytes.
    pub bytes: f64,
}

/// Why a contender is not measured in a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cannot {
    /// It would do the same as another contender, which its note names.
    Same,
    /// It has no way to do it; why, in a few words.
    Because(Cow<'static, str>),
}

impl From<&'static str> for Cannot {
    fn from(why: &'static str) -> Self {
        Cannot::Because(why.into())
    }
}

impl From<String> for Cannot {
    fn from(why: String) -> Self {
        Cannot::Because(why.into())
    }
}
