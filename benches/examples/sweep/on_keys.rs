//! The same operation on another key each time.

use rcmgr_benches::Work;
use rcmgr_benches::keys::scatter;

/// Numbers that go up, which no other thread has.
pub fn numbers(thread: usize) -> impl FnMut() -> u64 {
    let mut all = (thread as u64) << 40..;
    move || all.next().expect("there is no end to them")
}

/// Numbers below a bound, without a pattern, in an order of the thread's own.
pub fn scattered(thread: usize, below: u64) -> impl FnMut() -> u64 {
    let mut numbers = numbers(thread);
    move || scatter(numbers()) % below
}

/// The work of a thread: `next` gives the keys, which is not timed, and `operation` is what is done with
/// each.
pub fn on_keys<K: Send + 'static>(
    next: impl FnMut() -> K + Send + 'static,
    operation: impl FnMut(&K) + Send + 'static,
) -> Box<dyn Work> {
    Box::new(OnKeys { keys: Vec::new(), next, operation })
}

struct OnKeys<K, N, F> {
    keys: Vec<K>,
    next: N,
    operation: F,
}

impl<K: Send, N: FnMut() -> K + Send, F: FnMut(&K) + Send> Work for OnKeys<K, N, F> {
    fn ready(&mut self, times: u64) {
        self.keys.clear();
        self.keys.extend((0..times).map(|_| (self.next)()));
    }

    fn run(&mut self, times: u64) {
        self.keys.iter().take(times as usize).for_each(&mut self.operation);
    }
}
