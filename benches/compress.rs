//! What compression costs: a JSON of 8 KB and one of 64 KB, by each coding and level, in one go and piece by piece.
//!
//! What comes out, in bytes, is printed first. `compress-peers.sh` measures a whole proxy beside others.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement that cannot go on has failed, and has something to print"
)]

use std::{fmt::Write, hint::black_box, sync::Arc};

use bytes::BytesMut;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use http::{HeaderMap, Method, StatusCode, Version, header};
use simplon::{
    config::model,
    policy::{Coding, Compress, Engines, Load},
};

const SIZES: [usize; 2] = [8 << 10, 64 << 10];
/// What a server sends at a time.
const PIECE: usize = 8 << 10;

/// Those that are of use on the fly.
const LEVELS: [(Coding, &[u8]); 3] = [
    (Coding::Brotli, &[1, 2, 3, 4, 5, 6]),
    (Coding::Zstd, &[1, 2, 3, 4, 5, 6, 9]),
    (Coding::Gzip, &[1, 2, 3, 4, 5, 6, 7, 9]),
];

/// A practice's appointments, as an API would list them: the same names and words, and numbers that nobody can guess.
fn json(length: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(1);
    let mut of = |words: [&'static str; 4]| words[random.usize(..words.len())];
    let mut text = String::from("{\"appointments\":[");
    let mut number = fastrand::Rng::with_seed(2);
    while text.len() < length {
        write!(
            text,
            "{{\"id\":\"{:032x}\",\"patient\":{{\"firstName\":\"{}\",\"lastName\":\"{}\",\
             \"birthDate\":\"19{:02}-{:02}-{:02}\"}},\"start\":\"2026-{:02}-{:02}T{:02}:00:00Z\",\
             \"minutes\":{},\"room\":{},\"status\":\"{}\",\"note\":{}}},",
            number.u128(..),
            of(["Anna", "Luca", "Elena", "Matteo"]),
            of(["Favre", "Bernasconi", "Keller", "Schmid"]),
            number.u8(30..99),
            number.u8(1..13),
            number.u8(1..29),
            number.u8(1..13),
            number.u8(1..29),
            number.u8(7..19),
            number.u8(1..9) * 15,
            number.u16(100..420),
            of(["confirmed", "requested", "cancelled", "done"]),
            of([
                "null",
                "null",
                "\"Control after treatment\"",
                "\"First visit\""
            ]),
        )
        .unwrap();
    }
    text.truncate(length);
    text.into_bytes()
}

fn policy(level: u8) -> Compress {
    let spec = model::Compress {
        levels: model::Levels {
            br: level,
            zstd: level,
            gzip: level,
        },
        ..model::Compress::default()
    };
    Compress::new(&spec, "defaults", &Arc::new(Engines::default()))
}

fn stream(policy: &Compress, coding: Coding, body: &[u8]) -> usize {
    let mut out = BytesMut::new();
    let mut encoder = policy.stream(coding, None, Load::NONE).unwrap();
    for piece in body.chunks(PIECE) {
        encoder.push(piece, &mut out).unwrap();
    }
    encoder.finish(&mut out).unwrap();
    out.len()
}

fn bodies(criterion: &mut Criterion) {
    for size in SIZES {
        let body = json(size);
        let mut group = criterion.benchmark_group(format!("compress/{} KiB", size >> 10));
        group.throughput(Throughput::Bytes(body.len() as u64));
        for (coding, levels) in LEVELS {
            for level in levels {
                let policy = policy(*level);
                let name = format!("{} {level}", coding.as_str());
                let whole = policy.whole(coding, &body, Load::NONE).unwrap().len();
                let pieces = stream(&policy, coding, &body);
                println!("{name}: {size} bytes are {whole} whole, {pieces} by stream");
                group.bench_function(format!("{name} whole"), |bencher| {
                    bencher.iter(|| policy.whole(coding, black_box(&body), Load::NONE));
                });
                group.bench_function(format!("{name} stream"), |bencher| {
                    bencher.iter(|| stream(&policy, coding, black_box(&body)));
                });
            }
        }
        group.finish();
    }
}

/// What every request pays where the route compresses, whatever becomes of it.
fn decision(criterion: &mut Criterion) {
    let policy = policy(4);
    let mut request = HeaderMap::new();
    let accepted = "gzip, deflate, br, zstd".parse().unwrap();
    request.insert(header::ACCEPT_ENCODING, accepted);
    let mut response = HeaderMap::new();
    response.insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
    response.insert(header::ETAG, "\"4711\"".parse().unwrap());
    let offer = policy.accept(&Method::GET, Version::HTTP_11, (&request).into());
    let mut group = criterion.benchmark_group("compress/decide");
    group.bench_function("accept", |bencher| {
        bencher
            .iter(|| policy.accept(&Method::GET, Version::HTTP_11, black_box((&request).into())));
    });
    group.bench_function("decide", |bencher| {
        bencher.iter(|| {
            policy.decide(
                offer,
                StatusCode::OK,
                black_box((&response).into()),
                Some(5000),
            )
        });
    });
    group.bench_function("dress", |bencher| {
        let plan = policy.decide(offer, StatusCode::OK, (&response).into(), Some(5000));
        assert_eq!(plan.coding(), Some(Coding::Brotli));
        bencher.iter(|| {
            let mut fields = response.clone();
            plan.dress(&mut fields);
            fields
        });
    });
    group.finish();
}

criterion_group!(benches, decision, bodies);
criterion_main!(benches);
