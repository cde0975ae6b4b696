//! Rules (K1, K2, K3; L1 to L7): locks on connections. Whoever meets whom, a connection is locked or
//! pruned, what is charged for a lock is given back once, and nothing late touches the next connection
//! of a cell.
//! Bounds: 2 threads, 4 preemptions, in one story 3. Run time: half a minute.

use std::sync::Arc;
use std::time::Duration;

use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;
use rcmgr_loom_tests::fixture::{explore, with_stack};
use rcmgr_loom_tests::lock::{
    ConnectionCell, Kept, LiveConnection, LockBudgets, LockDenied, LockGuard, LockPriority,
    LockRequest, LockState, Locks, PeerLocks, RenewDenied, Revocation, RevocationPlan, TakenBy,
};
use rcmgr_loom_tests::slot::{Slot, Slots};

/// Locks, a peer, and one protocol that may hold three.
struct World {
    locks: Locks,
    peer: PeerLocks,
    slot: Slot,
}

impl World {
    fn new(connections: u32) -> Arc<World> {
        let locks = Locks::new(LockBudgets { connections, connections_per_peer: 2 });
        let slot = Slot::new(0).unwrap();
        locks.set_protocol_budget(slot, 3);
        Arc::new(World { peer: locks.peer(), locks, slot })
    }

    fn connection(&self, key: u32) -> LiveConnection {
        Arc::new(ConnectionCell::new(key)).open(at(0), &self.peer).unwrap()
    }

    fn lock(&self, connection: &LiveConnection) -> Result<LockGuard, LockDenied> {
        let request = LockRequest { lease: at(10), ..LockRequest::default() };
        self.locks.lock(at(0), connection, self.slot, request)
    }

    fn revoke(&self, now: u64) -> Vec<Revocation> {
        let plan = RevocationPlan {
            connections: 1,
            patience: at(2),
            over_quota: Slots::EMPTY,
            why: "a model",
        };
        self.locks.revoke(at(now), plan)
    }

    fn polled(&self, now: u64) -> Vec<TakenBy> {
        self.locks.poll(at(now)).into_iter().map(|taken| taken.by).collect()
    }

    /// Locked connections, of the peer and of all, and locks of the protocol.
    fn used(&self) -> [u32; 3] {
        let protocol = self.locks.protocol_usage(self.slot);
        [self.peer.usage(), self.locks.connection_usage(), protocol].map(|budget| budget.used)
    }
}

const fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Runs two sides of a story at once, then what has to hold.
fn meet<A: Send + 'static, B: 'static>(
    one: impl FnOnce() -> A + Send + 'static,
    other: impl FnOnce() -> B,
) -> (A, B) {
    let one = thread::spawn(one);
    let other = other();
    (one.join().unwrap(), other)
}

fn story(story: impl Fn() + Send + Sync + 'static) {
    story_within(4, story);
}

fn story_within(preemptions: usize, story: impl Fn() + Send + Sync + 'static) {
    let story = Arc::new(story);
    explore(preemptions, move || {
        let story = story.clone();
        with_stack(move || story());
    });
}

#[test]
fn a_lock_and_a_prune_never_both_win() {
    story(|| {
        let world = World::new(2);
        let connection = world.connection(0);
        let (locked, pruned) = meet(
            {
                let (world, connection) = (world.clone(), connection.clone());
                move || world.lock(&connection)
            },
            || connection.prune(),
        );
        match pruned {
            Ok(()) => assert_eq!(locked.unwrap_err(), LockDenied::Closing),
            Err(kept) => {
                assert_eq!(kept, Kept::Locked(1));
                drop(locked.unwrap());
            }
        }
        assert_eq!(world.used(), [0; 3]);
    });
}

/// What the holder did before it unlocked is seen by who prunes the connection.
#[test]
fn a_prune_comes_after_what_the_last_holder_did() {
    story(|| {
        let world = World::new(2);
        let connection = world.connection(0);
        let guard = world.lock(&connection).unwrap();
        let done = Arc::new(AtomicU64::new(0));
        let (_, pruned) = meet(
            {
                let done = done.clone();
                move || {
                    done.store(1, Ordering::Relaxed);
                    drop(guard);
                }
            },
            || connection.prune().map(|()| done.load(Ordering::Relaxed)),
        );
        assert!(matches!(pruned, Ok(1) | Err(Kept::Locked(1))), "{pruned:?}");
    });
}

