//! Peers that a contender has as handles, for it knows none by name.

use std::iter;
use std::sync::Arc;

use crate::keys::{Numbers, Order};
use crate::{Peers, Setup};

/// The known peers of a thread, as they have their turn.
#[derive(Debug)]
pub struct Handles<T> {
    peers: Arc<[T]>,
    numbers: Numbers,
}

impl<T> Handles<T> {
    /// Those of each thread: as many as the scenario knows.
    pub fn of_threads(setup: &Setup, make: impl FnMut() -> T) -> Vec<Self> {
        let numbers = Numbers::new(Order::of(setup), 0);
        let mut all = iter::repeat_with(make);
        let mut peers = || all.by_ref().take(numbers.known() as usize).collect::<Arc<[T]>>();
        let first = peers();
        let of_thread = |thread| {
            let own = thread > 0 && setup.peers == Peers::Distinct;
            let peers = if own { peers() } else { first.clone() };
            Handles { peers, numbers: numbers.clone() }
        };
        (0..setup.threads).map(of_thread).collect()
    }

    /// All of them.
    pub fn all(&self) -> &Arc<[T]> {
        &self.peers
    }

    /// The next.
    #[inline]
    pub fn next(&mut self) -> &T {
        let number = self.numbers.next().expect("numbers have no end");
        &self.peers[number as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Scenario;

    fn of_two_threads(scenario: Scenario, peers: Peers) -> [Handles<u64>; 2] {
        let setup = Setup { scenario, threads: 2, peers, small: true };
        let mut made = 0..;
        let handles = Handles::of_threads(&setup, || made.next().expect("numbers have no end"));
        handles.try_into().expect("there are two threads")
    }

    #[test]
    fn threads_share_their_peers_or_have_their_own() {
        let scenario = Scenario::Stream10kPeers;
        let [one, other] = of_two_threads(scenario, Peers::Shared);
        assert_eq!(one.all(), other.all());
        let [one, other] = of_two_threads(scenario, Peers::Distinct);
        assert!(one.all().iter().all(|peer| !other.all().contains(peer)));
    }

    #[test]
    fn peers_have_their_turn() {
        let [mut one, _] = of_two_threads(Scenario::Stream10kPeers, Peers::Shared);
        let turn: Vec<_> = (0..one.all().len()).map(|_| *one.next()).collect();
        assert_eq!(turn[..], one.all()[..]);
        assert_eq!(*one.next(), turn[0]);
    }
}
