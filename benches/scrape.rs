//! What a scrape costs with 1,000 upstreams of five servers each, all of which have had traffic.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark that cannot set up has failed"
)]

use std::{
    hint::black_box,
    net::IpAddr,
    sync::Arc,
    time::{Duration, SystemTime},
};

use criterion::{Criterion, criterion_group, criterion_main};
use simplon::{
    config::model::{AccessLog, Log},
    observe::{
        self, CertificateView, Certificates, Exposition, Format, Metrics, Observer, Places, Record,
        RouteMeters, Scene, ServerMeters, ServerView, Timers, UpstreamView,
    },
};

const UPSTREAMS: usize = 1_000;
const SERVERS: usize = 5;

/// One upstream with its route and servers.
struct Site {
    name: String,
    route: Arc<RouteMeters>,
    servers: Vec<ServerMeters>,
}

struct Nobody;

impl Certificates for Nobody {
    fn each_host(&self, _: &mut dyn FnMut(CertificateView<'_>)) {}
}

fn record(took: Duration) -> Record<'static> {
    Record {
        listener: "public",
        method: "GET",
        host: "example.ch",
        path: "/",
        status: 200,
        bytes_in: 10,
        bytes_out: 1000,
        upstream: "web",
        server: "10.0.0.1:80",
        request_id: "1",
        timers: Timers {
            queue: None,
            connect: Some(Duration::ZERO),
            first_byte: Some(took),
            total: took,
        },
        ..Record::of(SystemTime::now(), IpAddr::from([192, 0, 2, 1]))
    }
}

/// Every server has answered, in sixty different times.
fn sites(observer: &Observer) -> Vec<Site> {
    let sites: Vec<_> = (0..UPSTREAMS)
        .map(|number| {
            let name = format!("upstream-{number}");
            Site {
                route: observer
                    .metrics
                    .route(&format!("host{number}.example.ch/"), &name),
                servers: (0..SERVERS).map(|_| ServerMeters::default()).collect(),
                name,
            }
        })
        .collect();
    for site in &sites {
        for server in &site.servers {
            for step in 1..=60 {
                let record = record(Duration::from_micros(step * step * 100));
                let places = Places {
                    listener: None,
                    route: Some(&site.route),
                    server: Some(server),
                };
                observer.record(&record, places, &Log::default());
            }
        }
    }
    sites
}

/// As the edge gathers them for a scrape.
fn views(observer: &Observer, sites: &[Site]) -> Vec<UpstreamView> {
    sites
        .iter()
        .map(|site| {
            let meters = observer.metrics.upstream(&site.name).unwrap();
            let servers = site.servers.iter().enumerate();
            let servers = servers.map(|(number, server)| ServerView {
                name: format!("10.0.{number}.1:8080"),
                state: "UP".to_owned(),
                flow: server.traffic.flow(),
                stages: server.stages.view(),
                ..ServerView::default()
            });
            UpstreamView {
                name: site.name.clone(),
                flow: meters.traffic.flow(),
                stages: meters.stages.view(),
                points: meters.points(),
                servers: servers.collect(),
                ..UpstreamView::default()
            }
        })
        .collect()
}

#[expect(clippy::print_stderr, reason = "for whoever runs the bench")]
fn scrape(bench: &mut Criterion) {
    let metrics = Metrics::new(&["no_route"], &["client_cap"], SystemTime::now()).unwrap();
    let log = observe::AccessLog::open(&AccessLog::Off, metrics.access_log_dropped()).unwrap();
    let observer = Observer::new(metrics, log);
    let sites = sites(&observer);
    let written = |upstreams: &[UpstreamView], format| {
        let mut page = Exposition::new(format);
        let scene = Scene {
            upstreams,
            listeners: &[],
            certificates: &Nobody,
            limiters: &[],
        };
        observer.metrics.write(scene, &mut page);
        page.finish()
    };
    let text = written(&views(&observer, &sites), Format::Text);
    eprintln!("{} bytes, {} lines", text.len(), text.lines().count());

    let mut group = bench.benchmark_group("1,000 upstreams of 5 servers");
    group.sample_size(10);
    group.bench_function("gathering what is shown", |bench| {
        bench.iter(|| black_box(views(&observer, &sites)).len());
    });
    for (name, format) in [("text", Format::Text), ("OpenMetrics", Format::OpenMetrics)] {
        group.bench_function(format!("gathering and writing it as {name}"), |bench| {
            bench.iter(|| black_box(written(&views(&observer, &sites), format)).len());
        });
    }
    group.finish();
}

criterion_group!(benches, scrape);
criterion_main!(benches);
