//! What a look at a great edge costs, with 1,000 upstreams of 5 servers each: the page, and what HAProxy's consumers read.
#![allow(
    missing_docs,
    clippy::print_stdout,
    reason = "a benchmark says what it measured"
)]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use simplon::{
    admin::{
        ListenerView, Query, RouteView, StatsView,
        haproxy::{Wanted, csv, write_metrics},
        render,
    },
    observe::{
        CheckView, Exposition, Flow, Format, Point, Quantiles, RateView, ServerView, UpstreamView,
    },
};

const UPSTREAMS: usize = 1_000;
const SERVERS: usize = 5;

fn flow(nth: usize) -> Flow {
    let count = 1_234_567 + nth as u64 * 97;
    Flow {
        responses: [0, count, count / 20, count / 30, count / 500, 0],
        bytes_in: count * 300,
        bytes_out: count * 9_000,
        client_aborts: count / 900,
        server_aborts: count / 2_000,
        response_errors: count / 3_000,
        last: 1_795_246_000,
        rate: RateView { now: 130, max: 900 },
        last_minute: Some(QUANTILES),
        since_start: Some(QUANTILES),
        ..Flow::default()
    }
}

const QUANTILES: Quantiles = Quantiles {
    p50: 3.4,
    p95: 18.0,
    p99: 120.0,
};

fn server(upstream: usize, nth: usize) -> ServerView {
    ServerView {
        name: format!("10.{}.{}.{nth}:8080", upstream / 250, upstream % 250),
        state: "UP".to_owned(),
        up: true,
        usable: true,
        weight: 100,
        configured_weight: 100,
        in_flight: 12,
        most_in_flight: 80,
        max_connections: Some(200),
        picks: 1_300_000,
        failures: [12, 3, 40, 0, 7],
        reused: 1_200_000,
        connected: 100_000,
        check: Some(CheckView {
            code: "L7OK".to_owned(),
            status: Some(200),
            text: "status 200 in 3 ms".to_owned(),
            took_ms: 3,
            seconds_ago: 1,
            rise: 2,
            fall: 3,
        }),
        checks: 90_000,
        checks_failed: 14,
        changed_seconds_ago: 90_000,
        flow: flow(nth),
        ..ServerView::default()
    }
}

fn points(nth: usize) -> Vec<Point> {
    let point = |second: u32| Point {
        requests: 500 + second * 7919 % 311,
        errors: second * 31 % 7,
        latency: Some(Quantiles {
            p50: 3.0 + f64::from(second % 5),
            p95: 18.0 + f64::from(second % 11),
            p99: 120.0 + f64::from(second % 37),
        }),
    };
    (0..300)
        .map(|second| point(second + u32::try_from(nth).unwrap_or(0)))
        .collect()
}

fn stats() -> StatsView {
    let upstream = |nth| UpstreamView {
        name: format!("upstream-{nth}"),
        balance: "round_robin".to_owned(),
        flow: flow(nth),
        points: points(nth),
        servers: (0..SERVERS)
            .map(|server_nth| server(nth, server_nth))
            .collect(),
        ..UpstreamView::default()
    };
    let route = |nth| RouteView {
        route: format!("host{nth}.example.ch/path"),
        upstream: format!("upstream-{nth}"),
        requests: [0, 900, 3, 20, nth],
        since_start: Some(QUANTILES),
        last_minute: Some(QUANTILES),
    };
    StatsView {
        listeners: vec![ListenerView {
            name: "https".to_owned(),
            flow: flow(0),
            ..ListenerView::default()
        }],
        upstreams: (0..UPSTREAMS).map(upstream).collect(),
        routes: (0..1_000).map(route).collect(),
        ..StatsView::default()
    }
}

fn page(criterion: &mut Criterion) {
    let stats = stats();
    println!("the page has {} bytes", render(&stats).len());
    criterion.bench_function("stats/page of 1,000 upstreams, 5,000 servers", |bencher| {
        bencher.iter(|| render(black_box(&stats)));
    });
}

fn haproxy(criterion: &mut Criterion) {
    let (stats, query, wanted) = (stats(), Query::default(), Wanted::of(""));
    println!("the CSV has {} bytes", csv(&stats, &query).len());
    criterion.bench_function("stats/csv of 1,000 upstreams, 5,000 servers", |bencher| {
        bencher.iter(|| csv(black_box(&stats), &query));
    });
    let metrics = || {
        let mut scrape = Exposition::new(Format::Text);
        write_metrics(black_box(&stats), &wanted, usize::MAX, &mut scrape);
        scrape.finish()
    };
    println!("the metrics of HAProxy have {} bytes", metrics().len());
    criterion.bench_function("stats/metrics of HAProxy, as many", |bencher| {
        bencher.iter(metrics);
    });
}

criterion_group!(benches, page, haproxy);
criterion_main!(benches);
