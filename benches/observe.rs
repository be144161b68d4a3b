//! What it costs a request to be counted and logged.

use std::{
    hint::black_box,
    net::IpAddr,
    path::PathBuf,
    time::{Duration, SystemTime},
};

use criterion::{Bencher, Criterion, criterion_group, criterion_main};
use rustix::time::{ClockId, clock_gettime};
use simplon::{
    config::{
        model::{AccessLog, Log, LogFormat},
        units::Percent,
    },
    observe::{self, Metrics, Observer, Places, Protocol, Record, ServerMeters, Timers, Tls},
};

fn record() -> Record<'static> {
    Record {
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
        tls: Some(Tls {
            version: "TLSv1.3",
            cipher: "TLS_AES_128_GCM_SHA256",
            sni: "www.example.ch",
            resumed: true,
            client: "",
        }),
        request_id: "0199f1d2a7c34e0b8f6a1c2d3e4f5a6b",
        user_agent: b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        referer: b"https://www.example.ch/products",
        timers: Timers {
            queue: None,
            connect: Some(Duration::ZERO),
            first_byte: Some(Duration::from_micros(4_310)),
            total: Duration::from_micros(5_120),
        },
        ..Record::of(SystemTime::now(), IpAddr::from([203, 0, 113, 77]))
    }
}

fn observer(target: &AccessLog) -> Result<Observer, Box<dyn std::error::Error>> {
    let metrics = Metrics::new(&["no_route"], &["client_cap"], SystemTime::now())?;
    let access_log = observe::AccessLog::open(target, metrics.access_log_dropped())?;
    Ok(Observer::new(metrics, access_log))
}

fn logs() -> [(&'static str, Log); 4] {
    let json = Log {
        access: AccessLog::File(PathBuf::from("/dev/null")),
        ..Log::default()
    };
    let off = Log {
        access: AccessLog::Off,
        ..Log::default()
    };
    let combined = Log {
        format: LogFormat::Combined,
        ..json.clone()
    };
    let sampled = Log {
        sample: Percent::new(1),
        ..json.clone()
    };
    [
        ("record, log off", off),
        ("record, log to /dev/null", json),
        ("record, combined log to /dev/null", combined),
        ("record, 1 % of the log to /dev/null", sampled),
    ]
}

/// By the time that this thread has run: a machine that is busy with other things does not show.
fn each(bencher: &mut Bencher<'_>, mut once: impl FnMut()) {
    bencher.iter_custom(|times| {
        let before = cpu();
        for _ in 0..times {
            once();
        }
        cpu().saturating_sub(before)
    });
}

fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::new(seconds, u32::try_from(time.tv_nsec).unwrap_or(0))
}

fn record_one(bench: &mut Criterion) {
    for (name, log) in logs() {
        #[expect(
            clippy::expect_used,
            reason = "a bench without its subject is no bench"
        )]
        let observer = observer(&log.access).expect("an observer");
        let (listener, server) = (observer.metrics.listener("public"), ServerMeters::default());
        let route = observer.metrics.route("www.example.ch/products", "shop");
        let places = Places {
            listener: Some(&listener),
            route: Some(&route),
            server: Some(&server),
        };
        bench.bench_function(name, |bencher| {
            each(bencher, || {
                observer.record(black_box(&record()), places, &log);
            });
        });
        if log.access != AccessLog::Off {
            let name = name.replace("record", "line alone");
            bench.bench_function(&name, |bencher| {
                each(bencher, || observer.log(black_box(&record()), &log));
            });
        }
        report(name, observer.metrics.access_log_dropped().get());
    }
    bench.bench_function("nothing but the record and its clock", |bencher| {
        each(bencher, || {
            black_box(record());
        });
    });
}

/// A line that is dropped costs less than one that is written, so the reader must know.
#[expect(clippy::print_stderr, reason = "for whoever runs the bench")]
fn report(name: &str, lost: u64) {
    if lost > 0 {
        eprintln!("{name}: {lost} lines were dropped, the log's thread was starved");
    }
}

criterion_group!(benches, record_one);
criterion_main!(benches);
