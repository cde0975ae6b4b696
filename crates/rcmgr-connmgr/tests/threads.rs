//! A manager that is used from many threads at once.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use rcmgr_connmgr::{
    Bounds, Close, ConnectionId, Direction, Event, Manager, Peer, Settings, Watermarks,
    decay::{Bump, Decay},
    trim::Order,
};

const THREADS: u64 = 8;
const ROUNDS: u64 = 2_000;

fn peer(number: u64) -> Peer {
    Peer::new(format!("peer {number}").as_bytes()).expect("it is not empty")
}

fn manager(low: u64, high: u64) -> Manager {
    Manager::new(Settings {
        marks: Watermarks::new(low, high).expect("they do not cross"),
        grace: Duration::ZERO,
        ..Settings::default()
    })
    .expect("the settings make sense")
}

fn open(manager: &Manager, now: Duration, peer: &Peer, id: u64) {
    let address = Arc::from("/ip4/192.0.2.1");
    let opened =
        manager.connection_opened(now, peer, ConnectionId(id), Direction::Inbound, address, 1);
    opened.expect("there is room");
}

/// Connections of 8 threads, to peers of their own and to shared ones, while two threads trim.
/// Each connection is closed by whose it is; so each decision is to be about one that is open, and
/// handed out once.
#[test]
fn nothing_is_decided_twice_and_nothing_is_left() {
    let manager = manager(4, 8);
    let fades = manager
        .register_decaying("fades", Duration::from_secs(60), Decay::Fixed(1), Bump::Unbounded)
        .unwrap();
    let (left, clock) = (AtomicU64::new(THREADS), AtomicU64::new(0));
    let work = |thread: u64| {
        for round in 0..ROUNDS {
            let now = Duration::from_millis(clock.fetch_add(1, SeqCst));
            let own = peer(thread * 100 + round % 16);
            let shared = peer(10_000 + round % 5);
            let id = 2 * (thread * ROUNDS + round);
            open(&manager, now, &own, id);
            open(&manager, now, &shared, id + 1);
            manager.tag(now, &own, "own", round as i64).unwrap();
            manager.tag(now, &shared, "shared", 1).unwrap();
            manager.upsert_tag(now, &shared, "count", |count| count + 1).unwrap();
            manager.bump(now, &shared, fades, 1).unwrap();
            manager.untag(&own, "own");
            assert!(manager.connection_closed(&own, ConnectionId(id)));
            assert!(!manager.connection_closed(&own, ConnectionId(id)));
            assert!(manager.connection_closed(&shared, ConnectionId(id + 1)));
        }
        left.fetch_sub(1, SeqCst);
    };
    let trims = || {
        let mut decided = Vec::new();
        while left.load(SeqCst) > 0 {
            let now = Duration::from_millis(clock.fetch_add(1, SeqCst));
            decided.extend(manager.trim(now).close);
            decided.extend(manager.force_trim(now).close);
            while let Some(event) = manager.poll(now) {
                if let Event::Looked { trim: Some(trim), .. } = event {
                    decided.extend(trim.close);
                }
            }
        }
        decided
    };
    let decided: Vec<Close> = thread::scope(|scope| {
        for thread in 0..THREADS {
            scope.spawn(move || work(thread));
        }
        let trims = [scope.spawn(trims), scope.spawn(trims)];
        trims.into_iter().flat_map(|trims| trims.join().unwrap()).collect()
    });
    let distinct: BTreeSet<ConnectionId> = decided.iter().map(|close| close.connection).collect();
    assert_eq!(distinct.len(), decided.len(), "one was decided twice");
    assert_eq!(manager.info().connections, 0);
    // What is left are tags that came when a shared peer had no connection.
    let end = Duration::from_secs(1_000_000);
    while manager.poll(end).is_some() {}
    assert!(manager.ranked(end, Order::Regular).is_empty());
}

#[test]
fn bounds_hold_to_the_last_one_whichever_shards_have_the_room() {
    let bounds = Bounds { connections: 10_000, temporary_peers: 1_000, ..Bounds::default() };
    let manager = Manager::new(Settings { bounds, ..Settings::default() }).unwrap();
    let now = Duration::ZERO;
    let fill = |from: u64, to: u64| {
        let opened = (from..to).filter(|number| {
            let (peer, id) = (peer(*number), ConnectionId(*number));
            manager.connection_opened(now, &peer, id, Direction::Inbound, "".into(), 0).is_ok()
        });
        opened.count()
    };
    let opened: usize = thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|thread| scope.spawn(move || fill(thread * 2_000, (thread + 1) * 2_000)))
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert!(opened <= 10_000);
    // What threads held at the same time as others looked for it, one after the other finds.
    assert_eq!(opened + fill(100_000, 103_000), 10_000);
    let tagged =
        (200_000..202_000).filter(|number| manager.tag(now, &peer(*number), "x", 1).is_ok());
    assert_eq!(tagged.count(), 1_000);
    assert_eq!(fill(200_000, 200_001), 0);
    let known = (0..16_000).find(|number| manager.tag_info(&peer(*number)).is_some()).unwrap();
    assert!(manager.connection_closed(&peer(known), ConnectionId(known)));
    assert_eq!(fill(200_000, 200_001), 1, "what one shard gave back another one has");
}

