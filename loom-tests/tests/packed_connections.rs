//! Rule: the three fields of the connections word (inbound, outbound, descriptors) are admitted
//! together or not at all, and given back field by field.
//!
//! System has room for two connections and one descriptor; two threads open one each, with its
//! descriptor, while a connection without one is closed.
//! Bounds: 3 threads, 3 preemptions. Run time: under a second.

use loom::thread;
use rcmgr_loom_tests::fixture::{World, explore};
use rcmgr_loom_tests::leaf::{Leaf, LeafKind};
use rcmgr_loom_tests::path::Pinned;
use rcmgr_loom_tests::sync::StrongArc;
use rcmgr_loom_tests::{Direction, Error, Limit, Limits, Resource};

fn open(world: &World, direction: Direction, descriptor: bool) -> Result<StrongArc<Leaf>, Error> {
    let path = Pinned::assume(world.registry.fixed.transient.clone());
    let kind = LeafKind::Connection(direction, descriptor);
    Leaf::admit(kind, &world.snapshot)?.open(path, &world.snapshot)
}

#[test]
fn a_connection_and_its_descriptor_are_admitted_together() {
    explore(3, || {
        let mut limits = Limits::default();
        limits.system.connections = Limit::new(2);
        limits.system.file_descriptors = Limit::new(1);
        let world = World::new(limits);
        let plain = open(&world, Direction::Outbound, false).unwrap();
        let opener = {
            let world = world.clone();
            thread::spawn(move || open(&world, Direction::Inbound, true))
        };
        let closer = {
            let plain = plain.clone();
            thread::spawn(move || plain.close())
        };
        let results = [open(&world, Direction::Outbound, true), opener.join().unwrap()];
        closer.join().unwrap();

        let opened: Vec<_> = results.iter().filter_map(|result| result.as_ref().ok()).collect();
        assert!(opened.len() <= 1, "there is one descriptor");
        for refused in results.iter().filter_map(|result| result.as_ref().err()) {
            let resource = refused.refusal().expect("refused by a limit").resource;
            let expected = [Resource::FileDescriptors, Resource::Connections];
            assert!(expected.contains(&resource));
        }
        let held = world.system();
        assert_eq!(held.get(Resource::Connections), opened.len() as u64);
        assert_eq!(held.file_descriptors as usize, opened.len());
        opened.into_iter().for_each(|leaf| leaf.close());
        world.assert_nothing_held();
    });
}
