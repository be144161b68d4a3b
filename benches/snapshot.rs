//! What a reload costs: from text to configuration, and from there to a snapshot, at 10,000 routes.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark that cannot set up has failed"
)]

use std::{
    fmt::Write as _,
    hint::black_box,
    sync::Arc,
    time::{Instant, SystemTime},
};

use criterion::{Criterion, criterion_group, criterion_main};
use simplon::{
    config,
    observe::Metrics,
    snapshot::{Snapshot, SnapshotCell, World},
    tls::Resolver,
};

const ROUTES: usize = 10_000;

fn text() -> String {
    let mut text = String::from(
        "listeners: { http: { bind: \"127.0.0.1:0\" } }\n\
         upstreams:\n  a: { servers: [127.0.0.1:9001, 127.0.0.1:9002] }\nroutes:\n",
    );
    for route in 0..ROUTES {
        writeln!(
            text,
            "  - {{ host: host{}.example.ch, path: /part/{route}, upstream: a }}",
            route % 500
        )
        .unwrap();
    }
    text
}

fn snapshot(criterion: &mut Criterion) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("simplon.yaml");
    std::fs::write(&file, text()).unwrap();
    let world = World {
        metrics: Metrics::new(&[], &[], SystemTime::now()).unwrap(),
        resolver: Arc::new(Resolver(Arc::default())),
        tickets: Arc::default(),
        key_log: Arc::new(rustls::NoKeyLog),
        orders: Arc::default(),
        limits: Arc::default(),
        engines: Arc::default(),
        pressure: Arc::default(),
        may_write: false,
    };
    let loaded = config::load(&file)
        .map_err(|report| report.to_string())
        .unwrap();
    let empty = SnapshotCell::default().load();
    let first = Snapshot::build(loaded.config.clone(), &empty, &world, Instant::now())
        .ok()
        .unwrap()
        .snapshot;

    let mut group = criterion.benchmark_group("10,000 routes");
    group.sample_size(20);
    group.bench_function("text to configuration", |bench| {
        bench.iter(|| black_box(config::load(&file).is_ok()));
    });
    group.bench_function("configuration to first snapshot", |bench| {
        bench.iter(|| {
            Snapshot::build(loaded.config.clone(), &empty, &world, Instant::now()).is_ok()
        });
    });
    group.bench_function("configuration to next snapshot", |bench| {
        bench.iter(|| {
            Snapshot::build(loaded.config.clone(), &first, &world, Instant::now()).is_ok()
        });
    });
    group.finish();
}

criterion_group!(benches, snapshot);
criterion_main!(benches);