#[test]
fn no_change_of_a_tag_is_lost() {
    let manager = manager(0, 0);
    let now = Duration::ZERO;
    open(&manager, now, &peer(1), 1);
    let count = || {
        for _ in 0..ROUNDS {
            let change = |count| {
                thread::yield_now();
                count + 1
            };
            manager.upsert_tag(now, &peer(1), "count", change).unwrap();
        }
    };
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(count);
        }
    });
    let info = manager.tag_info(&peer(1)).unwrap();
    assert_eq!(info.value, (THREADS * ROUNDS) as i64);
}

#[test]
fn a_function_is_called_again_where_what_it_was_told_changed_meanwhile() {
    let manager = Arc::new(manager(1, 2));
    let (now, peer) = (Duration::ZERO, peer(1));
    let first = AtomicBool::new(true);
    let change = |old| {
        if first.swap(false, SeqCst) {
            manager.tag(now, &peer, "t", 100).unwrap();
        }
        old + 1
    };
    manager.upsert_tag(now, &peer, "t", change).unwrap();
    assert_eq!(manager.tag_info(&peer).unwrap().value, 101);

    let bumped = Arc::new(std::sync::OnceLock::new());
    let bump = {
        let (manager, peer, bumped) = (Arc::clone(&manager), peer.clone(), Arc::clone(&bumped));
        let first = AtomicBool::new(true);
        Bump::Custom(Box::new(move |value, by| {
            if first.swap(false, SeqCst) {
                manager.bump(now, &peer, *bumped.get().unwrap(), 100).unwrap();
            }
            value.value + by
        }))
    };
    let tag = manager.register_decaying("d", Duration::ZERO, Decay::None, bump).unwrap();
    bumped.set(tag).unwrap();
    manager.bump(now, &peer, tag, 1).unwrap();
    assert_eq!(manager.tag_info(&peer).unwrap().value, 202);
}

/// A peer that is protected before a trim begins is in none of its decisions.
#[test]
fn a_protection_that_was_there_first_always_wins() {
    let manager = manager(1, 2);
    let now = Duration::ZERO;
    for number in 0..64 {
        open(&manager, now, &peer(number), number);
    }
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..ROUNDS {
                let number = round % 64;
                manager.protect(&peer(number), "x").unwrap();
                let report = manager.trim(now);
                assert!(report.close.iter().all(|close| close.peer != peer(number)));
                manager.unprotect(&peer(number), "x");
            }
            over.store(true, SeqCst);
        });
        scope.spawn(|| {
            while !over.load(SeqCst) {
                for close in manager.trim(now).close {
                    assert!(manager.connection_closed(&close.peer, close.connection));
                    open(&manager, now, &close.peer, close.connection.0);
                }
            }
        });
    });
}

#[test]
fn functions_of_the_caller_may_call_the_manager() {
    let manager = Arc::new(manager(1, 2));
    let (now, peer) = (Duration::from_secs(60), peer(1));
    open(&manager, Duration::ZERO, &peer, 1);
    let value = {
        let (manager, peer) = (Arc::clone(&manager), peer.clone());
        move || manager.tag_info(&peer).map_or(0, |info| info.value)
    };
    let decay = {
        let value = value.clone();
        Decay::Custom(Box::new(move |_, _| rcmgr_connmgr::decay::Decayed::To(value() - 1)))
    };
    let bump = {
        let value = value.clone();
        Bump::Custom(Box::new(move |_, by| value() + by))
    };
    let tag = manager.register_decaying("d", Duration::ZERO, decay, bump).unwrap();
    manager.upsert_tag(now, &peer, "t", |_| value() + 5).unwrap();
    manager.bump(now, &peer, tag, 10).unwrap();
    assert_eq!(manager.tag_info(&peer).unwrap().value, 20);
    assert_eq!(manager.poll(now), Some(Event::Decayed));
    assert_eq!(manager.tag_info(&peer).unwrap().value, 24);
}

#[test]
fn a_function_of_the_caller_that_panics_breaks_nothing() {
    let manager = manager(1, 2);
    let now = Duration::ZERO;
    open(&manager, now, &peer(1), 1);
    let panics = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        manager.upsert_tag(now, &peer(1), "t", |_| panic!("as the test wants it"))
    }));
    assert!(panics.is_err());
    manager.tag(now, &peer(1), "t", 1).unwrap();
    assert!(manager.connection_closed(&peer(1), ConnectionId(1)));
}

#[test]
fn a_manager_is_shared_as_it_is() {
    fn shared<T: Send + Sync>() {}
    shared::<Manager>();
}
