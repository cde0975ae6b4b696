//! Opening and closing connections, streams and spans, by each contender.

use criterion::{Criterion, criterion_group, criterion_main};
use rcmgr_benches::together::time;
use rcmgr_benches::{Scenario, Setup, contenders};

const SCENARIOS: [Scenario; 3] = [Scenario::StreamOnePeer, Scenario::Connection, Scenario::Span];

fn open_close(criterion: &mut Criterion) {
    for scenario in SCENARIOS {
        let mut group = criterion.benchmark_group(scenario.name());
        for contender in contenders() {
            if let Ok(mut timed) = (contender.prepare)(&Setup::alone(scenario)) {
                group.bench_function(contender.name, |bencher| {
                    bencher.iter_custom(|times| time(&mut timed, times));
                });
            }
        }
        group.finish();
    }
}

criterion_group!(benches, open_close);
criterion_main!(benches);
