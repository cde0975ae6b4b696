//! How often rounds are made for connections that there is no room for.

use std::{sync::Mutex, time::Duration};

use super::unpoisoned;
use crate::{
    Score,
    round::{Newcomer, Short},
};

/// How many networks are told apart; others share a place with one of these.
const PLACES: usize = 256;

/// For how long a network that was refused has to come with something better.
const REMEMBERED: Duration = Duration::from_secs(1);

/// By how many connections a round takes as long again.
const PACE: u32 = 10_000;

/// How much longer those wait that nothing speaks for, so that others have turns between theirs.
const ANONYMOUS: u32 = 4;

/// Rounds for newcomers, so many a time however often they are asked for: a round looks at all
/// connections, and remotes can be refused as often as they like.
#[derive(Debug)]
pub(super) struct Turns {
    every: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    last: Option<Duration>,
    /// By network, until when the last one that was refused is remembered, what it was worth and what
    /// was short.
    refused: Box<[(Duration, Score, Short)]>,
}

/// What may be done for a newcomer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// A round.
    Now,
    /// It would come to what it came to just now.
    AsBefore,
    /// There was one just now.
    At(Duration),
}

impl Turns {
    /// One in so long, and less often where there are very many connections.
    pub fn new(every: Duration) -> Turns {
        let refused = vec![(Duration::ZERO, Score::WORST, Short::default()); PLACES].into();
        Turns { every, state: Mutex::new(State { last: None, refused }) }
    }

    /// Whether a newcomer is to have a round among so many connections; `valued`: something speaks
    /// for it that no remote can say.
    pub fn ask(&self, now: Duration, newcomer: Newcomer, valued: bool, live: u32) -> Turn {
        let Newcomer { network, tally, short } = newcomer;
        let mut state = unpoisoned(&self.state);
        let (until, refused, of) = state.refused[place(network)];
        if now < until && tally <= refused && short == of {
            return Turn::AsBefore;
        }
        let slow = if valued { 1 } else { ANONYMOUS };
        let pause = self.every.saturating_mul(slow).saturating_mul(1 + live / PACE);
        let next = state.last.map_or(Duration::ZERO, |last| last.saturating_add(pause));
        if now < next {
            return Turn::At(next);
        }
        state.last = Some(now);
        Turn::Now
    }

    /// The turn after one that is taken at this time.
    pub fn after(&self, now: Duration) -> Duration {
        now.saturating_add(self.every)
    }

    /// Remembers that nobody went for a newcomer.
    pub fn refused(&self, now: Duration, newcomer: Newcomer) {
        let Newcomer { network, tally, short } = newcomer;
        let until = now.saturating_add(REMEMBERED);
        unpoisoned(&self.state).refused[place(network)] = (until, tally, short);
    }
}

fn place(network: u32) -> usize {
    network as usize % PLACES
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_millis(100);

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn of(network: u32, tally: i64) -> Newcomer {
        Newcomer { network, tally: Score::new(tally), short: Short::Connections }
    }

    #[test]
    fn however_often_it_is_asked_rounds_come_one_in_a_time() {
        let turns = Turns::new(EVERY);
        assert_eq!(turns.ask(at(0), of(1, 50), true, 10), Turn::Now);
        assert_eq!(turns.ask(at(99), of(2, 50), true, 10), Turn::At(at(100)));
        assert_eq!(turns.ask(at(100), of(3, 50), true, 10), Turn::Now);
        let many = turns.ask(at(200), of(3, 50), true, 20_000);
        assert_eq!(many, Turn::At(at(400)));
    }

    #[test]
    fn those_that_nothing_speaks_for_leave_turns_to_others() {
        let turns = Turns::new(EVERY);
        assert_eq!(turns.ask(at(0), of(1, -200), false, 10), Turn::Now);
        assert_eq!(turns.ask(at(150), of(1, -200), false, 10), Turn::At(at(400)));
        assert_eq!(turns.ask(at(150), of(1, -150), true, 10), Turn::Now);
    }

    #[test]
    fn a_network_that_was_refused_has_to_come_with_something_better() {
        let turns = Turns::new(EVERY);
        turns.refused(at(0), of(7, 10));
        assert_eq!(turns.ask(at(999), of(7, 10), true, 10), Turn::AsBefore);
        let other = Newcomer { short: Short::Descriptors, ..of(7, 10) };
        assert!(matches!(turns.ask(at(1), other, true, 10), Turn::Now), "other ones may go");
        assert_eq!(turns.ask(at(999), of(7, 11), true, 10), Turn::Now);
        assert_eq!(turns.ask(at(1100), of(7, 10), true, 10), Turn::Now);
        assert_eq!(turns.ask(at(1150), of(8, -1000), true, 10), Turn::At(at(1200)));
    }
}
