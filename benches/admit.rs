//! What it costs to admit a request: its head, its path, its client.

use std::{hint::black_box, net::IpAddr, time::Instant};

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use simplon::{
    admit::{
        ChunkMeter, FrameMeter, Head, HeadLimits, Host, Networks, client_of, frames::PREFACE,
        head::find_end, path::normalise,
    },
    config::model::Limits,
};

/// What a desktop browser sends for a page, cookies included.
const BROWSER: &[u8] = b"GET /patients/4711/appointments?from=2026-01-01&to=2026-01-31 HTTP/1.1\r\n\
Host: praxis.example.ch\r\n\
Connection: keep-alive\r\n\
sec-ch-ua: \"Chromium\";v=\"140\", \"Not=A?Brand\";v=\"24\"\r\n\
sec-ch-ua-mobile: ?0\r\n\
sec-ch-ua-platform: \"Linux\"\r\n\
Upgrade-Insecure-Requests: 1\r\n\
User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n\
Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n\
Sec-Fetch-Site: same-origin\r\n\
Sec-Fetch-Mode: navigate\r\n\
Sec-Fetch-User: ?1\r\n\
Sec-Fetch-Dest: document\r\n\
Referer: https://praxis.example.ch/patients/4711\r\n\
Accept-Encoding: gzip, deflate, br, zstd\r\n\
Accept-Language: de-CH,de;q=0.9,fr;q=0.8,en;q=0.7\r\n\
Cookie: session=0123456789abcdef0123456789abcdef; theme=dark; consent=necessary\r\n\
\r\n";

const LIMITS: HeadLimits = HeadLimits {
    uri_size: 16 << 10,
    header_count: 100,
};

fn head(criterion: &mut Criterion) {
    let browser = Bytes::from_static(BROWSER);
    assert!(Head::read(&browser, &LIMITS).is_ok());
    let mut group = criterion.benchmark_group("admit/head");
    group.throughput(Throughput::Bytes(BROWSER.len() as u64));
    group.bench_function("parse", |bencher| {
        bencher.iter(|| Head::read(black_box(&browser), &LIMITS));
    });
    group.bench_function("find end", |bencher| {
        bencher.iter(|| find_end(black_box(BROWSER), 0));
    });
    group.finish();
    criterion.bench_function("admit/host", |bencher| {
        bencher.iter(|| Host::parse(black_box(b"praxis.example.ch:8443")));
    });
}

fn path(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("admit/path");
    for (name, path) in [
        ("plain", "/patients/4711/appointments/2026/01"),
        ("escaped", "/dokumente/R%C3%B6ntgenbild%204711.pdf"),
        ("rewritten", "/patients//4711/./%61ppointments/../x%2dy"),
    ] {
        assert!(normalise(path).is_ok());
        group.bench_function(name, |bencher| bencher.iter(|| normalise(black_box(path))));
    }
    group.finish();
}

fn client(criterion: &mut Criterion) {
    let trusted: Networks = ["10.0.0.0/8", "127.0.0.0/8", "192.168.0.0/16"]
        .into_iter()
        .filter_map(|net| net.parse().ok())
        .collect();
    let peer = IpAddr::from([10, 0, 0, 1]);
    let stranger = IpAddr::from([203, 0, 113, 9]);
    let values: [&[u8]; 1] = [b"198.51.100.7, 10.0.0.2, 10.0.0.3"];
    let mut group = criterion.benchmark_group("admit/client");
    for (name, peer) in [("through two proxies", peer), ("direct", stranger)] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| client_of(black_box(peer), values.into_iter(), &trusted));
        });
    }
    group.finish();
}

fn chunks(criterion: &mut Criterion) {
    let chunk = format!("2000\r\n{}\r\n", "x".repeat(0x2000));
    let message = chunk.repeat(16) + "0\r\n\r\n";
    let mut group = criterion.benchmark_group("admit/chunks");
    group.throughput(Throughput::Bytes(message.len() as u64));
    group.bench_function("16 of 8 KiB", |bencher| {
        bencher.iter(|| ChunkMeter::default().accept(black_box(message.as_bytes())));
    });
    group.finish();
}

fn frames(criterion: &mut Criterion) {
    let frame = |kind: u8, length: u16| {
        let [high, low] = length.to_be_bytes();
        let head = [0, high, low, kind, 4, 0, 0, 0, 1];
        [&head[..], &vec![0; usize::from(length)]].concat()
    };
    let mut group = criterion.benchmark_group("admit/frames");
    let mut meter = FrameMeter::new(&Limits::default());
    let now = Instant::now();
    assert!(meter.accept(&[0; PREFACE], now).is_ok());
    for (name, bytes) in [
        ("64 of DATA, 16 KiB each", frame(0, 16_384).repeat(64)),
        ("64 of DATA, 20 bytes each", frame(0, 20).repeat(64)),
        ("64 of HEADERS, 40 bytes each", frame(1, 40).repeat(64)),
    ] {
        group.throughput(Throughput::Elements(64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| meter.accept(black_box(&bytes), now));
        });
        assert!(meter.accept(&bytes, now).is_ok());
    }
    group.finish();
}

criterion_group!(benches, head, path, client, chunks, frames);
criterion_main!(benches);
