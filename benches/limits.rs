//! What a limit costs: one check of a table with few keys and with many, and the whole policy with its fields.

use std::{
    hint::black_box,
    net::{IpAddr, Ipv4Addr},
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, Instant},
};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use http::{HeaderMap, Method};
use simplon::{
    config::model::{By, LimitList, MaxInFlight as InFlightSpec, Mode, RateLimit as RateSpec},
    limits::{Bucket, Identity, Limit, Live, Registry, Subject},
    policy::{Applied, MaxInFlight, RateLimit, Request},
};

/// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CAPACITY: usize = 1_000_000;

fn bucket(rate: u32, window: u64) -> Bucket {
    let rate = NonZeroU32::new(rate).unwrap_or(NonZeroU32::MIN);
    Bucket {
        rate,
        window: Duration::from_secs(window),
        burst: rate,
    }
}

fn identity() -> Identity {
    Identity {
        owner: "defaults".into(),
        name: "default".into(),
        by: By::Client,
    }
}

fn client(nth: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from(nth))
}

/// A limit that already knows so many keys, none of which is over soon.
fn filled(keys: u32) -> (Limit, Instant) {
    let now = Instant::now();
    let live = Arc::new(Live::new(CAPACITY, now));
    let limit = Limit::new(
        identity(),
        bucket(4_000_000_000, 86_400),
        Duration::ZERO,
        live,
    );
    for nth in 0..keys {
        let key = limit.table().key(Subject::Client(client(nth).into()));
        limit.check(key, now);
    }
    (limit, now)
}

fn checks(bench: &mut Criterion) {
    let mut group = bench.benchmark_group("one check, of a client that is known");
    for keys in [1, 10_000, 1_000_000] {
        let (limit, now) = filled(keys);
        let mut nth = 0_u32;
        group.bench_function(BenchmarkId::from_parameter(keys), |bencher| {
            bencher.iter(|| {
                // Another one each time, in no order that caches like.
                nth = nth.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let subject = Subject::Client(client(nth % keys).into());
                let key = limit.table().key(subject);
                black_box(limit.check(key, now))
            });
        });
    }
    group.finish();
    let (limit, now) = filled(u32::try_from(CAPACITY).unwrap_or(0));
    let mut nth = 1 << 30;
    bench.bench_function(
        "one check, of a new client, and the table is full",
        |bencher| {
            bencher.iter(|| {
                nth += 1;
                let key = limit.table().key(Subject::Client(client(nth).into()));
                black_box(limit.check(key, now))
            });
        },
    );
    let empty = HeaderMap::new();
    let request = request(&empty, 7);
    bench.bench_function("the key of a client", |bencher| {
        let subject = Subject::Client(request.client.into());
        bencher.iter(|| limit.table().key(black_box(subject)));
    });
}

/// Five million clients in eight minutes, each for the first time, and one who was refused before and asks every second: the
/// table stays within its end, and the one stays refused.
fn crowds(bench: &mut Criterion) {
    const CLIENTS: u32 = 5_000_000;
    const A_SECOND: u32 = 10_000;
    let offender = Subject::Route("offender");
    let mut group = bench.benchmark_group("five million clients, one after another");
    group.sample_size(10);
    group.bench_function(BenchmarkId::from_parameter(CAPACITY), |bencher| {
        bencher.iter(|| {
            let begun = Instant::now();
            let live = Arc::new(Live::new(CAPACITY, begun));
            let limit = Limit::new(identity(), bucket(5, 3600), Duration::ZERO, live);
            let offender = limit.table().key(offender);
            while limit.check(offender, begun).passes() {}
            for nth in 0..CLIENTS {
                let now = begun + Duration::from_secs(u64::from(nth / A_SECOND));
                let key = limit.table().key(Subject::Client(client(nth).into()));
                assert!(limit.check(key, now).passes());
                if nth % A_SECOND == 0 {
                    assert!(!limit.check(offender, now).passes());
                    limit.table().tick(now);
                }
            }
            assert_eq!(limit.table().keys(), CAPACITY);
        });
    });
    group.finish();
}

fn request(fields: &HeaderMap, nth: u32) -> Request<'_> {
    Request {
        client: client(nth),
        method: &Method::GET,
        announced: None,
        is_tls: true,
        host: "a.example",
        port: None,
        path: "/",
        query: "",
        fields: fields.into(),
    }
}

fn rate(name: &str, rate: u32, by: By) -> RateSpec {
    RateSpec {
        name: name.into(),
        bucket: bucket(rate, 1),
        by,
        mode: Mode::Enforce,
        delay: Duration::ZERO,
        max_keys: CAPACITY,
    }
}

fn policies(bench: &mut Criterion) {
    let registry = Registry::default();
    let empty = HeaderMap::new();
    let list = |limits| LimitList {
        of_defaults: true,
        limits,
    };
    for (name, limits, step) in [
        (
            "rate_limit with its fields, passed",
            vec![rate("default", 4_000_000_000, By::Client)],
            1,
        ),
        (
            "rate_limit with its fields, refused",
            vec![rate("slow", 1, By::Client)],
            0,
        ),
        (
            "two limits with their fields, passed",
            vec![
                rate("1", 4_000_000_000, By::Client),
                rate("2", 4_000_000_000, By::Route),
            ],
            1,
        ),
    ] {
        let policy = RateLimit::new(&list(limits), "a.example/", &registry);
        let now = Instant::now();
        let mut nth = 0;
        bench.bench_function(name, |bencher| {
            bencher.iter(|| {
                nth = (nth + step) % 10_000;
                let mut applied = Applied::default();
                let request = request(&empty, nth);
                let checked = policy.check(&request, "a.example/", now, &mut applied);
                black_box((checked, applied))
            });
        });
    }
    let spec = InFlightSpec {
        name: "default".into(),
        max: NonZeroU32::MAX,
        by: By::Client,
        mode: Mode::Enforce,
        max_keys: CAPACITY,
    };
    let policy = MaxInFlight::new(
        &LimitList {
            of_defaults: true,
            limits: vec![spec],
        },
        "a.example/",
        &registry,
    );
    let now = Instant::now();
    bench.bench_function("max_in_flight, begun and ended", |bencher| {
        bencher.iter(|| black_box(policy.begin(&request(&empty, 7), "a.example/", now)));
    });
}

criterion_group!(benches, checks, crowds, policies);
criterion_main!(benches);
