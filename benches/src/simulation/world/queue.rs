//! What is going to happen, in the order of its time.

use std::{
    cmp::{Ordering, Reverse},
    collections::BinaryHeap,
    time::Duration,
};

/// Events to come. Of two at one time the one that was planned first comes first.
#[derive(Debug)]
pub struct Queue<E> {
    heap: BinaryHeap<Reverse<Planned<E>>>,
    planned: u64,
}

#[derive(Debug)]
struct Planned<E> {
    at: Duration,
    place: u64,
    event: E,
}

impl<E> Queue<E> {
    /// Nothing is going to happen.
    pub fn new() -> Queue<E> {
        Queue { heap: BinaryHeap::new(), planned: 0 }
    }

    /// Plans an event.
    pub fn plan(&mut self, at: Duration, event: E) {
        self.planned += 1;
        self.heap.push(Reverse(Planned { at, place: self.planned, event }));
    }

    /// The next event, unless it comes after the end.
    pub fn next(&mut self, end: Duration) -> Option<(Duration, E)> {
        self.heap.peek().filter(|next| next.0.at <= end)?;
        self.heap.pop().map(|Reverse(next)| (next.at, next.event))
    }
}

impl<E> PartialEq for Planned<E> {
    fn eq(&self, other: &Planned<E>) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<E> Eq for Planned<E> {}

impl<E> PartialOrd for Planned<E> {
    fn partial_cmp(&self, other: &Planned<E>) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> Ord for Planned<E> {
    fn cmp(&self, other: &Planned<E>) -> Ordering {
        (self.at, self.place).cmp(&(other.at, other.place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_their_time_and_then_as_they_were_planned() {
        let mut queue = Queue::new();
        for (at, event) in [(5, 'c'), (1, 'a'), (5, 'd'), (2, 'b'), (9, 'e')] {
            queue.plan(Duration::from_secs(at), event);
        }
        let end = Duration::from_secs(5);
        let come: String = std::iter::from_fn(|| queue.next(end)).map(|(_, event)| event).collect();
        assert_eq!(come, "abcd");
    }
}
