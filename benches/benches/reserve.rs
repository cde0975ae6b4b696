//! Reservations of memory on a stream that touch seven scopes, by each contender.

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main};
use rcmgr_benches::pair::{time_alone, time_together};
use rcmgr_benches::{Contender, Engine, Floor, Mutexes, OneLock, Room};

fn one_thread(criterion: &mut Criterion) {
    alone(criterion.benchmark_group("admitted, one thread"), Room::Ample);
}

fn refused_by_system(criterion: &mut Criterion) {
    alone(criterion.benchmark_group("refused by the system"), Room::NoneInSystem);
}

fn refused_by_stream(criterion: &mut Criterion) {
    alone(criterion.benchmark_group("refused by the stream"), Room::NoneInStream);
}

fn two_threads(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("admitted, two threads");
    together::<Floor>(&mut group);
    together::<Engine>(&mut group);
    together::<Mutexes>(&mut group);
    together::<OneLock>(&mut group);
    group.finish();
}

fn alone(mut group: BenchmarkGroup<'_, WallTime>, room: Room) {
    one::<Floor>(&mut group, room);
    one::<Engine>(&mut group, room);
    one::<Mutexes>(&mut group, room);
    one::<OneLock>(&mut group, room);
    group.finish();
}

fn one<C: Contender>(group: &mut BenchmarkGroup<'_, WallTime>, room: Room) {
    let Some([stream, _other]) = C::streams(room) else {
        return;
    };
    group.bench_function(C::NAME, |bencher| {
        bencher.iter_custom(|times| time_alone(&stream, times));
    });
}

fn together<C: Contender>(group: &mut BenchmarkGroup<'_, WallTime>) {
    let Some(streams) = C::streams(Room::Ample) else {
        return;
    };
    group.bench_function(C::NAME, |bencher| {
        bencher.iter_custom(|times| time_together(&streams, times));
    });
}

criterion_group!(benches, one_thread, two_threads, refused_by_system, refused_by_stream);
criterion_main!(benches);