#[test]
fn of_two_who_prune_one_closes() {
    story(|| {
        let world = World::new(2);
        let connection = world.connection(0);
        let other = connection.clone();
        let (one, other) = meet(move || other.prune(), || connection.prune());
        assert!(one.is_ok() != other.is_ok());
    });
}

#[test]
fn of_two_connections_that_compete_for_the_last_room_one_is_locked() {
    story(|| {
        let world = World::new(1);
        let [first, second] = [0, 1].map(|key| world.connection(key));
        let (one, other) = meet(
            {
                let world = world.clone();
                move || world.lock(&first)
            },
            || world.lock(&second),
        );
        assert!(one.is_ok() != other.is_ok());
        let denied = one.as_ref().err().or(other.as_ref().err());
        assert_eq!(denied, Some(&LockDenied::GlobalBudget { limit: 1 }));
        assert_eq!(world.used(), [1; 3]);
        drop((one, other));
        assert_eq!(world.used(), [0; 3]);
    });
}

#[test]
fn a_connection_that_two_lock_is_charged_once() {
    story(|| {
        let world = World::new(2);
        let connection = world.connection(0);
        let (one, other) = meet(
            {
                let (world, connection) = (world.clone(), connection.clone());
                move || world.lock(&connection)
            },
            || world.lock(&connection),
        );
        assert_eq!(connection.prune(), Err(Kept::Locked(2)));
        assert_eq!(world.used(), [1, 1, 2]);
        drop(one.unwrap());
        assert_eq!(world.used(), [1; 3]);
        drop(other.unwrap());
        assert_eq!(world.used(), [0; 3]);
    });
}

/// There is room for one connection: it is locked by one while the other, who has it locked, lets go.
#[test]
fn a_lock_meets_an_unlock_of_the_same_connection() {
    story(|| {
        let world = World::new(1);
        let connection = world.connection(0);
        let guard = world.lock(&connection).unwrap();
        let (_, locked) = meet(move || drop(guard), || world.lock(&connection));
        match locked {
            Ok(guard) => {
                assert_eq!(connection.prune(), Err(Kept::Locked(1)));
                assert_eq!(world.used(), [1; 3]);
                drop(guard);
            }
            // It was unlocked, and the room was not given back yet.
            Err(denied) => assert_eq!(denied, LockDenied::GlobalBudget { limit: 1 }),
        }
        assert_eq!(world.used(), [0; 3]);
    });
}

/// Two lock it and let go: who is the last gives the room back, be it not who took it.
#[test]
fn who_unlocks_last_gives_back_what_the_first_has_charged() {
    story_within(3, || {
        let world = World::new(1);
        let connection = world.connection(0);
        meet(
            {
                let (world, connection) = (world.clone(), connection.clone());
                move || drop(world.lock(&connection))
            },
            || drop(world.lock(&connection)),
        );
        assert_eq!(world.used(), [0; 3]);
        assert_eq!(connection.prune(), Ok(()));
    });
}

#[test]
fn a_lock_meets_the_close_of_its_connection() {
    story(|| {
        let world = World::new(2);
        let connection = world.connection(0);
        let (locked, closed) = meet(
            {
                let (world, connection) = (world.clone(), connection.clone());
                move || world.lock(&connection)
            },
            || connection.close(),
        );
        assert!(closed);
        assert_eq!(world.used()[..2], [0; 2]);
        if let Ok(guard) = locked {
            assert_eq!(guard.state(at(0)), LockState::Over);
            drop(guard);
        }
        assert_eq!(world.used(), [0; 3]);
    });
}

