//! Locks as their users see them, and against a plain account of what is locked.

use std::{
    panic,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use super::*;
use crate::slot::{Slot, Slots};

mod properties;

const fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn slot(number: u8) -> Slot {
    Slot::new(number).unwrap()
}

/// Locks with room for so many connections, two of each peer, and for ten locks of protocol 0 and 1.
fn locks(connections: u32) -> Locks {
    let locks = Locks::new(LockBudgets { connections, connections_per_peer: 2 });
    locks.set_protocol_budget(slot(0), 10);
    locks.set_protocol_budget(slot(1), 10);
    locks
}

/// A connection of a peer that has no other.
fn connection(locks: &Locks, key: u32) -> LiveConnection {
    Arc::new(ConnectionCell::new(key)).open(at(0), &locks.peer()).unwrap()
}

fn asked(lease: u64) -> LockRequest {
    LockRequest { lease: at(lease), ..LockRequest::default() }
}

fn plan(connections: usize) -> RevocationPlan {
    RevocationPlan { connections, patience: at(2), over_quota: Slots::EMPTY, why: "a test" }
}

fn used(locks: &Locks) -> [u32; 2] {
    [locks.connection_usage().used, locks.protocol_usage(slot(0)).used]
}

#[test]
fn a_locked_connection_is_not_pruned_and_a_pruned_one_not_locked() {
    let locks = locks(9);
    let connection = connection(&locks, 0);
    let [first, second] =
        [0, 1].map(|number| locks.lock(at(0), &connection, slot(number), asked(30)).unwrap());
    assert_eq!(connection.prune(), Err(Kept::Locked(2)));
    drop(first);
    assert_eq!(connection.prune(), Err(Kept::Locked(1)));
    assert_eq!(used(&locks), [1, 0]);
    drop(second);
    assert_eq!(used(&locks), [0, 0]);
    assert_eq!(connection.prune(), Ok(()));
    assert_eq!(connection.prune(), Err(Kept::Closing), "one is told to close it");
    let denied = locks.lock(at(0), &connection, slot(0), asked(30)).unwrap_err();
    assert_eq!((denied, used(&locks)), (LockDenied::Closing, [0, 0]));
    assert!(connection.close() && !connection.close());
    assert_eq!(connection.prune(), Err(Kept::Gone));
}

#[test]
fn each_budget_denies_and_leaves_no_trace() {
    let locks = locks(3);
    let peer = locks.peer();
    let of_peer = |key| Arc::new(ConnectionCell::new(key)).open(at(0), &peer).unwrap();
    let held = [0, 1].map(|key| locks.lock(at(0), &of_peer(key), slot(0), asked(30)).unwrap());
    let denied = |connection: &LiveConnection, number| {
        let before = used(&locks);
        let denied = locks.lock(at(0), connection, slot(number), asked(30)).unwrap_err();
        assert_eq!(used(&locks), before);
        denied
    };
    assert_eq!(denied(&of_peer(2), 0), LockDenied::PeerBudget { limit: 2 });
    let again = locks.lock(at(0), held[0].connection(), slot(0), asked(30)).unwrap();
    assert_eq!(used(&locks), [2, 3], "a connection that is locked needs no more room");

    let third = locks.lock(at(0), &connection(&locks, 3), slot(0), asked(30)).unwrap();
    assert_eq!(denied(&connection(&locks, 4), 0), LockDenied::GlobalBudget { limit: 3 });
    assert_eq!(denied(&connection(&locks, 4), 2), LockDenied::ProtocolBudget { limit: 0 });
    drop((held, again, third));
    assert_eq!((used(&locks), peer.usage().used), ([0, 0], 0));
}

#[test]
fn under_pressure_only_what_matters_is_locked_and_renewed() {
    let locks = locks(9);
    let connection = connection(&locks, 0);
    let request = |priority| LockRequest { priority, ..asked(30) };
    let lock = |priority| locks.lock(at(0), &connection, slot(0), request(priority));
    let normal = lock(LockPriority::Normal).unwrap();
    locks.set_least_priority(LockPriority::High);
    let denied = LockDenied::Pressure { least: LockPriority::High };
    assert_eq!(lock(LockPriority::Normal).unwrap_err(), denied);
    assert_eq!(normal.renew(at(1), at(30)), Err(RenewDenied::Denied(denied)));
    assert_eq!(normal.state(at(1)), LockState::Held { until: at(30) }, "it keeps its lease");
    let high = lock(LockPriority::High).unwrap();
    assert_eq!(high.renew(at(1), at(30)), Ok(at(31)));
    locks.set_least_priority(LockPriority::Low);
    assert!(lock(LockPriority::Low).is_ok());
}

#[test]
fn a_lease_ends_at_its_time_and_a_renewal_puts_that_off() {
    let locks = locks(9);
    let connection = connection(&locks, 0);
    let guard = locks.lock(at(0), &connection, slot(0), asked(30)).unwrap();
    assert_eq!(locks.next_due(), Some(at(30)));
    assert_eq!(guard.renew(at(10), at(30)), Ok(at(40)));
    assert_eq!(guard.renew(at(10), at(1)), Ok(at(40)), "it does not become shorter");
    assert!(locks.poll(at(39)).is_empty());
    assert_eq!(guard.state(at(40)), LockState::Over);
    assert_eq!(connection.prune(), Err(Kept::Locked(1)), "until it is taken away");
    assert_eq!(guard.renew(at(40), at(30)), Err(RenewDenied::Over));
    let taken = locks.poll(at(40));
    assert_eq!(taken.iter().map(|taken| taken.by).collect::<Vec<_>>(), [TakenBy::Lease]);
    assert_eq!((used(&locks), locks.next_due()), ([0, 0], None));

    let next = locks.lock(at(40), &connection, slot(0), asked(30)).unwrap();
    drop(guard);
    assert_eq!(connection.prune(), Err(Kept::Locked(1)), "a late drop takes nothing of another's");
    drop(next);
    assert_eq!(used(&locks), [0, 0]);
}

#[test]
fn no_lease_is_longer_than_the_longest_and_no_clock_goes_back() {
    let locks = locks(9);
    let connection = connection(&locks, 0);
    let guard = locks.lock(at(100), &connection, slot(0), asked(u64::MAX)).unwrap();
    assert_eq!(guard.state(at(0)), LockState::Held { until: at(700) });
    assert_eq!(guard.renew(at(50), Duration::MAX), Ok(at(700)), "50 is taken for 100");
    assert!(locks.poll(Duration::ZERO).is_empty());
    assert_eq!(locks.poll(Duration::MAX).len(), 1);
}

#[test]
fn a_lowered_budget_is_reached_as_leases_end() {
    let locks = locks(9);
    let guards = [0, 1, 2]
        .map(|key| locks.lock(at(0), &connection(&locks, key), slot(0), asked(30)).unwrap());
    locks.set_connection_budget(2);
    let [first, second, third] = guards;
    let denied = RenewDenied::Denied(LockDenied::GlobalBudget { limit: 2 });
    assert_eq!(first.renew(at(1), at(30)), Err(denied));
    drop(third);
    assert_eq!(second.renew(at(1), at(30)), Ok(at(31)));
    locks.set_protocol_budget(slot(0), 1);
    let denied = RenewDenied::Denied(LockDenied::ProtocolBudget { limit: 1 });
    assert_eq!(second.renew(at(2), at(30)), Err(denied));
}

#[test]
fn a_revocation_tells_once_and_takes_away_at_its_deadline() {
    let locks = locks(9);
    let connection = connection(&locks, 0);
    let told = Arc::new(AtomicU32::new(0));
    let on_revoke = {
        let told = told.clone();
        move |notice: Notice| {
            assert_eq!(notice, Notice { until: at(7), why: "a test" });
            told.fetch_add(1, Ordering::Relaxed);
        }
    };
    let request = LockRequest { on_revoke: Some(Box::new(on_revoke)), ..asked(30) };
    let guard = locks.lock(at(0), &connection, slot(0), request).unwrap();
    let mut revocations = locks.revoke(at(5), plan(1));
    assert_eq!(told.load(Ordering::Relaxed), 0, "the caller tells");
    assert_eq!(revocations.pop().unwrap().deliver(), Delivery::Told);
    assert!(revocations.is_empty() && locks.revoke(at(5), plan(1)).is_empty());
    assert_eq!(told.load(Ordering::Relaxed), 1);

    assert_eq!(guard.state(at(6)), LockState::Revoking { until: at(7) });
    assert_eq!(guard.renew(at(6), at(30)), Err(RenewDenied::Revoking { until: at(7) }));
    let denied = locks.lock(at(6), &connection, slot(1), asked(30)).unwrap_err();
    assert_eq!(denied, LockDenied::Yielding);
    assert_eq!(locks.next_due(), Some(at(7)));
    assert!(locks.poll(at(6)).is_empty());
    assert_eq!(locks.poll(at(7))[0].by, TakenBy::Revocation);
    assert_eq!(guard.state(at(7)), LockState::Over);
    assert_eq!(used(&locks), [0, 0]);
    drop(guard);
    assert_eq!(used(&locks), [0, 0]);
    assert_eq!(connection.prune(), Ok(()));
}

#[test]
fn a_connection_that_was_not_pruned_after_all_may_be_locked_again() {
    let locks = locks(9);
    let connection = connection(&locks, 0);
    let guard = locks.lock(at(0), &connection, slot(0), asked(30)).unwrap();
    assert_eq!(locks.revoke(at(0), plan(1)).len(), 1);
    drop(guard);
    assert_eq!(locks.next_due(), Some(at(12)));
    locks.poll(at(11));
    assert!(connection.look().unwrap().yielding);
    locks.poll(at(12));
    assert!(locks.lock(at(12), &connection, slot(0), asked(30)).is_ok());
    assert_eq!(locks.next_due(), None);
}

#[test]
fn a_lease_that_ends_before_the_deadline_ends_then() {
    let locks = locks(9);
    let guard = locks.lock(at(0), &connection(&locks, 0), slot(0), asked(1)).unwrap();
    let told = locks.revoke(at(0), plan(1)).pop().unwrap().notice();
    assert_eq!(told.until, at(1));
    assert_eq!(guard.state(at(0)), LockState::Revoking { until: at(1) });
}

#[test]
fn a_callback_that_drops_the_guard_or_panics_or_was_not_asked_for_harms_nothing() {
    let locks = locks(9);
    let connections = [0, 1, 2].map(|key| connection(&locks, key));
    let slot_of_guard = Arc::new(std::sync::Mutex::new(None));
    let drops: OnRevoke = {
        let guard = slot_of_guard.clone();
        Box::new(move |_| drop::<Option<LockGuard>>(guard.lock().unwrap().take()))
    };
    // As a panic does, but for its message.
    let panics: OnRevoke = Box::new(|_| panic::resume_unwind(Box::new(())));
    let callbacks = [Some(drops), Some(panics), None];
    let mut guards = Vec::new();
    for (connection, on_revoke) in connections.iter().zip(callbacks) {
        let request = LockRequest { on_revoke, ..asked(30) };
        guards.push(locks.lock(at(0), connection, slot(0), request).unwrap());
    }
    *slot_of_guard.lock().unwrap() = Some(guards.remove(0));
    let told: Vec<_> = locks.revoke(at(0), plan(9)).into_iter().map(Revocation::deliver).collect();
    assert_eq!(told, [Delivery::Told, Delivery::Panicked, Delivery::NobodyAsked]);
    assert_eq!(connections[0].prune(), Ok(()));
    assert_eq!(locks.poll(at(2)).len(), 2);
    assert_eq!(used(&locks), [0, 0]);
}

#[test]
fn what_a_callback_owns_is_let_go_when_the_lock_ends() {
    let locks = locks(9);
    let connection = connection(&locks, 0);
    let owned = Arc::new(());
    let request = || {
        let owned = owned.clone();
        LockRequest { on_revoke: Some(Box::new(move |_| drop(owned))), ..asked(30) }
    };
    drop(locks.lock(at(0), &connection, slot(0), request()).unwrap());
    assert_eq!(Arc::strong_count(&owned), 1);
    let guard = locks.lock(at(0), &connection, slot(0), request()).unwrap();
    locks.poll(at(30));
    assert_eq!(Arc::strong_count(&owned), 1, "though the guard is still there");
    drop(guard);
}

#[test]
fn locks_of_a_closed_connection_are_void_and_do_not_touch_the_next_in_its_cell() {
    let locks = locks(9);
    let cell = Arc::new(ConnectionCell::new(0));
    let peer = locks.peer();
    let first = cell.open(at(0), &peer).unwrap();
    let guards = [(); 2].map(|()| locks.lock(at(0), &first, slot(0), asked(30)).unwrap());
    assert!(cell.open(at(0), &peer).is_none(), "it has a connection");
    first.close();
    assert_eq!((used(&locks), peer.usage().used), ([0, 2], 0));
    assert_eq!(guards[0].state(at(0)), LockState::Over);
    let denied = RenewDenied::Denied(LockDenied::Closing);
    assert_eq!(guards[0].renew(at(0), at(30)), Err(denied));
    assert!(locks.revoke(at(0), plan(9)).is_empty());

    let next = cell.open(at(5), &peer).unwrap();
    let held = locks.lock(at(5), &next, slot(1), asked(30)).unwrap();
    let [dropped, kept] = guards;
    drop(dropped);
    assert_eq!(locks.poll(at(5))[0].by, TakenBy::Close);
    drop(kept);
    first.touch(at(9));
    assert!(!first.close() && first.look().is_none());
    let look = next.look().unwrap();
    assert_eq!((look.locks, look.last_use, used(&locks)), (1, at(5), [1, 0]));
    drop(held);
}

#[test]
fn a_protocol_that_is_withdrawn_keeps_no_lock() {
    let locks = locks(9);
    let connection = connection(&locks, 0);
    let gone = locks.lock(at(0), &connection, slot(0), asked(30)).unwrap();
    let stays = locks.lock(at(0), &connection, slot(1), asked(30)).unwrap();
    let taken = locks.withdraw(slot(0));
    assert_eq!(taken.iter().map(|taken| taken.by).collect::<Vec<_>>(), [TakenBy::Withdrawal]);
    assert_eq!(gone.state(at(0)), LockState::Over);
    assert_eq!(connection.prune(), Err(Kept::Locked(1)));
    let denied = locks.lock(at(0), &connection, slot(0), asked(30)).unwrap_err();
    assert_eq!(denied, LockDenied::ProtocolBudget { limit: 0 });
    drop((gone, stays));
    assert_eq!((used(&locks), connection.prune()), ([0, 0], Ok(())));
}

#[test]
fn the_last_use_is_noted_in_seconds_and_never_goes_back() {
    let locks = locks(9);
    let connection = connection(&locks, 0);
    let last_use = || connection.look().unwrap().last_use;
    connection.touch(Duration::from_millis(2700));
    assert_eq!(last_use(), at(2));
    connection.touch(at(1));
    assert_eq!(last_use(), at(2));
    connection.touch(Duration::MAX);
    assert_eq!(last_use(), at(u32::MAX.into()));
}

#[test]
fn who_locks_revokes_polls_and_prunes_at_once_leaves_every_budget_as_it_was() {
    let locks = locks(3);
    let peer = locks.peer();
    let cells = [0, 1, 2, 3].map(|key| Arc::new(ConnectionCell::new(key)));
    let pruned = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let (locks, peer, cells, pruned) = (&locks, &peer, &cells, &pruned);
            scope.spawn(move || {
                for step in 0..3_000 {
                    let now = at(step / 10);
                    let cell = &cells[((step * 7 + thread) % 4) as usize];
                    let Some(live) = cell.open(now, peer) else {
                        locks.poll(now);
                        continue;
                    };
                    let guard = locks.lock(now, &live, slot(0), asked(step % 3));
                    for revocation in locks.revoke(now, plan((step % 2) as usize)) {
                        revocation.deliver();
                    }
                    if guard.is_ok_and(|guard| step % 5 == 0 || guard.renew(now, at(9)).is_ok()) {
                        live.touch(now);
                    }
                    pruned.fetch_add(live.prune().is_ok().into(), Ordering::Relaxed);
                    assert!(live.close());
                }
            });
        }
    });
    locks.poll(Duration::MAX);
    assert_eq!((used(&locks), peer.usage().used), ([0, 0], 0));
    assert_eq!(locks.next_due(), None);
    assert!(pruned.into_inner() > 0);
}

#[test]
fn everything_may_go_from_thread_to_thread() {
    fn shared<T: Send + Sync>() {}
    fn sent<T: Send>() {}
    shared::<(Locks, PeerLocks, LiveConnection, LockGuard)>();
    sent::<(LockRequest, Revocation)>();
}
