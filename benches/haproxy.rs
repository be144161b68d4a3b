//! What it takes to show 1,000 upstreams of five servers as HAProxy does: CSV and metrics.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use simplon::{
    admin::{
        Query, StatsView,
        haproxy::{Wanted, csv, write_metrics},
    },
    observe::{CheckView, Exposition, Flow, Format, ServerView, UpstreamView},
};

const UPSTREAMS: usize = 1000;
const SERVERS: usize = 5;

fn server(nth: usize) -> ServerView {
    let flow = Flow {
        responses: [0, 1_234_567, 89, 1234, 56, 0],
        bytes_in: 123_456_789,
        bytes_out: 9_876_543_210,
        last: 1_795_000_000,
        ..Flow::default()
    };
    ServerView {
        name: format!("10.0.{}.{}:8080", nth / 250, nth % 250),
        state: "UP".to_owned(),
        up: true,
        usable: true,
        weight: 1,
        configured_weight: 1,
        in_flight: 3,
        picks: 1_235_946,
        check: Some(CheckView {
            code: "L7OK".to_owned(),
            status: Some(200),
            text: "status 200".to_owned(),
            rise: 2,
            fall: 3,
            ..CheckView::default()
        }),
        flow,
        ..ServerView::default()
    }
}

fn upstream(nth: usize) -> UpstreamView {
    UpstreamView {
        name: format!("service-{nth}"),
        balance: "round_robin".to_owned(),
        servers: (0..SERVERS)
            .map(|own| server(nth * SERVERS + own))
            .collect(),
        ..UpstreamView::default()
    }
}

fn haproxy(c: &mut Criterion) {
    let view = StatsView {
        upstreams: (0..UPSTREAMS).map(upstream).collect(),
        ..StatsView::default()
    };
    let mut group = c.benchmark_group("haproxy");
    group.sample_size(20);
    let query = Query::default();
    group.throughput(Throughput::Bytes(csv(&view, &query).len() as u64));
    group.bench_function("csv", |b| b.iter(|| csv(black_box(&view), &query)));
    let wanted = Wanted::of("");
    let metrics = || {
        let mut page = Exposition::new(Format::Text);
        write_metrics(black_box(&view), &wanted, usize::MAX, &mut page);
        page.finish()
    };
    group.throughput(Throughput::Bytes(metrics().len() as u64));
    group.bench_function("metrics", |b| b.iter(metrics));
    group.finish();
}

criterion_group!(benches, haproxy);
criterion_main!(benches);
