//! Many threads at once.

use std::sync::atomic::AtomicBool;

use super::*;
use crate::{
    lock::LockRequest,
    round::{Aim, Mode},
};

#[test]
fn what_is_locked_is_never_closed_and_all_counts_agree_in_the_end() {
    const EACH: u64 = 300;
    let mut node = Node::new(60, 40);
    let bulk = node.enroll("bulk", 30, 50);
    let locked: Vec<AtomicBool> = (0..4 * EACH).map(|_| AtomicBool::new(false)).collect();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (node, locked, done) = (&node, &locked, &done);
        let workers: Vec<_> = (0..4)
            .map(|worker| scope.spawn(move || work(node, bulk, locked, worker * EACH, EACH)))
            .collect();
        let driver = scope.spawn(move || {
            while !done.load(Relaxed) {
                node.regulator.regulate(node.now, Aim::Leave(20), Mode::Batch);
                for action in node.regulator.poll(node.now) {
                    if let Action::Close(eviction) = action {
                        let id = eviction.connection.0;
                        assert!(!locked[id as usize].load(Relaxed), "{id} is locked");
                        node.close(id);
                    }
                }
                let _ = node.regulator.snapshot(node.now, 9);
            }
        });
        workers.into_iter().for_each(|worker| worker.join().unwrap());
        done.store(true, Relaxed);
        driver.join().unwrap();
    });
    node.later(1);
    node.gone();
    (0..4 * EACH).for_each(|id| {
        node.close(id);
    });
    node.check_empty();
    assert_eq!(node.used(bulk), 0);
}

/// Opens connections, uses and locks them, and closes those of some time ago.
fn work(node: &Node, bulk: Enrollment, locked: &[AtomicBool], first: u64, count: u64) {
    for id in first..first + count {
        node.open(id);
        let (now, connection, stream) = (node.now, ConnectionId(id), StreamId(0));
        node.regulator.stream_opened(now, connection, stream, Direction::Outbound);
        node.regulator.stream_protocol(now, connection, stream, "bulk");
        let guard = node.regulator.lock(now, connection, bulk, LockRequest::default());
        if guard.is_ok() {
            locked[id as usize].store(true, Relaxed);
            node.regulator.used(now, connection);
            std::thread::yield_now();
            locked[id as usize].store(false, Relaxed);
        }
        drop(guard);
        if id % 3 == 0 {
            node.regulator.stream_closed(now, connection, stream);
        }
        if id >= first + 20 {
            node.close(id - 20);
        }
    }
}
