//! Opening and closing connections, streams and spans.

use criterion::{Criterion, criterion_group, criterion_main};
use rcmgr_benches::open_close::Node;

fn open_close(criterion: &mut Criterion) {
    let node = Node::new().expect("there is room");
    let mut group = criterion.benchmark_group("open and close");
    group.bench_function("a stream with protocol and service", |bencher| {
        bencher.iter(|| node.stream().expect("there is room"));
    });
    group.bench_function("a connection with its peer", |bencher| {
        bencher.iter(|| node.connection().expect("there is room"));
    });
    group.bench_function("a span of a stream, with a reservation", |bencher| {
        bencher.iter(|| node.span().expect("there is room"));
    });
    group.finish();
}

criterion_group!(benches, open_close);
criterion_main!(benches);
