//! Work made of a closure.

use crate::Work;

/// The same operation each time.
pub fn repeat(operation: impl FnMut() + Send + 'static) -> Box<dyn Work> {
    Box::new(Repeat(operation))
}

/// Another item each time, and all are kept until the work is dropped.
pub fn keep<T: Send + 'static>(make: impl FnMut() -> T + Send + 'static) -> Box<dyn Work> {
    Box::new(Keep { make, made: Vec::new() })
}

struct Repeat<F>(F);

impl<F: FnMut() + Send> Work for Repeat<F> {
    fn run(&mut self, times: u64) {
        for _ in 0..times {
            (self.0)();
        }
    }
}

struct Keep<F, T> {
    make: F,
    made: Vec<T>,
}

impl<F: FnMut() -> T + Send, T: Send> Work for Keep<F, T> {
    fn run(&mut self, times: u64) {
        // Exactly: what a vector has in reserve is no part of an item.
        self.made.reserve_exact(times as usize);
        self.made.extend((0..times).map(|_| (self.make)()));
    }
}
