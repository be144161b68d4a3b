//! What it costs a request to be part of a trace.

use std::{
    hint::black_box,
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use criterion::{Criterion, criterion_group, criterion_main};
use http::{HeaderMap, HeaderValue};
use simplon::{
    admit::TraceParent,
    config::{
        Located,
        model::{Follow, Tracing},
        units::Percent,
    },
    forward::{TRACEPARENT, Traced},
    observe::{
        Metrics, Milestone, Protocol, Record, Timers, Trace, Tracer,
        traces::{Asked, Span},
    },
};

const SAID: &[u8] = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// As many find room in the queue of a tracer.
const ROOM: u64 = 512;

fn tracer(share: u8) -> Result<Arc<Tracer>, Box<dyn std::error::Error>> {
    let metrics = Metrics::new(&[], &[], SystemTime::now())?;
    let settings = Tracing {
        at: Located::nowhere(()),
        otlp: "http://127.0.0.1:4318/v1/traces".parse()?,
        tls: None,
        service: "bench".to_owned(),
        sample: Percent::new(share),
        follow: Follow::Any,
        timeout: Duration::from_secs(5),
        queue: 2 * usize::try_from(ROOM)?,
    };
    Ok(Tracer::build(
        &settings,
        None,
        metrics.traces.clone(),
        None,
    )?)
}

/// All that an exchange does for its trace.
fn one(tracer: Option<&Tracer>, server: &Arc<str>, fields: &mut HeaderMap) {
    let begun = Instant::now();
    let mut trace = tracer.map(|tracer| {
        let said = TraceParent::of([SAID].into_iter());
        tracer.begin(black_box(said), false, || true)
    });
    if let Some(trace) = &trace {
        let shown = Traced {
            own: *trace.own(),
            passes_state: trace.passes_state(),
        };
        shown.show(fields);
    }
    if let Some(trace) = &mut trace {
        let server = Arc::clone(server);
        trace.note(begun, || Milestone::Pick { server });
        trace.note(begun, || Milestone::FirstByte);
    }
    if let (Some(tracer), Some(trace)) = (tracer, trace.as_ref().filter(|it| it.is_sampled())) {
        send(tracer, trace, begun);
    }
}

fn send(tracer: &Tracer, trace: &Trace, begun: Instant) {
    let record = Record {
        listener: "public",
        protocol: Protocol::Http2,
        method: "GET",
        host: "www.example.ch",
        path: "/products/walking-boots/alpine-42",
        status: 200,
        bytes_out: 18_231,
        route: "www.example.ch/products",
        upstream: "shop",
        server: "10.0.3.17:8080",
        request_id: "0199f1d2a7c34e0b8f6a1c2d3e4f5a6b",
        trace_id: "4bf92f3577b34da6a3ce929d0e0e4736",
        user_agent: b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        timers: Timers {
            total: Duration::from_micros(5_120),
            ..Timers::default()
        },
        ..Record::of(SystemTime::now(), IpAddr::from([203, 0, 113, 77]))
    };
    let asked = Asked {
        scheme: "https",
        port: None,
        state: &[],
        begun,
    };
    tracer.send(Span::of(black_box(&record), trace, &asked));
}

#[expect(
    clippy::expect_used,
    reason = "a bench without its subject is no bench"
)]
fn trace_one(bench: &mut Criterion) {
    for (name, share) in [
        ("without tracing", None),
        ("not sampled", Some(0)),
        ("sampled", Some(100)),
    ] {
        let server: Arc<str> = "10.0.3.17:8080".into();
        let mut fields = HeaderMap::new();
        fields.insert(TRACEPARENT, HeaderValue::from_static("x"));
        bench.bench_function(name, |bencher| {
            bencher.iter_custom(|mut left| {
                let mut took = Duration::ZERO;
                while left > 0 {
                    // A span that finds no room costs less than one that is kept: so each lot has a queue of its own.
                    let tracer = share.map(|share| tracer(share).expect("a tracer"));
                    let lot = left.min(ROOM);
                    let begun = Instant::now();
                    for _ in 0..lot {
                        one(tracer.as_deref(), &server, &mut fields);
                    }
                    took += begun.elapsed();
                    left -= lot;
                }
                took
            });
        });
    }
}

criterion_group!(benches, trace_one);
criterion_main!(benches);
