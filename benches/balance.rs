//! What it costs to choose a server and let it go again.

use std::{
    hint::black_box,
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, Instant},
};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use simplon::{
    balance::{Tried, Upstream},
    config::model::{self, Address, HealthCheck, Probe, Server},
};

fn upstream(servers: u16) -> Arc<Upstream> {
    let server = |index: u16| Server {
        address: Address::Socket(([10, 0, 0, 1], 8000 + index).into()),
        weight: u32::from(index % 3) + 1,
        max_connections: NonZeroU32::new(1000),
        backup: false,
    };
    let spec = model::Upstream {
        health: Some(HealthCheck {
            probe: Probe::Tcp,
            interval: Duration::from_secs(2),
            timeout: Duration::from_secs(1),
            rise: NonZeroU32::MIN,
            fall: NonZeroU32::MIN,
        }),
        ..model::Upstream::of("api", (0..servers).map(server).collect())
    };
    Upstream::build(&spec, None, None, Instant::now())
}

fn pick_and_drop(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("pick and drop");
    for servers in [2, 16, 256] {
        let upstream = upstream(servers);
        let now = Instant::now();
        group.bench_function(BenchmarkId::from_parameter(servers), |bencher| {
            bencher.iter(|| black_box(upstream.pick(None, black_box(&Tried::EMPTY), now)));
        });
    }
    group.finish();
}

criterion_group!(benches, pick_and_drop);
criterion_main!(benches);
