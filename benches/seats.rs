//! What it costs to let a client in, and what five million of them leave behind.

use std::{
    hint::black_box,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
    time::{Duration, Instant},
};

use criterion::{Criterion, criterion_group, criterion_main};
use simplon::{
    admit::ClientKey,
    listen::{Room, Seats},
};

const ROOM: Room = Room {
    in_all: 20_000,
    for_one: 256,
};
const CLIENTS: u32 = 5_000_000;

fn key(nth: u32) -> ClientKey {
    ClientKey::from(IpAddr::from(Ipv4Addr::from(nth)))
}

/// As many connections as a listener has, each of another client, again and again.
fn each_another(count: u32) -> Duration {
    let seats = Arc::new(Seats::default());
    let started = Instant::now();
    let mut held = Vec::new();
    for nth in 0..count {
        if held.len() == ROOM.in_all {
            held.clear();
        }
        held.extend(seats.take(key(nth), ROOM).ok());
    }
    assert_eq!(seats.taken(), held.len());
    drop(held);
    assert_eq!(seats.taken(), 0);
    started.elapsed()
}

fn seats(bench: &mut Criterion) {
    let seats = Arc::new(Seats::default());
    bench.bench_function("a seat is taken and given back", |bencher| {
        bencher.iter(|| black_box(seats.take(black_box(key(7)), ROOM)));
    });
    let mut group = bench.benchmark_group("clients");
    group.sample_size(10);
    group.bench_function("five million, each another", |bencher| {
        bencher.iter_custom(|times| (0..times).map(|_| each_another(CLIENTS)).sum());
    });
    group.finish();
}

criterion_group!(benches, seats);
criterion_main!(benches);
