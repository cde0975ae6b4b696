//! Rules (I2), (R9) and (R10): an operation goes by one snapshot of the limits from its look to its
//! end, and frees none.
//!
//! In the old limits the peer admits nothing and system everything, in the new ones the reverse:
//! a reservation that mixed the two would be admitted. A third thread sets a limit of one scope,
//! which must not undo the swap; in another story it requires a priority. And a thread drops the limits
//! that it went by, maybe as the last that goes by them, while they are replaced.
//! Bounds: 3 threads, 3 preemptions; 2 threads, 5 preemptions. Run time: under a second.

use std::sync::Arc;

use loom::thread;
use rcmgr_loom_tests::counters::Request;
use rcmgr_loom_tests::fixture::{World, explore, memory};
use rcmgr_loom_tests::owner::OwnerRef;
use rcmgr_loom_tests::snapshot::{Snapshot, Store};
use rcmgr_loom_tests::{Amount, Error, Limits, Priority, ScopeId};

fn store(limits: Limits) -> Arc<Store> {
    Arc::new(Store::new(Snapshot::new(limits, None)))
}

#[test]
fn no_operation_mixes_two_snapshots() {
    explore(3, || {
        let old = Limits { peer: memory(0), ..Limits::default() };
        let new = Limits { system: memory(0), ..Limits::default() };
        let world = World::new(old.clone());
        let store = store(old);
        let leaf = world.stream(b"1");
        let prepared = store.prepare(new);
        let swap = {
            let store = store.clone();
            thread::spawn(move || store.publish(&prepared))
        };
        let set = {
            let store = store.clone();
            let id = ScopeId::Protocol("a".into());
            thread::spawn(move || store.set_limit(&id, Some(memory(7))))
        };
        let refused = store.with(|snapshot| {
            OwnerRef::Leaf(&leaf).reserve(&Request::memory(snapshot, 5, Priority::ALWAYS))
        });
        assert!(refused.is_err(), "each snapshot refuses");
        swap.join().unwrap();
        set.join().unwrap();
        store.with(|snapshot| {
            let places = snapshot.places();
            let at = |id: &ScopeId| places.at(places.place(id)).memory.get();
            assert_eq!(at(&ScopeId::System), 0, "the swap stands");
            assert_eq!(at(&ScopeId::Protocol("a".into())), 7, "so does the single limit");
        });
        leaf.close();
        world.assert_nothing_held();
        assert_eq!(leaf.held(), Amount::ZERO);
    });
}

#[test]
fn a_swap_and_a_required_priority_do_not_undo_each_other() {
    explore(3, || {
        let world = World::new(Limits::default());
        let store = store(Limits::default());
        let leaf = world.stream(b"1");
        let prepared = store.prepare(Limits { system: memory(0), ..Limits::default() });
        let swap = {
            let store = store.clone();
            thread::spawn(move || store.publish(&prepared))
        };
        let require = {
            let store = store.clone();
            thread::spawn(move || store.require_priority(Priority::HIGH))
        };
        let reserve = |priority| {
            store.with(|snapshot| {
                OwnerRef::Leaf(&leaf).reserve(&Request::memory(snapshot, 5, priority))
            })
        };
        // By the limits and the priority of some snapshot; what is refused has charged nothing.
        if reserve(Priority::LOW).is_ok() {
            leaf.release(5);
        }
        swap.join().unwrap();
        require.join().unwrap();
        let (asked, required) = (Priority::LOW, Priority::HIGH);
        assert_eq!(reserve(asked), Err(Error::MemoryPressure { asked, required }));
        assert!(matches!(reserve(required), Err(Error::Refused(_))), "the swap stands");
        leaf.close();
        world.assert_nothing_held();
    });
}

#[test]
fn who_goes_by_limits_frees_none() {
    explore(5, || {
        let store = store(Limits::default());
        let swap = {
            let store = store.clone();
            thread::spawn(move || {
                store.publish(&store.prepare(Limits::default()));
                store.collect();
            })
        };
        let limits = store.with(|snapshot| {
            // Steps that the other's depend on, so that loom tries both orders: as an observer may
            // use the manager that calls it.
            store.with(|_| ());
            store.collect();
            Arc::downgrade(snapshot.places().limits())
        });
        // No step since the snapshot was dropped: if its limits are gone, this thread freed them.
        assert!(limits.strong_count() > 0, "they are kept for whoever swaps");
        swap.join().unwrap();
        store.collect();
        let current = store.with(|snapshot| Arc::downgrade(snapshot.places().limits()));
        assert_eq!(limits.strong_count() > 0, limits.ptr_eq(&current), "the old ones are freed");
    });
}
