//! Rule (R7): a burst is given out once, though buckets are forgotten and made meanwhile, and a
//! connection that one rate refuses has taken nothing from the others.
//!
//! Two connections of one subnet, of which one may come, while the idle bucket of that subnet is
//! forgotten; two of different subnets, each with a burst of one, where one may come at all; two of
//! one subnet with a burst of one, where two may come.
//! Bounds: 3 and 2 threads, 4 preemptions. Run time: five seconds.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use loom::thread;
use rcmgr_loom_tests::admission::{Rules, Tables};
use rcmgr_loom_tests::fixture::{explore, with_stack};
use rcmgr_loom_tests::{ConnectionRates, Limit, Limits, Rate};

struct World {
    rules: Arc<Rules>,
    tables: Tables,
}

impl World {
    fn new(rates: ConnectionRates) -> Arc<World> {
        let limits = Arc::new(Limits { rates, ..Limits::default() });
        let rules = Rules::new(&limits, &Arc::default(), Limit::UNLIMITED, None);
        let world = World { rules, tables: Tables::new() };
        // The first moment that is told is the one that the others are counted from.
        world.tables.forget_idle(&world.rules, seconds(0));
        Arc::new(world)
    }

    fn admits(&self, ip: [u8; 4], now: Duration) -> bool {
        self.tables.admit(&self.rules, Some(IpAddr::from(ip)), Some(now)).is_ok()
    }
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_burst_is_given_out_once() {
    explore(4, || {
        with_stack(|| {
            let each = Rate::new(0.1, 1).unwrap();
            let world = World::new(ConnectionRates {
                subnets_v4: [(24, each)].into(),
                grace: seconds(0),
                ..ConnectionRates::unlimited()
            });
            assert!(world.admits([10, 0, 0, 1], seconds(1)));
            let threads = [
                {
                    let world = world.clone();
                    thread::spawn(move || world.admits([10, 0, 0, 2], seconds(100)))
                },
                {
                    let world = world.clone();
                    thread::spawn(move || {
                        world.tables.forget_idle(&world.rules, seconds(100));
                        false
                    })
                },
            ];
            let mut admitted = vec![world.admits([10, 0, 0, 3], seconds(100))];
            admitted.extend(threads.map(|thread| thread.join().unwrap()));
            assert_eq!(admitted.iter().filter(|admitted| **admitted).count(), 1);
            assert_eq!(world.tables.forget_idle(&world.rules, seconds(200)), 1);
            assert_eq!(world.tables.buckets(), 0);
        })
    });
}

#[test]
fn who_is_refused_by_a_wide_rate_keeps_the_narrow_one() {
    explore(4, || {
        with_stack(|| {
            let world = World::new(ConnectionRates {
                global: Rate::new(1.0, 1).unwrap(),
                subnets_v4: [(24, Rate::new(0.001, 1).unwrap())].into(),
                ..ConnectionRates::unlimited()
            });
            let other = {
                let world = world.clone();
                thread::spawn(move || world.admits([10, 0, 1, 1], seconds(1)))
            };
            let one = world.admits([10, 0, 0, 1], seconds(1));
            let other = other.join().unwrap();
            assert!(one != other, "exactly one has room");
            // The global rate has room again, that of the admitted one's subnet has not.
            assert_eq!(world.admits([10, 0, 0, 1], seconds(3)), other);
            assert_eq!(world.admits([10, 0, 1, 1], seconds(5)), one);
        })
    });
}

#[test]
fn who_is_refused_by_a_narrow_rate_gives_the_wide_one_back() {
    explore(4, || {
        with_stack(|| {
            let world = World::new(ConnectionRates {
                global: Rate::new(0.001, 2).unwrap(),
                subnets_v4: [(24, Rate::new(0.001, 1).unwrap())].into(),
                ..ConnectionRates::unlimited()
            });
            let other = {
                let world = world.clone();
                thread::spawn(move || world.admits([10, 0, 0, 2], seconds(1)))
            };
            let one = world.admits([10, 0, 0, 1], seconds(1));
            let other = other.join().unwrap();
            assert!(one != other, "the subnet has room for one");
            assert!(world.admits([10, 0, 1, 1], seconds(1)), "and all have room for two");
        })
    });
}