/// The guard of a connection is dropped while that is closed, and another comes into its cell and is
/// locked.
#[test]
fn a_late_drop_does_not_unlock_the_next_connection_of_the_cell() {
    story(|| {
        let world = World::new(2);
        let cell = Arc::new(ConnectionCell::new(0));
        let connection = cell.open(at(0), &world.peer).unwrap();
        let guard = world.lock(&connection).unwrap();
        let (_, (next, held)) = meet(
            move || drop(guard),
            || {
                assert!(connection.close());
                let next = cell.open(at(0), &world.peer).unwrap();
                let held = world.lock(&next).unwrap();
                (next, held)
            },
        );
        assert_eq!(next.prune(), Err(Kept::Locked(1)));
        assert_eq!(world.used(), [1; 3]);
        drop(held);
        assert_eq!(next.prune(), Ok(()));
        assert_eq!(world.used(), [0; 3]);
    });
}

/// A connection is pruned and closed, the next one comes: what the first's closer did is seen.
#[test]
fn the_next_connection_of_a_cell_comes_after_all_of_the_one_before() {
    story(|| {
        let world = World::new(2);
        let cell = Arc::new(ConnectionCell::new(0));
        let connection = cell.open(at(0), &world.peer).unwrap();
        let done = Arc::new(AtomicU64::new(0));
        let (_, next) = meet(
            {
                let done = done.clone();
                move || {
                    done.store(1, Ordering::Relaxed);
                    connection.close()
                }
            },
            || cell.open(at(0), &world.peer).map(|_| done.load(Ordering::Relaxed)),
        );
        assert!(matches!(next, None | Some(1)), "{next:?}");
    });
}

/// A touch changes the word that decides, and undoes nothing in it.
#[test]
fn a_touch_meets_a_lock() {
    story(|| {
        let world = World::new(2);
        let connection = world.connection(0);
        let (guard, ()) = meet(
            {
                let (world, connection) = (world.clone(), connection.clone());
                move || world.lock(&connection).unwrap()
            },
            || connection.touch(at(7)),
        );
        let look = connection.look().unwrap();
        assert_eq!((look.locks, look.last_use), (1, at(7)));
        drop(guard);
        assert_eq!(connection.look().unwrap().last_use, at(7));
    });
}

/// The guard is dropped while the lock is revoked, and taken away at its deadline.
#[test]
fn a_revocation_meets_the_drop_of_the_guard() {
    story(|| {
        let world = World::new(2);
        let connection = world.connection(0);
        let guard = world.lock(&connection).unwrap();
        meet(
            move || drop(guard),
            || {
                let revoked = world.revoke(0).len();
                let taken = world.polled(2);
                assert!(taken.is_empty() || revoked == 1 && taken == [TakenBy::Revocation]);
            },
        );
        assert_eq!(world.used(), [0; 3]);
        assert_eq!(connection.prune(), Ok(()));
    });
}

/// Another lock holds the connection, so that to unlock it twice would show.
#[test]
fn a_lock_that_is_dropped_and_taken_away_ends_once() {
    story(|| {
        let world = World::new(2);
        let connection = world.connection(0);
        let guard = world.lock(&connection).unwrap();
        let stays = world.lock(&connection).unwrap();
        assert_eq!(stays.renew(at(0), at(100)), Ok(at(100)));
        meet(move || drop(guard), || world.polled(10));
        assert_eq!(connection.prune(), Err(Kept::Locked(1)));
        assert_eq!(world.used(), [1; 3]);
        drop(stays);
        assert_eq!(world.used(), [0; 3]);
    });
}

#[test]
fn of_two_revocations_one_tells_the_holder() {
    story(|| {
        let world = World::new(2);
        let connection = world.connection(0);
        let guard = world.lock(&connection).unwrap();
        let (one, other) = meet(
            {
                let world = world.clone();
                move || world.revoke(0).len()
            },
            || world.revoke(0).len(),
        );
        assert_eq!(one + other, 1);
        assert_eq!(guard.state(at(0)), LockState::Revoking { until: at(2) });
    });
}

