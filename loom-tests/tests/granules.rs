//! Rule (R11): memory that is charged in granules. Whoever meets whom, what a leaf has charged is what
//! its scopes count, is not less than what it uses, and is not more than a granule and what is missing
//! to one.
//! Bounds: 2 threads, 3 preemptions. Run time: some seconds together.

use std::sync::Arc;

use loom::thread;
use rcmgr_loom_tests::fixture::{World, explore, memory};
use rcmgr_loom_tests::leaf::Leaf;
use rcmgr_loom_tests::{Amount, Granule, Limits};

fn granule() -> Granule {
    Granule::new(4).unwrap()
}

fn world(limits: Limits) -> Arc<World> {
    World::with_granule(limits, granule())
}

/// What a leaf has charged, which must be as the module's text says.
fn charged(leaf: &Leaf) -> u64 {
    let (used, charged) = (leaf.held().memory, leaf.charged());
    assert!(used <= charged && charged - used <= granule().most_idle(), "{used} of {charged}");
    charged
}

#[test]
fn a_reservation_from_what_is_idle_meets_a_release() {
    explore(3, || {
        let world = world(Limits::default());
        let leaf = world.stream(b"1");
        world.reserve(&leaf, 3).unwrap();
        let other = {
            let leaf = leaf.clone();
            thread::spawn(move || leaf.release(3))
        };
        world.reserve(&leaf, 1).unwrap();
        other.join().unwrap();
        assert_eq!(leaf.held().memory, 1);
        assert_eq!(world.system().memory, charged(&leaf));
        leaf.close();
        world.assert_nothing_held();
    });
}

#[test]
fn two_reservations_that_each_charge_a_granule_meet_on_a_leaf() {
    explore(3, || {
        let world = world(Limits::default());
        let leaf = world.stream(b"1");
        let other = {
            let (world, leaf) = (world.clone(), leaf.clone());
            thread::spawn(move || world.reserve(&leaf, 3).unwrap())
        };
        world.reserve(&leaf, 3).unwrap();
        other.join().unwrap();
        assert_eq!(leaf.held().memory, 6);
        assert_eq!(world.system().memory, charged(&leaf));
        leaf.release(6);
        assert_eq!(world.system().memory, charged(&leaf));
        leaf.close();
        world.assert_nothing_held();
    });
}

/// Both go for the same idle byte, and the one who comes later has to charge.
#[test]
fn what_is_idle_is_used_once() {
    explore(3, || {
        let world = world(Limits::default());
        let leaf = world.stream(b"1");
        world.reserve(&leaf, 3).unwrap();
        let other = {
            let (world, leaf) = (world.clone(), leaf.clone());
            thread::spawn(move || world.reserve(&leaf, 1).unwrap())
        };
        world.reserve(&leaf, 1).unwrap();
        other.join().unwrap();
        assert_eq!(leaf.held().memory, 5);
        assert_eq!(world.system().memory, charged(&leaf));
        leaf.close();
        world.assert_nothing_held();
    });
}

#[test]
fn a_move_meets_a_release_and_a_reservation() {
    explore(3, || {
        let world = world(Limits::default());
        let leaf = world.stream(b"1");
        world.reserve(&leaf, 5).unwrap();
        let mover = {
            let (world, leaf) = (world.clone(), leaf.clone());
            thread::spawn(move || world.set_protocol(&leaf, "a"))
        };
        leaf.release(2);
        world.reserve(&leaf, 6).unwrap();
        mover.join().unwrap().unwrap();
        assert_eq!(leaf.held().memory, 9);
        let charged = charged(&leaf);
        assert_eq!(
            [world.peer(b"1"), world.protocol("a"), world.system()].map(|held| held.memory),
            [charged; 3]
        );
        assert!(world.transient().is_zero());
        leaf.close();
        world.assert_nothing_held();
    });
}

/// The protocol has room for what the stream uses and not for a granule: the move is not refused for what
/// is idle.
#[test]
fn a_move_is_not_refused_for_what_is_idle() {
    explore(3, || {
        let world = world(Limits { protocol: memory(2), ..Limits::default() });
        let leaf = world.stream(b"1");
        world.reserve(&leaf, 1).unwrap();
        let other = {
            let (world, leaf) = (world.clone(), leaf.clone());
            thread::spawn(move || {
                world.reserve(&leaf, 1).unwrap();
                leaf.release(1);
            })
        };
        assert_eq!(world.set_protocol(&leaf, "a"), Ok(()));
        other.join().unwrap();
        assert_eq!(leaf.held().memory, 1);
        assert_eq!(world.protocol("a").memory, charged(&leaf));
        assert!(world.protocol("a").memory <= 2);
        leaf.close();
        world.assert_nothing_held();
    });
}

/// The system has room for one granule and for what both use: the one whose granule is refused charges
/// exactly.
#[test]
fn a_granule_that_is_refused_leaves_room_for_what_is_needed() {
    explore(3, || {
        let world = world(Limits { system: memory(6), ..Limits::default() });
        let (one, two) = (world.stream(b"1"), world.stream(b"2"));
        let other = {
            let (world, two) = (world.clone(), two.clone());
            thread::spawn(move || world.reserve(&two, 1))
        };
        let first = world.reserve(&one, 1);
        let second = other.join().unwrap();
        let both = charged(&one) + charged(&two);
        assert!(both <= 6);
        assert_eq!(world.system().memory, both);
        // Refused at most where the other's granule was on its way, which was given back since.
        assert!(first.is_ok() || second.is_ok());
        one.close();
        two.close();
        world.assert_nothing_held();
    });
}

/// Whichever of the two releases is first gives back all that is idle by then.
#[test]
fn what_is_idle_is_given_back_after_a_change_of_limits() {
    explore(3, || {
        let world = world(Limits::default());
        let leaf = world.stream(b"1");
        world.reserve(&leaf, 5).unwrap();
        leaf.release(3);
        assert_eq!(charged(&leaf), 8);
        world.registry.fixed.limits_changed();
        let other = {
            let leaf = leaf.clone();
            thread::spawn(move || leaf.release(1))
        };
        leaf.release(1);
        other.join().unwrap();
        assert_eq!(charged(&leaf), 0);
        assert_eq!(world.system().memory, 0);
        leaf.close();
        world.assert_nothing_held();
    });
}

#[test]
fn a_close_takes_out_what_is_charged() {
    explore(3, || {
        let world = world(Limits::default());
        let leaf = world.stream(b"1");
        world.reserve(&leaf, 1).unwrap();
        let closer = {
            let leaf = leaf.clone();
            thread::spawn(move || leaf.close())
        };
        let reserved = world.reserve(&leaf, 6);
        if reserved.is_ok() {
            leaf.release(6);
        }
        closer.join().unwrap();
        assert_eq!(leaf.held(), Amount::ZERO);
        world.assert_nothing_held();
    });
}
