//! Rule (R6): a connection that a scope refuses gives back the slot of its address, and who
//! takes a slot that another connection gave back finds the room that it left in the scopes. An
//! entry is there as long as something is counted in it.
//!
//! Two connections of one address: with one slot and room for one in system, where one is closed
//! while the other opens; with two slots and room for one.
//! Bounds: 2 threads, 5 preemptions. Run time: two seconds.

use loom::thread;
use rcmgr_loom_tests::fixture::{explore, with_stack};
use rcmgr_loom_tests::{
    ConnectionRequest, Direction, Error, IpLimits, Limit, Limits, Resource, ResourceManager,
    ScopeId, ScopeLimit,
};

const REQUEST: ConnectionRequest =
    ConnectionRequest::new(Direction::Inbound).with_ip(std::net::IpAddr::V6(ADDRESS));
const ADDRESS: std::net::Ipv6Addr = std::net::Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

fn manager(slots: u64) -> ResourceManager {
    ResourceManager::new(Limits {
        system: ScopeLimit::UNLIMITED.with(Resource::Connections, Limit::new(1)),
        ip: IpLimits { subnets_v6: [(48, Limit::new(slots))].into(), ..IpLimits::unlimited() },
        ..Limits::default()
    })
}

fn assert_nothing_counted(manager: &ResourceManager) {
    assert_eq!(manager.connections_by_network(), []);
    assert!(manager.stats().amounts().all(|held| held.is_zero()));
}

#[test]
fn who_takes_a_slot_that_was_given_back_finds_the_room_too() {
    explore(5, || {
        with_stack(|| {
            let manager = manager(1);
            let open = manager.open_connection(REQUEST).unwrap();
            let closer = thread::spawn(move || drop(open));
            let second = manager.open_connection(REQUEST);
            if let Err(error) = &second {
                assert!(matches!(error.scope(), ScopeId::Network(_)), "{error}");
            }
            closer.join().unwrap();
            let expected = u64::from(second.is_ok());
            let counts = manager.connections_by_network();
            assert_eq!(counts.iter().map(|(_, count)| count).sum::<u64>(), expected);
            drop(second);
            assert_nothing_counted(&manager);
        })
    });
}

#[test]
fn who_is_refused_behind_the_slot_gives_it_back() {
    explore(5, || {
        with_stack(|| {
            let manager = manager(2);
            let other = {
                let manager = manager.clone();
                thread::spawn(move || manager.open_connection(REQUEST))
            };
            let opened = [manager.open_connection(REQUEST), other.join().unwrap()];
            let refused: Vec<&Error> =
                opened.iter().filter_map(|open| open.as_ref().err()).collect();
            assert_eq!(refused.len(), 1, "exactly one has room");
            assert_eq!(*refused[0].scope(), ScopeId::System);
            assert_eq!(manager.connections_by_network().len(), 1);
            assert_eq!(manager.connections_by_network()[0].1, 1);
            drop(opened);
            assert_nothing_counted(&manager);
        })
    });
}
