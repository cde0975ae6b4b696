//! Rule (R1, R2 with R3): a stream may go through all three of its paths during one call; what it
//! holds is charged along the last one.
//!
//! One thread sets the protocol and the service while another reserves 5 bytes and releases 3.
//! Bounds: 2 threads, 4 preemptions. Run time: a second.

use loom::thread;
use rcmgr_loom_tests::fixture::{World, explore, stream_with};
use rcmgr_loom_tests::leaf::Leaf;
use rcmgr_loom_tests::{Amount, Error, Limits, ScopeId};

fn set_service(world: &World, leaf: &Leaf) -> Result<(), Error> {
    let (seen, path) = leaf.load()?;
    let service = world.registry.pin_or_make_service("service");
    let scopes = path.stream_scopes().expect("the protocol is set");
    let next = world.registry.pin_or_make_with_service(&scopes, service.first());
    leaf.move_to(seen, next, &world.snapshot)
}

#[test]
fn a_stream_moves_twice_while_it_reserves_and_releases() {
    explore(4, || {
        let world = World::new(Limits::default());
        let leaf = world.stream(b"1");
        let mover = {
            let (world, leaf) = (world.clone(), leaf.clone());
            thread::spawn(move || {
                world.set_protocol(&leaf, "a").unwrap();
                set_service(&world, &leaf).unwrap();
            })
        };
        world.reserve(&leaf, 5).unwrap();
        leaf.release(3);
        mover.join().unwrap();

        assert_eq!(leaf.held(), stream_with(2));
        assert_eq!(world.peer(b"1"), stream_with(2));
        assert_eq!(world.protocol("a"), stream_with(2));
        let of_services =
            |id: &ScopeId| matches!(id, ScopeId::Service(_) | ScopeId::PeerService { .. });
        assert_eq!(world.each(of_services), [stream_with(2); 2]);
        assert_eq!(world.transient(), Amount::ZERO);
        leaf.close();
        world.assert_nothing_held();
        assert_eq!(world.registry.collect(), 6, "peer, protocol, service, two pairs, the path");
    });
}
