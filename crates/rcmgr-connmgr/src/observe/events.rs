//! Events for who wants them: bounded, and rather lost than waited for.

use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_queue::ArrayQueue;

/// A queue of events that never makes the sender wait or fail: when it is full, the oldest event is
/// dropped and counted.
///
/// ```
/// use rcmgr_connmgr::observe::Events;
///
/// let events = Events::new(2);
/// (1..=3).for_each(|event| events.send(event));
/// assert_eq!([events.take(), events.take(), events.take()], [Some(2), Some(3), None]);
/// assert_eq!(events.dropped(), 1);
/// ```
#[derive(Debug)]
pub struct Events<T> {
    queue: ArrayQueue<T>,
    dropped: AtomicU64,
}

impl<T> Events<T> {
    /// For so many events that nobody has taken; for one at least.
    pub fn new(most: usize) -> Events<T> {
        Events { queue: ArrayQueue::new(most.max(1)), dropped: AtomicU64::new(0) }
    }

    /// Adds one.
    pub fn send(&self, event: T) {
        if self.queue.force_push(event).is_some() {
            // A number to be shown: it orders nothing.
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Takes the oldest.
    pub fn take(&self) -> Option<T> {
        self.queue.pop()
    }

    /// How many were dropped since the start.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_bound_is_too_small() {
        let events = Events::new(0);
        events.send('a');
        events.send('b');
        assert_eq!((events.take(), events.take(), events.dropped()), (Some('b'), None, 1));
    }

    #[test]
    fn each_event_is_taken_or_counted_whoever_sends() {
        let events = Events::new(8);
        std::thread::scope(|scope| {
            for sender in 0..4 {
                let events = &events;
                scope.spawn(move || (0..500).for_each(|number| events.send((sender, number))));
            }
        });
        let taken: Vec<_> = std::iter::from_fn(|| events.take()).collect();
        assert_eq!(taken.len(), 8);
        assert_eq!(events.dropped(), 4 * 500 - 8);
        // Of one sender the order stays.
        for sender in 0..4 {
            let numbers = taken.iter().filter(|(of, _)| *of == sender).map(|(_, number)| number);
            assert!(numbers.is_sorted());
        }
    }
}
