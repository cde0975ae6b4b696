//! Rule (I2): an operation goes by one snapshot of the limits from its look to its end.
//!
//! In the old limits the peer admits nothing and system everything, in the new ones the reverse:
//! a reservation that mixed the two would be admitted. A third thread sets a limit of one scope,
//! which must not undo the swap.
//! Bounds: 3 threads, 3 preemptions. Run time: under a second.

use std::sync::Arc;

use loom::thread;
use rcmgr_loom_tests::counters::Request;
use rcmgr_loom_tests::fixture::{World, explore, memory};
use rcmgr_loom_tests::owner::OwnerRef;
use rcmgr_loom_tests::snapshot::{Snapshot, Store};
use rcmgr_loom_tests::{Amount, Limits, Priority, ScopeId};

#[test]
fn no_operation_mixes_two_snapshots() {
    explore(3, || {
        let old = Limits { peer: memory(0), ..Limits::default() };
        let new = Limits { system: memory(0), ..Limits::default() };
        let world = World::new(old.clone());
        let store = Arc::new(Store::new(Snapshot::new(old, None)));
        let leaf = world.stream(b"1");
        let swap = {
            let store = store.clone();
            thread::spawn(move || store.set_limits(new))
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
            let at = |id: &ScopeId| snapshot.at(snapshot.place(id)).memory.get();
            assert_eq!(at(&ScopeId::System), 0, "the swap stands");
            assert_eq!(at(&ScopeId::Protocol("a".into())), 7, "so does the single limit");
        });
        leaf.close();
        world.assert_nothing_held();
        assert_eq!(leaf.held(), Amount::ZERO);
    });
}
