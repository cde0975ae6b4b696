//! Reservations of memory on existing streams, by each contender.

use criterion::{Criterion, criterion_group, criterion_main};
use rcmgr_benches::together::time;
use rcmgr_benches::{Peers, Scenario, Setup, contenders};

const SETUPS: [(&str, Setup); 4] = [
    ("admitted, one thread", Setup::alone(Scenario::ReserveService)),
    (
        "admitted, two threads",
        Setup {
            scenario: Scenario::ReserveService,
            threads: 2,
            peers: Peers::Shared,
            small: false,
        },
    ),
    ("refused by the system", Setup::alone(Scenario::RefusedSystem)),
    ("refused by the stream", Setup::alone(Scenario::RefusedOwn)),
];

fn reserve(criterion: &mut Criterion) {
    for (title, setup) in SETUPS {
        let mut group = criterion.benchmark_group(title);
        for contender in contenders() {
            if let Ok(mut timed) = (contender.prepare)(&setup) {
                group.bench_function(contender.name, |bencher| {
                    bencher.iter_custom(|times| time(&mut timed, times));
                });
            }
        }
        group.finish();
    }
}

criterion_group!(benches, reserve);
criterion_main!(benches);