#[test]
fn of_two_who_take_a_lock_away_one_does() {
    story(|| {
        let world = World::new(2);
        let connection = world.connection(0);
        let guard = world.lock(&connection).unwrap();
        let stays = world.lock(&connection).unwrap();
        assert_eq!(stays.renew(at(0), at(100)), Ok(at(100)));
        let (one, other) = meet(
            {
                let world = world.clone();
                move || world.polled(10).len()
            },
            || world.polled(10).len(),
        );
        assert_eq!(one + other, 1);
        drop(guard);
        assert_eq!(connection.prune(), Err(Kept::Locked(1)));
        assert_eq!(world.used(), [1; 3]);
        drop(stays);
    });
}

#[test]
fn a_renewal_that_meets_a_revocation_does_not_outlast_it() {
    story(|| {
        let world = World::new(2);
        let connection = world.connection(0);
        let guard = world.lock(&connection).unwrap();
        let (revoked, renewed) = meet(
            {
                let world = world.clone();
                move || world.revoke(0).len()
            },
            || guard.renew(at(0), at(100)),
        );
        assert_eq!(revoked, 1);
        match renewed {
            Ok(until) => assert_eq!(until, at(100)),
            Err(RenewDenied::Revoking { until }) => assert_eq!(until, at(2)),
            Err(denied) => assert_eq!(denied, RenewDenied::Denied(LockDenied::Yielding)),
        }
        assert_eq!(guard.state(at(1)), LockState::Revoking { until: at(2) });
        assert_eq!(world.polled(2), [TakenBy::Revocation]);
        assert_eq!(world.used(), [0; 3]);
    });
}

/// One says that the lease has run out, the other renews it a second before that.
#[test]
fn a_renewal_that_was_granted_is_not_taken_away() {
    story(|| {
        let world = World::new(2);
        let connection = world.connection(0);
        let guard = Arc::new(world.lock(&connection).unwrap());
        let (taken, renewed) = meet(
            {
                let world = world.clone();
                move || world.polled(10)
            },
            || guard.renew(at(9), at(100)),
        );
        match renewed {
            // The moment that it was told is 10, if the other came first.
            Ok(until) => {
                assert!(taken.is_empty(), "until {until:?}");
                assert_eq!(connection.prune(), Err(Kept::Locked(1)));
            }
            Err(denied) => {
                assert_eq!((denied, taken), (RenewDenied::Over, vec![TakenBy::Lease]));
                assert_eq!(world.used(), [0; 3]);
            }
        }
    });
}

/// The lock may be granted as its connection begins to yield; it holds, and the next revocation finds it.
#[test]
fn a_lock_meets_a_revocation_of_its_connection() {
    story(|| {
        let world = World::new(2);
        let connection = world.connection(0);
        let guard = world.lock(&connection).unwrap();
        let (locked, first) = meet(
            {
                let (world, connection) = (world.clone(), connection.clone());
                move || world.lock(&connection)
            },
            || world.revoke(0).len(),
        );
        assert_eq!(world.lock(&connection).unwrap_err(), LockDenied::Yielding);
        match locked {
            Ok(other) => {
                assert_eq!(first + world.revoke(0).len(), 2);
                assert_eq!(world.polled(2), [TakenBy::Revocation; 2]);
                drop(other);
            }
            Err(denied) => {
                assert_eq!((denied, first), (LockDenied::Yielding, 1));
                assert_eq!(world.polled(2), [TakenBy::Revocation]);
            }
        }
        drop(guard);
        assert_eq!(connection.prune(), Ok(()));
        assert_eq!(world.used(), [0; 3]);
    });
}

/// A budget is lowered, and the least priority raised, while a lock is granted.
#[test]
fn a_change_of_budgets_loses_no_charge() {
    story(|| {
        let world = World::new(2);
        let connection = world.connection(0);
        let (locked, ()) = meet(
            {
                let (world, connection) = (world.clone(), connection.clone());
                move || world.lock(&connection)
            },
            || {
                world.locks.set_protocol_budget(world.slot, 0);
                world.locks.set_connection_budget(0);
                world.locks.set_least_priority(LockPriority::High);
            },
        );
        let held = u32::from(locked.is_ok());
        assert_eq!(world.used(), [held; 3]);
        assert_eq!(world.locks.connection_usage().limit, 0);
        drop(locked);
        assert_eq!(world.used(), [0; 3]);
    });
}
